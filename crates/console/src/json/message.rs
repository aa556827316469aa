use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model::{Body, Death, Deliver, EncodingId, Encodings, Hub, HubBody, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::hub::{self, Budget};

/// Bytes of a body that are shown.
const SHOWN_BODY_BYTES: usize = 64 * 1024;

/// A message as `peek` and `tail` show it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MessageObject {
    pub(crate) seq: u64,
    pub(crate) number: u64,
    pub(crate) exchange: String,
    pub(crate) key: String,
    /// When it reached the queue.
    pub(crate) arrived: u64,
    pub(crate) durable: bool,
    pub(crate) priority: u8,
    pub(crate) expires: Option<u64>,
    pub(crate) retained: bool,
    pub(crate) redelivered: bool,
    /// How often it was handed out, and how often that failed.
    pub(crate) attempts: u32,
    pub(crate) failed: u32,
    /// What became of it in other queues, the latest first; of a dead letter only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) deaths: Vec<DeathObject>,
    /// The protocol whose form it has.
    pub(crate) encoding: String,
    pub(crate) properties: Map<String, Json>,
    pub(crate) annotations: Vec<(Json, Json)>,
    pub(crate) application_properties: Vec<(Json, Json)>,
    /// Properties and annotations that were too many to show.
    pub(crate) properties_left_out: usize,
    /// Of the whole body; of a typed value in its publisher's form.
    pub(crate) body_bytes: usize,
    /// The body is longer than what follows.
    pub(crate) cut: bool,
    #[serde(flatten)]
    pub(crate) body: BodyObject,
}

/// A message left a queue as a dead letter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DeathObject {
    pub(crate) queue: String,
    /// "rejected", "expired", "maxlen", "delivery_limit" or "undeliverable".
    pub(crate) reason: String,
    /// Why, where the reason alone does not say it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) detail: String,
    /// How often, from this queue and for this reason.
    pub(crate) count: u64,
    /// The first time.
    pub(crate) time: u64,
    /// What it had been sent to when it came to that queue.
    pub(crate) exchange: String,
    pub(crate) key: String,
}

impl From<&Death> for DeathObject {
    fn from(death: &Death) -> Self {
        Self {
            queue: death.queue.to_text().into_owned(),
            reason: death.reason.as_str().into(),
            detail: death.detail.to_text().into_owned(),
            count: death.count,
            time: death.time.0,
            exchange: death.exchange.to_text().into_owned(),
            key: death.key.to_text().into_owned(),
        }
    }
}

/// A message's properties for people, whatever its protocol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Readable {
    pub(crate) properties: Map<String, Json>,
    pub(crate) annotations: Vec<(Json, Json)>,
    pub(crate) application_properties: Vec<(Json, Json)>,
    /// Properties and annotations that were too many to show.
    pub(crate) left_out: usize,
}

impl Readable {
    pub(crate) fn of(hub: &Hub) -> Self {
        let mut budget = Budget::default();
        let properties = hub::properties(&hub.properties, &mut budget);
        let (application_properties, some) = hub::pairs(&hub.application_properties, &mut budget);
        let (annotations, others) = hub::pairs(&hub.annotations, &mut budget);
        Self { properties, annotations, application_properties, left_out: some + others }
    }
}

/// A body in the first of these forms that can show it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum BodyObject {
    #[serde(rename = "body")]
    Text(String),
    #[serde(rename = "body_base64")]
    Base64(String),
    /// A typed value (AMQP 1.0, 3.2.7 and 3.2.8).
    #[serde(rename = "body_value")]
    Value(Json),
}

impl Default for BodyObject {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl MessageObject {
    pub(crate) fn new(deliver: &Deliver, encodings: &Encodings) -> Self {
        let message = &deliver.message;
        let header = &message.header;
        let hub = encodings.to_hub(message);
        let Readable { properties, annotations, application_properties, left_out } = Readable::of(&hub);
        let (body, cut) = match &hub.body {
            HubBody::Data(body) => bytes_of(body),
            HubBody::Value(Value::String(text)) => bytes_of(&Bytes::copy_from_slice(text.as_bytes()).into()),
            HubBody::Value(value) => (BodyObject::Value(hub::value(value, &mut Budget::default())), false),
            HubBody::Sequence(items) => (BodyObject::Value(hub::list(items, &mut Budget::default())), false),
        };
        Self {
            seq: deliver.delivery.seq,
            number: deliver.number.0,
            exchange: message.address.exchange.to_text().into_owned(),
            key: message.address.key.to_text().into_owned(),
            arrived: deliver.arrived.0,
            durable: header.durable,
            priority: header.priority,
            expires: header.expires.map(|at| at.0),
            retained: deliver.retained || header.retain,
            redelivered: deliver.redelivered,
            attempts: deliver.delivery.attempt,
            failed: deliver.failed,
            deaths: deliver.history.iter().flat_map(|history| &history.deaths).map(DeathObject::from).collect(),
            encoding: encoding_name(message.encoding),
            properties,
            annotations,
            application_properties,
            properties_left_out: left_out,
            body_bytes: match &hub.body {
                HubBody::Data(body) => body.len(),
                HubBody::Value(Value::String(text)) => text.len(),
                HubBody::Value(_) | HubBody::Sequence(_) => message.body.len(),
            },
            cut,
            body,
        }
    }
}

pub(super) fn encoding_name(id: EncodingId) -> String {
    match id {
        EncodingId::PLAIN => "plain".into(),
        EncodingId::MQTT => "mqtt".into(),
        EncodingId::SQS => "sqs".into(),
        EncodingId::STOMP => "stomp".into(),
        EncodingId::AMQP_091 => "amqp-0-9-1".into(),
        EncodingId::AMQP_10 => "amqp-1.0".into(),
        EncodingId::OPENWIRE => "openwire".into(),
        EncodingId(other) => other.to_string(),
    }
}

/// The beginning of a body, and whether there is more.
fn bytes_of(body: &Body) -> (BodyObject, bool) {
    let cut = body.len() > SHOWN_BODY_BYTES;
    let mut shown = Vec::with_capacity(body.len().min(SHOWN_BODY_BYTES));
    for piece in body.pieces() {
        let room = SHOWN_BODY_BYTES - shown.len();
        shown.extend_from_slice(&piece[..piece.len().min(room)]);
    }
    if cut {
        // A character that the cut went through does not make a text binary.
        let end = std::str::from_utf8(&shown).err().filter(|error| error.error_len().is_none());
        let end = end.map_or(shown.len(), |error| error.valid_up_to());
        if is_text(&shown[..end]) {
            shown.truncate(end);
        }
    }
    if !is_text(&shown) {
        return (BodyObject::Base64(STANDARD.encode(&shown)), cut);
    }
    (BodyObject::Text(String::from_utf8(shown).expect("is_text() looked")), cut)
}

/// UTF-8 without control characters: escaped, those would take six times their size.
fn is_text(bytes: &[u8]) -> bool {
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(bytes: &[u8]) -> (String, bool) {
        let (body, cut) = bytes_of(&Body::from(Bytes::copy_from_slice(bytes)));
        (serde_json::to_string(&body).unwrap(), cut)
    }

    #[test]
    fn bodies_are_text_where_they_can() {
        assert_eq!(show(b"hi\n\"you\""), (r#"{"body":"hi\n\"you\""}"#.into(), false));
        assert_eq!(show(&[0xff]), (r#"{"body_base64":"/w=="}"#.into(), false));
        assert_eq!(show(b"\0"), (r#"{"body_base64":"AA=="}"#.into(), false));
    }

    #[test]
    fn long_bodies_are_cut() {
        let text = "é".repeat(SHOWN_BODY_BYTES);
        let (body, cut) = bytes_of(&Body::from(Bytes::from(format!("x{text}"))));
        let BodyObject::Text(body) = body else { panic!("{body:?}") };
        assert!(cut && body.len() == SHOWN_BODY_BYTES - 1 && body.ends_with('é'));
        let (body, cut) = bytes_of(&Body::from(Bytes::from(vec![0x80; SHOWN_BODY_BYTES + 1])));
        assert!(cut && matches!(body, BodyObject::Base64(_)));
    }
}
