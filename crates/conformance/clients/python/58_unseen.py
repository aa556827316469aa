"""A user learns nothing of what there is beyond his rights: not that it exists, not its messages."""

from botocore.exceptions import ClientError
from pika.exceptions import ChannelClosedByBroker
from proton.reactor import Copy, DurableSubscription
from proton.utils import LinkDetached

import channels
import cloud
import links
from device import Device, Refused as NotAccepted
from frames import Client, Refused
from logins import console
from people import PASSWORD, add, allow, causeway, grant, key, known, topics
from suite import DEADLINE, case, run, same

add("root", "--admin")
add("bob")
add("eve", "--monitor")
rights = grant("bob", configure="^mine", write="^mine", read="^mine") + topics("bob", "readwrite", "mine/#")
KEY = key("bob")
# Users and clients that are called like wildcards.
for name in ("+", "#", "any/+"):
    add(name)
rights += "[[topic]]\nfilter = 'home/%u/%c/#'\naccess = 'readwrite'\n"
allow(rights)
known()
connection = channels.connect("root", PASSWORD)
root = connection.channel()
for name in ("secret", "mine"):
    root.queue_declare(name, durable=True)
    root.basic_publish("", name, b"x" * 7)
root.exchange_declare("secret", "fanout")
# A queue that is not there has the same name but for these letters.
THERE, ABSENT = "secret", "absent"


def same_answer(step):
    """`step(name)` says the same of what is there and of what is not."""
    there, absent = (str(step(name)).replace(name, "NAME") for name in (THERE, ABSENT))
    same(there, absent)
    return there


def pika(act):
    def step(name):
        session = channels.connect("bob", PASSWORD)
        try:
            act(session.channel(), name)
        except ChannelClosedByBroker as closed:
            return closed.reply_code, closed.reply_text
        finally:
            channels.close(session)
        return None

    return step


@case
def amqp091_says_the_same_of_both():
    acts = (
        lambda channel, name: channel.queue_declare(name, passive=True),
        lambda channel, name: channel.queue_declare(name, durable=True),
        lambda channel, name: channel.queue_declare(name, exclusive=True),
        lambda channel, name: channel.basic_get(name),
        lambda channel, name: channel.basic_consume(name, print),
        lambda channel, name: channel.queue_purge(name),
        lambda channel, name: channel.queue_delete(name),
        lambda channel, name: channel.queue_delete(name, if_empty=True),
        lambda channel, name: channel.queue_bind(name, "amq.topic", "mine.x"),
        lambda channel, name: channel.queue_bind("mine", name, "x"),
        lambda channel, name: channel.queue_unbind(name, "amq.topic", "mine.x"),
        lambda channel, name: channel.exchange_declare(name, passive=True),
        lambda channel, name: channel.exchange_declare(name, "direct"),
        lambda channel, name: channel.exchange_delete(name),
        lambda channel, name: (channel.confirm_delivery(), channel.basic_publish("", name, b"", mandatory=True)),
        lambda channel, name: (channel.confirm_delivery(), channel.basic_publish(name, "", b"", mandatory=True)),
    )
    for number, act in enumerate(acts):
        answer = same_answer(pika(act))
        assert answer.startswith("(403"), f"{number}: {answer}"


@case
def amqp10_says_the_same_of_both():
    acts = (
        lambda session, name: session.create_sender(name, name="one"),
        lambda session, name: session.create_sender(f"queue://{name}", name="one"),
        lambda session, name: links.Inbox(session, name, name="one"),
        lambda session, name: links.Inbox(session, name, Copy(), name="one"),
        lambda session, name: links.Inbox(session, f"topic://{name}.x", name="one"),
    )

    def attach(act):
        def step(name):
            session = links.connect(user="bob", password=PASSWORD)
            try:
                act(session, name)
            except LinkDetached as detached:
                return detached.condition, detached.link.remote_condition.description
            finally:
                session.close()
            return None

        return step

    for number, act in enumerate(acts):
        answer = same_answer(attach(act))
        # The library sends nothing yet: the first transfer would be rejected.
        assert "unauthorized-access" in answer or number < 2, f"{number}: {answer}"


@case
def stomp_says_the_same_of_both():
    acts = (
        lambda client, name: client.send(f"/queue/{name}", b"x"),
        lambda client, name: client.subscribe(f"/queue/{name}", id="one"),
        lambda client, name: client.subscribe(f"/queue/{name}", id="one", browser="true"),
        lambda client, name: client.subscribe(f"/topic/{name}", id="one"),
    )

    def frame(act):
        def step(name):
            with Client(login=("bob", PASSWORD)) as client:
                try:
                    act(client, name)
                except Refused as refused:
                    assert client.closed.wait(DEADLINE)
                    return refused.headers["message"], refused.body
            return None

        return step

    for act in acts:
        assert "Access refused" in same_answer(frame(act))


@case
def mqtt_says_the_same_of_both():
    with Device(login=("bob", PASSWORD)) as device:
        for filters in ("$queue/{}", "{}", "{}/x"):
            same(same_answer(lambda name, filters=filters: device.subscribe(filters.format(name))), "[128]")


@case
def sqs_says_the_same_of_both():
    client = cloud.client(key=KEY[0], secret=KEY[1])
    url = "http://127.0.0.1/000000000000/{}"
    receipt = "x" * 40
    acts = (
        lambda name: client.get_queue_url(QueueName=name),
        lambda name: client.create_queue(QueueName=name),
        lambda name: client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1"}),
        lambda name: client.get_queue_attributes(QueueUrl=url.format(name), AttributeNames=["All"]),
        lambda name: client.set_queue_attributes(QueueUrl=url.format(name), Attributes={"DelaySeconds": "1"}),
        lambda name: client.list_queue_tags(QueueUrl=url.format(name)),
        lambda name: client.send_message(QueueUrl=url.format(name), MessageBody="x"),
        lambda name: client.receive_message(QueueUrl=url.format(name)),
        lambda name: client.delete_message(QueueUrl=url.format(name), ReceiptHandle=receipt),
        lambda name: client.purge_queue(QueueUrl=url.format(name)),
        lambda name: client.delete_queue(QueueUrl=url.format(name)),
    )

    def ask(act):
        def step(name):
            try:
                return act(name)
            except ClientError as error:
                return error.response["Error"]

        return step

    for number, act in enumerate(acts):
        answer = same_answer(ask(act))
        assert "AccessDenied" in answer, f"{number}: {answer}"


@case
def lists_leave_out_what_may_not_be_seen():
    client = cloud.client(key=KEY[0], secret=KEY[1])
    same([url.rsplit("/", 1)[1] for url in client.list_queues().get("QueueUrls", [])], ["mine"])
    page = console("bob", PASSWORD)
    same([row["name"] for row in page["queues"]], ["mine"])
    assert "secret" in str(console("eve", PASSWORD)), "a monitor sees all"
    with Device(login=("root", PASSWORD)) as device:
        device.publish("secret/x", b"x", qos=1, retain=True)
        device.publish("mine/x", b"x", qos=1, retain=True)
    text = str(console("bob", PASSWORD, path="/api/topics"))
    assert "mine" in text and "secret" not in text, text


def amqp10_body(inbox):
    message, _ = inbox.one()
    return bytes(message.body)


@case
def a_wildcard_brings_only_what_may_be_read():
    bob = Device(login=("bob", PASSWORD))
    same(bob.subscribe("#", "+/x", qos=1), [1, 1])
    stomp = Client(login=("bob", PASSWORD))
    stomp.subscribe("/topic/>")
    amqp10 = links.connect(user="bob", password=PASSWORD)
    inbox = links.Inbox(amqp10, "topic://>", credit=10)
    amqp091 = channels.connect("bob", PASSWORD)
    channel = amqp091.channel()
    own = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(own, "amq.topic", "#")
    pushed = channels.Inbox(channel, own)
    # What is retained comes first, and only what may be read of it; both subscriptions match.
    same({bob.take().topic for _ in range(2)}, {"mine/x"})
    with Device(login=("root", PASSWORD)) as device:
        for topic in ("secret/x", "secret/y", "mine/y"):
            device.publish(topic, topic.encode(), qos=1)
    same(bob.take().topic, "mine/y")
    same([stomp.take().headers["destination"] for _ in range(2)], ["/topic/mine.x", "/topic/mine.y"])
    same([amqp10_body(inbox) for _ in range(2)], [b"x", b"mine/y"])
    same(pushed.bodies(1), [b"mine/y"])
    # And nothing came behind it.
    with Device(login=("root", PASSWORD)) as device:
        device.publish("mine/end", b"end", qos=1)
    same((bob.take().topic, stomp.take().body, pushed.bodies(1)), ("mine/end", b"end", [b"end"]))
    for session in (bob, stomp):
        session.disconnect()
    amqp10.close()
    channels.close(amqp091)


@case
def names_like_wildcards_are_names():
    for user in ("+", "#", "any/+"):
        for client in ("+", "#", "a/#"):
            with Device(client, login=(user, PASSWORD)) as device:
                same(device.subscribe("home/bob/phone/x", "home/any/phone/x", "home/+/phone/x"), [128] * 3)
                device.publish("home/bob/phone/x", b"x", qos=1, retain=True)
    with Device("phone", login=("bob", PASSWORD)) as device:
        same(device.subscribe("home/bob/phone/#"), [0])
        device.publish("home/bob/phone/end", b"end")
        same(device.take().payload, b"end")


@case
def what_waits_for_somebody_is_not_for_who_takes_his_name():
    """Sessions and durable subscriptions have names that anybody may say; they belong to who made them."""
    device = Device("lasting", login=("root", PASSWORD), clean=False)
    same(device.subscribe("secret/#", "mine/#", "$queue/secret", qos=1), [1, 1, 1])
    device.disconnect()
    stomp = Client(login=("root", PASSWORD), **{"client-id": "lasting"})
    for topic in ("secret.>", "mine.>"):
        stomp.subscribe(f"/topic/{topic}", id=topic, extra={"activemq.subscriptionName": topic})
    stomp.disconnect()
    amqp10 = links.connect("lasting", user="root", password=PASSWORD)
    for topic in ("secret.>", "mine.>"):
        links.Inbox(amqp10, f"topic://{topic}", DurableSubscription(), name=topic).detach()
    amqp10.close()
    with Device(login=("root", PASSWORD)) as device:
        for topic in ("secret/x", "mine/x"):
            device.publish(topic, topic.encode(), qos=1)
    for clean in (False, True):
        try:
            Device("lasting", login=("bob", PASSWORD), clean=clean)
            raise AssertionError(f"clean = {clean}")
        except NotAccepted as refused:
            same(str(refused), "Not authorized")
    stomp = Client(login=("bob", PASSWORD), **{"client-id": "lasting"})
    try:
        stomp.subscribe("/topic/secret.>", extra={"activemq.subscriptionName": "secret.>"})
        raise AssertionError(stomp.take().body)
    except Refused as refused:
        same(refused.headers["message"], "Access refused")
    stomp = Client(login=("bob", PASSWORD), **{"client-id": "lasting"})
    # He has none to forget.
    stomp.unsubscribe("mine.>", **{"activemq.subscriptionName": "mine.>"})
    stomp.disconnect()
    stomp = Client(login=("root", PASSWORD), **{"client-id": "lasting"})
    stomp.subscribe("/topic/mine.>", id="mine.>", extra={"activemq.subscriptionName": "mine.>"})
    same(stomp.take().body, b"mine/x")
    stomp.disconnect()
    amqp10 = links.connect("lasting", user="bob", password=PASSWORD)
    try:
        inbox = links.Inbox(amqp10, "topic://secret.>", DurableSubscription(), name="secret.>")
        raise AssertionError(inbox.one())
    except LinkDetached as detached:
        same(detached.condition, "amqp:unauthorized-access")
    amqp10.close()
    with Device("lasting", login=("root", PASSWORD), clean=False) as device:
        same([device.take().topic for _ in range(2)], ["secret/x", "mine/x"])
        # While it is there, nobody sends it away.
        try:
            Device("lasting", login=("bob", PASSWORD))
            raise AssertionError("bob took its place")
        except NotAccepted as refused:
            same(str(refused), "Not authorized")
        device.publish("mine/y", b"y", qos=1)
        same(device.take().payload, b"y")


@case
def secrets_are_as_they_were():
    rows = {line.split()[0] for line in causeway("queues").splitlines()}
    assert THERE in rows and ABSENT not in rows, rows


run()
