"""Named cases, run in order; one line of output each, exit status 1 if any failed."""

import itertools
import os
import signal
import ssl
import sys
import time
import traceback

DEADLINE = 30.0
MQTT_PORT = int(os.environ["MQTT_PORT"])
AWS_PORT = int(os.environ["AWS_PORT"])
AMQP_PORT = int(os.environ.get("AMQP_PORT", 0))
STOMP_PORT = int(os.environ.get("STOMP_PORT", 0))
CONSOLE_PORT = int(os.environ.get("CONSOLE_PORT", 0))

# Where the broker speaks nothing but TLS: the authority to trust, and the certificate to show if it wants one.
TLS_CA = os.environ.get("TLS_CA", "")
TLS_CERT = os.environ.get("TLS_CERT") or None
TLS_KEY = os.environ.get("TLS_KEY") or None

# Another broker that a suite is pointed at by hand: "rabbitmq" or "activemq".
PEER = os.environ.get("PEER", "")

# No case of a working broker comes near it.
CASE_DEADLINE = 60

_cases = []
_numbers = itertools.count(1)


def unique(prefix):
    """A name that no other case of this process uses."""
    return f"{prefix}{os.getpid()}-{next(_numbers)}"


def tls_context():
    """For clients that take one: trusts the authority, checks the name, shows the certificate."""
    context = ssl.create_default_context(cafile=TLS_CA)
    if TLS_CERT:
        context.load_cert_chain(TLS_CERT, TLS_KEY)
    return context


def case(function):
    """Registers a case; its name is the function's."""
    _cases.append(function)
    return function


def skip(function, reason):
    """Names a case that cannot run here."""
    print(f"skipped {_chapter()} {function.__name__}: {reason}", flush=True)
    return function


def unlike(**peers):
    """Before `@case`: says how another broker differs, where the case would fail."""

    def mark(function):
        function.unlike = peers
        return function

    return mark


def _chapter():
    return os.path.splitext(os.path.basename(sys.argv[0]))[0]


def eventually(what, probe):
    """Calls `probe` until it answers something true; the probe itself waits a little."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        answer = probe()
        if answer:
            return answer
    raise AssertionError(f"not within {DEADLINE} s: {what}")


def same(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def _late(_signal, _frame):
    raise AssertionError(f"not over after {CASE_DEADLINE} s")


def run():
    """Runs the cases, or those whose names the arguments give."""
    chapter = _chapter()
    failed = 0
    # Interrupts a client library that waits for an answer without a deadline of its own.
    signal.signal(signal.SIGALRM, _late)
    for function in _cases:
        if sys.argv[1:] and function.__name__ not in sys.argv[1:]:
            continue
        name = f"{chapter} {function.__name__}"
        if difference := getattr(function, "unlike", {}).get(PEER):
            print(f"skipped {name}: {PEER} {difference}", flush=True)
            continue
        try:
            signal.alarm(CASE_DEADLINE)
            function()
            signal.alarm(0)
            print(f"ok {name}", flush=True)
        except Exception as error:
            signal.alarm(0)
            failed += 1
            print(f"not ok {name}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
    # Threads of a client that a failed case left behind must not keep the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if failed else 0)
