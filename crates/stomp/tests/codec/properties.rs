use bytes::BytesMut;
use proptest::prelude::*;
use stomp::codec::{Command, Decoder, FrameWriter, Limits, Version};

use crate::{frame, headers};

fn texts() -> impl Strategy<Value = Vec<(String, String)>> {
    let text = || prop_oneof!["[a-z:\\\\\n\r ]{0,6}", "\\PC{0,8}"].prop_map(|text| text.replace('\0', ""));
    let name = text().prop_filter("named", |name| !name.is_empty() && name != "content-length");
    prop::collection::vec((name, text()), 0..6)
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let frameish = prop::collection::vec(
        prop_oneof![
            Just(b"SEND\n".to_vec()),
            Just(b"ACK\r\n".to_vec()),
            Just(b"CONNECT\n".to_vec()),
            Just(b"a:b\\c\n".to_vec()),
            Just(b"\\x:\\\n".to_vec()),
            Just(b"content-length:3\n".to_vec()),
            Just(b"content-length:-3\n".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(vec![0]),
            prop::collection::vec(any::<u8>(), 0..5),
        ],
        0..24,
    );
    prop_oneof![frameish.prop_map(|pieces| pieces.concat()), prop::collection::vec(any::<u8>(), 0..64)]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(texts in texts(), body: Vec<u8>) {
        let mut out = BytesMut::new();
        let mut writer = FrameWriter::new(Command::Message, Version::V12, &mut out);
        for (name, value) in &texts {
            writer.any_header(name.as_bytes(), value.as_bytes());
        }
        writer.body(&body);
        let read = frame(&out, Version::V12);
        prop_assert_eq!(headers(&read).into_iter().filter(|(name, _)| name != "content-length").collect::<Vec<_>>(), texts);
        prop_assert_eq!(&read.body[..], &body[..]);
    }

    /// No version lets a value end its line or its frame.
    #[test]
    fn no_value_breaks_out_of_its_line(texts in texts(), version in prop::sample::select(Version::ALL.to_vec())) {
        let mut out = BytesMut::new();
        let mut writer = FrameWriter::new(Command::Message, version, &mut out);
        for (name, value) in &texts {
            writer.any_header(format!("x{name}").as_bytes(), format!("{value}\0").as_bytes());
        }
        writer.body(b"");
        prop_assert_eq!(headers(&frame(&out, version)).len(), texts.len());
    }

    #[test]
    fn any_bytes_are_read_alike_however_they_arrive(data in any_bytes()) {
        stomp::codec::fuzz::run(&data);
    }

    /// Nothing is looked at twice, so that a body which comes byte by byte costs no more than at once.
    #[test]
    fn pieces_make_the_same_frame(body in prop::collection::vec(1_u8.., 0..200), size in 1_usize..40) {
        let data = [b"SEND\na:b\n\n", &body[..], b"\0"].concat();
        let mut decoder = Decoder::new(Limits::default(), Version::V12);
        let (mut input, mut read) = (BytesMut::new(), None);
        for piece in data.chunks(size) {
            prop_assert!(read.is_none());
            input.extend_from_slice(piece);
            read = decoder.decode(&mut input).unwrap();
        }
        prop_assert_eq!(read.unwrap().body.to_vec(), body);
    }
}
