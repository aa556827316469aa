"""`$queue/…` with Paho."""

import queue

from device import VERSIONS, Device
from suite import DEADLINE, case, run, same


@case
def messages_wait_for_a_consumer():
    for version in VERSIONS:
        with Device(version=version) as producer:
            for number in range(20):
                producer.publish("$queue/orders", b"%d" % number, qos=1 + number % 2)
        with Device(version=version) as consumer:
            same(consumer.subscribe("$queue/orders", qos=1), [1])
            same(consumer.take_payloads(20), [b"%d" % number for number in range(20)])
            consumer.nothing()


@case
def a_name_with_a_dot_is_a_queue_too():
    with Device() as device:
        device.publish("$queue/orders.eu", b"one", qos=1)
        device.subscribe("$queue/orders.eu", qos=1)
        message = device.take()
        same((message.topic, message.payload), ("$queue/orders.eu", b"one"))


@case
def competing_consumers_get_each_message_once():
    inbox = queue.Queue()
    consumers = [Device() for _ in range(3)]
    for number, consumer in enumerate(consumers):
        consumer.client.on_message = lambda _c, _u, message, number=number: inbox.put((number, message.payload))
        consumer.subscribe("$queue/orders", qos=1)
    with Device() as producer:
        for number in range(60):
            producer.publish("$queue/orders", b"%d" % number, qos=1)
    got = [inbox.get(timeout=DEADLINE) for _ in range(60)]
    same(sorted(int(payload) for _, payload in got), list(range(60)))
    same({number for number, _ in got}, {0, 1, 2})
    for consumer in consumers:
        consumer.disconnect()
    assert inbox.empty()


@case
def unsubscribing_leaves_the_queue_in_peace():
    with Device() as device:
        device.subscribe("$queue/orders", qos=1)
        device.unsubscribe("$queue/orders")
        device.publish("$queue/orders", b"waits", qos=1)
        device.nothing()
        device.subscribe("$queue/orders", qos=1)
        same(device.take().payload, b"waits")


@case
def a_queue_consumer_at_qos_0_takes_for_good():
    with Device() as producer:
        producer.publish("$queue/orders", b"one", qos=1)
    with Device() as consumer:
        same(consumer.subscribe("$queue/orders", qos=0), [0])
        message = consumer.take()
        same((message.payload, message.qos), (b"one", 0))
    with Device() as other:
        other.subscribe("$queue/orders", qos=1)
        other.nothing()


run()
