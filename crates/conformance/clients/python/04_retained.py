"""Retained messages with Paho."""

from device import V5, VERSIONS, Device, case_of_v5, unique
from suite import case, run, same


@case
def a_new_subscriber_gets_the_last_one():
    for version in VERSIONS:
        for qos in (0, 1, 2):
            topic = unique("last/")
            with Device(version=version) as publisher, Device(version=version) as subscriber:
                publisher.publish(topic, b"old", qos, retain=True)
                publisher.publish(topic, b"new", qos, retain=True)
                publisher.publish(topic, b"passing", qos)
                publisher.nothing()
                subscriber.subscribe(topic, qos=2)
                message = subscriber.take()
                same((message.payload, message.qos, message.retain), (b"new", qos, True))
                subscriber.nothing()


@case
def a_present_subscriber_sees_it_as_new():
    with Device() as device:
        device.subscribe("present/x", qos=1)
        device.publish("present/x", b"one", qos=1, retain=True)
        same(device.take().retain, False)


@case
def an_empty_payload_removes_it():
    with Device() as publisher, Device() as late:
        publisher.publish("removed/x", b"one", qos=1, retain=True)
        publisher.publish("removed/x", b"", qos=1, retain=True)
        late.subscribe("removed/x")
        late.nothing()


@case
def wildcards_find_all_of_them():
    with Device() as publisher, Device() as subscriber:
        for name in ("a", "b", "b/c", "d"):
            publisher.publish(f"wild/{name}", name.encode(), qos=1, retain=True)
        subscriber.subscribe("wild/+", qos=1)
        same(sorted(subscriber.take_payloads(3)), [b"a", b"b", b"d"])
        subscriber.unsubscribe("wild/+")
        subscriber.subscribe("wild/#", qos=1)
        same(sorted(subscriber.take_payloads(4)), [b"a", b"b", b"b/c", b"d"])
        subscriber.nothing()


@case
def a_repeated_subscription_gets_it_again():
    with Device() as device:
        device.publish("again/r", b"one", qos=1, retain=True)
        for _ in range(3):
            device.subscribe("again/r", qos=1)
            same(device.take().retain, True)


@case_of_v5
def a_shared_subscription_gets_none():
    with Device(version=V5) as device:
        device.publish("shared/r", b"one", qos=1, retain=True)
        device.subscribe("$share/g/shared/r", qos=1)
        device.nothing()


@case_of_v5
def retain_handling_decides_in_v5():
    with Device(version=V5) as device:
        device.publish("handling/x", b"one", qos=1, retain=True)
        device.subscribe("handling/x", retainHandling=2)
        device.nothing()
        device.subscribe("handling/x", retainHandling=1)
        device.nothing()
        device.subscribe("handling/x", retainHandling=0)
        same(device.take().payload, b"one")
        device.unsubscribe("handling/x")
        device.subscribe("handling/x", retainHandling=1)
        same(device.take().payload, b"one")


@case_of_v5
def retain_as_published_keeps_the_flag_in_v5():
    with Device(version=V5) as keeps, Device(version=V5) as clears:
        keeps.subscribe("flag/x", retainAsPublished=True)
        clears.subscribe("flag/x")
        clears.publish("flag/x", b"one", qos=1, retain=True)
        same(keeps.take().retain, True)
        same(clears.take().retain, False)


@case
def big_and_binary_ones_are_kept():
    payload = bytes(range(256)) * 1024
    with Device() as publisher, Device() as subscriber:
        publisher.publish("big/r", payload, qos=1, retain=True)
        subscriber.subscribe("big/r", qos=1)
        assert subscriber.take().payload == payload


run()
