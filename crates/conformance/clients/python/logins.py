"""One way to log in for each protocol: `NAME(user, password)` comes back if the client was let in and may do something, and
raises `Out` with the protocol's own word if not. No name and no password: the client shows nothing."""

import base64
import json
import urllib.error
import urllib.request

import pika
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from pika.exceptions import AMQPConnectionError
from proton import ConnectionException

import channels
import cloud
import links
from device import Device, Refused as NotAccepted
from frames import Client, Refused as Erred
from suite import CONSOLE_PORT, DEADLINE, TLS_CA, eventually, tls_context

QUEUE = "common"


class Out(Exception):
    """Turned away: the protocol's own word for it."""


class Mechanism:
    """What pika has not, or not with a response of the test's own."""

    erase_on_connect = False

    def __init__(self, name, response=b""):
        self.TYPE, self.response = name, response

    def response_for(self, start):
        offered = start.mechanisms.encode() if isinstance(start.mechanisms, str) else start.mechanisms
        return (self.TYPE, self.response) if self.TYPE.encode() in offered.split() else (None, None)

    def erase_credentials(self):
        pass


pika.credentials.VALID_TYPES.append(Mechanism)


def mqtt(user=None, password=None, **options):
    """A device, connected and able to publish."""
    try:
        device = Device(login=(user, password) if user is not None else None, **options)
    except NotAccepted as refused:
        raise Out(str(refused.reason)) from None
    device.publish(f"$queue/{QUEUE}", b"x", qos=1)
    return device


def amqp091(user=None, password=None, mechanism="ANONYMOUS", response=b"", **options):
    given = options if user is not None else {"credentials": Mechanism(mechanism, response), **options}
    try:
        connection = _pika(user, password, **given)
        connection.channel().queue_declare(QUEUE, passive=True)
    except AMQPConnectionError as error:
        raise Out(_code(error)) from None
    return connection


def _pika(user, password, **options):
    parameters = {"socket_timeout": DEADLINE, "blocked_connection_timeout": DEADLINE, "heartbeat": 0}
    parameters |= {"credentials": pika.PlainCredentials(user or "", password or "")} | options
    if TLS_CA:
        parameters["ssl_options"] = pika.SSLOptions(tls_context(), "127.0.0.1")
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", channels.AMQP_PORT, "/", **parameters))


def _code(error):
    """The reply code, however deep pika hides it."""
    text = repr(error)
    return next((code for code in ("403", "530", "541", "320") if code in text), text)


def stomp(user=None, password=None, **options):
    try:
        client = Client(login=(user, password), **options)
    except Erred as error:
        raise Out(error.headers["message"]) from None
    client.send(f"/queue/{QUEUE}", b"x")
    return client


def amqp10(user=None, password=None, mechanism=None, **options):
    given = {"user": user, "password": password} if user is not None else {"user": None, "password": None}
    given["allowed_mechs"] = mechanism or ("PLAIN" if user is not None else "ANONYMOUS")
    try:
        connection = links.connect(**given, **options)
    except ConnectionException as error:
        raise Out(_condition(error)) from None
    links.send(connection, links.queue(QUEUE), b"x")
    return connection


def _condition(error):
    text = str(error)
    return next((name for name in ("amqp:unauthorized-access", "amqp:internal-error") if name in text), text)


def sqs(user=None, password=None):
    """Here a user is an access key, and a password its secret."""
    given = {"key": user, "secret": password} if user is not None else {"signature_version": UNSIGNED}
    client = cloud.client(**given)
    try:
        client.get_queue_url(QueueName=QUEUE)
    except ClientError as error:
        raise Out(error.response["Error"]["Code"]) from None
    return client


def console(user=None, password=None, path="/api/queues"):
    """What the page says."""
    scheme = "https" if TLS_CA else "http"
    request = urllib.request.Request(f"{scheme}://127.0.0.1:{CONSOLE_PORT}{path}")
    if user is not None:
        word = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
        request.add_header("Authorization", f"Basic {word}")
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE, context=tls_context() if TLS_CA else None) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Out(str(error.code)) from None


FACES = {face.__name__: face for face in (mqtt, amqp091, stomp, amqp10, sqs, console)}
# Those with users and passwords.
NAMED = {name: face for name, face in FACES.items() if face is not sqs}
# What each says to whoever is turned away at the door.
WORDS = {
    "mqtt": "Bad user name or password",
    "amqp091": "403",
    "stomp": "Bad CONNECT",
    "amqp10": "amqp:unauthorized-access",
    "console": "401",
}


def out(face, *login, **options):
    """The word with which a login is refused."""
    try:
        got = face(*login, **options)
    except Out as refused:
        return str(refused)
    raise AssertionError(f"let in: {got}")


def leave(session):
    """Ends what a face has given."""
    if isinstance(session, Device | Client):
        if not session.closed.is_set():
            session.disconnect()
    elif isinstance(session, pika.BlockingConnection):
        channels.close(session)
    elif hasattr(session, "close"):
        session.close()


def ended(session):
    """The word with which the broker ends a session."""
    if isinstance(session, Device):
        session.wait_closed()
        return "closed"
    if isinstance(session, Client):
        return session.wait_error().headers["message"]
    try:
        if isinstance(session, pika.BlockingConnection):
            eventually("the end of the connection", lambda: session.process_data_events(0.1))
        else:
            session.wait(lambda: False, timeout=DEADLINE)
    except AMQPConnectionError as error:
        return _code(error)
    except ConnectionException as error:
        return _condition(error)
    raise AssertionError("not ended")
