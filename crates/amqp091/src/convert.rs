//! AMQP 0-9-1 messages and the hub. A message keeps its property flags and property list as its publisher wrote them.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use model::{
    Converted, Encoding, EncodingId, Flat, Header, Hub, HubBody, HubProperties, Message, Scalar, Time, Unconvertible,
    Value,
};

use crate::codec::{FieldTable, FieldValue, Properties, TableView};
use crate::hub_value::{Headers, milliseconds, seconds, text_or_binary, to_hub, to_scalar};

/// `Message::properties` are the raw flags and property list of the content header ([`Properties`]), the body is the
/// payload. `Header::private` is not used.
pub struct Amqp091Encoding;

/// The longest short string.
const SHORT: usize = 255;
const PERSISTENT: u8 = 2;
const TRANSIENT: u8 = 1;
const APP_ID: &str = "x-opt-app-id";
const GROUP_ID: &str = "JMSXGroupID";
const GROUP_SEQUENCE: &str = "JMSXGroupSeq";
/// Headers for ids that are longer than a short string.
const LONG_MESSAGE_ID: &str = "x-message-id";
const LONG_CORRELATION_ID: &str = "x-correlation-id";

impl Encoding for Amqp091Encoding {
    fn id(&self) -> EncodingId {
        EncodingId::AMQP_091
    }

    fn is_sound(&self, message: &Message) -> bool {
        Properties::read(&message.properties).is_ok()
    }

    /// Delivery mode, priority and expiration are in the message's header; the cluster id, which RabbitMQ's clients do
    /// not set, is left out.
    fn decode(&self, message: &Message) -> Hub {
        let properties = Properties::read(&message.properties).unwrap_or_default();
        let mut hub = Hub { body: HubBody::Data(message.body.clone()), ..Hub::default() };
        hub.properties = HubProperties {
            message_id: properties.message_id.map(text_or_binary),
            user_id: properties.user_id.map(Bytes::copy_from_slice),
            subject: properties.kind.map(text),
            reply_to: properties.reply_to.map(reply_to_hub),
            correlation_id: properties.correlation_id.map(text_or_binary),
            content_type: properties.content_type.map(text),
            content_encoding: properties.content_encoding.map(text),
            creation_time: properties.timestamp.and_then(milliseconds),
            ..HubProperties::default()
        };
        if let Some(app_id) = properties.app_id {
            hub.annotations.push((APP_ID.to_owned(), text_or_binary(app_id)));
        }
        decode_headers(properties.headers.unwrap_or_default(), &mut hub);
        hub
    }

    /// Annotations of AMQP 1.0's own (`x-opt-…`) and `to` are not counted as lost: the delivery says where a message
    /// was sent to.
    fn encode(&self, hub: &Hub, now: Time) -> Result<Converted, Unconvertible> {
        let (body, flat) = hub.body.flattened();
        let own = &hub.properties;
        let mut lost = u32::from(flat == Flat::Json) + u32::from(own.reply_to_group_id.is_some());
        let mut headers = Headers::default();
        let message_id = encode_id(own.message_id.as_ref(), LONG_MESSAGE_ID, &mut headers, &mut lost);
        let correlation_id = encode_id(own.correlation_id.as_ref(), LONG_CORRELATION_ID, &mut headers, &mut lost);
        let app_id = encode_headers(hub, &mut headers);
        let (headers, unsaid) = headers.finish();
        let json = (flat == Flat::Json).then_some("application/json");
        let expiration = hub.header.expires.map(|at| at.since(now).to_string());
        let timestamp = own.creation_time.and_then(seconds);
        lost += unsaid + u32::from(own.creation_time.is_some() && timestamp.is_none());
        let properties = Properties {
            content_type: short_text(own.content_type.as_deref().or(json), &mut lost),
            content_encoding: short_text(own.content_encoding.as_deref(), &mut lost),
            headers: headers.as_ref().map(FieldTable::view),
            delivery_mode: Some(if hub.header.durable { PERSISTENT } else { TRANSIENT }),
            priority: Some(hub.header.priority).filter(|priority| *priority != Header::default().priority),
            correlation_id: correlation_id.as_deref().map(str::as_bytes),
            reply_to: short_text(own.reply_to.as_deref().map(reply_to_of), &mut lost),
            expiration: expiration.as_deref().map(str::as_bytes),
            message_id: message_id.as_deref().map(str::as_bytes),
            timestamp,
            kind: short_text(own.subject.as_deref(), &mut lost),
            user_id: short(own.user_id.as_deref(), &mut lost),
            app_id: short(app_id.as_deref(), &mut lost),
            cluster_id: None,
        };
        let mut raw = BytesMut::new();
        properties.write(&mut raw).map_err(|_| Unconvertible("its headers have 4 GiB or more"))?;
        Ok(Converted { properties: raw.freeze(), body, lost })
    }

    /// A header of that name, or one of the properties that JMS knows under a name of its own.
    fn property<'a>(&self, message: &'a Message, name: &str) -> Scalar<'a> {
        let properties = Properties::of_checked(&message.properties);
        let text = |bytes: Option<&'a [u8]>| {
            bytes.and_then(|bytes| str::from_utf8(bytes).ok()).map_or(Scalar::Null, Scalar::Text)
        };
        match name {
            "JMSMessageID" => text(properties.message_id),
            "JMSCorrelationID" => text(properties.correlation_id),
            "JMSType" => text(properties.kind),
            "JMSXUserID" => text(properties.user_id),
            "JMSTimestamp" => properties.timestamp.and_then(milliseconds).map_or(Scalar::Null, Scalar::Int),
            header => properties.headers.and_then(|headers| headers.get(header)).map_or(Scalar::Null, to_scalar),
        }
    }
}

/// Headers that are properties elsewhere become those; `x-…` are annotations.
fn decode_headers(headers: TableView<'_>, hub: &mut Hub) {
    for (name, value) in headers {
        match (name, value) {
            (b"JMSXGroupID", FieldValue::LongString(group)) => {
                hub.properties.group_id.get_or_insert_with(|| text(group));
                continue;
            }
            (b"JMSXGroupSeq", value) => {
                if let Some(number) = group_sequence(value) {
                    hub.properties.group_sequence.get_or_insert(number);
                    continue;
                }
            }
            (b"x-message-id", FieldValue::LongString(id)) if id.len() > SHORT => {
                hub.properties.message_id.get_or_insert_with(|| text_or_binary(id));
                continue;
            }
            (b"x-correlation-id", FieldValue::LongString(id)) if id.len() > SHORT => {
                hub.properties.correlation_id.get_or_insert_with(|| text_or_binary(id));
                continue;
            }
            _ => {}
        }
        let headers = if name.starts_with(b"x-") { &mut hub.annotations } else { &mut hub.application_properties };
        headers.push((text(name), to_hub(value)));
    }
}

fn group_sequence(value: FieldValue<'_>) -> Option<u32> {
    match to_scalar(value) {
        Scalar::Int(number) => u32::try_from(number).ok(),
        _ => None,
    }
}

/// Puts everything that is a header into the table. Returns the application's id, which is a property.
fn encode_headers<'a>(hub: &'a Hub, headers: &mut Headers) -> Option<Cow<'a, [u8]>> {
    let own = &hub.properties;
    if let Some(group) = &own.group_id {
        headers.push_text(GROUP_ID, group);
    }
    if let Some(number) = own.group_sequence {
        let number = i32::try_from(number).map_or(Value::Long(number.into()), Value::Int);
        headers.push(GROUP_SEQUENCE.as_bytes(), &number);
    }
    let mut app_id = None;
    for (name, value) in &hub.annotations {
        if name == APP_ID {
            app_id = match value {
                Value::Binary(bytes) => Some(Cow::Borrowed(&bytes[..])),
                value => value.text().map(into_bytes),
            };
        } else if !name.starts_with("x-opt-") {
            headers.push(name.as_bytes(), value);
        }
    }
    for (name, value) in &hub.application_properties {
        headers.push(name.as_bytes(), value);
    }
    app_id
}

/// An id as a short string, or as the header `long` if it is none.
fn encode_id<'a>(id: Option<&'a Value>, long: &str, headers: &mut Headers, lost: &mut u32) -> Option<Cow<'a, str>> {
    let (id, is_exact) = id?.id_text();
    *lost += u32::from(!is_exact);
    if id.len() <= SHORT {
        return Some(id);
    }
    headers.push_text(long, &id);
    None
}

/// A queue's name, unless it is an address already.
fn reply_to_hub(reply_to: &[u8]) -> String {
    let reply_to = text(reply_to);
    if ["queue://", "topic://", "/exchanges/"].iter().any(|prefix| reply_to.starts_with(prefix)) {
        return reply_to;
    }
    format!("queue://{reply_to}")
}

/// A queue is its name; other addresses stay what they are, because a client of AMQP 0-9-1 answers to queues.
fn reply_to_of(canonical: &str) -> &str {
    canonical.strip_prefix("queue://").unwrap_or(canonical)
}

fn short_text<'a>(text: Option<&'a str>, lost: &mut u32) -> Option<&'a [u8]> {
    short(text.map(str::as_bytes), lost)
}

fn short<'a>(text: Option<&'a [u8]>, lost: &mut u32) -> Option<&'a [u8]> {
    let short = text.filter(|text| text.len() <= SHORT);
    *lost += u32::from(short.is_none() && text.is_some());
    short
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn into_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}
