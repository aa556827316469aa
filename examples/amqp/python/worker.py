"""A worker: takes readings from an AMQP queue, answers each device, acknowledges what it has dealt with.

Run: pip install pika && python worker.py    (AMQP_URL says where; stop it with Ctrl-C)
"""

import json
import os

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2f")
channel = pika.BlockingConnection(pika.URLParameters(url)).channel()

# Devices may have made it already: a queue is the same for every protocol.
channel.queue_declare("readings", durable=True)
# A publish returns when the broker has stored the message.
channel.confirm_delivery()
# At most so many readings wait here, unacknowledged; the others are for other workers.
channel.basic_qos(prefetch_count=10)


def work(channel, delivery, _properties, body):
    reading = json.loads(body)
    advice = "too hot, slow down" if reading["celsius"] > 40 else "carry on"
    print(f"{reading['device']} at {reading['celsius']} °C: {advice}")

    answer = json.dumps({"advice": advice})
    properties = pika.BasicProperties(content_type="application/json", delivery_mode=2)
    channel.basic_publish("", f"answers-{reading['device']}", answer, properties)
    # Until it is acknowledged the reading would come again if this worker ended.
    channel.basic_ack(delivery.delivery_tag)


channel.basic_consume("readings", work)
print(f"waiting for readings in {url.split('@')[-1]}")
channel.start_consuming()
