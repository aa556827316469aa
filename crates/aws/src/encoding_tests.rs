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
        ("flag", Value::Long(7)),
        ("name", text("x")),
        ("pi", Value::Double(3.25)),
    ];
    assert_eq!(hub.application_properties, expected.map(|(name, value)| (name.to_owned(), value)));
    assert!(hub.annotations.contains(&("x-opt-aws-type-flag".to_owned(), text("Number.int"))));

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
    assert!(encode(&hub(&[0; LARGEST_MESSAGE / 4 * 3 + 1]), None).is_err(), "too long in Base64");
    assert!(encode(&Hub { body: HubBody::Sequence(Vec::new()), ..Hub::default() }, None).is_err());
}

#[test]
fn ten_attributes_are_carried_and_the_others_counted() {
    let mut hub = Hub {
        properties: HubProperties {
            content_type: Some("text/plain".into()),
            correlation_id: Some(Value::Ulong(42)),
            reply_to: Some("answers".into()),
            group_id: Some("a group".into()),
            ..HubProperties::default()
        },
        ..Hub::default()
    };
    let value = |i: i32| (format!("p{i}"), Value::Int(i));
    hub.application_properties = (0..7).map(value).collect();
    hub.application_properties.push(("aws.reserved".into(), Value::Int(1)));
    hub.application_properties.push(("list".into(), Value::List(Vec::new())));
    hub.application_properties.push(("empty".into(), Value::String(String::new())));
    hub.application_properties.push(("flag".into(), Value::Bool(true)));
    let converted = encode(&hub, Some("t")).unwrap();
    let properties = Properties::read(&converted.properties);
    assert_eq!(properties.attributes.len(), 10);
    assert!(properties.attributes.contains(&attribute("causeway.correlation-id", "Number", "42")));
    assert!(properties.attributes.contains(&attribute("causeway.reply-to", "String", "answers")));
    // p6, the reserved name, the list, the empty text, the flag; and the group with a space.
    assert_eq!((converted.lost, properties.group), (6, None));
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
