use std::fmt;
use std::sync::Arc;

use crate::{Name, Namespace, QueueId, Time};

/// How much room the store has, as its owner measured it last. All in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Of all files of the store.
    pub used: u64,
    /// Of what is still needed of them.
    pub live: u64,
    /// Free on the file system, or up to the limit that was set.
    pub free: u64,
    /// There is no room for the next segment: publishers must wait, while everybody else may go on in what is left.
    pub short: bool,
    /// There is no room for anything: nothing becomes durable for now.
    pub stalled: bool,
}

/// What the broker is short of, and who holds most of it. Clones share everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub short_of: Resource,
    /// The queue that holds most.
    pub culprit: Option<Arc<Culprit>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    Memory,
    Disk,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprit {
    pub queue: Name,
    pub messages: u64,
    pub bytes: u64,
}

impl Resource {
    pub const ALL: [Self; 2] = [Self::Memory, Self::Disk];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "short of {}", self.short_of.as_str())?;
        let Some(culprit) = &self.culprit else { return Ok(()) };
        let Culprit { queue, messages, bytes } = culprit.as_ref();
        write!(f, "; queue {} holds most: {messages} messages, {bytes} bytes", queue.to_text())
    }
}

/// What one queue holds, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    pub queue: QueueId,
    pub namespace: Namespace,
    pub name: Name,
    pub messages: u64,
    /// Bytes of bodies and properties.
    pub bytes: u64,
    /// Messages whose entries are in memory; the others rest on disk.
    pub in_memory: u64,
    /// When the oldest message that waits came.
    pub oldest: Option<Time>,
    /// Receivers have so many of them, unsettled.
    pub leased: u64,
    /// Who consumes it (client id, or the address it comes from), and how many each has unsettled.
    pub consumers: Vec<(String, u64)>,
}
