"""A device: publishes three readings over MQTT and waits for the answer to each.

Run: pip install paho-mqtt && python device.py    (MQTT_HOST and MQTT_PORT say where; a worker must be running)
"""

import json
import os
import queue
import uuid

import paho.mqtt.client as mqtt

name = f"device-{uuid.uuid4().hex[:8]}"
answers = queue.Queue()

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name)
client.on_message = lambda client, userdata, message: answers.put(json.loads(message.payload))
client.connect(os.environ.get("MQTT_HOST", "127.0.0.1"), int(os.environ.get("MQTT_PORT", "1883")))
client.loop_start()

# `$queue/NAME` is the queue NAME: in SQS it is the queue of the same name.
client.subscribe(f"$queue/answers-{name}", qos=1)

for celsius in (19.5, 21.5, 48.5):
    reading = {"device": name, "celsius": celsius}
    # QoS 1: the broker has stored the message when the publish is confirmed.
    client.publish("$queue/readings", json.dumps(reading), qos=1).wait_for_publish()
    print(f"sent {celsius} °C, answer: {answers.get(timeout=30)['advice']}")

client.disconnect()
client.loop_stop()
