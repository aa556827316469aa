"""SQS messages with boto3, which checks every MD5 itself."""

import json
import threading
import time
import uuid

from cloud import arn, client, counts, delete, one, queue, receive, refused, sqs
from suite import case, eventually, run, same


@case
def a_message_is_sent_received_and_deleted():
    url = queue()
    sent = sqs.send_message(QueueUrl=url, MessageBody="hello")
    before = time.time()
    message = one(url)
    same((message["MessageId"], message["Body"]), (sent["MessageId"], "hello"))
    attributes = message["Attributes"]
    same(attributes["ApproximateReceiveCount"], "1")
    assert attributes["SenderId"], attributes
    for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
        assert abs(int(attributes[name]) / 1000 - before) < 60, (name, attributes[name], before)
    same(counts(url), (0, 1, 0))
    delete(url, message)
    same(counts(url), (0, 0, 0))
    delete(url, message)


@case
def bodies_of_every_kind_come_back():
    url = queue()
    bodies = ["x", " ", "ünï 漢字 😀 \U0010fffd", "a\r\nb\tc\n", "<&>\"'", "{\"a\": [1]}", "x" * (1024 * 1024)]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)
        message = one(url)
        assert message["Body"] == body, f"{body[:40]!r} came back as {message['Body'][:40]!r}"
        delete(url, message)


@case
def forbidden_bodies_are_refused():
    url = queue()
    for body in ("\0", "a\x08b", "\ufffe", "\uffff"):
        refused("InvalidMessageContents", sqs.send_message, QueueUrl=url, MessageBody=body)
    refused("MissingParameter", sqs.send_message, shape="MissingRequiredParameterException", QueueUrl=url, MessageBody="")
    refused(
        "InvalidParameterValue", sqs.send_message, "Message must be shorter than 1048576 bytes.",
        QueueUrl=url, MessageBody="x" * (1024 * 1024 + 1),
    )
    small = queue(MaximumMessageSize=1024)
    sqs.send_message(QueueUrl=small, MessageBody="x" * 1024)
    refused(
        "InvalidParameterValue", sqs.send_message, "Message must be shorter than 1024 bytes.",
        QueueUrl=small, MessageBody="x" * 1025,
    )


@case
def message_attributes_travel():
    url = queue()
    attributes = {
        "text": {"DataType": "String", "StringValue": "ünï"},
        "number": {"DataType": "Number", "StringValue": "-12.5e3"},
        "binary": {"DataType": "Binary", "BinaryValue": b"\x00\xff\x80"},
        "job.kind": {"DataType": "String.json", "StringValue": "{}"},
        "job.number": {"DataType": "Number.int", "StringValue": "1"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5e1b4151-43a0913a12345678901234567"}}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes, MessageSystemAttributes=trace)
    message = one(url, VisibilityTimeout=0)
    same(message["MessageAttributes"], attributes)
    same(message["Attributes"]["AWSTraceHeader"], trace["AWSTraceHeader"]["StringValue"])
    jobs = {"job.kind", "job.number"}
    for wanted, names in [
        (["text"], {"text"}),
        (["text", "binary"], {"text", "binary"}),
        (["nothing"], set()),
        (["job.*"], jobs),
        ([".*"], set(attributes)),
        (["All"], set(attributes)),
    ]:
        got = one(url, MessageAttributeNames=wanted, VisibilityTimeout=0).get("MessageAttributes", {})
        same(set(got), names)


@case
def message_attributes_are_checked():
    url = queue()
    for attributes in [
        {"empty": {"DataType": "String", "StringValue": ""}},
        {"kind": {"DataType": "Nonsense", "StringValue": "x"}},
        {"a b": {"DataType": "String", "StringValue": "x"}},
        {"AWS.mine": {"DataType": "String", "StringValue": "x"}},
        {f"n{number}": {"DataType": "String", "StringValue": "x"} for number in range(11)},
    ]:
        refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
    same(counts(url), (0, 0, 0))


@case
def visibility_ends_and_the_count_grows():
    url = queue(VisibilityTimeout=1)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    first = one(url)
    same(receive(url), [])
    second = one(url)
    same(second["Attributes"]["ApproximateReceiveCount"], "2")
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    same(second["Attributes"]["ApproximateFirstReceiveTimestamp"], first["Attributes"]["ApproximateFirstReceiveTimestamp"])
    # An old handle still deletes.
    delete(url, first)
    eventually("the queue is empty", lambda: counts(url) == (0, 0, 0))


@case
def visibility_is_changed():
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    message = one(url)
    change = dict(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sqs.change_message_visibility(**change, VisibilityTimeout=0)
    same(counts(url), (1, 0, 0))
    not_in_flight = ["AWS.SimpleQueueService.MessageNotInflight", "InvalidParameterValue"]
    refused(not_in_flight, sqs.change_message_visibility, **change, VisibilityTimeout=10)
    message = one(url, VisibilityTimeout=1)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=600)
    refused(
        "InvalidParameterValue", sqs.change_message_visibility,
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=43201,
    )
    same(receive(url, wait=2), [])


@case
def handles_are_checked():
    url = queue()
    for handle in ("garbage", "AQEB" + "x" * 300, str(uuid.uuid4())):
        text = "The input receipt handle is invalid."
        refused("ReceiptHandleIsInvalid", sqs.delete_message, text, QueueUrl=url, ReceiptHandle=handle)
        refused(
            "ReceiptHandleIsInvalid", sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=1
        )


@case
def numbers_of_a_receive_are_checked():
    url = queue()
    for arguments, text in [
        ({"MaxNumberOfMessages": 11}, "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: "),
        ({"MaxNumberOfMessages": 0}, "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: "),
        ({"WaitTimeSeconds": 21}, "Value 21 for parameter WaitTimeSeconds is invalid. Reason: "),
        ({"VisibilityTimeout": 43201}, "Value 43201 for parameter VisibilityTimeout is invalid. Reason: "),
    ]:
        refused("InvalidParameterValue", sqs.receive_message, text, QueueUrl=url, **arguments)


@case
def a_long_poll_ends_with_the_arrival():
    url = queue()
    got, started = [], time.monotonic()
    waiter = threading.Thread(target=lambda: got.extend(receive(url, wait=20)))
    waiter.start()
    client().send_message(QueueUrl=url, MessageBody="x")
    waiter.join()
    same([message["Body"] for message in got], ["x"])
    assert time.monotonic() - started < 15, "the answer waited for the end of the poll"


@case
def a_long_poll_of_nothing_lasts_and_answers_nothing():
    url = queue(ReceiveMessageWaitTimeSeconds=1)
    for options in ({"WaitTimeSeconds": 1}, {}):
        started = time.monotonic()
        answer = sqs.receive_message(QueueUrl=url, **options)
        assert "Messages" not in answer, answer
        assert time.monotonic() - started > 0.8, "too early"
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)


@case
def a_long_poll_sees_the_end_of_another_visibility():
    url = queue(VisibilityTimeout=1)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    one(url)
    same(one(url)["Attributes"]["ApproximateReceiveCount"], "2")


@case
def delays_hold_messages_back():
    url = queue(DelaySeconds=600)
    sqs.send_message(QueueUrl=url, MessageBody="late")
    sqs.send_message(QueueUrl=url, MessageBody="soon", DelaySeconds=1)
    sqs.send_message(QueueUrl=url, MessageBody="now", DelaySeconds=0)
    same(counts(url), (1, 0, 2))
    same([message["Body"] for message in receive(url)], ["now"])
    same(one(url)["Body"], "soon")
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x", DelaySeconds=901)


@case
def dead_letters_move_with_everything_they_have():
    dead = queue("dlq-")
    policy = json.dumps({"deadLetterTargetArn": arn(dead), "maxReceiveCount": "2"})
    url = queue("tried-", VisibilityTimeout=0, RedrivePolicy=policy)
    attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison", MessageAttributes=attributes)
    for _ in range(2):
        same(one(url)["MessageId"], sent["MessageId"])
    same(receive(url), [])
    message = one(dead)
    same((message["MessageId"], message["Body"]), (sent["MessageId"], "poison"))
    same(message["MessageAttributes"], attributes)
    same(message["Attributes"]["DeadLetterQueueSourceArn"], arn(url))
    same(counts(url), (0, 0, 0))


@case
def a_redrive_policy_is_checked():
    for policy in (
        "nonsense",
        json.dumps({"maxReceiveCount": 3}),
        json.dumps({"deadLetterTargetArn": arn(queue()), "maxReceiveCount": 0}),
        json.dumps({"deadLetterTargetArn": "nonsense", "maxReceiveCount": 1}),
    ):
        refused(
            "InvalidParameterValue", sqs.create_queue,
            QueueName=f"checked-{uuid.uuid4()}", Attributes={"RedrivePolicy": policy},
        )


@case
def expired_messages_are_gone():
    # The shortest retention is a minute, too long for a test: what can be seen is that it is not refused.
    url = queue(MessageRetentionPeriod=60)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    same(one(url)["Body"], "x")


run()
