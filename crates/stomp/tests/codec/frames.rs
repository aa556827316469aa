use bytes::BytesMut;
use stomp::codec::{Command, Decoder, FrameWriter, Limits, Version};

use crate::{decode, frame, headers};

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_frame_is_taken_apart() {
    for version in Version::ALL {
        let send = frame(b"SEND\ndestination:/queue/a\ncontent-type:text/plain\n\nhello\0", version);
        assert_eq!(send.command, Command::Send);
        assert_eq!(headers(&send), pairs(&[("destination", "/queue/a"), ("content-type", "text/plain")]));
        assert_eq!(&send.block[..], b"destination:/queue/a\ncontent-type:text/plain\n");
        assert_eq!((&send.body[..], send.has_length), (&b"hello"[..], false));
    }
}

#[test]
fn all_commands_are_known() {
    for command in Command::ALL {
        let data = format!("{command}\n\n\0");
        assert_eq!(frame(data.as_bytes(), Version::V12).command, command);
    }
}

#[test]
fn a_body_with_a_length_may_have_nuls() {
    let send = frame(b"SEND\ndestination:/queue/a\ncontent-length:5\n\na\0\0\nb\0", Version::V12);
    assert_eq!((&send.body[..], send.has_length), (&b"a\0\0\nb"[..], true));
    let empty = frame(b"SEND\ncontent-length:0\n\n\0", Version::V12);
    assert_eq!((&empty.body[..], empty.has_length), (&b""[..], true));
    let spaced = frame(b"SEND\ncontent-length: 2 \n\na\0\0", Version::V11);
    assert_eq!(&spaced.body[..], b"a\0");
}

#[test]
fn the_first_of_repeated_headers_counts() {
    let send = frame(b"SEND\nfoo:1\ncontent-length:1\nfoo:2\ncontent-length:99\n\n\0\0", Version::V12);
    assert_eq!(send.headers().get("foo").as_deref(), Some("1"));
    assert_eq!(&send.body[..], b"\0");
    assert_eq!(headers(&send).len(), 4, "all of them are there");
    assert_eq!(send.headers().get("Foo"), None, "names have cases");
}

#[test]
fn escapes_differ_by_version() {
    let line = br"SEND
a\cb:x\ny\cz\\

"
    .as_slice();
    let data = [line, b"\0"].concat();
    let expected = [(r"a\cb", r"x\ny\cz\\"), ("a:b", "x\ny:z\\"), ("a:b", "x\ny:z\\")];
    for (version, expected) in Version::ALL.into_iter().zip(expected) {
        assert_eq!(headers(&frame(&data, version)), pairs(&[expected]), "{version}");
    }
    let carriage = b"SEND\na:x\\r\n\n\0";
    assert_eq!(headers(&frame(carriage, Version::V12)), pairs(&[("a", "x\r")]));
    assert_eq!(headers(&frame(carriage, Version::V10)), pairs(&[("a", "x\\r")]));
}

#[test]
fn connect_is_never_escaped() {
    for command in ["CONNECT", "STOMP", "CONNECTED"] {
        let data = format!("{command}\npasscode:a\\cb:c\nlogin: me\n\n\0");
        let connect = frame(data.as_bytes(), Version::V12);
        assert_eq!(headers(&connect), pairs(&[("passcode", "a\\cb:c"), ("login", "me")]));
    }
}

#[test]
fn values_may_have_colons() {
    for version in Version::ALL {
        let send = frame(b"SEND\nurl:http://a:80/\nempty:\n\n\0", version);
        assert_eq!(headers(&send), pairs(&[("url", "http://a:80/"), ("empty", "")]));
    }
}

#[test]
fn carriage_returns_belong_to_line_ends_or_not() {
    let data = b"\r\nSEND\r\na:b\r\n\r\nx\r\n\0\r\n";
    for (version, value) in Version::ALL.into_iter().zip(["b", "b\r", "b"]) {
        let send = frame(data, version);
        assert_eq!(headers(&send), pairs(&[("a", value)]), "{version}");
        assert_eq!(&send.body[..], b"x\r\n");
    }
}

#[test]
fn spaces_count_since_1_1() {
    let data = b"SEND\n a : b \n\n\0";
    assert_eq!(headers(&frame(data, Version::V10)), pairs(&[("a", "b")]));
    assert_eq!(headers(&frame(data, Version::V11)), pairs(&[(" a ", " b ")]));
}

#[test]
fn heart_beats_between_frames_are_taken_off() {
    let (frames, end) = decode(b"\n\n\r\nBEGIN\ntransaction:1\n\n\0\n\n\nABORT\ntransaction:1\n\n\0\n", Version::V12);
    assert_eq!(end, None);
    assert_eq!(frames.iter().map(|frame| frame.command).collect::<Vec<_>>(), [Command::Begin, Command::Abort]);
    let mut input = BytesMut::from(&b"\n\r\n\n"[..]);
    assert_eq!(Decoder::new(Limits::default(), Version::V12).decode(&mut input), Ok(None));
    assert!(input.is_empty(), "a heart-beat takes no memory");
}

#[test]
fn bodies_are_slices_of_the_buffer() {
    let mut input = BytesMut::from(&b"SEND\na:b\n\nhello\0SEND\n\nthere\0"[..]);
    let place = input.as_ptr() as usize;
    let mut decoder = Decoder::new(Limits::default(), Version::V12);
    let first = decoder.decode(&mut input).unwrap().unwrap();
    assert_eq!(first.body.as_ptr() as usize, place + 10);
    assert_eq!(first.block.as_ptr() as usize, place + 5);
    assert_eq!(&decoder.decode(&mut input).unwrap().unwrap().body[..], b"there");
}

#[test]
fn the_version_may_change_between_frames() {
    let mut input = BytesMut::from(&b"CONNECT\na:\\c\n\n\0SEND\na:\\c\n\n\0"[..]);
    let mut decoder = Decoder::new(Limits::default(), Version::V10);
    assert_eq!(headers(&decoder.decode(&mut input).unwrap().unwrap()), pairs(&[("a", "\\c")]));
    decoder.set_version(Version::V12);
    assert_eq!(headers(&decoder.decode(&mut input).unwrap().unwrap()), pairs(&[("a", ":")]));
}

#[test]
fn written_frames_look_so() {
    let write = |version, act: &dyn Fn(FrameWriter<'_>)| {
        let mut out = BytesMut::new();
        act(FrameWriter::new(Command::Message, version, &mut out));
        out.to_vec().escape_ascii().to_string()
    };
    let value = "a:b\\c\nd\re\0f".as_bytes();
    let body = |mut writer: FrameWriter<'_>| {
        writer.header("v", value).number("n", 1_234_567_890).number("z", 0);
        writer.any_header(b"x:y", b"");
        writer.body(b"\0");
    };
    let end = r"n:1234567890\nz:0\nx\\cy:\ncontent-length:1\n\n\x00\x00";
    assert_eq!(write(Version::V10, &body), format!(r"MESSAGE\nv:a:b\\c\\nd\\re f\n{end}"));
    assert_eq!(write(Version::V11, &body), format!(r"MESSAGE\nv:a\\cb\\\\c\\nd\re f\n{end}"));
    assert_eq!(write(Version::V12, &body), format!(r"MESSAGE\nv:a\\cb\\\\c\\nd\\re f\n{end}"));
    assert_eq!(write(Version::V12, &|writer| writer.body_without_length(b"x")), r"MESSAGE\n\nx\x00");
    assert_eq!(write(Version::V12, &|writer| writer.body(b"")), r"MESSAGE\n\n\x00");
}

#[test]
fn headers_are_forwarded_as_they_came_or_as_the_other_version_says_them() {
    let forwarded = |from, to| {
        let send = frame(b"SEND\nurl:http://a\nb\\\\:c\\\\\n\n\0", from);
        let mut out = BytesMut::new();
        let mut writer = FrameWriter::new(Command::Message, to, &mut out);
        for header in send.headers() {
            writer.forward(&header);
        }
        writer.body(b"");
        String::from_utf8(out[8..out.len() - 2].to_vec()).unwrap()
    };
    assert_eq!(forwarded(Version::V12, Version::V12), "url:http://a\nb\\\\:c\\\\\n");
    assert_eq!(forwarded(Version::V12, Version::V11), "url:http\\c//a\nb\\\\:c\\\\\n");
    assert_eq!(forwarded(Version::V12, Version::V10), "url:http://a\nb\\:c\\\n");
    assert_eq!(forwarded(Version::V10, Version::V12), "url:http\\c//a\nb\\\\\\\\:c\\\\\\\\\n");
}

#[test]
fn versions_are_agreed_upon() {
    for (accept, version) in [
        (None, Some(Version::V10)),
        (Some("1.0"), Some(Version::V10)),
        (Some("1.0,1.1,2.0"), Some(Version::V11)),
        (Some("1.2,1.1"), Some(Version::V12)),
        (Some("1.1, 1.2"), Some(Version::V12)),
        (Some("2.0"), None),
        (Some(""), None),
        (Some("1.22"), None),
    ] {
        assert_eq!(Version::negotiate(accept), version, "{accept:?}");
    }
}
