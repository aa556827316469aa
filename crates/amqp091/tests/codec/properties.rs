//! What must hold for any frame and for any bytes.

use amqp091::codec::fuzz::{self, decode_all};
use amqp091::codec::{FieldTable, Role, decode, encode, needed};
use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::fields::table;
use crate::generate::{any_frame, recorded};
use crate::{LIMITS, decode_one, frame};

proptest! {
    #[test]
    fn decoding_undoes_encoding((frame, role) in any_frame()) {
        let mut bytes = BytesMut::new();
        encode(&frame, &mut bytes).unwrap();
        prop_assert_eq!(needed(&bytes), Some(bytes.len()));
        prop_assert_eq!(decode_one(&bytes, role), Ok(frame));
    }

    #[test]
    fn a_stream_arrives_however_it_is_cut(
        frames in vec(any_frame(), 1..12),
        cuts in vec(any::<Index>(), 0..12),
        damage in proptest::option::of((any::<Index>(), any::<u8>())),
    ) {
        let role = frames[0].1;
        let mut bytes = BytesMut::new();
        for (frame, _) in frames.iter().filter(|row| row.1 == role) {
            encode(frame, &mut bytes).unwrap();
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
                match decode(&mut input, &LIMITS, role) {
                    Ok(Some(frame)) => seen.push(frame),
                    Ok(None) => break,
                    Err(why) => {
                        end = Some(why);
                        break 'stream;
                    }
                }
            }
        }
        prop_assert_eq!((seen, end), decode_all(&bytes, role));
    }

    #[test]
    fn a_table_comes_back_byte_for_byte(table in table()) {
        let read = FieldTable::new(Bytes::copy_from_slice(table.as_bytes())).unwrap();
        prop_assert_eq!(&read, &table);
        prop_assert_eq!(read.iter().count(), table.iter().count());
        fuzz::run(table.as_bytes());
    }

    #[test]
    fn no_bytes_confuse_the_codec(soup in vec(any::<u8>(), 0..200)) {
        fuzz::run(&soup);
    }

    #[test]
    fn no_arguments_confuse_a_method(recorded in recorded(), soup in vec(any::<u8>(), 0..60)) {
        let payload = [&recorded[7..11], &soup[..]].concat();
        fuzz::run(&frame(1, 1, &payload));
    }

    #[test]
    fn no_property_list_confuses_a_content_header(soup in vec(any::<u8>(), 0..80)) {
        let payload = [&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &soup[..]].concat();
        fuzz::run(&frame(2, 1, &payload));
        fuzz::run(&soup);
    }

    #[test]
    fn no_damage_to_a_frame_confuses_the_codec(
        (frame, _) in any_frame(),
        recorded in recorded(),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = BytesMut::new();
        encode(&frame, &mut bytes).unwrap();
        bytes.extend_from_slice(recorded);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fuzz::run(&bytes);
    }

    #[test]
    fn a_frame_of_unknown_type_is_refused_at_its_first_byte(kind in any::<u8>()) {
        let refused = decode(&mut BytesMut::from(&[kind][..]), &LIMITS, Role::Server).is_err();
        prop_assert_eq!(refused, ![1, 2, 3, 8].contains(&kind));
    }
}
