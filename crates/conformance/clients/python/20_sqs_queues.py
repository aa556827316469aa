"""SQS queues with boto3: create, find, list, change, purge, delete; accounts and regions; STS."""

import json
import uuid

from botocore.exceptions import ClientError

from cloud import ENDPOINT, arn, client, counts, queue, receive, refused, sqs
from suite import case, run, same

NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


@case
def a_queue_is_created_found_and_deleted():
    name = f"found-{uuid.uuid4()}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    same(url, f"{ENDPOINT}/000000000000/{name}")
    same(sqs.get_queue_url(QueueName=name)["QueueUrl"], url)
    same(sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId="000000000000")["QueueUrl"], url)
    sqs.delete_queue(QueueUrl=url)
    refused(NO_QUEUE, sqs.get_queue_url, shape="QueueDoesNotExist", QueueName=name)


@case
def creating_again_with_the_same_attributes_is_the_same_queue():
    name = f"again-{uuid.uuid4()}"
    first = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "40"})["QueueUrl"]
    same(sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "40"})["QueueUrl"], first)
    same(sqs.create_queue(QueueName=name)["QueueUrl"], first)
    error = refused(
        "QueueAlreadyExists", sqs.create_queue, shape="QueueNameExists", QueueName=name, Attributes={"VisibilityTimeout": "41"}
    )
    assert error["Message"].endswith("different value for attribute VisibilityTimeout"), error["Message"]


@case
def names_are_checked():
    for name in ("", "with space", "dot.ted", "x" * 81, "ümlaut", "a/b"):
        refused("InvalidParameterValue", sqs.create_queue, shape="InvalidParameterValueException", QueueName=name)
    queue("x" * 70)


@case
def listing_filters_and_pages():
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="nothing-like-this"), "an empty list has no such key"
    urls = sorted(queue("listed-") for _ in range(5))
    same(sorted(sqs.list_queues(QueueNamePrefix="listed-")["QueueUrls"]), urls)
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix="listed-", PaginationConfig={"PageSize": 2})
    pages = [page["QueueUrls"] for page in pages]
    same([len(page) for page in pages], [2, 2, 1])
    same(sorted(url for page in pages for url in page), urls)


@case
def defaults_are_those_of_aws():
    url = queue()
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    wanted = {
        "VisibilityTimeout": "30",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{url.rsplit('/', 1)[1]}",
    }
    same({name: attributes.get(name) for name in wanted}, wanted)
    assert int(attributes["CreatedTimestamp"]) <= int(attributes["LastModifiedTimestamp"])
    assert "RedrivePolicy" not in attributes and "FifoQueue" not in attributes, attributes


@case
def attributes_are_changed_and_read_back():
    url = queue(VisibilityTimeout=5, DelaySeconds=1)
    wanted = {
        "VisibilityTimeout": "7",
        "MaximumMessageSize": "2048",
        "MessageRetentionPeriod": "60",
        "DelaySeconds": "900",
        "ReceiveMessageWaitTimeSeconds": "20",
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes=wanted)
    same(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(wanted))["Attributes"], wanted)
    assert not sqs.get_queue_attributes(QueueUrl=url).get("Attributes"), "none asked for, none answered"


@case
def attributes_are_checked():
    url = queue()
    refused("InvalidAttributeName", sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Nonsense"])
    refused("InvalidAttributeName", sqs.set_queue_attributes, QueueUrl=url, Attributes={"Nonsense": "1"})
    for name, value in [
        ("VisibilityTimeout", "43201"),
        ("VisibilityTimeout", "-1"),
        ("VisibilityTimeout", "soon"),
        ("DelaySeconds", "901"),
        ("MessageRetentionPeriod", "59"),
        ("MessageRetentionPeriod", "1209601"),
        ("MaximumMessageSize", "1023"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
    ]:
        refused("InvalidAttributeValue", sqs.set_queue_attributes, QueueUrl=url, Attributes={name: value})
    refused(
        "InvalidAttributeName", sqs.create_queue, text="Unknown Attribute FifoQueue.",
        QueueName=f"no-fifo-{uuid.uuid4()}", Attributes={"FifoQueue": "false"},
    )


@case
def a_redrive_policy_is_kept_and_removed():
    dead, url = queue("dead-"), queue("alive-")
    policy = {"deadLetterTargetArn": arn(dead), "maxReceiveCount": 3}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    read = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    got = json.loads(read)
    same((got["deadLetterTargetArn"], int(got["maxReceiveCount"])), (policy["deadLetterTargetArn"], 3))
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    assert "RedrivePolicy" not in answer.get("Attributes", {}), answer


@case
def operations_on_no_queue_are_refused():
    url = f"{ENDPOINT}/000000000000/never-{uuid.uuid4()}"
    handle = {"ReceiptHandle": "x"}
    for call, arguments in [
        (sqs.send_message, {"MessageBody": "x"}),
        (sqs.receive_message, {}),
        (sqs.delete_message, handle),
        (sqs.change_message_visibility, {**handle, "VisibilityTimeout": 1}),
        (sqs.purge_queue, {}),
        (sqs.delete_queue, {}),
        (sqs.get_queue_attributes, {}),
        (sqs.set_queue_attributes, {"Attributes": {"DelaySeconds": "1"}}),
        (sqs.send_message_batch, {"Entries": [{"Id": "a", "MessageBody": "x"}]}),
    ]:
        refused(NO_QUEUE, call, "The specified queue does not exist", "QueueDoesNotExist", QueueUrl=url, **arguments)


@case
def any_form_of_the_url_reaches_the_queue():
    url = queue()
    name = url.rsplit("/", 1)[1]
    for form in (url, f"http://localhost:1/000000000000/{name}", f"https://sqs.us-east-1.amazonaws.com/000000000000/{name}"):
        sqs.send_message(QueueUrl=form, MessageBody="x")
    same(counts(url), (3, 0, 0))


@case
def purging_empties_everything_once_a_minute():
    url = queue()
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=600 if number == 4 else 0)
    receive(url, 2)
    sqs.purge_queue(QueueUrl=url)
    same(counts(url), (0, 0, 0))
    same(receive(url), [])
    refused(
        "AWS.SimpleQueueService.PurgeQueueInProgress", sqs.purge_queue, shape="PurgeQueueInProgress", QueueUrl=url
    )
    sqs.send_message(QueueUrl=url, MessageBody="after")
    same([message["Body"] for message in receive(url)], ["after"])


@case
def accounts_are_apart():
    other = client(key="123456789012")
    name = f"mine-{uuid.uuid4()}"
    mine = sqs.create_queue(QueueName=name)["QueueUrl"]
    refused(NO_QUEUE, other.get_queue_url, QueueName=name)
    theirs = other.create_queue(QueueName=name)["QueueUrl"]
    assert theirs.endswith(f"/123456789012/{name}"), theirs
    sqs.send_message(QueueUrl=mine, MessageBody="mine")
    assert "Messages" not in other.receive_message(QueueUrl=theirs)
    other.send_message(QueueUrl=theirs, MessageBody="theirs")
    same([message["Body"] for message in receive(mine)], ["mine"])
    attributes = other.get_queue_attributes(QueueUrl=theirs, AttributeNames=["QueueArn"])["Attributes"]
    same(attributes["QueueArn"], f"arn:aws:sqs:us-east-1:123456789012:{name}")


@case
def regions_are_apart():
    there = client(region="eu-central-1")
    name = f"here-{uuid.uuid4()}"
    sqs.create_queue(QueueName=name)
    refused(NO_QUEUE, there.get_queue_url, QueueName=name)
    url = there.create_queue(QueueName=name)["QueueUrl"]
    attributes = there.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    same(attributes["QueueArn"], f"arn:aws:sqs:eu-central-1:000000000000:{name}")


@case
def sts_tells_the_caller():
    same(client("sts").get_caller_identity()["Account"], "000000000000")
    identity = client("sts", key="123456789012").get_caller_identity()
    same(identity["Account"], "123456789012")
    assert identity["Arn"].startswith("arn:aws:") and identity["UserId"], identity


@case
def what_is_not_built_answers_so():
    url = queue()
    for call, arguments in [
        (sqs.start_message_move_task, {"SourceArn": arn(url)}),
        (sqs.add_permission, {"QueueUrl": url, "Label": "x", "AWSAccountIds": ["123456789012"], "Actions": ["*"]}),
        (client("sns").create_topic, {"Name": "x"}),
    ]:
        try:
            call(**arguments)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            assert 400 <= status <= 501 and status != 500, status
            assert error.response["Error"]["Code"], error.response


run()
