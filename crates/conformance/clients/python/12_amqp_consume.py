"""Consuming in AMQP 0-9-1 with pika: deliveries, settlement, credit, cancellation."""

from pika.spec import Basic

from channels import (
    Inbox,
    bodies,
    close,
    confirming,
    connect,
    connection_refused,
    consumers,
    count,
    cut,
    empty,
    get,
    put,
    queue,
    refused,
    refused_on,
)
from suite import case, eventually, run, same, unique


def filled(channel_, number, **options):
    """A new queue with the messages 0, 1, …"""
    name = queue(channel_, **options)
    for each in range(number):
        put(channel_, name, b"%d" % each)
    return name


def seen(messages):
    """(redelivered, body) of each delivery."""
    return [(method.redelivered, body) for method, _, body in messages]


@case
def a_delivery_names_its_consumer_and_number():
    with confirming() as channel_:
        name = filled(channel_, 3)
        inbox = Inbox(channel_, name, consumer_tag="my-tag")
        methods = [method for method, _, _ in inbox.take(3)]
        same([method.delivery_tag for method in methods], [1, 2, 3])
        same({method.consumer_tag for method in methods}, {"my-tag"})
        same({(method.exchange, method.routing_key, method.redelivered) for method in methods}, {("", name, False)})


@case
def acknowledged_messages_are_gone():
    with confirming() as watcher:
        name = filled(watcher, 10)
        other = watcher.connection.channel()
        inbox = Inbox(other, name)
        for method, _, _ in inbox.take(5):
            other.basic_ack(method.delivery_tag)
        tags = [method.delivery_tag for method, _, _ in inbox.take(5)]
        other.basic_ack(tags[2], multiple=True)
        other.close()
        same(seen([get(watcher, name), get(watcher, name)]), [(True, b"8"), (True, b"9")])
        empty(watcher, name)


@case
def zero_and_multiple_acknowledge_everything():
    with confirming() as channel_:
        name = filled(channel_, 5)
        inbox = Inbox(channel_, name)
        inbox.take(5)
        channel_.basic_cancel(inbox.tag)
        channel_.basic_ack(0, multiple=True)
        channel_.basic_recover(requeue=True)
        empty(channel_, name)


@case
def without_acknowledgement_a_delivery_is_the_end():
    with confirming() as channel_:
        name = filled(channel_, 5)
        inbox = Inbox(channel_, name, auto_ack=True)
        same(inbox.bodies(5), [b"0", b"1", b"2", b"3", b"4"])
        channel_.basic_cancel(inbox.tag)
        channel_.basic_recover(requeue=True)
        empty(channel_, name)


@case
def get_takes_one_or_says_that_there_is_none():
    with confirming() as channel_:
        name = filled(channel_, 2)
        method, _, body = channel_.basic_get(name)
        same((method.message_count, method.redelivered, method.routing_key, body), (1, False, name, b"0"))
        method, _, body = channel_.basic_get(name)
        same((method.message_count, body), (0, b"1"))
        same(channel_.basic_get(name), (None, None, None))
        channel_.basic_nack(0, multiple=True)
        same(seen([get(channel_, name)]), [(True, b"0")])


@case
def get_needs_a_queue():
    refused(404, lambda channel_: channel_.basic_get(unique("never-")), "NOT_FOUND - no queue")
    refused(404, lambda channel_: channel_.basic_consume(unique("never-"), print), "NOT_FOUND - no queue")


@case
def what_goes_back_comes_again_at_its_old_place():
    with confirming() as channel_:
        name = filled(channel_, 5)
        held = [channel_.basic_get(name)[0].delivery_tag for _ in range(3)]
        channel_.basic_nack(held[0])
        channel_.basic_reject(held[2])
        got = [channel_.basic_get(name, True) for _ in range(4)]
        same(seen(got), [(True, b"0"), (True, b"2"), (False, b"3"), (False, b"4")])
        channel_.basic_reject(held[1], requeue=True)
        same(seen([get(channel_, name)]), [(True, b"1")])


@case
def nack_of_several_gives_all_of_them_back():
    with confirming() as channel_:
        name = filled(channel_, 4)
        tags = [channel_.basic_get(name)[0].delivery_tag for _ in range(4)]
        channel_.basic_nack(tags[2], multiple=True)
        same(seen([get(channel_, name, True) for _ in range(3)]), [(True, b"0"), (True, b"1"), (True, b"2")])
        channel_.basic_ack(tags[3])
        empty(channel_, name)


@case
def what_is_rejected_for_good_is_gone():
    with confirming() as channel_:
        name = filled(channel_, 4)
        tags = [channel_.basic_get(name)[0].delivery_tag for _ in range(4)]
        channel_.basic_reject(tags[0], requeue=False)
        channel_.basic_nack(tags[3], multiple=True, requeue=False)
        empty(channel_, name)
        same(count(channel_, name), 0)


@case
def a_channel_that_closes_gives_back_what_it_held():
    with confirming() as watcher:
        name = filled(watcher, 3)
        other = watcher.connection.channel()
        Inbox(other, name).take(3)
        empty(watcher, name)
        other.close()
        same(seen([get(watcher, name) for _ in range(3)]), [(True, b"0"), (True, b"1"), (True, b"2")])


@case
def a_connection_that_breaks_gives_back_what_it_held():
    with confirming() as watcher:
        name = filled(watcher, 3, exclusive=False, auto_delete=False)
        connection = connect()
        Inbox(connection.channel(), name).take(3)
        cut(connection)
        same(seen([get(watcher, name) for _ in range(3)]), [(True, b"0"), (True, b"1"), (True, b"2")])
        watcher.queue_delete(name)


@case
def recover_gives_everything_back():
    with confirming() as channel_:
        name = filled(channel_, 3)
        for _ in range(3):
            channel_.basic_get(name)
        channel_.basic_recover(requeue=True)
        same(seen([get(channel_, name) for _ in range(3)]), [(True, b"0"), (True, b"1"), (True, b"2")])
    connection_refused(540, lambda channel_: channel_.basic_recover(requeue=False), "NOT_IMPLEMENTED")


@case
def an_unknown_delivery_tag_closes_the_channel():
    def settle(method, *given, **options):
        def step(channel_):
            getattr(channel_, method)(*given, **options)
            channel_.queue_declare(unique("sync-"), exclusive=True)

        return step

    for step in [
        settle("basic_ack", 99),
        settle("basic_ack", 0),
        settle("basic_ack", 7, multiple=True),
        settle("basic_nack", 99),
        settle("basic_reject", 99),
    ]:
        refused(406, step, "PRECONDITION_FAILED - unknown delivery tag")


@case
def the_same_delivery_is_settled_once():
    with confirming() as channel_:
        name = filled(channel_, 2)
        tag = channel_.basic_get(name)[0].delivery_tag

        def again():
            channel_.basic_ack(tag)
            channel_.basic_ack(tag)
            channel_.queue_declare(unique("sync-"), exclusive=True)

        refused_on(channel_, 406, again, f"unknown delivery tag {tag}")


@case
def what_was_delivered_without_acknowledgement_cannot_be_acknowledged():
    with confirming() as channel_:
        name = filled(channel_, 1)
        tag = channel_.basic_get(name, auto_ack=True)[0].delivery_tag

        def acknowledge():
            channel_.basic_ack(tag)
            channel_.queue_declare(unique("sync-"), exclusive=True)

        refused_on(channel_, 406, acknowledge, "unknown delivery tag")


@case
def prefetch_limits_what_is_unsettled():
    with confirming() as channel_:
        name = filled(channel_, 10)
        channel_.basic_qos(prefetch_count=3)
        inbox = Inbox(channel_, name)
        got = inbox.take(3)
        inbox.nothing()
        same(count(channel_, name), 7)
        channel_.basic_ack(got[1][0].delivery_tag)
        same(inbox.bodies(1), [b"3"])
        inbox.nothing()
        channel_.basic_ack(4, multiple=True)
        same(inbox.bodies(3), [b"4", b"5", b"6"])
        inbox.nothing()


@case
def prefetch_counts_for_each_consumer_or_for_the_channel():
    with confirming() as channel_:
        name = filled(channel_, 20)
        channel_.basic_qos(prefetch_count=2)
        one, other = Inbox(channel_, name), Inbox(channel_, name)
        one.take(2)
        other.take(2)
        one.nothing()
        other.nothing()
    with confirming() as channel_:
        name = filled(channel_, 20)
        channel_.basic_qos(prefetch_count=3, global_qos=True)
        one, other = Inbox(channel_, name), Inbox(channel_, name)

        def three():
            channel_.connection.process_data_events(0.05)
            return len(one.messages + other.messages) == 3

        eventually("3 deliveries", three)
        count(channel_, name)
        channel_.connection.process_data_events(0)
        same(len(one.messages + other.messages), 3)


@case
def a_prefetch_is_for_the_consumers_that_come_after_it():
    with confirming() as channel_:
        name = filled(channel_, 10)
        inbox = Inbox(channel_, name)
        channel_.basic_qos(prefetch_count=1)
        inbox.take(10)


@case
def get_minds_no_prefetch():
    with confirming() as channel_:
        name = filled(channel_, 3)
        channel_.basic_qos(prefetch_count=1)
        same([channel_.basic_get(name)[2] for _ in range(3)], [b"0", b"1", b"2"])


@case
def prefetch_in_bytes_is_not_implemented():
    connection_refused(540, lambda channel_: channel_.basic_qos(prefetch_size=1000), "NOT_IMPLEMENTED")


@case
def consumers_take_turns():
    with confirming() as channel_:
        name = queue(channel_)
        channel_.basic_qos(prefetch_count=100)
        inboxes = [Inbox(channel_, name) for _ in range(3)]
        for number in range(30):
            put(channel_, name, b"%d" % number)
        for inbox in inboxes:
            same(len(inbox.take(10)), 10)


@case
def a_consumer_of_higher_priority_comes_first():
    with confirming() as channel_:
        name = queue(channel_)
        channel_.basic_qos(prefetch_count=5)
        low = Inbox(channel_, name, arguments={"x-priority": -1})
        high = Inbox(channel_, name, arguments={"x-priority": 10})
        for number in range(7):
            put(channel_, name, b"%d" % number)
        same(high.bodies(5), [b"%d" % number for number in range(5)])
        same(low.bodies(2), [b"5", b"6"])


@case
def a_cancelled_consumer_keeps_what_it_has():
    with confirming() as channel_:
        name = filled(channel_, 5)
        channel_.basic_qos(prefetch_count=2)
        inbox = Inbox(channel_, name)
        inbox.take(2)
        channel_.basic_cancel(inbox.tag)
        same(consumers(channel_, name), 0)
        channel_.basic_ack(1)
        channel_.basic_nack(2)
        same(seen([get(channel_, name)]), [(True, b"1")])


@case
def cancelling_nobody_is_no_error():
    with confirming() as channel_:
        channel_.connection.channel().basic_cancel("nobody")
        channel_._impl.basic_cancel("nobody-either")
        queue(channel_)


@case
def a_tag_is_used_once_on_a_channel():
    def twice(channel_):
        name = queue(channel_)
        for _ in range(2):
            channel_._impl._send_method(Basic.Consume(queue=name, consumer_tag="same"))

    connection_refused(530, twice, "NOT_ALLOWED", "same")
    with confirming() as channel_:
        name = queue(channel_)
        Inbox(channel_, name, consumer_tag="same")
        Inbox(channel_.connection.channel(), name, consumer_tag="same")


@case
def an_exclusive_consumer_is_alone():
    with confirming() as channel_:
        name = queue(channel_)
        inbox = Inbox(channel_, name, exclusive=True)
        other = channel_.connection.channel()
        refused_on(other, 403, lambda: Inbox(other, name), "ACCESS_REFUSED", "exclusive")
        channel_.basic_cancel(inbox.tag)
        third = channel_.connection.channel()
        Inbox(third, name)
        fourth = channel_.connection.channel()
        refused_on(fourth, 403, lambda: Inbox(fourth, name, exclusive=True), "ACCESS_REFUSED")


@case
def deleting_a_queue_tells_its_consumers():
    with confirming() as channel_:
        name = queue(channel_)
        inbox = Inbox(channel_, name)
        channel_.connection.channel().queue_delete(name)
        inbox.wait_cancelled()
        same(inbox.cancelled[0].method.consumer_tag, inbox.tag)
        # The channel goes on.
        queue(channel_)


@case
def the_name_of_a_deleted_queue_can_be_used_again():
    with confirming() as channel_:
        name = filled(channel_, 3)
        tag = channel_.basic_get(name)[0].delivery_tag
        channel_.queue_delete(name)
        channel_.queue_declare(name, exclusive=True)
        empty(channel_, name)
        # What was held of the old queue can still be settled, to no effect.
        channel_.basic_ack(tag)
        same(count(channel_, name), 0)
        put(channel_, name, b"new")
        same(bodies(channel_, name), [b"new"])


@case
def a_consumer_gets_what_comes_later():
    connection = connect()
    with confirming() as publisher:
        channel_ = connection.channel()
        name = queue(channel_)
        inbox = Inbox(channel_, name, auto_ack=True)
        for number in range(20):
            put(publisher, name, b"%d" % number)
            same(inbox.bodies(1), [b"%d" % number])
    close(connection)


@case
def several_queues_on_one_channel_share_its_tags():
    with confirming() as channel_:
        names = [filled(channel_, 2) for _ in range(3)]
        tags = [channel_.basic_get(name)[0].delivery_tag for name in names for _ in range(2)]
        same(tags, [1, 2, 3, 4, 5, 6])
        # "multiple" reaches over the queues.
        channel_.basic_ack(4, multiple=True)
        channel_.basic_recover(requeue=True)
        same([count(channel_, name) for name in names], [0, 0, 2])


run()
