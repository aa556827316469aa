"""The application that 16_celery.py and its worker share."""

import os
import ssl

from celery import Celery

app = Celery("conformance", broker=f"amqp://guest:guest@127.0.0.1:{os.environ['AMQP_PORT']}//", backend="rpc://")
if os.environ.get("TLS_CA"):
    app.conf.broker_use_ssl = {
        "ca_certs": os.environ["TLS_CA"],
        "certfile": os.environ.get("TLS_CERT"),
        "keyfile": os.environ.get("TLS_KEY"),
        "cert_reqs": ssl.CERT_REQUIRED,
    }
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
