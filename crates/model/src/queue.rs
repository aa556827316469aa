use crate::{Exchange, Name};

/// How a queue behaves. What only one protocol understands stands in `extras`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    pub kind: QueueKind,
    /// The queue, and its durable messages, survive a restart.
    pub durable: bool,
    pub lifetime: Lifetime,
    /// Not shown in listings: a protocol's own (an MQTT session, a temporary queue).
    pub internal: bool,
    /// 0: strictly in order of arrival. Else messages are ordered by priority, capped to this.
    pub max_priority: u8,
    /// Messages that wait: those that receivers have do not count.
    pub max_length: Option<u64>,
    /// Bytes of bodies and properties.
    pub max_bytes: Option<u64>,
    pub overflow: Overflow,
    /// Milliseconds that a message may wait here, whatever its own expiry.
    pub ttl: Option<u64>,
    /// Milliseconds before a message may be delivered, unless it has its own.
    pub delay: u64,
    /// Milliseconds of a lease with a deadline that names none.
    pub lease: u64,
    pub dead_letter: Option<DeadLetter>,
    /// Milliseconds without any use, after which the queue is deleted. Consumers, fetches and declarations are uses.
    pub expires: Option<u64>,
    /// Only the first of its consumers gets messages; the next one takes over when that one goes.
    pub single_active: bool,
    /// Without a consumer, messages that need no acknowledgement are not kept (MQTT sessions).
    pub drops_transient_unattended: bool,
    /// Opaque settings of the protocols, by name, in order of name: AWS attributes and tags, subscriptions of a session.
    pub extras: Vec<(String, String)>,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            kind: QueueKind::Queue,
            durable: true,
            lifetime: Lifetime::Permanent,
            internal: false,
            max_priority: 0,
            max_length: None,
            max_bytes: None,
            overflow: Overflow::Reject,
            ttl: None,
            delay: 0,
            lease: 30_000,
            dead_letter: None,
            expires: None,
            single_active: false,
            drops_transient_unattended: false,
            extras: Vec::new(),
        }
    }
}

impl QueueSettings {
    pub fn extra(&self, name: &str) -> Option<&str> {
        self.extras.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A queue leases and settles; a log is read by cursor and keeps what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKind {
    Queue,
    Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    Permanent,
    /// Deleted when its last consumer goes.
    WhileConsumed,
    /// Belongs to one connection, which alone may use it, and is deleted with it.
    Connection,
}

/// What happens to a message that a full queue gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The new one is refused, and its publisher told so.
    Reject,
    /// The oldest ready one is dropped.
    DropHead,
    /// The oldest ready one is dead-lettered.
    DeadLetter,
    /// The new one is dropped, and its publisher told nothing (a subscriber that does not keep up).
    DropNew,
}

/// Where messages go that cannot be processed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The default exchange makes the queue it names, if there is none.
    pub exchange: Exchange,
    /// `None`: the key that the message came with.
    pub key: Option<Name>,
    /// Acquisitions after which a message that comes back goes there (SQS maxReceiveCount); `None`: only what is
    /// rejected, expires or overflows.
    pub max_deliveries: Option<u32>,
}

impl DeadLetter {
    /// To a queue of the same namespace.
    pub fn to_queue(queue: Name, max_deliveries: Option<u32>) -> Self {
        Self { exchange: Exchange::Default, key: Some(queue), max_deliveries }
    }

    /// The queue that takes them, if they go to one by its name.
    pub fn queue(&self) -> Option<&Name> {
        self.key.as_ref().filter(|_| self.exchange == Exchange::Default)
    }
}

/// New settings for a queue that exists; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alteration {
    pub ttl: Option<Option<u64>>,
    pub delay: Option<u64>,
    pub lease: Option<u64>,
    pub dead_letter: Option<Option<DeadLetter>>,
    /// Sets each named one; an empty value removes it.
    pub extras: Vec<(String, String)>,
}

impl Alteration {
    /// Makes this alteration in `settings`.
    pub fn apply_to(&self, settings: &mut QueueSettings) {
        if let Some(ttl) = self.ttl {
            settings.ttl = ttl;
        }
        if let Some(delay) = self.delay {
            settings.delay = delay;
        }
        if let Some(lease) = self.lease {
            settings.lease = lease;
        }
        if let Some(dead_letter) = &self.dead_letter {
            settings.dead_letter.clone_from(dead_letter);
        }
        for (name, value) in &self.extras {
            settings.extras.retain(|(n, _)| n != name);
            if !value.is_empty() {
                settings.extras.push((name.clone(), value.clone()));
            }
        }
        settings.extras.sort();
    }
}
