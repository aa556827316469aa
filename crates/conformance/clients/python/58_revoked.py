"""Rights that are taken away end what is going on: the permissions file is written anew, nobody connects again."""

import threading

from botocore.exceptions import ClientError

import channels
import cloud
import links
from device import Device
from frames import Client
from logins import _code, leave
from people import DATA, PASSWORD, Audit, add, allow, grant, key, known, pause, queues, topics
from suite import DEADLINE, case, eventually, run, same, unique

add("root", "--admin")
add("bob")
KEY = key("bob")
QUEUES = ("mqtt", "stomp", "amqp091", "amqp10", "sqs", "stays")


def give(read, filters=("gone/#", "stays/#")):
    allow(grant("bob", configure=".", write=".", read=read) + "".join(topics("bob", "readwrite", one) for one in filters))


def take_away():
    """Nothing but what begins with `stays` may be read any more, and the topic only written to."""
    give("^stays", ["stays/#"])


give(".")
known()
connection = channels.connect("root", PASSWORD)
root = connection.channel()
root.confirm_delivery()
for name in QUEUES:
    root.queue_declare(name, durable=True)


def put(name, body=b"x"):
    root.basic_publish("", name, body, channels.PERSISTENT)


def body(inbox):
    message = inbox.take()
    return bytes(message.body)


def ready(name):
    return queues()[name]["ready"]


@case
def a_consumer_of_a_queue_ends():
    give(".")
    mqtt = Device(login=("bob", PASSWORD))
    same(mqtt.subscribe("$queue/mqtt", "$queue/stays", qos=1), [1, 1])
    stomp = Client(login=("bob", PASSWORD))
    stomp.subscribe("/queue/stomp")
    amqp091 = channels.connect("bob", PASSWORD)
    pushed = channels.Inbox(amqp091.channel(), "amqp091", auto_ack=True)
    amqp10 = links.connect(user="bob", password=PASSWORD)
    inbox = links.Inbox(amqp10, "amqp10", credit=10)
    sqs = cloud.client(key=KEY[0], secret=KEY[1])
    url = sqs.get_queue_url(QueueName="sqs")["QueueUrl"]
    for name in QUEUES:
        put(name)
    same({mqtt.take().topic for _ in range(2)}, {"$queue/mqtt", "$queue/stays"})
    stomp.take()
    pushed.bodies(1)
    inbox.take()
    same(len(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]), 1)

    take_away()
    same(stomp.wait_error().headers["message"], "Subscription ended")
    pushed.wait_cancelled()
    assert amqp091.is_open, "only the consumer ends"
    amqp10.wait(lambda: inbox.link.state & inbox.link.REMOTE_CLOSED, msg="the detach")
    same(inbox.link.remote_condition.name, "amqp:unauthorized-access")
    try:
        sqs.receive_message(QueueUrl=url)
        raise AssertionError("received")
    except ClientError as error:
        same(error.response["Error"]["Code"], "AccessDenied")
    # MQTT has no word for it.
    eventually("the end of MQTT's consumer", lambda: queues()["mqtt"]["consumers"] == 0 or pause())
    for name in QUEUES:
        before = ready(name)
        put(name)
        if name != "stays":
            same((name, ready(name), queues()[name]["consumers"]), (name, before + 1, 0))
    same(mqtt.take().topic, "$queue/stays")
    for session in (mqtt, amqp091, amqp10):
        leave(session)


@case
def a_long_poll_of_sqs_ends_empty():
    give(".")
    sqs = cloud.client(key=KEY[0], secret=KEY[1])
    url = sqs.get_queue_url(QueueName="sqs")["QueueUrl"]
    sqs.purge_queue(QueueUrl=url)
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []))
    )
    waiting.start()
    eventually("the long poll", lambda: queues()["sqs"]["consumers"] or pause())
    take_away()
    eventually("its end", lambda: queues()["sqs"]["consumers"] == 0 or pause())
    put("sqs")
    waiting.join(DEADLINE)
    same((answers, ready("sqs")), ([[]], 1))


@case
def a_subscription_to_topics_brings_nothing_more():
    give(".")
    one = Device(login=("bob", PASSWORD))
    lasting = Device("lasting", login=("bob", PASSWORD), clean=False)
    stomp = Client(login=("bob", PASSWORD))
    stomp.subscribe("/topic/gone.x")
    stomp_all = Client(login=("bob", PASSWORD))
    stomp_all.subscribe("/topic/>")
    amqp091 = channels.connect("bob", PASSWORD)
    channel = amqp091.channel()
    own = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(own, "amq.topic", "gone.#")
    channel.queue_bind(own, "amq.topic", "stays.#")
    pushed = channels.Inbox(channel, own, auto_ack=True)
    amqp10 = links.connect(user="bob", password=PASSWORD)
    inbox = links.Inbox(amqp10, "topic://>", credit=10)
    for device in (one, lasting):
        same(device.subscribe("gone/x", "#", qos=1), [1, 1])

    def publish(topic):
        with Device(login=("root", PASSWORD)) as device:
            device.publish(topic, topic.encode(), qos=1)

    publish("gone/x")
    same([device.take().topic for device in (one, lasting)], ["gone/x"] * 2)
    same([stomp.take().body, stomp_all.take().body, *pushed.bodies(1)], [b"gone/x"] * 3)
    same(body(inbox), b"gone/x")
    # The session comes back later, and has only what it may have then.
    lasting.disconnect()

    take_away()
    publish("gone/x")
    publish("stays/x")
    same(one.take().topic, "stays/x")
    same([stomp_all.take().body, *pushed.bodies(1)], [b"stays/x"] * 2)
    same(body(inbox), b"stays/x")
    lasting = Device("lasting", login=("bob", PASSWORD), clean=False)
    assert lasting.session_present
    same(lasting.take().topic, "stays/x")
    assert stomp.messages.empty(), "a message of a topic that may not be read"
    same(one.subscribe("gone/x", "gone/+", "stays/+"), [128, 128, 0])
    for session in (one, lasting, stomp, stomp_all, amqp091, amqp10):
        leave(session)


@case
def what_is_retained_is_not_shown_any_more():
    give(".")
    with Device(login=("root", PASSWORD)) as device:
        for topic in ("gone/kept", "stays/kept"):
            device.publish(topic, topic.encode(), qos=1, retain=True)
    with Device(login=("bob", PASSWORD)) as device:
        same(device.subscribe("+/kept"), [0])
        same({device.take().topic for _ in range(2)}, {"gone/kept", "stays/kept"})
        take_away()
        same(device.subscribe("+/kept", "gone/kept"), [0, 128])
        same(device.take().topic, "stays/kept")
        device.subscribe("stays/end")
        device.publish("stays/end", b"end")
        same(device.take().topic, "stays/end")


@case
def a_publisher_is_stopped_too():
    give(".")
    audit = Audit()
    with Device(login=("bob", PASSWORD)) as device:
        device.publish("$queue/stays", b"1", qos=1)
        amqp091 = channels.connect("bob", PASSWORD)
        channel = amqp091.channel()
        channel.confirm_delivery()
        channel.basic_publish("", "stays", b"2")
        allow(grant("bob", read="^stays"))
        before = ready("stays")
        device.publish("$queue/stays", b"3", qos=1)
        try:
            channel.basic_publish("", "stays", b"4")
            raise AssertionError("published")
        except channels.ChannelClosedByBroker as closed:
            same(closed.reply_code, 403)
        same(ready("stays"), before)
        audit.wait(event="refused", user="bob", operation="publish", name="stays")
        leave(amqp091)


@case
def a_file_that_is_wrong_or_lost_changes_nothing():
    allow(grant("bob", read="^stays"))
    for wrong in ("[[permission]]\nuser = 'bob'\nread = '('\n", "[[nonsense]]\n", "read = "):
        (DATA / "permissions.toml").write_text(wrong)
        add(unique("anybody-"))
        # By then both files were looked at.
        known()
        with Device(login=("bob", PASSWORD)) as device:
            same(device.subscribe("$queue/mqtt", "$queue/stays", qos=1), [128, 1])
    (DATA / "permissions.toml").unlink()
    known()
    with Device(login=("bob", PASSWORD)) as device:
        same(device.subscribe("$queue/mqtt", "$queue/stays", qos=1), [128, 1])


@case
def an_empty_file_gives_nothing():
    (DATA / "permissions.toml").write_text("")
    eventually("nobody may enter", lambda: _denied() or pause())


def _denied():
    try:
        leave(channels.connect("bob", PASSWORD))
    except Exception as error:
        return _code(error) == "530"
    return False


run()
