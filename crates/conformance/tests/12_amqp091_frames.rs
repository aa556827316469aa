//! AMQP 0-9-1 as bytes: wrong frames, lying lengths, and what a connection owes its peer.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use conformance::amqp::{
    self, FRAME_MAX, Framer, PROTOCOL, declare, frame, header, kind, long, method, publish, short,
};
use conformance::device::{socket, until_closed};
use conformance::memory::SMALL_LIMIT;
use conformance::{Broker, Face, MemoryWatch, Options};

const MIB: u64 = 1024 * 1024;

/// "If the server cannot accept the protocol header, it must write the version that it can, and close" (4.2.2).
#[test]
fn another_version_is_told_the_right_one() {
    let broker = broker();
    for header in [b"AMQP\0\0\x09\0", b"AMQP\0\0\x0a\x01", b"AMQP\x05\x05\x05\x05", b"AMQP\0\0\0\0"] {
        let mut peer = socket(broker.address(Face::Amqp));
        peer.write_all(header).unwrap();
        let said = until_closed(&peer);
        assert!(said.starts_with(b"AMQP") && said.len() == 8, "{header:02x?}: {said:02x?}");
    }
    Framer::connect(broker.address(Face::Amqp)).works();
}

#[test]
fn other_protocols_on_the_port_are_closed() {
    let broker = broker();
    let noise: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT\naccept-version:1.2\nhost:x\n\n\0",
        b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        &[0; 5_000],
        &[0xF7; 5_000],
    ];
    for bytes in noise {
        let mut peer = socket(broker.address(Face::Amqp));
        // The broker may close before all of it has left.
        let _ = peer.write_all(bytes).and_then(|()| peer.shutdown(std::net::Shutdown::Write));
        let said = until_closed(&peer);
        assert!(said.len() <= 8, "{bytes:02x?}: {said:02x?}");
    }
    Framer::connect(broker.address(Face::Amqp)).works();
}

/// Before any login.
#[test]
fn hostile_logins_are_refused() {
    let broker = broker();
    let deep = amqp::nested_tables(16 * 1024);
    let lying = [&5_000_u32.to_be_bytes()[..], b"\x01aS"].concat();
    let attempts: [(&str, Vec<u8>, &[u16]); 9] = [
        ("nested tables", amqp::start_ok(&deep, "PLAIN", b"\0guest\0guest"), &[501, 502]),
        ("a table that lies", amqp::start_ok(&lying, "PLAIN", b"\0guest\0guest"), &[501, 502]),
        ("an unknown mechanism", amqp::start_ok(&[0; 4], "UNHEARD", b"x"), &[403, 503, 504]),
        ("PLAIN without NUL", amqp::start_ok(&[0; 4], "PLAIN", b"guest"), &[403]),
        ("tune-ok", method(0, (10, 31), &[0; 8]), &[503, 505]),
        ("open", method(0, (10, 40), b"\x01/\0\0"), &[503, 505]),
        ("channel.open", method(1, (20, 10), &[0]), &[503, 504, 505]),
        ("no frame", vec![0xFF; 100], &[501]),
        ("4 GiB", [&[1, 0, 0][..], &u32::MAX.to_be_bytes()].concat(), &[501]),
    ];
    for (name, bytes, codes) in attempts {
        let mut peer = Framer::started(broker.address(Face::Amqp));
        peer.say(&bytes);
        let (code, text) = peer.refused(name);
        assert!(codes.contains(&code), "{name}: {code} {text}");
        Framer::connect(broker.address(Face::Amqp)).works();
    }
}

#[test]
fn limits_beyond_the_offer_are_refused() {
    let broker = broker();
    // 0 says "no limit", which is more than the offer.
    for frame_max in [0, 100, 4_095, FRAME_MAX + 1] {
        let mut peer = Framer::tuned(broker.address(Face::Amqp), frame_max, 0);
        assert_eq!(peer.refused("tune-ok").0, 530, "frame_max {frame_max}");
    }
    let mut peer = Framer::login(broker.address(Face::Amqp));
    peer.say(&method(1_001, (20, 10), &[0]));
    assert!([504, 530].contains(&peer.refused("channel.open").0), "a channel above the agreed number");
}

/// "Connection errors": the whole connection ends, with the code of the first mistake (2.2.4, 4.2.3).
#[test]
fn frames_that_cannot_be_end_the_connection() {
    let broker = broker();
    let mut bad_end = frame(kind::BODY, 1, b"x");
    *bad_end.last_mut().unwrap() = 0;
    let too_long = [&[kind::BODY, 0, 1][..], &(FRAME_MAX + 1).to_be_bytes()].concat();
    let table_of = |bytes: &[u8]| [&[0x20, 0][..], &long(bytes)].concat();
    let string_that_lies = [&b"\x01aS"[..], &50_000_u32.to_be_bytes(), b"x"].concat();
    let queue = || publish("x", 0);
    let cases: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("bad end of frame", bad_end, &[501]),
        ("unknown kind of frame", frame(99, 1, b""), &[501]),
        ("heartbeat on a channel", frame(kind::HEARTBEAT, 1, b""), &[501, 503, 505]),
        ("frame above the limit", too_long, &[501]),
        ("unknown class", method(1, (99, 10), &[]), &[503, 540]),
        ("unknown method", method(1, (60, 199), &[]), &[503, 540]),
        ("method of a server", method(1, (60, 60), &[0; 12]), &[503]),
        ("method without its id", frame(kind::METHOD, 1, &[0]), &[501, 502]),
        ("arguments cut off", method(1, (50, 10), b"\0\0\x05ab"), &[501, 502]),
        ("arguments too long", method(1, (50, 10), &[&declare("")[..], b"xx"].concat()), &[501, 502]),
        ("a name that is no text", method(1, (50, 10), &[b"\0\0\x02\xff\xfe", &[0; 5][..]].concat()), &[501, 502]),
        ("nested tables", method(1, (50, 10), &[&[0; 4][..], &amqp::nested_tables(16 * 1024)].concat()), &[501, 502]),
        ("channel that is not open", method(5, (50, 10), &declare("")), &[504]),
        ("queue.declare on channel 0", method(0, (50, 10), &declare("")), &[503, 504]),
        ("connection.open again", method(0, (10, 40), b"\x01/\0\0"), &[503, 504]),
        ("connection.open on a channel", method(1, (10, 40), b"\x01/\0\0"), &[503, 504]),
        ("channel 0 opened", method(0, (20, 10), &[0]), &[503, 504]),
        ("channel opened twice", method(1, (20, 10), &[0]), &[504]),
        ("header without publish", header(60, 5, &[0, 0]), &[505]),
        ("body without publish", frame(kind::BODY, 1, b"x"), &[505]),
        ("method instead of header", [queue(), method(1, (50, 10), &declare(""))].concat(), &[505]),
        ("method instead of body", [queue(), header(60, 5, &[0, 0]), queue()].concat(), &[505]),
        ("body longer than said", [queue(), header(60, 2, &[0, 0]), frame(kind::BODY, 1, b"xxx")].concat(), &[501]),
        ("header of another class", [queue(), header(50, 0, &[0, 0])].concat(), &[501, 505]),
        ("header cut off", [queue(), frame(kind::HEADER, 1, &[0, 60, 0])].concat(), &[501, 502]),
        ("flags without values", [queue(), header(60, 0, &[0x80, 0])].concat(), &[501, 502]),
        ("unknown type of field", [queue(), header(60, 0, &table_of(b"\x01a?xxxx"))].concat(), &[501, 502]),
        ("field that lies", [queue(), header(60, 0, &table_of(&string_that_lies))].concat(), &[501, 502]),
        ("immediate", [publish("x", 2), header(60, 0, &[0, 0])].concat(), &[540]),
        ("channel.flow off", method(1, (20, 20), &[0]), &[540]),
    ];
    for (name, bytes, codes) in cases {
        let mut peer = Framer::connect(broker.address(Face::Amqp));
        peer.say(&bytes);
        let (code, text) = peer.refused(name);
        assert!(codes.contains(&code), "{name}: {code} {text}");
    }
    Framer::connect(broker.address(Face::Amqp)).works();
}

/// "Channel errors": that channel ends, its number can be used again, and the connection goes on.
#[test]
fn requests_that_fail_end_their_channel() {
    let broker = broker();
    let name = |text: &str| short(text.as_bytes());
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("no such queue", method(1, (50, 10), &[&[0, 0][..], &name("none"), &[1], &[0; 4]].concat()), 404),
        (
            "no such queue, no answer wanted",
            method(1, (50, 10), &[&[0, 0][..], &name("none"), &[0b1_0001], &[0; 4]].concat()),
            404,
        ),
        ("reserved name", method(1, (50, 10), &declare("amq.mine")), 403),
        ("ack of nothing", method(1, (60, 80), &[0, 0, 0, 0, 0, 0, 0, 9, 0]), 406),
        ("body without end", [publish("x", 0), header(60, u64::MAX, &[0, 0])].concat(), 406),
        (
            "publish to no exchange",
            [method(1, (60, 40), &[&[0, 0][..], &name("none"), &name("k"), &[0]].concat()), header(60, 0, &[0, 0])]
                .concat(),
            404,
        ),
    ];
    let mut peer = Framer::connect(broker.address(Face::Amqp));
    for (what, bytes, wanted) in cases {
        peer.say(&bytes);
        let (code, text) = peer.channel_refused(what);
        assert_eq!(code, wanted, "{what}: {text}");
        peer.say(&method(1, (20, 10), &[0]));
        peer.expect(1, (20, 11));
        peer.works();
    }
}

#[test]
fn what_comes_after_a_close_is_ignored() {
    let broker = broker();
    let mut peer = Framer::connect(broker.address(Face::Amqp));
    // The channel is closed by the server; what was under way must not count, until close-ok.
    peer.say(&method(1, (60, 80), &[0, 0, 0, 0, 0, 0, 0, 9, 0]));
    peer.say(&method(1, (50, 10), &declare("after-the-error")));
    peer.say(&[publish("x", 0), header(60, 2, &[0, 0]), frame(kind::BODY, 1, b"xx")].concat());
    assert_eq!(peer.channel_refused("ack").0, 406);
    peer.say(&method(1, (20, 10), &[0]));
    peer.expect(1, (20, 11));
    peer.say(&method(1, (50, 10), &[&[0, 0][..], &short(b"after-the-error"), &[1], &[0; 4]].concat()));
    assert_eq!(peer.channel_refused("passive").0, 404);
    peer.say(&method(0, (10, 50), &[0, 200, 0, 0, 0, 0, 0]));
    peer.expect(0, (10, 51));
    peer.closed();
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let broker = broker();
    let mut peer = Framer::connect(broker.address(Face::Amqp));
    let bytes = [
        method(1, (50, 10), &declare("slow")),
        publish("slow", 0),
        header(60, 4, &[0, 0]),
        frame(kind::BODY, 1, b"ab"),
        frame(kind::BODY, 1, b""),
        frame(kind::BODY, 1, b"cd"),
        method(1, (60, 70), &[&[0, 0][..], &short(b"slow"), &[1]].concat()),
    ];
    for byte in bytes.concat() {
        peer.say(&[byte]);
    }
    peer.expect(1, (50, 11));
    peer.expect(1, (60, 71));
    assert_eq!(peer.read().unwrap().kind, kind::HEADER);
    assert_eq!(peer.read().unwrap().payload, b"abcd");
}

#[test]
fn truncated_frames_and_a_close_leave_nothing() {
    let broker = broker();
    let whole = [
        PROTOCOL.to_vec(),
        amqp::start_ok(&[0; 4], "PLAIN", b"\0guest\0guest"),
        method(0, (10, 31), &[&1000_u16.to_be_bytes()[..], &FRAME_MAX.to_be_bytes(), &[0, 0]].concat()),
        method(0, (10, 40), b"\x01/\0\0"),
        method(1, (20, 10), &[0]),
        publish("x", 0),
        header(60, 3, &[0, 0]),
        frame(kind::BODY, 1, b"xyz"),
    ]
    .concat();
    for length in 1..whole.len() {
        let mut peer = Framer::open(broker.address(Face::Amqp));
        peer.say(&whole[..length]);
        peer.close_writing();
        until_closed(peer.socket());
    }
    Framer::connect(broker.address(Face::Amqp)).works();
}

/// A length is no reason to reserve memory, be it a frame's or a body's.
#[test]
fn announced_lengths_reserve_nothing() {
    let broker = broker();
    Framer::connect(broker.address(Face::Amqp)).works();
    let before = broker.anonymous_memory();
    let peers: Vec<_> = (0..50)
        .map(|_| {
            let mut peer = Framer::connect(broker.address(Face::Amqp));
            peer.say(&[publish("x", 0), header(60, 100 * MIB, &[0, 0])].concat());
            let mut idle = Framer::open(broker.address(Face::Amqp));
            idle.say(&[&PROTOCOL[..], &[kind::METHOD, 0, 0], &(FRAME_MAX - 8).to_be_bytes()].concat());
            (peer, idle)
        })
        .collect();
    Framer::connect(broker.address(Face::Amqp)).works();
    let grown = broker.anonymous_memory().saturating_sub(before);
    assert!(grown < 32 * MIB, "50 announcements took {grown} bytes");
    drop(peers);
}

#[test]
fn heartbeats_come_as_agreed_and_silence_ends_the_connection() {
    let broker = broker();
    let mut peer = Framer::tuned(broker.address(Face::Amqp), FRAME_MAX, 1);
    peer.say(&method(0, (10, 40), b"\x01/\0\0"));
    peer.expect(0, (10, 41));
    let start = Instant::now();
    let mut beats = 0;
    while let Ok(frame) = peer.read() {
        // The goodbye of a connection that is taken for dead may come or not.
        assert!(frame.kind == kind::HEARTBEAT || frame.method().is_some_and(|(id, _)| id == (10, 50)), "{frame:?}");
        beats += u32::from(frame.kind == kind::HEARTBEAT);
    }
    let lasted = start.elapsed();
    assert!(beats >= 1, "no heartbeat in {lasted:?}");
    assert!(lasted >= Duration::from_secs(1), "closed after {lasted:?}");
}

#[test]
fn any_frame_is_as_good_as_a_heartbeat() {
    let broker = broker();
    let mut peer = Framer::tuned(broker.address(Face::Amqp), FRAME_MAX, 1);
    peer.say(&method(0, (10, 40), b"\x01/\0\0"));
    peer.expect(0, (10, 41));
    peer.say(&method(1, (20, 10), &[0]));
    peer.expect(1, (20, 11));
    let start = Instant::now();
    let mut beats = 0;
    while start.elapsed() < Duration::from_secs(4) {
        // Each beat of the broker is answered with a frame that is none.
        match peer.read().expect("the connection stays") {
            frame if frame.kind == kind::HEARTBEAT => {
                beats += 1;
                peer.say(&method(1, (50, 10), &declare("")));
            }
            frame => assert_eq!(frame.method().map(|(id, _)| id), Some((50, 11))),
        }
    }
    assert!(beats >= 3, "{beats}");
}

/// What waits for a client that does not read is bounded by the memory limit; the rest is on disk.
#[test]
fn a_consumer_that_does_not_read_is_stopped_by_its_socket() {
    let broker = Broker::start(SMALL_LIMIT, Options::default());
    let mut stuck = Framer::connect(broker.address(Face::Amqp));
    let queue = [&[0, 0][..], &short(b"flood")].concat();
    stuck.say(&method(1, (50, 10), &[&queue[..], &[0b10], &[0; 4]].concat()));
    stuck.expect(1, (50, 11));
    stuck.say(&method(1, (60, 20), &[&queue[..], &short(b"c"), &[0b10], &[0; 4]].concat()));
    stuck.expect(1, (60, 21));
    let mut publisher = Framer::connect(broker.address(Face::Amqp));
    let memory = MemoryWatch::new(&broker);
    let delivery_mode_2 = [0x10, 0, 2];
    let body = frame(kind::BODY, 1, &vec![0; 100_000]);
    let message = [publish("flood", 0), header(60, 100_000, &delivery_mode_2), body].concat();
    for _ in 0..40 {
        publisher.say(&message.repeat(50));
        publisher.works();
    }
    memory.assert_bounded(200_000_000, "a consumer that does not read");
    let mut some = vec![0; 10_000_000];
    stuck.socket().read_exact(&mut some).expect("it may read again");
}

fn broker() -> Broker {
    Broker::start("", Options::default())
}
