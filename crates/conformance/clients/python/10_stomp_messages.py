"""Messages of STOMP with stomp.py: headers, bodies, order."""

import os

from frames import VERSIONS, Client
from suite import case, run, same, unique, unlike

MIB = 1024 * 1024


def through(version, body, **headers):
    """What comes back of a message: its MESSAGE frame."""
    name = unique("/queue/")
    with Client(version) as client:
        client.subscribe(name)
        client.send(name, body, **headers)
        return client.take()


@case
def a_message_names_where_it_is_from():
    for version in VERSIONS:
        with Client(version) as client:
            name = unique("/queue/")
            identity = client.subscribe(name, "client-individual" if version != "1.0" else "client")
            client.send(name, b"x")
            message = client.take()
            same((message.headers["destination"], message.headers["subscription"]), (name, identity))
            assert message.headers["message-id"]
            assert version != "1.2" or message.headers["ack"], message.headers
            client.ack(message)


@case
def message_ids_differ():
    with Client() as client:
        name = unique("/queue/")
        client.subscribe(name)
        for _ in range(50):
            client.send(name, b"x")
        same(len({client.take().headers["message-id"] for _ in range(50)}), 50)


@case
def bodies_of_every_kind_arrive_unchanged():
    bodies = [b"", b"\0", b"a\0b", bytes(range(256)), "ünï 漢字 😀".encode(), b"\n\n", b"\r\n", b"x" * 65536]
    for version in VERSIONS:
        for body in bodies:
            same(through(version, body).body, body)


@case
def a_mebibyte_arrives():
    body = os.urandom(MIB)
    assert through("1.2", body).body == body


@case
def text_without_a_length_arrives():
    for version in VERSIONS:
        for body in ("text", "漢字 😀 \U0010fffd"):
            same(through(version, body).body, body.encode())


@case
def a_body_with_nul_says_its_length():
    message = through("1.2", b"a\0b")
    same(message.headers["content-length"], "3")


@case
def the_content_type_arrives():
    same(through("1.2", b"{}", content_type="application/json").headers["content-type"], "application/json")
    text = "text/plain;charset=utf-8"
    same(through("1.2", "text", content_type=text).headers["content-type"], text)


@case
def own_headers_arrive_unchanged():
    own = {"colour": "red", "Mixed-Case": "Yes", "empty": "", "ünï": "漢字 😀", "number": "5", "with.dots": "a;b=c"}
    for version in VERSIONS:
        headers = through(version, b"x", extra=own).headers
        same({name: headers.get(name) for name in own}, own)


@case
def escaped_characters_arrive_unchanged():
    # Header names with such characters are tested in Rust: stomp.py cannot write them.
    own = {"colon": "a:b", "line": "one\ntwo", "backslash": "a\\nb\\", "mixed": "\\:\n\\\\n"}
    headers = through("1.1", b"x", extra=own).headers
    same({name: headers.get(name) for name in own}, own)
    own["return"] = "a\r\nb"
    headers = through("1.2", b"x", extra=own).headers
    same({name: headers.get(name) for name in own}, own)


@unlike(rabbitmq="keeps no expires, and renames reply-to")
@case
def headers_with_a_meaning_arrive():
    given = {
        "correlation-id": "c-1",
        "reply-to": "/queue/answers",
        "type": "greeting",
        "priority": "7",
        "persistent": "true",
        "expires": "4102444800000",
    }
    headers = through("1.2", b"x", extra=given).headers
    same({name: headers.get(name) for name in given}, given)


@unlike(rabbitmq="adds no timestamp")
@case
def the_broker_adds_priority_and_time():
    headers = through("1.2", b"x").headers
    same(headers["priority"], "4")
    assert int(headers["timestamp"]) > 1_700_000_000_000, headers


@unlike(rabbitmq="keeps no expires: its own header is expiration, in milliseconds from now")
@case
def what_expired_is_not_delivered():
    name = unique("/queue/")
    with Client() as client:
        client.send(name, b"old", expires=1_000_000_000_000)
        client.send(name, b"never old", expires=0)
        client.subscribe(name)
        same(client.take().body, b"never old")
        client.nothing()


@case
def order_is_kept():
    name = unique("/queue/")
    with Client() as client:
        client.subscribe(name)
        for number in range(1_000):
            client.connection.send(name, b"%d" % number)
        same(client.bodies(1_000), [b"%d" % number for number in range(1_000)])


@case
def a_queue_keeps_messages_until_somebody_comes():
    name = unique("/queue/")
    with Client() as client:
        for number in range(5):
            client.send(name, b"%d" % number, persistent="true")
    with Client() as client:
        client.subscribe(name)
        same(client.bodies(5), [b"0", b"1", b"2", b"3", b"4"])


run()
