//! Packets beside their bytes, written out by hand from the figures of the specification.

use bytes::{Bytes, BytesMut};
use mqtt::codec::{
    ConnAck, Connect, ConnectReturnCode, Filters, Limits, Malformed, Packet, PacketId, Publish, Qos, Role, SubAck,
    Subscribe, SubscribeReturnCode, Subscription, Subscriptions, Text, TopicFilter, TopicName, Unencodable,
    Unsubscribe, Version, Will, decode, decode_first, encode, needed, peek_publish, publish_header,
};

use crate::{LIMITS, decode_one};

fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

fn text(text: &'static str) -> Text {
    Text::new(Bytes::from_static(text.as_bytes())).unwrap()
}

fn name(name: &'static str) -> TopicName {
    TopicName::new(Bytes::from_static(name.as_bytes())).unwrap()
}

fn filter(filter: &'static str) -> TopicFilter {
    TopicFilter::new(Bytes::from_static(filter.as_bytes())).unwrap()
}

fn connect(version: Version) -> Connect {
    Connect {
        version,
        clean_session: true,
        keep_alive: 60,
        client_id: text("c"),
        will: None,
        user_name: None,
        password: None,
    }
}

fn assert_both_ways(packet: &Packet, bytes: &[u8], role: Role, version: Version) {
    let mut out = BytesMut::from("before");
    encode(packet, version, &mut out).unwrap();
    assert_eq!(&out[6..], bytes, "{packet:?}");
    assert_eq!(decode_one(bytes, role, version).as_ref(), Ok(packet));
    assert_eq!(needed(bytes), Some(bytes.len()));
}

#[test]
fn connect_of_both_versions() {
    let plain = |version| Packet::Connect(Box::new(connect(version)));
    let v31 = b"\x10\x0f\0\x06MQIsdp\x03\x02\0\x3c\0\x01c";
    assert_both_ways(&plain(Version::V31), v31, Role::Server, Version::V311);
    let v311 = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01c";
    assert_both_ways(&plain(Version::V311), v311, Role::Server, Version::V31);
    let first = decode_first(&mut BytesMut::from(&v31[..]), &LIMITS).unwrap().unwrap();
    assert_eq!(first, connect(Version::V31));
}

#[test]
fn connect_with_everything() {
    // Figure 3.6 gives the flags 0b1100_1110; the will is retained here.
    let bytes = b"\x10\x27\0\x04MQTT\x04\xee\0\x0a\0\x02id\0\x05will/\0\x02\0\xff\0\x06J\xc3\xbcrg!\0\x04p\0w\xff";
    let packet = Connect {
        version: Version::V311,
        clean_session: true,
        keep_alive: 10,
        client_id: text("id"),
        will: Some(Will {
            qos: Qos::AtLeastOnce,
            retain: true,
            topic: name("will/"),
            payload: Bytes::from_static(b"\0\xff"),
        }),
        user_name: Some(text("Jürg!")),
        password: Some(Bytes::from_static(b"p\0w\xff")),
    };
    assert_both_ways(&Packet::Connect(Box::new(packet)), bytes, Role::Server, Version::V311);
}

#[test]
fn publish_of_every_qos() {
    let publish = |dup, qos, retain, id| {
        Packet::Publish(Publish { dup, qos, retain, topic: name("a/b"), id, payload: Bytes::from_static(b"\0hi") })
    };
    for (packet, bytes) in [
        (publish(false, Qos::AtMostOnce, false, None), &b"\x30\x08\0\x03a/b\0hi"[..]),
        (publish(false, Qos::AtMostOnce, true, None), b"\x31\x08\0\x03a/b\0hi"),
        (publish(false, Qos::AtLeastOnce, false, Some(id(10))), b"\x32\x0a\0\x03a/b\0\x0a\0hi"),
        (publish(true, Qos::AtLeastOnce, true, Some(id(0x1234))), b"\x3b\x0a\0\x03a/b\x12\x34\0hi"),
        (publish(true, Qos::ExactlyOnce, false, Some(id(u16::MAX))), b"\x3c\x0a\0\x03a/b\xff\xff\0hi"),
    ] {
        for version in [Version::V31, Version::V311] {
            assert_both_ways(&packet, bytes, Role::Server, version);
            assert_both_ways(&packet, bytes, Role::Client, version);
        }
    }
    let empty =
        Publish { dup: false, qos: Qos::AtMostOnce, retain: true, topic: name("t"), id: None, payload: Bytes::new() };
    assert_both_ways(&Packet::Publish(empty), b"\x31\x03\0\x01t", Role::Server, Version::V311);
}

#[test]
fn acknowledgements() {
    for version in [Version::V31, Version::V311] {
        for (packet, bytes) in [
            (Packet::PubAck(id(7)), b"\x40\x02\0\x07"),
            (Packet::PubRec(id(0x102)), b"\x50\x02\x01\x02"),
            (Packet::PubRel(id(0x102)), b"\x62\x02\x01\x02"),
            (Packet::PubComp(id(0xffff)), b"\x70\x02\xff\xff"),
        ] {
            assert_both_ways(&packet, bytes, Role::Server, version);
            assert_both_ways(&packet, bytes, Role::Client, version);
        }
        assert_both_ways(&Packet::UnsubAck(id(9)), b"\xb0\x02\0\x09", Role::Client, version);
    }
}

#[test]
fn packets_without_a_body() {
    for version in [Version::V31, Version::V311] {
        assert_both_ways(&Packet::PingReq, b"\xc0\0", Role::Server, version);
        assert_both_ways(&Packet::PingResp, b"\xd0\0", Role::Client, version);
        assert_both_ways(&Packet::Disconnect, b"\xe0\0", Role::Server, version);
    }
}

#[test]
fn connack() {
    use ConnectReturnCode::{Accepted, BadUserNameOrPassword, NotAuthorized, UnacceptableProtocolVersion};
    let connack = |session_present, code| Packet::ConnAck(ConnAck { session_present, code });
    for (packet, bytes) in [
        (connack(false, Accepted), b"\x20\x02\0\0"),
        (connack(false, UnacceptableProtocolVersion), b"\x20\x02\0\x01"),
        (connack(false, BadUserNameOrPassword), b"\x20\x02\0\x04"),
        (connack(false, NotAuthorized), b"\x20\x02\0\x05"),
    ] {
        assert_both_ways(&packet, bytes, Role::Client, Version::V31);
        assert_both_ways(&packet, bytes, Role::Client, Version::V311);
    }
    assert_both_ways(&connack(true, Accepted), b"\x20\x02\x01\0", Role::Client, Version::V311);
    // MQTT 3.1 has no session present bit, and no refusal has one.
    for (packet, version, byte) in
        [(connack(true, Accepted), Version::V31, 0), (connack(true, NotAuthorized), Version::V311, 5)]
    {
        let mut out = BytesMut::new();
        encode(&packet, version, &mut out).unwrap();
        assert_eq!(&out[..], [0x20, 2, 0, byte]);
    }
}

#[test]
fn subscribe_and_its_answer() {
    let wanted = [
        Subscription { filter: filter("a/b"), qos: Qos::AtLeastOnce },
        Subscription { filter: filter("c/+/#"), qos: Qos::ExactlyOnce },
        Subscription { filter: filter("$share/g/+"), qos: Qos::AtMostOnce },
    ];
    let subscriptions = Subscriptions::new(&wanted).unwrap();
    assert!(subscriptions.iter().eq(wanted));
    let bytes = b"\x82\x1d\0\x0a\0\x03a/b\x01\0\x05c/+/#\x02\0\x0a$share/g/+\0";
    let codes = vec![
        SubscribeReturnCode::Granted(Qos::AtMostOnce),
        SubscribeReturnCode::Granted(Qos::ExactlyOnce),
        SubscribeReturnCode::Failure,
    ];
    for version in [Version::V31, Version::V311] {
        let packet = Packet::Subscribe(Subscribe { id: id(10), subscriptions: subscriptions.clone() });
        assert_both_ways(&packet, bytes, Role::Server, version);
        let packet = Packet::SubAck(SubAck { id: id(10), codes: codes.clone() });
        assert_both_ways(&packet, b"\x90\x05\0\x0a\0\x02\x80", Role::Client, version);
    }
    assert_eq!(Subscriptions::new(&[]), None);
}

#[test]
fn unsubscribe() {
    let wanted = [filter("a/b"), filter("#")];
    let filters = Filters::new(&wanted).unwrap();
    assert!(filters.iter().eq(wanted));
    let packet = Packet::Unsubscribe(Unsubscribe { id: id(1), filters });
    for version in [Version::V31, Version::V311] {
        assert_both_ways(&packet, b"\xa2\x0a\0\x01\0\x03a/b\0\x01#", Role::Server, version);
    }
    assert_eq!(Filters::new(&[]), None);
}

#[test]
fn v31_ignores_the_bits_it_does_not_use() {
    let connect_bytes = b"\x1f\x0f\0\x06MQIsdp\x03\x3b\0\x3c\0\x01c";
    assert_eq!(
        decode_one(connect_bytes, Role::Server, Version::V31),
        Ok(Packet::Connect(Box::new(connect(Version::V31)))),
    );
    for (bytes, packet) in [
        (&b"\x6b\x02\0\x01"[..], Packet::PubRel(id(1))),
        (b"\x4f\x02\0\x01", Packet::PubAck(id(1))),
        (b"\xcf\0", Packet::PingReq),
    ] {
        assert_eq!(decode_one(bytes, Role::Server, Version::V31), Ok(packet));
    }
    let Ok(Packet::Subscribe(subscribe)) = decode_one(b"\x8a\x06\0\x01\0\x01a\xf9", Role::Server, Version::V31) else {
        panic!("no SUBSCRIBE");
    };
    assert!(subscribe.subscriptions.iter().eq([Subscription { filter: filter("a"), qos: Qos::AtLeastOnce }]));
    let Ok(Packet::Publish(publish)) = decode_one(b"\x38\x03\0\x01a", Role::Server, Version::V31) else {
        panic!("no PUBLISH");
    };
    assert!(!publish.dup, "DUP means nothing with QoS 0");
    let accepted = Packet::ConnAck(ConnAck { session_present: false, code: ConnectReturnCode::Accepted });
    assert_eq!(decode_one(b"\x20\x02\xff\0", Role::Client, Version::V31), Ok(accepted));
}

#[test]
fn v31_lets_promised_user_name_and_password_be_missing() {
    let bare = Packet::Connect(Box::new(connect(Version::V31)));
    let neither = b"\x10\x0f\0\x06MQIsdp\x03\xc2\0\x3c\0\x01c";
    assert_eq!(decode_one(neither, Role::Server, Version::V31), Ok(bare));
    let no_password = b"\x10\x12\0\x06MQIsdp\x03\xc2\0\x3c\0\x01c\0\x01u";
    let named = Connect { user_name: Some(text("u")), ..connect(Version::V31) };
    assert_eq!(decode_one(no_password, Role::Server, Version::V31), Ok(Packet::Connect(Box::new(named))));
}

#[test]
fn remaining_lengths_of_every_size() {
    // Table 2.4 and its neighbours; the last one is the largest there is.
    for (remaining, length) in [
        (3, &b"\x03"[..]),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (321, b"\xc1\x02"),
        (16_383, b"\xff\x7f"),
        (16_384, b"\x80\x80\x01"),
        (2_097_151, b"\xff\xff\x7f"),
        (2_097_152, b"\x80\x80\x80\x01"),
        (268_435_455, b"\xff\xff\xff\x7f"),
    ] {
        let mut out = BytesMut::new();
        publish_header(&mut out, false, Qos::AtMostOnce, false, b"t", None, remaining - 3).unwrap();
        assert_eq!(out, [b"\x30", length, b"\0\x01t"].concat());
        assert_eq!(needed(&out), Some(1 + length.len() + remaining));
        for cut in 0..=length.len() {
            assert_eq!(needed(&out[..cut]), None);
        }
    }
    let mut out = BytesMut::new();
    let refused = publish_header(&mut out, false, Qos::AtMostOnce, false, b"t", None, 268_435_453);
    assert_eq!(refused, Err(Unencodable::PacketTooLong(268_435_456)));
    assert!(out.is_empty());
    assert_eq!(needed(b"\x30\xff\xff\xff\xff\x01"), None);
    // Before MQTT 5 a length may be written longer than it needs to be.
    assert_eq!(decode_one(b"\xc0\x80\x80\0", Role::Server, Version::V311), Ok(Packet::PingReq));
}

#[test]
fn fields_that_do_not_fit_are_refused_unwritten() {
    let long = Bytes::from(vec![b'a'; 65_536]);
    let will = Will { qos: Qos::AtMostOnce, retain: false, topic: name("t"), payload: long.clone() };
    let broken = [
        (Connect { password: Some(Bytes::new()), ..connect(Version::V311) }, Unencodable::PasswordWithoutUserName),
        (Connect { will: Some(will), ..connect(Version::V311) }, Unencodable::FieldTooLong(65_536)),
        (
            Connect { user_name: Some(text("u")), password: Some(long.clone()), ..connect(Version::V311) },
            Unencodable::FieldTooLong(65_536),
        ),
    ];
    let mut out = BytesMut::new();
    for (packet, why) in broken {
        assert_eq!(encode(&Packet::Connect(Box::new(packet)), Version::V311, &mut out), Err(why));
    }
    let refused = publish_header(&mut out, false, Qos::AtMostOnce, false, &long, None, 0);
    assert_eq!(refused, Err(Unencodable::FieldTooLong(65_536)));
    assert!(out.is_empty());
    assert_eq!(Text::new(long), Err(Malformed::TextTooLong(65_536)));
}

#[test]
fn a_stream_of_packets_is_taken_one_by_one() {
    let mut input = BytesMut::from(&b"\xc0\0\x32\x08\0\x02ab\0\x01xy\x40\x02\0\x05\x30\x05\0"[..]);
    let mut next = || decode(&mut input, &LIMITS, Role::Server, Version::V311).unwrap();
    assert_eq!(next(), Some(Packet::PingReq));
    assert!(matches!(next(), Some(Packet::Publish(_))));
    assert_eq!(next(), Some(Packet::PubAck(id(5))));
    assert_eq!(next(), None);
    assert_eq!(&input[..], b"\x30\x05\0");
    assert_eq!(needed(&input), Some(7));
}

#[test]
fn publish_is_a_slice_of_its_buffer() {
    let mut input = BytesMut::from(&b"\x32\x08\0\x02ab\0\x01xy"[..]);
    let buffer = input.as_ptr_range();
    let view = peek_publish(&input, &LIMITS, Version::V311).unwrap().unwrap();
    assert_eq!((view.topic, view.payload, view.id, view.len), (&b"ab"[..], &b"xy"[..], PacketId::new(1), 10));
    let Ok(Some(Packet::Publish(publish))) = decode(&mut input, &LIMITS, Role::Server, Version::V311) else {
        panic!("no PUBLISH");
    };
    assert!(buffer.contains(&publish.topic.as_bytes().as_ptr()));
    assert!(buffer.contains(&publish.payload.as_ptr()));
    assert_eq!(peek_publish(b"\xc0\0", &LIMITS, Version::V311), Ok(None));
}

#[test]
fn the_limit_counts_the_whole_packet() {
    let packet = b"\x30\x06\0\x01abcd";
    for (max_packet, fits) in [(8, true), (7, false)] {
        let limits = Limits { max_packet };
        let result = decode(&mut BytesMut::from(&packet[..]), &limits, Role::Server, Version::V311);
        assert_eq!(result.is_ok(), fits);
    }
}
