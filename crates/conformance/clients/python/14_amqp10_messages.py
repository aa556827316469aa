"""Messages of AMQP 1.0 with proton: every kind of body, every property, every type, there and back."""

import os
import uuid

from proton import (
    UNDESCRIBED,
    Array,
    Data,
    Described,
    Message,
    byte,
    char,
    decimal32,
    decimal64,
    decimal128,
    float32,
    int32,
    short,
    symbol,
    timestamp,
    ubyte,
    uint,
    ulong,
    ushort,
)

from links import Inbox, connected, node, send
from suite import case, run, same, unlike

# One value for each primitive type of the specification, and its bounds where there are some.
SCALARS = {
    "null": None,
    "true": True,
    "false": False,
    "ubyte": ubyte(255),
    "ushort": ushort(65535),
    "uint": uint(2**32 - 1),
    "uint small": uint(200),
    "uint zero": uint(0),
    "ulong": ulong(2**64 - 1),
    "ulong small": ulong(1),
    "byte": byte(-128),
    "short": short(-32768),
    "int": int32(-(2**31)),
    "int small": int32(5),
    "long": 2**63 - 1,
    "long small": -3,
    "float": float32(0.5),
    "double": 0.1,
    "decimal32": decimal32(12345),
    "decimal64": decimal64(2**40),
    "decimal128": decimal128(bytes(range(16))),
    "char": char("😀"),
    "timestamp": timestamp(1_700_000_000_123),
    "before 1970": timestamp(-1),
    "uuid": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "binary": b"\0\xff\x80",
    "empty binary": b"",
    "long binary": bytes(300),
    "string": "ünï 漢字 😀",
    "empty string": "",
    "long string": "x" * 300,
    "symbol": symbol("a-symbol"),
}


def through(message):
    """What comes back of a message."""
    with connected() as connection:
        address = node()
        send(connection, address, message)
        return Inbox(connection, address).take()


def locally(message):
    """What proton itself reads of what it writes: it does not keep every type of its own apart."""
    read = Message()
    read.decode(message.encode())
    return read


def unchanged(**given):
    """Sends a message with `given`, and expects every part of it back, in value and in type."""
    message = Message(**given)
    wanted, got = locally(message), through(message)
    same(got.inferred, wanted.inferred)
    for part in given:
        alike(getattr(got, part), getattr(wanted, part))
    return got


def alike(got, wanted):
    """Equal in value and in type, all the way down."""
    same(type(got), type(wanted))
    if isinstance(wanted, dict):
        same(len(got), len(wanted))
        for (got_key, got_value), (key, value) in zip(got.items(), wanted.items()):
            alike(got_key, key)
            alike(got_value, value)
    elif isinstance(wanted, (list, tuple)) and not isinstance(wanted, Described):
        same(len(got), len(wanted))
        for got_item, item in zip(got, wanted):
            alike(got_item, item)
    elif isinstance(wanted, Described):
        alike(got.descriptor, wanted.descriptor)
        alike(got.value, wanted.value)
    elif isinstance(wanted, Array):
        same((got.descriptor, got.type), (wanted.descriptor, wanted.type))
        alike(list(got.elements), list(wanted.elements))
    elif isinstance(wanted, memoryview):
        same(bytes(got), bytes(wanted))
    else:
        same(got, wanted)


@case
def a_body_of_bytes_is_data():
    for body in (b"", b"\0", os.urandom(1000)):
        message = unchanged(body=body, inferred=True)
        same((message.inferred, message.body), (True, body))


@case
def a_body_of_any_type_is_a_value():
    for value in SCALARS.values():
        if value is not None:
            unchanged(body=value, inferred=False)


@unlike(rabbitmq="makes it empty data")
@case
def no_body_and_null_are_no_body():
    unchanged(body=None, inferred=False)
    unchanged(body=None, inferred=True)


@unlike(rabbitmq="cannot write some of these bodies again")
@case
def a_body_of_a_map_or_a_list_is_a_value():
    for body in ({}, [], {"a": 1, "b": [1, {"c": None}]}, [[], {}, [[[]]]], {1: "one", symbol("s"): True, 2.5: b"x"}):
        unchanged(body=body, inferred=False)


@case
def a_list_of_a_message_may_be_a_sequence():
    same(unchanged(body=[1, "two", [3.0], {"four": 4}], inferred=True).inferred, True)


@unlike(rabbitmq="cannot write some of these bodies again")
@case
def described_values_and_arrays_come_back():
    unchanged(body=Described(symbol("example:point:list"), [1, 2]), inferred=False)
    for array in (
        Array(UNDESCRIBED, Data.INT, int32(1), int32(2), int32(300)),
        Array(UNDESCRIBED, Data.SYMBOL, symbol("a"), symbol("b")),
        Array(UNDESCRIBED, Data.ULONG),
        Array(symbol("example:unit"), Data.DOUBLE, 1.0, 2.0),
    ):
        unchanged(body=array, inferred=False)


@case
def application_properties_keep_their_types():
    unchanged(body="x", properties=dict(SCALARS))


@unlike(rabbitmq="adds its own")
@case
def annotations_keep_their_types():
    given = {symbol(f"x-opt-{name.replace(' ', '-')}"): value for name, value in SCALARS.items()}
    given |= {symbol("x-opt-list"): [1, [2, {"k": symbol("v")}]], symbol("x-opt-map"): {"a": {ulong(1): b"\0"}}}
    unchanged(body="x", annotations=given)


@case
def ids_of_every_type_come_back():
    for identity in ("text", "x" * 300, ulong(2**64 - 1), uuid.uuid4(), b"\0\xff"):
        unchanged(body="x", id=identity, correlation_id=identity)


@case
def every_property_comes_back():
    given = {
        "user_id": b"guest",
        "subject": "news",
        "reply_to": "queue://answers",
        "content_type": symbol("application/json"),
        "content_encoding": symbol("gzip"),
        "expiry_time": 4_102_444_800.0,
        "creation_time": 1_700_000_000.123,
        "group_id": "group",
        "group_sequence": 7,
        "reply_to_group_id": "other-group",
    }
    message = Message(body="x")
    for name, value in given.items():
        setattr(message, name, value)
    got = through(message)
    same({name: getattr(got, name) for name in given}, given)


@unlike(rabbitmq="fills properties in")
@case
def what_was_not_given_stays_absent():
    got = through(Message(body="x"))
    for name in ("id", "user_id", "subject", "reply_to", "correlation_id", "group_id"):
        assert not getattr(got, name), f"{name}: {getattr(got, name)!r}"
    same(got.properties, None)


@case
def the_address_of_the_sender_is_kept():
    got = through(Message(body="x", address="queue://wherever"))
    same(got.address, "queue://wherever")


@case
def header_fields_come_back():
    got = through(Message(body="x", durable=True, priority=9, ttl=60))
    same((got.durable, got.priority, got.first_acquirer, got.delivery_count), (True, 9, True, 0))
    assert 0 < got.ttl <= 60, got.ttl
    got = through(Message(body="x"))
    same((got.durable, got.priority, got.ttl), (False, 4, 0))


@unlike(rabbitmq="cannot write some of these bodies again")
@case
def deep_values_come_back():
    deep = "bottom"
    for _ in range(15):
        deep = [1, {"down": deep}]
    unchanged(body=deep, inferred=False)


@case
def many_properties_come_back():
    unchanged(body="x", properties={f"key-{number}": number for number in range(2_000)})


run()
