//! Hostile and broken peers: each is dealt with, and a good client never notices.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread;

use conformance::device::{socket, until_closed};
use conformance::memory::SMALL_LIMIT;
use conformance::poll::DEADLINE;
use conformance::sqs::{Sqs, read_answer};
use conformance::wire::{self, Connect, Level, Packet, Publish, first};
use conformance::{Broker, Device, Face, MemoryWatch, Options};
use serde_json::json;

const MIB: u64 = 1024 * 1024;

#[test]
fn garbage_closes() {
    let broker = broker();
    let mut noise = 1_u32;
    for length in [1, 2, 10, 1_000, 100_000] {
        let mut garbage: Vec<u8> = (0..length)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            })
            .collect();
        // Neither a CONNECT nor a letter of HTTP.
        garbage[0] = 0xF7;
        send_and_expect_close(&broker, &garbage);
        unharmed(&broker);
    }
}

#[test]
fn an_endless_remaining_length_closes() {
    let broker = broker();
    for bytes in [&[0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x01][..], &[0x10, 0x80, 0x80, 0x80, 0x80, 0x80]] {
        send_and_expect_close(&broker, bytes);
    }
    let mut device = Device::new(broker.address(Face::Mqtt), "endless");
    device.send(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]).unwrap();
    device.closed();
    unharmed(&broker);
}

/// CVE-2019-0222 and its kin: a length is no reason to reserve memory, least of all before CONNECT.
#[test]
fn announced_lengths_reserve_nothing() {
    let broker = broker();
    unharmed(&broker);
    let before = broker.anonymous_memory();
    let huge = [0x10, 0xFF, 0xFF, 0xFF, 0x7F];
    let peers: Vec<_> = (0..50)
        .map(|_| {
            let mut peer = socket(broker.address(Face::Mqtt));
            // Closing at once is as good as waiting.
            let _ = peer.write_all(&huge).and_then(|()| peer.write_all(&[0; 100]));
            peer
        })
        .collect();
    unharmed(&broker);
    let grown = broker.anonymous_memory().saturating_sub(before);
    assert!(grown < 32 * MIB, "50 announcements of 256 MiB took {grown} bytes");
    drop(peers);
}

#[test]
fn truncated_packets_and_a_close_leave_nothing() {
    let broker = broker();
    let whole = [
        Connect::new("truncated").encode(),
        wire::subscribe(Level::V311, 1, &[("a/b", 1)]),
        Publish::new("a/b", 1, 2, "payload").encode(Level::V311),
    ]
    .concat();
    for length in 1..whole.len() {
        let mut peer = socket(broker.address(Face::Mqtt));
        peer.write_all(&whole[..length]).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        until_closed(&peer);
    }
    unharmed(&broker);
}

#[test]
fn http_on_the_mqtt_port_closes() {
    let broker = broker();
    send_and_expect_close(&broker, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    send_and_expect_close(&broker, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    unharmed(&broker);
}

#[test]
fn mqtt_on_the_http_ports_closes() {
    let broker = broker();
    for face in [Face::Aws, Face::Console] {
        let mut peer = socket(broker.address(face));
        peer.write_all(&Connect::new("lost").encode()).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        let said = until_closed(&peer);
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&said));
    }
    unharmed(&broker);
}

#[test]
fn invalid_utf8_closes() {
    let broker = broker();
    let bad: [&[u8]; 5] = [b"a/\xFF", b"a/\xC0\x80", b"a/\xED\xA0\x80", b"a/\xF4\x90\x80\x80", b"a/\0"];
    for text in bad {
        let mut topic = Vec::new();
        wire::string(&mut topic, text);
        let publish = wire::packet(first::PUBLISH, &topic);
        let subscribe = wire::packet(first::SUBSCRIBE, &[&[0, 1][..], &topic, &[0]].concat());
        for packet in [publish, subscribe] {
            let mut device = Device::new(broker.address(Face::Mqtt), "invalid");
            device.send(&packet).unwrap();
            device.closed();
        }
        let mut connect = Vec::new();
        wire::string(&mut connect, b"MQTT");
        connect.extend([4, 2, 0, 60]);
        connect.extend(&topic);
        send_and_expect_close(&broker, &wire::packet(first::CONNECT, &connect));
    }
    unharmed(&broker);
}

#[test]
fn topic_names_with_wildcards_or_nothing_close() {
    let broker = broker();
    for topic in ["", "a/+/b", "a/#", "#", "+"] {
        for qos in [0, 1, 2] {
            let mut device = Device::new(broker.address(Face::Mqtt), "illegal");
            device.send(&Publish::new(topic, qos, 1, "x").encode(Level::V311)).unwrap();
            device.closed();
        }
    }
    unharmed(&broker);
}

#[test]
fn names_of_very_many_levels_and_of_systems_cost_nothing() {
    let broker = broker();
    let slashes = "/".repeat(65_000);
    let mut device = Device::new(broker.address(Face::Mqtt), "levels");
    // What is too deep is refused, or works: nobody looks at it in a recursion.
    let codes = device.subscribe(&[(&slashes, 0), (&format!("{slashes}#"), 0), ("$other/#", 0), ("$SYS/#", 0)]);
    assert!(codes.iter().all(|code| [0, 0x80].contains(code)), "{codes:?}");
    for topic in [&slashes, "$other/x", "$SYS/x", "$", "$share/g/x"] {
        let mut device = Device::new(broker.address(Face::Mqtt), "publisher");
        // It may be closed for it.
        let _ = device.send(&Publish::new(topic, 1, 1, "x").encode(Level::V311));
        let _ = device.wait_for(&Packet::Puback(1));
    }
    unharmed(&broker);
}

#[test]
fn a_second_connect_closes() {
    let broker = broker();
    let mut device = Device::new(broker.address(Face::Mqtt), "again");
    device.send(&Connect::new("again").encode()).unwrap();
    device.closed();
    unharmed(&broker);
}

#[test]
fn a_packet_before_connect_closes() {
    let broker = broker();
    send_and_expect_close(&broker, &Publish::new("a", 0, 0, "x").encode(Level::V311));
    send_and_expect_close(&broker, &wire::subscribe(Level::V311, 1, &[("a", 0)]));
    send_and_expect_close(&broker, &wire::packet(first::PINGREQ, &[]));
    send_and_expect_close(&broker, &wire::packet(first::DISCONNECT, &[]));
    unharmed(&broker);
}

#[test]
fn malformed_packets_close() {
    let broker = broker();
    let malformed: [(&str, &[u8]); 14] = [
        ("reserved type 0", &[0x00, 0]),
        ("reserved type 15 in 3.1.1", &[0xF0, 0]),
        ("CONNACK from a client", &[0x20, 2, 0, 0]),
        ("SUBACK from a client", &[0x90, 3, 0, 1, 0]),
        ("PINGRESP from a client", &[0xD0, 0]),
        ("SUBSCRIBE without its reserved bit", &[0x80, 6, 0, 1, 0, 1, b'a', 0]),
        ("SUBSCRIBE with id 0", &[0x82, 6, 0, 0, 0, 1, b'a', 0]),
        ("SUBSCRIBE of nothing", &[0x82, 2, 0, 1]),
        ("SUBSCRIBE at QoS 3", &[0x82, 6, 0, 1, 0, 1, b'a', 3]),
        ("UNSUBSCRIBE of nothing", &[0xA2, 2, 0, 1]),
        ("PUBREL without its reserved bit", &[0x60, 2, 0, 1]),
        ("PUBLISH at QoS 3", &[0x36, 5, 0, 1, b'a', 0, 1]),
        ("PUBLISH at QoS 1 with id 0", &[0x32, 5, 0, 1, b'a', 0, 0]),
        ("PUBLISH whose topic is longer than it", &[0x30, 4, 0, 200, b'a', b'b']),
    ];
    for (what, packet) in malformed {
        let mut device = Device::new(broker.address(Face::Mqtt), "malformed");
        device.send(packet).unwrap_or_else(|error| panic!("{what}: {error}"));
        device.closed();
    }
    unharmed(&broker);
}

#[test]
fn malformed_connects_close() {
    let broker = broker();
    let connect = |flags: u8, rest: &[u8]| {
        let mut body = Vec::new();
        wire::string(&mut body, b"MQTT");
        body.extend([4, flags, 0, 60]);
        body.extend(rest);
        wire::packet(first::CONNECT, &body)
    };
    for (what, bytes) in [
        ("reserved flag", connect(0x03, &[0, 1, b'a'])),
        ("will QoS 3", connect(0x1E, &[0, 1, b'a', 0, 1, b'w', 0, 1, b'x'])),
        ("will QoS without a will", connect(0x0A, &[0, 1, b'a'])),
        ("will retain without a will", connect(0x22, &[0, 1, b'a'])),
        ("password without a name", connect(0x42, &[0, 1, b'a', 0, 1, b'p'])),
        ("a will that is not there", connect(0x06, &[0, 1, b'a'])),
        ("bytes behind the end", connect(0x02, &[0, 1, b'a', 9, 9])),
        ("no client id", connect(0x02, &[])),
        ("flags on the type", [&[0x11][..], &Connect::new("a").encode()[1..]].concat()),
    ] {
        let mut peer = socket(broker.address(Face::Mqtt));
        peer.write_all(&bytes).unwrap();
        let said = until_closed(&peer);
        assert!(!said.starts_with(&[0x20, 2, 0, 0]), "{what} was accepted");
    }
    unharmed(&broker);
}

#[test]
fn silent_peers_are_closed_after_the_login_timeout() {
    let broker = Broker::start("login_timeout = \"1s\"\n", Options::default());
    let silent = socket(broker.address(Face::Mqtt));
    let mut halfway = socket(broker.address(Face::Mqtt));
    halfway.write_all(&Connect::new("halfway").encode()[..5]).unwrap();
    assert!(until_closed(&silent).is_empty());
    assert!(until_closed(&halfway).is_empty());
    unharmed(&broker);
}

#[test]
fn broken_http_is_answered_or_closed() {
    let broker = broker();
    let requests: [&[u8]; 6] = [
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{\"a\": [[[",
    ];
    for request in requests {
        let mut peer = socket(broker.address(Face::Aws));
        peer.write_all(request).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        let said = until_closed(&peer);
        let status = String::from_utf8_lossy(&said).chars().take(12).collect::<String>();
        assert!(
            said.is_empty() || status.starts_with("HTTP/1.1 4"),
            "{:?}: {status}",
            String::from_utf8_lossy(request)
        );
    }
    unharmed(&broker);
}

/// CVE-2023-46118: a body has a limit, and deep JSON no stack.
#[test]
fn boundless_and_deep_http_bodies_are_refused() {
    let broker = broker();
    unharmed(&broker);
    let before = broker.anonymous_memory();
    let mut sqs = Sqs::connect(broker.address(Face::Aws)).unwrap();
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let request = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: AmazonSQS.ListQueues\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n{deep}",
        deep.len()
    );
    let mut peer = socket(broker.address(Face::Aws));
    peer.write_all(request.as_bytes()).unwrap();
    let answer = read_answer(&mut BufReader::new(peer)).unwrap();
    assert_eq!(answer.status / 100, 4, "{answer:?}");

    let mut endless = socket(broker.address(Face::Aws));
    let head =
        "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: 4000000000\r\n\r\n";
    endless.write_all(head.as_bytes()).unwrap();
    let chunk = vec![b'x'; MIB as usize];
    // The broker may answer and close at any time, or stop reading; what counts is its memory.
    endless.set_write_timeout(Some(std::time::Duration::from_secs(2))).unwrap();
    let _ = (0..256).try_for_each(|_| endless.write_all(&chunk));
    let grown = broker.anonymous_memory().saturating_sub(before);
    assert!(grown < 64 * MIB, "a body without end took {grown} bytes");
    sqs.call("ListQueues", &json!({})).unwrap();
    drop(endless);
    unharmed(&broker);
}

/// What waits for one stuck client is bounded by the memory limit, and must not take the others' share of it.
#[test]
fn a_subscriber_that_never_reads_costs_bounded_memory() {
    let broker = Broker::start(SMALL_LIMIT, Options::default());
    let address = broker.address(Face::Mqtt);
    unharmed(&broker);
    for qos in [0, 1] {
        let mut stuck = Device::new(address, &format!("stuck-{qos}"));
        stuck.subscribe(&[("flood/#", qos)]);
        let memory = MemoryWatch::new(&broker);
        let reader = reader_of(Device::new(address, "reader"));
        let mut publisher = Device::new(address, "publisher");
        let message = Publish::new("flood/x", 0, 0, vec![b'x'; 1024]).encode(Level::V311);
        let burst = message.repeat(1_000);
        for number in 0..200_u8 {
            publisher.send(&burst).unwrap();
            publisher.publish("fine/x", 1, [number]);
        }
        publisher.ping();
        for number in 0..200_u8 {
            assert_eq!(reader.recv_timeout(DEADLINE).expect("the others go on"), [number]);
        }
        memory.assert_bounded(200 * burst.len() as u64, &format!("a subscriber at QoS {qos} that never reads"));
        unharmed(&broker);
        drop(stuck);
    }
}

#[test]
fn many_half_open_connections_harm_nobody() {
    let broker = broker();
    let peers: Vec<TcpStream> = (0..300).map(|_| socket(broker.address(Face::Mqtt))).collect();
    let web: Vec<TcpStream> = (0..100).map(|_| socket(broker.address(Face::Aws))).collect();
    unharmed(&broker);
    drop((peers, web));
    unharmed(&broker);
}

fn broker() -> Broker {
    Broker::start("", Options::default())
}

fn send_and_expect_close(broker: &Broker, bytes: &[u8]) {
    let mut peer = socket(broker.address(Face::Mqtt));
    // The broker may close before all of it has left.
    let _ = peer.write_all(bytes);
    let said = until_closed(&peer);
    assert!(!said.starts_with(&[0x20, 2, 0, 0]), "{bytes:02x?} was accepted");
}

/// A good client of each face is served as ever.
fn unharmed(broker: &Broker) {
    let mut device = Device::new(broker.address(Face::Mqtt), "good");
    for qos in [0, 1, 2] {
        device.subscribe(&[("good/x", qos)]);
        device.publish("good/x", qos, [qos]);
        assert_eq!(device.take().payload, [qos]);
    }
    device.disconnect();
    let mut sqs = Sqs::connect(broker.address(Face::Aws)).expect("the AWS face listens");
    sqs.call("ListQueues", &json!({})).expect("the AWS face answers");
    let mut console = socket(broker.address(Face::Console));
    console.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("the console listens");
    let mut said = String::new();
    console.read_to_string(&mut said).expect("the console answers");
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

/// What `device` receives from `fine/#`, read in its own thread.
fn reader_of(mut device: Device) -> mpsc::Receiver<Vec<u8>> {
    let (sender, inbox) = mpsc::channel();
    device.subscribe(&[("fine/#", 1)]);
    thread::spawn(move || {
        while let Ok(Packet::Publish(publish)) = device.read() {
            let acknowledged = device.send(&wire::acknowledge(first::PUBACK, publish.id));
            if acknowledged.is_err() || sender.send(publish.payload).is_err() {
                return;
            }
        }
    });
    inbox
}
