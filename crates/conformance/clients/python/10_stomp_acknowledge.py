"""Acknowledgement, transactions, selectors and browsers of STOMP with stomp.py."""

from frames import VERSIONS, Client, refused
from suite import PEER, case, run, same, unique, unlike


@case
def auto_settles_on_delivery():
    name = unique("/queue/")
    with Client() as client:
        client.send(name, b"x")
        client.subscribe(name)
        client.take()
    with Client() as client:
        client.subscribe(name)
        client.nothing()


@case
def what_is_not_acknowledged_comes_again():
    for version in VERSIONS:
        for mode in ("client", "client-individual")[: 1 if version == "1.0" else 2]:
            name = unique("/queue/")
            with Client(version) as client:
                client.send(name, b"1")
                client.send(name, b"2")
                client.subscribe(name, mode)
                client.ack(client.take())
                assert client.take().headers.get("redelivered", "false") == "false"
            with Client(version) as client:
                client.subscribe(name, mode)
                message = client.take()
                same((message.body, message.headers["redelivered"]), (b"2", "true"))
                client.ack(message)
                client.nothing()


@case
def client_acknowledges_everything_before():
    for version in VERSIONS:
        name = unique("/queue/")
        with Client(version) as client:
            for number in range(5):
                client.send(name, b"%d" % number)
            client.subscribe(name, "client")
            messages = [client.take() for _ in range(5)]
            client.ack(messages[3])
        with Client(version) as client:
            client.subscribe(name)
            same(client.take().body, b"4")
            client.nothing()


@case
def client_individual_acknowledges_one():
    for version in VERSIONS[1:]:
        name = unique("/queue/")
        with Client(version) as client:
            for number in range(4):
                client.send(name, b"%d" % number)
            client.subscribe(name, "client-individual")
            messages = [client.take() for _ in range(4)]
            client.ack(messages[2])
            client.ack(messages[0])
        with Client(version) as client:
            client.subscribe(name)
            same(client.bodies(2), [b"1", b"3"])
            client.nothing()


@case
def a_cut_connection_gives_back_what_it_held():
    name = unique("/queue/")
    client = Client()
    client.send(name, b"x")
    client.subscribe(name, "client")
    client.take()
    client.cut()
    with Client() as other:
        other.subscribe(name)
        message = other.take()
        same((message.body, message.headers["redelivered"]), (b"x", "true"))


@unlike(rabbitmq="gives a refused message back to the queue, unless the header requeue is false")
@case
def a_refused_message_becomes_a_dead_letter():
    # "jobs" has a dead-letter queue by configuration; ActiveMQ has one for all.
    dead = "/queue/ActiveMQ.DLQ" if PEER == "activemq" else "/queue/dead"
    for version in VERSIONS[1:]:
        with Client(version) as client:
            client.send("/queue/jobs", b"bad", colour="red", persistent="true")
            client.send("/queue/jobs", b"good", persistent="true")
            client.subscribe("/queue/jobs", "client-individual")
            bad = client.take()
            client.nack(bad)
            good = client.take()
            same(good.body, b"good")
            client.ack(good)
            client.subscribe(dead)
            message = client.take()
            same((message.body, message.headers["colour"]), (b"bad", "red"))
            client.nothing()


@case
def unsubscribing_stops_delivery():
    for version in VERSIONS:
        with Client(version) as client:
            name, other = unique("/queue/"), unique("/queue/")
            identity = client.subscribe(name)
            client.subscribe(other)
            client.unsubscribe(identity)
            client.send(name, b"unwanted")
            client.send(other, b"wanted")
            same(client.take().body, b"wanted")
            client.nothing()


@case
def several_subscriptions_are_told_apart():
    with Client() as client:
        names = [unique("/queue/") for _ in range(3)]
        identities = [client.subscribe(name) for name in names]
        for name in reversed(names):
            client.send(name, name.encode())
        got = [client.take().headers for _ in names]
        same([(one["subscription"], one["destination"]) for one in got], list(zip(identities, names))[::-1])


@case
def competing_subscribers_share():
    name = unique("/queue/")
    clients = [Client() for _ in range(3)]
    for client in clients:
        client.subscribe(name)
    with Client() as sender:
        for number in range(30):
            sender.send(name, b"%d" % number)
    got = []
    for client in clients:
        client.disconnect()
        while not client.messages.empty():
            got.append(int(client.take().body))
    same(sorted(got), list(range(30)))


@case
def prefetch_limits_what_is_unsettled():
    name = unique("/queue/")
    with Client() as client:
        for number in range(6):
            client.send(name, b"%d" % number)
        client.subscribe(name, "client-individual", extra={"activemq.prefetchSize": "2", "prefetch-count": "2"})
        first, second = client.take(), client.take()
        client.nothing()
        client.ack(second)
        same(client.take().body, b"2")
        client.nothing()
        client.ack(first)
        same(client.take().body, b"3")


@case
def a_commit_publishes_everything_at_once():
    name = unique("/queue/")
    with Client() as client, Client() as watcher:
        watcher.subscribe(name)
        transaction = client.begin()
        client.send(name, b"1", transaction=transaction)
        client.send(name, b"2", transaction=transaction)
        watcher.nothing()
        client.commit(transaction)
        same(watcher.bodies(2), [b"1", b"2"])


@case
def an_abort_publishes_nothing():
    name = unique("/queue/")
    with Client() as client:
        client.subscribe(name)
        transaction = client.begin()
        client.send(name, b"1", transaction=transaction)
        client.abort(transaction)
        client.nothing()


@case
def an_open_transaction_ends_with_its_connection():
    name = unique("/queue/")
    with Client() as client:
        client.send(name, b"never", transaction=client.begin())
    with Client() as client:
        client.subscribe(name)
        client.nothing()


@case
def two_transactions_do_not_mix():
    name = unique("/queue/")
    with Client() as client:
        client.subscribe(name)
        one, other = client.begin(), client.begin()
        client.send(name, b"one", transaction=one)
        client.send(name, b"other", transaction=other)
        client.abort(one)
        client.commit(other)
        same(client.take().body, b"other")
        client.nothing()


@case
def an_acknowledgement_in_a_transaction_counts_at_its_commit():
    for end, left in (("commit", 0), ("abort", 1)):
        name = unique("/queue/")
        with Client() as client:
            client.send(name, b"x")
            client.subscribe(name, "client-individual")
            transaction = client.begin()
            client.ack(client.take(), transaction=transaction)
            getattr(client, end)(transaction)
        with Client() as client:
            client.subscribe(name)
            same([client.take().body for _ in range(left)], [b"x"] * left)
            client.nothing()


@unlike(rabbitmq="says this in an ERROR and stays open", activemq="says this in an ERROR and stays open")
@case
def an_unknown_transaction_is_an_error():
    name = unique("/queue/")
    for step in [
        lambda client: client.commit("never-begun"),
        lambda client: client.abort("never-begun"),
        # A SEND in a transaction asks for no receipt here, so something that does comes next.
        lambda client: (client.send(name, b"x", transaction="never-begun"), client.begin()),
    ]:
        error = refused(step)
        assert "never-begun" in f"{error.headers} {error.body}", error


@unlike(rabbitmq="has no selectors")
@case
def a_selector_chooses():
    name = unique("/queue/")
    with Client() as client:
        for colour, size in (("red", 1), ("blue", 5), ("red", 9)):
            client.send(name, colour.encode(), colour=colour, size=size)
        client.subscribe(name, selector="colour = 'red' AND size NOT IN ('1', '2')")
        message = client.take()
        same((message.body, message.headers["size"]), (b"red", "9"))
        client.nothing()
        client.subscribe(name)
        same(client.bodies(2), [b"red", b"blue"])


@unlike(rabbitmq="has no selectors", activemq="stays open")
@case
def a_selector_that_is_none_is_an_error():
    error = refused(lambda client: client.subscribe(unique("/queue/"), selector="colour = = 'red'"))
    assert error.headers["message"], error


@unlike(rabbitmq="has no browsers here")
@case
def a_browser_takes_nothing_away():
    name = unique("/queue/")
    with Client() as client:
        for number in range(3):
            client.send(name, b"%d" % number, persistent="true")
        client.subscribe(name, browser="true")
        same(client.bodies(3), [b"0", b"1", b"2"])
        # An empty message ends the browse.
        same(client.take().headers.get("browser"), "end")
    with Client() as client:
        client.subscribe(name)
        same(client.bodies(3), [b"0", b"1", b"2"])


run()
