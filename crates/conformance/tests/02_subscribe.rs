//! SUBSCRIBE, UNSUBSCRIBE, topic filters.

use conformance::device::levels;
use conformance::wire::{Connect, Level};
use conformance::{Broker, Device, Face, Options, clients};

#[test]
fn paho() {
    clients::python("02_subscribe.py", &broker());
}

#[test]
fn mqtt_js() {
    clients::node("02_subscribe.mjs", &broker());
}

/// [MQTT-4.7.1-2], [MQTT-4.7.1-3]: a server refuses the filter or closes; it never grants it.
#[test]
fn malformed_filters_are_never_granted() {
    let broker = broker();
    for level in levels(broker.address(Face::Mqtt)) {
        for filter in ["", "a/#/b", "a#", "#/", "a/b+", "+a/b", "a+/b"] {
            let mut device =
                Device::connect(broker.address(Face::Mqtt), &Connect::new("malformed").level(level)).unwrap();
            device.send(&conformance::wire::subscribe(level, 1, &[(filter, 1)])).unwrap();
            match device.read() {
                Ok(conformance::wire::Packet::Suback { codes, .. }) => {
                    assert!(codes.iter().all(|code| *code >= 0x80), "{filter:?} granted: {codes:02x?}");
                }
                Ok(conformance::wire::Packet::Disconnect { reason }) => assert!(reason >= 0x80, "{filter:?}"),
                Ok(other) => panic!("{filter:?}: {other:?}"),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{filter:?}"),
            }
        }
    }
    Device::new(broker.address(Face::Mqtt), "well").ping();
}

/// A filter of many levels costs no stack (CVE-2019-11779).
#[test]
fn a_filter_of_sixty_thousand_levels_harms_nobody() {
    let broker = broker();
    let mut device = Device::new(broker.address(Face::Mqtt), "deep");
    let deep = "/".repeat(60_000);
    device.send(&conformance::wire::subscribe(Level::V311, 1, &[(&deep, 0)])).unwrap();
    // Granted, refused or closed: all are allowed.
    let _ = device.read();
    let mut good = Device::new(broker.address(Face::Mqtt), "well");
    assert_eq!(good.subscribe(&[("a", 0)]), [0]);
    good.publish("a", 0, "x");
    assert_eq!(good.take().payload, b"x");
}

#[test]
fn a_thousand_filters_in_one_packet_get_a_code_each() {
    let broker = broker();
    let mut device = Device::new(broker.address(Face::Mqtt), "many");
    let filters: Vec<String> = (0..1_000).map(|n| format!("many/{n}/+")).collect();
    let wanted: Vec<(&str, u8)> = filters.iter().zip((0..3).cycle()).map(|(f, qos)| (f.as_str(), qos)).collect();
    let granted = device.subscribe(&wanted);
    assert_eq!(granted, wanted.iter().map(|(_, qos)| *qos).collect::<Vec<_>>());
    device.publish("many/999/x", 0, "x");
    assert_eq!(device.take().topic, "many/999/x");
}

fn broker() -> Broker {
    Broker::start("", Options::default())
}
