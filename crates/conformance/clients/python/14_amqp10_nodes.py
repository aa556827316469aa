"""Addresses of AMQP 1.0 with proton: queues and topics by every name, dynamic nodes, subscriptions, selectors."""

import proton
from proton import Delivery, Message
from proton.reactor import Copy, DurableSubscription, Selector
from proton.utils import LinkDetached, SendException

from links import REJECTED, Inbox, connected, node, send, sync, topic
from suite import case, run, same, unique, unlike


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
        addresses = [name, f"queue://{name}", f"/queues/{name}", f"/queue/{name}"]
        for address in addresses:
            send(connection, address, address)
            same(inbox.take().body, address)
        for address in addresses:
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


run()
