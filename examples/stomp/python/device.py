"""A device: sends three readings over STOMP and waits for the answer to each.

Run: pip install stomp.py && python device.py    (STOMP_HOST and STOMP_PORT say where; a worker must be running)
"""

import json
import os
import queue
import uuid

import stomp

name = f"device-{uuid.uuid4().hex[:8]}"
answers = queue.Queue()
stored = queue.Queue()


class Listener(stomp.ConnectionListener):
    def on_message(self, frame):
        answers.put(json.loads(frame.body))

    def on_receipt(self, frame):
        stored.put(frame.headers["receipt-id"])


host, port = os.environ.get("STOMP_HOST", "127.0.0.1"), int(os.environ.get("STOMP_PORT", "61613"))
connection = stomp.Connection12([(host, port)])
connection.set_listener("", Listener())
connection.connect("guest", "guest", wait=True)

connection.subscribe(f"/queue/answers-{name}", id="answers")

for number, celsius in enumerate((19.5, 21.5, 48.5)):
    reading = json.dumps({"device": name, "celsius": celsius})
    # The receipt says that the broker has stored the message.
    headers = {"persistent": "true", "receipt": f"reading-{number}"}
    connection.send("/queue/readings", reading, content_type="application/json", headers=headers)
    assert stored.get(timeout=30) == f"reading-{number}"
    print(f"sent {celsius} °C, answer: {answers.get(timeout=30)['advice']}")

connection.disconnect()
