"""SQS batches with boto3."""

from cloud import counts, delete, one, queue, receive, refused, sqs
from suite import case, run, same

PREFIX = "AWS.SimpleQueueService."


def entries(*bodies, **fields):
    return [{"Id": f"e{number}", "MessageBody": body, **fields} for number, body in enumerate(bodies)]


def outcome(answer):
    """The ids that went well, the ids that failed."""
    return tuple([entry["Id"] for entry in answer.get(kind, [])] for kind in ("Successful", "Failed"))


@case
def ten_are_sent_received_changed_and_deleted():
    url = queue()
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries(*[f"body {n}" for n in range(10)]))
    assert not answer.get("Failed"), answer
    same([entry["Id"] for entry in answer["Successful"]], [f"e{n}" for n in range(10)])
    ids = {entry["MessageId"] for entry in answer["Successful"]}
    messages = []
    while len(messages) < 10:
        got = receive(url, wait=20)
        assert got, "not all of them came"
        messages += got
    same({message["MessageId"] for message in messages}, ids)
    handles = [{"Id": f"h{n}", "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
    changes = [{**handle, "VisibilityTimeout": 100 + n} for n, handle in enumerate(handles)]
    answer = sqs.change_message_visibility_batch(QueueUrl=url, Entries=changes)
    same(outcome(answer), ([handle["Id"] for handle in handles], []))
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=handles)
    same(outcome(answer), ([handle["Id"] for handle in handles], []))
    same(counts(url), (0, 0, 0))


@case
def one_bad_body_fails_alone():
    url = queue()
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries("good", "bad \x01", "good too"))
    same([entry["Id"] for entry in answer["Successful"]], ["e0", "e2"])
    [failed] = answer["Failed"]
    same((failed["Id"], failed["SenderFault"], failed["Code"]), ("e1", True, "InvalidMessageContents"))
    same(sorted(message["Body"] for message in receive(url)), ["good", "good too"])


@case
def one_bad_handle_fails_alone():
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    good = one(url)["ReceiptHandle"]
    handles = [{"Id": "bad", "ReceiptHandle": "garbage"}, {"Id": "good", "ReceiptHandle": good}]
    changes = [{**handle, "VisibilityTimeout": 60} for handle in handles]
    for answer in (
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=changes),
        sqs.delete_message_batch(QueueUrl=url, Entries=handles),
    ):
        same([entry["Id"] for entry in answer["Successful"]], ["good"])
        [failed] = answer["Failed"]
        same((failed["Id"], failed["SenderFault"], failed["Code"]), ("bad", True, "ReceiptHandleIsInvalid"))
    same(counts(url), (0, 0, 0))


@case
def entries_have_their_own_delay_and_attributes():
    url = queue()
    batch = entries("now", "later")
    batch[0]["MessageAttributes"] = {"kind": {"DataType": "String", "StringValue": "x"}}
    batch[1]["DelaySeconds"] = 600
    sqs.send_message_batch(QueueUrl=url, Entries=batch)
    same(counts(url), (1, 0, 1))
    message = one(url)
    same((message["Body"], message["MessageAttributes"]), ("now", batch[0]["MessageAttributes"]))
    delete(url, message)


@case
def malformed_batches_are_refused_whole():
    url = queue()
    for shape, batch, text in [
        ("EmptyBatchRequest", [], None),
        ("TooManyEntriesInBatchRequest", entries(*"abcdefghijk"), "Maximum number of entries per request are 10. You have sent 11."),
        ("BatchEntryIdsNotDistinct", [{"Id": "same", "MessageBody": "x"}] * 2, "Id same repeated."),
        ("InvalidBatchEntryId", [{"Id": "a b", "MessageBody": "x"}], None),
        ("InvalidBatchEntryId", [{"Id": "x" * 81, "MessageBody": "x"}], None),
        (
            "BatchRequestTooLong",
            entries("x" * 524288, "x" * 524289),
            "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
        ),
    ]:
        refused(PREFIX + shape, sqs.send_message_batch, text, shape, QueueUrl=url, Entries=batch)
    same(counts(url), (0, 0, 0))
    refused(PREFIX + "EmptyBatchRequest", sqs.delete_message_batch, QueueUrl=url, Entries=[])
    refused(PREFIX + "EmptyBatchRequest", sqs.change_message_visibility_batch, QueueUrl=url, Entries=[])


@case
def a_full_mebibyte_passes():
    url = queue()
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries("x" * 524288, "y" * 524288))
    same(len(answer["Successful"]), 2)


run()
