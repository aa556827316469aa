"""python-qpid-proton in the conversion matrix."""

import uuid

from proton import AnnotationDict, Delivery, Message, byte, char, decimal32, float32, int32, short, symbol, timestamp
from proton import ubyte, uint, ulong, ushort

import links
from matrix import decode, encode, unsaid

_CLASSES = {
    # Python's own int is AMQP's long.
    int: "long",
    byte: "byte",
    char: "char",
    decimal32: "decimal",
    float32: "float",
    int32: "int",
    short: "short",
    symbol: "symbol",
    timestamp: "timestamp",
    ubyte: "ubyte",
    uint: "uint",
    ulong: "ulong",
    ushort: "ushort",
    uuid.UUID: "uuid",
}
_TYPES = {"int": int32, "ulong": ulong, "float": float32, "symbol": symbol, "uuid": uuid.UUID, "timestamp": timestamp}


def node(address):
    return links.queue(address["queue"]) if "queue" in address else links.topic(".".join(address["topic"]))


class Face:
    def __init__(self):
        self.connection = links.connect()
        self.listeners = {}

    def send(self, address, message):
        made = Message(body=decode(message["body"], **_TYPES))
        # A string is an amqp-value section and bytes are one of data.
        made.inferred = message["body"][0] == "binary"
        made.durable = message.get("durable", False)
        if "priority" in message:
            made.priority = message["priority"]
        if "ttl" in message:
            made.ttl = message["ttl"] / 1000
        if "timestamp" in message:
            made.creation_time = message["timestamp"] / 1000
        if "reply_to" in message:
            made.reply_to = node(message["reply_to"])
        if "correlation_id" in message:
            made.correlation_id = decode(message["correlation_id"], **_TYPES)
        if "message_id" in message:
            made.id = decode(message["message_id"], **_TYPES)
        if "content_type" in message:
            made.content_type = message["content_type"]
        if "subject" in message:
            made.subject = message["subject"]
        if "group" in message:
            made.group_id = message["group"]
        made.properties = {name: decode(pair, **_TYPES) for name, pair in message.get("properties", {}).items()}
        links.send(self.connection, node(address), made)
        said = "durable priority ttl timestamp reply_to correlation_id message_id content_type subject group properties"
        return unsaid(message, *said.split())

    def listen(self, address):
        self.listeners[node(address)] = links.Inbox(self.connection, node(address), credit=100)

    def take(self, address):
        return self._receive(address, links.ACCEPTED)

    def give_back(self, address):
        return self._receive(address, links.MODIFIED)

    def _receive(self, address, state):
        if node(address) in self.listeners:
            return settled(self.listeners[node(address)], state)
        with links.connected() as connection:
            return settled(links.Inbox(connection, node(address)), state)


def settled(inbox, state):
    message, delivery = inbox.one()
    if state == Delivery.MODIFIED:
        delivery.local.failed = True
    links.settle(delivery, state)
    links.sync(inbox.connection)
    return describe(message)


def name_of(value):
    # They derive from each other, so the exact one counts.
    return _CLASSES.get(type(value))


def describe(message):
    body = encode(message.body, name_of)
    description = {
        "body": body,
        "redelivered": not message.first_acquirer,
        "count": message.delivery_count,
        "durable": message.durable,
        "priority": message.priority,
    }
    texts = (("content_type", message.content_type), ("subject", message.subject), ("group", message.group_id))
    for field, value in texts:
        if value:
            description[field] = str(value)
    for field, value in (("correlation_id", message.correlation_id), ("message_id", message.id)):
        if value is not None:
            description[field] = ["ulong", value] if type(value) is int else encode(value, name_of)
    if message.ttl:
        description["ttl"] = round(message.ttl * 1000)
    if message.creation_time:
        description["timestamp"] = round(message.creation_time * 1000)
    if message.reply_to:
        description["reply_to"] = address_of(message.reply_to)
    properties = dict(message.properties or {})
    annotations = message.annotations or AnnotationDict()
    for name, value in annotations.items():
        if not str(name).startswith("x-opt-"):
            properties[str(name)] = value
    description["properties"] = {name: encode(value, name_of) for name, value in properties.items()}
    return description


def address_of(text):
    """A name without a prefix is a queue's."""
    for prefix in ("queue://", "/queues/", "/queue/"):
        text = text.removeprefix(prefix)
    return {"queue": text} if "/" not in text else {"other": text}
