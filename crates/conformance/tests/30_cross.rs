//! One message, two protocols: what MQTT sends SQS receives, and the other way.

use conformance::sqs::Sqs;
use conformance::{Broker, Device, Face, Options, clients};
use serde_json::{Value, json};

const CONFIG: &str = r#"
[[queue]]
name = "orders"
durable = true

[[queue]]
name = "orders.eu"
durable = true

[[queue]]
name = "audit"
durable = true

[[queue]]
name = "answers"
durable = true

[[queue]]
name = "tried"
durable = true
dead_letter = "dead"
max_deliveries = 2

[[queue]]
name = "dead"
durable = true

[[subscription]]
topic = "a.b"
queue = "audit"
"#;

#[test]
fn paho_and_boto3() {
    clients::python("30_cross.py", &broker());
}

#[test]
fn mqtt_js_and_the_aws_sdk() {
    clients::node("30_cross.mjs", &broker());
}

/// What one protocol holds, the other does not get; what it returns, the other does.
#[test]
fn a_lease_of_one_protocol_binds_the_other() {
    let broker = broker();
    let mut sqs = Sqs::connect(broker.address(Face::Aws)).unwrap();
    let url = sqs.queue_url("orders");
    let mut producer = Device::new(broker.address(Face::Mqtt), "producer");
    let mut holder = Device::new(broker.address(Face::Mqtt), "holder");
    holder.subscribe(&[("$queue/orders", 1)]);
    producer.publish("$queue/orders", 1, "held");
    let held = holder.message();
    assert_eq!(held.payload, b"held");
    assert_eq!(sqs.call("ReceiveMessage", &json!({"QueueUrl": url})).unwrap().get("Messages"), None);
    drop(holder);

    let input = json!({"QueueUrl": url, "WaitTimeSeconds": 20, "MessageSystemAttributeNames": ["All"]});
    let message = sqs.call("ReceiveMessage", &input).unwrap()["Messages"][0].clone();
    assert_eq!(message["Body"], "held");
    assert_eq!(message["Attributes"]["ApproximateReceiveCount"], "2", "both protocols count in one ledger");
    let mut heir = Device::new(broker.address(Face::Mqtt), "heir");
    heir.subscribe(&[("$queue/orders", 1)]);
    let change = json!({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0});
    sqs.call("ChangeMessageVisibility", &change).unwrap();
    assert_eq!(heir.take().payload, b"held");
    heir.ping();
    let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    let counts = sqs.call("GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": names})).unwrap();
    assert_eq!(counts["Attributes"], json!({names[0]: "0", names[1]: "0"}));
}

/// Deliveries over MQTT count for the dead-letter queue that SQS reads.
#[test]
fn dead_letters_of_one_protocol_are_received_by_the_other() {
    let broker = broker();
    Device::new(broker.address(Face::Mqtt), "producer").publish("$queue/tried", 1, "poison");
    for attempt in 0..2 {
        let mut consumer = Device::new(broker.address(Face::Mqtt), &format!("consumer-{attempt}"));
        consumer.subscribe(&[("$queue/tried", 1)]);
        assert_eq!(consumer.message().payload, b"poison");
    }
    let mut sqs = Sqs::connect(broker.address(Face::Aws)).unwrap();
    let input = json!({"QueueUrl": sqs.queue_url("dead"), "WaitTimeSeconds": 20});
    let answer: Value = sqs.call("ReceiveMessage", &input).unwrap();
    assert_eq!(answer["Messages"][0]["Body"], "poison");
}

fn broker() -> Broker {
    Broker::start(CONFIG, Options::default())
}
