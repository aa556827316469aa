"""The application that 16_celery.py and its worker share."""

import os

from celery import Celery

app = Celery("conformance", broker=f"amqp://guest:guest@127.0.0.1:{os.environ['AMQP_PORT']}//", backend="rpc://")
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=2,
    result_expires=60,
    broker_connection_retry_on_startup=False,
    task_queue_max_priority=5,
    worker_hijack_root_logger=False,
)


@app.task
def add(x, y):
    return x + y


@app.task
def fail(text):
    raise ValueError(text)


@app.task(bind=True, max_retries=3)
def third_time_lucky(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return self.request.retries
