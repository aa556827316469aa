"""Celery with its own transport (py-amqp): a worker with its defaults, and results over rpc://."""

import ctypes
import os
import signal
import subprocess
import sys
import threading

from celery import chain, group
from celery.exceptions import TaskRevokedError

from celery_tasks import add, app, fail, third_time_lucky
from suite import DEADLINE, case, eventually, run, same


def die_with_parent():
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def start_worker():
    """A worker in a process of its own, once it says that it is ready."""
    command = [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "--pool=solo", "--loglevel=INFO"]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    worker = subprocess.Popen(command, **output, preexec_fn=die_with_parent)
    said, ready = [], threading.Event()

    def read():
        for line in worker.stdout:
            said.append(line)
            if " ready." in line:
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    assert ready.wait(DEADLINE), "".join(said)
    assert worker.poll() is None, "".join(said)
    return worker


worker = start_worker()


@case
def a_task_gives_its_result():
    same(add.delay(2, 3).get(timeout=DEADLINE), 5)


@case
def a_hundred_tasks_give_their_results():
    results = [add.delay(number, number) for number in range(100)]
    same([result.get(timeout=DEADLINE) for result in results], [2 * number for number in range(100)])


@case
def a_failure_comes_back_as_the_exception():
    try:
        fail.delay("as it should").get(timeout=DEADLINE)
    except ValueError as error:
        same(str(error), "as it should")
    else:
        raise AssertionError("no exception")


@case
def a_task_is_tried_again_later():
    same(third_time_lucky.delay().get(timeout=DEADLINE), 2)


@case
def groups_and_chains_work():
    same(group(add.s(number, 1) for number in range(5))().get(timeout=DEADLINE), [1, 2, 3, 4, 5])
    same(chain(add.s(1, 2), add.s(3), add.s(4))().get(timeout=DEADLINE), 10)


@case
def a_worker_answers_remote_control():
    answers = eventually("a pong", lambda: app.control.ping(timeout=1))
    same([list(answer.values()) for answer in answers], [[{"ok": "pong"}]])


@case
def a_revoked_task_does_not_run():
    waiting = add.apply_async((1, 1), countdown=2)
    app.control.revoke(waiting.id)
    try:
        waiting.get(timeout=DEADLINE)
    except TaskRevokedError:
        pass
    else:
        raise AssertionError("it ran")


@case
def a_worker_stops_when_asked():
    worker.terminate()
    same(worker.wait(DEADLINE), 0)


run()
