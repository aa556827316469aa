"""Clients whose certificate says who they are: its subject is CN=tester."""

from logins import WORDS, amqp091, amqp10, console, ended, leave, mqtt, out, stomp
from people import PASSWORD, Audit, add, known, remove
from suite import case, run, same

EXTERNAL = {
    "mqtt": mqtt,
    "stomp": stomp,
    "amqp091": lambda **given: amqp091(mechanism="EXTERNAL", **given),
    "amqp10": lambda: amqp10(mechanism="EXTERNAL"),
    "console": console,
}
add("root", "--admin")
add("other")
known()


@case
def a_certificate_that_is_nobodys_lets_nobody_in():
    for name, face in EXTERNAL.items():
        audit = Audit()
        same(out(face), WORDS[name])
        event = audit.wait(event="login refused")
        assert "is nobody's" in event["reason"] and "tester" in event["reason"], event


@case
def its_user_needs_no_password():
    add("tested", "--no-password", "--certificate", "CN=tester")
    known()
    for face in EXTERNAL.values():
        audit = Audit()
        leave(face())
        same(audit.wait(event="login", user="tested")["reason"], "certificate")


@case
def it_gives_nobody_elses_name():
    for name in ("mqtt", "stomp", "console"):
        same(out(EXTERNAL[name], "other", ""), WORDS[name])
        same(out(EXTERNAL[name], "other", "a wrong one"), WORDS[name])
        leave(EXTERNAL[name]("other", PASSWORD))
    audit = Audit()
    same(out(EXTERNAL["amqp091"], response=b"root"), WORDS["amqp091"])
    audit.wait(event="login refused", reason=['who wants to be "root"'])


@case
def when_the_user_goes_the_certificate_is_nobodys_again():
    sessions = [face() for name, face in EXTERNAL.items() if name != "console"]
    remove("tested")
    for session in sessions:
        ended(session)
    for name, face in EXTERNAL.items():
        same(out(face), WORDS[name])


run()
