"""Named cases, run in order; one line of output each, exit status 1 if any failed."""

import os
import sys
import time
import traceback

DEADLINE = 30.0
MQTT_PORT = int(os.environ["MQTT_PORT"])
AWS_PORT = int(os.environ["AWS_PORT"])

_cases = []


def case(function):
    """Registers a case; its name is the function's."""
    _cases.append(function)
    return function


def skip(function, reason):
    """Names a case that cannot run here."""
    print(f"skipped {_chapter()} {function.__name__}: {reason}", flush=True)
    return function


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


def run():
    """Runs the cases, or those whose names the arguments give."""
    chapter = _chapter()
    failed = 0
    for function in _cases:
        if sys.argv[1:] and function.__name__ not in sys.argv[1:]:
            continue
        name = f"{chapter} {function.__name__}"
        try:
            function()
            print(f"ok {name}", flush=True)
        except Exception as error:
            failed += 1
            print(f"not ok {name}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
    # Threads of a client that a failed case left behind must not keep the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if failed else 0)
