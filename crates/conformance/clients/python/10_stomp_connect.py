"""STOMP connections with stomp.py."""

import time

from frames import VERSIONS, Client, refused
from suite import case, run, same, unique, unlike


@case
def every_version_connects_and_leaves():
    for version in VERSIONS:
        with Client(version) as client:
            same(client.connected.get("version", "1.0"), version)
            assert client.connected["session"], client.connected


@case
def the_server_names_itself():
    with Client() as client:
        assert "/" in client.connected["server"], client.connected


@unlike(rabbitmq="knows its users")
@case
def a_name_and_password_are_accepted_in_development():
    for login in (("someone", "secret"), (None, None)):
        with Client(login=login) as client:
            client.nothing()


@unlike(rabbitmq="refuses a host that is no virtual host")
@case
def a_host_that_is_no_virtual_host_is_the_default_one():
    name = unique("/queue/")
    with Client(host="nobody-made-this.example.org") as one, Client() as other:
        one.send(name, b"x")
        other.subscribe(name)
        same(other.take().body, b"x")


@case
def heart_beats_keep_an_idle_connection():
    with Client(heartbeats=(2000, 2000)) as client:
        theirs, _ours = map(int, client.connected["heart-beat"].split(","))
        assert theirs > 0, client.connected
        # stomp.py closes the connection itself when the broker's beats stay away.
        time.sleep(5)
        assert not client.closed.is_set()
        client.nothing()


@case
def no_heart_beats_are_forced_on_anybody():
    with Client(heartbeats=(0, 0)) as client:
        same(client.connected.get("heart-beat", "0,0").split(",")[1], "0")
        client.nothing()


@case
def disconnecting_is_answered_after_everything_before_it():
    name = unique("/queue/")
    client = Client()
    for number in range(100):
        client.connection.send(name, b"%d" % number)
    client.disconnect()
    with Client() as other:
        other.subscribe(name)
        same(other.bodies(100), [b"%d" % number for number in range(100)])


@unlike(rabbitmq="stays open, and does not say which frame it was", activemq="takes any destination for a queue")
@case
def an_error_says_what_and_closes():
    error = refused(lambda client: client.subscribe("/nonsense/x"))
    assert error.headers["message"], error
    assert error.headers.get("receipt-id", "").startswith("receipt-"), error.headers
    assert b"nonsense" in bytes(error.headers["message"], "utf8") + _bytes(error.body), error


@unlike(rabbitmq="stays open", activemq="takes any destination for a queue")
@case
def others_do_not_notice_an_error():
    with Client() as bystander:
        refused(lambda client: client.subscribe("/nonsense/x"))
        bystander.nothing()


def _bytes(body):
    return body.encode() if isinstance(body, str) else body


run()
