use crate::Name;

/// A tenant's own space of names. 0 is `/`: account 000000000000 in the configured region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(pub u16);

/// A queue or log, for ever: numbers are not used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId {
    pub shard: u16,
    pub n: u32,
}

/// How a command names a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueRef {
    Id(QueueId),
    /// By name or by alias.
    Named(Namespace, Name),
}

/// The number of a message, never used again and kept through moves between queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(pub u64);

/// The number of a record in the journal. The first is 1; 0 means "none, nothing to wait for".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

/// Where a connection lives: IO thread, slot in its table, and the generation of that slot, so that an effect for a
/// connection that is gone cannot reach its successor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    pub thread: u16,
    pub slot: u32,
    pub generation: u32,
}

/// A connection's own number for one of its consumers or fetches; echoed in effects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerIndex(pub u32);

/// A connection's own number for a request; echoed in the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A connection's own number for an open transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionIndex(pub u32);

/// A message handed out and not settled. `attempt` counts acquisitions, from 1; together they name one hand-out for
/// ever, so receipt handles made of them are valid after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delivery {
    pub queue: QueueId,
    pub seq: u64,
    pub attempt: u32,
}
