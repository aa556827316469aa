//! What other protocols see of a message of AMQP 1.0, and what a client of AMQP 1.0 sees of theirs.

use amqp10::Amqp10Encoding;
use amqp10::codec::{
    self, BodyPart, Properties, PropertySections, Symbol, Text, ValueRef, body_parts, encode_amqp_value,
    encode_application_properties, encode_data_head, encode_footer, encode_message_annotations, encode_sequence,
};
use bytes::{Bytes, BytesMut};
use model::{Body, Encoding, Header, Hub, HubBody, HubProperties, Time, Value};

use crate::{NOW, hub_of, message};

fn pair(name: &str, value: Value) -> (String, Value) {
    (name.to_owned(), value)
}

#[test]
fn a_message_with_everything() {
    let mut sections = BytesMut::new();
    codec::Header { durable: true, ..codec::Header::default() }.encode(&mut sections);
    encode_message_annotations(
        &mut sections,
        &vec![(codec::Value::symbol("x-opt-a"), codec::Value::Ubyte(1)), (codec::Value::Ulong(7), codec::Value::Null)],
    );
    let properties = Properties {
        message_id: Some(codec::Value::Uuid([7; 16])),
        user_id: Some(Bytes::from_static(b"me")),
        to: Some(Text::from("/queues/a%20b")),
        subject: Some(Text::from("kind")),
        reply_to: Some(Text::from("answers")),
        correlation_id: Some(codec::Value::Ulong(5)),
        content_type: Some(Symbol::from_static("text/plain")),
        absolute_expiry_time: Some(9),
        creation_time: Some(1_000),
        group_id: Some(Text::from("g")),
        group_sequence: Some(3),
        ..Properties::default()
    };
    properties.encode(&mut sections);
    encode_application_properties(&mut sections, &vec![(codec::Value::string("n"), codec::Value::Short(-2))]);
    encode_data_head(&mut sections, 3).unwrap();
    sections.extend_from_slice(b"abc");
    encode_footer(&mut sections, &vec![(codec::Value::symbol("f"), codec::Value::Null)]);
    let hub = hub_of(&message(sections));
    assert_eq!(hub.annotations, [pair("x-opt-a", Value::Ubyte(1))]);
    let expected = HubProperties {
        message_id: Some(Value::Uuid([7; 16])),
        user_id: Some(Bytes::from_static(b"me")),
        to: Some("queue://a b".into()),
        subject: Some("kind".into()),
        reply_to: Some("queue://answers".into()),
        correlation_id: Some(Value::Ulong(5)),
        content_type: Some("text/plain".into()),
        creation_time: Some(1_000),
        group_id: Some("g".into()),
        group_sequence: Some(3),
        ..HubProperties::default()
    };
    assert_eq!(hub.properties, expected);
    assert_eq!(hub.application_properties, [pair("n", Value::Short(-2))]);
    assert_eq!(hub.body, HubBody::Data(Bytes::from_static(b"abc").into()));
}

fn reply_to(address: &str, annotation: Option<i8>) -> Option<String> {
    let mut sections = BytesMut::new();
    let annotation = annotation.map(|kind| (codec::Value::symbol("x-opt-jms-reply-to"), codec::Value::Byte(kind)));
    encode_message_annotations(&mut sections, &annotation.into_iter().collect());
    Properties { reply_to: Some(Text::from(address)), ..Properties::default() }.encode(&mut sections);
    hub_of(&message(sections)).properties.reply_to
}

#[test]
fn addresses_of_both_worlds_become_canonical() {
    let cases = [
        ("queue://a", None, "queue://a"),
        ("topic://a.b", None, "topic://a.b"),
        ("a", None, "queue://a"),
        ("a", Some(0), "queue://a"),
        ("a", Some(1), "topic://a"),
        ("a", Some(3), "topic://a"),
        ("/queues/a%2Fb", None, "queue://a/b"),
        ("/topic/a.b", None, "topic://a.b"),
        ("/exchanges/x/k%20l", None, "/exchanges/x/k%20l"),
        ("/who/knows", None, "/who/knows"),
    ];
    for (address, annotation, canonical) in cases {
        assert_eq!(reply_to(address, annotation).as_deref(), Some(canonical), "{address}");
    }
}

#[test]
fn bodies() {
    let body = |put: fn(&mut BytesMut)| {
        let mut sections = BytesMut::new();
        put(&mut sections);
        hub_of(&message(sections)).body
    };
    assert_eq!(body(|_| {}), HubBody::Data(Body::default()));
    assert_eq!(
        body(|out| encode_amqp_value(out, &codec::Value::string("ä"))),
        HubBody::Value(Value::String("ä".into()))
    );
    let sequences = |out: &mut BytesMut| {
        encode_sequence(out, &[codec::Value::Int(1)]);
        encode_sequence(out, &[codec::Value::Null]);
    };
    assert_eq!(body(sequences), HubBody::Sequence(vec![Value::Int(1), Value::Null]));
    let data = |out: &mut BytesMut| {
        for part in [b"ab", b"cd"] {
            encode_data_head(out, 2).unwrap();
            out.extend_from_slice(part);
        }
    };
    let HubBody::Data(data) = body(data) else { panic!("data") };
    assert_eq!(data.joined(), "abcd");
}

#[test]
fn a_data_body_is_a_slice_of_the_message() {
    let mut sections = BytesMut::new();
    encode_data_head(&mut sections, 1_000).unwrap();
    sections.extend_from_slice(&[1; 1_000]);
    let message = message(sections);
    let whole = message.body.pieces()[0].as_ptr_range();
    let HubBody::Data(body) = hub_of(&message).body else { panic!("data") };
    assert!(whole.contains(&body.pieces()[0].as_ptr()));
}

#[test]
fn a_typed_body_of_very_many_values_stays_bytes() {
    let mut sections = BytesMut::new();
    let many =
        codec::Array { descriptors: vec![], kind: codec::Kind::Ubyte, items: vec![codec::Value::Ubyte(1); 70_000] };
    encode_amqp_value(&mut sections, &codec::Value::Array(Box::new(many)));
    let message = message(sections);
    let hub = hub_of(&message);
    assert_eq!(hub.body, HubBody::Data(message.body.clone()));
    assert_eq!(hub.properties.content_type.as_deref(), Some("message/vnd.rabbitmq.amqp"));
}

#[test]
fn descriptors_of_any_size_are_not_repeated() {
    let descriptor = codec::Value::List(vec![codec::Value::Null; 100]);
    let items = vec![codec::Value::Null; 1_000];
    let array = codec::Array { descriptors: vec![descriptor], kind: codec::Kind::Null, items };
    let mut sections = BytesMut::new();
    encode_amqp_value(&mut sections, &codec::Value::Array(Box::new(array)));
    assert_eq!(hub_of(&message(sections)).body, HubBody::Value(Value::Array(vec![Value::Null; 1_000])));
}

fn full_hub() -> Hub {
    Hub {
        header: Header { expires: Some(Time(5_000)), ..Header::default() },
        annotations: vec![pair("x-a", Value::Long(1)), pair("ä", Value::Null)],
        properties: HubProperties {
            message_id: Some(Value::Int(7)),
            reply_to: Some("topic://t".into()),
            content_type: Some("täxt".into()),
            ..HubProperties::default()
        },
        application_properties: vec![pair("k", Value::Array(vec![Value::Int(1), Value::Null]))],
        body: HubBody::Data(Bytes::from_static(b"body").into()),
    }
}

#[test]
fn a_message_of_another_protocol() {
    let hub = full_hub();
    let HubBody::Data(body) = &hub.body else { panic!("data") };
    let converted = Amqp10Encoding.encode(&hub, NOW).unwrap();
    assert_eq!(converted.lost, 2, "an annotation and a content type that are not ASCII");
    let found = PropertySections::find(&converted.properties);
    assert_eq!(found.message_annotation("x-a"), Some(ValueRef::Long(1)));
    assert_eq!(found.message_annotation("x-opt-jms-msg-type"), Some(ValueRef::Byte(3)));
    assert_eq!(found.message_annotation("x-opt-jms-reply-to"), Some(ValueRef::Byte(1)));
    assert_eq!(found.message_annotation("x-opt-jms-dest"), None);
    assert_eq!(found.properties.message_id(), Some(ValueRef::String("7")));
    assert_eq!(found.properties.reply_to(), Some("topic://t"));
    assert_eq!(found.properties.content_type(), None);
    assert_eq!(found.properties.absolute_expiry_time(), Some(5_000));
    // Elements of several types are no array.
    assert!(matches!(found.application_property("k"), Some(ValueRef::List(_))));
    let parts = body_parts(converted.body.pieces()).collect::<Vec<_>>();
    let [BodyPart::Data(data)] = &parts[..] else { panic!("{parts:?}") };
    assert_eq!(data[0].as_ptr(), body.pieces()[0].as_ptr(), "the body was copied");
}

#[test]
fn annotations_of_its_own_are_kept() {
    let mut hub = full_hub();
    hub.annotations = vec![pair("x-opt-jms-msg-type", Value::Byte(1))];
    let converted = Amqp10Encoding.encode(&hub, NOW).unwrap();
    let found = PropertySections::find(&converted.properties);
    assert_eq!(found.message_annotation("x-opt-jms-msg-type"), Some(ValueRef::Byte(1)));
    assert_eq!(found.message_annotations.unwrap().count, 4);
}

#[test]
fn kinds_of_messages_are_told() {
    let kind = |body: HubBody| {
        let converted = Amqp10Encoding.encode(&Hub { body, ..Hub::default() }, NOW).unwrap();
        PropertySections::find(&converted.properties)
            .message_annotation("x-opt-jms-msg-type")
            .map(|kind| format!("{kind:?}"))
    };
    assert_eq!(kind(HubBody::Value(Value::String("x".into()))).as_deref(), Some("Byte(5)"));
    assert_eq!(kind(HubBody::Value(Value::Map(vec![]))).as_deref(), Some("Byte(2)"));
    assert_eq!(kind(HubBody::Sequence(vec![])).as_deref(), Some("Byte(4)"));
    assert_eq!(kind(HubBody::Value(Value::Bool(true))), None);
}
