use std::net::IpAddr;
use std::path::Path;

use super::*;
use crate::{ClientCertificate, Face, TlsMode, TlsVersion};

fn listeners(config: &Config) -> Vec<(Face, String, TlsMode)> {
    config.listeners.iter().map(|listener| (listener.face, listener.socket.to_string(), listener.tls)).collect()
}

fn check(config: &Config, expected: &[(Face, u16, TlsMode)]) {
    let expected: Vec<_> =
        expected.iter().map(|(face, port, mode)| (*face, format!("127.0.0.1:{port}"), *mode)).collect();
    assert_eq!(listeners(config), expected);
}

const AMQP: (Face, u16, TlsMode) = (Face::Amqp, 5672, TlsMode::Off);
const AMQPS: (Face, u16, TlsMode) = (Face::Amqp, 5671, TlsMode::On);
const STOMP: (Face, u16, TlsMode) = (Face::Stomp, 61613, TlsMode::Off);
const STOMPS: (Face, u16, TlsMode) = (Face::Stomp, 61614, TlsMode::On);
const AWS: (Face, u16, TlsMode) = (Face::Aws, 4566, TlsMode::Both);
const CONSOLE: (Face, u16, TlsMode) = (Face::Console, 8161, TlsMode::Off);
const CONSOLES: (Face, u16, TlsMode) = (Face::Console, 8162, TlsMode::On);

#[test]
fn a_folder_opens_the_ports_of_amazon_mq_beside_the_plain_ones() {
    let mqtt = [(Face::Mqtt, 1883, TlsMode::Off), (Face::Mqtt, 8883, TlsMode::On)];
    let expected = [mqtt.as_slice(), &[AMQP, AMQPS, STOMP, STOMPS, AWS, CONSOLE, CONSOLES]].concat();
    check(&from_environment(&[("CAUSEWAY_TLS_DIR", "/c")]), &expected);
    check(&from_file("tls_dir = '/c'"), &expected);
}

#[test]
fn plain_listeners_go_by_a_list_or_all_at_once() {
    let config = from_file("tls_dir = '/c'\n[[listener]]\nface = 'mqtt'\ntls = 'on'");
    check(
        &config,
        &[&[(Face::Mqtt, 8883, TlsMode::On)], [AMQP, AMQPS, STOMP, STOMPS, AWS, CONSOLE, CONSOLES].as_slice()].concat(),
    );
    let config = from_file("tls_dir = '/c'\ntls_only = true");
    let aws = (Face::Aws, 4566, TlsMode::On);
    check(&config, &[(Face::Mqtt, 8883, TlsMode::On), AMQPS, STOMPS, aws, CONSOLES]);
    let config = from_file("tls_dir = '/c'\n[[listener]]\nface = 'mqtt'\nenabled = false");
    check(&config, &[AMQP, AMQPS, STOMP, STOMPS, AWS, CONSOLE, CONSOLES]);
}

#[test]
fn shorthands_know_the_two_ports_apart() {
    let variables = [
        ("CAUSEWAY_TLS_DIR", "/c"),
        ("CAUSEWAY_MQTT_PORT", "1"),
        ("CAUSEWAY_MQTT_TLS_PORT", "2"),
        ("CAUSEWAY_AWS_PORT", "3"),
        ("CAUSEWAY_MQTT_ADDRESS", "127.0.0.2"),
    ];
    let config = from_environment(&variables);
    let found = listeners(&config);
    assert_eq!(found[..2].iter().map(|it| it.1.as_str()).collect::<Vec<_>>(), ["127.0.0.2:1", "127.0.0.2:2"]);
    assert_eq!(found[6].1, "127.0.0.1:3");
    let line = environment_errors(&[("CAUSEWAY_MQTT_TLS_PORT", "2")]);
    assert_eq!(
        line,
        "CAUSEWAY_MQTT_TLS_PORT: mqtt_tls_port: there is no listener with TLS whose port it could be: set tls_dir"
    );
    let line =
        environment_errors(&[("CAUSEWAY_TLS_DIR", "/c"), ("CAUSEWAY_TLS_ONLY", "1"), ("CAUSEWAY_AMQP_PORT", "2")]);
    assert_eq!(line, "CAUSEWAY_AMQP_PORT: amqp_port: there is no listener without TLS whose port it could be");
}

#[test]
fn everything_of_a_listener() {
    let config = from_file(
        "tls_dir = '/c'\ntls_min_version = '1.3'\nclient_certificate = 'optional'\n\
         [[listener]]\nface = 'mqtt'\ncertificate_files = ['a.pem', 'b.pem']\nkey_files = ['a.key', 'b.key']\n\
         client_ca_file = 'ours.pem'\ncrl_files = 'revoked.pem'\ntls_min_version = '1.2'\n\
         client_certificate = 'required'\nproxy_protocol = true\nproxy_from = ['10.0.0.7', '10.1.2.3/16']\n\
         allow = 'fd00::/8'\ndeny = ['fd00::1']\nmax_connections = 5\nmax_connections_per_address = 2\n\
         connection_rate = 100\nconnection_rate_per_address = 10\nmax_half_open = 50\n\
         [[listener]]\nface = 'aws'",
    );
    let [mqtt, .., aws, _, _] = config.listeners.as_slice() else { panic!("{:?}", config.listeners) };
    assert_eq!((mqtt.tls, mqtt.socket.port()), (TlsMode::On, 8883));
    let certificates = &mqtt.certificates;
    let pairs: Vec<_> = certificates.pairs.iter().map(|(a, b)| (a.to_str().unwrap(), b.to_str().unwrap())).collect();
    assert_eq!(pairs, [("a.pem", "a.key"), ("b.pem", "b.key")]);
    assert_eq!(certificates.client_ca.as_deref(), Some(Path::new("ours.pem")));
    assert_eq!(certificates.revocations, [PathBuf::from("revoked.pem")]);
    assert_eq!((certificates.clients, certificates.min_version), (ClientCertificate::Required, TlsVersion::Tls12));
    let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<ipnet::IpNet>>();
    assert_eq!(mqtt.proxy, Some(networks(&["10.0.0.7/32", "10.1.0.0/16"])));
    assert_eq!(
        (&mqtt.allow, &mqtt.deny),
        (&networks(&["fd00::/8"]), &vec![IpAddr::from([0xFD00, 0, 0, 0, 0, 0, 0, 1u16]).into()])
    );
    assert_eq!((mqtt.max_connections, mqtt.max_connections_per_address, mqtt.max_half_open), (Some(5), Some(2), 50));
    assert_eq!((mqtt.connection_rate, mqtt.connection_rate_per_address), (Some(100), Some(10)));
    assert_eq!((aws.tls, aws.max_half_open, &aws.proxy), (TlsMode::Both, 1_000, &None));
    let certificates = &aws.certificates;
    assert_eq!((certificates.clients, certificates.min_version), (ClientCertificate::Optional, TlsVersion::Tls13));
}

#[test]
fn mistakes() {
    let required = |face: &str| {
        format!(
            "causeway.toml:2:22: listener {face}: client_certificate = \"required\" needs tls = \"on\", because clients \
             without TLS show none: set tls_only = true, or client_certificate only in listeners with tls = \"on\""
        )
    };
    for (file, expected) in [
        (
            "[[listener]]\nface = 'mqtt'\ntls = 'on'",
            "causeway.toml:3:7: listener mqtt: tls = \"on\" needs certificate_files and key_files, or tls_dir".to_owned(),
        ),
        (
            "[[listener]]\nface = 'mqtt'\ntls = true",
            "causeway.toml:3:7: listener.tls = true: must be one of \"off\", \"on\", \"both\"".to_owned(),
        ),
        (
            "[[listener]]\nface = 'mqtt'\ncertificate_files = ['a', 'b']\nkey_files = 'c'",
            "causeway.toml:3:21: listener mqtt: certificate_files has 2 and key_files 1: must be as many, in the same order"
                .to_owned(),
        ),
        (
            "tls_dir = '/c'\ntls_only = true\n[[listener]]\nface = 'mqtt'\ntls = 'both'",
            "causeway.toml:5:7: listener mqtt: tls = \"both\": must be \"on\", because tls_only = true".to_owned(),
        ),
        (
            "tls_only = true\n[[listener]]\nface = 'mqtt'\n[[listener]]\nface = 'amqp'\nenabled = false\n[[listener]]\n\
             face = 'stomp'\nenabled = false\n[[listener]]\nface = 'aws'\nenabled = false\n[[listener]]\n\
             face = 'console'\nenabled = false",
            "causeway.toml:1:12: tls_only = true: listener mqtt has no certificate: set tls_dir, or certificate_files in its \
             [[listener]]"
                .to_owned(),
        ),
        (
            "[[listener]]\nface = 'mqtt'\ncertificate_files = 'a'\nkey_files = 'b'\nclient_certificate = 'optional'",
            "causeway.toml:5:22: listener mqtt: client_certificate needs client_ca_file, or tls_dir with ca.pem".to_owned(),
        ),
        (
            "tls_dir = '/c'\nclient_certificate = 'required'",
            ["mqtt", "amqp", "stomp", "aws", "console"].map(required).join("\n"),
        ),
        (
            "[[listener]]\nface = 'mqtt'\nproxy_from = '10.0.0.0/8'",
            "causeway.toml:3:14: listener mqtt: proxy_from needs proxy_protocol = true".to_owned(),
        ),
        (
            "[[listener]]\nface = 'mqtt'\nallow = ['10.0.0.0/33']",
            "causeway.toml:3:10: listener.allow = '10.0.0.0/33': must be a network such as \"10.0.0.0/8\" or \"fd00::/8\", an \
             IP address, or a list of these"
                .to_owned(),
        ),
        (
            "[[listener]]\nface = 'mqtt'\ncrl_files = ['a', 1]",
            "causeway.toml:3:19: listener.crl_files = 1: must be a path or a list of paths".to_owned(),
        ),
    ] {
        assert_eq!(file_errors(file), expected, "in\n{file}");
    }
}
