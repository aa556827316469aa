//! AMQP 1.0 as bytes: wrong frames, lying lengths, and what connections, sessions and links owe their peer.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use conformance::amqp1::{
    HEADER, Linker, SASL_HEADER, attach, attach_receiver, begin, binary, code, compound, described, frame, list,
    message, nested_lists, null, performative, sasl, string, symbol, transfer, uint, variable,
};
use conformance::device::{socket, until_closed};
use conformance::memory::SMALL_LIMIT;
use conformance::{Broker, Face, MemoryWatch, Options};

const MIB: u64 = 1024 * 1024;

const DECODE: &[&str] = &["amqp:decode-error", "amqp:connection:framing-error", "amqp:invalid-field"];
const LIMIT: &[&str] = &["amqp:decode-error", "amqp:resource-limit-exceeded", "amqp:connection:framing-error"];
const FRAMING: &[&str] = &["amqp:connection:framing-error", "amqp:decode-error"];

/// 2.2: a peer that cannot speak what is asked for says what it can, and closes.
#[test]
fn another_version_is_told_the_right_one() {
    let broker = broker();
    for header in
        [b"AMQP\0\x01\0\x01", b"AMQP\0\x02\0\0", b"AMQP\x03\x01\x01\0", b"AMQP\x02\x01\0\0", b"AMQP\x09\x01\0\0"]
    {
        let mut peer = socket(broker.address(Face::Amqp));
        peer.write_all(header).unwrap();
        let said = until_closed(&peer);
        assert!(said.starts_with(b"AMQP") && said.len() == 8, "{header:02x?}: {said:02x?}");
    }
    Linker::connect(broker.address(Face::Amqp)).works();
}

#[test]
fn hostile_logins_are_refused() {
    let broker = broker();
    let attempts = [
        ("an unknown mechanism", sasl(code::SASL_INIT, &[symbol("UNHEARD"), binary(b"x")])),
        ("PLAIN without NUL", sasl(code::SASL_INIT, &[symbol("PLAIN"), binary(b"guest")])),
        ("PLAIN without a response", sasl(code::SASL_INIT, &[symbol("PLAIN")])),
        ("no mechanism", sasl(code::SASL_INIT, &[])),
        ("a mechanism that is no symbol", sasl(code::SASL_INIT, &[uint(7)])),
        ("nested lists", sasl(code::SASL_INIT, &[symbol("PLAIN"), nested_lists(16 * 1024)])),
        ("an open", performative(0, code::OPEN, &[string("raw")])),
        ("a server's frame", sasl(code::SASL_OUTCOME, &[vec![0x50, 0]])),
        ("no frame", vec![0xFF; 100]),
        ("a frame of 2 GiB", [&0x7FFF_FFFF_u32.to_be_bytes()[..], &[2, 1, 0, 0]].concat()),
        ("a small size", [&7_u32.to_be_bytes()[..], &[2, 1, 0, 0]].concat()),
    ];
    for (what, bytes) in attempts {
        let mut peer = Linker::greeted(broker.address(Face::Amqp));
        peer.say(&bytes);
        let said = until_closed(peer.socket());
        let admitted = said.windows(8).any(|window| window == HEADER) || said.ends_with(&[0x44, 0xC0, 3, 1, 0x50, 0]);
        assert!(!admitted, "{what}: {}", said.escape_ascii());
        Linker::connect(broker.address(Face::Amqp)).works();
    }
}

#[test]
fn frames_that_cannot_be_end_the_connection() {
    let broker = broker();
    let size = |bytes: u32, doff: u8, kind: u8| [&bytes.to_be_bytes()[..], &[doff, kind, 0, 0]].concat();
    let open_again = performative(0, code::OPEN, &[string("raw")]);
    let begin_on = |channel| performative(channel, code::BEGIN, &begin());
    let field =
        |value: Vec<u8>| performative(0, code::BEGIN, &[&begin()[..], &[null(), null(), null(), value]].concat());
    let map = |items: &[u8], count| compound(0xD1, count, items);
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("a size below its header", size(7, 2, 0), FRAMING),
        ("a header below its size", size(16, 1, 0), FRAMING),
        ("a header beyond the frame", size(16, 200, 0), FRAMING),
        ("an unknown kind of frame", frame(9, 0, b""), FRAMING),
        ("a frame above the limit", size(100_000_000, 2, 0), LIMIT),
        ("a body that is no performative", frame(0, 0, &string("hello")), DECODE),
        ("a body cut off", frame(0, 0, &[0, 0x53]), DECODE),
        ("an unknown performative", performative(0, 0x99, &[]), DECODE),
        ("a performative that is no list", frame(0, 0, &described(code::BEGIN, &string("x"))), DECODE),
        ("a second open", open_again, &["amqp:not-allowed", "amqp:illegal-state", "amqp:connection:framing-error"]),
        ("a second begin", [begin_on(0), begin_on(0)].concat(), &["amqp:not-allowed", "amqp:illegal-state"]),
        ("a channel above the limit", begin_on(65_535), &["amqp:not-allowed", "amqp:connection:framing-error"]),
        (
            "a flow without a session",
            performative(7, code::FLOW, &[]),
            &["amqp:not-allowed", "amqp:decode-error", "amqp:illegal-state"],
        ),
        ("nested lists", field(nested_lists(16 * 1024)), LIMIT),
        ("nested descriptors", field([vec![0; 8_000], vec![0x40]].concat()), LIMIT),
        ("a list that says to be long", field(compound(0xD0, u32::MAX as usize, &[])), DECODE),
        ("a list longer than its frame", field(vec![0xD0, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1]), DECODE),
        ("a map with half a pair", field(map(&[0x40, 0x40, 0x40], 3)), DECODE),
        ("a string longer than its frame", field(vec![0xB1, 0x7F, 0xFF, 0xFF, 0xFF]), DECODE),
        ("a string that is no UTF-8", field(map(&[symbol("k"), variable(0xB1, b"\xff")].concat(), 2)), DECODE),
        ("an array of very many nulls", field(variable(0xF0, &[0x7F, 0xFF, 0xFF, 0xFF, 0x40])), LIMIT),
        ("an unknown constructor", field(vec![0x07]), DECODE),
        ("an open field of another type", performative(0, code::BEGIN, &[string("x")]), DECODE),
        ("a field that must be there", performative(0, code::BEGIN, &[null(), null(), null(), null()]), DECODE),
    ];
    for (what, bytes, conditions) in cases {
        let mut peer = Linker::opened(broker.address(Face::Amqp), &[]);
        peer.say(&bytes);
        if what == "a second begin" {
            peer.expect(code::BEGIN);
        }
        peer.refused(what, conditions);
    }
    Linker::connect(broker.address(Face::Amqp)).works();
}

/// 2.8.17: the session ends with its condition, the connection goes on.
#[test]
fn mistakes_in_a_session_end_it() {
    let broker = broker();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("no such handle", transfer(0, b"t", &message("x")), "amqp:session:unattached-handle"),
        (
            "flow for no such handle",
            performative(0, code::FLOW, &[uint(0), uint(9), uint(0), uint(9), uint(5), uint(0), uint(1)]),
            "amqp:session:unattached-handle",
        ),
        (
            "a handle in use",
            [performative(0, code::ATTACH, &attach("a", 0, "x")), performative(0, code::ATTACH, &attach("b", 0, "x"))]
                .concat(),
            "amqp:session:handle-in-use",
        ),
    ];
    for (what, bytes, condition) in cases {
        let mut peer = Linker::connect(broker.address(Face::Amqp));
        peer.say(&bytes);
        // The links before the mistake may be answered or not.
        let end = std::iter::from_fn(|| peer.read().ok()).find(|frame| frame.code() == Some(code::END));
        let end = end.unwrap_or_else(|| panic!("{what}: the session does not end"));
        assert!(end.says(condition), "{what}: {}", end.body.escape_ascii());
        peer.say(&performative(0, code::END, &[]));
        peer.works();
    }
}

/// 2.8.18: the link ends with its condition, the session goes on.
#[test]
fn mistakes_on_a_link_end_it() {
    let broker = broker();
    let no_tag = frame(0, 0, &[described(code::TRANSFER, &list(&[uint(0), uint(0)])), message("x")].concat());
    let bad_sections = [
        ("a section that does not exist", described(0x7F, &string("x"))),
        ("a body cut off", vec![0, 0x53, 0x75, 0xB0, 0, 0]),
        ("a body that lies", vec![0, 0x53, 0x75, 0xB0, 0x7F, 0xFF, 0xFF, 0xFF]),
        ("nested lists", described(0x77, &nested_lists(16 * 1024))),
        ("properties of wrong types", described(0x73, &list(&[null(), string("user-id is binary")]))),
        ("sections in a wrong order", [message("x"), described(0x73, &list(&[]))].concat()),
    ];
    let mut cases = vec![("no tag", no_tag)];
    for (what, payload) in bad_sections {
        cases.push((what, transfer(0, b"t", &payload)));
    }
    for (what, bytes) in cases {
        let mut peer = Linker::sender(broker.address(Face::Amqp), "x");
        peer.say(&bytes);
        // Whether the message is rejected or the link ends, the condition says why and nothing is taken.
        loop {
            let frame = peer.read().unwrap_or_else(|error| panic!("{what}: {error}"));
            match frame.code() {
                None | Some(code::FLOW) => {}
                Some(code::DISPOSITION) if frame.says("amqp:") => break,
                Some(code::DETACH | code::END) if frame.says("amqp:") => break,
                other => panic!("{what}: {other:x?} {}", frame.body.escape_ascii()),
            }
        }
        Linker::connect(broker.address(Face::Amqp)).works();
    }
}

#[test]
fn frames_are_no_larger_than_the_peer_takes() {
    let broker = broker();
    let mut sender = Linker::sender(broker.address(Face::Amqp), "small");
    let text = "x".repeat(20_000);
    sender.say(&transfer(0, b"t", &message(&text)));
    assert!(sender.expect(code::DISPOSITION).body.windows(3).any(|window| window == [0, 0x53, 0x24]), "accepted");
    // max-frame-size is the third field of open; 512 is the least that may be asked for.
    let mut peer = Linker::opened(broker.address(Face::Amqp), &[null(), uint(512)]);
    peer.say(&performative(0, code::BEGIN, &begin()));
    peer.expect(code::BEGIN);
    peer.say(&performative(0, code::ATTACH, &attach_receiver("receiver", 0, "small")));
    peer.expect(code::ATTACH);
    peer.say(&performative(0, code::FLOW, &[uint(0), uint(2048), uint(0), uint(2048), uint(0), uint(0), uint(1)]));
    let mut got = 0;
    while got < text.len() {
        let frame = peer.expect(code::TRANSFER);
        assert!(frame.size <= 512, "{} bytes", frame.size);
        got += frame.body.iter().filter(|byte| **byte == b'x').count();
    }
}

/// 2.6.12: transfers beyond the incoming window that the client told do not come.
#[test]
fn the_window_of_a_session_is_kept() {
    let broker = broker();
    let mut sender = Linker::sender(broker.address(Face::Amqp), "windowed");
    for n in 0..5_u32 {
        sender.say(&transfer(n, &n.to_be_bytes(), &message("x")));
        sender.expect(code::DISPOSITION);
    }
    let mut peer = Linker::opened(broker.address(Face::Amqp), &[]);
    peer.say(&performative(0, code::BEGIN, &[null(), uint(0), uint(2), uint(2048)]));
    peer.expect(code::BEGIN);
    peer.say(&performative(0, code::ATTACH, &attach_receiver("receiver", 0, "windowed")));
    peer.expect(code::ATTACH);
    let flow = |next: u32, window: u32, echo: bool| {
        let rest = [uint(0), uint(0), uint(5), null(), vec![0x42], vec![if echo { 0x41 } else { 0x42 }]];
        performative(0, code::FLOW, &[&[uint(next), uint(window), uint(0), uint(2048)][..], &rest].concat())
    };
    peer.say(&flow(0, 2, false));
    peer.expect(code::TRANSFER);
    peer.expect(code::TRANSFER);
    // The window is still full; the answer to this comes after anything that would be on its way.
    peer.works();
    peer.say(&flow(2, 3, false));
    for _ in 0..3 {
        peer.expect(code::TRANSFER);
    }
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let broker = broker();
    let mut peer = Linker::open(broker.address(Face::Amqp));
    let bytes = [
        SASL_HEADER.to_vec(),
        sasl(code::SASL_INIT, &[symbol("PLAIN"), binary(b"\0guest\0guest")]),
        HEADER.to_vec(),
        performative(0, code::OPEN, &[string("slow")]),
        performative(0, code::BEGIN, &begin()),
        performative(0, code::CLOSE, &[]),
    ];
    for byte in bytes.concat() {
        peer.say(&[byte]);
    }
    assert_eq!(peer.header(), SASL_HEADER);
    for wanted in [code::SASL_MECHANISMS, code::SASL_OUTCOME] {
        peer.expect(wanted);
    }
    assert_eq!(peer.header(), HEADER);
    for wanted in [code::OPEN, code::BEGIN, code::CLOSE] {
        peer.expect(wanted);
    }
    peer.closed();
}

#[test]
fn truncated_frames_and_a_close_leave_nothing() {
    let broker = broker();
    let whole = [
        SASL_HEADER.to_vec(),
        sasl(code::SASL_INIT, &[symbol("ANONYMOUS")]),
        HEADER.to_vec(),
        performative(0, code::OPEN, &[string("cut")]),
        performative(0, code::BEGIN, &begin()),
        performative(0, code::ATTACH, &attach("sender", 0, "cut")),
        transfer(0, b"t", &message("xyz")),
    ]
    .concat();
    for length in 1..whole.len() {
        let mut peer = Linker::open(broker.address(Face::Amqp));
        peer.say(&whole[..length]);
        peer.close_writing();
        until_closed(peer.socket());
    }
    Linker::connect(broker.address(Face::Amqp)).works();
}

/// A length is no reason to reserve memory.
#[test]
fn announced_lengths_reserve_nothing() {
    let broker = broker();
    Linker::connect(broker.address(Face::Amqp)).works();
    let before = broker.anonymous_memory();
    let peers: Vec<_> = (0..50)
        .map(|n| {
            let mut peer = Linker::connect(broker.address(Face::Amqp));
            peer.say(&[&100_000_u32.to_be_bytes()[..], &[2, 0, 0, 0]].concat());
            let mut other = Linker::sender(broker.address(Face::Amqp), "x");
            // A body of 50 MB, of which only the beginning is under way: more = true.
            let fields = [uint(0), uint(0), binary(b"t"), uint(0), vec![0x42], vec![0x41]];
            let payload = [&[0, 0x53, 0x75, 0xB0][..], &50_000_000_u32.to_be_bytes(), &[n; 100]].concat();
            other.say(&frame(0, 0, &[described(code::TRANSFER, &list(&fields)), payload].concat()));
            (peer, other)
        })
        .collect();
    Linker::connect(broker.address(Face::Amqp)).works();
    let grown = broker.anonymous_memory().saturating_sub(before);
    assert!(grown < 32 * MIB, "50 announcements took {grown} bytes");
    drop(peers);
}

/// A message above max-message-size ends its link; one in very many parts is counted as one.
#[test]
fn a_message_without_an_end_is_cut_short() {
    let broker = broker();
    let before = broker.anonymous_memory();
    let mut peer = Linker::sender(broker.address(Face::Amqp), "x");
    let fields = [uint(0), uint(0), binary(b"t"), uint(0), vec![0x42], vec![0x41]];
    let part = frame(0, 0, &[described(code::TRANSFER, &list(&fields)), vec![7; 100_000]].concat());
    let cut = (0..3_000).any(|_| peer.write(&part).is_err());
    if !cut {
        peer.told("300 MB", code::DETACH, &["amqp:link:message-size-exceeded", "amqp:session:window-violation"]);
    }
    let grown = broker.anonymous_memory().saturating_sub(before);
    assert!(grown < 160 * MIB, "a message without an end took {grown} bytes");
    Linker::connect(broker.address(Face::Amqp)).works();
}

/// 2.4.5: a peer that said it times out gets a frame in time.
#[test]
fn an_idle_peer_gets_empty_frames() {
    let broker = broker();
    // idle-time-out is the fifth field of open, in milliseconds.
    let mut peer = Linker::opened(broker.address(Face::Amqp), &[null(), null(), null(), uint(1_000)]);
    let start = Instant::now();
    for _ in 0..3 {
        assert!(peer.read().expect("the connection stays").body.is_empty());
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    peer.works();
}

/// What waits for a client that does not read is bounded by the memory limit; the rest is on disk.
#[test]
fn a_receiver_that_does_not_read_is_stopped_by_its_socket() {
    let broker = Broker::start(SMALL_LIMIT, Options::default());
    let mut stuck = Linker::connect(broker.address(Face::Amqp));
    stuck.say(&performative(0, code::ATTACH, &attach_receiver("receiver", 0, "flood")));
    stuck.expect(code::ATTACH);
    let fields = [uint(0), uint(0x7FFF_FFFF), uint(0), uint(2048), uint(0), uint(0), uint(1_000_000)];
    stuck.say(&performative(0, code::FLOW, &fields));
    let mut sender = Linker::sender(broker.address(Face::Amqp), "flood");
    let memory = MemoryWatch::new(&broker);
    let durable = described(0x70, &list(&[vec![0x41]]));
    let payload = [durable, message(&"x".repeat(100_000))].concat();
    for n in 0..2_000_u32 {
        sender.say(&transfer(n, &n.to_be_bytes(), &payload));
        sender.expect(code::DISPOSITION);
    }
    memory.assert_bounded(200_000_000, "a receiver that does not read");
    let mut some = vec![0; 10_000_000];
    stuck.socket().read_exact(&mut some).expect("it may read again");
}

fn broker() -> Broker {
    Broker::start("", Options::default())
}
