"""Every operation of every protocol, by a user who has exactly the rights that it needs, and by users who have all rights
but one of these. What is denied is said in the protocol's own words, is in the audit log, and has changed nothing."""

import pika
from botocore.exceptions import ClientError
from pika.exceptions import ChannelClosedByBroker
from proton import Message
from proton.reactor import Copy
from proton.utils import LinkDetached

import channels
import cloud
import links
from device import Device
from frames import Client, Refused
from logins import leave
from people import PASSWORD, Audit, add, allow, grant, key, known, queues, rows, topics
from suite import DEADLINE, case, run, same, unique

# Rights: to configure, write or read the queue, the topic, the exchange.
RIGHTS = {right + of: (word, of) for right, word in (("c", "configure"), ("w", "write"), ("r", "read")) for of in "qtx"}
del RIGHTS["ct"]


class Denied(Exception):
    """The protocol's word for it."""


ROWS = []


def row(face, needs, denied, *, absent=False, full=False, gone=False, sent=None):
    """A row of the table: what the function does on a session of `face` needs these rights and is denied with this word.
    Its queue is `absent`, or has a message in it (`full`); afterwards it is `gone`, or it or the topic has one more
    (`sent`)."""

    def register(step):
        name = f"{face.__name__}_{step.__name__}"
        ROWS.append((name, face, needs.split(), denied, step, {"absent": absent, "full": full, "gone": gone, "sent": sent}))
        return step

    return register


class Place:
    """Where a row works: a queue, a topic and an exchange of its own."""

    def __init__(self, absent, full):
        self.queue = unique("q-")
        self.exchange = unique("x-")
        level = unique("")
        self.mqtt, self.topic = f"t/{level}", f"t.{level}"
        root.exchange_declare(self.exchange, "fanout")
        if not absent:
            root.queue_declare(self.queue, durable=True)
        if full:
            root.basic_publish("", self.queue, b"there", channels.PERSISTENT)

    def state(self):
        """All that could change: queues with what is in them and how they are bound, exchanges."""
        counts = {name: (one["ready"] + one["leased"], one["consumers"]) for name, one in queues().items()}
        bindings = rows("queue", self.queue)[0]["bindings"] if self.queue in counts else None
        try:
            connection.channel().exchange_declare(self.exchange, passive=True)
            exchange = True
        except ChannelClosedByBroker:
            exchange = False
        return counts, bindings, exchange


# --- MQTT: what is published and denied is acknowledged, as in mosquitto.


def mqtt(user):
    return Device(login=(user, PASSWORD))


def granted(codes):
    for code in codes:
        if code >= 0x80:
            raise Denied(code)


@row(mqtt, "wq", None, sent="queue")
def send(device, place):
    device.publish(f"$queue/{place.queue}", b"x", qos=1)


@row(mqtt, "wq", None, sent="queue")
def send_exactly_once(device, place):
    device.publish(f"$queue/{place.queue}", b"x", qos=2)


@row(mqtt, "cq wq", None, absent=True, sent="queue")
def send_to_a_new_queue(device, place):
    device.publish(f"$queue/{place.queue}", b"x", qos=1)


@row(mqtt, "wt", None, sent="topic")
def publish(device, place):
    device.publish(place.mqtt, b"x", qos=1)


@row(mqtt, "wt", None, sent="topic")
def publish_retained(device, place):
    device.publish(place.mqtt, b"x", qos=1, retain=True)


@row(mqtt, "rq", 0x80, full=True, gone=None)
def consume(device, place):
    granted(device.subscribe(f"$queue/{place.queue}", qos=1))
    same(device.take().payload, b"there")


@row(mqtt, "cq rq", 0x80, absent=True)
def consume_a_new_queue(device, place):
    granted(device.subscribe(f"$queue/{place.queue}", qos=1))


@row(mqtt, "rt", 0x80)
def subscribe(device, place):
    granted(device.subscribe(place.mqtt, qos=1))
    root.basic_publish("amq.topic", place.topic, b"news")
    same(device.take().payload, b"news")


# --- STOMP


def stomp(user):
    return Client(login=(user, PASSWORD))


ERROR = "Access refused"


@row(stomp, "wq", ERROR, sent="queue")
def send(client, place):
    client.send(f"/queue/{place.queue}", b"x", persistent=True)


@row(stomp, "cq wq", ERROR, absent=True, sent="queue")
def send_to_a_new_queue(client, place):
    client.send(f"/queue/{place.queue}", b"x", persistent=True)


@row(stomp, "wq", ERROR, sent="queue")
def send_in_a_transaction(client, place):
    transaction = client.begin()
    client.send(f"/queue/{place.queue}", b"x", transaction=transaction)
    client.commit(transaction)


@row(stomp, "wt", ERROR, sent="topic")
def publish(client, place):
    client.send(f"/topic/{place.topic}", b"x")


@row(stomp, "rq", ERROR, full=True)
def consume(client, place):
    client.subscribe(f"/queue/{place.queue}", "client")
    same(client.take().body, b"there")


@row(stomp, "rq", ERROR, full=True)
def browse(client, place):
    client.subscribe(f"/queue/{place.queue}", browser="true")
    same(client.take().body, b"there")


@row(stomp, "cq rq", ERROR, absent=True)
def consume_a_new_queue(client, place):
    client.subscribe(f"/queue/{place.queue}")


@row(stomp, "rt", ERROR)
def subscribe(client, place):
    client.subscribe(f"/topic/{place.topic}")
    root.basic_publish("amq.topic", place.topic, b"news")
    same(client.take().body, b"news")


@row(stomp, "rt", ERROR)
def subscribe_durably(client, place):
    client.subscribe(f"/topic/{place.topic}", id="durable", durable="true", auto_delete="false")
    client.unsubscribe("durable", durable="true")


# --- AMQP 0-9-1


def amqp091(user):
    return channels.connect(user, PASSWORD)


def confirmed(session, *publish):
    channel = session.channel()
    channel.confirm_delivery()
    channel.basic_publish(*publish)


@row(amqp091, "wq", 403, sent="queue")
def send(session, place):
    confirmed(session, "", place.queue, b"x")


@row(amqp091, "wq", 403, sent="queue")
def send_in_a_transaction(session, place):
    channel = session.channel()
    channel.tx_select()
    channel.basic_publish("", place.queue, b"x")
    channel.tx_commit()


@row(amqp091, "wt", 403, sent="topic")
def publish(session, place):
    confirmed(session, "amq.topic", place.topic, b"x")


@row(amqp091, "wt", 403, sent="topic")
def publish_to_a_second_key(session, place):
    properties = pika.BasicProperties(headers={"CC": [place.topic]})
    confirmed(session, "amq.topic", "common.key", b"x", properties)


@row(amqp091, "wx", 403)
def publish_to_an_exchange(session, place):
    confirmed(session, place.exchange, "", b"x")


@row(amqp091, "rq", 403, full=True)
def consume(session, place):
    same(channels.Inbox(session.channel(), place.queue).bodies(1), [b"there"])


@row(amqp091, "rq", 403, full=True)
def get(session, place):
    same(session.channel().basic_get(place.queue)[2], b"there")


@row(amqp091, "rq", 403, full=True, gone="messages")
def purge(session, place):
    session.channel().queue_purge(place.queue)


@row(amqp091, "cq", 403, absent=True)
def declare(session, place):
    session.channel().queue_declare(place.queue, durable=True)


@row(amqp091, "cq", 403, full=True, gone="queue")
def delete(session, place):
    session.channel().queue_delete(place.queue)


@row(amqp091, "wq rt", 403)
def bind(session, place):
    session.channel().queue_bind(place.queue, "amq.topic", place.topic)


@row(amqp091, "wq rx", 403)
def bind_to_an_exchange(session, place):
    session.channel().queue_bind(place.queue, place.exchange)


@row(amqp091, "wq", 403)
def unbind(session, place):
    session.channel().queue_unbind(place.queue, "amq.topic", place.topic)


@row(amqp091, "cx", 403)
def declare_an_exchange(session, place):
    session.channel().exchange_declare(place.exchange, "fanout")


@row(amqp091, "cx", 403, gone="exchange")
def delete_an_exchange(session, place):
    session.channel().exchange_delete(place.exchange)


@row(amqp091, "wx rt", 403)
def bind_an_exchange(session, place):
    session.channel().exchange_bind(place.exchange, "amq.topic", place.topic)


@row(amqp091, "rt", 403)
def subscribe(session, place):
    channel = session.channel()
    own = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(own, "amq.topic", place.topic)
    inbox = channels.Inbox(channel, own)
    root.basic_publish("amq.topic", place.topic, b"news")
    same(inbox.bodies(1), [b"news"])


@row(amqp091, "cq wq", 403, absent=True)
def let_dead_letters_go_to(session, place):
    dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": place.queue}
    session.channel().queue_declare(place.queue, arguments=dead)


# --- AMQP 1.0


def amqp10(user):
    return links.connect(user=user, password=PASSWORD)


CONDITION = "amqp:unauthorized-access"


def sent(connection, address, message):
    sender = connection.create_sender(address, name=unique("sender-"))
    delivery = sender.link.send(message)
    connection.wait(lambda: delivery.settled, msg="an outcome")
    if delivery.remote_state != links.ACCEPTED:
        raise Denied(delivery.remote.condition.name)


def body(inbox):
    message, _ = inbox.one()
    return bytes(message.body)


@row(amqp10, "wq", CONDITION, sent="queue")
def send(connection, place):
    sent(connection, links.queue(place.queue), Message(body=b"x", durable=True))


@row(amqp10, "wq", CONDITION, sent="queue")
def send_by_the_relay(connection, place):
    sent(connection, None, Message(body=b"x", address=links.queue(place.queue)))


@row(amqp10, "cq wq", CONDITION, absent=True, sent="queue")
def send_to_a_new_queue(connection, place):
    sent(connection, links.queue(place.queue), Message(body=b"x", durable=True))


@row(amqp10, "wt", CONDITION, sent="topic")
def publish(connection, place):
    sent(connection, links.topic(place.topic), Message(body=b"x"))


@row(amqp10, "rq", CONDITION, full=True)
def consume(connection, place):
    same(body(links.Inbox(connection, links.queue(place.queue))), b"there")


@row(amqp10, "rq", CONDITION, full=True)
def browse(connection, place):
    same(body(links.Inbox(connection, links.queue(place.queue), Copy())), b"there")


@row(amqp10, "cq rq", CONDITION, absent=True)
def consume_a_new_queue(connection, place):
    links.Inbox(connection, links.queue(place.queue))


@row(amqp10, "rt", CONDITION)
def subscribe(connection, place):
    inbox = links.Inbox(connection, links.topic(place.topic), credit=1)
    root.basic_publish("amq.topic", place.topic, b"news")
    same(body(inbox), b"news")


# --- SQS


def sqs(user):
    identity, secret = KEYS[user]
    return cloud.client(key=identity, secret=secret)


FAULT = "AccessDenied"


def url(place):
    return f"http://127.0.0.1/000000000000/{place.queue}"


@row(sqs, "wq", FAULT, sent="queue")
def send(client, place):
    client.send_message(QueueUrl=url(place), MessageBody="x")


@row(sqs, "wq", FAULT, sent="queue")
def send_a_batch(client, place):
    failed = client.send_message_batch(QueueUrl=url(place), Entries=[{"Id": "1", "MessageBody": "x"}]).get("Failed")
    if failed:
        raise Denied(failed[0]["Code"])


@row(sqs, "rq", FAULT, full=True)
def receive(client, place):
    answer = client.receive_message(QueueUrl=url(place), WaitTimeSeconds=20)
    same([message["Body"] for message in answer["Messages"]], ["there"])


@row(sqs, "rq", FAULT, full=True, gone="messages")
def purge(client, place):
    client.purge_queue(QueueUrl=url(place))


@row(sqs, "cq", FAULT, absent=True)
def create(client, place):
    client.create_queue(QueueName=place.queue)


@row(sqs, "cq", FAULT, full=True, gone="queue")
def delete(client, place):
    client.delete_queue(QueueUrl=url(place))


@row(sqs, "cq", FAULT)
def set_attributes(client, place):
    client.set_queue_attributes(QueueUrl=url(place), Attributes={"VisibilityTimeout": "77"})


@row(sqs, "cq", FAULT)
def tag(client, place):
    client.tag_queue(QueueUrl=url(place), Tags={"a": "b"})


# --- The table


def only(needs):
    return "only-" + "-".join(needs)


def entries(user, rights):
    """What gives a user these rights on what a place has, and all rights elsewhere if it is one who lacks something."""
    everything = user.startswith("but")
    text = ""
    names = {}
    for word, of in (RIGHTS[right] for right in rights):
        if of == "t":
            text += topics(user, word, "t/#")
        else:
            names.setdefault(word, []).append(of)
    # For what is published under two keys.
    text += topics(user, "write", "common/key")
    if everything:
        text += topics(user, "readwrite", "other/#")
        for word in ("configure", "write", "read"):
            names.setdefault(word, []).append("other")
    return text + grant(user, **{word: f"^({'|'.join(those)})-" for word, those in names.items()})


USERS = {only(needs): needs for _, _, needs, *_ in ROWS}
USERS |= {f"but-{right}": [other for other in RIGHTS if other != right] for right in RIGHTS}
add("root", "--admin")
for user in USERS:
    add(user)
KEYS = {user: key(user) for user in [*USERS, "root"]}
allow("".join(entries(user, rights) for user, rights in USERS.items()))
known()
connection = channels.connect("root", PASSWORD)
root = connection.channel()
root.confirm_delivery()


def attempt(face, user, step, place):
    """Does it; the word with which it was denied."""
    session = face(user)
    try:
        step(session, place)
    except (Denied, LinkDetached) as denied:
        return getattr(denied, "condition", None) or denied.args[0]
    except Refused as error:
        assert session.closed.wait(DEADLINE), "not closed after ERROR"
        return error.headers["message"]
    except ChannelClosedByBroker as closed:
        return closed.reply_code
    except ClientError as error:
        return error.response["Error"]["Code"]
    finally:
        leave(session)
    return None


def register(name, face, needs, word, step, what):
    def allowed():
        place = Place(what["absent"], what["full"])
        counts, *_ = place.state()
        same(attempt(face, only(needs), step, place), None)
        after, _, exchange = place.state()
        where = place.queue if what["sent"] == "queue" else "sink"
        if what["sent"]:
            same(after[where][0], counts.get(where, (0,))[0] + 1)
        if what["gone"]:
            same((place.queue in after, exchange), (what["gone"] != "queue", what["gone"] != "exchange"))
        if what["absent"]:
            assert place.queue in after, "there is none"

    def denied():
        for right in needs:
            place, audit = Place(what["absent"], what["full"]), Audit()
            before = place.state()
            same(attempt(face, f"but-{right}", step, place), word)
            subject = {"q": place.queue, "t": place.topic, "x": place.exchange}[right[1]]
            audit.wait(event="refused", user=f"but-{right}", name=subject)
            counts, *rest = place.state()
            # Who may make the queue, but not use it, has made it.
            if what["absent"] and right != "cq" and counts.get(place.queue) == (0, 0):
                del counts[place.queue]
                rest[0] = None
            same((counts, *rest), before)

    for function in (allowed, denied):
        function.__name__ = f"{name}_{function.__name__}"
        case(function)


for one in ROWS:
    register(*one)

run()
