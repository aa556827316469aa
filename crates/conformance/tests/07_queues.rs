//! `$queue/…`: competing consumers on the broker's named queues.

use std::collections::BTreeSet;
use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;

use conformance::device::until_closed;
use conformance::poll::DEADLINE;
use conformance::wire::{self, Level, Packet, first};
use conformance::{Broker, Device, Face, Options, clients};

const QUEUES: &str = r#"
[[queue]]
name = "orders"
durable = true

[[queue]]
name = "orders.eu"
durable = true

[[queue]]
name = "short"
durable = true
max_length = 3
overflow = "reject"

[[queue]]
name = "ring"
durable = true
max_length = 3
overflow = "drop-head"

[[queue]]
name = "fed"
durable = true

[[binding]]
queue = "fed"
exchange = "amq.topic"
key = "sensors.#"
"#;

#[test]
fn paho() {
    clients::python("07_queues.py", &Broker::start(QUEUES, Options::default()));
}

#[test]
fn mqtt_js() {
    clients::node("07_queues.mjs", &Broker::start(QUEUES, Options::default()));
}

#[test]
fn messages_wait_for_a_consumer_and_are_settled_by_its_puback() {
    let broker = Broker::start(QUEUES, Options::default());
    let address = broker.address(Face::Mqtt);
    let mut producer = Device::new(address, "producer");
    for n in 0..10_u8 {
        producer.publish("$queue/orders", 1 + n % 2, [n]);
    }
    let mut consumer = Device::new(address, "consumer");
    assert_eq!(consumer.subscribe(&[("$queue/orders", 1)]), [1]);
    for n in 0..10_u8 {
        let got = consumer.take();
        assert_eq!((got.topic.as_str(), got.payload.as_slice(), got.dup), ("$queue/orders", [n].as_slice(), false));
    }
    consumer.ping();
    consumer.disconnect();
    let mut late = Device::new(address, "late");
    late.subscribe(&[("$queue/orders", 1)]);
    late.publish("$queue/orders", 1, "end");
    assert_eq!(late.take().payload, b"end");
}

#[test]
fn a_cut_consumer_returns_what_it_held() {
    let broker = Broker::start(QUEUES, Options::default());
    let address = broker.address(Face::Mqtt);
    let mut holder = Device::new(address, "holder");
    holder.subscribe(&[("$queue/orders", 1)]);
    let mut producer = Device::new(address, "producer");
    for n in 0..5_u8 {
        producer.publish("$queue/orders", 1, [n]);
    }
    let held: Vec<_> = (0..5).map(|_| holder.message()).collect();
    holder.send(&wire::acknowledge(first::PUBACK, held[1].id)).unwrap();
    holder.ping();
    let socket = holder.socket().unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    until_closed(&socket);

    let mut heir = Device::new(address, "heir");
    heir.subscribe(&[("$queue/orders", 1)]);
    let got: Vec<_> = (0..4).map(|_| heir.take().payload[0]).collect();
    assert_eq!(got, [0, 2, 3, 4], "in their old order, without the settled one");
}

#[test]
fn two_consumers_share_the_work() {
    let broker = Broker::start(QUEUES, Options::default());
    let address = broker.address(Face::Mqtt);
    let mut consumers = ["one", "two"].map(|name| Device::new(address, name));
    consumers.iter_mut().for_each(|consumer| assert_eq!(consumer.subscribe(&[("$queue/orders", 1)]), [1]));
    let mut producer = Device::new(address, "producer");
    for n in 0..40_u8 {
        producer.publish("$queue/orders", 1, [n]);
    }
    let (sender, inbox) = mpsc::channel();
    for (number, mut consumer) in consumers.into_iter().enumerate() {
        let sender = sender.clone();
        // Ends with the broker, when the connection breaks.
        thread::spawn(move || {
            while let Ok(Packet::Publish(publish)) = consumer.read() {
                let settled = consumer.send(&wire::acknowledge(first::PUBACK, publish.id));
                if settled.is_err() || sender.send((number, publish.payload[0])).is_err() {
                    return;
                }
            }
        });
    }
    let got: Vec<_> = (0..40).map(|_| inbox.recv_timeout(DEADLINE).expect("another message")).collect();
    let numbers: BTreeSet<_> = got.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers.len(), 40, "none comes twice: {got:?}");
    let consumers: BTreeSet<_> = got.iter().map(|(consumer, _)| *consumer).collect();
    assert_eq!(consumers.len(), 2, "one of them got nothing");
}

#[test]
fn a_queue_is_not_a_topic_and_its_name_no_pattern() {
    let broker = Broker::start(QUEUES, Options::default());
    let address = broker.address(Face::Mqtt);
    let mut device = Device::new(address, "device");
    device.subscribe(&[("#", 1), ("+/orders", 1), ("orders", 1)]);
    device.publish("$queue/orders", 1, "queued");
    device.publish("last", 1, "last");
    assert_eq!(device.take().payload, b"last", "a wildcard saw a queue");
    for filter in ["$queue/+", "$queue/#"] {
        let mut curious = Device::new(address, "curious");
        curious.send(&wire::subscribe(Level::V311, 1, &[(filter, 1)])).unwrap();
        match curious.read() {
            Ok(Packet::Suback { codes, .. }) if codes == [0x80] => {}
            Ok(Packet::Suback { .. }) => {
                curious.publish("curious/end", 1, "end");
                curious.subscribe(&[("curious/last", 1)]);
                curious.publish("curious/last", 1, "last");
                assert_eq!(curious.take().payload, b"last", "{filter} drained a queue");
            }
            Ok(other) => panic!("{filter}: {other:?}"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{filter}"),
        }
    }
}

#[test]
fn a_full_queue_refuses_or_drops_its_head() {
    let broker = Broker::start(QUEUES, Options::default());
    let address = broker.address(Face::Mqtt);
    let mut producer = Device::new(address, "producer");
    for n in 0..6_u8 {
        producer.publish("$queue/ring", 1, [n]);
    }
    let mut consumer = Device::new(address, "consumer");
    consumer.subscribe(&[("$queue/ring", 1)]);
    assert_eq!((0..3).map(|_| consumer.take().payload[0]).collect::<Vec<_>>(), [3, 4, 5]);

    for n in 0..3_u8 {
        producer.publish("$queue/short", 1, [n]);
    }
    // Before MQTT 5 there is no word for "full": the connection ends, unconfirmed.
    producer.send(&wire::Publish::new("$queue/short", 1, 99, "too many").encode(Level::V311)).unwrap();
    producer.closed();
    consumer.subscribe(&[("$queue/short", 1)]);
    assert_eq!((0..3).map(|_| consumer.take().payload[0]).collect::<Vec<_>>(), [0, 1, 2]);
    consumer.publish("$queue/short", 1, "end");
    assert_eq!(consumer.take().payload, b"end");
}

#[test]
fn a_bound_queue_collects_topics() {
    let broker = Broker::start(QUEUES, Options::default());
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    for topic in ["sensors/a", "sensors/a/b", "other/a", "sensors"] {
        device.publish(topic, 1, topic);
    }
    device.subscribe(&[("$queue/fed", 1)]);
    let got: Vec<_> = (0..3).map(|_| device.take().payload).collect();
    assert_eq!(got, [&b"sensors/a"[..], b"sensors/a/b", b"sensors"]);
}

#[test]
fn queued_messages_survive_stop_and_kill() {
    let mut broker = Broker::start(QUEUES, Options::default().fixed_ports());
    Device::new(broker.address(Face::Mqtt), "producer").publish("$queue/orders", 1, "one");
    broker.stop_cleanly();
    broker.restart();
    Device::new(broker.address(Face::Mqtt), "producer").publish("$queue/orders", 2, "two");
    broker.kill9();
    broker.restart();
    let mut consumer = Device::new(broker.address(Face::Mqtt), "consumer");
    consumer.subscribe(&[("$queue/orders", 1)]);
    assert_eq!(consumer.take().payload, b"one");
    assert_eq!(consumer.take().payload, b"two");
}
