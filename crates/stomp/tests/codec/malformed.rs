use bytes::BytesMut;
use stomp::codec::fuzz::decode_all;
use stomp::codec::{Command, Decoder, Limits, Malformed, Version, glimpse};

use crate::LIMITS;

fn fails(data: &[u8], version: Version, expected: &Malformed) {
    let (_, end) = decode_all(data, version, &LIMITS);
    assert_eq!(end.as_ref(), Some(expected), "{}", data.escape_ascii());
}

fn waits(data: &[u8]) {
    assert_eq!(decode_all(data, Version::V12, &LIMITS), (Vec::new(), None), "{}", data.escape_ascii());
}

#[test]
fn no_command() {
    for data in ["GET / HTTP/1.1\r\n", "send\n\n\0", "SENDX\n\n\0", "SEN\n", " SEND\n", "\0", "AMQP\0\0\x09\x01", "X\n"]
    {
        let (frames, end) = decode_all(data.as_bytes(), Version::V12, &LIMITS);
        assert!(frames.is_empty() && matches!(end, Some(Malformed::UnknownCommand(_))), "{data:?}: {end:?}");
    }
    waits(b"SEN");
    waits(b"UNSUBSCRIBE");
    waits(b"UNSUBSCRIBE\r");
    fails(b"UNSUBSCRIBEXY", Version::V12, &Malformed::UnknownCommand("UNSUBSCRIBEXY".to_owned()));
}

#[test]
fn no_headers() {
    let line = |line: &str| line.to_owned();
    fails(b"SEND\nhello\n\n\0", Version::V12, &Malformed::NoColon(Command::Send, line("hello")));
    fails(b"SEND\n:hello\n\n\0", Version::V12, &Malformed::NoName(Command::Send, line(":hello")));
    fails(b"SEND\n :hello\n\n\0", Version::V10, &Malformed::NoName(Command::Send, line(" :hello")));
    fails(b"ACK\nid:1\n\0", Version::V12, &Malformed::NoBlankLine(Command::Ack));
    fails(b"ACK\nid:1\0", Version::V12, &Malformed::NoBlankLine(Command::Ack));
    for version in Version::ALL {
        fails(b"SEND\na:\xff\n\n\0", version, &Malformed::NotUtf8(Command::Send));
        fails(b"SEND\na:\xed\xa0\x80\n\n\0", version, &Malformed::NotUtf8(Command::Send));
    }
}

#[test]
fn wrong_escapes() {
    let escape = |version, known| Malformed::Escape(Command::Send, "a:x\\ty".to_owned(), version, known);
    fails(b"SEND\nok:1\na:x\\ty\n\n\0", Version::V12, &escape("1.2", "\\r, \\n, \\c and \\\\"));
    fails(b"SEND\na:x\\ty\n\n\0", Version::V11, &escape("1.1", "\\n, \\c and \\\\"));
    for (data, version) in [
        (&b"SEND\na:\\r\n\n\0"[..], Version::V11),
        (b"SEND\na:\\\n\n\0", Version::V12),
        (b"SEND\na:b\\\n\n\0", Version::V11),
        (b"SEND\na\\\\\\:b\n\n\0", Version::V12),
    ] {
        let (_, end) = decode_all(data, version, &LIMITS);
        assert!(matches!(end, Some(Malformed::Escape(..))), "{}: {end:?}", data.escape_ascii());
    }
}

/// Said again, the value would lose it to the line end.
#[test]
fn a_return_before_the_line_end() {
    for (value, quoted) in [("t\r\r", "x:t\r\r"), ("\r\r", "x:\r\r"), ("t\\n\r\r", "x:t\\n\r\r")] {
        let data = format!("ACK\nx:{value}\n\n\0");
        let error = Malformed::StrayReturn(Command::Ack, quoted.to_owned());
        fails(data.as_bytes(), Version::V12, &error);
        assert_eq!(error.title(), "Malformed header");
        for version in [Version::V10, Version::V11] {
            assert_eq!(decode_all(data.as_bytes(), version, &LIMITS).1, None);
        }
        assert_eq!(glimpse(data.as_bytes(), Version::V12, "x"), None);
    }
}

#[test]
fn limits() {
    let header = |count: usize| format!("SEND\n{}", "a:b\n".repeat(count));
    waits(header(4).as_bytes());
    fails(header(5).as_bytes(), Version::V12, &Malformed::ManyHeaders(Command::Send, 4));
    let line = |length: usize| format!("SEND\na:{}", "x".repeat(length - 2));
    waits(line(40).as_bytes());
    fails(line(41).as_bytes(), Version::V12, &Malformed::LongLine(Command::Send, 40));
    let block = |last: usize| format!("SEND\n{}{}", format!("a:{}\n", "x".repeat(37)).repeat(2), "y".repeat(last));
    waits(block(20).as_bytes());
    fails(block(21).as_bytes(), Version::V12, &Malformed::LongHeaders(Command::Send, 100));
    waits(b"SEND\n\nxxxxxxxxxxxxxxxxxxxx");
    fails(b"SEND\n\nxxxxxxxxxxxxxxxxxxxxx", Version::V12, &Malformed::LongBody(Command::Send, 20));
    waits(b"SEND\ncontent-length:20\n\n");
    fails(b"SEND\ncontent-length:21\n\n", Version::V12, &Malformed::LongBody(Command::Send, 20));
}

#[test]
fn a_frame_without_a_body_may_have_a_short_one() {
    let data = |length: usize| [b"ACK\nid:1\n\n".to_vec(), vec![b'x'; length], vec![0]].concat();
    let limit = Limits::STRAY_BODY;
    assert_eq!(decode_all(&data(limit), Version::V12, &Limits::default()).1, None);
    let (_, end) = decode_all(&data(limit + 1), Version::V12, &Limits::default());
    assert_eq!(end, Some(Malformed::LongBody(Command::Ack, limit)));
}

#[test]
fn lengths_that_lie() {
    for value in ["-1", "+1", "", "abc", "1.0", "0x10", "1 2", "\u{661}"] {
        let data = format!("SEND\ncontent-length:{value}\n\nx\0");
        fails(data.as_bytes(), Version::V12, &Malformed::ContentLength(Command::Send, value.to_owned()));
    }
    for value in ["18446744073709551615", "18446744073709551616", "9999999999999999999999999"] {
        let data = format!("SEND\ncontent-length:{value}\n\nx\0");
        fails(data.as_bytes(), Version::V12, &Malformed::LongBody(Command::Send, 20));
    }
    fails(b"SEND\ncontent-length:2\n\nabc\0", Version::V12, &Malformed::NoNul(Command::Send, 2));
    waits(b"SEND\ncontent-length:3\n\nab\0");
}

#[test]
fn nothing_is_reserved_for_an_announced_body() {
    let mut input = BytesMut::from(&b"SEND\ncontent-length:60000000\n\n"[..]);
    assert_eq!(Decoder::new(Limits::default(), Version::V12).decode(&mut input), Ok(None));
    assert!(input.capacity() < 1_000);
}

#[test]
fn errors_say_what_is_wrong() {
    let (_, end) = decode_all(b"SEND\ncontent-length:2\n\nabc\0", Version::V12, &LIMITS);
    let end = end.unwrap();
    assert_eq!(end.title(), "Wrong content-length");
    assert!(end.to_string().contains("bytes, not characters"), "{end}");
}

#[test]
fn a_header_of_a_frame_that_cannot_be_read_can_be_seen() {
    let data = b"SEND\nreceipt:7\ncontent-length:-1\n\nx\0";
    assert_eq!(glimpse(data, Version::V12, "receipt"), Some(&b"7"[..]));
    assert_eq!(glimpse(data, Version::V12, "destination"), None);
    assert_eq!(glimpse(b"SEND\na:b\n\nreceipt:7\n", Version::V12, "receipt"), None, "that is the body");
    assert_eq!(glimpse(b"SEND\na:b\0receipt:7\n", Version::V12, "receipt"), None);
    assert_eq!(glimpse(b"SEND\nreceipt:\xff\n", Version::V12, "receipt"), None);
    assert_eq!(glimpse(b"SEND\nreceipt:\\t\n", Version::V12, "receipt"), None);
    assert_eq!(glimpse(b"nonsense\nreceipt:7\n", Version::V12, "receipt"), None);
}
