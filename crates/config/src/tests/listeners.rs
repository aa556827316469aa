use super::*;
use crate::Face;

const AMQP: (Face, &str) = (Face::Amqp, "127.0.0.1:5672");
const STOMP: (Face, &str) = (Face::Stomp, "127.0.0.1:61613");

fn sockets(config: &Config) -> Vec<(Face, String)> {
    config.listeners.iter().map(|listener| (listener.face, listener.socket.to_string())).collect()
}

fn check(config: &Config, expected: &[(Face, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(face, socket)| (*face, (*socket).to_owned())).collect();
    assert_eq!(sockets(config), expected);
}

#[test]
fn a_listed_face_replaces_only_its_default() {
    let config = from_file("[[listener]]\nface = 'mqtt'\nport = 1\n[[listener]]\nface = 'mqtt'\naddress = '::1'");
    let rest = [AMQP, STOMP, (Face::Aws, "127.0.0.1:4566"), (Face::Console, "127.0.0.1:8161")];
    check(&config, &[&[(Face::Mqtt, "127.0.0.1:1"), (Face::Mqtt, "[::1]:1883")], rest.as_slice()].concat());
}

#[test]
fn a_face_is_switched_off() {
    let config =
        from_file("[[listener]]\nface = 'aws'\nenabled = false\n[[listener]]\nface = 'console'\nenabled = false");
    check(&config, &[(Face::Mqtt, "127.0.0.1:1883"), AMQP, STOMP]);
    let still_off = load(
        "[[listener]]\nface = 'aws'\nenabled = false",
        &[("CAUSEWAY_AWS_PORT", "1")],
        Flags { aws_address: Some("127.0.0.2".into()), ..Flags::default() },
    );
    check(&still_off.unwrap(), &[(Face::Mqtt, "127.0.0.1:1883"), AMQP, STOMP, (Face::Console, "127.0.0.1:8161")]);
}

#[test]
fn the_environment_replaces_face_by_face() {
    let file = "[[listener]]\nface = 'mqtt'\nport = 1\n[[listener]]\nface = 'aws'\nport = 2";
    let config = load(file, &[("CAUSEWAY_LISTENER", "[{face=\"mqtt\", port=0}]")], Flags::default()).unwrap();
    check(
        &config,
        &[(Face::Mqtt, "127.0.0.1:0"), AMQP, STOMP, (Face::Aws, "127.0.0.1:2"), (Face::Console, "127.0.0.1:8161")],
    );
}

#[test]
fn shorthands_override_every_list() {
    let file = "[[listener]]\nface = 'mqtt'\nport = 1";
    let variables = [
        ("CAUSEWAY_LISTENER", "[{face=\"mqtt\", port=2}]"),
        ("CAUSEWAY_MQTT_PORT", "3"),
        ("CAUSEWAY_AWS_PORT", "0"),
        ("CAUSEWAY_CONSOLE_ADDRESS", "::1"),
    ];
    let flags = Flags { mqtt_port: Some("4".into()), ..Flags::default() };
    let config = load(file, &variables, Flags::default()).unwrap();
    check(
        &config,
        &[(Face::Mqtt, "127.0.0.1:3"), AMQP, STOMP, (Face::Aws, "127.0.0.1:0"), (Face::Console, "[::1]:8161")],
    );
    let config = load(file, &variables, flags).unwrap();
    assert_eq!(sockets(&config)[0].1, "127.0.0.1:4");
}

#[test]
fn an_address_is_that_of_all_listeners_of_the_face() {
    let file = "dev = true\n[[listener]]\nface = 'mqtt'\n[[listener]]\nface = 'mqtt'\nport = 2";
    let config = load(file, &[("CAUSEWAY_MQTT_ADDRESS", "0.0.0.0")], Flags::default()).unwrap();
    assert_eq!(sockets(&config)[..2], [(Face::Mqtt, "0.0.0.0:1883".into()), (Face::Mqtt, "0.0.0.0:2".into())]);
}

#[test]
fn every_port_may_be_chosen_by_the_system() {
    let names: Vec<_> = Face::NAMES.iter().map(|name| format!("CAUSEWAY_{}_PORT", name.to_uppercase())).collect();
    let variables: Vec<_> = names.iter().map(|name| (name.as_str(), "0")).collect();
    assert!(from_environment(&variables).listeners.iter().all(|listener| listener.socket.port() == 0));
}

#[test]
fn loopback_in_all_its_forms_needs_no_dev() {
    for address in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
        from_environment(&[("CAUSEWAY_MQTT_ADDRESS", address)]);
    }
    for address in ["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1"] {
        let line = format!(
            "CAUSEWAY_MQTT_ADDRESS: listener mqtt: address {address} is not loopback and has no TLS: set tls_only = \
             true and tls_dir, or allow_plaintext = true, or dev = true (everyone is let in)"
        );
        assert_eq!(environment_errors(&[("CAUSEWAY_MQTT_ADDRESS", address)]), line);
        from_environment(&[("CAUSEWAY_MQTT_ADDRESS", address), ("CAUSEWAY_DEV", "true")]);
        from_environment(&[("CAUSEWAY_MQTT_ADDRESS", address), ("CAUSEWAY_ALLOW_PLAINTEXT", "true")]);
    }
}
