"""Connections, sessions and links of AMQP 1.0 with proton: logins, addresses, credit, outcomes."""

import os

import proton
from proton import Delivery, Message
from proton.reactor import Copy, DurableSubscription, Selector
from proton.utils import LinkDetached, SendException

from links import (
    MODIFIED,
    REJECTED,
    RELEASED,
    Inbox,
    connect,
    connected,
    cut,
    node,
    send,
    settle,
    sync,
    topic,
    turn,
)
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
def modified_without_failure_counts_nothing_and_adds_annotations():
    with connected() as connection:
        address = node()
        send(connection, address, "x")
        inbox = Inbox(connection, address)
        _, delivery = inbox.one()
        delivery.local.annotations = {proton.symbol("x-opt-why"): "not now"}
        settle(delivery, MODIFIED)
        message = inbox.take()
        same((message.delivery_count, message.annotations[proton.symbol("x-opt-why")]), (0, "not now"))


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
def everybody_gets_a_copy_of_a_topic():
    with connected() as connection:
        address = topic(unique("news-"))
        inboxes = [Inbox(connection, address, credit=10) for _ in range(3)]
        sync(connection)
        send(connection, address, "a", "b")
        for inbox in inboxes:
            same(inbox.bodies(2), ["a", "b"])


@unlike(rabbitmq="writes addresses in other ways, and # for the rest")
@case
def the_addresses_of_both_worlds_name_the_same_queue():
    name = unique("named.so-")
    with connected() as connection:
        inbox = Inbox(connection, name)
        addresses = [name, f"queue://{name}", f"/queues/{name}", f"/queue/{name}", f"/exchanges//{name}"]
        for address in addresses[:4]:
            send(connection, address, address)
            same(inbox.take().body, address)
        for address in addresses[:4]:
            send(connection, name, address)
            same(Inbox(connection, address).take().body, address)


@unlike(rabbitmq="writes addresses in other ways, and # for the rest")
@case
def the_addresses_of_both_worlds_name_the_same_topic():
    root = unique("root-")
    with connected() as connection:
        one = Inbox(connection, f"topic://{root}.*", credit=10)
        rest = Inbox(connection, f"topic://{root}.>", credit=10)
        sync(connection)
        send(connection, f"topic://{root}.a", "1")
        send(connection, f"/exchanges/amq.topic/{root}.b", "2")
        send(connection, f"/topic/{root}.c", "3")
        send(connection, f"topic://{root}.a.b", "4")
        same(one.bodies(3), ["1", "2", "3"])
        same(rest.bodies(4), ["1", "2", "3", "4"])


@unlike(rabbitmq="has these addresses since 4.0")
@case
def percent_encoded_parts_of_an_address_are_decoded():
    name = unique("a/b c-")
    encoded = name.replace("/", "%2F").replace(" ", "%20")
    with connected() as connection:
        try:
            connection.create_sender(f"/queues/{encoded}")
            raise AssertionError("attached to a queue that nobody made")
        except LinkDetached as error:
            same(error.condition, "amqp:not-found")
        send(connection, f"queue://{name}", "y")
        inbox = Inbox(connection, f"/queues/{encoded}")
        same(inbox.take().body, "y")
        send(connection, f"/queues/{encoded}", "x")
        same(inbox.take().body, "x")


@unlike(rabbitmq="closes the session")
@case
def an_address_that_is_none_is_refused():
    for address in (f"/exchanges/{unique('never-')}/key", "/nonsense/x", "/exchanges/"):
        with connected() as connection:
            try:
                connection.create_sender(address)
                raise AssertionError(f"attached to {address}")
            except LinkDetached as error:
                assert error.condition.startswith("amqp:"), error.condition
            send(connection, node(), "the connection goes on")


@unlike(rabbitmq="has no null target before 4.0")
@case
def the_anonymous_relay_sends_where_each_message_says():
    with connected() as connection:
        sender = connection.create_sender(None)
        addresses = [node(), node(), topic(unique("t-"))]
        inboxes = [Inbox(connection, address, credit=5) for address in addresses]
        sync(connection)
        for address in addresses:
            same(sender.send(Message(address=address, body=address)).remote_state, Delivery.ACCEPTED)
        for address, inbox in zip(addresses, inboxes):
            same(inbox.take().body, address)
        for bad in (None, f"/exchanges/{unique('never-')}/key"):
            try:
                sender.send(Message(address=bad, body="lost"))
                raise AssertionError(f"accepted for {bad}")
            except SendException as error:
                same(error.state, Delivery.REJECTED)
        sender.send(Message(address=addresses[0], body="the link goes on"))


@unlike(rabbitmq="has no dynamic sources before 4.0")
@case
def a_dynamic_node_answers_a_question():
    with connected() as asker, connected() as worker:
        address = node()
        answers = Inbox(asker, None, dynamic=True, credit=10)
        assert answers.address, "a name"
        for number in range(3):
            question = Message(body=number, reply_to=answers.address, correlation_id=f"q-{number}")
            send(asker, address, question)
            got = Inbox(worker, address).take()
            send(worker, got.reply_to, Message(body=got.body * 2, correlation_id=got.correlation_id))
            answer = answers.take()
            same((answer.body, answer.correlation_id), (number * 2, f"q-{number}"))


@unlike(rabbitmq="has no dynamic sources before 4.0")
@case
def a_dynamic_node_ends_with_its_link():
    with connected() as connection, connected() as other:
        inbox = Inbox(connection, None, dynamic=True)
        address = inbox.address
        inbox.close()
        try:
            other.create_sender(address).send(Message(body="nobody is there"))
            raise AssertionError("accepted")
        except (LinkDetached, SendException):
            pass


@unlike(rabbitmq="has no durable subscriptions here")
@case
def a_durable_subscription_collects_while_its_client_is_away():
    container, name, address = unique("container-"), unique("sub-"), topic(unique("news-"))
    with connected(container_id=container) as connection:
        inbox = Inbox(connection, address, DurableSubscription(), name=name)
        send(connection, address, "here")
        same(inbox.take().body, "here")
        inbox.detach()
        send(connection, address, Message(body="away 1", durable=True))
    with connected() as connection:
        send(connection, address, Message(body="away 2", durable=True))
    with connected(container_id=container) as connection:
        inbox = Inbox(connection, address, DurableSubscription(), name=name)
        same(inbox.bodies(2), ["away 1", "away 2"])
        inbox.empty()
        # Closing the link, not detaching it, ends the subscription.
        inbox.close()
        send(connection, address, Message(body="nobody's any more", durable=True))
        inbox = Inbox(connection, address, DurableSubscription(), name=name)
        inbox.empty()
        inbox.close()


@unlike(rabbitmq="has no browsers here")
@case
def a_browser_takes_nothing_away():
    with connected() as connection:
        address = node()
        send(connection, address, "a", "b", "c")
        browser = Inbox(connection, address, Copy(), credit=10)
        same(browser.bodies(3), ["a", "b", "c"])
        browser.link.close()
        same(Inbox(connection, address).bodies(3), ["a", "b", "c"])


@unlike(rabbitmq="has no selectors before 4.1")
@case
def a_selector_chooses():
    with connected() as connection:
        address = node()
        for colour, size in (("red", 1), ("blue", 5), ("red", 9)):
            send(connection, address, Message(body=size, properties={"colour": colour, "size": size}))
        inbox = Inbox(connection, address, Selector("colour = 'red' AND size BETWEEN 5 AND 10"))
        assert proton.symbol("selector") in inbox.filters(), inbox.filters()
        same(inbox.take().body, 9)
        inbox.empty()
        same(Inbox(connection, address).bodies(2), [1, 5])


@unlike(rabbitmq="has no selectors before 4.1")
@case
def a_selector_sees_header_and_properties():
    with connected() as connection:
        address = node()
        send(connection, address, Message(body="a", subject="news", correlation_id="c", priority=7))
        send(connection, address, Message(body="b", subject="other", id="m-1"))
        same(Inbox(connection, address, Selector("JMSType = 'news' AND JMSPriority > 5")).take().body, "a")
        same(Inbox(connection, address, Selector("JMSCorrelationID IS NULL")).take().body, "b")


@unlike(rabbitmq="has no selectors before 4.1")
@case
def a_selector_that_is_none_is_refused():
    with connected() as connection:
        try:
            Inbox(connection, node(), Selector("colour = = 'red'"))
            raise AssertionError("attached")
        except LinkDetached as error:
            same(error.condition, "amqp:invalid-field")
        send(connection, node(), "the connection goes on")


@case
def a_large_message_takes_many_frames():
    with connected(max_frame_size=4096) as connection:
        address, body = node(), os.urandom(MIB)
        send(connection, address, Message(body=body))
        assert Inbox(connection, address).take().body == body


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
