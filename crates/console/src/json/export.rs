use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model::{Address, Body, Deliver, EncodingId, Encodings, Exchange, Header, Message, Name, Namespace, Time, limits};
use serde::{Deserialize, Serialize};

use super::DeathObject;
use super::message::{Readable, encoding_name};

/// A whole message, as `export` writes and `import` reads it. What is not needed to make the message again is there for
/// people, and comes last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExportObject {
    /// The queue it was in.
    pub(crate) queue: String,
    /// Where it was sent to. "" is the default exchange, in which the key is a queue's name.
    pub(crate) exchange: String,
    pub(crate) key: String,
    /// In place of a key that is no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_base64: Option<String>,
    pub(crate) durable: bool,
    pub(crate) priority: u8,
    pub(crate) expires: Option<u64>,
    pub(crate) not_before: Option<u64>,
    /// The protocol whose form properties and body have, by its number.
    pub(crate) encoding_id: u16,
    /// Bits that this protocol keeps with a message.
    pub(crate) private: u8,
    /// The publisher's properties in its protocol's own bytes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) properties_base64: String,
    /// Text, or else Base64; neither for an empty body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body_base64: Option<String>,

    pub(crate) number: u64,
    pub(crate) seq: u64,
    pub(crate) arrived: u64,
    pub(crate) retained: bool,
    pub(crate) redelivered: bool,
    pub(crate) attempts: u32,
    pub(crate) encoding: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) deaths: Vec<DeathObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) readable: Option<Readable>,
}

/// Why an object is no message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoMessage {
    #[error("{0} is not Base64: {1}")]
    Base64(&'static str, base64::DecodeError),
    #[error("it has both {0} and {0}_base64")]
    Both(&'static str),
    #[error("{0} over the limit of {1}")]
    Limit(&'static str, u64),
    #[error("its properties or body are not as the encoding {0} has them")]
    Unsound(String),
}

impl Default for ExportObject {
    fn default() -> Self {
        Self {
            queue: String::new(),
            exchange: String::new(),
            key: String::new(),
            key_base64: None,
            durable: false,
            priority: Header::default().priority,
            expires: None,
            not_before: None,
            encoding_id: 0,
            private: 0,
            properties_base64: String::new(),
            body: None,
            body_base64: None,
            number: 0,
            seq: 0,
            arrived: 0,
            retained: false,
            redelivered: false,
            attempts: 0,
            encoding: String::new(),
            deaths: Vec::new(),
            readable: None,
        }
    }
}

impl ExportObject {
    pub(crate) fn new(deliver: &Deliver, queue: &str, encodings: &Encodings) -> Self {
        let message = &deliver.message;
        let header = &message.header;
        let (key, key_base64) = text_or_base64(message.address.key.as_bytes());
        let body = message.body.joined();
        let (body, body_base64) = if body.is_empty() { (None, None) } else { text_or_base64(&body) };
        Self {
            queue: queue.to_owned(),
            exchange: message.address.exchange.to_text().into_owned(),
            key: key.unwrap_or_default(),
            key_base64,
            durable: header.durable,
            priority: header.priority,
            expires: header.expires.map(|at| at.0),
            not_before: header.not_before.map(|at| at.0),
            encoding_id: message.encoding.0,
            private: header.private,
            properties_base64: STANDARD.encode(&message.properties),
            body,
            body_base64,
            number: deliver.number.0,
            seq: deliver.delivery.seq,
            arrived: deliver.arrived.0,
            retained: deliver.retained || header.retain,
            redelivered: deliver.redelivered,
            attempts: deliver.delivery.attempt,
            encoding: encoding_name(message.encoding),
            deaths: deliver.history.iter().flat_map(|history| &history.deaths).map(DeathObject::from).collect(),
            readable: Some(Readable::of(&encodings.to_hub(message))),
        }
    }

    /// Without what is only there for people.
    #[must_use]
    pub(crate) fn bare(self) -> Self {
        Self { encoding: String::new(), deaths: Vec::new(), readable: None, ..self }
    }

    /// Takes the body out, as bytes.
    pub(crate) fn take_body(&mut self) -> Result<Bytes, NoMessage> {
        bytes_of("body", self.body.take(), self.body_base64.take().as_deref())
    }

    /// The message again, but that it is no longer to be kept as its topic's last one. `pieces`: its body, if that did not
    /// come with it.
    pub(crate) fn into_message(
        self,
        namespace: Namespace,
        pieces: Option<Body>,
        encodings: &Encodings,
    ) -> Result<Message, NoMessage> {
        let message = self.into_unchecked(namespace, pieces)?;
        if encodings.are_sound(&message) {
            Ok(message)
        } else {
            Err(NoMessage::Unsound(encoding_name(message.encoding)))
        }
    }

    /// The same, without the question whether its encoding can read it.
    pub(crate) fn into_unchecked(mut self, namespace: Namespace, pieces: Option<Body>) -> Result<Message, NoMessage> {
        let body = self.take_body()?;
        let key_base64 = self.key_base64.as_deref();
        let key = bytes_of("key", Some(self.key).filter(|key| !key.is_empty()), key_base64)?;
        if key.len() > limits::KEY_BYTES {
            return Err(NoMessage::Limit("bytes of the key", limits::KEY_BYTES as u64));
        }
        if self.priority >= limits::PRIORITIES {
            return Err(NoMessage::Limit("priority", u64::from(limits::PRIORITIES) - 1));
        }
        Ok(Message {
            address: Address { namespace, exchange: Exchange::named(&self.exchange), key: Name::from(key) },
            header: Header {
                durable: self.durable,
                priority: self.priority,
                expires: self.expires.map(Time),
                not_before: self.not_before.map(Time),
                retain: false,
                private: self.private,
            },
            encoding: EncodingId(self.encoding_id),
            properties: bytes_of("properties", None, Some(&self.properties_base64))?,
            body: pieces.unwrap_or_else(|| body.into()),
        })
    }
}

fn text_or_base64(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

fn bytes_of(name: &'static str, text: Option<String>, base64: Option<&str>) -> Result<Bytes, NoMessage> {
    match (text, base64) {
        (Some(_), Some(_)) => Err(NoMessage::Both(name)),
        (Some(text), None) => Ok(text.into()),
        (None, Some(base64)) => Ok(STANDARD.decode(base64).map_err(|error| NoMessage::Base64(name, error))?.into()),
        (None, None) => Ok(Bytes::new()),
    }
}
