//! What is in every kept store, and how it is found there.

use conformance::sqs::Sqs;
use conformance::wire::{Connect, Publish};
use conformance::{Broker, Device, Face, Stomper};
use serde_json::{Value, json};

/// Read when the store was made, never afterwards: what it says is in the store.
pub(crate) const CONFIG: &str = r#"
[[queue]]
name = "readings"

[[queue]]
name = "orders"

[[queue]]
name = "large"

[[queue]]
name = "dead"

[[exchange]]
name = "shop"
type = "direct"

[[binding]]
queue = "orders"
exchange = "shop"
key = "order"

[[subscription]]
topic = "sensors.#"
queue = "audit"
"#;

/// The master key of the store that is encrypted. It protects nothing.
pub(crate) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Puts a few messages into a broker without any configuration.
pub(crate) fn fill_a_little(broker: &Broker) {
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    (1..=3).for_each(|n| device.publish("$queue/readings", 1, format!("reading {n}")));
}

/// What [`fill_a_little`] has put there is found.
pub(crate) fn look_at_a_little(broker: &Broker) {
    let rows = broker.admin_rows(&["peek", "readings"]);
    assert_eq!(rows.len(), 3);
    let found = |n: usize| rows[n - 1].to_string().contains(&format!("reading {n}"));
    assert!((1..=3).all(found), "{rows:?}");
}

/// Puts all of it into a broker that was started with [`CONFIG`].
pub(crate) fn fill(broker: &Broker) {
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    for n in 1..=3 {
        device.publish("$queue/readings", 1, format!("reading {n}"));
    }
    device.publish("$queue/readings", 2, "reading 4");
    device.publish("sensors/hall", 1, "21.5");
    device.hand_over(&Publish::new("plant/kept", 1, 900, "retained").retained());
    device.publish("$queue/large", 1, large());

    // One message is settled.
    let mut worker = Device::new(broker.address(Face::Mqtt), "worker");
    worker.subscribe(&[("$queue/readings", 1)]);
    assert_eq!(worker.take().payload, b"reading 1");
    worker.ping();
    worker.disconnect();

    // One session waits for its client.
    let mut session =
        Device::connect(broker.address(Face::Mqtt), &Connect::new("meter").persistent()).expect("accepted");
    session.subscribe(&[("alarms/#", 1)]);
    session.disconnect();
    device.publish("alarms/fire", 1, "fire");
    device.publish("alarms/flood", 1, "flood");

    let mut sqs = Sqs::connect(broker.address(Face::Aws)).expect("connected");
    let attributes = json!({"QueueName": "jobs", "Attributes": {"VisibilityTimeout": "33"}});
    sqs.call("CreateQueue", &attributes).expect("a queue");
    // Not to that one: its messages expire.
    let orders = sqs.queue_url("orders");
    let colour = json!({"colour": {"DataType": "String", "StringValue": "red"}});
    let message = json!({"QueueUrl": orders, "MessageBody": "by SQS", "MessageAttributes": colour});
    sqs.call("SendMessage", &message).expect("sent");

    let mut stomper = Stomper::connect(broker.address(Face::Stomp));
    stomper.say("SEND\ndestination:/queue/orders\npersistent:true\ncolour:blue\nreceipt:1\n\nby STOMP\0");
    stomper.expect("RECEIPT");

    for args in [
        &["create", "made", "--dead-letter", "dead", "--max-deliveries", "3"][..],
        &["send", "made", "--body", "by the console", "--durable", "-n", "2"],
    ] {
        let ended = broker.admin(args);
        assert!(ended.status.success(), "{args:?}: {ended:?}");
    }
}

/// Finds all of it, and takes nothing away. `more` was added to the queue `readings`.
pub(crate) fn look(broker: &Broker, more: &[&str]) {
    let readings = [&["reading 2", "reading 3", "reading 4"], more].concat();
    let queues: [(&str, &[&str]); 5] = [
        ("readings", &readings),
        ("audit", &["21.5"]),
        ("orders", &["by SQS", "by STOMP"]),
        ("made", &["by the console", "by the console"]),
        ("dead", &[]),
    ];
    for (queue, expected) in queues {
        let rows = broker.admin_rows(&["peek", queue, "-n", "100"]);
        let bodies: Vec<_> = rows.iter().map(|row| row["body"].as_str().expect("a text")).collect();
        assert_eq!(bodies, *expected, "{queue}");
        assert!(rows.iter().all(|row| row["expires"].is_null()), "it must be there for ever: {rows:?}");
    }
    let rows = broker.admin_rows(&["peek", "large"]);
    assert_eq!(rows.iter().map(|row| row["body_bytes"].as_u64()).collect::<Vec<_>>(), [Some(large().len() as u64)]);

    let made = broker.admin_row(&["queue", "made"]);
    assert_eq!((&made["settings"]["dead_letter"], &made["settings"]["max_deliveries"]), (&json!("dead"), &json!(3)));
    let jobs = broker.admin_row(&["queue", "jobs"]);
    assert_eq!((&jobs["durable"], &jobs["settings"]["lease"]), (&json!(true), &json!(33_000)), "{jobs}");
    let orders = broker.admin_row(&["queue", "orders"]);
    let bound = |row: &Value| row["exchange"] == "shop" && row["key"] == "order";
    assert!(orders["bindings"].as_array().is_some_and(|rows| rows.iter().any(bound)), "{orders}");
    let topics = broker.admin_rows(&["topics"]);
    assert!(topics.iter().any(|row| row["key"] == "plant.kept" && row["retained"] == true), "{topics:?}");
    assert!(topics.iter().any(|row| row["key"] == "sensors.#" && row["bindings"] == 1), "{topics:?}");
}

/// Takes it all, each as the clients of its protocol do, and `more` with it.
pub(crate) fn take(broker: &Broker, more: &[&str]) {
    let mut device = Device::new(broker.address(Face::Mqtt), "late");
    device.subscribe(&[("plant/+", 1)]);
    let kept = device.take();
    assert_eq!((kept.topic.as_str(), kept.payload.as_slice(), kept.retain), ("plant/kept", &b"retained"[..], true));
    device.subscribe(&[("$queue/large", 1)]);
    assert!(device.take().payload == large(), "the large body came differently");
    device.subscribe(&[("$queue/readings", 1)]);
    for reading in ["reading 2", "reading 3", "reading 4"].iter().chain(more) {
        assert_eq!(device.take().payload, reading.as_bytes());
    }
    // The binding is still there.
    device.publish("sensors/cellar", 1, "8.0");
    device.subscribe(&[("$queue/audit", 1)]);
    assert_eq!([device.take().payload, device.take().payload], [b"21.5".to_vec(), b"8.0".to_vec()]);

    let mut session =
        Device::connect(broker.address(Face::Mqtt), &Connect::new("meter").persistent()).expect("accepted");
    assert!(session.session_present);
    assert_eq!([session.take().payload, session.take().payload], [b"fire".to_vec(), b"flood".to_vec()]);

    let mut sqs = Sqs::connect(broker.address(Face::Aws)).expect("connected");
    let orders = sqs.queue_url("orders");
    let wanted = json!({"QueueUrl": orders, "MessageAttributeNames": ["All"], "MaxNumberOfMessages": 1});
    let message = sqs.call("ReceiveMessage", &wanted).expect("received")["Messages"][0].take();
    assert_eq!(
        (&message["Body"], &message["MessageAttributes"]["colour"]["StringValue"]),
        (&json!("by SQS"), &json!("red"))
    );
    let delete = json!({"QueueUrl": orders, "ReceiptHandle": message["ReceiptHandle"]});
    sqs.call("DeleteMessage", &delete).expect("deleted");

    let mut stomper = Stomper::connect(broker.address(Face::Stomp));
    stomper.say("SUBSCRIBE\nid:1\ndestination:/queue/orders\nack:auto\n\n\0");
    let message = stomper.expect("MESSAGE");
    assert_eq!(
        (message.header("colour"), message.body.as_slice()),
        (Some("blue"), &b"by STOMP"[..]),
        "{}",
        message.text()
    );
}

/// Longer than a record may be in one piece, and than the first segment; nearly all of it zeros.
fn large() -> Vec<u8> {
    let mut body = vec![0; 3 << 19];
    for (place, byte) in body.iter_mut().step_by(100_000).zip(b'a'..) {
        *place = byte;
    }
    body
}
