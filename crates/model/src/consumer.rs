use crate::Time;

/// How many messages and bytes a consumer may still be sent. Bytes may be overdrawn by one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    pub messages: u32,
    pub bytes: u64,
}

impl Credit {
    pub const fn messages(messages: u32) -> Self {
        Self { messages, bytes: u64::MAX >> 1 }
    }
}

/// What gives credit back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditMode {
    /// Only `Command::Credit` (AMQP 1.0 link credit).
    Explicit,
    /// Settling a delivery gives its message back (AMQP 0-9-1 prefetch, MQTT in-flight window); a pre-settled one, and
    /// all bytes, come back by `Command::Credit`.
    Window,
}

/// When a delivery counts as settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// By the receiver's outcome.
    Explicit,
    /// When it is sent.
    Presettled,
    /// Explicit for a durable message through a binding that is not `at_most_once`, pre-settled otherwise (MQTT).
    ByMessage,
}

/// How long a delivery belongs to its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// As long as its connection and consumer live.
    Connection,
    /// This many milliseconds from hand-out, whatever becomes of the connection (SQS visibility time-out); `None` is
    /// the queue's own default.
    Deadline(Option<u64>),
}

/// What a consumer does with what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Takes messages under a lease.
    Leasing { settlement: Settlement, lease: Lease },
    /// Only looks, from a position on: a browser of a queue, a reader of a log.
    Cursor { from: Position },
}

/// Where a cursor starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    First,
    /// After everything that is there now.
    Next,
    /// The first message at or after this sequence number.
    Seq(u64),
    /// The first message that arrived at or after this time.
    Time(Time),
}
