//! Bytes that want memory, time or stack.

use amqp10::codec::limits::{MAX_BODY_SECTIONS, MAX_DEPTH, MAX_VALUES, MAX_ZERO_WIDTH};
use amqp10::codec::{Limits, Malformed, decode, decode_sasl, scan};
use bytes::{Bytes, BytesMut};

use crate::hex::bytes;
use crate::{decode_body, value_of};

/// `depth` lists of one element, as few bytes as possible: the innermost is empty.
fn lists(depth: usize) -> Vec<u8> {
    let mut value = vec![0x45];
    for _ in 1..depth {
        let mut outer = vec![0xd0];
        outer.extend_from_slice(&(value.len() as u32 + 4).to_be_bytes());
        outer.extend_from_slice(&1_u32.to_be_bytes());
        outer.append(&mut value);
        value = outer;
    }
    value
}

#[test]
fn depth_is_bounded() {
    assert!(value_of(&lists(MAX_DEPTH)).is_ok());
    assert_eq!(value_of(&lists(MAX_DEPTH + 1)), Err(Malformed::Depth));
    // Each level refers to all that follows it, so that sizes are right only once.
    assert_eq!(value_of(&lists(2_000)), Err(Malformed::Depth));
}

#[test]
fn descriptors_are_bounded_without_recursion() {
    let mut value = vec![0; 1 << 20];
    assert_eq!(value_of(&value), Err(Malformed::Truncated));
    value.extend(std::iter::repeat_n(0x40, (1 << 20) + 1));
    assert_eq!(value_of(&value), Err(Malformed::Depth));
}

#[test]
fn constructors_of_arrays_are_bounded() {
    let mut inside = vec![0, 0, 0, 0];
    inside.extend(std::iter::repeat_n([0x00, 0x40], 1_000).flatten());
    inside.push(0x40);
    let mut array = vec![0xf0];
    array.extend_from_slice(&(inside.len() as u32).to_be_bytes());
    array.extend_from_slice(&inside);
    assert_eq!(value_of(&array), Err(Malformed::Depth));
}

#[test]
fn elements_without_bytes_are_bounded() {
    for code in ["40", "41", "42", "43", "44", "45"] {
        let all = bytes(&format!("f0 00 00 00 05 ff ff ff ff {code}"));
        assert_eq!(value_of(&all), Err(Malformed::Count(u32::MAX)), "{code}");
    }
    let many = |count: usize| {
        let mut array = bytes("f0 00 00 00 05");
        array.extend_from_slice(&(count as u32).to_be_bytes());
        array.push(0x40);
        array
    };
    assert!(value_of(&many(MAX_ZERO_WIDTH)).is_ok());
    let over = MAX_ZERO_WIDTH + 1;
    assert_eq!(value_of(&many(over)), Err(Malformed::Count(over as u32)));
    // Two arrays in a list share the allowance.
    let two = [bytes("c0 15 02"), many(MAX_ZERO_WIDTH), many(1)].concat();
    assert_eq!(value_of(&two), Err(Malformed::Count(1)));
}

#[test]
fn counts_that_lie_are_errors() {
    for table in [
        "d0 00 00 00 05 ff ff ff ff 40",
        "d0 00 00 00 05 00 00 00 02 40",
        "d1 00 00 00 05 ff ff ff fe 40",
        "f0 00 00 00 06 ff ff ff ff 50 00",
        "f0 00 00 00 06 80 00 00 00 98 00",
        "f0 00 00 00 06 ff ff ff ff b0 00",
        "f0 00 00 00 06 ff ff ff ff f0 00",
    ] {
        assert!(matches!(value_of(&bytes(table)), Err(Malformed::Count(_))), "{table}");
    }
}

#[test]
fn a_performative_has_a_bounded_number_of_values() {
    // An open whose properties are a map of many nulls; the limit is on all values together.
    let open = |pairs: usize| {
        let mut map = vec![0xd1];
        map.extend_from_slice(&(pairs as u32 * 4 + 4).to_be_bytes());
        map.extend_from_slice(&(pairs as u32 * 2).to_be_bytes());
        map.extend(std::iter::repeat_n([0xa3, 1, b'k', 0x40], pairs).flatten());
        let mut open = bytes("00 53 10 d0");
        open.extend_from_slice(&(4 + 2 + 8 + map.len() as u32).to_be_bytes());
        open.extend_from_slice(&bytes("00 00 00 0a a1 00 40 40 40 40 40 40 40 40"));
        open.append(&mut map);
        open
    };
    assert!(decode_body(&open(MAX_VALUES / 2)).is_ok());
    assert_eq!(decode_body(&open(MAX_VALUES / 2 + 1)), Err(Malformed::TooManyValues));
}

#[test]
fn large_frames_are_refused_by_their_first_bytes() {
    let limits = Limits { max_frame: 4096 };
    let refused = |table: &str| decode(&mut BytesMut::from(&bytes(table)[..]), &limits);
    assert_eq!(refused("00 00 10 01"), Err(Malformed::FrameTooLarge { size: 4097, limit: 4096 }));
    assert_eq!(refused("ff ff ff ff"), Err(Malformed::FrameTooLarge { size: u32::MAX, limit: 4096 }));
    assert_eq!(refused("00 00 10 00"), Ok(None));
    assert_eq!(refused("00 00 00 07"), Err(Malformed::FrameTooShort(7)));
    assert_eq!(refused("00 00 00 00"), Err(Malformed::FrameTooShort(0)));
    assert_eq!(refused("00 00 00 10 01 00"), Err(Malformed::DataOffset { size: 16, doff: 1 }));
    assert_eq!(refused("00 00 00 10 05 00"), Err(Malformed::DataOffset { size: 16, doff: 5 }));
    assert_eq!(refused("00 00 00 10 02 01"), Err(Malformed::FrameType(1)));
    assert_eq!(refused("00 00 00 10 02 07"), Err(Malformed::FrameType(7)));
    let sasl = |table: &str| decode_sasl(&mut BytesMut::from(&bytes(table)[..]));
    assert_eq!(sasl("00 00 00 10 02 00"), Err(Malformed::FrameType(0)));
    assert_eq!(sasl("00 00 00 08 02 01 00 00"), Err(Malformed::EmptySaslFrame));
    assert!(matches!(sasl("00 10 00 00"), Err(Malformed::FrameTooLarge { .. })));
}

#[test]
fn a_body_has_a_bounded_number_of_sections() {
    let message = |sections: usize| {
        let bytes = std::iter::repeat_n([0x00, 0x53, 0x75, 0xa0, 0x00], sections).flatten().collect::<Vec<u8>>();
        scan(&[Bytes::from(bytes)]).map(|_| ())
    };
    assert_eq!(message(MAX_BODY_SECTIONS), Ok(()));
    assert_eq!(message(MAX_BODY_SECTIONS + 1), Err(Malformed::TooManySections));
}

#[test]
fn hostile_messages_are_errors() {
    let deep = [bytes("00 53 77"), lists(MAX_DEPTH + 1)].concat();
    let cases = [
        (deep, Malformed::Depth),
        (bytes("00 53 77 f0 00 00 00 05 ff ff ff ff 40"), Malformed::Count(u32::MAX)),
        (bytes("00 53 75 b0 ff ff ff ff 00"), Malformed::Truncated),
        (bytes("00 53 75 b1 00 00 00 00"), Malformed::Type("data")),
        (bytes("00 53 72 d1 00 00 00 05 ff ff ff fe 40"), Malformed::Count(0xffff_fffe)),
        (bytes("00 53 74 c1 03 02 44 40"), Malformed::Type("application-properties")),
        (bytes("00 53 73 c0 02 01 41"), Malformed::Type("properties")),
        (bytes("00 53 73 c0 0f 0e 40 40 40 40 40 40 40 40 40 40 40 40 40 40"), Malformed::TooManyFields("properties")),
        (bytes("00 53 70 c0 03 01 52 01"), Malformed::Type("durable")),
        (bytes("00 53 79 45"), Malformed::Descriptor("a section")),
        (bytes("45"), Malformed::Type("a section")),
        (bytes("00 53 73 45 00 53 72 c1 01 00"), Malformed::SectionOrder),
        (bytes("00 53 73 45 00 53 73 45"), Malformed::SectionOrder),
        (bytes("00 53 77 40 00 53 77 40"), Malformed::SectionOrder),
        (bytes("00 53 75 a0 00 00 53 76 45"), Malformed::SectionOrder),
        (bytes("00 53 75 a0 00 00 53 70 45"), Malformed::SectionOrder),
        (bytes("00 53 77 a1 02 c3 28"), Malformed::Utf8),
        (bytes("00 53 77 a1 01 c3"), Malformed::Utf8),
        (bytes("00 53 77 00 00 00 00 40"), Malformed::Truncated),
    ];
    for (message, error) in cases {
        let message = Bytes::from(message);
        assert_eq!(scan(std::slice::from_ref(&message)).map(|_| ()), Err(error), "{message:?}");
        let pieces = message.chunks(1).map(Bytes::copy_from_slice).collect::<Vec<_>>();
        assert_eq!(scan(&pieces).map(|_| ()), Err(error), "{message:?} in pieces");
    }
}
