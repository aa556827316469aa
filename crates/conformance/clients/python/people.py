"""The broker's users, permissions and audit log, from outside: by its command line and its files."""

import json
import os
import pathlib
import subprocess
import time

from suite import eventually, unique

DATA = pathlib.Path(os.environ["DATA_DIR"])
PASSWORD = "right"
# What is said of a queue that is not there, to those who may know.
ABSENT = "AWS.SimpleQueueService.NonExistentQueue"


def causeway(*arguments, text=""):
    """What the command prints; `text` is its input."""
    # The least that a hash may cost: there are many of them.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAUSEWAY_")}
    environment |= {"CAUSEWAY_PASSWORD_MEMORY": "1MiB", "CAUSEWAY_PASSWORD_PASSES": "1"}
    command = [os.environ["PROGRAM"], *arguments, "--data", str(DATA)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def rows(*arguments):
    return [json.loads(line) for line in causeway(*arguments, "--json").splitlines()]


def add(name, *options, password=PASSWORD):
    causeway("user", "add", name, *options, text=f"{password}\n")


def remove(name):
    causeway("user", "remove", name)


def key(name, *options):
    """A new access key: its id and its secret."""
    [made] = rows("key", "add", name, *options)
    return made["id"], made["secret"]


def queues():
    """The administrator's view of all queues, by name."""
    return {row["name"]: row for row in rows("queues")}


def permit(text):
    """Replaces the permissions file as a careful editor does."""
    fresh = DATA / "permissions.new"
    fresh.write_text(text)
    fresh.rename(DATA / "permissions.toml")


def grant(user, **rights):
    """An entry that gives rights on queues and exchanges by regular expressions."""
    return f"[[permission]]\nuser = '{user}'\n" + "".join(f"{right} = '{names}'\n" for right, names in rights.items())


def topics(user, access, levels):
    return f"[[topic]]\nuser = '{user}'\nfilter = '{levels}'\naccess = '{access}'\n"


class Audit:
    """What the audit log says from now on."""

    def __init__(self):
        self.file = (DATA / "audit.log").open()
        self.file.seek(0, os.SEEK_END)
        self.events = []
        self.rest = ""

    def read(self):
        *lines, self.rest = (self.rest + self.file.read()).split("\n")
        self.events += map(json.loads, lines)
        return self.events

    def find(self, **wanted):
        """All events with these fields; a tuple is one of several values, a text in a list a part of the value."""

        def fits(value, one):
            match one:
                case tuple():
                    return value in one
                case [part]:
                    return part in (value or "")
            return value == one

        return [event for event in self.read() if all(fits(event.get(name), one) for name, one in wanted.items())]

    def wait(self, **wanted):
        """The first such event."""
        return eventually(f"a line like {wanted} in {self.events}", lambda: self.find(**wanted) or pause())[0]


def pause():
    """Lets some time pass between two looks."""
    time.sleep(0.02)


_canary = []


def _sees(queue):
    """What the broker says when the canary, who may nothing else, asks about a queue."""
    from cloud import ClientError, client

    if not _canary:
        add("canary", "--no-password")
        _canary.append(client(key=(made := key("canary"))[0], secret=made[1]))
    try:
        _canary[0].get_queue_attributes(QueueUrl=f"http://localhost/000000000000/{queue}")
    except ClientError as error:
        return error.response["Error"]["Code"]


def known():
    """Waits until the broker has read what was last written into the users file."""
    from cloud import ClientError, client

    if not _canary:
        _sees("")
    identity, secret = key("canary")

    def works(secret):
        try:
            return client("sts", key=identity, secret=secret).get_caller_identity()
        except ClientError:
            pause()

    # Where nobody is known yet, anything would work.
    eventually("the users file is read", lambda: works(secret) and not works("x" * 40))


def allow(text):
    """As [`permit`], and waits until the broker has read it."""
    name = unique("version-")
    _sees("")
    permit(text + grant("canary", read=f"^{name}$"))
    # Where there was no file, everything was seen.
    eventually("the file is read", lambda: (_sees(name) == ABSENT != _sees(unique("never-"))) or pause())
