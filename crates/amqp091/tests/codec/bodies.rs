//! Messages: what the quick writers write, how bodies are cut, and the look at a whole message.

use amqp091::codec::method::basic;
use amqp091::codec::{
    FRAME_OVERHEAD, Frame, Method, NO_PROPERTIES, Properties, Role, Sink, Unencodable, encode, fuzz, peek_message,
    write_ack, write_body, write_content_header, write_deliver, write_get_ok, write_heartbeat, write_nack,
    write_publish,
};
use bytes::{Bytes, BytesMut};

use crate::{LIMITS, short};

fn encoded(frame: &Frame) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode(frame, &mut bytes).unwrap();
    bytes
}

#[test]
fn quick_writers_write_what_encode_writes() {
    let method = |method: Method| encoded(&Frame::Method(9, method));
    let mut out = BytesMut::new();
    write_deliver(&mut out, 9, b"tag", 1 << 40, true, b"ex", b"key").unwrap();
    let deliver = basic::Deliver {
        consumer_tag: short("tag"),
        delivery_tag: 1 << 40,
        redelivered: true,
        exchange: short("ex"),
        routing_key: short("key"),
    };
    assert_eq!(out.split(), method(deliver.into()));
    write_get_ok(&mut out, 9, 7, false, b"ex", b"key", 12).unwrap();
    let get_ok = basic::GetOk {
        delivery_tag: 7,
        redelivered: false,
        exchange: short("ex"),
        routing_key: short("key"),
        message_count: 12,
    };
    assert_eq!(out.split(), method(get_ok.into()));
    write_publish(&mut out, 9, b"ex", b"key", true).unwrap();
    let publish =
        basic::Publish { exchange: short("ex"), routing_key: short("key"), mandatory: true, immediate: false };
    assert_eq!(out.split(), method(publish.into()));
    for (multiple, requeue) in [(false, false), (false, true), (true, false), (true, true)] {
        write_ack(&mut out, 9, 5, multiple);
        assert_eq!(out.split(), method(basic::Ack { delivery_tag: 5, multiple }.into()));
        write_nack(&mut out, 9, 5, multiple, requeue);
        assert_eq!(out.split(), method(basic::Nack { delivery_tag: 5, multiple, requeue }.into()));
    }
    write_heartbeat(&mut out);
    assert_eq!(out.split(), encoded(&Frame::Heartbeat));
}

#[test]
fn what_is_too_long_leaves_nothing_behind() {
    let long = [b'x'; 256];
    let mut out = BytesMut::from(&b"before"[..]);
    let too_long = Err(Unencodable::ShortStringTooLong(256));
    assert_eq!(write_deliver(&mut out, 1, &long, 1, false, b"", b""), too_long);
    assert_eq!(write_deliver(&mut out, 1, b"", 1, false, &long, b""), too_long);
    assert_eq!(write_deliver(&mut out, 1, b"", 1, false, b"", &long), too_long);
    assert_eq!(write_get_ok(&mut out, 1, 1, false, b"", &long, 0), too_long);
    assert_eq!(write_publish(&mut out, 1, &long, b"", false), too_long);
    let properties = [&b"\x80\x00\xff"[..], &long[1..]].concat();
    let size = FRAME_OVERHEAD + 12 + properties.len();
    assert_eq!(
        write_content_header(&mut out, 1, 0, &properties, size - 1),
        Err(Unencodable::FrameTooLarge { size, limit: size - 1 })
    );
    assert_eq!(out, b"before"[..]);
    assert_eq!(write_content_header(&mut out, 1, 0, &properties, size), Ok(()));
}

/// Keeps every appended piece by reference.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Bytes>,
    buffer: BytesMut,
}

impl Sink for Pieces {
    fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    fn append(&mut self, piece: &Bytes) {
        self.pieces.extend([self.buffer.split().freeze(), piece.clone()]);
    }
}

#[test]
fn a_body_is_cut_at_frame_max_wherever_its_pieces_end() {
    const ROOM: usize = 10;
    let body = Bytes::from_iter(0..35);
    for total in [0, 1, 9, 10, 11, 20, 35] {
        for first in 0..=total {
            for second in first..=total {
                let pieces = [body.slice(..first), body.slice(first..second), body.slice(second..total)];
                let mut out = BytesMut::new();
                write_body(&mut out, 3, &pieces, FRAME_OVERHEAD + ROOM);
                let mut sink = Pieces::default();
                write_body(&mut sink, 3, &pieces, FRAME_OVERHEAD + ROOM);
                sink.pieces.push(sink.buffer.freeze());
                assert_eq!(out, sink.pieces.concat());

                let expected = body[..total].chunks(ROOM).map(|part| Frame::Body(3, Bytes::copy_from_slice(part)));
                assert_eq!(fuzz::decode_all(&out, Role::Client), (expected.collect(), None));
            }
        }
    }
}

fn message(body: &[Bytes], frame_max: usize) -> BytesMut {
    let mut out = BytesMut::new();
    write_publish(&mut out, 2, b"ex", b"key", true).unwrap();
    let size = body.iter().map(Bytes::len).sum::<usize>();
    write_content_header(&mut out, 2, size as u64, b"\x10\x00\x02", frame_max).unwrap();
    write_body(&mut out, 2, body, frame_max);
    out
}

#[test]
fn a_whole_message_is_seen_at_once() {
    for body in [Bytes::new(), Bytes::from_static(b"body")] {
        let mut input = message(std::slice::from_ref(&body), 4096);
        let len = input.len();
        for cut in 0..len {
            assert_eq!(peek_message(&input[..cut], &LIMITS), None, "{cut} of {len} bytes");
        }
        write_heartbeat(&mut input);
        let view = peek_message(&input, &LIMITS).unwrap();
        assert_eq!((view.channel, view.exchange, view.routing_key), (2, &b"ex"[..], &b"key"[..]));
        assert_eq!((view.mandatory, view.immediate, view.len), (true, false, len));
        assert_eq!(view.properties, Properties { delivery_mode: Some(2), ..Properties::default() });
        assert_eq!(&input[view.raw_properties], b"\x10\x00\x02");
        assert_eq!(input[view.body], body);
    }
}

#[test]
fn other_messages_are_left_to_be_decoded_frame_by_frame() {
    let in_two = message(&[Bytes::from_static(&[7; 100])], 64);
    assert_eq!(peek_message(&in_two, &LIMITS), None);

    let mut interleaved = BytesMut::new();
    write_publish(&mut interleaved, 2, b"ex", b"key", true).unwrap();
    write_content_header(&mut interleaved, 3, 0, &NO_PROPERTIES, 4096).unwrap();
    assert_eq!(peek_message(&interleaved, &LIMITS), None);

    let mut acknowledged = BytesMut::new();
    write_ack(&mut acknowledged, 2, 1, false);
    acknowledged.unsplit(message(&[], 4096));
    assert_eq!(peek_message(&acknowledged, &LIMITS), None);

    let mut damaged = message(&[Bytes::from_static(b"body")], 4096);
    let last = damaged.len() - 1;
    damaged[last] = 0;
    assert_eq!(peek_message(&damaged, &LIMITS), None);
}
