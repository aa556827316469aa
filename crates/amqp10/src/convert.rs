//! AMQP 1.0 messages and the hub. A message keeps its sections as its publisher wrote them.

use bytes::{Bytes, BytesMut};
use model::{
    Body, Converted, Encoding, EncodingId, Hub, HubBody, HubProperties, Message, Scalar, Time, Unconvertible, Value,
};

use crate::codec::{
    self, BodyPart, MessageProperties, Properties, PropertySections, Symbol, Text, ValueRef, body_parts,
    encode_amqp_value, encode_application_properties, encode_data_head, encode_message_annotations, encode_sequence,
    encode_text, holds_at_most,
};
use crate::convert_jms;
use crate::hub_value::{of_hub, symbol, to_hub, to_scalar};

/// `Message::properties` are the sections from the message annotations to the application properties, `Message::body`
/// those of the body and the footer, all as raw bytes; `Header::private` is a [`codec::BodyKind`].
pub struct Amqp10Encoding;

/// A typed body with more values is not taken apart: another protocol gets its bytes, as RabbitMQ gives all typed ones.
const MAX_CONVERTED_VALUES: usize = 65_536;
/// The content type of such bytes.
const RAW_BODY: &str = "message/vnd.rabbitmq.amqp";

impl Encoding for Amqp10Encoding {
    fn id(&self) -> EncodingId {
        EncodingId::AMQP_10
    }

    fn is_sound(&self, message: &Message) -> bool {
        let pieces: Vec<Bytes> = [&message.properties].into_iter().chain(message.body.pieces()).cloned().collect();
        codec::scan(&pieces).is_ok_and(|found| {
            found.properties == message.properties && found.body_kind as u8 == message.header.private
        })
    }

    /// The footer and annotations whose keys are numbers, which are reserved (3.2.10), are left out. The absolute expiry
    /// time is in the message's header.
    fn decode(&self, message: &Message) -> Hub {
        let found = PropertySections::find(&message.properties);
        let annotations = found.message_annotations.into_iter().flat_map(|map| map.pairs());
        let application = found.application_properties.into_iter().flat_map(|map| map.pairs());
        let named = |(key, value): (ValueRef<'_>, ValueRef<'_>)| Some((key.text()?.to_owned(), to_hub(value)));
        let mut hub = Hub {
            annotations: annotations.filter_map(named).collect(),
            properties: decode_properties(&found),
            application_properties: application.filter_map(named).collect(),
            ..Hub::default()
        };
        hub.body = match decode_body(&message.body) {
            Some(body) => body,
            None => {
                hub.properties.content_type = Some(RAW_BODY.to_owned());
                HubBody::Data(message.body.clone())
            }
        };
        hub
    }

    fn encode(&self, hub: &Hub, _now: Time) -> Result<Converted, Unconvertible> {
        let mut lost = 0;
        let mut sections = BytesMut::new();
        let annotations = hub.annotations.iter().filter_map(|(name, value)| match symbol(name) {
            Some(name) => Some((codec::Value::Symbol(name), of_hub(value))),
            None => {
                lost += 1;
                None
            }
        });
        let annotations = annotations.chain(convert_jms::annotations(hub)).collect();
        encode_message_annotations(&mut sections, &annotations);
        encode_properties(hub, &mut lost).encode(&mut sections);
        let application = hub.application_properties.iter();
        let application =
            application.map(|(name, value)| (codec::Value::String(Text::from(name.as_str())), of_hub(value)));
        encode_application_properties(&mut sections, &application.collect());
        Ok(Converted { properties: sections.freeze(), body: encode_body(&hub.body)?, lost })
    }

    /// A field that JMS knows under a name of its own (JMS mapping, 3.2.1), an application property, or an annotation
    /// `x-…`. Ids that are binary or UUIDs are null.
    fn property<'a>(&self, message: &'a Message, name: &str) -> Scalar<'a> {
        let found = PropertySections::find(&message.properties);
        if let Some(value) = convert_jms::property(message, &found.properties, name) {
            return value;
        }
        if let Some(value) = found.application_property(name) {
            return to_scalar(value);
        }
        let annotation = found.message_annotation(name).filter(|_| name.starts_with("x-"));
        annotation.map_or(Scalar::Null, to_scalar)
    }
}

fn decode_properties(found: &PropertySections<'_>) -> HubProperties {
    let own = found.properties;
    let address = |address: Option<_>, annotation| Some(convert_jms::to_canonical(address?, found, annotation));
    HubProperties {
        message_id: own.message_id().map(to_hub),
        user_id: own.user_id().map(Bytes::copy_from_slice),
        to: address(own.to(), convert_jms::DESTINATION),
        subject: text(own, MessageProperties::subject),
        reply_to: address(own.reply_to(), convert_jms::REPLY_TO),
        correlation_id: own.correlation_id().map(to_hub),
        content_type: text(own, MessageProperties::content_type),
        content_encoding: text(own, MessageProperties::content_encoding),
        creation_time: own.creation_time(),
        group_id: text(own, MessageProperties::group_id),
        group_sequence: own.group_sequence(),
        reply_to_group_id: text(own, MessageProperties::reply_to_group_id),
    }
}

fn text<'a>(own: MessageProperties<'a>, field: impl Fn(MessageProperties<'a>) -> Option<&'a str>) -> Option<String> {
    field(own).map(str::to_owned)
}

/// `None` if the body has more values than are taken apart.
fn decode_body(body: &Body) -> Option<HubBody> {
    let mut data: Option<Body> = None;
    let mut sequence: Option<Vec<Value>> = None;
    let mut values = MAX_CONVERTED_VALUES;
    for part in body_parts(body.pieces()) {
        match part {
            BodyPart::Data(pieces) => pieces.into_iter().for_each(|piece| data.get_or_insert_default().push(piece)),
            BodyPart::Value(bytes) => {
                let value = limited(&bytes, values)?;
                return Some(HubBody::Value(to_hub(value)));
            }
            BodyPart::Sequence(bytes) => {
                let Value::List(mut items) = to_hub(limited(&bytes, values)?) else { return None };
                values = values.saturating_sub(items.len());
                sequence.get_or_insert_default().append(&mut items);
            }
            BodyPart::Footer(_) => {}
        }
    }
    Some(match sequence {
        Some(items) => HubBody::Sequence(items),
        None => HubBody::Data(data.unwrap_or_default()),
    })
}

fn limited(bytes: &Bytes, values: usize) -> Option<ValueRef<'_>> {
    holds_at_most(bytes, values).then(|| ValueRef::take(&mut &bytes[..]).ok()).flatten()
}

fn encode_properties(hub: &Hub, lost: &mut u32) -> Properties {
    let own = &hub.properties;
    let text = |text: &Option<String>| text.as_deref().map(Text::from);
    Properties {
        message_id: own.message_id.as_ref().and_then(id),
        user_id: own.user_id.clone(),
        to: text(&own.to),
        subject: text(&own.subject),
        reply_to: text(&own.reply_to),
        correlation_id: own.correlation_id.as_ref().and_then(id),
        content_type: ascii(own.content_type.as_deref(), lost),
        content_encoding: ascii(own.content_encoding.as_deref(), lost),
        absolute_expiry_time: hub.header.expires.and_then(|at| i64::try_from(at.0).ok()),
        creation_time: own.creation_time,
        group_id: text(&own.group_id),
        group_sequence: own.group_sequence,
        reply_to_group_id: text(&own.reply_to_group_id),
    }
}

/// One of the four types that ids may have (3.2.11–3.2.14), or the text of another.
fn id(id: &Value) -> Option<codec::Value> {
    match id {
        Value::Null => None,
        Value::Ulong(_) | Value::Uuid(_) | Value::Binary(_) | Value::String(_) => Some(of_hub(id)),
        other => other.text().map(|text| codec::Value::String(Text::from(&*text))),
    }
}

fn ascii(text: Option<&str>, lost: &mut u32) -> Option<Symbol> {
    let symbol = symbol(text?);
    *lost += u32::from(symbol.is_none());
    symbol
}

fn encode_body(body: &HubBody) -> Result<Body, Unconvertible> {
    let mut head = BytesMut::new();
    match body {
        HubBody::Data(data) => {
            encode_data_head(&mut head, data.len()).map_err(|_| Unconvertible("its body has 4 GiB or more"))?;
            let pieces = data.pieces().iter().filter(|piece| !piece.is_empty()).cloned();
            return Ok(std::iter::once(head.freeze()).chain(pieces).collect());
        }
        HubBody::Value(Value::String(text)) => encode_text(&mut head, text),
        HubBody::Value(value) => encode_amqp_value(&mut head, &of_hub(value)),
        HubBody::Sequence(items) => encode_sequence(&mut head, &items.iter().map(of_hub).collect::<Vec<_>>()),
    }
    Ok(head.freeze().into())
}
