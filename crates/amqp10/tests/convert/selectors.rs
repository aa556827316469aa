//! What selectors and headers exchanges see.

use amqp10::Amqp10Encoding;
use amqp10::codec::{
    Header, Properties, Symbol, Text, Value, encode_application_properties, encode_message_annotations,
};
use bytes::{Bytes, BytesMut};
use model::{Encoding, Message, Scalar, Time};

use crate::message;

fn example() -> Message {
    let mut sections = BytesMut::new();
    Header::default().encode(&mut sections);
    let annotations = vec![(Value::symbol("x-opt-a"), Value::Int(1)), (Value::symbol("plain"), Value::Int(2))];
    encode_message_annotations(&mut sections, &annotations);
    let properties = Properties {
        message_id: Some(Value::string("ID:1")),
        user_id: Some(Bytes::from_static(b"me")),
        to: Some(Text::from("queue://q")),
        subject: Some(Text::from("kind")),
        reply_to: Some(Text::from("r")),
        correlation_id: Some(Value::Ulong(5)),
        content_type: Some(Symbol::from_static("a/b")),
        creation_time: Some(77),
        group_id: Some(Text::from("g")),
        group_sequence: Some(3),
        ..Properties::default()
    };
    properties.encode(&mut sections);
    let application = vec![
        (Value::string("text"), Value::string("t")),
        (Value::string("symbol"), Value::symbol("s")),
        (Value::string("bool"), Value::Bool(true)),
        (Value::string("ubyte"), Value::Ubyte(255)),
        (Value::string("ulong"), Value::Ulong(u64::MAX)),
        (Value::string("long"), Value::Long(-1)),
        (Value::string("float"), Value::Float(0.5)),
        (Value::string("time"), Value::Timestamp(9)),
        (Value::string("list"), Value::List(vec![])),
        (Value::string("null"), Value::Null),
        (Value::string("JMSXUserID"), Value::string("forged")),
    ];
    encode_application_properties(&mut sections, &application);
    let mut message = message(sections);
    message.header.priority = 7;
    message.header.expires = Some(Time(99));
    message
}

#[test]
fn properties_by_name() {
    let message = example();
    let cases = [
        ("text", Scalar::Text("t")),
        ("symbol", Scalar::Text("s")),
        ("bool", Scalar::Bool(true)),
        ("ubyte", Scalar::Int(255)),
        ("ulong", Scalar::Float(u64::MAX as f64)),
        ("long", Scalar::Int(-1)),
        ("float", Scalar::Float(0.5)),
        ("time", Scalar::Int(9)),
        ("list", Scalar::Null),
        ("null", Scalar::Null),
        ("missing", Scalar::Null),
        ("x-opt-a", Scalar::Int(1)),
        ("plain", Scalar::Null),
        ("JMSMessageID", Scalar::Text("ID:1")),
        ("JMSCorrelationID", Scalar::Int(5)),
        ("JMSType", Scalar::Text("kind")),
        ("JMSDestination", Scalar::Text("queue://q")),
        ("JMSReplyTo", Scalar::Text("r")),
        ("JMSPriority", Scalar::Int(7)),
        ("JMSDeliveryMode", Scalar::Text("NON_PERSISTENT")),
        ("JMSTimestamp", Scalar::Int(77)),
        ("JMSExpiration", Scalar::Int(99)),
        ("JMSXGroupID", Scalar::Text("g")),
        ("JMSXGroupSeq", Scalar::Int(3)),
        ("JMSXUserID", Scalar::Text("me")),
    ];
    for (name, value) in cases {
        assert_eq!(Amqp10Encoding.property(&message, name), value, "{name}");
    }
}

#[test]
fn a_message_without_sections_has_none() {
    let message = message(BytesMut::new());
    assert_eq!(Amqp10Encoding.property(&message, "JMSType"), Scalar::Null);
    assert_eq!(Amqp10Encoding.property(&message, "x"), Scalar::Null);
}
