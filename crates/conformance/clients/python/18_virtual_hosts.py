"""A configured virtual host, as each protocol names it: pika, stomp.py, proton, and boto3 with the account behind it."""

import channels
import cloud
import frames
import links
from suite import case, run, same, unique

HOST = "tenant"
ACCOUNT = "111111111111"


def pika_put(name, body):
    with channels.confirming(vhost=HOST) as channel_:
        channel_.queue_declare(name, durable=True)
        channels.put(channel_, name, body)


def pika_take(name):
    with channels.confirming(vhost=HOST) as channel_:
        channel_.queue_declare(name, durable=True)
        return channels.get(channel_, name, auto_ack=True)[2]


def stomp_put(name, body):
    with frames.Client(host=HOST) as client:
        client.send(f"/queue/{name}", body, persistent="true")


def stomp_take(name):
    with frames.Client(host=HOST) as client:
        client.subscribe(f"/queue/{name}", "client-individual")
        message = client.take()
        client.ack(message)
        return message.body


def proton_put(name, body):
    with links.connected(virtual_host=HOST) as connection:
        links.send(connection, name, links.Message(body=body, inferred=True, durable=True))


def proton_take(name):
    with links.connected(virtual_host=HOST) as connection:
        message = links.Inbox(connection, name).take()
        return message.body.encode() if isinstance(message.body, str) else bytes(message.body)


def boto3_put(name, body):
    sqs = cloud.client(key=ACCOUNT)
    sqs.send_message(QueueUrl=sqs.create_queue(QueueName=name)["QueueUrl"], MessageBody=body.decode())


def boto3_take(name):
    sqs = cloud.client(key=ACCOUNT)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return message["Body"].encode()


PUTS = {"pika": pika_put, "stomp.py": stomp_put, "proton": proton_put, "boto3": boto3_put}
TAKES = {"pika": pika_take, "stomp.py": stomp_take, "proton": proton_take, "boto3": boto3_take}


@case
def every_protocol_reaches_the_same_queue_of_the_host():
    name = unique("shared-")
    for sender, put in PUTS.items():
        for receiver, take in TAKES.items():
            body = f"{sender} to {receiver}".encode()
            put(name, body)
            same(take(name), body)


@case
def the_default_host_sees_nothing_of_it():
    name = unique("apart-")
    for put in PUTS.values():
        put(name, b"theirs")
    with channels.confirming() as channel_:
        channel_.queue_declare(name, exclusive=True)
        channels.empty(channel_, name)
        channels.put(channel_, name, b"ours")
        same(channels.bodies(channel_, name), [b"ours"])
    same([pika_take(name) for _ in PUTS], [b"theirs"] * len(PUTS))


@case
def topics_of_two_hosts_are_two():
    topic = unique("news-")
    with frames.Client(host=HOST) as theirs, frames.Client() as ours:
        theirs.subscribe(f"/topic/{topic}")
        ours.subscribe(f"/topic/{topic}")
        with channels.confirming(vhost=HOST) as channel_:
            channel_.basic_publish("amq.topic", topic, b"theirs")
        with links.connected() as connection:
            links.send(connection, f"topic://{topic}", "ours")
        same((theirs.take().body, ours.take().body), (b"theirs", b"ours"))
        theirs.nothing()
        ours.nothing()


run()
