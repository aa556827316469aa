//! AMQP 1.0 → hub → AMQP 1.0 changes no meaning.

use amqp10::Amqp10Encoding;
use amqp10::codec::{
    self, BodyPart, Kind, Map, Properties, PropertySections, Text, Value, ValueRef, body_parts, decode_value,
    encode_amqp_value, encode_application_properties, encode_data_head, encode_message_annotations, encode_sequence,
    scan,
};
use bytes::{Bytes, BytesMut};
use model::{Encoding, Header};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::generate::{bytes, scalar_of, symbol, text, value};
use crate::{NOW, hub_of, message, of_parts};

#[derive(Clone, Debug)]
enum Body {
    Data(Vec<Bytes>),
    Value(Value),
    Sequence(Vec<Vec<Value>>),
}

/// A message as values: what must be the same in the end.
#[derive(Clone, Debug, PartialEq)]
struct Meaning {
    annotations: Map,
    properties: Vec<Value>,
    application: Map,
    data: Option<Vec<u8>>,
    value: Option<Value>,
    sequence: Option<Vec<Value>>,
}

proptest! {
    #[test]
    fn nothing_changes(
        annotations in vec((symbol(), value()), 0..4),
        properties in properties(),
        application in vec((text(), value()), 0..5),
        body in body(),
    ) {
        let annotations = annotations.into_iter().map(|(key, value)| (Value::Symbol(key), value));
        let annotations = annotations.filter(|(_, value)| has_typed_arrays(value)).collect();
        let application = application.into_iter().map(|(key, value)| (Value::String(key), value));
        let application = application.filter(|(_, value)| has_typed_arrays(value)).collect();
        let mut sections = BytesMut::new();
        encode_message_annotations(&mut sections, &annotations);
        properties.encode(&mut sections);
        encode_application_properties(&mut sections, &application);
        put_body(&mut sections, &body);
        let before = message(sections);
        let converted = Amqp10Encoding.encode(&hub_of(&before), NOW).unwrap();
        prop_assert_eq!(converted.lost, 0);
        let whole = [&converted.properties[..], &converted.body.joined()].concat();
        scan(&[Bytes::from(whole)]).unwrap();
        let after = of_parts(converted.properties, converted.body, Header::default());
        prop_assert_eq!(meaning(&after.properties, after.body.pieces()), meaning(&before.properties, before.body.pieces()));
        // The annotations that JMS needs are there, and from then on nothing is new.
        let hub = hub_of(&after);
        let again = Amqp10Encoding.encode(&hub, NOW).unwrap();
        prop_assert_eq!(hub_of(&of_parts(again.properties, again.body, Header::default())), hub);
    }
}

fn properties() -> impl Strategy<Value = Properties> {
    let kinds = prop_oneof![Just(Kind::Ulong), Just(Kind::Uuid), Just(Kind::Binary), Just(Kind::String)];
    let id = || option::of(kinds.clone().prop_flat_map(scalar_of));
    let address = || option::of("[a-z/:?]{0,10}".prop_map(|name| Text::from(format!("queue://q{name}"))));
    let texts = (option::of(text()), option::of(text()), option::of(text()));
    let symbols = (option::of(symbol()), option::of(symbol()));
    let numbers = (option::of(any::<i64>()), option::of(any::<u32>()));
    (id(), id(), address(), address(), texts, symbols, numbers, option::of(bytes(9))).prop_map(
        |(message_id, correlation_id, to, reply_to, texts, symbols, numbers, user_id)| Properties {
            message_id,
            user_id,
            to,
            subject: texts.0,
            reply_to,
            correlation_id,
            content_type: symbols.0,
            content_encoding: symbols.1,
            absolute_expiry_time: None,
            creation_time: numbers.0,
            group_id: texts.1,
            group_sequence: numbers.1,
            reply_to_group_id: texts.2,
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    let typed = || value().prop_filter("an empty array has no type in the hub", has_typed_arrays);
    prop_oneof![
        vec(bytes(300), 0..4).prop_map(Body::Data),
        typed().prop_map(Body::Value),
        vec(vec(typed(), 0..4), 1..3).prop_map(Body::Sequence),
    ]
}

fn put_body(sections: &mut BytesMut, body: &Body) {
    match body {
        Body::Data(parts) => {
            for part in parts {
                encode_data_head(sections, part.len()).unwrap();
                sections.extend_from_slice(part);
            }
        }
        Body::Value(value) => encode_amqp_value(sections, value),
        Body::Sequence(parts) => parts.iter().for_each(|items| encode_sequence(sections, items)),
    }
}

fn has_typed_arrays(value: &Value) -> bool {
    match value {
        Value::Array(array) => !array.items.is_empty() && array.items.iter().all(has_typed_arrays),
        Value::List(items) => items.iter().all(has_typed_arrays),
        Value::Map(pairs) => pairs.iter().all(|(key, value)| has_typed_arrays(key) && has_typed_arrays(value)),
        Value::Described(described) => has_typed_arrays(&described.descriptor) && has_typed_arrays(&described.value),
        _ => true,
    }
}

fn meaning(sections: &Bytes, body: &[Bytes]) -> Meaning {
    let found = PropertySections::find(sections);
    let map = |map: Option<codec::Compound<'_>>| {
        let pairs = map.into_iter().flat_map(|map| map.pairs()).map(|(key, value)| (owned(key), owned(value)));
        pairs.filter(|(key, _)| !matches!(key, Value::Symbol(name) if name.starts_with("x-opt-jms-"))).collect::<Map>()
    };
    let own = found.properties;
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::String(Text::from(text)));
    let properties = vec![
        own.message_id().map_or(Value::Null, owned),
        own.user_id().map_or(Value::Null, |id| Value::Binary(Bytes::copy_from_slice(id))),
        text(own.to()),
        text(own.subject()),
        text(own.reply_to()),
        own.correlation_id().map_or(Value::Null, owned),
        text(own.content_type()),
        text(own.content_encoding()),
        own.creation_time().map_or(Value::Null, Value::Timestamp),
        text(own.group_id()),
        own.group_sequence().map_or(Value::Null, Value::Uint),
        text(own.reply_to_group_id()),
    ];
    let (annotations, application) = (map(found.message_annotations), map(found.application_properties));
    let mut meaning = Meaning { annotations, properties, application, data: None, value: None, sequence: None };
    for part in body_parts(body) {
        match part {
            BodyPart::Data(pieces) => meaning.data.get_or_insert_default().extend_from_slice(&pieces.concat()),
            BodyPart::Value(bytes) => meaning.value = Some(decode_value(&bytes).unwrap()),
            BodyPart::Sequence(bytes) => {
                let Value::List(mut items) = decode_value(&bytes).unwrap() else { panic!("a list") };
                meaning.sequence.get_or_insert_default().append(&mut items);
            }
            BodyPart::Footer(_) => {}
        }
    }
    // No body and an empty one are the same.
    meaning.data = meaning.data.filter(|data| !data.is_empty());
    meaning
}

/// Through its bytes: views are compared by what they show.
fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Ulong(value) => Value::Ulong(value),
        ValueRef::Uuid(value) => Value::Uuid(value),
        ValueRef::Binary(value) => Value::Binary(Bytes::copy_from_slice(value)),
        ValueRef::String(value) => Value::String(Text::from(value)),
        ValueRef::Symbol(value) => Value::Symbol(codec::Symbol::try_from(value.to_owned()).unwrap()),
        other => Value::String(Text::from(format!("{other:?}"))),
    }
}
