use smallvec::SmallVec;

use crate::{Exchange, Name};

/// A number that the binding's owner gave it and that comes back with each message it matched (MQTT: subscription
/// identifier, QoS and options).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u64);

/// Exchange → queue. Identified by queue, exchange, key and headers: binding the same again replaces the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Binding {
    pub exchange: Exchange,
    /// Compared as the exchange's kind says: exactly, not at all, or as a pattern of words (`*` one word, `#` any
    /// number of words, anywhere).
    pub key: Name,
    /// For headers exchanges.
    pub headers: Option<HeaderRule>,
    /// Only messages that this JMS selector matches.
    pub selector: Option<String>,
    pub tag: Tag,
    /// What comes through this binding needs no acknowledgement and no disk, whatever its publisher asked for (MQTT: a
    /// QoS 0 subscription).
    pub at_most_once: bool,
    /// A wildcard in the first word does not match a key that begins with `$` (MQTT 4.7.2).
    pub hides_dollar: bool,
}

/// Which headers must be there (AMQP 0-9-1, 3.1.3.4): a value, or `None` for "present".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeaderRule {
    /// All of them, or any.
    pub all: bool,
    /// Names that begin with `x-` count too (RabbitMQ's `all-with-x` and `any-with-x`).
    pub with_x: bool,
    pub pairs: Vec<(String, Option<HeaderValue>)>,
}

/// A header's value, compared with its type; integers and floats are both numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl From<&str> for HeaderValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl core::fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// The tags of all bindings that matched, in no particular order; nearly always one.
pub type Tags = SmallVec<[Tag; 1]>;
