//! Official client libraries over TLS, and with certificates of their own. Every other chapter runs so, too, with
//! `CAUSEWAY_TEST_TLS` = `1` or `mutual`.

use conformance::{Broker, Options, Security, clients};

#[test]
fn paho() {
    clients::python("01_connect.py", &broker(Security::Mutual));
    clients::python("03_publish.py", &broker(Security::Tls));
}

#[test]
fn mqtt_js() {
    clients::node("01_connect.mjs", &broker(Security::Mutual));
    clients::node("03_publish.mjs", &broker(Security::Tls));
}

#[test]
fn pika() {
    clients::python("12_amqp_publish.py", &broker(Security::Mutual));
}

#[test]
fn aio_pika() {
    clients::python("12_amqp_aio.py", &broker(Security::Tls));
}

#[test]
fn amqplib() {
    clients::node("12_amqp.mjs", &broker(Security::Mutual));
}

#[test]
fn proton() {
    clients::python("14_amqp10_messages.py", &broker(Security::Mutual));
}

#[test]
fn rhea() {
    clients::node("14_amqp10.mjs", &broker(Security::Mutual));
}

#[test]
fn stomp_py() {
    clients::python("10_stomp_connect.py", &broker(Security::Tls));
    clients::python("10_stomp_messages.py", &broker(Security::Mutual));
}

#[test]
fn stompjs() {
    clients::node("10_stomp.mjs", &broker(Security::Mutual));
}

#[test]
fn boto3() {
    clients::python("20_sqs_queues.py", &broker(Security::Mutual));
}

#[test]
fn aws_sdk_js() {
    clients::node("20_sqs.mjs", &broker(Security::Mutual));
}

#[test]
fn celery() {
    clients::python("16_celery.py", &broker(Security::Tls));
}

fn broker(security: Security) -> Broker {
    let dead = "[[queue]]\nname = \"jobs\"\ndead_letter = \"dead\"\n[[queue]]\nname = \"dead\"\n";
    Broker::start(dead, Options::default().security(security))
}
