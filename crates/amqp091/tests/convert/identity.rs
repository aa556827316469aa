//! There and back: what the hub can say comes back with its type.

use amqp091::Amqp091Encoding;
use amqp091::codec::{FieldTable, Properties, TableView};
use bytes::Bytes;
use model::{Encoding, Header, Scalar, Time, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::fields::{bytes, table_of};
use crate::{from_hub, message, to_hub};

/// The fields in an order of their own: the hub keeps annotations apart from application properties.
fn sorted(headers: Option<TableView<'_>>) -> Vec<String> {
    let mut fields = headers.unwrap_or_default().iter().map(|field| format!("{field:?}")).collect::<Vec<_>>();
    fields.sort();
    fields
}

/// A table whose names and texts are UTF-8: others are binary in the hub.
fn text_table() -> impl Strategy<Value = FieldTable> {
    let name = "[a-zä𝄞]{1,9}|x-[a-n]{1,9}".prop_map(Bytes::from).boxed();
    let text = "\\PC{0,20}".prop_map(Bytes::from).boxed();
    table_of(name, text)
}

proptest! {
    #[test]
    fn the_hub_gives_a_message_back(
        headers in option::of(text_table()),
        shorts in proptest::array::uniform8(option::of("\\PC{0,20}")),
        user_id in option::of(vec(any::<u8>(), 0..20)),
        timestamp in option::of(0..=i64::MAX as u64 / 1000),
        (durable, priority, expires) in (any::<bool>(), 0..10u8, option::of(0..u64::MAX / 2)),
    ) {
        let [content_type, content_encoding, correlation_id, reply_to, message_id, kind, app_id, _] =
            shorts.each_ref().map(|short| short.as_deref().map(str::as_bytes));
        let expiration = expires.map(|milliseconds| milliseconds.to_string());
        let properties = Properties {
            content_type,
            content_encoding,
            headers: headers.as_ref().map(FieldTable::view).filter(|headers| !headers.is_empty()),
            delivery_mode: Some(if durable { 2 } else { 1 }),
            priority: Some(priority).filter(|priority| *priority != 4),
            correlation_id,
            reply_to,
            expiration: expiration.as_deref().map(str::as_bytes),
            message_id,
            timestamp,
            kind,
            user_id: user_id.as_deref(),
            app_id,
            cluster_id: None,
        };
        let expires = expires.map(|milliseconds| Time(1_000).plus(milliseconds));
        let message = message(&properties, Header { durable, priority, expires, ..Header::default() }, b"body");
        let converted = from_hub(&to_hub(&message));
        prop_assert_eq!(converted.lost, 0);
        prop_assert_eq!(&converted.body, &message.body);
        let back = Properties::read(&converted.properties).unwrap();
        prop_assert_eq!(sorted(back.headers), sorted(properties.headers));
        prop_assert_eq!(Properties { headers: None, ..back }, Properties { headers: None, ..properties });
    }

    #[test]
    fn no_headers_are_lost_and_the_second_time_changes_nothing(
        headers in table_of(bytes(20).boxed(), bytes(40).boxed()),
    ) {
        let properties = Properties { headers: Some(headers.view()), ..Properties::default() };
        let message = message(&properties, Header::default(), b"");
        let once = from_hub(&to_hub(&message));
        prop_assert_eq!(once.lost, 0);
        let again = from_hub(&to_hub(&model::Message { properties: once.properties.clone(), ..message.clone() }));
        prop_assert_eq!(again.properties, once.properties);
    }

    #[test]
    fn a_selector_sees_what_the_hub_has(headers in text_table()) {
        let properties = Properties { headers: Some(headers.view()), ..Properties::default() };
        let message = message(&properties, Header::default(), b"");
        let hub = to_hub(&message);
        let all = || hub.annotations.iter().chain(&hub.application_properties);
        for (name, _) in all() {
            let (_, first) = all().find(|(other, _)| other == name).unwrap();
            let expected = match first {
                Value::String(text) => Scalar::Text(text),
                Value::Bool(value) => Scalar::Bool(*value),
                Value::Ubyte(value) => Scalar::Int((*value).into()),
                Value::Int(value) => Scalar::Int((*value).into()),
                Value::Long(value) | Value::Timestamp(value) => Scalar::Int(*value),
                Value::Null | Value::Binary(_) | Value::List(_) | Value::Map(_) => Scalar::Null,
                _ => continue,
            };
            prop_assert_eq!(Amqp091Encoding.property(&message, name), expected, "{}", name);
        }
    }
}
