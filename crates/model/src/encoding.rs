use std::sync::Arc;

use bytes::Bytes;

use crate::{Body, Hub, Message, Time};

/// Names the protocol form of a message's properties. Written to disk: the numbers never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncodingId(pub u16);

impl EncodingId {
    /// No properties, an opaque body: what the administrator and the broker itself send.
    pub const PLAIN: Self = Self(0);
    pub const MQTT: Self = Self(1);
    pub const SQS: Self = Self(2);
    pub const STOMP: Self = Self(3);
    pub const AMQP_091: Self = Self(4);
    pub const AMQP_10: Self = Self(5);
    pub const OPENWIRE: Self = Self(6);
}

/// A protocol's own form ⇄ the hub, and a quick look at single properties.
pub trait Encoding: Send + Sync {
    fn id(&self) -> EncodingId;

    /// Whether properties and body are as this protocol writes them. Asked of what comes from elsewhere than a client of
    /// it; everything else here relies on it.
    fn is_sound(&self, message: &Message) -> bool {
        let _ = message;
        true
    }

    /// All but `Hub::header`, which is the same for every encoding.
    fn decode(&self, message: &Message) -> Hub;

    /// `now` tells how long a message that expires has left.
    fn encode(&self, hub: &Hub, now: Time) -> Result<Converted, Unconvertible>;

    /// The application property or JMS header `name`, for selectors and headers exchanges.
    fn property<'a>(&self, message: &'a Message, name: &str) -> Scalar<'a>;
}

/// A message in one protocol's form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    pub properties: Bytes,
    pub body: Body,
    /// How many properties this form could not carry.
    pub lost: u32,
}

/// The body cannot be carried at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be carried: {0}")]
pub struct Unconvertible(pub &'static str);

/// What a selector can compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
}

/// All encodings, by id.
#[derive(Clone, Default)]
pub struct Encodings(Vec<Option<Arc<dyn Encoding>>>);

impl Encodings {
    pub fn register(&mut self, encoding: Arc<dyn Encoding>) {
        let index = usize::from(encoding.id().0);
        if self.0.len() <= index {
            self.0.resize(index + 1, None);
        }
        self.0[index] = Some(encoding);
    }

    pub fn get(&self, id: EncodingId) -> Option<&dyn Encoding> {
        self.0.get(usize::from(id.0)).and_then(Option::as_deref)
    }

    /// The message's hub form; one of an unknown encoding keeps just its body.
    pub fn to_hub(&self, message: &Message) -> Hub {
        let hub = match self.get(message.encoding) {
            Some(encoding) => encoding.decode(message),
            None => Hub { body: crate::HubBody::Data(message.body.clone()), ..Hub::default() },
        };
        Hub { header: message.header, ..hub }
    }

    /// Whether the message is as its encoding would have it; one of an unknown encoding is not.
    pub fn are_sound(&self, message: &Message) -> bool {
        match self.get(message.encoding) {
            Some(encoding) => encoding.is_sound(message),
            None => message.encoding == EncodingId::PLAIN && message.properties.is_empty(),
        }
    }

    pub fn property<'a>(&self, message: &'a Message, name: &str) -> Scalar<'a> {
        self.get(message.encoding).map_or(Scalar::Null, |encoding| encoding.property(message, name))
    }
}
