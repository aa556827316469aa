//! STOMP 1.0, 1.1 and 1.2: two client libraries, and frames as bytes.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use conformance::device::{socket, until_closed};
use conformance::memory::SMALL_LIMIT;
use conformance::stomp::Frame;
use conformance::{Broker, Face, MemoryWatch, Options, Stomper, clients};

const CONFIG: &str = "[[queue]]\nname = \"jobs\"\ndead_letter = \"dead\"\n[[queue]]\nname = \"dead\"\n";

#[test]
fn stomp_py_connections() {
    clients::python("10_stomp_connect.py", &broker());
}

#[test]
fn stomp_py_messages() {
    clients::python("10_stomp_messages.py", &broker());
}

#[test]
fn stomp_py_acknowledgements() {
    clients::python("10_stomp_acknowledge.py", &broker());
}

#[test]
fn stomp_py_topics() {
    clients::python("10_stomp_topics.py", &broker());
}

#[test]
fn stompjs() {
    clients::node("10_stomp.mjs", &broker());
}

#[test]
fn the_newest_common_version_is_chosen() {
    let broker = broker();
    let answers = [
        ("CONNECT\n\n\0", None),
        ("CONNECT\naccept-version:1.0\n\n\0", Some("1.0")),
        ("STOMP\naccept-version:1.0,1.1\nhost:x\n\n\0", Some("1.1")),
        ("STOMP\naccept-version:1.2,1.0,1.1,7.5\nhost:x\n\n\0", Some("1.2")),
        ("CONNECT\r\naccept-version:1.2\r\nhost:x\r\n\r\n\0", Some("1.2")),
    ];
    for (text, version) in answers {
        let mut peer = Stomper::open(broker.address(Face::Stomp));
        peer.say(text);
        let connected = peer.expect("CONNECTED");
        assert_eq!(connected.header("version").filter(|told| version.is_some() || *told != "1.0"), version, "{text:?}");
        peer.works();
    }
    let mut peer = Stomper::open(broker.address(Face::Stomp));
    peer.say("CONNECT\naccept-version:2.0,9\nhost:x\n\n\0");
    let error = peer.refused();
    assert!(error.header("version").is_some_and(|told| told.contains("1.2")), "{}", error.text());
}

#[test]
fn line_ends_between_frames_are_no_frames() {
    let broker = broker();
    let mut peer = Stomper::open(broker.address(Face::Stomp));
    peer.say("\n\r\n\nCONNECT\naccept-version:1.2\nhost:x\n\n\0\n\r\n");
    peer.expect("CONNECTED");
    peer.say("\n\n\n");
    peer.works();
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let broker = broker();
    let mut peer = Stomper::connect(broker.address(Face::Stomp));
    for byte in
        b"SUBSCRIBE\nid:1\ndestination:/queue/slow\n\n\0SEND\ndestination:/queue/slow\ncontent-length:3\n\na\0b\0"
    {
        peer.write(&[*byte]).unwrap();
    }
    assert_eq!(peer.expect("MESSAGE").body, b"a\0b");
    peer.works();
}

/// STOMP 1.2, "Value Encoding": four escapes, in names and values; none in CONNECT and CONNECTED.
#[test]
fn headers_are_escaped_as_the_version_says() {
    let broker = broker();
    for (version, sent) in [("1.1", "a\\cb:x\\ny\\\\z"), ("1.2", "a\\cb:x\\ny\\\\z\\r.")] {
        let mut peer = Stomper::connect_as(broker.address(Face::Stomp), version);
        peer.say(&format!(
            "SUBSCRIBE\nid:1\ndestination:/queue/escaped\n\n\0SEND\ndestination:/queue/escaped\n{sent}\n\n\0"
        ));
        let message = peer.expect("MESSAGE");
        let (name, value) = sent.split_once(':').unwrap();
        assert_eq!(message.header(name), Some(value), "{}", message.text());
    }
    let mut peer = Stomper::connect_as(broker.address(Face::Stomp), "1.0");
    peer.say("SUBSCRIBE\nid:1\ndestination:/queue/plain\n\n\0SEND\ndestination:/queue/plain\nkey:a\\cb:c\\\n\n\0");
    assert_eq!(peer.expect("MESSAGE").header("key"), Some("a\\cb:c\\"));
}

#[test]
fn undefined_escapes_are_an_error() {
    let broker = broker();
    for (version, header) in [("1.2", "key:a\\tb"), ("1.1", "key:a\\tb"), ("1.1", "key:a\\rb"), ("1.2", "key:a\\")] {
        let mut peer = Stomper::connect_as(broker.address(Face::Stomp), version);
        peer.say(&format!("SEND\ndestination:/queue/x\n{header}\n\n\0"));
        peer.refused();
    }
}

/// "If a client or a server receives repeated frame header entries, only the first header entry SHOULD be used."
#[test]
fn the_first_of_repeated_headers_counts() {
    let broker = broker();
    let mut peer = Stomper::connect(broker.address(Face::Stomp));
    peer.say("SUBSCRIBE\nid:1\ndestination:/queue/first\n\n\0");
    peer.say("SEND\ndestination:/queue/first\ndestination:/queue/second\nkey:1\nkey:2\n\nx\0");
    let message = peer.expect("MESSAGE");
    assert_eq!((message.header("destination"), message.header("key")), (Some("/queue/first"), Some("1")));
}

#[test]
fn frames_that_cannot_be_are_an_error() {
    let broker = broker();
    let frames = [
        "NONSENSE\n\n\0",
        "SEND\n\nno destination\0",
        "SEND\ndestination:/queue/x\nno colon\n\n\0",
        "SEND\ndestination:/queue/x\ncontent-length:abc\n\n\0",
        "SEND\ndestination:/queue/x\ncontent-length:-1\n\n\0",
        "SEND\ndestination:/queue/x\ncontent-length:99999999999999999999\n\n\0",
        "SEND\ndestination:/queue/x\ncontent-length:2\n\nlonger\0",
        "SEND\ndestination:/queue/\n\nx\0",
        "SEND\ndestination:/queue/x\ntransaction:none\n\nx\0",
        "SUBSCRIBE\nid:1\n\n\0",
        "SUBSCRIBE\ndestination:/queue/x\n\n\0",
        "SUBSCRIBE\nid:1\ndestination:/queue/x\nack:sometimes\n\n\0",
        "SUBSCRIBE\nid:1\ndestination:/queue/x\nselector:a = = 1\n\n\0",
        "UNSUBSCRIBE\nid:never\n\n\0",
        "UNSUBSCRIBE\n\n\0",
        "ACK\n\n\0",
        "ACK\nid:never\n\n\0",
        "NACK\nid:never\n\n\0",
        "BEGIN\n\n\0",
        "COMMIT\ntransaction:never\n\n\0",
        "ABORT\ntransaction:never\n\n\0",
        "CONNECT\naccept-version:1.2\nhost:x\n\n\0",
        "MESSAGE\ndestination:/queue/x\n\n\0",
    ];
    for text in frames {
        let mut peer = Stomper::connect(broker.address(Face::Stomp));
        peer.say(text);
        let error = refused(&mut peer, text);
        assert!(error.header("message").is_some_and(|message| !message.is_empty()), "{text:?}: {}", error.text());
    }
    Stomper::connect(broker.address(Face::Stomp)).works();
}

#[test]
fn an_error_names_the_frame_it_is_about() {
    let broker = broker();
    let mut peer = Stomper::connect(broker.address(Face::Stomp));
    peer.say("COMMIT\ntransaction:never\nreceipt:my-receipt\n\n\0");
    let error = peer.refused();
    assert_eq!(error.header("receipt-id"), Some("my-receipt"), "{}", error.text());
    assert!(error.text().contains("never"), "{}", error.text());
}

#[test]
fn a_subscription_id_is_used_once() {
    let broker = broker();
    let mut peer = Stomper::connect(broker.address(Face::Stomp));
    peer.say("SUBSCRIBE\nid:1\ndestination:/queue/a\n\n\0SUBSCRIBE\nid:1\ndestination:/queue/b\n\n\0");
    peer.refused();
}

#[test]
fn a_transaction_is_begun_once() {
    let broker = broker();
    let mut peer = Stomper::connect(broker.address(Face::Stomp));
    peer.say("BEGIN\ntransaction:t\n\n\0BEGIN\ntransaction:t\n\n\0");
    peer.refused();
}

#[test]
fn a_message_is_acknowledged_once() {
    let broker = broker();
    let mut peer = Stomper::connect(broker.address(Face::Stomp));
    peer.say(
        "SUBSCRIBE\nid:1\ndestination:/queue/once\nack:client-individual\n\n\0SEND\ndestination:/queue/once\n\nx\0",
    );
    let ack = peer.expect("MESSAGE").header("ack").unwrap().to_owned();
    peer.say(&format!("ACK\nid:{ack}\nreceipt:1\n\n\0"));
    peer.expect("RECEIPT");
    peer.say(&format!("ACK\nid:{ack}\n\n\0"));
    peer.refused();
}

#[test]
fn nothing_but_connect_comes_first() {
    let broker = broker();
    for text in ["SEND\ndestination:/queue/x\n\nx\0", "DISCONNECT\n\n\0", "SUBSCRIBE\nid:1\ndestination:/queue/x\n\n\0"]
    {
        let mut peer = Stomper::open(broker.address(Face::Stomp));
        peer.say(text);
        refused(&mut peer, text);
    }
    let mut watcher = Stomper::connect(broker.address(Face::Stomp));
    watcher.say("SUBSCRIBE\nid:1\ndestination:/queue/x\nreceipt:r\n\n\0");
    watcher.expect("RECEIPT");
    watcher.works();
}

#[test]
fn other_protocols_on_the_port_are_closed() {
    let broker = broker();
    let noise: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"AMQP\0\0\x09\x01",
        b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        &[0xF7; 5_000],
        &[b'A'; 5_000],
    ];
    for bytes in noise {
        let mut peer = socket(broker.address(Face::Stomp));
        // The broker may close before all of it has left.
        let _ = peer.write_all(bytes).and_then(|()| peer.shutdown(std::net::Shutdown::Write));
        let said = until_closed(&peer);
        assert!(!said.starts_with(b"CONNECTED"), "{bytes:02x?} was accepted");
    }
    Stomper::connect(broker.address(Face::Stomp)).works();
}

/// Neither names without end nor a great many headers are collected.
#[test]
fn endless_lines_and_headers_are_cut_short() {
    let broker = broker();
    Stomper::connect(broker.address(Face::Stomp)).works();
    let before = broker.anonymous_memory();
    let endless: [(&str, &[u8]); 4] = [
        ("", b"CONNECT"),
        ("", b"C"),
        ("CONNECT\naccept-version:1.2\n", b"header:value\n"),
        ("CONNECT\nheader:", b"value"),
    ];
    for (start, again) in endless {
        let mut peer = Stomper::open(broker.address(Face::Stomp));
        peer.say(start);
        let chunk = again.repeat(10_000);
        // The broker may drop what still comes for a while, so that what it said is read.
        let cut = (0..1_000).any(|_| peer.write(&chunk).is_err());
        let said = if cut { Vec::new() } else { until_closed(peer.socket()) };
        assert!(cut || said.starts_with(b"ERROR"), "{start:?}: {}", said.escape_ascii());
    }
    let grown = broker.anonymous_memory().saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "headers without end took {grown} bytes");
    Stomper::connect(broker.address(Face::Stomp)).works();
}

/// A length is no reason to reserve memory.
#[test]
fn announced_lengths_reserve_nothing() {
    let broker = broker();
    Stomper::connect(broker.address(Face::Stomp)).works();
    let before = broker.anonymous_memory();
    let peers: Vec<_> = (0..50)
        .map(|_| {
            let mut peer = Stomper::connect(broker.address(Face::Stomp));
            peer.say("SEND\ndestination:/queue/x\ncontent-length:50000000\n\nstart");
            peer
        })
        .collect();
    Stomper::connect(broker.address(Face::Stomp)).works();
    let grown = broker.anonymous_memory().saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "50 announcements of 50 MB took {grown} bytes");
    drop(peers);
}

/// What waits for a client that does not read is bounded by the memory limit; the rest is on disk.
#[test]
fn a_subscriber_that_does_not_read_is_stopped_by_its_socket() {
    let broker = Broker::start(SMALL_LIMIT, Options::default());
    let mut stuck = Stomper::connect(broker.address(Face::Stomp));
    stuck.say("SUBSCRIBE\nid:1\ndestination:/queue/flood\nreceipt:r\n\n\0");
    stuck.expect("RECEIPT");
    let mut sender = Stomper::connect(broker.address(Face::Stomp));
    let memory = MemoryWatch::new(&broker);
    let message = format!("SEND\ndestination:/queue/flood\npersistent:true\n\n{}\0", "x".repeat(100_000));
    for _ in 0..2_000 {
        sender.say(&message);
    }
    sender.works();
    memory.assert_bounded(200_000_000, "a subscriber that does not read");
    let mut some = vec![0; 10_000_000];
    stuck.socket().read_exact(&mut some).expect("it may read again");
}

#[test]
fn truncated_frames_and_a_close_leave_nothing() {
    let broker = broker();
    let whole = "CONNECT\naccept-version:1.2\nhost:x\n\n\0SUBSCRIBE\nid:1\ndestination:/queue/cut\n\n\0\
                 SEND\ndestination:/queue/cut\ncontent-length:3\n\nxyz\0";
    for length in 1..whole.len() {
        let mut peer = Stomper::open(broker.address(Face::Stomp));
        peer.say(&whole[..length]);
        peer.close_writing();
        until_closed(peer.socket());
    }
    let mut watcher = Stomper::connect(broker.address(Face::Stomp));
    watcher.works();
}

#[test]
fn heart_beats_come_as_agreed_and_silence_ends_the_connection() {
    let broker = broker();
    let mut peer = Stomper::open(broker.address(Face::Stomp));
    peer.say("CONNECT\naccept-version:1.2\nhost:x\nheart-beat:300,300\n\n\0");
    let connected = peer.expect("CONNECTED");
    let told = connected.header("heart-beat").expect("the broker beats too");
    let (send, want) = told.split_once(',').expect("two numbers");
    assert!(send.parse::<u32>().unwrap() > 0 && want.parse::<u32>().unwrap() > 0, "{told}");
    let start = Instant::now();
    // Never a word again from this side: the broker beats, and closes after a while.
    let said = until_closed(peer.socket());
    let lasted = start.elapsed();
    assert!(said.iter().filter(|byte| **byte == b'\n').count() >= 1, "no beat: {said:?}");
    assert!(lasted >= Duration::from_millis(300), "closed after {lasted:?}");
}

#[test]
fn receipts_come_for_every_kind_of_frame() {
    let broker = broker();
    let mut peer = Stomper::connect(broker.address(Face::Stomp));
    let frames = [
        "SUBSCRIBE\nid:1\ndestination:/queue/receipts\nack:client\nreceipt:RR\n\n\0",
        "BEGIN\ntransaction:t\nreceipt:RR\n\n\0",
        "COMMIT\ntransaction:t\nreceipt:RR\n\n\0",
        "BEGIN\ntransaction:t\nreceipt:RR\n\n\0",
        "ABORT\ntransaction:t\nreceipt:RR\n\n\0",
        "UNSUBSCRIBE\nid:1\nreceipt:RR\n\n\0",
        "SEND\ndestination:/queue/receipts\nreceipt:RR\n\nx\0",
        "DISCONNECT\nreceipt:RR\n\n\0",
    ];
    for (number, text) in frames.iter().enumerate() {
        let receipt = format!("r\\c{number}");
        peer.say(&text.replace("RR", &receipt));
        assert_eq!(peer.expect("RECEIPT").header("receipt-id"), Some(receipt.as_str()), "{text:?}");
    }
    peer.closed();
}

fn broker() -> Broker {
    Broker::start(CONFIG, Options::default())
}

fn refused(peer: &mut Stomper, text: &str) -> Frame {
    let frame = peer.read().unwrap_or_else(|error| panic!("{error} after {text:?}"));
    assert_eq!(frame.command, "ERROR", "{text:?}: {}", frame.text());
    peer.closed();
    frame
}
