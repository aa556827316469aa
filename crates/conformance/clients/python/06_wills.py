"""Last wills with Paho."""

from paho.mqtt.packettypes import PacketTypes

from device import V5, VERSIONS, Device, case_of_v5, properties, unique
from suite import case, run, same


def will(topic, **fields):
    return {"topic": topic, "payload": b"gone", "qos": 1, **fields}


@case
def a_cut_connection_sends_the_will():
    for version in VERSIONS:
        for qos in (0, 1, 2):
            topic = unique("will/")
            with Device() as watcher:
                watcher.subscribe(topic, qos=2)
                Device(version=version, will=will(topic, qos=qos)).drop()
                message = watcher.take()
                same((message.payload, message.qos), (b"gone", qos))
                watcher.nothing()


@case
def a_disconnect_withdraws_the_will():
    for version in VERSIONS:
        topic = unique("will/")
        with Device() as watcher:
            watcher.subscribe(topic, qos=1)
            Device(version=version, will=will(topic)).disconnect()
            watcher.nothing()


@case_of_v5
def a_disconnect_with_will_sends_it_in_v5():
    from paho.mqtt.reasoncodes import ReasonCode

    topic = unique("will/")
    with Device() as watcher:
        watcher.subscribe(topic, qos=1)
        device = Device(version=V5, will=will(topic))
        device.disconnect(reasoncode=ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
        same(watcher.take().payload, b"gone")


@case
def a_retained_will_stays():
    topic = unique("will/")
    with Device() as watcher, Device() as late:
        watcher.subscribe(topic, qos=1)
        Device(will=will(topic, retain=True)).drop()
        same(watcher.take().retain, False)
        late.subscribe(topic, qos=1)
        message = late.take()
        same((message.payload, message.retain), (b"gone", True))


@case
def a_take_over_sends_the_will():
    topic, name = unique("will/"), unique("replaced-")
    with Device() as watcher:
        watcher.subscribe(topic, qos=1)
        first = Device(name, will=will(topic))
        with Device(name):
            first.wait_closed()
            same(watcher.take().payload, b"gone")


@case_of_v5
def a_delayed_will_is_withdrawn_by_a_return_in_v5():
    topic, name = unique("will/"), unique("returns-")
    delay = properties(PacketTypes.WILLMESSAGE, WillDelayInterval=600)
    with Device() as watcher:
        watcher.subscribe(topic, qos=1)
        Device(name, version=V5, expiry=600, will=will(topic, properties=delay)).drop()
        with Device(name, version=V5, clean=False, expiry=0) as device:
            assert device.session_present
        watcher.nothing()


@case_of_v5
def a_delayed_will_comes_after_its_delay_in_v5():
    topic = unique("will/")
    delay = properties(PacketTypes.WILLMESSAGE, WillDelayInterval=1)
    with Device() as watcher:
        watcher.subscribe(topic, qos=1)
        Device(version=V5, expiry=600, will=will(topic, properties=delay)).drop()
        watcher.nothing()
        same(watcher.take().payload, b"gone")


@case_of_v5
def a_delayed_will_comes_with_the_end_of_the_session_in_v5():
    topic = unique("will/")
    delay = properties(PacketTypes.WILLMESSAGE, WillDelayInterval=600)
    with Device() as watcher:
        watcher.subscribe(topic, qos=1)
        Device(version=V5, expiry=0, will=will(topic, properties=delay)).drop()
        same(watcher.take().payload, b"gone")


@case_of_v5
def properties_of_a_will_arrive_in_v5():
    topic = unique("will/")
    given = properties(PacketTypes.WILLMESSAGE, ContentType="text/plain", UserProperty=[("k", "v")])
    with Device(version=V5) as watcher:
        watcher.subscribe(topic, qos=1)
        Device(version=V5, will=will(topic, properties=given)).drop()
        got = watcher.take().properties
        same((got.ContentType, got.UserProperty), ("text/plain", [("k", "v")]))


run()
