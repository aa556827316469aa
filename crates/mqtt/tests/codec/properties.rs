//! What must hold for any packet and for any bytes.

use bytes::BytesMut;
use mqtt::codec::fuzz::{self, decode_all};
use mqtt::codec::{Malformed, TopicFilter, TopicName, decode, encode, needed};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::generate::{packet, role, topic, version};
use crate::{LIMITS, decode_one};

/// What a topic name must be, said as plainly as possible.
fn is_topic_name(bytes: &[u8]) -> bool {
    let wellformed = str::from_utf8(bytes).is_ok_and(|text| !text.contains(['\0', '+', '#']));
    wellformed && !bytes.is_empty()
}

/// What a topic filter must be, level by level.
fn is_topic_filter(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else {
        return false;
    };
    let levels = text.split('/').collect::<Vec<_>>();
    let placed = levels.iter().enumerate().all(|(at, &level)| match level {
        "+" => true,
        "#" => at + 1 == levels.len(),
        level => !level.contains(['+', '#', '\0']),
    });
    placed && !text.is_empty()
}

proptest! {
    #[test]
    fn decoding_undoes_encoding((packet, role, version) in packet()) {
        let mut bytes = BytesMut::new();
        encode(&packet, version, &mut bytes).unwrap();
        prop_assert_eq!(needed(&bytes), Some(bytes.len()));
        prop_assert_eq!(decode_one(&bytes, role, version), Ok(packet));
    }

    #[test]
    fn a_prefix_is_no_packet((packet, role, version) in packet()) {
        let mut bytes = BytesMut::new();
        encode(&packet, version, &mut bytes).unwrap();
        for cut in 0..bytes.len() {
            let mut input = BytesMut::from(&bytes[..cut]);
            prop_assert_eq!(decode(&mut input, &LIMITS, role, version), Ok(None));
            prop_assert_eq!(&input[..], &bytes[..cut]);
        }
    }

    #[test]
    fn a_stream_arrives_however_it_is_cut(
        packets in vec(packet(), 1..12),
        cuts in vec(any::<Index>(), 0..12),
        damage in proptest::option::of((any::<Index>(), any::<u8>())),
    ) {
        let (_, role, version) = packets[0];
        let mut bytes = BytesMut::new();
        for (packet, _, _) in packets.iter().filter(|row| row.1 == role) {
            encode(packet, version, &mut bytes).unwrap();
        }
        if let Some((at, byte)) = damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut cuts = cuts.iter().map(|cut| cut.index(bytes.len())).collect::<Vec<_>>();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let (mut input, mut begin, mut seen, mut end) = (BytesMut::new(), 0, Vec::new(), None);
        'stream: for cut in cuts {
            input.extend_from_slice(&bytes[begin..cut]);
            begin = cut;
            loop {
                match decode(&mut input, &LIMITS, role, version) {
                    Ok(Some(packet)) => seen.push(packet),
                    Ok(None) => break,
                    Err(why) => {
                        end = Some(why);
                        break 'stream;
                    }
                }
            }
        }
        prop_assert_eq!((seen, end), decode_all(&bytes, role, version));
    }

    #[test]
    fn no_bytes_confuse_the_codec(soup in vec(any::<u8>(), 0..200)) {
        fuzz::run(&soup);
    }

    #[test]
    fn no_damage_to_a_packet_confuses_the_codec(
        (packet, _, version) in packet(),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = BytesMut::new();
        encode(&packet, version, &mut bytes).unwrap();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fuzz::run(&bytes);
    }

    #[test]
    fn topics_are_what_the_specification_says(bytes in "[ab/+#\0é]{0,12}|[a-c/]{0,20}[+#\0é]?[a-c/]{0,12}") {
        let checked = TopicName::new(bytes.clone().into());
        prop_assert_eq!(checked.is_ok(), is_topic_name(bytes.as_bytes()), "{:?}", checked);
        let checked = TopicFilter::new(bytes.clone().into());
        prop_assert_eq!(checked.is_ok(), is_topic_filter(bytes.as_bytes()), "{:?}", checked);
    }

    #[test]
    fn one_bad_byte_is_found_anywhere(name in topic(), at in any::<Index>(), bad in prop_oneof![Just(0), Just(0xff)]) {
        let mut bytes = name.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = bad;
        let expected = match str::from_utf8(&bytes) {
            Ok(_) => Malformed::NulCharacter,
            Err(_) => Malformed::InvalidUtf8,
        };
        prop_assert_eq!(TopicName::new(bytes.into()), Err(expected));
    }

    #[test]
    fn the_version_of_the_connection_changes_no_connect(soup in vec(any::<u8>(), 0..40), one in version(), other in version(), role in role()) {
        let mut bytes = vec![0x10, soup.len() as u8];
        bytes.extend(&soup);
        prop_assert_eq!(decode_all(&bytes, role, one), decode_all(&bytes, role, other));
    }
}
