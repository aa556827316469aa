//! Last wills.

use conformance::wire::{Connect, Will};
use conformance::{Broker, Device, Face, Options, clients};

#[test]
fn paho() {
    clients::python("06_wills.py", &Broker::start("", Options::default()));
}

#[test]
fn mqtt_js() {
    clients::node("06_wills.mjs", &Broker::start("", Options::default()));
}

fn will() -> Will {
    Will { topic: "will/x".to_owned(), payload: b"gone".to_vec(), qos: 1, retain: false }
}

#[test]
fn a_missed_keep_alive_sends_the_will() {
    let broker = Broker::start("", Options::default());
    let mut watcher = Device::new(broker.address(Face::Mqtt), "watcher");
    watcher.subscribe(&[("will/+", 1)]);
    let connect = Connect::new("silent").keep_alive(1).will(will());
    let silent = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    assert_eq!(watcher.take().payload, b"gone");
    silent.closed();
}

#[test]
fn a_protocol_error_sends_the_will() {
    let broker = Broker::start("", Options::default());
    let mut watcher = Device::new(broker.address(Face::Mqtt), "watcher");
    watcher.subscribe(&[("will/+", 1)]);
    let mut rude = Device::connect(broker.address(Face::Mqtt), &Connect::new("rude").will(will())).unwrap();
    rude.send(&[0xF0, 0]).unwrap();
    assert_eq!(watcher.take().payload, b"gone");
    rude.closed();
}
