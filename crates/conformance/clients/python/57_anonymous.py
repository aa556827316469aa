"""Clients that show nothing, where the configuration says which user they are: `guest`."""

from logins import FACES, NAMED, WORDS, console, leave, mqtt, out
from people import PASSWORD, Audit, add, allow, grant, known
from suite import case, run, same

add("root", "--admin")
add("guest", "--admin")
known()


@case
def nobody_may_do_nothing_without_a_permissions_file():
    words = {"mqtt": "Not authorized", "amqp091": "530", "stomp": "Bad CONNECT", "amqp10": "amqp:unauthorized-access"}
    same({name: out(NAMED[name]) for name in words}, words)
    same(console()["queues"], [])


@case
def nobody_is_guest_and_may_what_guest_may():
    allow(grant("guest", write="^common$", configure="^common$"))
    for name, face in NAMED.items():
        audit = Audit()
        leave(face())
        event = audit.wait(event="login", user="guest")
        same(event["reason"], "anonymous")
    same([row["name"] for row in console()["queues"]], ["common"])


@case
def guest_is_no_administrator_that_way():
    same(out(console, path="/api/connections"), "403")
    console("guest", PASSWORD, path="/api/connections")


@case
def who_shows_something_wrong_is_not_nobody():
    for name, face in NAMED.items():
        same(out(face, "mallory", "whatever"), WORDS[name])
        same(out(face, "mallory", ""), WORDS[name])


@case
def aws_requests_are_signed():
    same(out(FACES["sqs"]), "MissingAuthenticationToken")


run()
