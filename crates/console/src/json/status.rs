use model::{Culprit, Space, Status};
use serde::{Deserialize, Serialize};

/// The broker's totals.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StatusObject {
    pub(crate) version: String,
    pub(crate) role: String,
    pub(crate) now: u64,
    /// What it is short of: "memory" or "disk".
    pub(crate) alarm: Option<String>,
    /// The queue that held most when the alarm was raised.
    #[serde(default)]
    pub(crate) culprit: Option<CulpritObject>,
    pub(crate) connections: u64,
    pub(crate) queues: u64,
    pub(crate) consumers: u64,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Bytes of bodies and entries held in memory.
    pub(crate) memory: u64,
    pub(crate) memory_limit: u64,
    /// None without a store, or before it was measured.
    #[serde(default)]
    pub(crate) store: Option<SpaceObject>,
    /// The last record of the journal.
    pub(crate) lsn: u64,
    pub(crate) published: u64,
    pub(crate) delivered: u64,
    pub(crate) settled: u64,
    /// Messages that no queue took.
    pub(crate) unrouted: u64,
    #[serde(default)]
    pub(crate) conversions: ConversionsObject,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CulpritObject {
    pub(crate) queue: String,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// Bytes of the store on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SpaceObject {
    pub(crate) used: u64,
    /// Of these, what is still needed.
    pub(crate) live: u64,
    /// What may still be written.
    pub(crate) free: u64,
    /// Publishers wait for room.
    pub(crate) short: bool,
    /// Nothing becomes durable for now.
    pub(crate) stalled: bool,
}

/// What messages lost on their way from one protocol to another.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ConversionsObject {
    /// Deliveries that lost something.
    pub(crate) lossy: u64,
    /// Properties and types of bodies that they lost.
    pub(crate) lost: u64,
    /// Deliveries that the receiver's protocol could not carry at all.
    pub(crate) undeliverable: u64,
}

/// How far a long request has come.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ProgressObject {
    pub(crate) done: u64,
    pub(crate) total: u64,
    /// Of an export: messages that receivers have, and that are not yet due, which are not in it.
    pub(crate) leased: u64,
    pub(crate) delayed: u64,
}

/// There is no standby yet that could say anything else.
pub(crate) const ROLE: &str = "active";
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

impl From<&Status> for StatusObject {
    fn from(status: &Status) -> Self {
        Self {
            version: VERSION.into(),
            role: ROLE.into(),
            now: status.now.0,
            alarm: status.alarm.as_ref().map(|alarm| alarm.short_of.as_str().into()),
            culprit: status.alarm.as_ref().and_then(|alarm| alarm.culprit.as_deref()).map(CulpritObject::from),
            connections: status.connections,
            queues: status.queues,
            consumers: status.consumers,
            messages: status.messages,
            bytes: status.bytes,
            memory: status.memory,
            memory_limit: status.memory_limit,
            store: status.space.as_ref().map(SpaceObject::from),
            lsn: status.lsn.0,
            published: status.published,
            delivered: status.delivered,
            settled: status.settled,
            unrouted: status.unrouted,
            conversions: ConversionsObject {
                lossy: status.conversions.lossy,
                lost: status.conversions.lost,
                undeliverable: status.conversions.undeliverable,
            },
        }
    }
}

impl From<&Culprit> for CulpritObject {
    fn from(culprit: &Culprit) -> Self {
        Self { queue: culprit.queue.to_text().into_owned(), messages: culprit.messages, bytes: culprit.bytes }
    }
}

impl From<&Space> for SpaceObject {
    fn from(space: &Space) -> Self {
        let Space { used, live, free, short, stalled } = *space;
        Self { used, live, free, short, stalled }
    }
}
