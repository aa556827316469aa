"""Who gets in, by every protocol, and who does not."""

from logins import FACES, NAMED, WORDS, leave, out, sqs
from people import PASSWORD, Audit, add, causeway, key, known
from suite import case, run, same, unique

CASES = ("right", "wrong", "nameless")
add("root", "--admin")
# A user for each case: guesses at one are nobody else's.
USERS = {(case_, face): unique(f"{case_}-") for case_ in CASES for face in NAMED}
for user in USERS.values():
    add(user)
GOOD, WRONG, OFF = key("root"), key("root"), key("root")
causeway("key", "disable", OFF[0])
# The same for an unknown key and for a wrong secret.
TURNED_AWAY = "InvalidClientTokenId"
known()


def each(step):
    """Registers `step(name, face, user)` as a case for each protocol with users."""
    for name, face in NAMED.items():

        def one(name=name, face=face):
            step(name, face, USERS.get((step.__name__.split("_")[0], name)))

        one.__name__ = f"{name}_{step.__name__}"
        case(one)


@each
def right_password_lets_in(name, face, user):
    audit = Audit()
    leave(face(user, PASSWORD))
    event = audit.wait(event="login", user=user)
    assert event["address"].startswith("127.0.0.1:"), event


@each
def wrong_password_does_not(name, face, user):
    audit = Audit()
    same(out(face, user, "a wrong one"), WORDS[name])
    event = audit.wait(event="login refused")
    assert "wrong password" in event["reason"] and user in event["reason"], event
    assert "a wrong one" not in str(event), event
    # One failure costs nothing.
    leave(face(user, PASSWORD))


@each
def unknown_user_gets_the_same_answer(name, face, _user):
    audit, user = Audit(), unique("nobody-knows-")
    same(out(face, user, PASSWORD), WORDS[name])
    audit.wait(event="login refused", reason=[f'no user "{user}"'])


@each
def nameless_or_rather_without_a_password(name, face, user):
    audit = Audit()
    same(out(face, user, ""), WORDS[name])
    # Proton does not even send such a one.
    if name != "amqp10":
        audit.wait(event="login refused", reason=["sent no password"])


@each
def nobody_is_not_let_in(name, face, _user):
    audit = Audit()
    got = out(face)
    # Where ANONYMOUS is not offered, clients give up by themselves.
    if name != "amqp091" and name != "amqp10":
        same(got, WORDS[name])
        reason = audit.wait(event="login refused")["reason"]
        # The certificate that all clients of the suites may have.
        assert reason in ("neither credentials nor a certificate", 'the certificate "CN=tester" is nobody\'s'), reason


@case
def a_key_lets_in():
    audit = Audit()
    same(out(sqs, GOOD[0], "x" * 40), TURNED_AWAY)
    audit.wait(event="login refused", reason=[GOOD[0]])
    sqs(*GOOD)
    audit.wait(event="login", user="root")


@case
def no_other_key_does():
    same(out(sqs, "AKIAIOSFODNN7EXAMPLE", WRONG[1]), TURNED_AWAY)
    same(out(sqs, OFF[0], OFF[1]), TURNED_AWAY)
    same(out(sqs, WRONG[0], GOOD[1]), TURNED_AWAY)
    same(out(sqs), "MissingAuthenticationToken")


@case
def no_secret_is_in_the_audit_log():
    audit = Audit()
    audit.file.seek(0)
    text = audit.file.read()
    assert GOOD[1] not in text and "a wrong one" not in text
    assert len(text.splitlines()) > len(FACES), text


run()
