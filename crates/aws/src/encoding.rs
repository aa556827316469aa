//! SQS messages ⇄ the hub form.
//!
//! A body becomes a string, because an SQS body is text: JMS and STOMP see a text message, MQTT 5 the payload format
//! "UTF-8". The other way, text is text; other bytes become Base64 with the attribute `causeway.encoding` = `base64`, and
//! a sender who gives that attribute sends bytes. A typed body becomes JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model::{Body, Converted, Encoding, EncodingId, Flat, Hub, HubBody, Message, Scalar, Time, Unconvertible, Value};

use crate::characters::is_speakable;
use crate::hash;
use crate::hub_attributes::{
    CONTENT_TYPE, CORRELATION_ID, Carried, ENCODING, MESSAGE_ID, REPLY_TO, SENDER, SUBJECT, TOPIC, TRACE, TYPE_PREFIX,
    take_property,
};
use crate::properties::{Attribute, Content, Field, Properties, fields};
use crate::sqs::LARGEST_MESSAGE;
use crate::typed::{form_of, scalar_of, value_of};

/// The encoding of messages that SQS clients send.
pub struct SqsEncoding;

const BASE64: &str = "base64";
/// JMS's names in selectors (JMS 2.0, 3.5.9 and 3.8.1.1) of what is in a field or attribute of its own.
const GROUP: &str = "JMSXGroupID";
const JMS_NAMES: [(&str, &str); 4] = [
    ("JMSCorrelationID", CORRELATION_ID),
    ("JMSMessageID", MESSAGE_ID),
    ("JMSReplyTo", REPLY_TO),
    ("JMSType", SUBJECT),
];

impl Encoding for SqsEncoding {
    fn id(&self) -> EncodingId {
        EncodingId::SQS
    }

    /// What cannot be read of the properties is passed over; the body is text.
    fn is_sound(&self, message: &Message) -> bool {
        std::str::from_utf8(&message.body.joined()).is_ok()
    }

    fn decode(&self, message: &Message) -> Hub {
        let properties = Properties::read(&message.properties);
        let mut hub = Hub::default();
        hub.properties.group_id = properties.group.map(str::to_owned);
        for (name, value) in [(SENDER, properties.sender), (TRACE, properties.trace)] {
            if let Some(value) = value {
                hub.annotations.push((name.to_owned(), Value::String(value.to_owned())));
            }
        }
        let bytes = properties.attributes.iter().find(|it| is_base64(it)).and_then(|_| decode_base64(&message.body));
        for attribute in &properties.attributes {
            let value = value_of(attribute);
            if take_property(attribute, &value, &mut hub.properties) || bytes.is_some() && attribute.name == ENCODING {
                continue;
            }
            if attribute.data_type.contains('.') && form_of(&value).is_none_or(|form| form.0 != attribute.data_type) {
                let label = Value::String(attribute.data_type.to_owned());
                hub.annotations.push((format!("{TYPE_PREFIX}{}", attribute.name), label));
            }
            hub.application_properties.push((attribute.name.to_owned(), value));
        }
        hub.body = bytes.map_or_else(|| decode_body(&message.body), |bytes| HubBody::Data(Bytes::from(bytes).into()));
        hub
    }

    fn encode(&self, hub: &Hub, _now: Time) -> Result<Converted, Unconvertible> {
        encode(hub, None)
    }

    fn property<'a>(&self, message: &'a Message, name: &str) -> Scalar<'a> {
        let name = JMS_NAMES.iter().find(|(known, _)| *known == name).map_or(name, |(_, own)| own);
        fields(&message.properties)
            .find_map(|field| match field {
                Field::Attribute(attribute) if attribute.name == name => Some(scalar_of(&attribute)),
                Field::Group(group) if name == GROUP => Some(Scalar::Text(group)),
                _ => None,
            })
            .unwrap_or(Scalar::Null)
    }
}

/// The SQS form of a message of another protocol, which came through `topic` if it names one.
pub(crate) fn encode(hub: &Hub, topic: Option<&str>) -> Result<Converted, Unconvertible> {
    let Written { body, is_base64, is_json } = encode_body(&hub.body)?;
    let mut carried = Carried::new(hub);
    if is_base64 {
        carried.push_text(ENCODING, BASE64);
    }
    if let Some(topic) = topic {
        carried.push_text(TOPIC, topic);
    }
    if is_json && hub.properties.content_type.is_none() {
        carried.push_text(CONTENT_TYPE, "application/json");
    }
    carried.push_hub();
    let digest = Some(hash::of_bytes(&body));
    let (properties, lost) = carried.finish(digest);
    Ok(Converted { properties: properties.into(), body: Body::from(body), lost: lost + u32::from(is_json) })
}

fn is_base64(attribute: &Attribute<'_>) -> bool {
    attribute.name == ENCODING && attribute.content == Content::Text(BASE64)
}

fn decode_base64(body: &Body) -> Option<Vec<u8>> {
    STANDARD.decode(body.joined()).ok()
}

fn decode_body(body: &Body) -> HubBody {
    match String::from_utf8(body.pieces().concat()) {
        Ok(text) => HubBody::Value(Value::String(text)),
        Err(_) => HubBody::Data(body.clone()),
    }
}

/// A body as text.
struct Written {
    body: Bytes,
    is_base64: bool,
    /// It was a typed value.
    is_json: bool,
}

/// Clients take answers of any length, so Base64 may be longer than the bytes that may be in it.
fn encode_body(body: &HubBody) -> Result<Written, Unconvertible> {
    let (body, flat) = body.flattened();
    if body.len() > LARGEST_MESSAGE {
        return Err(Unconvertible("an SQS body has at most 1 MiB"));
    }
    let body = body.joined();
    let is_base64 = !std::str::from_utf8(&body).is_ok_and(is_speakable);
    let body = if is_base64 { STANDARD.encode(&body).into() } else { body };
    Ok(Written { body, is_base64, is_json: flat == Flat::Json })
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
