"""stomp.py behind calls that wait: every step returns when the broker has answered, or fails after the deadline."""

import queue
import threading
import time

import stomp

from suite import DEADLINE, STOMP_PORT, TLS_CA, TLS_CERT, TLS_KEY, eventually, same, unique

VERSIONS = ("1.0", "1.1", "1.2")

_KINDS = {"1.0": stomp.Connection10, "1.1": stomp.Connection11, "1.2": stomp.Connection12}


class Refused(Exception):
    """An ERROR frame."""

    def __init__(self, headers, body):
        super().__init__(f"{headers} {body!r}")
        self.headers = headers
        self.body = body


class Client(stomp.ConnectionListener):
    """One connection. `connection` is stomp.py's own object, for what this wrapper leaves out."""

    def __init__(self, version="1.2", *, heartbeats=(0, 0), login=("guest", "guest"), host="/", **headers):
        options = {"auto_decode": False, "reconnect_attempts_max": 1, "try_loopback_connect": False}
        if version == "1.0":
            headers = {"host": host, **headers}
        else:
            options |= {"heartbeats": heartbeats, "vhost": host}
        self.version = version
        self.messages = queue.Queue()
        self.closed = threading.Event()
        self.receipts = set()
        self.connected = None
        self._answers = queue.Queue()
        self.connection = _KINDS[version]([("127.0.0.1", STOMP_PORT)], **options)
        if TLS_CA:
            certificate = {"cert_file": TLS_CERT, "key_file": TLS_KEY} if TLS_CERT else {}
            self.connection.set_ssl([("127.0.0.1", STOMP_PORT)], ca_certs=TLS_CA, **certificate)
            _see_the_end(self.connection.transport)
        self.connection.set_listener("", self)
        self.connection.connect(*login, wait=False, headers=headers)
        self.connected = self._answer("CONNECTED").headers

    def on_connected(self, frame):
        self._answers.put(frame)

    def on_message(self, frame):
        self.messages.put(frame)

    def on_receipt(self, frame):
        self.receipts.add(frame.headers["receipt-id"])
        self._answers.put(frame)

    def on_error(self, frame):
        self._answers.put(frame)

    def on_disconnected(self):
        self._answers.put(None)
        self.closed.set()

    def _answer(self, wanted):
        try:
            frame = self._answers.get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError(f"no {wanted} within {DEADLINE} s") from None
        assert frame is not None, f"closed instead of {wanted}"
        if frame.cmd == "ERROR":
            raise Refused(frame.headers, frame.body)
        same(frame.cmd, wanted)
        return frame

    def _receipt(self, step):
        """Does `step(receipt id)` and waits for its receipt."""
        receipt = unique("receipt-")
        try:
            step(receipt)
        except OSError:
            # It may have said why to what was sent before, and closed.
            pass
        same(self._answer("RECEIPT").headers["receipt-id"], receipt)

    def send(self, destination, body=b"", content_type=None, **headers):
        """SEND, and its receipt unless it is part of a transaction, whose commit has one. Bytes get a content-length,
        text does not."""
        headers = _headers(headers)
        if "transaction" in headers:
            return self._send(destination, body, content_type, headers)
        return self._receipt(
            lambda receipt: self._send(destination, body, content_type, {**headers, "receipt": receipt})
        )

    def _send(self, destination, body, content_type, headers):
        # stomp.py would give every body a length.
        self.connection.auto_content_length = isinstance(body, bytes)
        self.connection.send(destination, body, content_type=content_type, headers=headers)

    def subscribe(self, destination, ack="auto", **headers):
        """SUBSCRIBE, and its receipt; the subscription's id."""
        identity = headers.pop("id", None) or unique("sub-")
        self._receipt(
            lambda receipt: self.connection.subscribe(
                destination, identity, ack, headers={**_headers(headers), "receipt": receipt}
            )
        )
        return identity

    def unsubscribe(self, identity, **headers):
        self._receipt(
            lambda receipt: self.connection.unsubscribe(id=identity, headers={**_headers(headers), "receipt": receipt})
        )

    def ack(self, message, **headers):
        self._settle(self.connection.ack, message, headers)

    def nack(self, message, **headers):
        self._settle(self.connection.nack, message, headers)

    def _settle(self, how, message, headers):
        headers = _headers(headers)
        if self.version == "1.2":
            given = (message.headers["ack"],)
        elif self.version == "1.1":
            given = (message.headers["message-id"], message.headers["subscription"])
        else:
            given = (message.headers["message-id"],)
        self._receipt(lambda receipt: how(*given, receipt=receipt, **headers))

    def begin(self):
        name = unique("tx-")
        self._receipt(lambda receipt: self.connection.begin(name, headers={"receipt": receipt}))
        return name

    def commit(self, transaction):
        self._receipt(lambda receipt: self.connection.commit(transaction, headers={"receipt": receipt}))

    def abort(self, transaction):
        self._receipt(lambda receipt: self.connection.abort(transaction, headers={"receipt": receipt}))

    def take(self):
        """The next message: its `headers` and its `body` as bytes."""
        try:
            frame = self.messages.get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError(f"no message within {DEADLINE} s") from None
        if isinstance(frame.body, str):
            frame.body = frame.body.encode()
        return frame

    def bodies(self, count):
        return [self.take().body for _ in range(count)]

    def nothing(self):
        """Asserts that nothing is on the way: a message sent now is the next to arrive."""
        destination = unique("/queue/sentinel-")
        identity = self.subscribe(destination)
        self.send(destination, b"sentinel")
        message = self.take()
        assert message.headers["destination"] == destination, f"unexpected {message.headers}: {message.body[:80]!r}"
        self.unsubscribe(identity)

    def disconnect(self):
        """DISCONNECT, and the receipt that says that everything before it was done."""
        receipt = unique("bye-")
        self.connection.disconnect(receipt)
        assert self.closed.wait(DEADLINE), "not closed"
        # The library tells both, in either order.
        eventually("the receipt of DISCONNECT", lambda: receipt in self.receipts or time.sleep(0.005))

    def cut(self):
        """Ends the socket without DISCONNECT."""
        self.connection.transport.disconnect_socket()

    def wait_error(self):
        """The ERROR frame that must come, and the end of the connection behind it."""
        try:
            frame = self._answer("ERROR")
        except Refused as refused:
            assert self.closed.wait(DEADLINE), "not closed after ERROR"
            return refused
        raise AssertionError(f"{frame.cmd} instead of ERROR")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.closed.is_set():
            self.disconnect()


def _see_the_end(transport):
    """stomp.py takes the end of a TLS connection for a pause in it, because it reads without waiting there."""
    receive = transport.receive

    def receive_or_end():
        data = receive()
        if data == b"":
            transport.blocking = True
        return data

    transport.receive = receive_or_end


def _headers(given):
    """`correlation_id` is the header `correlation-id`; a name with another spelling goes into `extra`."""
    extra = given.pop("extra", {})
    return {**{name.replace("_", "-"): str(value) for name, value in given.items()}, **extra}


def refused(step, **client):
    """The ERROR frame that `step(client)` must cause."""
    with Client(**client) as one:
        try:
            step(one)
        except Refused as error:
            assert one.closed.wait(DEADLINE), "not closed after ERROR"
            return error
        raise AssertionError("accepted")
