"""Connections and channels of AMQP 0-9-1 with pika."""

import pika
from pika.exceptions import ChannelClosedByBroker, ChannelWrongStateError

from channels import channel, close, connect, connection_refused, put, queue, get, refused_on
from suite import case, eventually, run, same, unique, unlike


@case
def connects_and_leaves():
    connection = connect()
    assert connection.is_open
    connection.close()
    assert connection.is_closed


@case
def server_properties_name_what_clients_look_for():
    connection = connect()
    properties = connection._impl.server_properties
    for name in ("product", "version", "platform"):
        assert properties[name], properties
    capabilities = properties["capabilities"]
    wanted = (
        "publisher_confirms",
        "basic.nack",
        "consumer_cancel_notify",
        "connection.blocked",
        "authentication_failure_close",
        "exchange_exchange_bindings",
        "consumer_priorities",
        "per_consumer_qos",
    )
    for name in wanted:
        assert capabilities.get(name) is True, f"{name} is not in {capabilities}"
    close(connection)


@unlike(rabbitmq="knows its users")
@case
def a_name_and_password_are_accepted_in_development():
    close(connect("someone", "secret"))


@unlike(rabbitmq="refuses a virtual host that nobody made, with 530")
@case
def an_unknown_virtual_host_is_the_default_one():
    one, other = connect(vhost="nobody-made-this"), connect()
    name = queue(one.channel(), exclusive=False, auto_delete=True)
    other.channel().queue_declare(name, passive=True)
    close(one)
    close(other)


@case
def limits_are_negotiated_downwards():
    connection = connect(channel_max=7, frame_max=8192, heartbeat=77)
    parameters = connection._impl.params
    same((parameters.channel_max, parameters.frame_max, parameters.heartbeat), (7, 8192, 77))
    channels = [connection.channel() for _ in range(7)]
    same([each.channel_number for each in channels], list(range(1, 8)))
    close(connection)


@case
def the_defaults_of_the_server_are_those_of_rabbitmq():
    connection = connect(channel_max=65535, heartbeat=None)
    parameters = connection._impl.params
    same((parameters.frame_max, parameters.heartbeat), (131072, 60))
    assert parameters.channel_max >= 255, parameters.channel_max
    close(connection)


@case
def the_smallest_frames_carry_a_large_body():
    body = bytes(range(256)) * 300
    with channel(frame_max=4096) as channel_:
        name = queue(channel_)
        put(channel_, name, body)
        same(get(channel_, name, auto_ack=True)[2], body)


@case
def heartbeats_keep_an_idle_connection():
    connection = connect(heartbeat=2)
    channel_ = connection.channel()
    # pika closes the connection itself after four seconds without a frame from the broker.
    connection.process_data_events(6)
    assert connection.is_open
    queue(channel_)
    close(connection)


@case
def many_channels_work_side_by_side():
    connection = connect()
    channels = [connection.channel() for _ in range(200)]
    names = [queue(each) for each in channels]
    for number, (each, name) in enumerate(zip(channels, names)):
        put(each, name, b"%d" % number)
    for number, (each, name) in enumerate(zip(channels, names)):
        same(get(each, name, auto_ack=True)[2], b"%d" % number)
    close(connection)


@case
def a_channel_number_can_be_used_again():
    connection = connect()
    for _ in range(3):
        one = connection.channel(channel_number=3)
        one.close()
    one = connection.channel(channel_number=3)
    refused_on(one, 404, lambda: one.queue_declare(unique("none-"), passive=True), "NOT_FOUND")
    again = connection.channel(channel_number=3)
    queue(again)
    close(connection)


@case
def a_closed_channel_takes_nothing_with_it():
    connection = connect()
    one, other = connection.channel(), connection.channel()
    name = queue(other)
    try:
        one.queue_declare(unique("none-"), passive=True)
        raise AssertionError("accepted")
    except ChannelClosedByBroker:
        pass
    try:
        one.basic_publish("", name, b"x")
        raise AssertionError("published on a closed channel")
    except (ChannelWrongStateError, ChannelClosedByBroker):
        pass
    put(other, name, b"y")
    same(get(other, name)[2], b"y")
    close(connection)


@case
def a_second_open_of_a_channel_ends_the_connection():
    def open_twice(channel_):
        channel_._impl._send_method(pika.spec.Channel.Open())

    connection_refused(504, open_twice, "CHANNEL_ERROR")


@case
def flow_is_answered():
    with channel() as channel_:
        # `active` is what the broker says it is now.
        same(channel_.flow(True), True)


@case
def the_secret_can_be_renewed():
    connection = connect()
    answers = []
    connection._impl.update_secret("another", "expired", answers.append)
    eventually("update-secret-ok", lambda: answers or connection.process_data_events(0.05))
    queue(connection.channel())
    close(connection)


run()
