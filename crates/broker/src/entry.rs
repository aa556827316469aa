use std::sync::Arc;

use model::{History, Message, MessageNumber, Tags, Time};

use crate::consumer::ConsumerKey;
use crate::transaction::TransactionNumber;

/// A message in a queue.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// `None`: only on disk, at `located`.
    pub(crate) message: Option<Arc<Message>>,
    pub(crate) number: MessageNumber,
    /// Where the journal has it. One that is not durable has a place only if it came from a queue that is.
    pub(crate) located: Option<Located>,
    pub(crate) arrived: Time,
    /// The message's own expiry, which has an alarm of its own. A queue's time to live needs none: it falls due in
    /// order of arrival.
    pub(crate) expires: Option<Time>,
    pub(crate) first_acquired: Time,
    /// Times handed out under a lease.
    pub(crate) attempts: u32,
    /// Of these, how many count as failures.
    pub(crate) failed: u32,
    /// Bytes of properties and body.
    pub(crate) size: u32,
    /// Bytes that this entry is charged for while `message` is there: one body may stand in many queues.
    pub(crate) charge: u32,
    pub(crate) priority: u8,
    /// The journal knows this entry.
    pub(crate) durable: bool,
    /// Wants an outcome from a receiver that settles by message.
    pub(crate) assured: bool,
    /// Its publisher will send it again unless it is recorded, and must not be heard twice (MQTT QoS 2): nobody gets
    /// it before its record is durable.
    pub(crate) exact: bool,
    pub(crate) retained: bool,
    /// How it came here, if it was dead-lettered; without a death, just what it was sent to.
    pub(crate) history: Option<Arc<History>>,
    pub(crate) tags: Tags,
    pub(crate) state: State,
}

/// Where a message's record lies: the record, and that many body pieces in the records just before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) lsn: u64,
    pub(crate) pieces: u32,
}

impl Entry {
    /// Where the journal has it, if it is to be there after a restart.
    pub(crate) fn kept(&self) -> Option<Located> {
        self.located.filter(|_| self.durable)
    }

    /// Its body is in the journal, and it will be gone after a restart.
    pub(crate) fn is_loose(&self) -> bool {
        !self.durable && self.located.is_some()
    }

    /// Nobody has it.
    pub(crate) fn waits(&self) -> bool {
        self.state.waits()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    /// Ready at this time.
    Delayed(Time),
    Leased(Owner),
    /// Between two steps of a settlement: the message may go, the receiver's mark stays until it is accepted.
    Decided {
        mark: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Consumer(ConsumerKey),
    /// Until then, whoever has the receipt.
    Deadline(Time),
    /// An outcome waits for a commit.
    Transaction(TransactionNumber),
}

impl State {
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Ready | Self::Delayed(_))
    }

    /// The state after a restart: nobody has a lease.
    pub(crate) fn at_rest(self) -> Self {
        if matches!(self, Self::Leased(_)) { Self::Ready } else { self }
    }

    /// When an entry in this state needs attention; `expires` counts only while nobody has it.
    pub(crate) fn due(self, expires: Option<Time>) -> Option<Time> {
        match self {
            Self::Ready => expires,
            Self::Delayed(at) => Some(expires.map_or(at, |expires| expires.min(at))),
            Self::Leased(Owner::Deadline(at)) => Some(at),
            Self::Leased(_) | Self::Decided { .. } => None,
        }
    }
}
