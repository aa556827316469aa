//! One row for each way to break MQTT 3.1 or 3.1.1, with the name that it has here.

use bytes::BytesMut;
use mqtt::codec::{Kind, Limits, Malformed, Role, TopicFilter, TopicName, Version, decode, decode_first};

use crate::{LIMITS, decode_one};

type Row = (&'static [u8], Malformed);

fn assert_refused(rows: &[Row], role: Role, versions: &[Version]) {
    for (bytes, why) in rows {
        for &version in versions {
            assert_eq!(
                decode_one(bytes, role, version),
                Err(*why),
                "{version:?} {:?}",
                bytes.escape_ascii().to_string()
            );
        }
    }
}

const BOTH: &[Version] = &[Version::V31, Version::V311];
const STRICT: &[Version] = &[Version::V311];

#[test]
fn fixed_headers() {
    assert_refused(
        &[
            (b"\x00\0", Malformed::ReservedType(0)),
            (b"\xf0\0", Malformed::ReservedType(15)),
            (b"\xc0\xff\xff\xff\xff", Malformed::RemainingLength),
            (b"\x30\x80\x80\x80\x80\x01", Malformed::RemainingLength),
            (b"\xc0\x01\0", Malformed::BodyLength(Kind::PingReq, 1)),
            (b"\xe0\x02\0\0", Malformed::BodyLength(Kind::Disconnect, 2)),
            (b"\x40\x00", Malformed::BodyLength(Kind::PubAck, 0)),
            (b"\x40\x01\0", Malformed::BodyLength(Kind::PubAck, 1)),
            (b"\x50\x03\0\x01\0", Malformed::BodyLength(Kind::PubRec, 3)),
            (b"\x62\x04\0\x01\0\0", Malformed::BodyLength(Kind::PubRel, 4)),
            (b"\x70\x01\x01", Malformed::BodyLength(Kind::PubComp, 1)),
        ],
        Role::Server,
        BOTH,
    );
    assert_refused(
        &[
            (b"\x41\x02\0\x01", Malformed::HeaderFlags(Kind::PubAck, 1)),
            (b"\x58\x02\0\x01", Malformed::HeaderFlags(Kind::PubRec, 8)),
            (b"\x6a\x02\0\x01", Malformed::HeaderFlags(Kind::PubRel, 10)),
            (b"\x72\x02\0\x01", Malformed::HeaderFlags(Kind::PubComp, 2)),
            (b"\x83\x06\0\x01\0\x01a\0", Malformed::HeaderFlags(Kind::Subscribe, 3)),
            (b"\xaa\x05\0\x01\0\x01a", Malformed::HeaderFlags(Kind::Unsubscribe, 10)),
            (b"\xc1\0", Malformed::HeaderFlags(Kind::PingReq, 1)),
            (b"\xe8\0", Malformed::HeaderFlags(Kind::Disconnect, 8)),
        ],
        Role::Server,
        STRICT,
    );
    // These three have QoS 1 in every version.
    assert_refused(
        &[
            (b"\x60\x02\0\x01", Malformed::HeaderFlags(Kind::PubRel, 0)),
            (b"\x80\x06\0\x01\0\x01a\0", Malformed::HeaderFlags(Kind::Subscribe, 0)),
            (b"\xa4\x05\0\x01\0\x01a", Malformed::HeaderFlags(Kind::Unsubscribe, 4)),
        ],
        Role::Server,
        BOTH,
    );
}

#[test]
fn packets_in_the_wrong_direction() {
    assert_refused(
        &[
            (b"\x20\x02\0\0", Malformed::WrongDirection(Kind::ConnAck)),
            (b"\x90\x03\0\x01\0", Malformed::WrongDirection(Kind::SubAck)),
            (b"\xb0\x02\0\x01", Malformed::WrongDirection(Kind::UnsubAck)),
            (b"\xd0\0", Malformed::WrongDirection(Kind::PingResp)),
        ],
        Role::Server,
        BOTH,
    );
    assert_refused(
        &[
            (b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01c", Malformed::WrongDirection(Kind::Connect)),
            (b"\x82\x06\0\x01\0\x01a\0", Malformed::WrongDirection(Kind::Subscribe)),
            (b"\xa2\x05\0\x01\0\x01a", Malformed::WrongDirection(Kind::Unsubscribe)),
            (b"\xc0\0", Malformed::WrongDirection(Kind::PingReq)),
            (b"\xe0\0", Malformed::WrongDirection(Kind::Disconnect)),
        ],
        Role::Client,
        BOTH,
    );
}

#[test]
fn connect() {
    let truncated = Malformed::Truncated(Kind::Connect);
    assert_refused(
        &[
            (b"\x10\0", truncated),
            (b"\x10\x05\0\x04MQT", truncated),
            (b"\x10\x06\0\x04MQTT", truncated),
            (b"\x10\x07\0\x04MQTT\x04", truncated),
            (b"\x10\x09\0\x04MQTT\x04\x02\0", truncated),
            (b"\x10\x0a\0\x04MQTT\x04\x02\0\0", truncated),
            (b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x02c", truncated),
            (b"\x10\x0d\0\x04MQTX\x04\x02\0\0\0\x01c", Malformed::ProtocolName),
            (b"\x10\x0d\0\x04mqtt\x04\x02\0\0\0\x01c", Malformed::ProtocolName),
            (b"\x10\x09\0\0\x04\x02\0\0\0\x01c", Malformed::ProtocolName),
            (b"\x10\x0d\0\x04MQTT\x03\x02\0\0\0\x01c", Malformed::ProtocolLevel(3)),
            (b"\x10\x0e\0\x04MQTT\x05\x02\0\0\0\0\x01c", Malformed::ProtocolLevel(5)),
            (b"\x10\x0d\0\x04MQTT\x84\x02\0\0\0\x01c", Malformed::ProtocolLevel(0x84)),
            (b"\x10\x0f\0\x06MQIsdp\x04\x02\0\0\0\x01c", Malformed::ProtocolLevel(4)),
            (b"\x11\x0d\0\x04MQTT\x04\x02\0\0\0\x01c", Malformed::HeaderFlags(Kind::Connect, 1)),
            (b"\x10\x0d\0\x04MQTT\x04\x03\0\0\0\x01c", Malformed::ConnectReservedFlag),
            (b"\x10\x0d\0\x04MQTT\x04\x0a\0\0\0\x01c", Malformed::WillQosWithoutWill),
            (b"\x10\x0d\0\x04MQTT\x04\x1a\0\0\0\x01c", Malformed::WillQosWithoutWill),
            (b"\x10\x0d\0\x04MQTT\x04\x22\0\0\0\x01c", Malformed::WillRetainWithoutWill),
            (b"\x10\x12\0\x04MQTT\x04\x1e\0\0\0\x01c\0\x01t\0\0", Malformed::WillQos),
            (b"\x10\x14\0\x06MQIsdp\x03\x1e\0\0\0\x01c\0\x01t\0\0", Malformed::WillQos),
            (b"\x10\x0f\0\x04MQTT\x04\x42\0\0\0\x01c\0\0", Malformed::PasswordWithoutUserName),
            (b"\x10\x11\0\x06MQIsdp\x03\x42\0\0\0\x01c\0\0", Malformed::PasswordWithoutUserName),
            (b"\x10\x0d\0\x04MQTT\x04\x82\0\0\0\x01c", truncated),
            (b"\x10\x10\0\x04MQTT\x04\xc2\0\0\0\x01c\0\x01u", truncated),
            (b"\x10\x10\0\x04MQTT\x04\x06\0\0\0\x01c\0\x01t", truncated),
            (b"\x10\x0e\0\x04MQTT\x04\x02\0\0\0\x01c\0", Malformed::TrailingBytes(Kind::Connect)),
            (b"\x10\x10\0\x06MQIsdp\x03\x02\0\0\0\x01c\0", Malformed::TrailingBytes(Kind::Connect)),
            (b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01\0", Malformed::NulCharacter),
            (b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01\xff", Malformed::InvalidUtf8),
            (b"\x10\x10\0\x04MQTT\x04\x82\0\0\0\x01c\0\x01\xc3", Malformed::InvalidUtf8),
            (b"\x10\x11\0\x04MQTT\x04\x06\0\0\0\x01c\0\0\0\0", Malformed::EmptyTopic),
            (b"\x10\x12\0\x04MQTT\x04\x06\0\0\0\x01c\0\x01#\0\0", Malformed::TopicWildcard),
            (b"\x10\x12\0\x04MQTT\x04\x06\0\0\0\x01c\0\x01\0\0\0", Malformed::NulCharacter),
        ],
        Role::Server,
        BOTH,
    );
}

#[test]
fn publish() {
    let truncated = Malformed::Truncated(Kind::Publish);
    for role in [Role::Server, Role::Client] {
        assert_refused(
            &[
                (b"\x36\x05\0\x01a\0\x01", Malformed::PublishQos),
                (b"\x30\0", truncated),
                (b"\x30\x01\0", truncated),
                (b"\x30\x03\0\x02a", truncated),
                (b"\x32\x03\0\x01a", truncated),
                (b"\x34\x04\0\x01a\0", truncated),
                (b"\x32\x05\0\x01a\0\0", Malformed::ZeroPacketId(Kind::Publish)),
                (b"\x3c\x05\0\x01a\0\0", Malformed::ZeroPacketId(Kind::Publish)),
                (b"\x30\x02\0\0", Malformed::EmptyTopic),
                (b"\x30\x03\0\x01#", Malformed::TopicWildcard),
                (b"\x30\x05\0\x03a/+", Malformed::TopicWildcard),
                (b"\x30\x0b\0\x09long/na+e", Malformed::TopicWildcard),
                (b"\x30\x04\0\x02a\0", Malformed::NulCharacter),
                (b"\x30\x12\0\x10eight/and/eigh\0s", Malformed::NulCharacter),
                (b"\x30\x03\0\x01\x80", Malformed::InvalidUtf8),
                // U+D800 as three bytes, "/" and NUL in overlong forms, and a character above U+10FFFF.
                (b"\x30\x05\0\x03\xed\xa0\x80", Malformed::InvalidUtf8),
                (b"\x30\x04\0\x02\xc0\xaf", Malformed::InvalidUtf8),
                (b"\x30\x04\0\x02\xc0\x80", Malformed::InvalidUtf8),
                (b"\x30\x06\0\x04\xf4\x90\x80\x80", Malformed::InvalidUtf8),
            ],
            role,
            BOTH,
        );
        assert_refused(&[(b"\x38\x03\0\x01a", Malformed::DupWithoutQos)], role, STRICT);
    }
}

#[test]
fn acknowledgements() {
    for role in [Role::Server, Role::Client] {
        assert_refused(
            &[
                (b"\x40\x02\0\0", Malformed::ZeroPacketId(Kind::PubAck)),
                (b"\x50\x02\0\0", Malformed::ZeroPacketId(Kind::PubRec)),
                (b"\x62\x02\0\0", Malformed::ZeroPacketId(Kind::PubRel)),
                (b"\x70\x02\0\0", Malformed::ZeroPacketId(Kind::PubComp)),
            ],
            role,
            BOTH,
        );
    }
}

#[test]
fn subscribe_and_unsubscribe() {
    let (subscribe, unsubscribe) = (Malformed::Truncated(Kind::Subscribe), Malformed::Truncated(Kind::Unsubscribe));
    assert_refused(
        &[
            (b"\x82\x01\0", subscribe),
            (b"\x82\x02\0\x01", Malformed::NoSubscriptions),
            (b"\x82\x06\0\0\0\x01a\0", Malformed::ZeroPacketId(Kind::Subscribe)),
            (b"\x82\x03\0\x01\0", subscribe),
            (b"\x82\x05\0\x01\0\x01a", subscribe),
            (b"\x82\x06\0\x01\0\x03a\0", subscribe),
            (b"\x82\x07\0\x01\0\x01a\0\0", subscribe),
            (b"\x82\x05\0\x01\0\0\0", Malformed::EmptyTopic),
            (b"\x82\x06\0\x01\0\x01a\x03", Malformed::RequestedQos(3)),
            (b"\x82\x07\0\x01\0\x02a#\0", Malformed::MisplacedHash),
            (b"\x82\x07\0\x01\0\x02#/\0", Malformed::MisplacedHash),
            (b"\x82\x07\0\x01\0\x02a+\0", Malformed::MisplacedPlus),
            (b"\x82\x07\0\x01\0\x02+a\0", Malformed::MisplacedPlus),
            (b"\x82\x06\0\x01\0\x01\0\0", Malformed::NulCharacter),
            (b"\x82\x06\0\x01\0\x01\xfe\0", Malformed::InvalidUtf8),
            (b"\x82\x0a\0\x01\0\x01a\0\0\x01+\x03", Malformed::RequestedQos(3)),
            (b"\xa2\0", unsubscribe),
            (b"\xa2\x02\0\x01", Malformed::NoFilters),
            (b"\xa2\x05\0\0\0\x01a", Malformed::ZeroPacketId(Kind::Unsubscribe)),
            (b"\xa2\x06\0\x01\0\x01a\0", unsubscribe),
            (b"\xa2\x05\0\x01\0\x02a", unsubscribe),
            (b"\xa2\x04\0\x01\0\0", Malformed::EmptyTopic),
            (b"\xa2\x06\0\x01\0\x02+#", Malformed::MisplacedPlus),
            (b"\xa2\x05\0\x01\0\x01\0", Malformed::NulCharacter),
        ],
        Role::Server,
        BOTH,
    );
    assert_refused(
        &[
            (b"\x82\x06\0\x01\0\x01a\x04", Malformed::RequestedQos(4)),
            (b"\x82\x06\0\x01\0\x01a\x81", Malformed::RequestedQos(0x81)),
        ],
        Role::Server,
        STRICT,
    );
}

#[test]
fn what_servers_send() {
    assert_refused(
        &[
            (b"\x20\x01\0", Malformed::BodyLength(Kind::ConnAck, 1)),
            (b"\x20\x03\0\0\0", Malformed::BodyLength(Kind::ConnAck, 3)),
            (b"\x20\x02\0\x06", Malformed::ConnectReturnCode(6)),
            (b"\x20\x02\0\xff", Malformed::ConnectReturnCode(255)),
            (b"\x90\x01\0", Malformed::Truncated(Kind::SubAck)),
            (b"\x90\x02\0\x01", Malformed::NoReturnCodes),
            (b"\x90\x03\0\0\0", Malformed::ZeroPacketId(Kind::SubAck)),
            (b"\x90\x03\0\x01\x03", Malformed::SubscribeReturnCode(3)),
            (b"\x90\x04\0\x01\0\x81", Malformed::SubscribeReturnCode(0x81)),
            (b"\xb0\x03\0\x01\0", Malformed::BodyLength(Kind::UnsubAck, 3)),
            (b"\xb0\x02\0\0", Malformed::ZeroPacketId(Kind::UnsubAck)),
            (b"\xd0\x01\0", Malformed::BodyLength(Kind::PingResp, 1)),
        ],
        Role::Client,
        BOTH,
    );
    assert_refused(
        &[
            (b"\x20\x02\x02\0", Malformed::ConnAckFlags(2)),
            (b"\x20\x02\x81\0", Malformed::ConnAckFlags(0x81)),
            (b"\x20\x02\x01\x05", Malformed::SessionPresentInRefusal),
            (b"\xb2\x02\0\x01", Malformed::HeaderFlags(Kind::UnsubAck, 2)),
        ],
        Role::Client,
        STRICT,
    );
}

#[test]
fn what_the_fixed_header_shows_is_refused_before_the_body_is_there() {
    let limits = Limits { max_packet: 1024 };
    for (bytes, why) in [
        (&b"\x00"[..], Malformed::ReservedType(0)),
        (b"\x20", Malformed::WrongDirection(Kind::ConnAck)),
        (b"\x36", Malformed::PublishQos),
        (b"\x38", Malformed::DupWithoutQos),
        (b"\x80", Malformed::HeaderFlags(Kind::Subscribe, 0)),
        (b"\xc0\xff\x7f", Malformed::BodyLength(Kind::PingReq, 16_383)),
        (b"\x10\xff\xff\xff\x7f", Malformed::TooLarge { size: 268_435_460, limit: 1024 }),
        (b"\x30\xff\x07", Malformed::TooLarge { size: 1026, limit: 1024 }),
        (b"\x82\xfe\x07", Malformed::TooLarge { size: 1025, limit: 1024 }),
    ] {
        let result = decode(&mut BytesMut::from(bytes), &limits, Role::Server, Version::V311);
        assert_eq!(result, Err(why));
    }
    assert_eq!(decode(&mut BytesMut::from(&b"\x30\xfd\x07"[..]), &limits, Role::Server, Version::V311), Ok(None));
}

#[test]
fn a_connection_begins_with_connect() {
    for first in [0x00, 0x20, 0x30, 0x82, 0xc0, 0xe0, 0xf0, b'G'] {
        let result = decode_first(&mut BytesMut::from(&[first][..]), &LIMITS);
        assert_eq!(result, Err(Malformed::ConnectExpected));
    }
    assert_eq!(decode_first(&mut BytesMut::new(), &LIMITS), Ok(None));
    assert_eq!(decode_first(&mut BytesMut::from(&b"\x10\x0d\0\x04MQTT\x04"[..]), &LIMITS), Ok(None));
    let huge = decode_first(&mut BytesMut::from(&b"\x10\xff\xff\xff\x7f"[..]), &LIMITS);
    assert_eq!(huge, Err(Malformed::TooLarge { size: 268_435_460, limit: LIMITS.max_packet }));
}

#[test]
fn topic_filters() {
    for good in ["#", "+", "/", "a", "a/#", "+/+", "/+", "+/", "a/+/b/#", "$share/g/a/+", "$SYS/#", "é/+", "a*/>."] {
        assert!(TopicFilter::new(good.into()).is_ok(), "{good}");
    }
    for (bad, why) in [
        ("", Malformed::EmptyTopic),
        ("a#", Malformed::MisplacedHash),
        ("#/a", Malformed::MisplacedHash),
        ("##", Malformed::MisplacedHash),
        ("a/#/b", Malformed::MisplacedHash),
        ("/a#", Malformed::MisplacedHash),
        ("a+", Malformed::MisplacedPlus),
        ("+a", Malformed::MisplacedPlus),
        ("++", Malformed::MisplacedPlus),
        ("a/+b/c", Malformed::MisplacedPlus),
        ("é+", Malformed::MisplacedPlus),
        ("+/é#", Malformed::MisplacedHash),
        ("a\0", Malformed::NulCharacter),
    ] {
        assert_eq!(TopicFilter::new(bad.into()), Err(why), "{bad}");
    }
    // As many levels as fit: checked in one pass, without recursion.
    assert!(TopicFilter::new("/".repeat(65_535).into()).is_ok());
    assert!(TopicFilter::new("+/".repeat(32_767).into()).is_ok());
}

#[test]
fn the_longest_and_strangest_topic_names_are_allowed() {
    for good in ["a".repeat(65_535), "\u{feff}a".into(), "\u{1}\u{7f}\u{9f}".into(), "\u{ffff}".into(), " ".into()] {
        let name = TopicName::new(good.clone().into()).unwrap();
        assert_eq!(name.as_str(), good);
    }
    assert_eq!(TopicName::new("a".repeat(65_536).into()), Err(Malformed::TextTooLong(65_536)));
}
