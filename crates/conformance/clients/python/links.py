"""proton behind calls for tests: receivers whose credit and settlement are the test's own business."""

import contextlib
import os
import socket

from proton import Delivery, Message, SSLDomain, Timeout
from proton.handlers import MessagingHandler
from proton.reactor import AtLeastOnce, AtMostOnce, Container
from proton.utils import BlockingConnection

from suite import AMQP_PORT, DEADLINE, PEER, TLS_CA, TLS_CERT, TLS_KEY, same, unique

ACCEPTED, REJECTED, RELEASED, MODIFIED = Delivery.ACCEPTED, Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED

# The library compares only names, not addresses, with those of a certificate.
URL = f"amqps://localhost:{AMQP_PORT}" if TLS_CA else f"amqp://127.0.0.1:{AMQP_PORT}"


def node(prefix="node-"):
    """The address of a new queue."""
    return queue(unique(prefix))


def queue(name):
    return f"/queue/{name}" if PEER == "rabbitmq" else name


def topic(name):
    return f"/topic/{name}" if PEER == "rabbitmq" else f"topic://{name}"


def connect(container_id=None, **options):
    container = Container()
    if container_id:
        container.container_id = container_id
    options = {"user": "guest", "password": "guest", "allowed_mechs": "PLAIN", **options}
    if TLS_CA:
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        domain.set_trusted_ca_db(TLS_CA)
        # A virtual host is also the name that the library looks for in the certificate.
        named = "virtual_host" not in options
        domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME if named else SSLDomain.VERIFY_PEER)
        if TLS_CERT:
            domain.set_credentials(TLS_CERT, TLS_KEY, None)
        options["ssl_domain"] = domain
    return BlockingConnection(URL, timeout=DEADLINE, container=container, **options)


@contextlib.contextmanager
def connected(**options):
    connection = connect(**options)
    try:
        yield connection
    finally:
        connection.close()


class Inbox(MessagingHandler):
    """A receiver without credit of its own; `messages` of (message, delivery)."""

    def __init__(self, connection, address, *options, credit=0, name=None, dynamic=False, settled=False):
        super().__init__(prefetch=0, auto_accept=False, auto_settle=False)
        self.connection = connection
        self.messages = []
        options = [AtMostOnce() if settled else AtLeastOnce(), *options]
        name = name or unique("receiver-")
        # Must be kept: it silences its link when it is collected.
        self._receiver = connection.create_receiver(address, 0, dynamic, self, name, options)
        self.link = self._receiver.link
        if credit:
            self.credit(credit)

    def on_message(self, event):
        self.messages.append((event.message, event.delivery))
        self.connection.container.yield_()

    def on_link_error(self, _event):
        """The library would close the connection."""

    @property
    def address(self):
        return self.link.remote_source.address

    def credit(self, more):
        self.link.flow(more)

    def one(self):
        """The next message and its delivery, waiting for it; gives a credit if there is none."""
        if not self.messages and not self.link.credit:
            self.credit(1)
        self.connection.wait(lambda: self.messages, msg="a message")
        return self.messages.pop(0)

    def take(self, state=ACCEPTED):
        """The next message, settled with `state`."""
        message, delivery = self.one()
        settle(delivery, state)
        return message

    def bodies(self, count, state=ACCEPTED):
        return [self.take(state).body for _ in range(count)]

    def empty(self):
        """Asserts that nothing is there to be had."""
        if PEER == "rabbitmq":
            # Its drain never ends before 4.0.
            self.credit(1)
            turn(self.connection, 0.3)
        else:
            self.link.drain(1)
            self.connection.wait(lambda: self.link.credit == 0, msg="the end of drain")
            self.link.drain_mode = False
        same([message.body for message, _ in self.messages], [])

    def close(self):
        self.link.close()
        self.connection.wait(lambda: not self.link.state & self.link.REMOTE_ACTIVE, msg="detach")

    def detach(self):
        """Lets go of the link, but not of what it is attached to."""
        self.link.detach()
        sync(self.connection)

    def filters(self):
        """The filters that the broker minds."""
        data = self.link.remote_source.filter
        data.rewind()
        return data.get_object() if data.next() else {}


def settle(delivery, state):
    if not delivery.settled:
        delivery.update(state)
    delivery.settle()


def sync(connection):
    """Returns when the broker has handled everything before: a link is attached and detached."""
    connection.create_sender(queue("sync"), name=unique("sync-")).link.close()


def send(connection, address, *bodies, **fields):
    """Sends messages and waits for their outcome."""
    sender = connection.create_sender(address, name=unique("sender-"))
    for body in bodies:
        sender.send(body if isinstance(body, Message) else Message(body=body, **fields))
    # The answer to the detach is nobody's business here.
    sender.link.close()


def turn(connection, seconds=0.05):
    """Handles what comes in so long."""
    try:
        connection.wait(lambda: False, timeout=seconds)
    except Timeout:
        pass


def cut(connection):
    """Ends the socket without a close."""
    with socket.socket(fileno=os.dup(connection.conn.transport._selectable.fileno())) as twin:
        twin.shutdown(socket.SHUT_RDWR)
