use std::sync::Arc;

use model::{Address, Encodings, Header, HubProperties};
use proptest::prelude::*;

use super::*;

fn message(properties: &Properties<'_>, body: &'static [u8]) -> Message {
    Message {
        address: Address::default(),
        header: Header::default(),
        encoding: EncodingId::SQS,
        properties: properties.write().into(),
        body: Bytes::from_static(body).into(),
    }
}

fn attribute<'a>(name: &'a str, data_type: &'a str, text: &'a str) -> Attribute<'a> {
    Attribute { name, data_type, content: Content::Text(text) }
}

#[test]
fn a_message_of_sqs_for_other_protocols() {
    let attributes = vec![
        Attribute { name: "bin", data_type: "Binary.png", content: Content::Binary(&[0, 255]) },
        attribute("big", "Number", "123456789012345678901"),
        attribute("flag", "Number.int", "7"),
        attribute("label", "String.colour", "red"),
        attribute("name", "String", "x"),
        attribute("pi", "Number", "3.25"),
    ];
    let properties =
        Properties { sender: Some("000000000000"), group: Some("g"), trace: Some("Root=1"), digest: None, attributes };
    let message = message(&properties, "grüße".as_bytes());
    let hub = SqsEncoding.decode(&message);
    let text = |text: &str| Value::String(text.to_owned());
    assert_eq!(hub.body, HubBody::Value(text("grüße")));
    assert_eq!(hub.properties.group_id.as_deref(), Some("g"));
    let expected = [
        ("bin", Value::Binary(Bytes::from_static(&[0, 255]))),
        ("big", text("123456789012345678901")),
        ("flag", Value::Int(7)),
        ("label", text("red")),
        ("name", text("x")),
        ("pi", Value::Double(3.25)),
    ];
    assert_eq!(hub.application_properties, expected.map(|(name, value)| (name.to_owned(), value)));
    let labels = hub.annotations.iter().filter(|(name, _)| name.starts_with(TYPE_PREFIX)).cloned();
    let expected = [("bin", "Binary.png"), ("label", "String.colour")];
    let expected = expected.map(|(name, label)| (format!("x-opt-aws-type-{name}"), text(label)));
    assert_eq!(labels.collect::<Vec<_>>(), expected, "what is no type of the hub's");

    let property = |name| SqsEncoding.property(&message, name);
    assert_eq!(property("flag"), Scalar::Int(7));
    assert_eq!(property("pi"), Scalar::Float(3.25));
    assert_eq!(property("name"), Scalar::Text("x"));
    assert_eq!(property("JMSXGroupID"), Scalar::Text("g"));
    assert_eq!((property("bin"), property("other")), (Scalar::Null, Scalar::Null));

    let mut encodings = Encodings::default();
    encodings.register(Arc::new(SqsEncoding));
    assert_eq!(encodings.to_hub(&message), hub, "registered under its own id");
}

#[test]
fn messages_of_others_become_text_or_base64() {
    let data = |bytes: &'static [u8]| Hub { body: HubBody::Data(Bytes::from_static(bytes).into()), ..Hub::default() };
    let converted = encode(&data(b"plain\n"), Some("sensors/1")).unwrap();
    assert_eq!(converted.body.joined(), "plain\n");
    let properties = Properties::read(&converted.properties);
    assert_eq!(properties.attributes, [attribute("causeway.topic", "String", "sensors/1")]);
    assert_eq!(properties.digest, Some(hash::of_bytes(b"plain\n")));

    let converted = encode(&data(&[0, 1, 2]), None).unwrap();
    assert_eq!(converted.body.joined(), "AAEC");
    let properties = Properties::read(&converted.properties);
    assert_eq!(properties.attributes, [attribute("causeway.encoding", "String", "base64")]);

    let longest = vec![b'x'; LARGEST_MESSAGE + 1];
    let hub = |bytes: &[u8]| Hub { body: HubBody::Data(Bytes::copy_from_slice(bytes).into()), ..Hub::default() };
    assert!(encode(&hub(&longest), None).is_err());
    assert!(encode(&hub(&longest[1..]), None).is_ok());
    assert!(encode(&hub(&[0; LARGEST_MESSAGE + 1]), None).is_err());
    let converted = encode(&hub(&[0; LARGEST_MESSAGE]), None).unwrap();
    assert_eq!(converted.body.len(), LARGEST_MESSAGE.div_ceil(3) * 4, "what is in the Base64 counts");
}

#[test]
fn typed_bodies_become_json_and_say_so() {
    let map = Value::Map(vec![(Value::String("a".into()), Value::List(vec![Value::Int(1), Value::Null]))]);
    let converted = encode(&Hub { body: HubBody::Value(map.clone()), ..Hub::default() }, None).unwrap();
    assert_eq!((converted.body.joined(), converted.lost), (Bytes::from(r#"{"a":[1,null]}"#), 1));
    let expected = [attribute("causeway.content-type", "String", "application/json")];
    assert_eq!(Properties::read(&converted.properties).attributes, expected);
    let properties = HubProperties { content_type: Some("application/x-map".into()), ..HubProperties::default() };
    let converted = encode(&Hub { body: HubBody::Value(map), properties, ..Hub::default() }, None).unwrap();
    let expected = [attribute("causeway.content-type", "String", "application/x-map")];
    assert_eq!(Properties::read(&converted.properties).attributes, expected);
    let converted = encode(&Hub { body: HubBody::Sequence(Vec::new()), ..Hub::default() }, None).unwrap();
    assert_eq!(converted.body.joined(), "[]");
}

#[test]
fn everything_has_an_attribute_while_there_is_room() {
    let hub = Hub {
        header: Header { priority: 7, expires: Some(Time(9_000)), ..Header::default() },
        properties: HubProperties {
            content_type: Some("text/plain".into()),
            correlation_id: Some(Value::Ulong(42)),
            message_id: Some(Value::Uuid([0x11; 16])),
            reply_to: Some("queue://answers".into()),
            subject: Some("order".into()),
            to: Some("queue://orders".into()),
            group_id: Some("a group".into()),
            creation_time: Some(1_700_000_000_000),
            ..HubProperties::default()
        },
        annotations: vec![("x-stream".into(), Value::Int(-1)), ("x-opt-own".into(), Value::Int(1))],
        ..Hub::default()
    };
    let converted = encode(&hub, None).unwrap();
    let expected = [
        attribute("causeway.content-type", "String", "text/plain"),
        attribute("causeway.correlation-id", "Number.ulong", "42"),
        attribute("causeway.creation-time", "Number", "1700000000000"),
        attribute("causeway.expires", "Number", "9000"),
        attribute("causeway.group-id", "String", "a group"),
        attribute("causeway.message-id", "String", "urn:uuid:11111111-1111-1111-1111-111111111111"),
        attribute("causeway.priority", "Number", "7"),
        attribute("causeway.reply-to", "String", "queue://answers"),
        attribute("causeway.subject", "String", "order"),
        attribute("x-stream", "Number.int", "-1"),
    ];
    assert_eq!((Properties::read(&converted.properties).attributes, converted.lost), (expected.to_vec(), 0));
}

/// What is in the packed attribute of `hub`, how many others it has, and what was lost.
fn packed(hub: &Hub) -> (serde_json::Value, usize, u32) {
    let converted = encode(hub, Some("t")).unwrap();
    let attributes = Properties::read(&converted.properties).attributes;
    let (mut packed, others) = attributes.iter().partition::<Vec<_>, _>(|it| it.name == "causeway.properties");
    let packed = packed.pop().map_or("null", |it| match it.content {
        Content::Text(text) => {
            assert!(is_speakable(text) && it.data_type == "String.json");
            text
        }
        Content::Binary(_) => panic!("{it:?}"),
    });
    (serde_json::from_str(packed).unwrap(), others.len(), converted.lost)
}

#[test]
fn what_is_too_much_for_ten_attributes_is_packed() {
    let value = |i: i32| (format!("p{i}"), Value::Int(i));
    let mut hub = Hub { application_properties: (0..9).map(value).collect(), ..Hub::default() };
    assert_eq!(packed(&hub), (serde_json::Value::Null, 10, 0), "the topic and nine");
    hub.application_properties.push(value(9));
    hub.properties.message_id = Some(Value::String("m".into()));
    hub.properties.correlation_id = Some(Value::Binary(Bytes::from_static(&[0, 255])));
    hub.properties.creation_time = Some(5);
    let expected = serde_json::json!({
        "p7": 7, "p8": 8, "p9": 9, "causeway.message-id": "m", "causeway.creation-time": 5,
    });
    assert_eq!(packed(&hub), (expected, 9, 0), "those that receivers need most have attributes of their own");
}

#[test]
fn what_has_no_form_as_an_attribute_is_packed() {
    let pairs = [
        ("aws.reserved", Value::Int(1)),
        ("with space", Value::Double(0.5)),
        ("empty", Value::String(String::new())),
        ("none", Value::Binary(Bytes::new())),
        ("control", Value::String("\u{1}\u{ffff}\"".into())),
        ("twice", Value::Bool(true)),
        ("twice", Value::Bool(false)),
        ("decimal", Value::Decimal32([0; 4])),
        ("list", Value::List(vec![Value::Int(1)])),
    ];
    let application_properties = pairs.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let hub = Hub { application_properties, ..Hub::default() };
    let expected = serde_json::json!({
        "aws.reserved": 1, "with space": 0.5, "empty": "", "none": "", "control": "\u{1}\u{ffff}\"", "twice": false,
    });
    // The topic, the list, and the first of two with one name.
    assert_eq!(packed(&hub), (expected, 3, 1), "SQS has no decimals");
}

#[test]
fn what_is_longer_than_all_attributes_may_be_is_lost() {
    let long = |name: &str, bytes: usize| (name.to_owned(), Value::String("x".repeat(bytes)));
    let application_properties = vec![long("most", LARGEST_MESSAGE - 1_000), long("more", 1_000), long("a", 100)];
    let hub = Hub { application_properties, ..Hub::default() };
    assert_eq!(packed(&hub), (serde_json::Value::Null, 3, 1), "the topic, the longest and the shortest");
}

#[test]
fn senders_can_say_what_receivers_are_told() {
    let attributes = vec![
        attribute("causeway.content-type", "String", "text/plain"),
        attribute("causeway.correlation-id", "Number.ulong", "42"),
        attribute("causeway.creation-time", "Number", "1700000000000"),
        attribute("causeway.encoding", "String", "base64"),
        attribute("causeway.message-id", "Number", "5"),
        attribute("causeway.reply-to", "String", "queue://answers"),
        attribute("causeway.subject", "String", "order"),
        attribute("flag", "Number.Boolean", "1"),
    ];
    let it = message(&Properties { attributes, ..Properties::default() }, b"AP8=");
    let hub = SqsEncoding.decode(&it);
    let expected = HubProperties {
        content_type: Some("text/plain".into()),
        correlation_id: Some(Value::Ulong(42)),
        creation_time: Some(1_700_000_000_000),
        message_id: Some(Value::String("5".into())),
        reply_to: Some("queue://answers".into()),
        subject: Some("order".into()),
        ..HubProperties::default()
    };
    assert_eq!(hub.properties, expected);
    assert_eq!(hub.application_properties, [("flag".to_owned(), Value::Bool(true))]);
    assert_eq!(hub.body, HubBody::Data(Bytes::from_static(&[0, 255]).into()));
    let property = |name| SqsEncoding.property(&it, name);
    assert_eq!((property("JMSType"), property("flag")), (Scalar::Text("order"), Scalar::Bool(true)));
    assert_eq!(
        (property("JMSCorrelationID"), property("JMSReplyTo")),
        (Scalar::Int(42), Scalar::Text("queue://answers"))
    );

    let attributes = vec![attribute("causeway.encoding", "String", "base64")];
    let hub = SqsEncoding.decode(&message(&Properties { attributes, ..Properties::default() }, b"no Base64"));
    assert_eq!(hub.body, HubBody::Value(Value::String("no Base64".into())));
    assert_eq!(hub.application_properties.len(), 1, "an attribute like any other");
}

proptest! {
    #[test]
    fn what_sqs_sends_comes_back_from_the_hub(
        names in proptest::collection::btree_set("[a-z]{1,8}", 0..10), text in "[ -~é😀]{1,40}",
        number: i64, bytes in proptest::collection::vec(any::<u8>(), 1..20), group in proptest::option::of("[!-~]{1,20}"),
    ) {
        let digits = number.to_string();
        let attributes = names.iter().enumerate().map(|(i, name)| match i % 4 {
            0 => attribute(name, "String", &text),
            1 => attribute(name, "Number.int", &digits),
            2 => attribute(name, "String.label", &text),
            _ => Attribute { name, data_type: "Binary", content: Content::Binary(&bytes) },
        }).collect();
        let digest = Some(hash::of_bytes(b"body"));
        let group = group.as_deref();
        let properties = Properties { sender: Some("123456789012"), group, trace: Some("Root=1"), digest, attributes };
        let message = message(&properties, b"body");
        let converted = SqsEncoding.encode(&SqsEncoding.decode(&message), model::Time::ZERO).unwrap();
        prop_assert_eq!(Properties::read(&converted.properties), properties);
        prop_assert_eq!(converted.body.joined(), "body");
        prop_assert_eq!(converted.lost, 0);
    }
}
