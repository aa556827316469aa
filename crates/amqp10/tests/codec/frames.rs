//! Protocol headers, frames and the security layer's frames.

use amqp10::codec::{
    DeliveryState, Disposition, Flow, Frame, Limits, Malformed, Performative, ProtocolHeader, ProtocolId, Role,
    SaslCode, SaslFrame, SaslInit, SaslOutcome, Symbol, Text, Transfer, TransferHead, decode, decode_sasl, encode,
    encode_disposition, encode_empty, encode_flow, encode_sasl,
};
use bytes::{Bytes, BytesMut};

use crate::hex::bytes;
use crate::{LIMITS, decode_one, framed};

#[test]
fn protocol_headers_are_told_apart() {
    let known = |id: ProtocolId| (id.header().to_vec(), ProtocolHeader::Known(id));
    let cases = [
        known(ProtocolId::Amqp),
        known(ProtocolId::Tls),
        known(ProtocolId::Sasl),
        (vec![], ProtocolHeader::Incomplete),
        (b"AMQ".to_vec(), ProtocolHeader::Incomplete),
        (b"AMQP\x03\x01\x00".to_vec(), ProtocolHeader::Incomplete),
        (b"AMQP\x00\x01\x00\x00more".to_vec(), ProtocolHeader::Known(ProtocolId::Amqp)),
        (b"AMQP\x01".to_vec(), ProtocolHeader::Unknown),
        (b"AMQP\x00\x00\x09\x01".to_vec(), ProtocolHeader::Unknown),
        (b"AMQP\x00\x01\x00\x01".to_vec(), ProtocolHeader::Unknown),
        (b"GET /".to_vec(), ProtocolHeader::Unknown),
    ];
    for (input, header) in cases {
        assert_eq!(ProtocolHeader::peek(&input), header, "{input:?}");
    }
    assert_eq!(ProtocolId::Sasl.header(), *b"AMQP\x03\x01\x00\x00");
}

#[test]
fn empty_frames_keep_the_connection_alive() {
    let mut out = BytesMut::new();
    encode_empty(&mut out);
    assert_eq!(out[..], bytes("00 00 00 08 02 00 00 00"));
    let frame = decode_one(&out).unwrap();
    assert_eq!(frame, Frame { channel: 0, performative: None, payload: Bytes::new() });
    // On a channel, and with an extended header.
    let frame = decode_one(&bytes("00 00 00 0c 03 00 00 07 01 02 03 04")).unwrap();
    assert_eq!((frame.channel, frame.performative), (7, None));
}

#[test]
fn extended_headers_are_skipped() {
    let frame = decode_one(&bytes("00 00 00 10 03 00 01 02 de ad be ef 00 53 17 45")).unwrap();
    assert_eq!(frame.channel, 0x0102);
    assert!(matches!(frame.performative, Some(Performative::End(_))));
}

#[test]
fn only_transfers_have_payloads() {
    for performative in ["00 53 17 45", "00 53 15 c0 03 02 41 43", "00 53 18 45"] {
        let body = [bytes(performative), vec![1]].concat();
        assert!(matches!(decode_one(&framed(0, &body)), Err(Malformed::TrailingBytes(_))), "{performative}");
    }
    let frame = decode_one(&framed(0, &bytes("00 53 14 c0 02 01 43 'payload'"))).unwrap();
    assert_eq!(frame.payload, "payload");
}

#[test]
fn tags_and_payloads_are_slices_of_the_input() {
    let transfer = Transfer { delivery_tag: Some(Bytes::from_static(b"tag")), ..Transfer::default() };
    let mut input = BytesMut::new();
    encode(&mut input, 3, &Performative::Transfer(transfer.clone()), b"the payload");
    let range = input.as_ptr_range();
    let frame = decode(&mut input, &LIMITS).unwrap().unwrap();
    assert_eq!(frame.performative, Some(Performative::Transfer(transfer.clone())));
    assert!(range.contains(&frame.payload.as_ptr()));
    let Some(Performative::Transfer(decoded)) = frame.performative else { panic!("a transfer") };
    assert!(range.contains(&decoded.delivery_tag.unwrap().as_ptr()));
}

#[test]
fn heads_of_transfers_stand_before_payloads_that_are_sent_apart() {
    let tag = [0xab; 32];
    let head = TransferHead {
        handle: u32::MAX,
        delivery_id: u32::MAX,
        delivery_tag: &tag,
        message_format: u32::MAX,
        settled: true,
        state: None,
    };
    for (more, payload) in [(true, 0_usize), (false, 5), (true, 70_000)] {
        let mut out = BytesMut::new();
        head.encode_first(&mut out, 9, more, payload);
        assert!(out.len() <= TransferHead::MAX_LEN, "{} bytes", out.len());
        out.extend_from_slice(&vec![b'p'; payload]);
        let frame = decode_one(&out).unwrap();
        assert_eq!((frame.channel, frame.payload.len()), (9, payload));
        let expected = Transfer {
            handle: u32::MAX,
            delivery_id: Some(u32::MAX),
            delivery_tag: Some(Bytes::copy_from_slice(&tag)),
            message_format: Some(u32::MAX),
            settled: Some(true),
            more,
            ..Transfer::default()
        };
        assert_eq!(frame.performative, Some(Performative::Transfer(expected)));

        let mut out = BytesMut::new();
        head.encode_next(&mut out, 9, more, payload);
        assert!(out.len() <= TransferHead::MAX_NEXT_LEN, "{} bytes", out.len());
        out.extend_from_slice(&vec![b'p'; payload]);
        let frame = decode_one(&out).unwrap();
        let expected = Transfer { handle: u32::MAX, more, ..Transfer::default() };
        assert_eq!((frame.performative, frame.payload.len()), (Some(Performative::Transfer(expected)), payload));
    }
    let mut first = BytesMut::new();
    head.encode_first(&mut first, 0, true, 0);
    assert_eq!(first.len(), TransferHead::MAX_LEN, "the limit is met");
}

#[test]
fn short_cuts_write_what_the_general_way_writes() {
    let (mut one, mut other) = (BytesMut::new(), BytesMut::new());
    for state in [None, Some(DeliveryState::ACCEPTED)] {
        encode_disposition(&mut one, 2, Role::Receiver, 7, Some(300), true, state.as_ref());
        let disposition =
            Disposition { role: Role::Receiver, first: 7, last: Some(300), settled: true, state, batchable: false };
        encode(&mut other, 2, &Performative::Disposition(disposition), &[]);
    }
    let flow = Flow { incoming_window: 5, link_credit: Some(1), handle: Some(0), drain: true, ..Flow::default() };
    encode_flow(&mut one, 2, &flow);
    encode(&mut other, 2, &Performative::Flow(Box::new(flow)), &[]);
    assert_eq!(one, other);
}

#[test]
fn an_accepted_disposition_is_as_short_as_it_can_be() {
    let mut out = BytesMut::new();
    encode_disposition(&mut out, 0, Role::Receiver, 1, None, true, Some(&DeliveryState::ACCEPTED));
    assert_eq!(out[..], bytes("00 00 00 17 02 00 00 00 00 53 15 c0 0a 05 41 52 01 40 41 00 53 24 45"));
}

#[test]
fn the_security_layer() {
    let plain = Bytes::from_static(b"\0guest\0guest");
    let cases = [
        (
            "00 53 40 c0 13 01 e0 10 02 a3 05 'PLAIN' 09 'ANONYMOUS'",
            SaslFrame::Mechanisms(vec![Symbol::from_static("PLAIN"), Symbol::from_static("ANONYMOUS")]),
            false,
        ),
        (
            "00 53 41 c0 1d 03 a3 05 'PLAIN' a0 0c 00 'guest' 00 'guest' a1 04 'host'",
            SaslFrame::Init(SaslInit {
                mechanism: Symbol::from_static("PLAIN"),
                initial_response: Some(plain),
                hostname: Some(Text::from("host")),
            }),
            false,
        ),
        (
            "00 53 41 c0 0c 01 a3 09 'ANONYMOUS'",
            SaslFrame::Init(SaslInit {
                mechanism: Symbol::from_static("ANONYMOUS"),
                initial_response: None,
                hostname: None,
            }),
            true,
        ),
        ("00 53 42 c0 06 01 a0 03 'who'", SaslFrame::Challenge(Bytes::from_static(b"who")), true),
        ("00 53 43 c0 05 01 a0 02 'me'", SaslFrame::Response(Bytes::from_static(b"me")), true),
        (
            "00 53 44 c0 03 01 50 00",
            SaslFrame::Outcome(SaslOutcome { code: SaslCode::Ok, additional_data: None }),
            true,
        ),
        (
            "00 53 44 c0 08 02 50 01 a0 03 'why'",
            SaslFrame::Outcome(SaslOutcome { code: SaslCode::Auth, additional_data: Some(Bytes::from_static(b"why")) }),
            true,
        ),
    ];
    for (table, frame, checked) in cases {
        let body = bytes(table);
        let mut out = BytesMut::new();
        encode_sasl(&mut out, &frame);
        if checked {
            assert_eq!(out[..], framed(1, &body)[..], "{table}");
        }
        assert_eq!(decode_sasl(&mut out), Ok(Some(frame)), "{table}");
        assert!(out.is_empty());
    }
    // One mechanism need not be an array (1.4).
    let one = framed(1, &bytes("00 53 40 c0 0c 01 a3 09 'ANONYMOUS'"));
    let mechanisms = SaslFrame::Mechanisms(vec![Symbol::from_static("ANONYMOUS")]);
    assert_eq!(decode_sasl(&mut BytesMut::from(&one[..])), Ok(Some(mechanisms)));
}

#[test]
fn wrong_sasl_frames_are_named() {
    let cases = [
        ("00 53 40 45", Malformed::Missing("sasl-server-mechanisms")),
        ("00 53 41 45", Malformed::Missing("mechanism")),
        ("00 53 42 45", Malformed::Missing("challenge")),
        ("00 53 44 c0 03 01 50 05", Malformed::Choice("code")),
        ("00 53 44 c0 03 01 52 00", Malformed::Type("code")),
        ("00 53 10 c0 03 01 a1 00", Malformed::Descriptor("a SASL frame")),
        ("00 53 43 c0 03 01 a0 00 40", Malformed::TrailingBytes("a SASL frame")),
        ("45", Malformed::Type("a SASL frame")),
    ];
    for (table, error) in cases {
        let frame = framed(1, &bytes(table));
        assert_eq!(decode_sasl(&mut BytesMut::from(&frame[..])), Err(error), "{table}");
    }
}

#[test]
fn the_frame_limit_counts_the_whole_frame() {
    let mut out = BytesMut::new();
    encode(&mut out, 0, &Performative::Transfer(Transfer::default()), &[0; 100]);
    let size = out.len() as u32;
    assert!(decode(&mut out.clone(), &Limits { max_frame: size }).unwrap().is_some());
    let limit = size - 1;
    assert_eq!(decode(&mut out, &Limits { max_frame: limit }), Err(Malformed::FrameTooLarge { size, limit }));
}
