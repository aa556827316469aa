"""boto3 against the broker: clients without retries, and errors by their identity."""

import itertools
import os
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from suite import AWS_PORT, DEADLINE, TLS_CA, TLS_CERT, TLS_KEY, same

ENDPOINT = f"{'https' if TLS_CA else 'http'}://127.0.0.1:{AWS_PORT}"

# Nothing of the machine's own set-up may decide where requests go.
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

_process = uuid.uuid4().hex[:8]
_numbers = itertools.count(1)


def client(service="sqs", key="test", region="us-east-1", secret="test", **config):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        verify=TLS_CA or None,
        config=Config(
            client_cert=(TLS_CERT, TLS_KEY) if TLS_CERT else None,
            retries={"total_max_attempts": 1},
            read_timeout=DEADLINE,
            connect_timeout=DEADLINE,
            **config,
        ),
    )


sqs = client()


def queue(prefix="queue-", **attributes):
    """A new queue's URL."""
    name = f"{prefix}{_process}-{next(_numbers)}"
    return sqs.create_queue(QueueName=name, Attributes={key: str(value) for key, value in attributes.items()})["QueueUrl"]


def arn(url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def receive(url, count=10, wait=0, **options):
    """The messages of one answer."""
    options = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"], **options}
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=count, WaitTimeSeconds=wait, **options)
    assert answer.get("Messages") != [], "an empty answer has no such key"
    return answer.get("Messages", [])


def one(url, **options):
    """The next message, waiting for it."""
    messages = receive(url, 1, wait=20, **options)
    assert messages, "no message within 20 s"
    return messages[0]


def delete(url, message):
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def counts(url):
    """Visible, in flight, delayed."""
    names = ["", "NotVisible", "Delayed"]
    names = [f"ApproximateNumberOfMessages{name}" for name in names]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return tuple(int(attributes[name]) for name in names)


def refused(code, call, text=None, shape=None, **arguments):
    """Asserts that `call` fails with the error code (or one of them), and where given its text and its shape."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        got = error.response["Error"]
        assert got["Code"] in ([code] if isinstance(code, str) else code), f"{got['Code']}, wanted {code}"
        if text is not None:
            assert text in got["Message"], f"{text!r} is not in {got['Message']!r}"
        if shape is not None:
            same(got.get("QueryErrorCode"), shape)
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert 400 <= status < 500, status
        return got
    raise AssertionError(f"not refused: {answer}")
