"""Publishing at every QoS with Paho."""

import os

from paho.mqtt.packettypes import PacketTypes

from device import NEWEST, V5, VERSIONS, Device, case_of_v5, properties, unique
from suite import case, run, same

MIB = 1024 * 1024


def through(payload, publish_qos, subscribe_qos, version):
    """What a subscriber gets of one message: (payload, qos, retain, dup)."""
    topic = unique("through/")
    with Device(version=version) as subscriber, Device(version=version) as publisher:
        same(subscriber.subscribe(topic, qos=subscribe_qos), [subscribe_qos])
        publisher.publish(topic, payload, qos=publish_qos)
        message = subscriber.take()
        subscriber.nothing()
        return message.payload, message.qos, message.retain, message.dup


@case
def the_lower_qos_of_both_sides_is_delivered():
    for version in VERSIONS:
        for publish_qos in (0, 1, 2):
            for subscribe_qos in (0, 1, 2):
                got = through(b"x", publish_qos, subscribe_qos, version)
                same(got, (b"x", min(publish_qos, subscribe_qos), False, False))


@case
def payloads_of_every_kind_arrive_unchanged():
    payloads = [b"", b"\0", bytes(range(256)), "ünïcödé 漢字 😀".encode(), b"\xff\xfe\xfd", b"x" * 127, b"x" * 16384]
    for payload in payloads:
        for qos in (0, 1, 2):
            same(through(payload, qos, qos, NEWEST)[0], payload)


@case
def a_mebibyte_arrives():
    payload = os.urandom(MIB)
    for qos in (0, 1, 2):
        assert through(payload, qos, qos, NEWEST)[0] == payload, f"changed at QoS {qos}"


@case
def order_is_kept_at_every_qos():
    for version in VERSIONS:
        for qos in (0, 1, 2):
            topic = unique("order/")
            with Device(version=version) as subscriber, Device(version=version) as publisher:
                subscriber.subscribe(topic, qos=qos)
                infos = [publisher.client.publish(topic, b"%d" % number, qos) for number in range(500)]
                same(subscriber.take_payloads(500), [b"%d" % number for number in range(500)])
                for info in infos:
                    info.wait_for_publish(30)


@case_of_v5
def publishers_hear_that_nobody_listens_or_success():
    with Device(version=V5) as device:
        reasons = []
        device.client.on_publish = lambda _c, _u, _mid, reason, _props: reasons.append(reason.value)
        device.publish("nobody/listens", b"x", qos=1)
        device.publish("nobody/listens", b"x", qos=2)
        device.nothing()
        assert len(reasons) >= 2 and set(reasons) <= {0x00, 0x10}, reasons


@case_of_v5
def v5_properties_arrive_unchanged():
    given = dict(
        PayloadFormatIndicator=1,
        ContentType="application/json",
        ResponseTopic="answers/here",
        CorrelationData=b"\x00\x01\xff",
        UserProperty=[("b", "1"), ("a", "2"), ("b", "3"), ("", "")],
    )
    for qos in (0, 1, 2):
        topic = unique("props/")
        with Device(version=V5) as subscriber, Device(version=V5) as publisher:
            subscriber.subscribe(topic, qos=qos)
            publisher.publish(topic, b"{}", qos, properties=properties(PacketTypes.PUBLISH, **given))
            got = subscriber.take().properties
            for name, value in given.items():
                same(getattr(got, name), value)


@case_of_v5
def a_topic_alias_stands_for_the_topic():
    with Device(version=V5) as subscriber, Device(version=V5) as publisher:
        subscriber.subscribe("alias/+")
        if getattr(publisher.connack, "TopicAliasMaximum", 0) == 0:
            return
        alias = properties(PacketTypes.PUBLISH, TopicAlias=1)
        publisher.publish("alias/x", b"1", 1, properties=alias)
        publisher.publish("", b"2", 1, properties=alias)
        publisher.publish("alias/y", b"3", 1, properties=alias)
        publisher.publish("", b"4", 1, properties=alias)
        got = [subscriber.take() for _ in range(4)]
        same([message.topic for message in got], ["alias/x", "alias/x", "alias/y", "alias/y"])
        same([message.payload for message in got], [b"1", b"2", b"3", b"4"])


@case_of_v5
def an_expiry_interval_travels_on():
    with Device(version=V5) as subscriber, Device(version=V5) as publisher:
        subscriber.subscribe("expiry/x", qos=1)
        publisher.publish("expiry/x", b"x", 1, properties=properties(PacketTypes.PUBLISH, MessageExpiryInterval=600))
        remaining = subscriber.take().properties.MessageExpiryInterval
        assert 500 < remaining <= 600, remaining


@case_of_v5
def no_more_than_the_receive_maximum_is_in_flight():
    given = properties(PacketTypes.CONNECT, ReceiveMaximum=2)
    with Device(version=V5, properties=given) as subscriber, Device(version=V5) as publisher:
        subscriber.subscribe("window/x", qos=2)
        for number in range(50):
            publisher.publish("window/x", b"%d" % number, qos=2)
        same(subscriber.take_payloads(50), [b"%d" % number for number in range(50)])


@case_of_v5
def a_subscriber_without_room_for_a_packet_does_not_get_it():
    given = properties(PacketTypes.CONNECT, MaximumPacketSize=1000)
    with Device(version=V5, properties=given) as subscriber, Device(version=V5) as publisher:
        subscriber.subscribe("room/x", qos=1)
        publisher.publish("room/x", b"x" * 2000, qos=1)
        publisher.publish("room/x", b"small", qos=1)
        same(subscriber.take().payload, b"small")


run()
