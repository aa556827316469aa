//! Who may connect at all: the PROXY protocol, networks, limits, and those who come and say nothing.

mod secure;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use conformance::device::{Device, socket, until_closed};
use conformance::poll::until;
use conformance::process::files_to_open;
use conformance::security::client_config;
use conformance::wire::{Connect, Level, Packet};
use conformance::{Authority, Broker, Face};
use secure::{Secure, extra, extra_port};

const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 8883\r\n";
const BINARY: [u8; 28] = [
    13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x21, 0x11, 0, 12, 192, 0, 2, 7, 1, 1, 1, 1, 0x9C, 0x40, 2,
    2,
];

#[test]
fn the_client_behind_a_balancer_is_the_peer() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let listener =
        "face = 'mqtt'\nport = 0\ntls = 'both'\nproxy_protocol = true\nproxy_from = '127.0.0.1'\ndeny = '192.0.2.66'";
    let broker = extra(&format!("tls_dir = {:?}", folder.path()), listener);
    let port = extra_port(&broker);
    let config = client_config(&authority, None, rustls::DEFAULT_VERSIONS);
    for header in [LINE, &BINARY] {
        let mut plain = socket(local(port));
        plain.write_all(&[header, &Connect::new("behind").encode()].concat()).unwrap();
        assert!(matches!(Packet::read(&mut plain, Level::V311), Ok(Packet::Connack { code: 0, .. })));
        assert!(is_connected(&broker, "192.0.2.7:40000"));
        drop(plain);
        until("the end of the first", || (!is_connected(&broker, "192.0.2.7:40000")).then_some(()));
        let mut secure = Secure::behind(port, header, &config).unwrap();
        assert!(secure.works() && is_connected(&broker, "192.0.2.7:40000"));
        drop(secure);
        until("the end of the second", || (!is_connected(&broker, "192.0.2.7:40000")).then_some(()));
    }
    for (begin, word) in [
        (Connect::new("direct").encode(), "does not begin with a PROXY header"),
        (b"PROXY TCP4 nonsense\r\n".to_vec(), "malformed"),
        (b"PROXY TCP4 192.0.2.66 198.51.100.1 1 2\r\n".to_vec(), "its network is denied"),
    ] {
        let mut refused = socket(local(port));
        refused.write_all(&begin).unwrap();
        until_closed(&refused);
        until(word, || broker.stderr().contains(word).then_some(()));
    }
}

#[test]
fn networks_and_numbers_have_limits() {
    let broker = extra("", "face = 'mqtt'\nport = 0\nallow = '10.0.0.0/8'");
    until_closed(&socket(local(extra_port(&broker))));
    until("the refusal", || broker.stderr().contains("refused 127.0.0.1:").then_some(()));
    let broker = extra("", "face = 'mqtt'\nport = 0\nmax_connections_per_address = 2");
    let port = extra_port(&broker);
    let devices = ["a", "b"].map(|name| Device::new(local(port), name));
    until_closed(&socket(local(port)));
    let words = "there are 2 connections from its address already";
    until(words, || broker.stderr().contains(words).then_some(()));
    let [first, second] = devices;
    first.disconnect();
    until("the place of the first", || Device::connect(local(port), &Connect::new("c")).ok());
    second.disconnect();
}

#[test]
fn those_who_say_nothing_harm_nobody() {
    let room = files_to_open(3_200);
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let broker =
        extra(&format!("tls_dir = {:?}", folder.path()), "face = 'mqtt'\nport = 0\ntls = 'on'\nmax_half_open = 500");
    let (port, plain) = (extra_port(&broker), broker.address(Face::Mqtt));
    let config = client_config(&authority, None, rustls::DEFAULT_VERSIONS);
    let mut before = Secure::to(port, "localhost", &config).unwrap();
    let (slow, silent) = (room * 1_000 / 3_200, room * 2_000 / 3_200);
    // A handshake that stops within its first message.
    let mut idle: Vec<TcpStream> = (0..slow).filter_map(|_| begin(port, &[0x16, 3, 1, 2, 0, 1])).collect();
    idle.extend((0..silent).filter_map(|_| begin(port, &[])));
    assert!(before.works(), "who was there");
    let mut device = Device::new(plain, "elsewhere");
    device.publish("$queue/q", 1, "answered");
    assert!(Secure::to(port, "localhost", &config).unwrap().works(), "who comes now");
    // Of all of them no more than the limit is still there: the others were closed, oldest first.
    let gone = idle.len().saturating_sub(500);
    idle.iter().take(gone).for_each(|stream| drop(until_closed(stream)));
    assert!(before.works());
    device.ping();
}

fn begin(port: u16, bytes: &[u8]) -> Option<TcpStream> {
    let mut stream = socket(local(port));
    // One that was sent away already cannot be written to.
    stream.write_all(bytes).ok().map(|()| stream)
}

fn is_connected(broker: &Broker, address: &str) -> bool {
    broker.admin_rows(&["connections"]).iter().any(|row| row["address"] == address)
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}
