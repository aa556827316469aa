"""Every operation of every protocol, by a user who has exactly the rights that it needs, and by users who have all rights
but one of these. What is denied is said in the protocol's own words, is in the audit log, and has changed nothing."""

import itertools

import pika
from botocore.exceptions import ClientError
from pika.exceptions import ChannelClosedByBroker
from proton import Message, SendException
from proton.reactor import Copy
from proton.utils import LinkDetached, SendException

import channels
import cloud
import links
from channels import PERSISTENT
from frames import Client, Refused
from logins import amqp091, leave, mqtt, out, stomp
from people import PASSWORD, Audit, add, allow, causeway, grant, key, known, queues, topics
from suite import case, eventually, run, same, unique

# Rights: to configure, write or read the queue, the topic, the exchange.
QUEUE = {"cq": "configure", "wq": "write", "rq": "read"}
TOPIC = {"wt": "write", "rt": "read"}
EXCHANGE = {"cx": "configure", "wx": "write", "rx": "read"}
ALL = {**QUEUE, **TOPIC, **EXCHANGE}


class Denied(Exception):
    """The protocol's word for it."""


class Row:
    """An operation: `step(session, name, topic)`, and what it needs. It may need any right on the queue instead."""

    rows = []

    def __init__(self, face, needs, step, word, *, absent=False, full=False):
        self.face, self.needs, self.step, self.word = face, needs.split(), step, word
        self.absent, self.full = absent, full
        self.rows.append(self)

    @property
    def title(self):
        return f"{self.face.__name__}_{self.step.__name__}"


def row(face, needs, word, **options):
    """Makes a row of a function."""

    def made(step):
        Row(face, needs, step, word, **options)
        return step

    return made


def only(rights):
    return "only-" + "-".join(rights)


def but(right):
    return f"but-{right}"


def permissions(users):
    """What gives each of these users their rights."""
    text = ""
    for user, rights in users.items():
        names = {word: [] for word in ("configure", "write", "read")}
        for right in rights:
            if right not in TOPIC:
                names[ALL[right]].append("q" if right in QUEUE else "x")
            else:
                text += topics(user, TOPIC[right], "t/#")
        every = ["other"] if user.startswith("but") else []
        text += grant(user, **{word: f"^({'|'.join(of + every)})-" for word, of in names.items() if of + every})
        if every:
            text += topics(user, "readwrite", "other/#")
    return text


def state():
    """All queues and what is in them; all exchanges are asked for by their users."""
    return {name: (row["ready"], row["unacked"], row["consumers"]) for name, row in queues().items()}


# --- MQTT


def session_mqtt(user):
    device = mqtt_(user)
    return device


def mqtt_(user):
    from device import Device

    return Device(login=(user, PASSWORD))


def granted(codes):
    for code in codes:
        if code >= 0x80:
            raise Denied(code)


