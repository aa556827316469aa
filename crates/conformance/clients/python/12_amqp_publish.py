"""Publishing in AMQP 0-9-1 with pika: exchanges, confirms, returns, properties, transactions."""

import datetime
import decimal
import os

import pika
from pika.exceptions import NackError, UnroutableError

from channels import (
    PERSISTENT,
    Inbox,
    arguments,
    bodies,
    channel,
    count,
    empty,
    get,
    headers,
    put,
    queue,
    refused,
    refused_on,
)
from suite import case, eventually, run, same, unique

MIB = 1024 * 1024


def routed(kind, bindings, published):
    """Which of `published` (key, headers) reach a queue with `bindings` (key, arguments), by their position."""
    with channel() as channel_:
        exchange, name = unique("ex-"), queue(channel_)
        channel_.exchange_declare(exchange, kind, auto_delete=True)
        for key, given in bindings:
            channel_.queue_bind(name, exchange, key, given)
        for number, (key, given) in enumerate(published):
            channel_.basic_publish(exchange, key, b"%d" % number, pika.BasicProperties(headers=given))
        return [int(body) for body in bodies(channel_, name)]


def keys(*names):
    return [(name, None) for name in names]


@case
def the_default_exchange_reaches_every_queue_by_its_name():
    with channel() as channel_:
        one, other = queue(channel_), queue(channel_)
        put(channel_, one, b"one")
        put(channel_, other, b"other")
        method, _, body = get(channel_, one)
        same((method.exchange, method.routing_key, body), ("", one, b"one"))
        same(get(channel_, other)[2], b"other")


@case
def a_direct_exchange_compares_keys():
    same(routed("direct", keys("a", "b.c", ""), keys("a", "b", "b.c", "", "A", "c")), [0, 2, 3])


@case
def a_fanout_exchange_asks_for_no_key():
    same(routed("fanout", keys("a"), keys("a", "b", "")), [0, 1, 2])


@case
def a_topic_exchange_matches_words():
    published = keys("a.b", "a", "a.b.c", "b.a", "", "a..b", "A.b")
    same(routed("topic", keys("a.*"), published), [0])
    same(routed("topic", keys("a.#"), published), [0, 1, 2, 5])
    same(routed("topic", keys("#"), published), [0, 1, 2, 3, 4, 5, 6])
    # An empty key has no word at all.
    same(routed("topic", keys("*"), published), [1])
    same(routed("topic", keys("#.b"), published), [0, 5, 6])
    same(routed("topic", keys("a.*.b"), published), [5])
    same(routed("topic", keys("a.#.c", "*.*.c"), published), [2])
    same(routed("topic", keys("#.#"), published), [0, 1, 2, 3, 4, 5, 6])


@case
def a_headers_exchange_matches_all_or_any():
    published = [
        ("", {"colour": "red", "size": 5}),
        ("", {"colour": "red"}),
        ("", {"size": 5, "shape": "round"}),
        ("", {"colour": "blue", "size": 6}),
        ("", None),
    ]
    wanted = {"colour": "red", "size": 5}
    same(routed("headers", [("", {"x-match": "all", **wanted})], published), [0])
    same(routed("headers", [("", wanted)], published), [0])
    same(routed("headers", [("", {"x-match": "any", **wanted})], published), [0, 1, 2])
    # A header without a value only has to be there.
    same(routed("headers", [("", {"x-match": "all", "size": None})], published), [0, 2, 3])
    same(routed("headers", [("", {"x-match": "all"})], published), [0, 1, 2, 3, 4])


@case
def a_message_reaches_a_queue_once_however_many_bindings_match():
    same(routed("topic", keys("a.#", "a.*", "#"), keys("a.b")), [0])


@case
def every_bound_queue_gets_its_copy():
    with channel() as channel_:
        names = [queue(channel_) for _ in range(10)]
        key = unique("fan-")
        for name in names:
            channel_.queue_bind(name, "amq.topic", key)
        channel_.basic_publish("amq.topic", key, b"all")
        for name in names:
            method, _, body = get(channel_, name)
            same((method.exchange, method.routing_key, body), ("amq.topic", key, b"all"))
            empty(channel_, name)


@case
def an_alternate_exchange_gets_what_found_no_queue():
    with channel() as channel_:
        exchange, spare, name = unique("ex-"), unique("spare-"), queue(channel_)
        channel_.exchange_declare(spare, "fanout", auto_delete=True)
        channel_.exchange_declare(exchange, "direct", arguments={"alternate-exchange": spare})
        channel_.queue_bind(name, spare)
        channel_.confirm_delivery()
        channel_.basic_publish(exchange, "nobody", b"lost and found", mandatory=True)
        method, _, body = get(channel_, name)
        same((method.exchange, method.routing_key, body), (exchange, "nobody", b"lost and found"))
        channel_.exchange_delete(exchange)


@case
def a_missing_exchange_closes_the_channel():
    with channel() as channel_:

        def publish():
            channel_.basic_publish(unique("never-"), "k", b"x")
            channel_.queue_declare(unique("sync-"), exclusive=True)

        refused_on(channel_, 404, publish, "NOT_FOUND - no exchange")


@case
def confirms_come_for_everything():
    with channel() as channel_:
        name = queue(channel_, durable=True)
        channel_.confirm_delivery()
        for number in range(100):
            # Returns when the broker has confirmed, else raises.
            put(channel_, name, b"%d" % number, PERSISTENT)
        same(count(channel_, name), 100)
        # Not mandatory, so nobody minds that there is no queue.
        channel_.basic_publish("amq.direct", unique("nobody-"), b"x")


@case
def what_is_mandatory_comes_back():
    with channel() as channel_:
        returned = []
        channel_.add_on_return_callback(lambda _c, *message: returned.append(message))
        key, body = unique("nobody-"), os.urandom(200_000)
        properties = pika.BasicProperties(message_id="m", headers={"a": 1})
        channel_.basic_publish("amq.direct", key, body, properties, mandatory=True)
        eventually("basic.return", lambda: returned or channel_.connection.process_data_events(0.05))
        method, back, back_body = returned[0]
        same((method.reply_code, method.reply_text), (312, "NO_ROUTE"))
        same((method.exchange, method.routing_key), ("amq.direct", key))
        same((back.message_id, back.headers, back_body), ("m", {"a": 1}, body))


@case
def a_return_comes_before_its_confirm():
    with channel() as channel_:
        channel_.confirm_delivery()
        try:
            channel_.basic_publish("", unique("nobody-"), b"x", mandatory=True)
        except UnroutableError as error:
            same(error.messages[0].method.reply_code, 312)
        else:
            raise AssertionError("not returned")
        name = queue(channel_)
        channel_.basic_publish("", name, b"y", mandatory=True)
        same(get(channel_, name)[2], b"y")


@case
def a_full_queue_that_refuses_is_told_by_nack():
    with channel() as channel_:
        name = queue(channel_, arguments=arguments(max_length=2, overflow="reject-publish"))
        channel_.confirm_delivery()
        put(channel_, name, b"1")
        put(channel_, name, b"2")
        try:
            put(channel_, name, b"3")
        except NackError:
            pass
        else:
            raise AssertionError("confirmed")
        same(bodies(channel_, name), [b"1", b"2"])


@case
def bodies_of_every_size_arrive():
    with channel() as channel_:
        name = queue(channel_)
        frame = channel_.connection._impl.params.frame_max - 8
        for size in (0, 1, frame - 1, frame, frame + 1, 3 * frame, MIB, 5 * MIB + 7):
            body = os.urandom(size)
            put(channel_, name, body, PERSISTENT if size == MIB else None)
            assert get(channel_, name, auto_ack=True)[2] == body, size


@case
def order_is_kept():
    with channel() as channel_:
        name = queue(channel_)
        for number in range(2_000):
            put(channel_, name, b"%d" % number)
        same(Inbox(channel_, name, auto_ack=True).bodies(2_000), [b"%d" % number for number in range(2_000)])


@case
def every_property_comes_back():
    given = {
        "content_type": "application/json",
        "content_encoding": "gzip",
        "headers": {"one": 1},
        "delivery_mode": 2,
        "priority": 7,
        "correlation_id": "c-ünï-漢-😀",
        "reply_to": "somewhere",
        "expiration": "60000",
        "message_id": "m" * 255,
        "timestamp": 1_700_000_000,
        "type": "greeting",
        "user_id": "guest",
        "app_id": "suite",
        "cluster_id": "cluster",
    }
    with channel() as channel_:
        name = queue(channel_)
        put(channel_, name, b"all", pika.BasicProperties(**given))
        back = get(channel_, name)[1]
        same({key: getattr(back, key) for key in given}, given)
        # And each alone, so that one is not taken for another.
        for key, value in given.items():
            put(channel_, name, b"", pika.BasicProperties(**{key: value}))
            back = get(channel_, name)[1]
            same({each: getattr(back, each) for each in given}, {**dict.fromkeys(given), key: value})
        put(channel_, name, b"", pika.BasicProperties(delivery_mode=1))
        same(get(channel_, name)[1].delivery_mode, 1)


@case
def headers_keep_their_types():
    given = {
        "yes": True,
        "no": False,
        "small": 1,
        "negative": -5,
        "int": 2**31 - 1,
        "long": 2**62,
        "decimal": decimal.Decimal("123.45"),
        "text": "ünï 漢字 😀",
        "empty": "",
        "bytes": b"\0\xff",
        "nothing": None,
        "when": datetime.datetime(2024, 2, 29, 12, 0, 1, tzinfo=datetime.timezone.utc),
        "list": [1, "two", None, [3, {"four": True}]],
        "table": {"a": {"b": {"c": [{"d": -1}]}}},
        "k" * 128: "long name",
        "long text": "x" * 70_000,
    }
    with channel() as channel_:
        back = headers(channel_, given)
        if back["when"].tzinfo is None:
            back["when"] = back["when"].replace(tzinfo=datetime.timezone.utc)
        same(back, given)
        for key, value in given.items():
            # pika has an int of its own for 64 bits.
            same((isinstance(back[key], type(value)), isinstance(back[key], bool)), (True, isinstance(value, bool)))
        same(list(back), list(given))


@case
def deep_headers_come_back():
    nested = "bottom"
    for _ in range(30):
        nested = {"down": [nested]}
    with channel() as channel_:
        same(headers(channel_, {"nested": nested}), {"nested": nested})


@case
def somebody_elses_user_id_is_refused():
    with channel() as channel_:

        def publish():
            put(channel_, "nowhere", b"x", pika.BasicProperties(user_id="somebody else"))
            channel_.queue_declare(unique("sync-"), exclusive=True)

        refused_on(channel_, 406, publish, "PRECONDITION_FAILED", "user_id")


@case
def an_expiration_that_is_no_number_is_refused():
    for text in ("soon", "-1", "1.5"):
        with channel() as channel_:

            def publish():
                put(channel_, "nowhere", b"x", pika.BasicProperties(expiration=text))
                channel_.queue_declare(unique("sync-"), exclusive=True)

            refused_on(channel_, 406, publish, "PRECONDITION_FAILED", "expiration")


@case
def a_transaction_publishes_all_or_nothing():
    with channel() as channel_, channel() as watcher:
        name = queue(watcher, exclusive=False, auto_delete=True)
        channel_.tx_select()
        put(channel_, name, b"1")
        put(channel_, name, b"2")
        channel_.queue_declare(unique("sync-"), exclusive=True)
        same(count(watcher, name), 0)
        channel_.tx_commit()
        same(count(watcher, name), 2)
        put(channel_, name, b"3")
        channel_.tx_rollback()
        channel_.tx_commit()
        same(bodies(watcher, name), [b"1", b"2"])
        watcher.queue_delete(name)


@case
def a_transaction_settles_all_or_nothing():
    with channel() as channel_:
        name = queue(channel_)
        for body in (b"1", b"2", b"3"):
            put(channel_, name, body)
        other = channel_.connection.channel()
        other.tx_select()
        inbox = Inbox(other, name)
        tags = [method.delivery_tag for method, _, _ in inbox.take(3)]
        other.basic_ack(tags[0])
        other.basic_ack(tags[1])
        other.tx_rollback()
        # A rollback hands nothing out again: the deliveries are as unsettled as before.
        other.basic_ack(tags[0])
        other.tx_commit()
        other.close()
        taken = [get(channel_, name, auto_ack=True) for _ in range(2)]
        same([(method.redelivered, body) for method, _, body in taken], [(True, b"2"), (True, b"3")])


@case
def closing_forgets_an_open_transaction():
    with channel() as watcher:
        name = queue(watcher)
        other = watcher.connection.channel()
        other.tx_select()
        put(other, name, b"never")
        other.close()
        empty(watcher, name)


@case
def transactions_and_confirms_exclude_each_other():
    def confirm_then_tx(channel_):
        channel_.confirm_delivery()
        channel_.tx_select()

    def tx_then_confirm(channel_):
        channel_.tx_select()
        channel_.confirm_delivery()

    refused(406, confirm_then_tx, "PRECONDITION_FAILED")
    refused(406, tx_then_confirm, "PRECONDITION_FAILED")
    refused(406, lambda channel_: channel_.tx_commit(), "PRECONDITION_FAILED", "not transactional")
    refused(406, lambda channel_: channel_.tx_rollback(), "PRECONDITION_FAILED", "not transactional")


run()
