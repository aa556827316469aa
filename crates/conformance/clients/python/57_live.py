"""Users that come, change and go while the broker runs. It starts with none, so everybody is let in."""

import base64
import hashlib

import channels
from logins import NAMED, Out, WORDS, amqp091, amqp10, console, ended, leave, mqtt, out, sqs, stomp
from people import DATA, PASSWORD, Audit, add, causeway, key, known, remove, rows
from suite import case, eventually, run, same, unique

STAYING = {face.__name__: face for face in (mqtt, amqp091, stomp, amqp10)}
# What each says to who is connected and not welcome any more.
ENDED = {"mqtt": "closed", "amqp091": "320", "stomp": "Connection ended", "amqp10": "amqp:unauthorized-access"}


@case
def the_first_user_closes_the_open_door():
    early = {name: face("whoever", "whatever") for name, face in STAYING.items()}
    nobodies = {name: face() for name, face in STAYING.items()}
    sqs("any", "thing")
    console()
    add("root", "--admin")
    known()
    for sessions in (early, nobodies):
        same({name: ended(session) for name, session in sessions.items()}, ENDED)
    for name, face in NAMED.items():
        same(out(face, "whoever", "whatever"), WORDS[name])
        leave(face("root", PASSWORD))
    same(out(sqs, "any", "thing"), "InvalidClientTokenId")


@case
def whoever_is_removed_is_disconnected():
    user, other = unique("leaving-"), unique("staying-")
    add(user)
    add(other)
    known()
    going = {name: face(user, PASSWORD) for name, face in STAYING.items()}
    staying = {name: face(other, PASSWORD) for name, face in STAYING.items()}
    made = key(user)
    known()
    sqs(*made)
    audit = Audit()
    remove(user)
    same({name: ended(session) for name, session in going.items()}, ENDED)
    for name, face in NAMED.items():
        same(out(face, user, PASSWORD), WORDS[name])
    same(out(sqs, *made), "InvalidClientTokenId")
    assert audit.wait(event="login refused", reason=[f'no user "{user}"'])
    for session in staying.values():
        leave(session)


@case
def a_changed_password_counts():
    for name, face in NAMED.items():
        user = unique("changed-")
        add(user, password="before")
        known()
        # Twice: the second time it is remembered.
        leave(face(user, "before"))
        leave(face(user, "before"))
        causeway("user", "passwd", user, text="after\n")
        known()
        same(out(face, user, "before"), WORDS[name])
        leave(face(user, "after"))


@case
def a_rotated_or_disabled_key_counts():
    add(user := unique("keys-"))
    identity, secret = key(user)
    known()
    sqs(identity, secret)
    [rotated] = rows("key", "rotate", identity)
    known()
    same(out(sqs, identity, secret), "InvalidClientTokenId")
    sqs(identity, rotated["secret"])
    causeway("key", "disable", identity)
    known()
    same(out(sqs, identity, rotated["secret"]), "InvalidClientTokenId")


def mosquitto(password, salt=b"twelve bytes", rounds=101):
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def rabbitmq(password, salt=b"salt"):
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()


@case
def users_of_other_brokers_log_in_and_get_hashes_of_ours():
    old = {kind: unique(f"{kind}-") for kind in ("mosquitto", "rabbitmq")}
    (DATA / "passwords").write_text(f"{old['mosquitto']}:{mosquitto(PASSWORD)}\n")
    user = {"name": old["rabbitmq"], "password_hash": rabbitmq(PASSWORD), "tags": []}
    user["hashing_algorithm"] = "rabbit_password_hashing_sha256"
    (DATA / "definitions.json").write_text(str({"users": [user]}).replace("'", '"'))
    causeway("user", "import", str(DATA / "passwords"))
    causeway("user", "import", str(DATA / "definitions.json"))
    known()

    def kind(name):
        return next(row["password"] for row in rows("user", "list") if row["name"] == name)

    for (was, name), face in zip(old.items(), (mqtt, amqp091)):
        same(kind(name), was)
        assert out(face, name, "a wrong one") in WORDS.values()
        same(kind(name), was)
        leave(face(name, PASSWORD))
        eventually("a hash of ours", lambda name=name: kind(name) == "argon2id")
        leave(face(name, PASSWORD))


run()
