"""Connections, sessions and links of AMQP 1.0 with proton: logins, credit, outcomes."""

import os

import proton
from proton import Delivery, Message

from links import MODIFIED, REJECTED, RELEASED, Inbox, connect, connected, cut, node, send, settle, sync, turn
from suite import case, eventually, run, same, unique, unlike

MIB = 1024 * 1024


@case
def plain_and_anonymous_connect():
    for options in ({"allowed_mechs": "PLAIN"}, {"allowed_mechs": "ANONYMOUS", "user": None, "password": None}):
        with connected(**options) as connection:
            send(connection, node(), "x")


@unlike(rabbitmq="knows its users")
@case
def a_name_and_password_are_accepted_in_development():
    with connected(user="someone", password="secret") as connection:
        send(connection, node(), "x")


@unlike(rabbitmq="offers nothing before 4.0")
@case
def the_open_offers_what_clients_look_for():
    with connected() as connection:
        remote = connection.conn
        assert remote.remote_container, "a container id"
        offered = [str(each) for each in remote.remote_offered_capabilities]
        assert "ANONYMOUS-RELAY" in offered, offered
        assert remote.remote_properties["product"], remote.remote_properties
        assert remote.remote_properties["version"], remote.remote_properties


@unlike(rabbitmq="knows its virtual hosts")
@case
def an_unknown_host_is_the_default_one():
    address = node()
    with connected(virtual_host="nobody-made-this") as one, connected() as other:
        send(one, address, "x")
        same(Inbox(other, address).take().body, "x")


@case
def an_idle_connection_is_kept_by_empty_frames():
    # proton announces half of it, and ends the connection itself after all of it.
    with connected(heartbeat=2) as connection:
        turn(connection, 4.5)
        send(connection, node(), "x")


@case
def a_message_goes_there_and_back():
    with connected() as connection:
        address = node()
        sender = connection.create_sender(address)
        same(sender.send(Message(body="x")).remote_state, Delivery.ACCEPTED)
        inbox = Inbox(connection, address)
        same(inbox.address, address)
        same(inbox.take().body, "x")
        inbox.empty()


@case
def order_is_kept():
    with connected() as connection:
        address = node()
        sender = connection.create_sender(address).link
        deliveries = []
        for number in range(300):
            connection.wait(lambda: sender.credit > 0)
            deliveries.append(sender.send(Message(body=number)))
        connection.wait(lambda: all(delivery.settled for delivery in deliveries))
        same({delivery.remote_state for delivery in deliveries}, {Delivery.ACCEPTED})
        same(Inbox(connection, address, credit=300).bodies(300), list(range(300)))


@case
def credit_limits_what_comes():
    with connected() as connection:
        address = node()
        send(connection, address, *range(10))
        inbox = Inbox(connection, address, credit=3)
        eventually("3 messages", lambda: len(inbox.messages) == 3 or turn(connection))
        sync(connection)
        same(len(inbox.messages), 3)
        # Settling is not credit.
        for _, delivery in inbox.messages:
            settle(delivery, Delivery.ACCEPTED)
        sync(connection)
        same([message.body for message, _ in inbox.messages], [0, 1, 2])
        inbox.messages.clear()
        inbox.credit(2)
        same(inbox.bodies(2), [3, 4])


@case
def a_credit_waits_for_what_comes_later():
    with connected() as connection:
        address = node()
        inbox = Inbox(connection, address, credit=2)
        send(connection, address, "a", "b", "c")
        same(inbox.bodies(2), ["a", "b"])
        sync(connection)
        same(inbox.messages, [])


@unlike(rabbitmq="never ends a drain before 4.0")
@case
def a_drain_hands_out_what_is_there_and_ends_the_credit():
    with connected() as connection:
        address = node()
        send(connection, address, "a", "b")
        inbox = Inbox(connection, address)
        inbox.link.drain(10)
        connection.wait(lambda: inbox.link.credit == 0 and len(inbox.messages) == 2, msg="drain")
        inbox.link.drain_mode = False
        same(inbox.bodies(2), ["a", "b"])
        send(connection, address, "later")
        sync(connection)
        same(inbox.messages, [])
        same(inbox.take().body, "later")


@unlike(rabbitmq="never ends a drain before 4.0")
@case
def a_drain_of_an_empty_queue_ends_at_once():
    with connected() as connection:
        inbox = Inbox(connection, node())
        for _ in range(3):
            inbox.empty()


@case
def settled_deliveries_are_gone():
    with connected() as connection:
        address = node()
        send(connection, address, "a", "b")
        inbox = Inbox(connection, address, settled=True)
        message, delivery = inbox.one()
        same((message.body, delivery.settled), ("a", True))
        same(inbox.take().body, "b")
        inbox.link.close()
        Inbox(connection, address).empty()


@case
def settled_transfers_need_no_answer():
    with connected() as connection:
        address = node()
        sender = connection.create_sender(address, options=[proton.reactor.AtMostOnce()])
        for number in range(20):
            sender.send(Message(body=number))
        same(Inbox(connection, address, credit=20).bodies(20), list(range(20)))


@case
def what_is_released_comes_again():
    with connected() as connection:
        address = node()
        send(connection, address, "x")
        inbox = Inbox(connection, address)
        for _ in range(3):
            message, delivery = inbox.one()
            same((message.body, message.delivery_count), ("x", 0))
            settle(delivery, RELEASED)
        inbox.take()
        inbox.empty()


@unlike(rabbitmq="knows no modified before 4.0")
@case
def what_failed_is_counted():
    with connected() as connection:
        address = node()
        send(connection, address, "x")
        inbox = Inbox(connection, address)
        for number in range(3):
            message, delivery = inbox.one()
            same((message.delivery_count, message.first_acquirer), (number, number == 0))
            delivery.local.failed = True
            settle(delivery, MODIFIED)
        same(inbox.take().delivery_count, 3)


@unlike(rabbitmq="knows no modified before 4.0")
@case
def modified_without_failure_counts_nothing():
    with connected() as connection:
        address = node()
        send(connection, address, "x")
        inbox = Inbox(connection, address)
        # The receiver's annotations are not kept: ActiveMQ keeps none either.
        _, delivery = inbox.one()
        delivery.local.annotations = {proton.symbol("x-opt-why"): "not now"}
        settle(delivery, MODIFIED)
        same(inbox.take().delivery_count, 0)


@unlike(rabbitmq="knows no modified before 4.0")
@case
def what_is_undeliverable_here_does_not_come_back_here():
    with connected() as connection:
        address = node()
        send(connection, address, "x")
        inbox = Inbox(connection, address)
        _, delivery = inbox.one()
        delivery.local.failed = True
        delivery.local.undeliverable = True
        settle(delivery, MODIFIED)
        inbox.empty()


@case
def what_is_rejected_is_gone():
    with connected() as connection:
        address = node()
        send(connection, address, "x")
        inbox = Inbox(connection, address)
        _, delivery = inbox.one()
        delivery.local.condition = proton.Condition("test:bad", "cannot be read")
        settle(delivery, REJECTED)
        inbox.empty()


@unlike(rabbitmq="has no such queue here")
@case
def what_is_rejected_becomes_a_dead_letter():
    # "jobs" has a dead-letter queue by configuration.
    with connected() as connection:
        send(connection, "jobs", Message(body="bad", properties={"colour": "red"}, durable=True))
        settle(Inbox(connection, "jobs").one()[1], REJECTED)
        message = Inbox(connection, "dead").take()
        same((message.body, message.properties["colour"]), ("bad", "red"))


@unlike(rabbitmq="waits for the end of the session")
@case
def a_link_that_ends_gives_back_what_it_held():
    with connected() as connection:
        address = node()
        send(connection, address, "x")
        inbox = Inbox(connection, address)
        inbox.one()
        inbox.link.close()
        same(Inbox(connection, address).take().body, "x")


@case
def a_connection_that_breaks_gives_back_what_it_held():
    address = node()
    with connected() as connection:
        send(connection, address, "x")
    broken = connect()
    Inbox(broken, address).one()
    cut(broken)
    with connected() as connection:
        message = Inbox(connection, address).take()
        same((message.body, message.first_acquirer), ("x", False))


@case
def receivers_share_a_queue():
    with connected() as connection:
        address = node()
        inboxes = [Inbox(connection, address, credit=10) for _ in range(3)]
        send(connection, address, *range(30))
        eventually("30", lambda: sum(len(inbox.messages) for inbox in inboxes) == 30 or turn(connection))
        same([len(inbox.messages) for inbox in inboxes], [10, 10, 10])


@case
def a_large_message_takes_many_frames():
    with connected(max_frame_size=4096) as connection:
        address, body = node(), os.urandom(MIB)
        send(connection, address, Message(body=body))
        # The body is memory of the message, which must live as long.
        message = Inbox(connection, address).take()
        assert bytes(message.body) == body


@unlike(rabbitmq="has no limit to tell")
@case
def the_largest_message_is_told():
    with connected() as connection:
        sender = connection.create_sender(node())
        assert sender.link.remote_max_message_size >= MIB, sender.link.remote_max_message_size


@case
def what_expired_is_not_delivered():
    with connected() as connection:
        address = node()
        send(connection, address, Message(body="old", ttl=0.05), Message(body="new", ttl=60))
        inbox = Inbox(connection, address)

        def only_new():
            message = inbox.take()
            return message.body == "new" or send(connection, address, Message(body="old", ttl=0.05))

        eventually("the message that did not expire", only_new)


@case
def many_links_work_side_by_side():
    with connected() as connection:
        addresses = [node() for _ in range(100)]
        inboxes = [Inbox(connection, address, credit=1) for address in addresses]
        for address in addresses:
            send(connection, address, address)
        same([inbox.take().body for inbox in inboxes], addresses)


@case
def a_second_session_is_a_world_of_its_own():
    with connected() as connection:
        address = node()
        send(connection, address, "x")
        session = connection.conn.session()
        session.open()
        connection.wait(lambda: session.state & session.REMOTE_ACTIVE, msg="begin")
        receiver = session.receiver(unique("r-"))
        receiver.source.address = address
        receiver.open()
        connection.wait(lambda: receiver.state & receiver.REMOTE_ACTIVE, msg="attach")
        session.close()
        connection.wait(lambda: not session.state & session.REMOTE_ACTIVE, msg="end")
        same(Inbox(connection, address).take().body, "x")


run()
