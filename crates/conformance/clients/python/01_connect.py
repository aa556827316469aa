"""CONNECT and CONNACK with Paho."""

from paho.mqtt.packettypes import PacketTypes

from device import V5, V311, VERSIONS, Device, case_of_v5, Refused, properties, unique
from suite import case, run, same


@case
def every_version_connects_and_leaves():
    for version in VERSIONS:
        with Device(version=version) as device:
            assert not device.session_present
            device.nothing()


@case
def empty_client_id_gets_a_clean_session():
    with Device("", version=V311) as one, Device("", version=V311) as two:
        one.nothing()
        two.nothing()


@case_of_v5
def empty_client_id_is_told_its_name_in_v5():
    with Device("", version=V5) as one, Device("", version=V5) as two:
        assert one.connack.AssignedClientIdentifier
        assert one.connack.AssignedClientIdentifier != two.connack.AssignedClientIdentifier


@case
def long_client_ids_are_accepted():
    for length in (23, 24, 255):
        with Device("c" * length) as device:
            device.nothing()


@case
def a_name_and_password_are_accepted_in_development():
    for version in VERSIONS:
        with Device(version=version, login=("someone", "secret")) as device:
            device.nothing()


@case
def a_second_connection_of_the_id_closes_the_first():
    for version in VERSIONS:
        name = unique("twin-")
        first = Device(name, version=version)
        with Device(name, version=version) as second:
            reason = first.wait_closed()
            if version == V5:
                same(reason.value, 0x8E)
            second.nothing()


@case_of_v5
def connack_tells_limits_in_v5():
    with Device(version=V5, properties=properties(PacketTypes.CONNECT, ReceiveMaximum=5)) as device:
        limits = device.connack
        assert getattr(limits, "ReceiveMaximum", 65535) > 0
        assert getattr(limits, "MaximumQoS", 2) == 2
        assert getattr(limits, "RetainAvailable", 1) == 1
        assert getattr(limits, "WildcardSubscriptionAvailable", 1) == 1
        assert getattr(limits, "SharedSubscriptionAvailable", 1) == 1


@case
def a_persistent_session_without_an_id_is_refused():
    try:
        Device("", version=V311, clean=False)
    except (Refused, ValueError):
        # Paho refuses by itself; the wire is tested in Rust.
        return
    raise AssertionError("accepted")


run()
