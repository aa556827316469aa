"""Queues, exchanges and bindings of AMQP 0-9-1 with pika, and how they are refused."""

from channels import (
    Inbox,
    arguments,
    bodies,
    close,
    confirming,
    connect,
    connection_refused,
    consumers,
    count,
    empty,
    get,
    put,
    queue,
    refused,
    refused_on,
)
from suite import case, eventually, run, same, unique


def gone(channel_, name):
    """True once the queue is not there any more; leaves the channel open."""

    def probe():
        other = channel_.connection.channel()
        try:
            other.queue_declare(name, passive=True)
        except Exception as error:
            same(error.reply_code, 404)
            return True
        other.close()
        return False

    return eventually(f"the end of {name}", probe)


def twice(**second):
    """Declares a durable queue with a TTL, then the same name with `second`."""

    def step(channel_):
        name = unique("twice-")
        first = {"durable": True, "arguments": arguments(message_ttl=60_000)}
        channel_.queue_declare(name, **first)
        channel_.queue_declare(name, **{**first, **second})

    return step


@case
def the_server_chooses_a_name():
    with confirming() as channel_:
        one = channel_.queue_declare("", exclusive=True).method.queue
        other = channel_.queue_declare("", exclusive=True).method.queue
        assert one != other
        assert one.startswith("amq.gen-") and other.startswith("amq.gen-"), (one, other)
        # An empty name then means the queue that the channel declared last.
        channel_.queue_bind("", "amq.direct", "k-" + other)
        channel_.basic_publish("amq.direct", "k-" + other, b"x")
        same(get(channel_, other)[2], b"x")


@case
def an_empty_name_before_any_declare_is_not_found():
    refused(404, lambda channel_: channel_.queue_bind("", "amq.direct", "k"), "NOT_FOUND")


@case
def declaring_again_is_welcome_when_it_is_the_same():
    with confirming() as channel_:
        name = unique("again-")
        wanted = {"auto_delete": True, "durable": True, "arguments": arguments(message_ttl=60_000, max_length=10)}
        first = channel_.queue_declare(name, **wanted).method
        same((first.queue, first.message_count, first.consumer_count), (name, 0, 0))
        put(channel_, name, b"x")
        again = channel_.queue_declare(name, **wanted).method
        same((again.queue, again.message_count, again.consumer_count), (name, 1, 0))
        channel_.queue_delete(name)


@case
def counts_come_with_the_answer():
    with confirming() as channel_:
        name = queue(channel_)
        for body in (b"x", b"y", b"z"):
            put(channel_, name, body)
        same((count(channel_, name), consumers(channel_, name)), (3, 0))
        channel_.basic_get(name)
        same(count(channel_, name), 2)
        channel_.basic_qos(prefetch_count=1)
        inbox = Inbox(channel_, name)
        inbox.take()
        same((count(channel_, name), consumers(channel_, name)), (1, 1))


@case
def another_durability_is_refused():
    words = ("PRECONDITION_FAILED - inequivalent arg 'durable' for queue", "received 'false' but current is 'true'")
    refused(406, twice(durable=False), *words)


@case
def other_lifetimes_are_refused():
    refused(406, twice(auto_delete=True), "inequivalent arg 'auto_delete'")
    refused(405, twice(exclusive=True), "RESOURCE_LOCKED")


@case
def other_arguments_are_refused():
    refused(406, twice(arguments=arguments(message_ttl=1_000)), "inequivalent arg 'x-message-ttl'")
    refused(406, twice(arguments={}), "inequivalent arg 'x-message-ttl'")
    refused(406, twice(arguments=arguments(message_ttl=60_000, max_length=5)), "inequivalent arg 'x-max-length'")
    wanted = arguments(message_ttl=60_000, dead_letter_exchange="elsewhere")
    refused(406, twice(arguments=wanted), "inequivalent arg 'x-dead-letter-exchange'")


@case
def unknown_arguments_are_kept_without_effect():
    with confirming() as channel_:
        queue(channel_, arguments={"my-note": "x", "x-note": 5})


@case
def arguments_of_a_wrong_kind_are_refused():
    wrong = [
        {"x-message-ttl": "soon"},
        {"x-message-ttl": -1},
        {"x-expires": 0},
        {"x-max-length": -5},
        {"x-max-length-bytes": "many"},
        {"x-overflow": "never"},
        {"x-max-priority": 1_000},
        {"x-dead-letter-exchange": 7},
        {"x-dead-letter-routing-key": "key of nothing"},
        {"x-queue-type": "nonsense"},
    ]
    for given in wrong:
        refused(406, lambda channel_: queue(channel_, arguments=given), "PRECONDITION_FAILED")


@case
def a_passive_declare_finds_or_fails():
    refused(404, lambda channel_: channel_.queue_declare(unique("no-"), passive=True), "NOT_FOUND - no queue 'no-")
    refused(404, lambda channel_: channel_.exchange_declare(unique("no-"), passive=True), "NOT_FOUND - no exchange")
    with confirming() as channel_:
        name = queue(channel_, durable=False)
        # Passive asks for nothing but the name.
        channel_.queue_declare(name, passive=True, durable=True, exclusive=True)


@case
def reserved_names_are_refused():
    refused(403, lambda channel_: channel_.queue_declare("amq.mine"), "ACCESS_REFUSED", "amq.mine")
    refused(403, lambda channel_: channel_.exchange_declare("amq.mine"), "ACCESS_REFUSED", "amq.mine")
    refused(403, lambda channel_: channel_.exchange_delete("amq.topic"), "ACCESS_REFUSED")
    refused(403, lambda channel_: channel_.exchange_delete(""), "ACCESS_REFUSED")


@case
def nobody_binds_the_default_exchange():
    with confirming() as channel_:
        name = queue(channel_)
        refused_on(channel_, 403, lambda: channel_.queue_bind(name, "", "key"), "ACCESS_REFUSED")
    with confirming() as channel_:
        name = queue(channel_)
        refused_on(channel_, 403, lambda: channel_.queue_unbind(name, "", name), "ACCESS_REFUSED")


@case
def the_exchanges_of_the_standard_are_there():
    with confirming() as channel_:
        kinds = {"direct": "direct", "fanout": "fanout", "topic": "topic", "headers": "headers", "match": "headers"}
        for name, kind in kinds.items():
            channel_.exchange_declare(f"amq.{name}", kind, durable=True)
            channel_.exchange_declare(f"amq.{name}", passive=True)


@case
def an_exchange_declared_otherwise_is_refused():
    def step(**second):
        def declare_twice(channel_):
            name = unique("ex-")
            channel_.exchange_declare(name, "direct", auto_delete=True)
            channel_.exchange_declare(name, **{"exchange_type": "direct", "auto_delete": True, **second})

        return declare_twice

    refused(406, step(exchange_type="fanout"), "inequivalent arg 'type'", "received 'fanout' but current is 'direct'")
    refused(406, step(durable=True), "inequivalent arg 'durable'")
    refused(406, step(auto_delete=False), "inequivalent arg 'auto_delete'")
    refused(406, step(internal=True), "inequivalent arg 'internal'")


@case
def an_unknown_kind_of_exchange_ends_the_connection():
    def step(channel_):
        channel_.exchange_declare(unique("ex-"), "nonsense")

    connection_refused(503, step, "COMMAND_INVALID", "nonsense")


@case
def an_internal_exchange_takes_no_publishes():
    with confirming() as channel_:
        name = unique("internal-")
        channel_.exchange_declare(name, "fanout", auto_delete=True, internal=True)

        def publish():
            channel_.basic_publish(name, "", b"x")
            channel_.queue_declare(unique("sync-"), exclusive=True)

        refused_on(channel_, 403, publish, "ACCESS_REFUSED")
        channel_.connection.channel().exchange_delete(name)


@case
def an_exclusive_queue_belongs_to_its_connection():
    owner, stranger = connect(), connect()
    name = queue(owner.channel())
    steps = [
        lambda channel_: channel_.queue_declare(name, exclusive=True),
        lambda channel_: channel_.queue_declare(name, passive=True),
        lambda channel_: channel_.basic_consume(name, print),
        lambda channel_: channel_.basic_get(name),
        lambda channel_: channel_.queue_delete(name),
        lambda channel_: channel_.queue_purge(name),
        lambda channel_: channel_.queue_bind(name, "amq.direct", "x"),
    ]
    for step in steps:
        channel_ = stranger.channel()
        refused_on(channel_, 405, lambda: step(channel_), "RESOURCE_LOCKED", name)
    # Publishing is not declaring.
    other = stranger.channel()
    put(other, name, b"from a stranger")
    same(get(owner.channel(), name)[2], b"from a stranger")
    close(owner)
    gone(stranger.channel(), name)
    close(stranger)


@case
def an_auto_delete_queue_goes_with_its_last_consumer():
    with confirming() as channel_:
        name = queue(channel_, exclusive=False, auto_delete=True)
        channel_.queue_declare(name, passive=True)
        one, other = Inbox(channel_, name), Inbox(channel_, name)
        channel_.basic_cancel(one.tag)
        same(consumers(channel_, name), 1)
        channel_.basic_cancel(other.tag)
        gone(channel_, name)


@case
def an_auto_delete_queue_goes_with_its_consumers_connection():
    with confirming() as watcher:
        name = queue(watcher, exclusive=False, auto_delete=True)
        with confirming() as channel_:
            Inbox(channel_, name)
        gone(watcher, name)


@case
def an_auto_delete_exchange_goes_with_its_last_binding():
    with confirming() as channel_:
        exchange, name = unique("ex-"), queue(channel_)
        channel_.exchange_declare(exchange, "fanout", auto_delete=True)
        channel_.queue_bind(name, exchange, "a")
        channel_.queue_bind(name, exchange, "b")
        channel_.queue_unbind(name, exchange, "a")
        channel_.exchange_declare(exchange, passive=True)
        channel_.queue_unbind(name, exchange, "b")
        refused_on(channel_, 404, lambda: channel_.exchange_declare(exchange, passive=True))


@case
def deleting_minds_its_conditions():
    with confirming() as channel_:
        name = queue(channel_)
        put(channel_, name, b"x")
        refused_on(channel_, 406, lambda: channel_.queue_delete(name, if_empty=True), "PRECONDITION_FAILED")
        channel_ = channel_.connection.channel()
        Inbox(channel_.connection.channel(), name)
        refused_on(channel_, 406, lambda: channel_.queue_delete(name, if_unused=True), "PRECONDITION_FAILED")
        channel_ = channel_.connection.channel()
        exchange = unique("ex-")
        channel_.exchange_declare(exchange, "fanout")
        channel_.queue_bind(name, exchange)
        refused_on(channel_, 406, lambda: channel_.exchange_delete(exchange, if_unused=True), "PRECONDITION_FAILED")
        channel_ = channel_.connection.channel()
        channel_.queue_delete(name)
        channel_.exchange_delete(exchange, if_unused=True)
        refused_on(channel_, 404, lambda: channel_.exchange_declare(exchange, passive=True), "NOT_FOUND")


@case
def deleting_tells_how_many_messages_went():
    with confirming() as channel_:
        name = queue(channel_, exclusive=False)
        for _ in range(3):
            put(channel_, name, b"x")
        same(channel_.queue_delete(name).method.message_count, 3)


@case
def deleting_nothing_is_no_error():
    with confirming() as channel_:
        same(channel_.queue_delete(unique("never-")).method.message_count, 0)
        channel_.exchange_delete(unique("never-"))


@case
def purging_tells_how_many_messages_went():
    with confirming() as channel_:
        name = queue(channel_)
        for _ in range(5):
            put(channel_, name, b"x")
        method, _, _ = get(channel_, name)
        same(channel_.queue_purge(name).method.message_count, 4)
        empty(channel_, name)
        # What somebody holds is not purged.
        channel_.basic_nack(method.delivery_tag)
        same(bodies(channel_, name), [b"x"])
    refused(404, lambda channel_: channel_.queue_purge(unique("never-")), "NOT_FOUND")


@case
def binding_needs_both_ends():
    def bind(exchange, name=None):
        return lambda channel_: channel_.queue_bind(name or queue(channel_), exchange, "k")

    refused(404, bind(unique("never-")), "NOT_FOUND - no exchange")
    refused(404, bind("amq.direct", unique("never-")), "NOT_FOUND - no queue")


@case
def unbinding_stops_and_asks_for_no_binding():
    with confirming() as channel_:
        name, key = queue(channel_), unique("key-")
        channel_.queue_bind(name, "amq.direct", key)
        channel_.queue_bind(name, "amq.direct", key)
        channel_.basic_publish("amq.direct", key, b"once")
        same(get(channel_, name)[2], b"once")
        empty(channel_, name)
        channel_.queue_unbind(name, "amq.direct", key)
        channel_.basic_publish("amq.direct", key, b"never")
        empty(channel_, name)
        channel_.queue_unbind(name, "amq.direct", key)


@case
def exchanges_can_be_bound_to_exchanges():
    with confirming() as channel_:
        source, target, name = unique("source-"), unique("target-"), queue(channel_)
        channel_.exchange_declare(source, "topic", auto_delete=True)
        channel_.exchange_declare(target, "fanout", auto_delete=True)
        channel_.queue_bind(name, target)
        channel_.exchange_bind(target, source, "a.*")
        channel_.basic_publish(source, "a.b", b"in")
        channel_.basic_publish(source, "b.a", b"out")
        same(get(channel_, name)[2], b"in")
        empty(channel_, name)
        channel_.exchange_unbind(target, source, "a.*")
        refused_on(channel_, 404, lambda: channel_.exchange_declare(source, passive=True), "NOT_FOUND")


@case
def what_is_durable_is_there_for_the_next_connection():
    name, exchange = unique("durable-"), unique("durable-ex-")
    with confirming() as channel_:
        channel_.queue_declare(name, durable=True)
        channel_.exchange_declare(exchange, "direct", durable=True)
        channel_.queue_bind(name, exchange, "k")
        channel_.basic_publish(exchange, "k", b"kept")
    with confirming() as channel_:
        same(get(channel_, name)[2], b"kept")
        channel_.queue_delete(name)
        channel_.exchange_delete(exchange)


run()
