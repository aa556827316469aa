//! Retained messages.

use conformance::wire::Publish;
use conformance::{Broker, Device, Face, Options, clients};

#[test]
fn paho() {
    clients::python("04_retained.py", &Broker::start("", Options::default()));
}

#[test]
fn mqtt_js() {
    clients::node("04_retained.mjs", &Broker::start("", Options::default()));
}

#[test]
fn a_retained_message_survives_stop_and_kill() {
    let mut broker = Broker::start("", Options::default().fixed_ports());
    let mut device = Device::new(broker.address(Face::Mqtt), "keeper");
    device.hand_over(&Publish::new("kept/x", 1, 1, "one").retained());
    device.hand_over(&Publish::new("kept/y", 1, 2, "gone").retained());
    device.hand_over(&Publish::new("kept/y", 1, 3, "").retained());
    broker.stop_cleanly();
    broker.restart();
    expect_only_x(&broker);
    broker.kill9();
    broker.restart();
    expect_only_x(&broker);
}

fn expect_only_x(broker: &Broker) {
    let mut device = Device::new(broker.address(Face::Mqtt), "late");
    device.subscribe(&[("kept/+", 1)]);
    let got = device.take();
    assert_eq!((got.topic.as_str(), got.payload.as_slice(), got.retain), ("kept/x", b"one".as_slice(), true));
    device.publish("kept/last", 1, "last");
    assert_eq!(device.take().payload, b"last");
}
