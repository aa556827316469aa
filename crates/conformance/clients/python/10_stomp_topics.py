"""Topics of STOMP with stomp.py: wildcards, durable subscriptions, temporary queues."""

from frames import VERSIONS, Client, refused
from suite import PEER, case, run, same, unique, unlike


def matching(pattern, topics):
    """The topics whose messages a subscriber of `pattern` gets, in order."""
    with Client() as client:
        client.subscribe(f"/topic/{pattern}")
        last = unique("/topic/last-")
        client.subscribe(last)
        for topic in topics:
            client.send(f"/topic/{topic}", topic.encode())
        client.send(last, b"last")
        got = []
        while (message := client.take()).body != b"last":
            got.append(message.body.decode())
            same(message.headers["destination"], f"/topic/{got[-1]}")
        return got


@case
def every_subscriber_gets_a_copy():
    name = unique("/topic/")
    clients = [Client(version) for version in VERSIONS * 3]
    for client in clients:
        client.subscribe(name)
    with Client() as sender:
        for number in range(20):
            sender.send(name, b"%d" % number)
    for client in clients:
        same(client.bodies(20), [b"%d" % number for number in range(20)])
        client.disconnect()


@case
def a_topic_keeps_nothing_for_later():
    name = unique("/topic/")
    with Client() as client:
        client.send(name, b"nobody hears it")
        client.subscribe(name)
        client.send(name, b"heard")
        same(client.take().body, b"heard")
        client.nothing()


@case
def a_topic_and_a_queue_of_one_name_are_two_things():
    name = unique("both-")
    with Client() as client:
        topic, queue = client.subscribe(f"/topic/{name}"), client.subscribe(f"/queue/{name}")
        client.send(f"/topic/{name}", b"topic")
        same((client.take().headers["subscription"]), topic)
        client.send(f"/queue/{name}", b"queue")
        same((client.take().headers["subscription"]), queue)
        client.nothing()


@case
def a_star_matches_one_level():
    root = unique("star")
    topics = [f"{root}.{rest}" for rest in ("x.t", "y.t", "x.y.t", "x", "x.u")] + [root]
    same(matching(f"{root}.*.t", topics), topics[:2])
    same(matching(f"{root}.*", topics), [topics[3]])


@unlike(rabbitmq="says # instead")
@case
def a_greater_than_matches_the_rest():
    root = unique("rest")
    topics = [f"{root}.{rest}" for rest in ("x", "x.y", "x.y.z")] + [f"{root}x.y", unique("other") + ".x"]
    same(matching(f"{root}.>", topics), topics[:3])
    same(matching(f"{root}.x.>", topics)[-2:], topics[1:3])


@case
def two_subscriptions_of_one_client_get_a_copy_each():
    root = unique("two")
    with Client() as client:
        identities = {client.subscribe(f"/topic/{root}.*"), client.subscribe(f"/topic/{root}.x")}
        client.send(f"/topic/{root}.x", b"x")
        same({client.take().headers["subscription"] for _ in range(2)}, identities)
        client.nothing()


@case
def acknowledgements_work_on_topics_too():
    name = unique("/topic/")
    with Client() as client:
        client.subscribe(name, "client-individual")
        for number in range(3):
            client.send(name, b"%d" % number)
        for number in range(3):
            message = client.take()
            same(message.body, b"%d" % number)
            client.ack(message)
        client.nothing()


def durable(client, topic, name):
    """Subscribes durably, in the words of both brokers."""
    if PEER == "rabbitmq":
        return client.subscribe(topic, id=name, extra={"durable": "true", "auto-delete": "false"})
    return client.subscribe(topic, id=name, extra={"activemq.subscriptionName": name})


@case
def a_durable_subscription_collects_while_its_client_is_away():
    topic, name = unique("/topic/news-"), unique("reader-")
    identity = {"client-id": unique("client-")}
    with Client(**identity) as client:
        durable(client, topic, name)
        client.send(topic, b"here")
        same(client.take().body, b"here")
    with Client() as sender:
        sender.send(topic, b"away 1", persistent="true")
        sender.send(topic, b"away 2", persistent="true")
    with Client(**identity) as client:
        durable(client, topic, name)
        same(client.bodies(2), [b"away 1", b"away 2"])
        client.nothing()


@case
def the_words_of_rabbitmq_make_a_durable_subscription_too():
    if PEER == "activemq":
        return
    topic, name = unique("/topic/news-"), unique("reader-")
    words = {"durable": "true", "auto-delete": "false"}
    with Client() as client:
        client.subscribe(topic, id=name, extra=words)
    with Client() as client:
        client.send(topic, b"away", persistent="true")
    with Client() as client:
        client.subscribe(topic, id=name, extra=words)
        same(client.take().body, b"away")
        client.unsubscribe(name, durable="true")
        client.send(topic, b"nobody's any more")
    with Client() as client:
        client.subscribe(topic, id=name, extra=words)
        client.nothing()
        client.unsubscribe(name, durable="true")


@unlike(rabbitmq="asks for a subscription with the header durable")
@case
def unsubscribing_ends_a_durable_subscription():
    topic, name = unique("/topic/news-"), unique("reader-")
    identity = {"client-id": unique("client-")}
    with Client(**identity) as client:
        subscription = durable(client, topic, name)
        client.unsubscribe(subscription)
        client.unsubscribe(subscription, extra={"activemq.subscriptionName": name})
    with Client() as sender:
        sender.send(topic, b"nobody's any more", persistent="true")
    with Client(**identity) as client:
        durable(client, topic, name)
        client.nothing()


@unlike(rabbitmq="has no selectors")
@case
def a_selector_chooses_from_a_topic():
    name = unique("/topic/")
    with Client() as client:
        client.subscribe(name, selector="colour LIKE 'r%' OR colour IS NULL")
        for colour in ({"colour": "red"}, {"colour": "blue"}, {}):
            client.send(name, colour.get("colour", "none").encode(), **colour)
        same(client.bodies(2), [b"red", b"none"])
        client.nothing()


@unlike(rabbitmq="subscribes to a temporary queue by naming it in reply-to")
@case
def a_question_is_answered_through_a_temporary_queue():
    name = unique("/queue/")
    with Client() as asker, Client() as worker:
        worker.subscribe(name)
        asker.subscribe("/temp-queue/answers")
        for number in range(5):
            asker.send(name, b"%d" % number, reply_to="/temp-queue/answers", correlation_id=f"q-{number}")
            question = worker.take()
            assert question.headers["reply-to"] != "/temp-queue/answers", question.headers
            identity = question.headers["correlation-id"]
            worker.send(question.headers["reply-to"], b"=" + question.body, correlation_id=identity)
            answer = asker.take()
            same((answer.headers["correlation-id"], answer.body), (f"q-{number}", b"=%d" % number))


@unlike(rabbitmq="subscribes to a temporary queue by naming it in reply-to")
@case
def temporary_queues_of_two_clients_are_two():
    with Client() as one, Client() as other:
        one.subscribe("/temp-queue/mine")
        other.subscribe("/temp-queue/mine")
        one.send("/temp-queue/mine", b"one")
        other.send("/temp-queue/mine", b"other")
        same((one.take().body, other.take().body), (b"one", b"other"))


@unlike(activemq="has no exchanges")
@case
def exchanges_and_existing_queues_have_prefixes_of_their_own():
    queue, key = unique("plain-"), unique("key-")
    with Client() as client:
        client.subscribe(f"/exchange/amq.direct/{key}")
        client.send(f"/exchange/amq.direct/{key}", b"direct")
        same(client.take().body, b"direct")
        client.send(f"/queue/{queue}", b"plain")
        client.subscribe(f"/amq/queue/{queue}")
        same(client.take().body, b"plain")


@unlike(activemq="has no exchanges", rabbitmq="stays open")
@case
def a_missing_exchange_is_an_error():
    error = refused(lambda client: client.subscribe("/exchange/" + unique("never-") + "/key"))
    assert "never-" in f"{error.headers} {error.body}", error


@unlike(rabbitmq="means two levels by it")
@case
def a_slash_is_part_of_a_queues_name():
    name = unique("a/b-")
    with Client() as client:
        client.subscribe(f"/queue/{name}")
        client.send(f"/queue/{name}", b"x")
        same(client.take().headers["destination"], f"/queue/{name}")


run()
