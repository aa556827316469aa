use crate::{
    Alarm, Binding, ConnectionId, ExchangeKind, Lsn, Name, Namespace, QueueId, QueueSettings, Space, Tally, Time,
};

/// A queue, as it is now.
#[derive(Clone, Debug)]
pub struct QueueInfo {
    pub id: QueueId,
    pub namespace: Namespace,
    pub name: Name,
    /// How AWS clients call it, where they cannot say its name.
    pub alias: Option<String>,
    pub settings: QueueSettings,
    pub created: Time,
    pub altered: Time,
    pub counts: QueueCounts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    pub ready: u64,
    /// Handed out and not settled, decided ones included.
    pub leased: u64,
    /// Not yet due.
    pub delayed: u64,
    /// Of bodies and properties, all states.
    pub bytes: u64,
    pub consumers: u64,
    /// Since the process started.
    pub enqueued: u64,
    pub delivered: u64,
    pub settled: u64,
    pub expired: u64,
    pub dead_lettered: u64,
    pub dropped: u64,
}

#[derive(Clone, Debug)]
pub struct BindingInfo {
    pub queue: Name,
    pub binding: Binding,
}

/// A topic is a key with subscribers or a retained message; or an exchange that somebody declared.
#[derive(Clone, Debug)]
pub struct TopicInfo {
    pub namespace: Namespace,
    pub exchange: Name,
    pub kind: ExchangeKind,
    pub key: Name,
    pub bindings: u64,
    pub retained: bool,
}

#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    pub id: ConnectionId,
    pub protocol: &'static str,
    pub address: String,
    pub client: Name,
    /// Who it has logged in as; empty if nobody asked.
    pub user: Name,
    pub consumers: u64,
    pub leased: u64,
    pub since: Time,
}

#[derive(Clone, Debug, Default)]
pub struct Status {
    pub now: Time,
    pub connections: u64,
    pub queues: u64,
    pub consumers: u64,
    pub messages: u64,
    pub bytes: u64,
    /// Bytes of bodies and of queue entries in memory, and the limit.
    pub memory: u64,
    pub memory_limit: u64,
    /// How much room the store has; `None` without a store, or before it was measured.
    pub space: Option<Space>,
    pub alarm: Option<Alarm>,
    pub lsn: Lsn,
    pub published: u64,
    pub delivered: u64,
    pub settled: u64,
    /// Messages that no binding took.
    pub unrouted: u64,
    /// What conversions between protocols could not carry.
    pub conversions: Tally,
}
