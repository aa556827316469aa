//! Messages of every protocol out of the broker into a file and back: their clients see what they would have seen.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use conformance::amqp1::{self, Linker};
use conformance::poll::{DEADLINE, until};
use conformance::sqs::Sqs;
use conformance::stomp::Frame;
use conformance::{Broker, Device, Face, Options, Stomper};
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::{Value, json};

/// What is published to a topic lies in two queues: one is emptied and filled again, the other left alone.
const CONFIG: &str = r#"
[[subscription]]
topic = "t.mqtt"
queue = "mqtt"

[[subscription]]
topic = "t.mqtt"
queue = "mqtt-twin"

[[subscription]]
topic = "t.stomp"
queue = "stomp"

[[subscription]]
topic = "t.stomp"
queue = "stomp-twin"

[[queue]]
name = "typed"
"#;

/// Messages of each of the first three protocols.
const EACH: usize = 3_400;

/// Out of the queue, and in again.
fn there_and_back(broker: &Broker, queue: &str, count: usize) {
    let file = broker.data().with_file_name(format!("{queue}.ndjson"));
    let path = file.display().to_string();
    let exported = broker.admin_row(&["export", queue, "--file", &path]);
    assert_eq!(exported, json!({ "exported": count, "removed": 0, "leased": 0, "delayed": 0 }));
    let purged = broker.admin_row(&["purge", queue]);
    assert_eq!(purged["count"], count);
    let imported = broker.admin_row(&["import", queue, "--file", &path]);
    assert_eq!(imported, json!({ "imported": count, "expired": 0, "dropped": 0 }));
}

#[test]
fn stomp_messages_come_back_as_they_were() {
    let broker = Broker::start(CONFIG, Options::default());
    let mut stomper = Stomper::connect(broker.address(Face::Stomp));
    let mut frames = Vec::new();
    for n in 0..EACH {
        let receipt = if n + 1 == EACH { "receipt:last\n" } else { "" };
        let head = format!(
            "SEND\ndestination:/topic/t.stomp\ntimestamp:17000000\npersistent:true\npriority:{}\n{receipt}content-type:text/plain\n\
             correlation-id:c\\c{n}\nown:line\\nbreak\\\\{n}\nown:repeated\n",
            n % 10
        );
        frames.extend_from_slice(head.as_bytes());
        if n % 2 == 0 {
            let body = [n as u8, 0, 0xff];
            frames.extend_from_slice(format!("content-length:{}\n\n", body.len()).as_bytes());
            frames.extend_from_slice(&body);
        } else {
            frames.extend_from_slice(format!("\nbody é {n}").as_bytes());
        }
        frames.push(0);
    }
    stomper.write(&frames).unwrap();
    stomper.expect("RECEIPT");
    there_and_back(&broker, "stomp", EACH);
    let twin = stomp_frames(&broker, "stomp-twin");
    let back = stomp_frames(&broker, "stomp");
    assert_eq!(back.len(), EACH);
    for (back, twin) in back.iter().zip(&twin) {
        assert_eq!(back, twin);
    }
    assert!(twin[0].header("correlation-id") == Some("c\\c0") && twin[0].body == [0, 0, 0xff], "{}", twin[0].text());
}

/// All of a queue, without what is this delivery's own.
fn stomp_frames(broker: &Broker, queue: &str) -> Vec<Frame> {
    let mut stomper = Stomper::connect(broker.address(Face::Stomp));
    stomper.say(&format!("SUBSCRIBE\nid:0\ndestination:/queue/{queue}\nack:auto\n\n\0"));
    let own = |name: &str| matches!(name, "message-id" | "subscription" | "ack");
    let frame = |_| {
        let mut frame = stomper.expect("MESSAGE");
        frame.headers.retain(|(name, _)| !own(name));
        frame
    };
    (0..EACH).map(frame).collect()
}

#[test]
fn mqtt_messages_come_back_as_they_were() {
    let broker = Broker::start(CONFIG, Options::default());
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    for n in 0..EACH {
        device.publish("t/mqtt", 1 + (n % 2) as u8, [&b"\0\xff"[..], &n.to_be_bytes()].concat());
    }
    there_and_back(&broker, "mqtt", EACH);
    let read = |queue: &str| {
        let mut device = Device::new(broker.address(Face::Mqtt), queue);
        device.subscribe(&[(&format!("$queue/{queue}"), 2)]);
        let read = |_| {
            let publish = device.take();
            (publish.topic, publish.qos, publish.retain, publish.dup, publish.payload)
        };
        (0..EACH).map(read).collect::<Vec<_>>()
    };
    let (back, twin) = (read("mqtt"), read("mqtt-twin"));
    for (back, twin) in back.iter().zip(&twin) {
        assert_eq!((back.1, back.2, back.3, &back.4), (twin.1, twin.2, twin.3, &twin.4));
    }
}

#[test]
fn amqp_messages_come_back_as_they_were() {
    let broker = Broker::start(CONFIG, Options::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let uri = format!("amqp://guest:guest@{}/%2f", broker.address(Face::Amqp));
        let connection = Connection::connect(&uri, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        publish_all(&channel).await;
        there_and_back(&broker, "amqp", EACH);
        let (back, twin) = (read_all(&channel, "amqp").await, read_all(&channel, "amqp-twin").await);
        for (back, twin) in back.iter().zip(&twin) {
            assert_eq!(back, twin);
        }
        assert_eq!(twin.len(), EACH);
        assert_eq!((twin[0].0.as_str(), twin[0].1.as_str()), ("transfer", "any.key"), "it keeps its exchange and key");
    });
}

async fn publish_all(channel: &Channel) {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let kind = lapin::ExchangeKind::Fanout;
    channel.exchange_declare("transfer".into(), kind, durable, FieldTable::default()).await.unwrap();
    for queue in ["amqp", "amqp-twin"] {
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.into(), durable, FieldTable::default()).await.unwrap();
        let (options, table) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind(queue.into(), "transfer".into(), "".into(), options, table).await.unwrap();
    }
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let mut confirms = Vec::new();
    for n in 0..EACH {
        let mut headers = FieldTable::default();
        headers.insert("number".into(), AMQPValue::LongLongInt(n as i64));
        headers.insert("bytes".into(), AMQPValue::ByteArray(vec![0, 0xff].into()));
        headers.insert("nothing".into(), AMQPValue::Void);
        let mut properties = BasicProperties::default()
            .with_headers(headers)
            .with_content_type("application/x".into())
            .with_correlation_id(format!("c{n}").into())
            .with_reply_to("answers".into())
            .with_message_id(format!("m{n}").into())
            .with_timestamp(1_700_000_000 + n as u64)
            .with_type("kind".into())
            .with_app_id("app".into())
            .with_delivery_mode(1 + (n % 2) as u8);
        if n % 3 > 0 {
            properties = properties.with_priority((n % 10) as u8).with_expiration("3600000".into());
        }
        let (options, body) = (BasicPublishOptions::default(), vec![n as u8; n % 50]);
        confirms.push(
            channel.basic_publish("transfer".into(), "any.key".into(), options, &body, properties).await.unwrap(),
        );
    }
    for confirm in confirms {
        confirm.await.unwrap();
    }
}

async fn read_all(channel: &Channel, queue: &str) -> Vec<(String, String, bool, BasicProperties, Vec<u8>)> {
    let (sender, mut inbox) = tokio::sync::mpsc::unbounded_channel();
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await.unwrap();
    consumer.set_delegate(move |delivery: lapin::message::DeliveryResult| {
        let sent = sender.send(delivery.expect("the channel stays").expect("nobody cancels"));
        async move { sent.expect("the test waits") }
    });
    let mut read = Vec::new();
    while read.len() < EACH {
        let it = tokio::time::timeout(DEADLINE, inbox.recv()).await.expect("all come").unwrap();
        let place = (it.exchange.to_string(), it.routing_key.to_string());
        read.push((it.delivery_tag, (place.0, place.1, it.redelivered, it.properties, it.data)));
    }
    // The library calls for each delivery in a task of its own.
    read.sort_by_key(|(tag, _)| *tag);
    read.into_iter().map(|(_, seen)| seen).collect()
}

/// AMQP 1.0 and SQS, by what the file says before and after.
#[test]
fn typed_messages_come_back_byte_for_byte() {
    let broker = Broker::start(CONFIG, Options::default());
    let mut sender = Linker::sender(broker.address(Face::Amqp), "typed");
    for n in 0..20_u32 {
        sender.say(&amqp1::transfer(n, &n.to_be_bytes(), &amqp1::message(&format!("text {n}"))));
    }
    until("all have come", || (ready(&broker, "typed") == 20).then_some(()));
    let mut sqs = Sqs::connect(broker.address(Face::Aws)).unwrap();
    let url = sqs.queue_url("typed");
    let attributes = json!({"colour": {"DataType": "String.own", "StringValue": "réd"}});
    sqs.call("SendMessage", &json!({"QueueUrl": url, "MessageBody": "x", "MessageAttributes": attributes})).unwrap();
    let before = exported(&broker, "before");
    let encodings: Vec<&str> = before.iter().filter_map(|row| row["encoding"].as_str()).collect();
    assert_eq!((encodings.len(), encodings[0], encodings[20]), (21, "amqp-1.0", "sqs"));
    there_and_back(&broker, "typed", 21);
    assert_eq!(exported(&broker, "after"), before);
    let got = sqs.call("ReceiveMessage", &json!({"QueueUrl": url, "MaxNumberOfMessages": 10})).unwrap();
    assert_eq!(got["Messages"].as_array().map(Vec::len), Some(10), "{got}");
}

#[test]
fn pipes_work_and_a_wrong_line_changes_nothing() {
    let broker = Broker::start(CONFIG, Options::default());
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    (0..5_u8).for_each(|n| device.publish("$queue/typed", 1, [n]));
    let out = broker.admin(&["export", "typed", "--remove", "--max", "3"]);
    assert!(out.status.success() && out.stdout.len() == 3, "{out:?}");
    assert_eq!(ready(&broker, "typed"), 2);
    let file = broker.data().with_file_name("edited.ndjson");
    fs::write(&file, format!("{}\nnonsense\n", out.stdout.join("\n"))).unwrap();
    let refused = broker.admin(&["import", "typed", "--file", &file.display().to_string()]);
    assert!(!refused.status.success(), "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    assert!(refused.stderr.contains("line 4: ") && refused.stderr.contains("nothing went in"), "{refused:?}");
    assert_eq!(ready(&broker, "typed"), 2);
    fs::write(&file, out.stdout.join("\n")).unwrap();
    let imported = broker.admin_row(&["import", "--file", &file.display().to_string()]);
    assert_eq!(imported["imported"], 3);
    device.subscribe(&[("$queue/typed", 1)]);
    let payloads: Vec<Vec<u8>> = (0..5).map(|_| device.take().payload).collect();
    assert_eq!(payloads, [[3], [4], [0], [1], [2]]);
}

#[test]
fn a_backup_of_a_running_broker_is_a_store() {
    let mut broker = Broker::start(CONFIG, Options::default());
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    (0..200_u8).for_each(|n| device.publish("$queue/typed", 1, vec![n; 1_000]));
    let backup = broker.data().with_file_name("backup");
    let folder = backup.display().to_string();
    let made = broker.admin_row(&["backup", &folder]);
    assert!(made["lsn"].as_u64() >= Some(200) && made["bytes"].as_u64() >= Some(200_000), "{made}");
    let again = broker.admin(&["backup", &folder]);
    assert!(!again.status.success(), "a folder with something in it: {again:?}");
    assert_eq!(again.stderr.lines().count(), 1, "{again:?}");
    // What comes later is not in it.
    device.publish("$queue/typed", 1, "later");
    broker.kill9();
    fs::remove_dir_all(broker.data()).unwrap();
    let restored = broker.admin(&["restore", &folder]);
    assert!(restored.status.success(), "{restored:?}");
    broker.restart();
    assert_eq!(ready(&broker, "typed"), 200);
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.subscribe(&[("$queue/typed", 1)]);
    (0..200_u8).for_each(|n| assert_eq!(device.take().payload, vec![n; 1_000]));
}

fn ready(broker: &Broker, queue: &str) -> u64 {
    broker.admin_row(&["queue", queue])["ready"].as_u64().expect("a number")
}

/// What the queue `typed` holds, without what is a message's own for as long as it lies in one place.
fn exported(broker: &Broker, name: &str) -> Vec<Value> {
    let file = broker.data().with_file_name(name);
    broker.admin_row(&["export", "typed", "--file", &file.display().to_string()]);
    rows(&file)
}

fn rows(file: &Path) -> Vec<Value> {
    let row = |line: &str| {
        let mut row: Value = serde_json::from_str(line).expect("one JSON document a line");
        for name in ["number", "seq", "arrived"] {
            row.as_object_mut().and_then(|row| row.remove(name)).expect("it says so");
        }
        row
    };
    fs::read_to_string(file).unwrap().lines().map(row).collect()
}
