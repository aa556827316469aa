//! Every way to break a frame, and the reply code it is answered with.

use amqp091::codec::{
    FRAME_MIN_SIZE, Frame, Limits, MAX_NESTING, Malformed, MethodId, ProtocolHeader, ReplyCode, Role, Syntax, decode,
};
use bytes::BytesMut;

use crate::{decode_one, frame};

fn refused(bytes: &[u8]) -> (Malformed, u16) {
    let why = decode(&mut BytesMut::from(bytes), &crate::LIMITS, Role::Server).unwrap_err();
    (why, why.reply_code().code())
}

#[test]
fn frames_are_refused_with_501() {
    for (bytes, why) in [
        (&b"\x04"[..], Malformed::FrameType(4)),
        (b"G", Malformed::FrameType(b'G')),
        (b"\x03\x00\x01\x00\x00\x00\x01x\xcf", Malformed::FrameEnd(0xcf)),
        (b"\x03\x00\x01\x00\x00\x00\x00\x00", Malformed::FrameEnd(0)),
        (b"\x08\x00\x01\x00\x00\x00\x00", Malformed::Heartbeat),
        (b"\x08\x00\x00\x00\x00\x00\x01", Malformed::Heartbeat),
        (&frame(1, 0, &[0, 10, 0]), Malformed::FrameTooShort),
        (&frame(2, 1, &[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Malformed::FrameTooShort),
    ] {
        assert_eq!(refused(bytes), (why, 501));
        assert_eq!(why.method(), MethodId::NONE);
    }
}

#[test]
fn a_frame_is_refused_by_its_announced_size() {
    let limits = Limits { frame_max: FRAME_MIN_SIZE };
    let head = |size: u32| {
        let mut head = vec![3, 0, 1];
        head.extend(size.to_be_bytes());
        BytesMut::from(&head[..])
    };
    assert_eq!(decode(&mut head(4096), &limits, Role::Server), Ok(None));
    let why = decode(&mut head(4097), &limits, Role::Server).unwrap_err();
    assert_eq!(why, Malformed::FrameTooLarge { size: 4097, limit: 4096 });
    assert_eq!(why.reply_code(), ReplyCode::FrameError);
    let why = decode(&mut head(u32::MAX), &limits, Role::Server).unwrap_err();
    assert_eq!(why, Malformed::FrameTooLarge { size: u32::MAX as usize, limit: 4096 });
}

#[test]
fn methods_that_are_none_are_not_implemented() {
    for id in [(60, 41), (70, 10), (0, 0), (10, 12), (65535, 65535)] {
        let id = MethodId::new(id.0, id.1);
        let payload = [id.class.to_be_bytes(), id.method.to_be_bytes()].concat();
        let (why, code) = refused(&frame(1, 1, &payload));
        assert_eq!((why, code, why.method()), (Malformed::UnknownMethod(id), 540, id));
    }
}

#[test]
fn content_headers_are_refused_with_their_own_codes() {
    let header = |class: u16, weight: u16, raw: &[u8]| {
        let mut payload = [class.to_be_bytes(), weight.to_be_bytes()].concat();
        payload.extend(5u64.to_be_bytes());
        payload.extend(raw);
        frame(2, 1, &payload)
    };
    for (bytes, why, code) in [
        (header(50, 0, &[0, 0]), Malformed::ContentClass(50), 505),
        (header(60, 1, &[0, 0]), Malformed::ContentWeight(1), 505),
        (header(60, 0, &[0]), Malformed::Properties(Syntax::Truncated), 502),
        (header(60, 0, &[0, 0, 0]), Malformed::Properties(Syntax::TrailingBytes), 502),
        (header(60, 0, &[0, 1, 0, 0]), Malformed::Properties(Syntax::PropertyFlags(1)), 502),
        (header(60, 0, &[0, 2]), Malformed::Properties(Syntax::PropertyFlags(2)), 502),
        (header(60, 0, &[0x80, 0, 5, b'a']), Malformed::Properties(Syntax::Truncated), 502),
        (header(60, 0, b"\x20\x00\x00\x00\x00\x04\x01xV"), Malformed::Properties(Syntax::Truncated), 502),
        (header(60, 0, b"\x20\x00\x00\x00\x00\x02\x01xV"), Malformed::Properties(Syntax::TrailingBytes), 502),
        (header(60, 0, b"\x20\x00\x00\x00\x00\x03\x01xQ"), Malformed::Properties(Syntax::FieldType(b'Q')), 502),
    ] {
        assert_eq!(refused(&bytes), (why, code));
    }
    let valid = header(60, 0, b"\x20\x00\x00\x00\x00\x03\x01xV");
    assert!(matches!(decode_one(&valid, Role::Server), Ok(Frame::Header(1, _))));
}

/// The arguments of `connection.start-ok` with tables inside each other, 7 bytes a level.
fn start_ok(levels: usize) -> Vec<u8> {
    let mut fields = Vec::new();
    for _ in 1..levels {
        let mut outer = b"\x01aF".to_vec();
        outer.extend((fields.len() as u32).to_be_bytes());
        outer.extend(&fields);
        fields = outer;
    }
    let mut payload = vec![0, 10, 0, 11];
    payload.extend((fields.len() as u32).to_be_bytes());
    payload.extend(&fields);
    payload.extend(b"\x05PLAIN\x00\x00\x00\x00\x00");
    frame(1, 0, &payload)
}

#[test]
fn deep_tables_are_an_error_and_not_the_end_of_the_stack() {
    assert!(decode_one(&start_ok(MAX_NESTING), Role::Server).is_ok());
    let too_deep = Malformed::Arguments(MethodId::new(10, 11), Syntax::TooDeep);
    for levels in [MAX_NESTING + 1, 2285, 18_000] {
        assert_eq!(refused(&start_ok(levels)), (too_deep, 502), "{levels} levels");
    }
}

#[test]
fn the_protocol_header_is_told_from_its_first_byte_on() {
    let header = b"AMQP\x00\x00\x09\x01";
    for end in 0..8 {
        assert_eq!(ProtocolHeader::read(&header[..end]), ProtocolHeader::Incomplete);
    }
    assert_eq!(ProtocolHeader::read(header), ProtocolHeader::Amqp091);
    assert_eq!(ProtocolHeader::read(b"AMQP\x00\x00\x09\x01\x01\x00"), ProtocolHeader::Amqp091);
    for other in [&b"AMQP\x00\x01\x00\x00"[..], b"AMQP\x01\x01\x08\x00", b"GET ", b"AMQp", b"\x10"] {
        assert_eq!(ProtocolHeader::read(other), ProtocolHeader::Other);
    }
}
