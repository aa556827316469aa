"""Sessions that outlive their connection, with Paho."""

from device import V5, V311, VERSIONS, Device, case_of_v5, unique
from suite import case, run, same


def resumable(name, version, clean=False):
    return Device(name, version=version, clean=clean, **({"expiry": 600} if version == V5 else {}))


@case
def messages_sent_meanwhile_wait():
    for version in VERSIONS:
        name, topic = unique("away-"), unique("away/")
        with resumable(name, version) as device:
            assert not device.session_present
            device.subscribe(topic, qos=2)
        with Device(version=version) as publisher:
            for number in range(100):
                publisher.publish(topic, b"%d" % number, qos=1 + number % 2)
        with resumable(name, version) as device:
            assert version == VERSIONS[0] or device.session_present
            got = [device.take() for _ in range(100)]
            for qos in (1, 2):
                payloads = [message.payload for message in got if message.qos == qos]
                same(payloads, [b"%d" % number for number in range(qos - 1, 100, 2)])
            assert not any(message.dup for message in got)
            device.nothing()


@case
def a_clean_start_forgets_the_session():
    for version in VERSIONS:
        name, topic = unique("forget-"), unique("forget/")
        with resumable(name, version) as device:
            device.subscribe(topic, qos=1)
        with Device(version=version) as publisher:
            publisher.publish(topic, b"unwanted", qos=1)
        with Device(name, version=version) as device:
            assert not device.session_present
            device.nothing()
            device.publish(topic, b"unsubscribed", qos=1)
            device.nothing()
        with resumable(name, version) as device:
            assert not device.session_present


@case
def a_clean_session_leaves_nothing():
    with Device("clean-twice") as device:
        device.subscribe("clean/twice", qos=1)
    with Device() as publisher:
        publisher.publish("clean/twice", b"unwanted", qos=1)
    with resumable("clean-twice", V311) as device:
        assert not device.session_present
        device.nothing()


@case_of_v5
def expiry_zero_ends_the_session_with_the_connection():
    with Device("expires", version=V5, clean=False, expiry=0) as device:
        device.subscribe("expires/x", qos=1)
    with Device("expires", version=V5, clean=False, expiry=600) as device:
        assert not device.session_present


@case
def a_take_over_keeps_session_and_messages():
    for version in VERSIONS:
        name, topic = unique("over-"), unique("over/")
        first = resumable(name, version)
        first.subscribe(topic, qos=1)
        with resumable(name, version) as second, Device() as publisher:
            first.wait_closed()
            assert version == VERSIONS[0] or second.session_present
            publisher.publish(topic, b"one", qos=1)
            same(second.take().payload, b"one")


@case
def an_unsubscription_is_remembered():
    with resumable("unsub", V311) as device:
        device.subscribe("unsub/x", "unsub/y", qos=1)
        device.unsubscribe("unsub/x")
    with Device() as publisher:
        publisher.publish("unsub/x", b"unwanted", qos=1)
        publisher.publish("unsub/y", b"wanted", qos=1)
    with resumable("unsub", V311) as device:
        same(device.take().topic, "unsub/y")
        device.nothing()


@case
def a_cut_connection_is_resumed():
    name, topic = unique("cut-"), unique("cut/")
    device = resumable(name, V311)
    device.subscribe(topic, qos=1)
    device.drop()
    with Device() as publisher:
        publisher.publish(topic, b"one", qos=1)
    with resumable(name, V311) as again:
        assert again.session_present
        same(again.take().payload, b"one")


run()
