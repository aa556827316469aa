//! SQS messages ⇄ the hub form.
//!
//! A body becomes a string, because an SQS body is text: JMS and STOMP see a text message, MQTT 5 the payload format
//! "UTF-8". The other way, text is text; other bytes become Base64 with the attribute `causeway.encoding` = `base64`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model::{Body, Converted, Encoding, EncodingId, Hub, HubBody, Message, Scalar, Time, Unconvertible, Value};

use crate::characters::is_speakable;
use crate::hash;
use crate::hub_attributes::{self, GROUP, SENDER, TRACE, TYPE_PREFIX};
use crate::properties::{Attribute, Content, Field, Properties, fields};
use crate::sqs::LARGEST_MESSAGE;

/// The encoding of messages that SQS clients send.
pub struct SqsEncoding;

impl Encoding for SqsEncoding {
    fn id(&self) -> EncodingId {
        EncodingId::SQS
    }

    fn decode(&self, message: &Message) -> Hub {
        let properties = Properties::read(&message.properties);
        let mut hub = Hub { body: decode_body(&message.body), ..Hub::default() };
        hub.properties.group_id = properties.group.map(str::to_owned);
        for (name, value) in [(SENDER, properties.sender), (TRACE, properties.trace)] {
            if let Some(value) = value {
                hub.annotations.push((name.to_owned(), Value::String(value.to_owned())));
            }
        }
        for attribute in &properties.attributes {
            if attribute.data_type.contains('.') {
                let label = Value::String(attribute.data_type.to_owned());
                hub.annotations.push((format!("{TYPE_PREFIX}{}", attribute.name), label));
            }
            hub.application_properties.push((attribute.name.to_owned(), to_value(attribute)));
        }
        hub
    }

    fn encode(&self, hub: &Hub, _now: Time) -> Result<Converted, Unconvertible> {
        encode(hub, None)
    }

    fn property<'a>(&self, message: &'a Message, name: &str) -> Scalar<'a> {
        fields(&message.properties)
            .find_map(|field| match field {
                Field::Attribute(attribute) if attribute.name == name => Some(to_scalar(&attribute)),
                Field::Group(group) if name == GROUP => Some(Scalar::Text(group)),
                _ => None,
            })
            .unwrap_or(Scalar::Null)
    }
}

/// The SQS form of a message of another protocol, which came through `topic` if it names one.
pub(crate) fn encode(hub: &Hub, topic: Option<&str>) -> Result<Converted, Unconvertible> {
    let (body, is_base64) = encode_body(&hub.body)?;
    let mut carried = hub_attributes::Carried::default();
    if is_base64 {
        carried.push_own("causeway.encoding", "base64");
    }
    if let Some(topic) = topic {
        carried.push_own("causeway.topic", topic);
    }
    carried.push_hub(hub);
    let digest = Some(hash::of_bytes(&body));
    let (properties, lost) = carried.finish(hub, digest);
    Ok(Converted { properties: properties.into(), body: Body::from(body), lost })
}

fn decode_body(body: &Body) -> HubBody {
    match String::from_utf8(body.pieces().concat()) {
        Ok(text) => HubBody::Value(Value::String(text)),
        Err(_) => HubBody::Data(body.clone()),
    }
}

/// The body's text, and whether that is Base64.
fn encode_body(body: &HubBody) -> Result<(Bytes, bool), Unconvertible> {
    let bytes = match body {
        HubBody::Data(body) => body.joined(),
        HubBody::Value(Value::Binary(bytes)) => bytes.clone(),
        HubBody::Value(Value::Null) => Bytes::new(),
        HubBody::Value(value) => match hub_attributes::text_of(value) {
            Some(text) => Bytes::from(text.into_owned()),
            None => return Err(Unconvertible("a structured body has no form in SQS")),
        },
        HubBody::Sequence(_) => return Err(Unconvertible("a sequence has no form in SQS")),
    };
    if bytes.len() > LARGEST_MESSAGE {
        return Err(Unconvertible("SQS bodies have at most 1 MiB"));
    }
    if std::str::from_utf8(&bytes).is_ok_and(is_speakable) {
        return Ok((bytes, false));
    }
    if bytes.len().div_ceil(3) * 4 > LARGEST_MESSAGE {
        return Err(Unconvertible("SQS bodies have at most 1 MiB, also in Base64"));
    }
    Ok((STANDARD.encode(&bytes).into(), true))
}

fn to_value(attribute: &Attribute<'_>) -> Value {
    match (to_scalar(attribute), attribute.content) {
        (_, Content::Binary(bytes)) => Value::Binary(Bytes::copy_from_slice(bytes)),
        (Scalar::Int(number), _) => Value::Long(number),
        (Scalar::Float(number), _) => Value::Double(number),
        (_, Content::Text(text)) => Value::String(text.to_owned()),
    }
}

/// Numbers that neither an i64 nor an f64 holds exactly as they are written stay text.
fn to_scalar<'a>(attribute: &Attribute<'a>) -> Scalar<'a> {
    let Content::Text(text) = attribute.content else { return Scalar::Null };
    if attribute.data_type == "Number" || attribute.data_type.starts_with("Number.") {
        if let Ok(number) = text.parse() {
            return Scalar::Int(number);
        }
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        if let Some(number) = text.parse().ok().filter(|number: &f64| number.is_finite() && digits <= 17) {
            return Scalar::Float(number);
        }
    }
    Scalar::Text(text)
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
