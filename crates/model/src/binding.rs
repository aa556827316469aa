use smallvec::SmallVec;

use crate::{Exchange, Name};

/// A number that the binding's owner gave it and that comes back with each message it matched (MQTT: subscription
/// identifier, QoS and options).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u64);

/// Exchange → queue. Identified by queue, exchange, key and headers: binding the same again replaces the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderRule {
    pub all: bool,
    pub pairs: Vec<(String, Option<String>)>,
}

/// The tags of all bindings that matched, in no particular order; nearly always one.
pub type Tags = SmallVec<[Tag; 1]>;
