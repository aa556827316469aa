"""stomp.py in the conversion matrix."""

import time

from frames import Client
from matrix import decode, encode, unsaid

# Headers of a MESSAGE that are none of the publisher's own properties.
_KNOWN = (
    "ack amq-msg-type amqp-message-id content-length content-type correlation-id destination expires message-id persistent "
    "priority redelivered reply-to subscription timestamp type JMSXGroupID JMSXDeliveryCount JMSXUserID"
).split()


def destination(address):
    return f"/queue/{address['queue']}" if "queue" in address else f"/topic/{'.'.join(address['topic'])}"


class Face:
    def __init__(self):
        self.client = Client()
        self.listeners = {}

    def send(self, address, message):
        headers = {}
        given = {
            "correlation-id": message.get("correlation_id", [None, None])[1],
            "amqp-message-id": message.get("message_id", [None, None])[1],
            "type": message.get("subject"),
            "JMSXGroupID": message.get("group"),
            "timestamp": message.get("timestamp"),
            "priority": message.get("priority"),
            "persistent": "true" if message.get("durable") else None,
            "reply-to": destination(message["reply_to"]) if "reply_to" in message else None,
            "expires": int(time.time() * 1000) + message["ttl"] if "ttl" in message else None,
        }
        headers = {name: str(value) for name, value in given.items() if value is not None}
        left = []
        for name, (kind, value) in message.get("properties", {}).items():
            if kind == "string":
                headers[name] = value
            else:
                left.append(f"properties.{name}")
        body = decode(message["body"])
        self.client.send(destination(address), body, message.get("content_type"), extra=headers)
        said = "properties correlation_id message_id subject group timestamp priority durable reply_to ttl content_type"
        return sorted(unsaid(message, *said.split()) + left)

    def listen(self, address):
        name = destination(address)
        self.listeners[name] = Client()
        self.listeners[name].subscribe(name)

    def take(self, address):
        name = destination(address)
        if name in self.listeners:
            return describe(self.listeners[name].take())
        with Client() as taker:
            taker.subscribe(name, "client-individual")
            frame = taker.take()
            taker.ack(frame)
        return describe(frame)

    def give_back(self, address):
        with Client() as holder:
            holder.subscribe(destination(address), "client-individual")
            # After a NACK this subscription would be the first to get it again.
            frame = holder.take()
        return describe(frame)


def describe(frame):
    headers = frame.headers
    message = {"body": encode(frame.body), "redelivered": headers.get("redelivered") == "true"}
    # A text has no length of its own: ActiveMQ's rule.
    if "content-length" not in headers:
        message["body"] = ["string", frame.body.decode()]
    for field, name in (("content_type", "content-type"), ("subject", "type"), ("group", "JMSXGroupID")):
        if name in headers:
            message[field] = headers[name]
    for field, name in (("correlation_id", "correlation-id"), ("message_id", "amqp-message-id")):
        if name in headers:
            message[field] = ["string", headers[name]]
    for field, name in (("priority", "priority"), ("timestamp", "timestamp")):
        if name in headers:
            message[field] = int(headers[name])
    # It is told from the second time on.
    message["count"] = int(headers.get("JMSXDeliveryCount", "1"))
    if "reply-to" in headers:
        kind, _, rest = headers["reply-to"].lstrip("/").partition("/")
        message["reply_to"] = {kind: rest}
    if int(headers.get("expires", "0")):
        message["ttl"] = int(headers["expires"]) - int(time.time() * 1000)
    message["durable"] = headers.get("persistent") == "true"
    message["properties"] = {name: ["string", value] for name, value in headers.items() if name not in _KNOWN}
    return message
