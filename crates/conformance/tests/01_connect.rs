//! CONNECT, CONNACK, keep-alive, take-over.

use std::time::{Duration, Instant};

use conformance::device::{self, socket, until_closed};
use conformance::wire::{self, Connect, Level, Packet, first};
use conformance::{Broker, Device, Face, Options, clients};

#[test]
fn paho() {
    clients::python("01_connect.py", &broker());
}

#[test]
fn mqtt_js() {
    clients::node("01_connect.mjs", &broker());
}

#[test]
fn an_unknown_level_is_refused_with_its_code() {
    let broker = broker();
    for (level, code) in [(2, 0x01), (6, 0x84), (0, 0x01)] {
        let mut body = Vec::new();
        wire::string(&mut body, b"MQTT");
        body.extend([level, 2, 0, 60, 0, 0, 0]);
        let stream = socket(broker.address(Face::Mqtt));
        std::io::Write::write_all(&mut &stream, &wire::packet(first::CONNECT, &body)).unwrap();
        let said = until_closed(&stream);
        // A server may also just close [MQTT-3.1.2-1].
        assert!(said.is_empty() || said.starts_with(&[first::CONNACK]), "level {level}: {said:02x?}");
        assert!(said.is_empty() || matches!(said[3], 0x01 | 0x84), "level {level}: {said:02x?}, wanted {code:#x}");
    }
}

#[test]
fn a_persistent_session_without_an_id_is_refused() {
    let broker = broker();
    let refusal = Device::connect(broker.address(Face::Mqtt), &Connect::new("").persistent()).err().expect("refused");
    assert!(refusal.to_string().contains("code: 2"), "{refusal}");
}

#[test]
fn v5_is_told_that_its_session_was_taken_over() {
    let broker = broker();
    if !device::levels(broker.address(Face::Mqtt)).contains(&Level::V5) {
        return;
    }
    let connect = Connect::new("twin").level(Level::V5);
    let mut first = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    let second = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    assert_eq!(first.read().unwrap(), Packet::Disconnect { reason: 0x8E });
    first.closed();
    second.disconnect();
}

#[test]
fn silence_past_the_keep_alive_closes() {
    let broker = broker();
    let start = Instant::now();
    let device = Device::connect(broker.address(Face::Mqtt), &Connect::new("silent").keep_alive(1)).unwrap();
    device.closed();
    // One and a half keep-alive periods [MQTT-3.1.2-22]; the upper end is the deadline of the read.
    assert!(start.elapsed() >= Duration::from_millis(1_000), "closed too early: {:?}", start.elapsed());
}

#[test]
fn pings_keep_a_connection_alive() {
    let broker = broker();
    let connect = Connect::new("pinging").keep_alive(1);
    let mut device = Device::connect(broker.address(Face::Mqtt), &connect).unwrap();
    let silent = Device::connect(broker.address(Face::Mqtt), &Connect::new("silent").keep_alive(1)).unwrap();
    let watcher = std::thread::spawn(move || silent.closed());
    while !watcher.is_finished() {
        device.ping();
        std::thread::park_timeout(Duration::from_millis(20));
    }
    watcher.join().unwrap();
    device.ping();
    device.disconnect();
}

#[test]
fn no_keep_alive_is_longer_than_the_configuration_allows() {
    let broker = Broker::start("max_keep_alive = \"1s\"\n", Options::default());
    for seconds in [0, u16::MAX] {
        let connect = Connect::new("patient").keep_alive(seconds);
        Device::connect(broker.address(Face::Mqtt), &connect).expect("a good client").closed();
    }
}

#[test]
fn keep_alive_zero_never_closes() {
    let broker = broker();
    let mut quiet = Device::connect(broker.address(Face::Mqtt), &Connect::new("quiet").keep_alive(0)).unwrap();
    Device::connect(broker.address(Face::Mqtt), &Connect::new("silent").keep_alive(1)).unwrap().closed();
    quiet.ping();
}

#[test]
fn a_hundred_devices_at_once() {
    let broker = broker();
    let mut devices: Vec<_> =
        (0..100).map(|n| Device::new(broker.address(Face::Mqtt), &format!("crowd-{n}"))).collect();
    devices.iter_mut().for_each(Device::ping);
    devices.into_iter().for_each(Device::disconnect);
}

#[test]
fn packets_may_come_byte_by_byte_or_all_at_once() {
    let broker = broker();
    let connect = Connect::new("slow").encode();
    let stream = device::socket(broker.address(Face::Mqtt));
    for byte in &connect {
        std::io::Write::write_all(&mut &stream, &[*byte]).unwrap();
    }
    assert_eq!(Packet::read(&mut &stream, Level::V311).unwrap(), Packet::Connack { session_present: false, code: 0 });
    let together = [
        Connect::new("together").encode(),
        wire::subscribe(Level::V311, 1, &[("t", 1)]),
        wire::Publish::new("t", 1, 2, "x").encode(Level::V311),
    ]
    .concat();
    let stream = device::socket(broker.address(Face::Mqtt));
    std::io::Write::write_all(&mut &stream, &together).unwrap();
    let mut packets: Vec<_> = (0..4).map(|_| Packet::read(&mut &stream, Level::V311).unwrap()).collect();
    assert_eq!(packets.remove(0), Packet::Connack { session_present: false, code: 0 });
    assert!(packets.contains(&Packet::Suback { id: 1, codes: vec![1] }), "{packets:?}");
    assert!(packets.contains(&Packet::Puback(2)), "{packets:?}");
    assert!(packets.iter().any(|packet| matches!(packet, Packet::Publish(p) if p.payload == b"x")), "{packets:?}");
}

fn broker() -> Broker {
    Broker::start("", Options::default())
}
