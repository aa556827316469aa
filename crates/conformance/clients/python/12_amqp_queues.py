"""What queues of AMQP 0-9-1 do by their arguments, with pika: time, limits, priorities, dead letters."""

import datetime
import time

import pika
from pika.exceptions import ChannelClosedByBroker

from channels import (
    Inbox,
    arguments,
    bodies,
    confirming,
    connection_refused,
    count,
    empty,
    get,
    put,
    queue,
    refused_on,
)
from suite import case, eventually, run, same, unique, unlike


def expiring(milliseconds, **others):
    return pika.BasicProperties(expiration=str(milliseconds), **others)


def grave(channel_):
    """A queue for dead letters, and the arguments of a queue that sends them there."""
    name = queue(channel_, "dead-")
    return name, {"dead_letter_exchange": "", "dead_letter_routing_key": name}


def drained(channel_, name):
    """Waits until the queue has nothing ready."""
    return eventually(f"the end of what is in {name}", lambda: count(channel_, name) == 0)


@case
def a_queues_time_to_live_ends_its_messages():
    with confirming() as channel_:
        name = queue(channel_, arguments=arguments(message_ttl=1_000))
        put(channel_, name, b"x")
        same(count(channel_, name), 1)
        drained(channel_, name)
        empty(channel_, name)


@case
def a_messages_own_time_to_live_ends_it():
    with confirming() as channel_:
        name = queue(channel_)
        put(channel_, name, b"short", expiring(100))
        drained(channel_, name)
        put(channel_, name, b"long", expiring(60_000))
        _, properties, body = get(channel_, name)
        same((properties.expiration, body), ("60000", b"long"))


@case
def the_shorter_time_to_live_counts():
    with confirming() as channel_:
        name = queue(channel_, arguments=arguments(message_ttl=60_000))
        put(channel_, name, b"x", expiring(50))
        drained(channel_, name)
        name = queue(channel_, arguments=arguments(message_ttl=50))
        put(channel_, name, b"x", expiring(60_000))
        drained(channel_, name)


@case
def a_time_to_live_of_zero_still_meets_a_waiting_consumer():
    with confirming() as channel_:
        name = queue(channel_, arguments=arguments(message_ttl=0))
        put(channel_, name, b"nobody waits")
        # RabbitMQ drops it at once, Causeway after a millisecond.
        drained(channel_, name)
        empty(channel_, name)
        inbox = Inbox(channel_, name, auto_ack=True)
        put(channel_, name, b"somebody waits")
        same(inbox.bodies(1), [b"somebody waits"])


@case
def what_somebody_holds_does_not_expire():
    with confirming() as channel_:
        name = queue(channel_, arguments=arguments(message_ttl=1_000))
        put(channel_, name, b"held")
        method, _, _ = get(channel_, name)
        time.sleep(1.3)
        channel_.basic_ack(method.delivery_tag)
        same(count(channel_, name), 0)


@case
def an_unused_queue_expires():
    with confirming() as channel_:
        name = unique("expires-")
        channel_.queue_declare(name, arguments=arguments(expires=300))

        def probe():
            other = channel_.connection.channel()
            try:
                # A declare would be a use.
                time.sleep(0.6)
                other.queue_declare(name, passive=True)
            except ChannelClosedByBroker as closed:
                return closed.reply_code == 404

        eventually("the end of the queue", probe)


@case
def a_consumed_queue_does_not_expire():
    with confirming() as channel_:
        name = unique("expires-")
        channel_.queue_declare(name, arguments=arguments(expires=1_000))
        inbox = Inbox(channel_, name, auto_ack=True)
        channel_.connection.process_data_events(1.6)
        put(channel_, name, b"still here")
        same(inbox.bodies(1), [b"still here"])
        channel_.queue_delete(name)


@case
def a_full_queue_drops_its_oldest():
    with confirming() as channel_:
        name = queue(channel_, arguments=arguments(max_length=3))
        for number in range(10):
            put(channel_, name, b"%d" % number)
        same(count(channel_, name), 3)
        same(bodies(channel_, name), [b"7", b"8", b"9"])


@case
def a_limit_counts_what_is_ready():
    with confirming() as channel_:
        name = queue(channel_, arguments=arguments(max_length=2))
        put(channel_, name, b"held")
        get(channel_, name)
        for number in range(4):
            put(channel_, name, b"%d" % number)
        same(bodies(channel_, name), [b"2", b"3"])


@case
def bytes_are_a_limit_too():
    with confirming() as channel_:
        name = queue(channel_, arguments=arguments(max_length_bytes=2500))
        for number in range(5):
            put(channel_, name, b"%d" % number * 1000)
        same(bodies(channel_, name), [b"3" * 1000, b"4" * 1000])


@case
def priorities_come_first():
    with confirming() as channel_:
        name = queue(channel_, arguments=arguments(max_priority=5))
        for number, priority in enumerate([1, 5, None, 3, 5, 200, 0, 3]):
            put(channel_, name, b"%d" % number, pika.BasicProperties(priority=priority))
        # Above the maximum is the maximum, without one is 0; equals stay in order.
        same(bodies(channel_, name), [b"1", b"4", b"5", b"3", b"7", b"0", b"2", b"6"])


@case
def without_priorities_order_stands():
    with confirming() as channel_:
        name = queue(channel_)
        for number, priority in enumerate([1, 9, None]):
            put(channel_, name, b"%d" % number, pika.BasicProperties(priority=priority))
        same(bodies(channel_, name), [b"0", b"1", b"2"])


@case
def the_rejected_goes_to_the_dead_letter_exchange():
    with confirming() as channel_:
        dead, options = grave(channel_)
        name = queue(channel_, arguments=arguments(**options))
        given = pika.BasicProperties(headers={"mine": 1}, message_id="m", delivery_mode=2, priority=3)
        put(channel_, name, b"x", given)
        channel_.basic_reject(get(channel_, name)[0].delivery_tag, requeue=False)
        method, properties, body = get(channel_, dead)
        same((method.exchange, method.routing_key, body), ("", dead, b"x"))
        # From the old queue's view the message was delivered, here it is new.
        same(method.redelivered, False)
        same((properties.message_id, properties.delivery_mode, properties.priority), ("m", 2, 3))
        same(properties.headers["mine"], 1)
        same(
            [properties.headers[f"x-first-death-{word}"] for word in ("queue", "reason", "exchange")],
            [name, "rejected", ""],
        )
        (death,) = properties.headers["x-death"]
        assert isinstance(death.pop("time"), datetime.datetime)
        same(death, {"queue": name, "reason": "rejected", "exchange": "", "routing-keys": [name], "count": 1})


@case
def the_expired_goes_to_the_dead_letter_exchange():
    with confirming() as channel_:
        dead, options = grave(channel_)
        name = queue(channel_, arguments=arguments(**options))
        put(channel_, name, b"x", expiring(50))
        _, properties, body = get(channel_, dead)
        same(body, b"x")
        # It would expire again at once.
        same(properties.expiration, None)
        (death,) = properties.headers["x-death"]
        same((death["reason"], death["queue"], death["original-expiration"]), ("expired", name, "50"))
        name = queue(channel_, arguments=arguments(message_ttl=50, **options))
        put(channel_, name, b"y")
        (death,) = get(channel_, dead)[1].headers["x-death"]
        same((death["reason"], "original-expiration" in death), ("expired", False))


@case
def what_found_no_room_goes_to_the_dead_letter_exchange():
    with confirming() as channel_:
        dead, options = grave(channel_)
        name = queue(channel_, arguments=arguments(max_length=1, **options))
        put(channel_, name, b"old")
        put(channel_, name, b"new")
        _, properties, body = get(channel_, dead)
        same((body, properties.headers["x-death"][0]["reason"]), (b"old", "maxlen"))
        same(bodies(channel_, name), [b"new"])


@unlike(rabbitmq="knows reject-publish-dlx: the refused message becomes a dead letter")
@case
def an_overflow_that_is_not_built_is_refused_in_words():
    given = arguments(max_length=1, overflow="reject-publish-dlx")
    connection_refused(540, lambda channel_: queue(channel_, arguments=given), "NOT_IMPLEMENTED", "reject-publish-dlx")


@case
def dead_letters_keep_their_key_unless_told_otherwise():
    with confirming() as channel_:
        exchange, dead = unique("dlx-"), queue(channel_, "dead-")
        channel_.exchange_declare(exchange, "direct", auto_delete=True)
        key = unique("key-")
        channel_.queue_bind(dead, exchange, key)
        name = queue(channel_, arguments=arguments(dead_letter_exchange=exchange))
        channel_.queue_bind(name, "amq.topic", key)
        channel_.basic_publish("amq.topic", key, b"x")
        channel_.basic_nack(get(channel_, name)[0].delivery_tag, requeue=False)
        method, properties, _ = get(channel_, dead)
        same((method.exchange, method.routing_key), (exchange, key))
        (death,) = properties.headers["x-death"]
        same((death["exchange"], death["routing-keys"]), ("amq.topic", [key]))


@case
def deaths_are_counted_by_queue_and_reason():
    with confirming() as channel_:
        one, two = unique("one-"), unique("two-")
        there = arguments(dead_letter_exchange="", dead_letter_routing_key=two)
        back = arguments(dead_letter_exchange="", dead_letter_routing_key=one, message_ttl=20)
        channel_.queue_declare(one, exclusive=True, arguments=there)
        channel_.queue_declare(two, exclusive=True, arguments=back)
        put(channel_, one, b"again and again")
        for round_ in range(1, 4):
            channel_.basic_reject(get(channel_, one)[0].delivery_tag, requeue=False)
            method, properties, _ = get(channel_, one)
            deaths = [(death["queue"], death["reason"], death["count"]) for death in properties.headers["x-death"]]
            # The newest comes first.
            same(deaths, [(two, "expired", round_), (one, "rejected", round_)])
            same(properties.headers["x-first-death-queue"], one)
            channel_.basic_nack(method.delivery_tag)


@case
def a_circle_without_a_rejection_ends():
    with confirming() as channel_:
        one, two = unique("one-"), unique("two-")
        for name, other in ((one, two), (two, one)):
            given = arguments(dead_letter_exchange="", dead_letter_routing_key=other, message_ttl=20)
            channel_.queue_declare(name, exclusive=True, arguments=given)
        put(channel_, one, b"round and round")
        eventually("the end", lambda: count(channel_, one) + count(channel_, two) == 0)
        time.sleep(0.3)
        same(count(channel_, one) + count(channel_, two), 0)


@case
def a_missing_dead_letter_exchange_loses_the_message():
    with confirming() as channel_:
        name = queue(channel_, arguments=arguments(dead_letter_exchange=unique("never-")))
        put(channel_, name, b"x")
        channel_.basic_reject(get(channel_, name)[0].delivery_tag, requeue=False)
        empty(channel_, name)


@case
def an_acknowledged_or_purged_message_is_no_dead_letter():
    with confirming() as channel_:
        dead, options = grave(channel_)
        name = queue(channel_, arguments=arguments(**options))
        for _ in range(3):
            put(channel_, name, b"x")
        channel_.basic_ack(get(channel_, name)[0].delivery_tag)
        channel_.basic_nack(get(channel_, name)[0].delivery_tag, requeue=True)
        channel_.queue_purge(name)
        empty(channel_, dead)


@case
def a_message_that_asks_for_cc_reaches_those_queues_too():
    with confirming() as channel_:
        names = [queue(channel_) for _ in range(3)]
        given = pika.BasicProperties(headers={"CC": [names[1]], "BCC": [names[2]], "mine": 1})
        put(channel_, names[0], b"x", given)
        same([get(channel_, name)[1].headers for name in names], [{"CC": [names[1]], "mine": 1}] * 3)


@case
def one_active_consumer_at_a_time():
    with confirming() as channel_:
        name = queue(channel_, arguments=arguments(single_active_consumer=True))
        channel_.basic_qos(prefetch_count=10)
        first, second = Inbox(channel_, name), Inbox(channel_, name)
        for number in range(4):
            put(channel_, name, b"%d" % number)
        same(first.bodies(4), [b"0", b"1", b"2", b"3"])
        second.nothing()
        channel_.basic_cancel(first.tag)
        put(channel_, name, b"next")
        same(second.bodies(1), [b"next"])


@case
def a_reply_can_come_without_a_queue():
    """Direct reply-to: the pseudo-queue that spares a queue for every requester."""
    with confirming() as requester, confirming() as worker:
        name = queue(worker)
        inbox = Inbox(requester, "amq.rabbitmq.reply-to", auto_ack=True)
        put(requester, name, b"question", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id="7"))
        _, properties, body = get(worker, name)
        assert properties.reply_to.startswith("amq.rabbitmq.reply-to."), properties.reply_to
        answer = pika.BasicProperties(correlation_id=properties.correlation_id)
        worker.basic_publish("", properties.reply_to, body + b"?", answer)
        (_, back, text) = inbox.one()
        same((back.correlation_id, text), ("7", b"question?"))
        other = requester.connection.channel()
        refused_on(other, 406, lambda: Inbox(other, "amq.rabbitmq.reply-to"), "PRECONDITION_FAILED")


run()
