//! PUBLISH and its hand-shakes.

use std::time::Duration;

use conformance::device::levels;
use conformance::wire::{self, Connect, Level, Packet, Publish, first};
use conformance::{Broker, Device, Face, Options, clients};
use rumqttc::{Event, MqttOptions, QoS};

#[test]
fn paho() {
    clients::python("03_publish.py", &broker());
}

#[test]
fn mqtt_js() {
    clients::node("03_publish.mjs", &broker());
}

#[test]
fn rumqttc_at_every_qos() {
    let broker = broker();
    for (qos, topic) in [(QoS::AtMostOnce, "r/0"), (QoS::AtLeastOnce, "r/1"), (QoS::ExactlyOnce, "r/2")] {
        let mut options = MqttOptions::new(topic.replace('/', "-"), "127.0.0.1", broker.port(Face::Mqtt));
        options.set_keep_alive(Duration::from_secs(30));
        let (client, mut connection) = rumqttc::Client::new(options, 300);
        client.subscribe(topic, qos).unwrap();
        let mut sent = false;
        let mut got = Vec::new();
        for event in connection.iter() {
            match event.expect("the broker stays") {
                Event::Incoming(rumqttc::Packet::SubAck(_)) if !sent => {
                    sent = true;
                    (0..200_u32).for_each(|n| client.try_publish(topic, qos, false, n.to_be_bytes()).unwrap());
                }
                Event::Incoming(rumqttc::Packet::Publish(publish)) => {
                    assert_eq!(publish.qos, qos);
                    got.push(u32::from_be_bytes(publish.payload[..].try_into().unwrap()));
                }
                _ => {}
            }
            if got.len() == 200 {
                break;
            }
        }
        assert_eq!(got, (0..200).collect::<Vec<_>>(), "{qos:?}");
    }
}

#[test]
fn a_first_delivery_carries_no_dup_even_if_the_publisher_set_it() {
    let broker = broker();
    let mut device = Device::new(broker.address(Face::Mqtt), "dup");
    device.subscribe(&[("dup/x", 2)]);
    for qos in [1, 2] {
        let publish = Publish { dup: true, ..Publish::new("dup/x", qos, 40, "x") };
        device.hand_over(&publish);
        let got = device.take();
        assert!(!got.dup && got.qos == qos, "[MQTT-3.3.1-3]: {got:?}");
    }
}

/// Between PUBREC and PUBREL the same packet id is the same message [MQTT-4.3.3-10].
#[test]
fn a_repeated_qos_2_publish_is_one_message() {
    let broker = broker();
    for level in levels(broker.address(Face::Mqtt)) {
        let name = format!("twice-{}", level as u8);
        let mut watcher = Device::new(broker.address(Face::Mqtt), "watcher");
        watcher.subscribe(&[("twice/+", 2)]);
        let mut device = Device::connect(broker.address(Face::Mqtt), &Connect::new(&name).level(level)).unwrap();
        let first_time = Publish::new("twice/x", 2, 9, "once");
        let again = Publish { dup: true, ..first_time.clone() };
        for publish in [&first_time, &again, &again] {
            device.send(&publish.encode(level)).unwrap();
            device.expect(&Packet::Pubrec(9));
        }
        device.send(&wire::acknowledge(first::PUBREL, 9)).unwrap();
        device.expect(&Packet::Pubcomp(9));
        device.hand_over(&Publish::new("twice/x", 2, 9, "next"));
        assert_eq!(watcher.take().payload, b"once");
        assert_eq!(watcher.take().payload, b"next");
        watcher.disconnect();
    }
}

#[test]
fn a_pubrel_for_an_unknown_id_is_answered() {
    let broker = broker();
    let mut device = Device::new(broker.address(Face::Mqtt), "unknown");
    device.send(&wire::acknowledge(first::PUBREL, 77)).unwrap();
    device.expect(&Packet::Pubcomp(77));
    device.ping();
}

#[test]
fn acknowledgements_of_unknown_ids_are_ignored_or_close() {
    let broker = broker();
    for first in [first::PUBACK, first::PUBREC, first::PUBCOMP] {
        let mut device = Device::new(broker.address(Face::Mqtt), "stray");
        device.send(&wire::acknowledge(first, 500)).unwrap();
        // Either it goes on, or it ends: it must not hang, and nobody else may notice.
        let _ = device.send(&wire::packet(first::PINGREQ, &[])).and_then(|()| device.read());
    }
    Device::new(broker.address(Face::Mqtt), "well").ping();
}

#[test]
fn confirmations_come_in_the_order_of_the_publishes() {
    let broker = broker();
    let mut device = Device::new(broker.address(Face::Mqtt), "pipeline");
    let burst: Vec<u8> =
        (1..=1_000).flat_map(|id| Publish::new("pipe/x", 1, id, vec![b'x'; 100]).encode(Level::V311)).collect();
    device.send(&burst).unwrap();
    for id in 1..=1_000 {
        device.expect(&Packet::Puback(id));
    }
}

/// With one publish at a time nothing else happens that could hide a wake-up lost between the disk and the socket.
#[test]
fn no_confirmation_waits_for_the_next_event() {
    let broker = Broker::start("[[queue]]\nname = \"orders\"\ndurable = true\n", Options::default());
    let mut device = Device::new(broker.address(Face::Mqtt), "alone");
    device.set_patience(Duration::from_secs(5)).unwrap();
    for _ in 0..3_000 {
        device.publish("$queue/orders", 1, "x");
    }
}

/// One message to many subscribers at QoS 1: everyone's packet ids are his own.
#[test]
fn fan_out_keeps_order_for_everyone() {
    let broker = broker();
    let address = broker.address(Face::Mqtt);
    let mut crowd: Vec<_> = (0..20).map(|n| Device::new(address, &format!("crowd-{n}"))).collect();
    crowd.iter_mut().for_each(|device| assert_eq!(device.subscribe(&[("fan/#", 1)]), [1]));
    let mut publisher = Device::new(address, "publisher");
    for n in 0..100_u32 {
        publisher.publish("fan/x", 1, n.to_be_bytes());
    }
    for device in &mut crowd {
        for n in 0..100_u32 {
            let got = device.take();
            assert_eq!((got.payload, got.dup), (n.to_be_bytes().to_vec(), false));
        }
    }
}

fn broker() -> Broker {
    Broker::start("", Options::default())
}
