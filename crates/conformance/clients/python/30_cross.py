"""One queue, two protocols: Paho and boto3."""

import base64
import json
import os

from paho.mqtt.packettypes import PacketTypes

from cloud import delete, one, receive, sqs
from device import V5, VERSIONS, Device, case_of_v5, properties
from suite import case, run, same

TEXTS = [b"hello", "ünï 漢字 😀 \U0010fffd".encode(), b"tab\tnew\nline\r", b"x" * 200 * 1024]
BINARIES = [b"\0", b"a\0b", b"\xff\xfe", bytes(range(256)), b"\xef\xbf\xbf", os.urandom(200 * 1024)]


def url(name):
    return sqs.get_queue_url(QueueName=name)["QueueUrl"]


def taken(name):
    """The next message of the queue, settled: body and attributes."""
    message = one(url(name))
    delete(url(name), message)
    return message["Body"], message.get("MessageAttributes", {})


@case
def text_from_mqtt_is_the_body_in_sqs():
    for version in VERSIONS:
        with Device(version=version) as device:
            for payload in TEXTS:
                for qos in (0, 1, 2):
                    device.publish("$queue/orders", payload, qos=qos)
                    body, attributes = taken("orders")
                    assert body.encode() == payload, f"{payload[:40]!r} came as {body[:40]!r}"
                    assert "causeway.encoding" not in attributes, attributes


@case
def bytes_from_mqtt_come_as_base64_and_say_so():
    with Device() as device:
        for payload in BINARIES:
            device.publish("$queue/orders", payload, qos=1)
            body, attributes = taken("orders")
            assert base64.b64decode(body, validate=True) == payload, f"{payload[:40]!r} came as {body[:40]!r}"
            same(attributes["causeway.encoding"]["StringValue"], "base64")


@case
def an_empty_payload_is_still_a_message():
    with Device() as device:
        device.publish("$queue/orders", b"", qos=1)
        same(taken("orders")[0], "")


@case
def a_body_from_sqs_is_the_payload_in_mqtt():
    for version in VERSIONS:
        with Device(version=version) as device:
            device.subscribe("$queue/orders", qos=1)
            for payload in TEXTS:
                sqs.send_message(QueueUrl=url("orders"), MessageBody=payload.decode())
                message = device.take()
                same(message.topic, "$queue/orders")
                assert message.payload == payload, f"{payload[:40]!r} came as {message.payload[:40]!r}"


@case
def a_topic_of_mqtt_reaches_the_subscribed_queue():
    with Device() as device, Device() as watcher:
        watcher.subscribe("a/b", qos=1)
        for payload in (b"text", "漢字 😀".encode()):
            device.publish("a/b", payload, qos=1)
            same(taken("audit")[0].encode(), payload)
            same(watcher.take().payload, payload)
        device.publish("a/b", b"\0binary", qos=1)
        body, attributes = taken("audit")
        same((base64.b64decode(body), attributes["causeway.encoding"]["StringValue"]), (b"\0binary", "base64"))
        device.publish("a/b/c", b"elsewhere", qos=1)
        device.publish("a", b"elsewhere", qos=1)
        same(receive(url("audit")), [])


@case
def a_queue_that_sqs_cannot_spell_has_an_alias():
    alias = url("orders-eu")
    assert alias.endswith("/orders-eu"), alias
    with Device() as device:
        device.publish("$queue/orders.eu", b"to the alias", qos=1)
        same(taken("orders-eu")[0], "to the alias")
        device.subscribe("$queue/orders.eu", qos=1)
        sqs.send_message(QueueUrl=alias, MessageBody="from the alias")
        same(device.take().payload, b"from the alias")


@case
def a_queue_created_in_sqs_is_a_topic_for_mqtt():
    created = sqs.create_queue(QueueName="made-in-sqs")["QueueUrl"]
    with Device() as device:
        device.publish("$queue/made-in-sqs", b"one", qos=1)
        same(one(created)["Body"], "one")


@case
def competing_consumers_of_both_protocols_share():
    with Device() as device:
        device.subscribe("$queue/orders", qos=1)
        for number in range(20):
            sqs.send_message(QueueUrl=url("orders"), MessageBody=str(number))
        got = [int(payload) for payload in device.take_payloads(20)]
        same(sorted(got), list(range(20)))
        same(receive(url("orders")), [])


@case_of_v5
def user_properties_are_message_attributes():
    given = properties(PacketTypes.PUBLISH, UserProperty=[("colour", "red"), ("shape", "ünï")])
    with Device(version=V5) as device:
        device.publish("$queue/orders", b"x", qos=1, properties=given)
        attributes = taken("orders")[1]
        same({name: attributes[name]["StringValue"] for name in ("colour", "shape")}, {"colour": "red", "shape": "ünï"})
        device.subscribe("$queue/orders", qos=1)
        colour = {"colour": {"DataType": "String", "StringValue": "blue"}}
        sqs.send_message(QueueUrl=url("orders"), MessageBody="x", MessageAttributes=colour)
        assert ("colour", "blue") in device.take().properties.UserProperty


@case
def a_device_asks_and_a_worker_answers():
    with Device() as device:
        device.subscribe("$queue/answers", qos=1)
        for number in range(5):
            device.publish("$queue/orders", json.dumps({"reading": number}), qos=1)
            message = one(url("orders"))
            reading = json.loads(message["Body"])["reading"]
            sqs.send_message(QueueUrl=url("answers"), MessageBody=json.dumps({"doubled": 2 * reading}))
            delete(url("orders"), message)
            same(json.loads(device.take().payload), {"doubled": 2 * number})


run()
