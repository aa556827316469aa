//! What the hub and selectors see of a message.

use amqp091::Amqp091Encoding;
use amqp091::codec::{ArrayView, FieldTable, FieldValue, Properties, TableBuilder};
use bytes::Bytes;
use model::{Encoding, Header, HubBody, HubProperties, Scalar, Value};

use crate::{message, to_hub};

fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn described(descriptor: &str, value: Value) -> Value {
    Value::Described(Box::new((Value::Symbol(descriptor.to_owned()), value)))
}

fn headers() -> FieldTable {
    let inner = TableBuilder::new().field("k", FieldValue::UnsignedByte(7)).finish().unwrap();
    TableBuilder::new()
        .field("bool", FieldValue::Bool(true))
        .field("byte", FieldValue::Byte(-1))
        .field("ubyte", FieldValue::UnsignedByte(255))
        .field("short", FieldValue::Short(-1))
        .field("ushort", FieldValue::UnsignedShort(65535))
        .field("int", FieldValue::Int(-1))
        .field("uint", FieldValue::UnsignedInt(u32::MAX))
        .field("long", FieldValue::Long(i64::MIN))
        .field("float", FieldValue::Float(1.5))
        .field("double", FieldValue::Double(-0.25))
        .field("decimal", FieldValue::Decimal { scale: 2, value: 125 })
        .text("text", "ä𝄞")
        .field("no text", FieldValue::LongString(b"\xff"))
        .field("binary", FieldValue::ByteArray(b"plain"))
        .field("time", FieldValue::Timestamp(1_700_000_000))
        .field("far time", FieldValue::Timestamp(u64::MAX))
        .field("void", FieldValue::Void)
        .field("table", FieldValue::Table(inner.view()))
        .field("array", FieldValue::Array(ArrayView::new(b"Vt\x01").unwrap()))
        .finish()
        .unwrap()
}

#[test]
fn every_field_type_has_a_type_in_the_hub_and_in_selectors() {
    let list = vec![Value::Ubyte(2), Value::Uint(125)];
    let rows: Vec<(&str, Value, Scalar<'_>)> = vec![
        ("bool", Value::Bool(true), Scalar::Bool(true)),
        ("byte", Value::Byte(-1), Scalar::Int(-1)),
        ("ubyte", Value::Ubyte(255), Scalar::Int(255)),
        ("short", Value::Short(-1), Scalar::Int(-1)),
        ("ushort", Value::Ushort(65535), Scalar::Int(65535)),
        ("int", Value::Int(-1), Scalar::Int(-1)),
        ("uint", Value::Uint(u32::MAX), Scalar::Int(u32::MAX.into())),
        ("long", Value::Long(i64::MIN), Scalar::Int(i64::MIN)),
        ("float", Value::Float(1.5), Scalar::Float(1.5)),
        ("double", Value::Double(-0.25), Scalar::Float(-0.25)),
        ("decimal", described("amqp091:decimal", Value::List(list)), Scalar::Float(1.25)),
        ("text", string("ä𝄞"), Scalar::Text("ä𝄞")),
        ("no text", Value::Binary(Bytes::from_static(b"\xff")), Scalar::Null),
        ("binary", Value::Binary(Bytes::from_static(b"plain")), Scalar::Null),
        ("time", Value::Timestamp(1_700_000_000_000), Scalar::Int(1_700_000_000_000)),
        ("far time", described("amqp091:timestamp", Value::Ulong(u64::MAX)), Scalar::Null),
        ("void", Value::Null, Scalar::Null),
        ("table", Value::Map(vec![(string("k"), Value::Ubyte(7))]), Scalar::Null),
        ("array", Value::List(vec![Value::Null, Value::Bool(true)]), Scalar::Null),
    ];
    let headers = headers();
    let properties = Properties { headers: Some(headers.view()), ..Properties::default() };
    let message = message(&properties, Header::default(), b"");
    for (name, _, scalar) in &rows {
        assert_eq!(Amqp091Encoding.property(&message, name), *scalar, "{name}");
    }
    assert_eq!(Amqp091Encoding.property(&message, "none"), Scalar::Null);
    let expected = rows.into_iter().map(|(name, value, _)| (name.to_owned(), value)).collect::<Vec<_>>();
    assert_eq!(to_hub(&message).application_properties, expected);
}

#[test]
fn properties_take_their_places() {
    let headers = TableBuilder::new()
        .text("JMSXGroupID", "group")
        .field("JMSXGroupSeq", FieldValue::Int(3))
        .text("x-stream", "s")
        .text("own", "o")
        .finish()
        .unwrap();
    let properties = Properties {
        content_type: Some(b"text/plain"),
        content_encoding: Some(b"gzip"),
        headers: Some(headers.view()),
        correlation_id: Some(b"c"),
        reply_to: Some(b"answers"),
        message_id: Some(b"\xff\x00"),
        timestamp: Some(1_700_000_000),
        kind: Some(b"order"),
        user_id: Some(b"guest"),
        app_id: Some(b"app"),
        cluster_id: Some(b"lost"),
        ..Properties::default()
    };
    let header = Header { durable: true, priority: 9, ..Header::default() };
    let message = message(&properties, header, b"body");
    let hub = to_hub(&message);
    let expected = HubProperties {
        message_id: Some(Value::Binary(Bytes::from_static(b"\xff\x00"))),
        user_id: Some(Bytes::from_static(b"guest")),
        subject: Some("order".to_owned()),
        reply_to: Some("queue://answers".to_owned()),
        correlation_id: Some(string("c")),
        content_type: Some("text/plain".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        creation_time: Some(1_700_000_000_000),
        group_id: Some("group".to_owned()),
        group_sequence: Some(3),
        ..HubProperties::default()
    };
    assert_eq!(hub.properties, expected);
    assert_eq!(hub.header, header);
    assert_eq!(hub.annotations, [("x-opt-app-id".to_owned(), string("app")), ("x-stream".to_owned(), string("s"))]);
    assert_eq!(hub.application_properties, [("own".to_owned(), string("o"))]);
    assert_eq!(hub.body, HubBody::Data(message.body.clone()));
    for (name, scalar) in [
        ("JMSCorrelationID", Scalar::Text("c")),
        ("JMSMessageID", Scalar::Null),
        ("JMSTimestamp", Scalar::Int(1_700_000_000_000)),
        ("JMSType", Scalar::Text("order")),
        ("JMSXUserID", Scalar::Text("guest")),
        ("JMSXGroupID", Scalar::Text("group")),
        ("x-stream", Scalar::Text("s")),
    ] {
        assert_eq!(Amqp091Encoding.property(&message, name), scalar, "{name}");
    }
}

#[test]
fn addresses_stay_what_they_are() {
    for (raw, canonical) in [("q", "queue://q"), ("topic://a.b", "topic://a.b"), ("/exchanges/x/k", "/exchanges/x/k")] {
        let properties = Properties { reply_to: Some(raw.as_bytes()), ..Properties::default() };
        let hub = to_hub(&message(&properties, Header::default(), b""));
        assert_eq!(hub.properties.reply_to.as_deref(), Some(canonical));
    }
}

#[test]
fn headers_that_only_look_like_properties_stay_headers() {
    let headers = TableBuilder::new()
        .field("JMSXGroupID", FieldValue::Int(1))
        .field("JMSXGroupSeq", FieldValue::Int(-1))
        .text("x-correlation-id", "short")
        .finish()
        .unwrap();
    let hub = to_hub(&message(
        &Properties { headers: Some(headers.view()), ..Properties::default() },
        Header::default(),
        b"",
    ));
    assert_eq!(hub.properties, HubProperties::default());
    assert_eq!(hub.annotations, [("x-correlation-id".to_owned(), string("short"))]);
    let expected = [("JMSXGroupID".to_owned(), Value::Int(1)), ("JMSXGroupSeq".to_owned(), Value::Int(-1))];
    assert_eq!(hub.application_properties, expected);
}

#[test]
fn damaged_properties_are_none() {
    let mut message = message(&Properties::default(), Header::default(), b"body");
    message.properties = Bytes::from_static(b"\x80");
    assert_eq!(to_hub(&message).properties, HubProperties::default());
    assert_eq!(Amqp091Encoding.property(&message, "JMSType"), Scalar::Null);
}
