"""Subscriptions and topic matching with Paho."""

import queue

from paho.mqtt.packettypes import PacketTypes

from device import V5, V311, VERSIONS, Device, case_of_v5, properties, unique
from suite import DEADLINE, case, run, same


def matching(filters, topics):
    """The topics whose messages a subscriber of `filters` gets, in order."""
    with Device() as device:
        device.subscribe(*filters)
        for topic in topics:
            device.publish(topic, topic.encode())
        last = unique("last/")
        device.subscribe(last)
        device.publish(last)
        got = []
        while (message := device.take()).topic != last:
            same(message.payload, message.topic.encode())
            got.append(message.topic)
        return got


@case
def exact_topics_match_themselves_only():
    same(matching(["e/a"], ["e/a", "e/b", "e/a/b", "e", "/e/a", "e/a/", "E/a"]), ["e/a"])


@case
def plus_matches_one_level():
    same(matching(["p/+/t"], ["p/x/t", "p//t", "p/x/y/t", "p/t", "p/x/u"]), ["p/x/t", "p//t"])
    same(matching(["+/q"], ["a/q", "/q", "q", "a/b/q"]), ["a/q", "/q"])
    same(matching(["r/+"], ["r/x", "r/", "r", "r/x/y"]), ["r/x", "r/"])


@case
def hash_matches_the_rest_and_the_parent():
    same(matching(["h/#"], ["h", "h/", "h/a", "h/a/b", "hh", "x/h"]), ["h", "h/", "h/a", "h/a/b"])


@case
def empty_levels_are_levels():
    same(matching(["/+"], ["/z", "z", "z/z"]), ["/z"])
    same(matching(["z//z"], ["z//z", "z/z"]), ["z//z"])


@case
def dots_and_spaces_are_ordinary_characters():
    topics = ["dot.ted/to.pic", "dot/ted/to/pic", "with space/ü/漢/😀"]
    same(matching(["dot.ted/to.pic"], topics), ["dot.ted/to.pic"])
    same(matching(["with space/+/漢/😀"], topics), ["with space/ü/漢/😀"])


@case
def wildcards_do_not_see_dollar_topics():
    same(matching(["#", "+/secret"], ["$hidden/secret", "open/secret"])[:1], ["open/secret"])


@case
def several_filters_in_one_packet_get_a_code_each():
    for version in VERSIONS:
        with Device(version=version) as device:
            same(device.subscribe("s/a", "s/+/b", "s/c/#", qos=1), [1, 1, 1])
            same(device.subscribe("s/a", qos=2), [2])
            same(device.subscribe("s/a", qos=0), [0])


@case
def a_repeated_subscription_replaces_the_first():
    with Device() as device:
        device.subscribe("again/x", qos=0)
        device.subscribe("again/x", qos=1)
        device.publish("again/x", b"one", qos=1)
        same(device.take().qos, 1)
        device.nothing()


@case
def overlapping_filters_deliver_at_least_once_at_the_highest_qos():
    with Device() as device:
        device.subscribe("over/#", qos=1)
        device.subscribe("over/+", qos=2)
        device.publish("over/x", b"one", qos=2)
        same(device.take().qos, 2)


@case
def unsubscribing_stops_delivery():
    for version in VERSIONS:
        with Device(version=version) as device:
            device.subscribe("stop/x", "stop/y")
            device.unsubscribe("stop/x")
            device.publish("stop/x", b"unwanted")
            device.publish("stop/y", b"wanted")
            same(device.take().topic, "stop/y")
            device.nothing()


@case
def unsubscribing_from_nothing_is_answered():
    for version in VERSIONS:
        with Device(version=version) as device:
            reasons = device.unsubscribe("never/subscribed")
            # "No subscription existed" is a word of MQTT 5 only.
            assert version != V5 or reasons == [0x11], reasons


@case
def many_subscribers_get_a_copy_each():
    devices = [Device() for _ in range(20)]
    for device in devices:
        device.subscribe("fan/out", qos=1)
    with Device() as publisher:
        for number in range(20):
            publisher.publish("fan/out", b"%d" % number, qos=1)
    for device in devices:
        same(device.take_payloads(20), [b"%d" % number for number in range(20)])
        device.disconnect()


@case_of_v5
def no_local_keeps_own_messages_away():
    with Device(version=V5) as device, Device(version=V5) as other:
        device.subscribe("local/x", noLocal=True)
        device.publish("local/x", b"own")
        other.publish("local/x", b"other", qos=1)
        same(device.take().payload, b"other")
        device.nothing()


@case_of_v5
def subscription_identifiers_come_back():
    with Device(version=V5) as device:
        given = properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=7)
        device.subscribe("ident/x", properties=given)
        device.publish("ident/x", b"one")
        same(device.take().properties.SubscriptionIdentifier, [7])


@case_of_v5
def a_shared_subscription_splits_the_messages():
    for version in (V311, V5):
        topic = unique("shared/")
        devices = [Device(version=version) for _ in range(3)]
        inbox = queue.Queue()
        for device in devices:
            device.client.on_message = lambda _c, _u, message: inbox.put(message)
            same(device.subscribe(f"$share/group/{topic}", qos=1), [1])
        with Device() as publisher:
            for number in range(30):
                publisher.publish(topic, b"%d" % number, qos=1)
        got = [inbox.get(timeout=DEADLINE).payload for _ in range(30)]
        same(sorted(got, key=int), [b"%d" % number for number in range(30)])
        for device in devices:
            device.disconnect()
        assert inbox.empty()


@case_of_v5
def a_shared_and_a_plain_subscriber_both_get_it():
    with Device() as plain, Device(version=V5) as shared, Device() as publisher:
        plain.subscribe("both/x", qos=1)
        shared.subscribe("$share/g/both/x", qos=1)
        publisher.publish("both/x", b"one", qos=1)
        same(plain.take().payload, b"one")
        same(shared.take().payload, b"one")


run()
