//! Other protocols' messages as AMQP 0-9-1 says them, and what is counted as lost.

use amqp091::codec::{FieldValue, MAX_NESTING, Properties};
use bytes::Bytes;
use model::{Body, Header, Hub, HubBody, HubProperties, Time, Value};

use crate::{from_hub, message, to_hub};

fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn with_property(value: Value) -> Hub {
    Hub { application_properties: vec![("p".to_owned(), value)], ..Hub::default() }
}

#[test]
fn values_take_the_nearest_type_or_are_counted() {
    let uuid = Value::Uuid([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let rows: Vec<(Value, Option<FieldValue<'_>>, u32)> = vec![
        (Value::Ulong(5), Some(FieldValue::Long(5)), 0),
        (Value::Ulong(u64::MAX), Some(FieldValue::LongString(b"18446744073709551615")), 0),
        (Value::Char('𝄞'), Some(FieldValue::LongString("𝄞".as_bytes())), 0),
        (uuid, Some(FieldValue::LongString(b"12345678-9abc-def0-0102-030405060708")), 0),
        (Value::Symbol("s".to_owned()), Some(FieldValue::LongString(b"s")), 0),
        (Value::Timestamp(1_999), Some(FieldValue::Timestamp(1)), 0),
        (Value::Timestamp(-1), None, 1),
        (Value::Decimal64([0; 8]), None, 1),
        (Value::Described(Box::new((Value::Ulong(1), Value::Int(2)))), Some(FieldValue::Int(2)), 1),
    ];
    for (value, field, lost) in rows {
        let converted = from_hub(&with_property(value.clone()));
        let properties = Properties::read(&converted.properties).unwrap();
        let found = properties.headers.and_then(|headers| headers.get("p"));
        assert_eq!((found, converted.lost), (field, lost), "{value:?}");
    }
}

#[test]
fn containers_keep_what_can_be_said() {
    let list = Value::Array(vec![Value::Int(1), Value::Decimal32([0; 4]), Value::Int(3)]);
    let map = Value::Map(vec![
        (string("kept"), list),
        (Value::Symbol("symbol".to_owned()), Value::Null),
        (Value::Ulong(7), Value::Bool(true)),
        (Value::Null, Value::Int(1)),
        (string(&"k".repeat(256)), Value::Int(1)),
        (string("decimal"), Value::Decimal128([0; 16])),
    ]);
    let converted = from_hub(&with_property(map));
    assert_eq!(converted.lost, 5);
    let hub = to_hub(&stored(&converted.properties));
    let expected = Value::Map(vec![
        (string("kept"), Value::List(vec![Value::Int(1), Value::Null, Value::Int(3)])),
        (string("symbol"), Value::Null),
        (string("7"), Value::Bool(true)),
    ]);
    assert_eq!(hub.application_properties, [("p".to_owned(), expected)]);
}

fn stored(raw: &Bytes) -> model::Message {
    model::Message { properties: raw.clone(), ..message(&Properties::default(), Header::default(), b"") }
}

#[test]
fn what_is_nested_too_deep_is_lost_and_no_more() {
    let nested = |levels: usize| (0..levels).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    // The table of all headers is the first level.
    let deepest = from_hub(&with_property(nested(MAX_NESTING - 1)));
    assert_eq!(deepest.lost, 0);
    assert_eq!(to_hub(&stored(&deepest.properties)).application_properties[0].1, nested(MAX_NESTING - 1));
    let mut hub = with_property(nested(MAX_NESTING + 3));
    hub.application_properties.push(("other".to_owned(), Value::Int(1)));
    let converted = from_hub(&hub);
    assert_eq!(converted.lost, 1);
    let hub = to_hub(&stored(&converted.properties));
    assert_eq!(hub.application_properties[1], ("other".to_owned(), Value::Int(1)));
    let described = (0..MAX_NESTING + 3).fold(Value::Null, |inner, _| Value::Described(Box::new((Value::Null, inner))));
    assert_eq!(from_hub(&with_property(described)).lost, MAX_NESTING as u32);
}

#[test]
fn the_header_becomes_properties() {
    let header = Header { durable: true, priority: 7, expires: Some(Time(61_000)), ..Header::default() };
    let converted = from_hub(&Hub { header, ..Hub::default() });
    let expected =
        Properties { delivery_mode: Some(2), priority: Some(7), expiration: Some(b"60000"), ..Properties::default() };
    assert_eq!(Properties::read(&converted.properties), Ok(expected));
    let plain = from_hub(&Hub::default());
    let expected = Properties { delivery_mode: Some(1), ..Properties::default() };
    assert_eq!(Properties::read(&plain.properties), Ok(expected));
    let late = from_hub(&Hub { header: Header { expires: Some(Time(1)), ..Header::default() }, ..Hub::default() });
    assert_eq!(Properties::read(&late.properties).unwrap().expiration, Some(&b"0"[..]));
}

#[test]
fn properties_and_ids_find_a_place() {
    let long = "i".repeat(300);
    let hub = Hub {
        properties: HubProperties {
            message_id: Some(Value::Ulong(7)),
            user_id: Some(Bytes::from_static(b"u")),
            to: Some("queue://q".to_owned()),
            subject: Some("s".to_owned()),
            reply_to: Some("queue://answers".to_owned()),
            correlation_id: Some(string(&long)),
            content_type: Some("text/plain".to_owned()),
            content_encoding: Some("gzip".to_owned()),
            creation_time: Some(1_700_000_000_999),
            group_id: Some("g".to_owned()),
            group_sequence: Some(u32::MAX),
            ..HubProperties::default()
        },
        annotations: vec![
            ("x-opt-app-id".to_owned(), string("app")),
            ("x-opt-jms-dest".to_owned(), Value::Byte(0)),
            ("x-own".to_owned(), Value::Int(1)),
        ],
        ..Hub::default()
    };
    let converted = from_hub(&hub);
    assert_eq!(converted.lost, 0);
    let found = Properties::read(&converted.properties).unwrap();
    let headers = found.headers.unwrap();
    let expected = Properties {
        content_type: Some(b"text/plain"),
        content_encoding: Some(b"gzip"),
        headers: Some(headers),
        delivery_mode: Some(1),
        reply_to: Some(b"answers"),
        message_id: Some(b"7"),
        timestamp: Some(1_700_000_000),
        kind: Some(b"s"),
        user_id: Some(b"u"),
        app_id: Some(b"app"),
        ..Properties::default()
    };
    assert_eq!(found, expected);
    let fields = headers.iter().collect::<Vec<_>>();
    let expected = [
        (&b"x-correlation-id"[..], FieldValue::LongString(long.as_bytes())),
        (b"JMSXGroupID", FieldValue::LongString(b"g")),
        (b"JMSXGroupSeq", FieldValue::Long(u32::MAX.into())),
        (b"x-own", FieldValue::Int(1)),
    ];
    assert_eq!(fields, expected);
    let again = to_hub(&stored(&converted.properties));
    assert_eq!(again.properties.correlation_id, hub.properties.correlation_id);
    assert_eq!(again.properties.group_sequence, Some(u32::MAX));
}

#[test]
fn what_is_too_long_or_has_no_place_is_counted() {
    let long = Some("i".repeat(256));
    let hub = Hub {
        properties: HubProperties {
            user_id: Some(Bytes::from(vec![b'u'; 256])),
            subject: long.clone(),
            reply_to: long.clone(),
            correlation_id: Some(Value::Binary(Bytes::from_static(b"\x01"))),
            content_type: long.clone(),
            content_encoding: long.clone(),
            creation_time: Some(-1),
            reply_to_group_id: Some("g".to_owned()),
            ..HubProperties::default()
        },
        annotations: vec![("x-opt-app-id".to_owned(), string(&"a".repeat(256)))],
        application_properties: vec![("n".repeat(256), Value::Int(1))],
        ..Hub::default()
    };
    let converted = from_hub(&hub);
    assert_eq!(converted.lost, 10);
    let expected = Properties { delivery_mode: Some(1), correlation_id: Some(b"AQ=="), ..Properties::default() };
    assert_eq!(Properties::read(&converted.properties), Ok(expected));
}

#[test]
fn bodies_become_bytes() {
    let pieces = Body::from_iter([Bytes::from_static(b"a\0"), Bytes::from_static(b"\xff")]);
    type Row = (HubBody, &'static [u8], Option<&'static [u8]>, u32);
    let rows: Vec<Row> = vec![
        (HubBody::Data(pieces), b"a\0\xff", None, 0),
        (HubBody::Value(string("ä")), "ä".as_bytes(), None, 0),
        (HubBody::Value(Value::Null), b"", None, 0),
        (HubBody::Value(Value::Int(5)), b"5", Some(b"application/json"), 1),
        (HubBody::Sequence(vec![Value::Bool(true)]), b"[true]", Some(b"application/json"), 1),
    ];
    for (body, bytes, content_type, lost) in rows {
        let converted = from_hub(&Hub { body, ..Hub::default() });
        assert_eq!((&converted.body.joined()[..], converted.lost), (bytes, lost));
        assert_eq!(Properties::read(&converted.properties).unwrap().content_type, content_type);
    }
    let own = HubProperties { content_type: Some("application/x-own".to_owned()), ..HubProperties::default() };
    let converted = from_hub(&Hub { properties: own, body: HubBody::Value(Value::Int(5)), ..Hub::default() });
    let properties = Properties::read(&converted.properties).unwrap();
    assert_eq!(properties.content_type, Some(&b"application/x-own"[..]));
}
