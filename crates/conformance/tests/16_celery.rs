//! Celery: a worker and its tasks, over AMQP 0-9-1 by py-amqp.

use conformance::{Broker, Options, clients};

#[test]
fn celery() {
    clients::python("16_celery.py", &Broker::start("", Options::default()));
}
