"""Paho in the conversion matrix."""

from device import Device
from matrix import decode, encode, unsaid


def topic(address):
    return f"$queue/{address['queue']}" if "queue" in address else "/".join(address["topic"])


class Face:
    def __init__(self):
        self.device = Device("matrix")
        self.topics = {}

    def send(self, address, message):
        self.device.publish(topic(address), decode(message["body"]), qos=1 if message.get("durable") else 0)
        return unsaid(message, "durable")

    def listen(self, address):
        self.topics[topic(address)] = listener = Device(f"matrix-{len(self.topics)}")
        listener.subscribe(topic(address), qos=1)

    def take(self, address):
        name = topic(address)
        if name in self.topics:
            return describe(self.topics[name].take())
        with Device() as taker:
            taker.subscribe(name, qos=1)
            message = taker.take()
            taker.unsubscribe(name)
        return describe(message)

    def give_back(self, address):
        holder = Device()
        holder.client.manual_ack_set(True)
        holder.subscribe(topic(address), qos=1)
        message = holder.take()
        holder.drop()
        return describe(message)


def describe(message):
    return {"body": encode(message.payload), "redelivered": message.dup}
