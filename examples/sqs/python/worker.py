"""A worker: receives readings from an SQS queue, answers each device, deletes what it has dealt with.

Run: pip install boto3 && python worker.py    (AWS_ENDPOINT_URL says where; stop it with Ctrl-C)
"""

import json
import os

import boto3

sqs = boto3.client(
    "sqs",
    endpoint_url=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
readings = sqs.create_queue(QueueName="readings")["QueueUrl"]
print(f"waiting for readings in {readings}")

while True:
    # Waits up to 20 s for a message; MQTT devices send them to `$queue/readings`.
    answer = sqs.receive_message(QueueUrl=readings, MaxNumberOfMessages=10, WaitTimeSeconds=20)
    for message in answer.get("Messages", []):
        reading = json.loads(message["Body"])
        advice = "too hot, slow down" if reading["celsius"] > 40 else "carry on"
        print(f"{reading['device']} at {reading['celsius']} °C: {advice}")

        answers = sqs.create_queue(QueueName=f"answers-{reading['device']}")["QueueUrl"]
        sqs.send_message(QueueUrl=answers, MessageBody=json.dumps({"advice": advice}))
        # Until it is deleted the message would come again after the visibility time-out.
        sqs.delete_message(QueueUrl=readings, ReceiptHandle=message["ReceiptHandle"])
