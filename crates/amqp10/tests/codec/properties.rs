//! What must hold for any value, any performative and any bytes.

use amqp10::codec::{Frame, Performative, decode_value, encode, encode_value, fuzz, limits::MAX_DEPTH};
use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{decode_one, generate};

proptest! {
    #[test]
    fn values_come_back(value in generate::value()) {
        let mut out = BytesMut::new();
        encode_value(&value, &mut out);
        prop_assert_eq!(decode_value(&out.freeze()).unwrap(), value);
    }

    #[test]
    fn performatives_come_back(
        performative in generate::performative(),
        channel in any::<u16>(),
        payload in generate::bytes(40),
    ) {
        let payload = if matches!(performative, Performative::Transfer(_)) { payload } else { Bytes::new() };
        let mut out = BytesMut::new();
        encode(&mut out, channel, &performative, &payload);
        let frame = decode_one(&out).unwrap();
        prop_assert_eq!(frame, Frame { channel, performative: Some(performative), payload });
    }

    #[test]
    fn streams_do_not_depend_on_how_they_arrive(performatives in vec(generate::performative(), 1..6)) {
        let mut stream = BytesMut::from(&b"AMQP\0\x01\0\0"[..]);
        for performative in &performatives {
            encode(&mut stream, 1, performative, &[]);
        }
        fuzz::run(&stream);
        let (units, end) = fuzz::decode_all(&stream);
        prop_assert_eq!((units.len(), end), (performatives.len() + 1, None));
    }

    #[test]
    fn streams_with_a_wrong_byte_do_not_panic(
        performatives in vec(generate::performative(), 1..4),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut stream = BytesMut::from(&b"AMQP\0\x01\0\0"[..]);
        for performative in &performatives {
            encode(&mut stream, 1, performative, b"\0\x53\x75\xa0\x01x");
        }
        let at = at.index(stream.len());
        stream[at] = byte;
        fuzz::run(&stream);
    }

    #[test]
    fn values_with_a_wrong_byte_do_not_panic(
        value in generate::value(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut out = BytesMut::from(&b"\0\x53\x77"[..]);
        encode_value(&value, &mut out);
        let at = at.index(out.len());
        out[at] = byte;
        fuzz::run(&out);
        fuzz::run(&out[3..]);
    }

    #[test]
    fn byte_soup_does_not_panic(data in vec(any::<u8>(), 0..300)) {
        fuzz::run(&data);
    }

    #[test]
    fn soup_of_format_codes_does_not_panic(data in vec(code(), 0..200)) {
        fuzz::run(&data);
        fuzz::run(&[b"AMQP\0\x01\0\0", &data[..]].concat());
    }
}

/// Bytes that are likely to be taken for something.
fn code() -> impl Strategy<Value = u8> {
    let codes = vec![
        0x00,
        0x01,
        0x02,
        0x04,
        0x08,
        0x10,
        0x14,
        0x40,
        0x41,
        0x43,
        0x45,
        0x50,
        0x52,
        0x53,
        0x54,
        0x56,
        0x70,
        0x73,
        0x74,
        0x75,
        0x76,
        0x77,
        0x80,
        0xa0,
        0xa1,
        0xa3,
        0xb1,
        0xc0,
        0xc1,
        0xd0,
        0xe0,
        0xf0,
        MAX_DEPTH as u8,
        0xff,
    ];
    proptest::sample::select(codes)
}
