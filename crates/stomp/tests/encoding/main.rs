//! STOMP messages and the hub, both ways.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bytes::Bytes;
use model::{
    Address, Converted, Encoding, EncodingId, Header, Hub, HubBody, HubProperties, Message, Scalar, Time, Value,
};
use proptest::prelude::*;
use stomp::StompEncoding;

const V12: u8 = 2 << 1;
const HAD_LENGTH: u8 = 1;

fn message(private: u8, lines: &str, body: &[u8]) -> Message {
    Message {
        address: Address::default(),
        header: Header { private, ..Header::default() },
        encoding: EncodingId::STOMP,
        properties: Bytes::copy_from_slice(lines.as_bytes()),
        body: Bytes::copy_from_slice(body).into(),
    }
}

fn decode(lines: &str) -> Hub {
    StompEncoding.decode(&message(V12 | HAD_LENGTH, lines, b""))
}

/// The lines that a hub message becomes, and how much is lost.
fn encode(hub: &Hub) -> (String, Converted) {
    let converted = StompEncoding.encode(hub, Time(0)).unwrap();
    (String::from_utf8(converted.properties.to_vec()).unwrap(), converted)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn headers_have_their_places_in_the_hub() {
    let hub = decode(
        "destination:/queue/a\ncontent-type:text/plain\ncontent-encoding:gzip\ncorrelation-id:c\namqp-message-id:m\n\
         reply-to:/queue/r\ntype:t\nJMSXGroupID:g\nJMSXGroupSeq:3\ntimestamp:99\n",
    );
    let expected = HubProperties {
        message_id: Some(text("m")),
        subject: Some("t".into()),
        reply_to: Some("queue://r".into()),
        correlation_id: Some(text("c")),
        content_type: Some("text/plain".into()),
        content_encoding: Some("gzip".into()),
        creation_time: Some(99),
        group_id: Some("g".into()),
        group_sequence: Some(3),
        ..HubProperties::default()
    };
    assert_eq!(hub.properties, expected);
    assert!(hub.application_properties.is_empty() && hub.annotations.is_empty());
    let (lines, converted) = encode(&hub);
    assert_eq!(
        lines,
        "content-type:text/plain\ncontent-encoding:gzip\ntype:t\nJMSXGroupID:g\ncorrelation-id:c\namqp-message-id:m\n\
         reply-to:/queue/r\ntimestamp:99\nJMSXGroupSeq:3\n"
    );
    assert_eq!(converted.lost, 0);
}

#[test]
fn all_other_headers_are_text_properties_the_first_of_a_name_counts() {
    let hub =
        decode("a:1\nb:x\\cy\na:2\nx-own:true\nreceipt:r\nJMSXUserID:root\nAMQ_SCHEDULED_DELAY:5\ntimestamp:then\n");
    let expected = [("a", "1"), ("b", "x:y"), ("x-own", "true"), ("timestamp", "then")];
    assert_eq!(hub.application_properties, expected.map(|(name, value)| (name.to_owned(), text(value))));
    assert_eq!(hub.properties, HubProperties::default());
}

#[test]
fn a_body_is_text_or_bytes() {
    let data = |bytes: &'static [u8]| HubBody::Data(Bytes::from_static(bytes).into());
    for (private, lines, body, expected) in [
        (V12, "", &b"text"[..], HubBody::Value(text("text"))),
        (V12, "", b"", HubBody::Value(text(""))),
        (V12, "", b"\xff", data(b"\xff")),
        (V12, "amq-msg-type:bytes\n", b"text", data(b"text")),
        (V12 | HAD_LENGTH, "", b"text", data(b"text")),
        (V12 | HAD_LENGTH, "amq-msg-type:text\n", b"text", HubBody::Value(text("text"))),
        (V12 | HAD_LENGTH, "amq-msg-type:text\n", b"\xff", data(b"\xff")),
    ] {
        let hub = StompEncoding.decode(&message(private, lines, body));
        assert_eq!(hub.body, expected, "{lines}");
        assert!(hub.application_properties.is_empty());
    }
}

#[test]
fn typed_properties_become_text_and_what_cannot_is_counted() {
    let scalars = [
        ("bool", Value::Bool(true), "true"),
        ("ulong", Value::Ulong(u64::MAX), "18446744073709551615"),
        ("long", Value::Long(-5), "-5"),
        ("double", Value::Double(0.1), "0.1"),
        ("timestamp-", Value::Timestamp(77), "77"),
        ("char", Value::Char('ä'), "ä"),
        ("symbol", Value::Symbol("s".into()), "s"),
        ("binary", Value::Binary(Bytes::from_static(b"\x01")), "AQ=="),
        ("uuid", Value::Uuid([0; 16]), "00000000-0000-0000-0000-000000000000"),
        ("e:s\ncape", text("a:b\\\r\n"), "a\\cb\\\\\\r\\n"),
    ];
    let mut hub = Hub::default();
    let mut expected = String::from("x-shown:1\n");
    hub.annotations = vec![("x-shown".into(), Value::Int(1)), ("x-opt-hidden".into(), Value::Int(1))];
    for (name, value, shown) in scalars {
        hub.application_properties.push((name.to_owned(), value));
        expected += &format!("{}:{shown}\n", name.replace(':', "\\c").replace('\n', "\\n"));
    }
    let lost = [
        ("null", Value::Null),
        ("list", Value::List(vec![Value::Int(1)])),
        ("map", Value::Map(Vec::new())),
        ("decimal", Value::Decimal32([0; 4])),
        ("destination", text("/queue/forged")),
        ("content-length", text("99")),
        ("", text("no name")),
        ("nul\0", text("x")),
    ];
    hub.application_properties.extend(lost.clone().map(|(name, value)| (name.to_owned(), value)));
    let (lines, converted) = encode(&hub);
    assert_eq!(lines, expected);
    assert_eq!(converted.lost, lost.len() as u32);
}

#[test]
fn ids_say_their_type_where_they_can() {
    for (id, shown, lost) in [
        (text("x"), "x", 0),
        (Value::Ulong(7), "7", 0),
        (Value::Uuid([0; 16]), "urn\\cuuid\\c00000000-0000-0000-0000-000000000000", 0),
        (Value::Binary(Bytes::from_static(b"\x01")), "AQ==", 1),
    ] {
        let properties = HubProperties { correlation_id: Some(id), ..HubProperties::default() };
        let (lines, converted) = encode(&Hub { properties, ..Hub::default() });
        assert_eq!((lines, converted.lost), (format!("correlation-id:{shown}\n"), lost));
    }
}

#[test]
fn users_and_groups_that_cannot_be_said_are_counted() {
    let properties = HubProperties {
        user_id: Some(Bytes::from_static(b"\xff")),
        reply_to_group_id: Some("g".into()),
        subject: Some("a\0b".into()),
        ..HubProperties::default()
    };
    let (lines, converted) = encode(&Hub { properties, ..Hub::default() });
    assert_eq!((lines.as_str(), converted.lost), ("type:a b\n", 3));
    let properties = HubProperties { user_id: Some(Bytes::from_static(b"me")), ..HubProperties::default() };
    assert_eq!(encode(&Hub { properties, ..Hub::default() }).0, "JMSXUserID:me\n");
}

#[test]
fn structured_bodies_are_json() {
    let map = Value::Map(vec![(text("a"), Value::Int(1))]);
    let hub = Hub { body: HubBody::Value(map.clone()), ..Hub::default() };
    let (lines, converted) = encode(&hub);
    assert_eq!((lines.as_str(), converted.lost), ("content-type:application/json\n", 1));
    assert_eq!(&converted.body.joined()[..], br#"{"a":1}"#);
    let properties = HubProperties { content_type: Some("x/y".into()), ..HubProperties::default() };
    let hub = Hub { body: HubBody::Sequence(vec![map]), properties, ..Hub::default() };
    assert_eq!(encode(&hub).0, "content-type:x/y\n");
}

#[test]
fn selectors_see_headers_as_text() {
    let message = message(V12, "type:t\ncorrelation-id:c\ntimestamp:5\nsize:10\nreply-to:/queue/r\nx:a\\nb\n", b"");
    for (name, expected) in [
        ("JMSType", Scalar::Text("t")),
        ("JMSCorrelationID", Scalar::Text("c")),
        ("JMSReplyTo", Scalar::Text("/queue/r")),
        ("JMSTimestamp", Scalar::Int(5)),
        ("size", Scalar::Text("10")),
        ("x", Scalar::Text("a\\nb")),
        ("none", Scalar::Null),
    ] {
        assert_eq!(StompEncoding.property(&message, name), expected, "{name}");
    }
}

proptest! {
    /// What STOMP can say comes back from it.
    #[test]
    fn text_properties_survive(pairs in prop::collection::btree_map("[^\0]{1,8}", "[^\0]{0,12}", 0..6), body: String) {
        let hub = Hub {
            application_properties: pairs.iter().map(|(name, value)| (format!("x{name}"), text(value))).collect(),
            body: HubBody::Value(text(&body)),
            ..Hub::default()
        };
        let (lines, converted) = encode(&hub);
        prop_assert_eq!(converted.lost, 0);
        let again = StompEncoding.decode(&message(V12, &lines, &converted.body.joined()));
        prop_assert_eq!(again, hub);
    }

    /// Any bytes are read, for they may come from a disk.
    #[test]
    fn any_lines_are_read(lines: Vec<u8>, private: u8, body: Vec<u8>) {
        let mut message = message(private, "", &body);
        message.properties = lines.into();
        let hub = StompEncoding.decode(&message);
        StompEncoding.encode(&hub, Time(0)).unwrap();
        StompEncoding.property(&message, "x");
    }
}

#[test]
fn lines_that_would_end_a_frame_are_not_sound() {
    for (lines, sound) in
        [("", true), ("a:b", true), ("a:b\nc:\n", true), ("a:b\n\nc:d", false), ("\n", false), ("a", false)]
    {
        assert_eq!(StompEncoding.is_sound(&message(V12, lines, b"")), sound, "{lines:?}");
    }
    assert!(!StompEncoding.is_sound(&message(V12, "a:\0", b"")));
}
