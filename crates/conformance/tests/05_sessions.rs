//! Sessions: what a device finds when it comes back.

use std::net::Shutdown;

use conformance::device::{levels, until_closed};
use conformance::wire::{self, Connect, Level, Packet, Publish, first};
use conformance::{Broker, Device, Face, Options, clients};

#[test]
fn paho() {
    clients::python("05_sessions.py", &Broker::start("", Options::default()));
}

#[test]
fn mqtt_js() {
    clients::node("05_sessions.mjs", &Broker::start("", Options::default()));
}

/// [MQTT-4.4.0-1]: unacknowledged messages come again with their packet ids, in order, with DUP.
#[test]
fn unacknowledged_messages_come_again_with_dup_and_the_same_id() {
    let broker = Broker::start("", Options::default());
    for level in levels(broker.address(Face::Mqtt)) {
        let name = format!("again-{}", level as u8);
        let topic = format!("again/{}", level as u8);
        let connect = Connect::new(&name).level(level).persistent();
        let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
        device.subscribe(&[(&topic, 2)]);
        let mut publisher = Device::new(broker.address(Face::Mqtt), "publisher");
        for n in 0..6_u8 {
            publisher.publish(&topic, 1 + n % 2, [n]);
        }
        let first_time: Vec<_> = (0..6).map(|_| device.message()).collect();
        assert!(first_time.iter().all(|publish| !publish.dup), "{first_time:?}");
        // The first is settled; the rest is in flight when the connection breaks.
        device.send(&wire::acknowledge(first::PUBACK, first_time[0].id)).unwrap();
        device.ping();
        cut(device);

        let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
        // MQTT 3.1 has no such flag.
        assert!(level == Level::V31 || device.session_present);
        let second_time: Vec<_> = (0..5).map(|_| device.take()).collect();
        let wanted: Vec<_> = first_time[1..].iter().map(|p| Publish { dup: true, ..p.clone() }).collect();
        assert_eq!(second_time, wanted);
        publisher.publish(&topic, 1, "end");
        assert_eq!(device.take().payload, b"end");
        device.disconnect();
    }
}

/// After PUBREC the message itself never comes again: the server goes on with PUBREL.
#[test]
fn a_received_qos_2_message_resumes_at_pubrel() {
    let broker = Broker::start("", Options::default());
    let connect = Connect::new("halfway").persistent();
    let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    device.subscribe(&[("half/x", 2)]);
    Device::new(broker.address(Face::Mqtt), "publisher").publish("half/x", 2, "once");
    let got = device.message();
    device.send(&wire::acknowledge(first::PUBREC, got.id)).unwrap();
    device.expect(&Packet::Pubrel(got.id));
    cut(device);

    let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    device.expect(&Packet::Pubrel(got.id));
    device.send(&wire::acknowledge(first::PUBCOMP, got.id)).unwrap();
    device.ping();
    cut(device);
    let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    Device::new(broker.address(Face::Mqtt), "publisher").publish("half/x", 2, "next");
    assert_eq!(device.take().payload, b"next");
}

/// The publisher's half of QoS 2 outlives the connection too.
#[test]
fn a_publisher_finishes_its_qos_2_hand_shake_after_a_break() {
    let broker = Broker::start("", Options::default());
    let mut watcher = Device::new(broker.address(Face::Mqtt), "watcher");
    watcher.subscribe(&[("finish/x", 2)]);
    let connect = Connect::new("finisher").persistent();
    let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    let publish = Publish::new("finish/x", 2, 11, "once");
    device.send(&publish.encode(Level::V311)).unwrap();
    device.expect(&Packet::Pubrec(11));
    cut(device);
    let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    assert!(device.session_present);
    device.hand_over(&Publish { dup: true, ..publish });
    device.publish("finish/x", 2, "next");
    assert_eq!(watcher.take().payload, b"once");
    assert_eq!(watcher.take().payload, b"next");
}

#[test]
fn a_session_survives_stop_and_kill() {
    let mut broker = Broker::start("", Options::default().fixed_ports());
    let connect = Connect::new("survivor").persistent();
    let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    device.subscribe(&[("survive/+", 1)]);
    device.publish("survive/x", 1, "in flight");
    let in_flight = device.message();
    cut(device);
    Device::new(broker.address(Face::Mqtt), "publisher").publish("survive/y", 1, "waiting");

    broker.stop_cleanly();
    broker.restart();
    let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    assert!(device.session_present);
    let again = device.message();
    assert_eq!((again.payload.as_slice(), again.dup), (b"in flight".as_slice(), true));
    assert_eq!(again.id, in_flight.id, "[MQTT-4.4.0-1]");
    assert_eq!(device.message().payload, b"waiting");
    broker.kill9();
    broker.restart();
    let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    assert!(device.session_present);
    for wanted in ["in flight", "waiting"] {
        let got = device.take();
        assert_eq!((got.payload.as_slice(), got.dup), (wanted.as_bytes(), true));
    }
    device.disconnect();
}

#[test]
fn a_take_over_returns_what_the_old_connection_held() {
    let broker = Broker::start("", Options::default());
    let connect = Connect::new("moving").persistent();
    let mut old = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    old.subscribe(&[("move/x", 1)]);
    old.publish("move/x", 1, "held");
    assert!(!old.message().dup);
    let mut new = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    old.closed();
    let again = new.take();
    assert_eq!((again.payload.as_slice(), again.dup), (b"held".as_slice(), true));
}

#[test]
fn a_clean_start_during_a_live_session_drops_it() {
    let broker = Broker::start("", Options::default());
    let connect = Connect::new("resetting").persistent();
    let mut old = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    old.subscribe(&[("reset/x", 1)]);
    old.publish("reset/x", 1, "unwanted");
    let mut new = Device::connect(broker.address(Face::Mqtt), &Connect::new("resetting")).unwrap();
    assert!(!new.session_present);
    old.closed();
    new.subscribe(&[("reset/x", 1)]);
    new.publish("reset/x", 1, "wanted");
    assert_eq!(new.take().payload, b"wanted");
}

/// Breaks the connection without DISCONNECT, and waits until the broker has seen it.
fn cut(device: Device) {
    let socket = device.socket().expect("connected");
    socket.shutdown(Shutdown::Write).expect("connected");
    until_closed(&socket);
}
