use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::Namespace;

/// A name or routing key as its bytes. Protocols check the characters; the core compares bytes only.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Bytes);

impl Name {
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as text; bytes that are no UTF-8 are replaced.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy that owns just its bytes and pins no read buffer: for names that live longer than a message.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl From<Bytes> for Name {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text().escape_debug().to_string())
    }
}

/// Where a key is looked up. The five every namespace has are named as AMQP 0-9-1 names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exchange {
    /// Every queue is bound here under its own name.
    #[default]
    Default,
    /// `amq.topic`: where topics of every protocol live.
    Topic,
    /// `amq.direct`.
    Direct,
    /// `amq.fanout`.
    Fanout,
    /// `amq.headers`.
    Headers,
    /// Declared by somebody.
    Named(Name),
}

impl Exchange {
    /// The exchange called `name` in AMQP 0-9-1; "" is the default one.
    pub fn named(name: &str) -> Self {
        match name {
            "" => Self::Default,
            "amq.topic" => Self::Topic,
            "amq.direct" => Self::Direct,
            "amq.fanout" => Self::Fanout,
            "amq.headers" | "amq.match" => Self::Headers,
            other => Self::Named(Name::from(other)),
        }
    }

    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Default => "".into(),
            Self::Topic => "amq.topic".into(),
            Self::Direct => "amq.direct".into(),
            Self::Fanout => "amq.fanout".into(),
            Self::Headers => "amq.headers".into(),
            Self::Named(name) => name.to_text(),
        }
    }
}

/// How an exchange compares a message with a binding (AMQP 0-9-1, 3.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeKind {
    Direct,
    Fanout,
    Topic,
    Headers,
}

impl ExchangeKind {
    /// As AMQP 0-9-1 calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Topic => "topic",
            Self::Headers => "headers",
        }
    }
}

/// How an exchange behaves (AMQP 0-9-1, 1.6; the last three as in RabbitMQ).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeSettings {
    pub kind: ExchangeKind,
    /// The exchange survives a restart.
    pub durable: bool,
    /// It is deleted when the last thing bound to it is unbound.
    pub auto_delete: bool,
    /// Nobody may publish to it: it gets messages only from exchanges that it is bound to.
    pub internal: bool,
    /// The exchange that gets what no binding of this one takes.
    pub alternate: Option<Name>,
}

impl ExchangeSettings {
    /// A lasting exchange that anybody may publish to.
    pub const fn new(kind: ExchangeKind) -> Self {
        Self { kind, durable: true, auto_delete: false, internal: false, alternate: None }
    }
}

/// What producers send to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub namespace: Namespace,
    pub exchange: Exchange,
    pub key: Name,
}

impl Address {
    /// The queue `name`, through the default exchange.
    pub fn queue(namespace: Namespace, name: Name) -> Self {
        Self { namespace, exchange: Exchange::Default, key: name }
    }

    /// The topic `key`, in `amq.topic`.
    pub fn topic(namespace: Namespace, key: Name) -> Self {
        Self { namespace, exchange: Exchange::Topic, key }
    }
}

/// Longest name that AWS lets a queue or topic have.
const ALIAS_CHARACTERS: usize = 80;

/// The name under which AWS clients know `name` where AWS's `[A-Za-z0-9_-]{1,80}` (with a final `.fifo`) cannot spell
/// it; `None` where it can. `nth` > 0 asks for another one, because the one before was taken.
pub fn alias_of(name: &Name, nth: u32) -> Option<String> {
    let text = name.to_text();
    let (stem, suffix) = match text.strip_suffix(".fifo") {
        Some(stem) => (stem, ".fifo"),
        None => (text.as_ref(), ""),
    };
    let room = ALIAS_CHARACTERS - suffix.len();
    let speakable = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if nth == 0 && !stem.is_empty() && stem.len() <= room && stem.chars().all(speakable) {
        return None;
    }
    let mut alias: String = stem.chars().map(|c| if speakable(c) { c } else { '-' }).collect();
    if nth > 0 || alias.is_empty() || alias.len() > room {
        alias.truncate(room - 7);
        // FNV-1a: the digits only have to differ and to be the same on every machine.
        let hash = name
            .as_bytes()
            .iter()
            .chain(&nth.to_le_bytes())
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        alias.push_str(&format!("-{:06x}", hash & 0x00ff_ffff));
    }
    Some(alias + suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_spell_what_aws_can_say() {
        assert_eq!(alias_of(&"orders".into(), 0), None);
        assert_eq!(alias_of(&"orders.fifo".into(), 0), None);
        assert_eq!(alias_of(&"orders.eu".into(), 0).as_deref(), Some("orders-eu"));
        let second = alias_of(&"orders.eu".into(), 1).unwrap();
        assert!(second.starts_with("orders-eu-") && second.len() == "orders-eu-".len() + 6, "{second}");
        let long = "x".repeat(200);
        assert_eq!(alias_of(&long.as_str().into(), 0).unwrap().len(), ALIAS_CHARACTERS);
        assert!(alias_of(&Name::default(), 0).is_some());
    }
}
