use crate::{Exchange, Name, Time};

/// What the broker did with a message since it was published: kept beside the publisher's bytes, never in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The latest first; one for each queue and reason.
    pub deaths: Vec<Death>,
    /// Where it was sent when it died last.
    pub exchange: Exchange,
    pub key: Name,
}

/// A message left a queue as a dead letter (RabbitMQ's `x-death`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    pub queue: Name,
    pub reason: DeathReason,
    /// Why, where the reason alone does not say it.
    pub detail: Name,
    /// How often, from this queue and for this reason.
    pub count: u64,
    /// The first time.
    pub time: Time,
    /// What it had been sent to when it came to this queue.
    pub exchange: Exchange,
    pub key: Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeathReason {
    /// By a receiver.
    Rejected,
    Expired,
    /// The queue was full.
    MaxLength,
    /// It came back too often.
    DeliveryLimit,
    /// The receiver's protocol cannot carry it.
    Undeliverable,
}

impl DeathReason {
    /// RabbitMQ's words where it has them.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::MaxLength => "maxlen",
            Self::DeliveryLimit => "delivery_limit",
            Self::Undeliverable => "undeliverable",
        }
    }
}
