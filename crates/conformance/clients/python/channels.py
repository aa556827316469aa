"""pika behind calls for tests: refusals as values, and asking for messages instead of waiting for them."""

import contextlib
import socket

import pika
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

from suite import AMQP_PORT, DEADLINE, TLS_CA, eventually, same, tls_context, unique

PERSISTENT = pika.BasicProperties(delivery_mode=2)


def connect(user="guest", password="guest", vhost="/", **parameters):
    parameters = {"socket_timeout": DEADLINE, "blocked_connection_timeout": DEADLINE, "heartbeat": 0, **parameters}
    if TLS_CA:
        parameters["ssl_options"] = pika.SSLOptions(tls_context(), "127.0.0.1")
    login = pika.PlainCredentials(user, password)
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", AMQP_PORT, vhost, login, **parameters))


@contextlib.contextmanager
def channel(**parameters):
    """A channel of a connection of its own."""
    connection = connect(**parameters)
    try:
        yield connection.channel()
    finally:
        close(connection)


@contextlib.contextmanager
def confirming(**parameters):
    """As [`channel`]; a publish returns when the broker has confirmed it, so that counts are exact."""
    with channel(**parameters) as channel_:
        channel_.confirm_delivery()
        yield channel_


def close(connection):
    """Closes it unless the broker did."""
    if connection.is_open:
        connection.close()


def cut(connection):
    """Ends the socket without connection.close."""
    connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)


def refused(code, step, *words):
    """Does `step(channel)` on a connection of its own, and expects that the broker closes the channel with `code`."""
    with channel() as channel_:
        refused_on(channel_, code, lambda: step(channel_), *words)


def refused_on(channel_, code, step, *words):
    """Expects that `step()` makes the broker close the channel, and only that; the text must have `words`."""
    try:
        step()
    except ChannelClosedByBroker as closed:
        _judge(closed, code, words)
    else:
        raise AssertionError(f"accepted, wanted {code}")
    assert channel_.is_closed
    assert channel_.connection.is_open, "the connection goes on"
    other = channel_.connection.channel()
    other.queue_declare(unique("after-"), auto_delete=True, exclusive=True)
    other.close()


def connection_refused(code, step, *words):
    """As [`refused`], but the whole connection must be closed."""
    connection = connect()
    channel_ = connection.channel()
    try:
        step(channel_)
        # Methods without an answer are refused later.
        channel_.queue_declare(unique("never-"), exclusive=True)
    except ConnectionClosedByBroker as closed:
        _judge(closed, code, words)
    else:
        connection.close()
        raise AssertionError(f"accepted, wanted {code}")


def _judge(closed, code, words):
    same(closed.reply_code, code)
    for word in words:
        assert word in closed.reply_text, f"{word!r} is not in {closed.reply_text!r}"


def queue(channel_, prefix="queue-", **options):
    """A new queue's name; exclusive unless told otherwise."""
    options = {"exclusive": True, **options}
    return channel_.queue_declare(unique(prefix), **options).method.queue


def arguments(**given):
    """Queue arguments: `message_ttl=1` is `x-message-ttl`."""
    return {"x-" + name.replace("_", "-"): value for name, value in given.items()}


def put(channel_, queue_, body, properties=None):
    channel_.basic_publish("", queue_, body, properties)


def count(channel_, queue_):
    return channel_.queue_declare(queue_, passive=True).method.message_count


def consumers(channel_, queue_):
    return channel_.queue_declare(queue_, passive=True).method.consumer_count


def get(channel_, queue_, auto_ack=False):
    """The next message (method, properties, body), waiting until there is one."""

    def probe():
        method, properties, body = channel_.basic_get(queue_, auto_ack)
        if method is None:
            channel_.connection.process_data_events(0.01)
        return method and (method, properties, body)

    return eventually(f"a message in {queue_}", probe)


def empty(channel_, queue_):
    """Asserts that nothing is ready."""
    method, _, body = channel_.basic_get(queue_, True)
    assert method is None, f"unexpected {body[:80]!r}"


def bodies(channel_, queue_):
    """Takes everything that is ready."""
    taken = []
    while True:
        method, _, body = channel_.basic_get(queue_, True)
        if method is None:
            return taken
        taken.append(body)


class Inbox:
    """A consumer that keeps what it gets: `messages` of (method, properties, body)."""

    def __init__(self, channel_, queue_, **options):
        self.channel = channel_
        self.queue = queue_
        self.messages = []
        self.cancelled = []
        channel_.add_on_cancel_callback(self.cancelled.append)
        self.tag = channel_.basic_consume(queue_, lambda _c, *message: self.messages.append(message), **options)

    def take(self, number=1):
        """The next messages, waiting for them."""
        return [self.one() for _ in range(number)]

    def one(self):
        eventually("a delivery", lambda: self.messages or self.channel.connection.process_data_events(0.05))
        return self.messages.pop(0)

    def bodies(self, number):
        return [body for _, _, body in self.take(number)]

    def nothing(self):
        """Asserts that nothing has been pushed: what the queue sent before is here before its answer."""
        count(self.channel, self.queue)
        self.channel.connection.process_data_events(0)
        same([body for _, _, body in self.messages], [])

    def wait_cancelled(self):
        eventually("basic.cancel", lambda: self.cancelled or self.channel.connection.process_data_events(0.05))


def headers(channel_, body_headers):
    """What comes back of message headers."""
    name = queue(channel_)
    put(channel_, name, b"", pika.BasicProperties(headers=body_headers))
    return get(channel_, name, auto_ack=True)[1].headers
