"""boto3 in the conversion matrix. What AMQP calls properties are the broker's own attributes, `causeway.…`."""

import base64
import json
import time

import cloud
from matrix import encode, unsaid

_NAMES = {
    "correlation_id": "causeway.correlation-id",
    "message_id": "causeway.message-id",
    "content_type": "causeway.content-type",
    "subject": "causeway.subject",
}
_LABELS = {"int": "Number.int", "long": "Number.long", "double": "Number.double", "bool": "Number.Boolean"}


def url(address):
    """The queue's; a topic's messages are in a queue that the configuration binds to it."""
    name = address["queue"] if "queue" in address else "-".join(address["topic"])
    return cloud.sqs.get_queue_url(QueueName=name)["QueueUrl"]


def text(value):
    return {"DataType": "String", "StringValue": value}


class Face:
    def send(self, address, message):
        attributes = {name: text(str(message[field])) for field, name in _NAMES.items() if type(message.get(field)) is str}
        for field in ("correlation_id", "message_id"):
            if field in message:
                attributes[_NAMES[field]] = text(message[field][1])
        if "reply_to" in message:
            attributes["causeway.reply-to"] = text(f"queue://{message['reply_to']['queue']}")
        if "timestamp" in message:
            attributes["causeway.creation-time"] = {"DataType": "Number", "StringValue": str(message["timestamp"])}
        left = []
        for name, (kind, value) in message.get("properties", {}).items():
            if kind == "string":
                attributes[name] = text(value)
            elif kind == "binary":
                attributes[name] = {"DataType": "Binary", "BinaryValue": base64.b64decode(value)}
            elif kind in _LABELS:
                attributes[name] = {"DataType": _LABELS[kind], "StringValue": str(int(value) if kind == "bool" else value)}
            else:
                left.append(f"properties.{name}")
        kind, body = message["body"]
        if kind == "binary":
            attributes["causeway.encoding"] = text("base64")
        options = {"MessageGroupId": message["group"]} if "group" in message else {}
        cloud.sqs.send_message(QueueUrl=url(address), MessageBody=body, MessageAttributes=attributes, **options)
        said = [*_NAMES, "reply_to", "timestamp", "group", "properties"]
        # Everything in SQS is durable.
        return sorted(unsaid(message, "durable", *said) + left)

    def listen(self, address):
        assert url(address)

    def take(self, address):
        message = cloud.one(url(address))
        cloud.delete(url(address), message)
        return describe(message)

    def give_back(self, address):
        message = cloud.one(url(address))
        cloud.sqs.change_message_visibility(
            QueueUrl=url(address), ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
        return describe(message)


def describe(received):
    system = received["Attributes"]
    count = int(system["ApproximateReceiveCount"])
    message = {"body": ["string", received["Body"]], "count": count, "redelivered": count > 1}
    attributes = dict(received.get("MessageAttributes", {}))
    packed = attributes.pop("causeway.properties", None)
    own = {name: attributes.pop(name) for name in list(attributes) if name.startswith("causeway.")}
    values = {name.removeprefix("causeway."): value_of(attribute) for name, attribute in own.items()}
    if packed:
        for name, value in json.loads(packed["StringValue"]).items():
            if name.startswith("causeway."):
                values[name.removeprefix("causeway.")] = encode(value)
            else:
                message.setdefault("packed", {})[name] = encode(value)
    if values.pop("encoding", ["", ""])[1] == "base64":
        message["body"] = ["binary", received["Body"]]
    for field, name in (("content_type", "content-type"), ("subject", "subject")):
        if name in values:
            message[field] = values[name][1]
    for field, name in (("correlation_id", "correlation-id"), ("message_id", "message-id")):
        if name in values:
            message[field] = values[name]
    for field, name in (("priority", "priority"), ("timestamp", "creation-time")):
        if name in values:
            message[field] = int(values[name][1])
    if "reply-to" in values:
        message["reply_to"] = {"queue": values["reply-to"][1].removeprefix("queue://")}
    if "expires" in values:
        message["ttl"] = int(values["expires"][1]) - int(time.time() * 1000)
    if "MessageGroupId" in system:
        message["group"] = system["MessageGroupId"]
    message["properties"] = {name: value_of(attribute) for name, attribute in attributes.items()}
    return message


def value_of(attribute):
    kind, _, label = attribute["DataType"].partition(".")
    if kind == "Binary":
        return encode(attribute["BinaryValue"])
    value = attribute["StringValue"]
    if kind == "String":
        return [label or "string", value]
    if label == "Boolean":
        return ["bool", value == "1"]
    number = float(value) if label in ("float", "double") else int(value)
    return [label or "integer", number]
