"""Paho behind calls that wait: every step returns when the broker has answered, or fails after the deadline."""

import itertools
import queue
import threading

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from suite import DEADLINE, MQTT_PORT, TLS_CA, TLS_CERT, TLS_KEY, case, skip

V31 = MQTTProtocolVersion.MQTTv31
V311 = MQTTProtocolVersion.MQTTv311
V5 = MQTTProtocolVersion.MQTTv5

_numbers = itertools.count(1)


def unique(prefix):
    """A name that no other case of this process uses."""
    return f"{prefix}{next(_numbers)}"


def properties(packet, **values):
    """MQTT 5 properties for a packet type such as `PacketTypes.PUBLISH`."""
    made = Properties(packet)
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Refused(Exception):
    """CONNACK with a reason other than success."""

    def __init__(self, reason):
        super().__init__(str(reason))
        self.reason = reason


class Device:
    """One connected client. `client` is Paho's own object, for what this wrapper leaves out."""

    def __init__(self, client_id=None, *, version=V311, clean=True, expiry=None, will=None, login=None, **connect):
        client_id = unique("device-") if client_id is None else client_id
        session = {} if version == V5 else {"clean_session": clean}
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=version, **session)
        self.version = version
        self.messages = queue.Queue()
        self.closed = threading.Event()
        self.close_reason = None
        self._connack = queue.Queue()
        self._acks = queue.Queue()
        self.client.on_connect = lambda _c, _u, flags, reason, props: self._connack.put((flags, reason, props))
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.client.on_subscribe = lambda _c, _u, mid, reasons, props: self._acks.put((mid, reasons))
        self.client.on_unsubscribe = lambda _c, _u, mid, reasons, props: self._acks.put((mid, reasons))
        self.client.on_disconnect = self._on_disconnect
        if login is not None:
            self.client.username_pw_set(*login)
        if will is not None:
            self.client.will_set(**will)
        if version == V5:
            connect["clean_start"] = clean
            if expiry is not None:
                given = connect.setdefault("properties", Properties(PacketTypes.CONNECT))
                given.SessionExpiryInterval = expiry
        self._connect_args = connect
        self._connect()

    def _connect(self):
        if TLS_CA and not self.client.socket():
            self.client.tls_set(TLS_CA, TLS_CERT, TLS_KEY)
        self.client.connect("127.0.0.1", MQTT_PORT, **self._connect_args)
        self.client.loop_start()
        self.flags, reason, self.connack = self._connack.get(timeout=DEADLINE)
        if reason.is_failure:
            self.client.loop_stop()
            raise Refused(reason)

    def _on_disconnect(self, _client, _userdata, _flags, reason, _properties):
        # Only the first tells what the broker did.
        self.close_reason = self.close_reason or reason
        # Otherwise Paho's loop would connect again and hide what the broker did.
        self.client.disconnect()
        self.closed.set()

    @property
    def session_present(self):
        return self.flags.session_present

    def subscribe(self, *filters, qos=0, **options):
        """Subscribes to all `filters` in one packet; the granted codes. MQTT 5 takes SubscribeOptions fields."""
        if self.version == V5:
            sub_properties = options.pop("properties", None)
            wanted = [(topic, SubscribeOptions(qos=qos, **options)) for topic in filters]
            result, mid = self.client.subscribe(wanted, properties=sub_properties)
        else:
            result, mid = self.client.subscribe([(topic, qos) for topic in filters])
        assert result == paho.MQTT_ERR_SUCCESS, paho.error_string(result)
        return self._answer(mid)

    def unsubscribe(self, *filters):
        result, mid = self.client.unsubscribe(list(filters))
        assert result == paho.MQTT_ERR_SUCCESS, paho.error_string(result)
        return self._answer(mid)

    def _answer(self, mid):
        answered, reasons = self._acks.get(timeout=DEADLINE)
        assert answered == mid, f"answer to {answered}, not to {mid}"
        return [reason.value for reason in reasons]

    def publish(self, topic, payload=b"", qos=0, retain=False, properties=None):
        """Publishes, and waits for the end of the QoS's hand-shake."""
        info = self.client.publish(topic, payload, qos, retain, properties)
        info.wait_for_publish(DEADLINE)
        assert info.is_published(), f"no confirmation of {topic}"
        return info

    def take(self):
        """The next message."""
        try:
            return self.messages.get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError(f"no message within {DEADLINE} s") from None

    def take_payloads(self, count):
        return [self.take().payload for _ in range(count)]

    def nothing(self):
        """Asserts that nothing is on the way: a message sent now is the next to arrive."""
        topic = unique("sentinel/")
        self.subscribe(topic)
        self.publish(topic, b"sentinel")
        message = self.take()
        assert message.topic == topic, f"unexpected {message.topic}: {message.payload[:80]!r}"
        self.unsubscribe(topic)

    def wait_closed(self):
        assert self.closed.wait(DEADLINE), "the broker did not close the connection"
        self.client.loop_stop()
        return self.close_reason

    def disconnect(self, **kwargs):
        """DISCONNECT, and its end."""
        self.client.disconnect(**kwargs)
        self.wait_closed()

    def drop(self):
        """Cuts the connection without DISCONNECT."""
        self.client.loop_stop()
        self.client.socket().close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.closed.is_set():
            self.disconnect()


def _speaks_v5():
    try:
        with Device(version=V5):
            return True
    except Refused as refused:
        # The only reason that tells the client what to do: try an older version.
        assert str(refused.reason) == "Unsupported protocol version", refused
        return False


SPEAKS_V5 = _speaks_v5()
VERSIONS = (V31, V311, V5) if SPEAKS_V5 else (V31, V311)
NEWEST = VERSIONS[-1]


def case_of_v5(function):
    """Registers a case that needs MQTT 5, where the broker speaks it."""
    return case(function) if SPEAKS_V5 else skip(function, "MQTT 5 is not spoken")
