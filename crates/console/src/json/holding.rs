use model::{Holding, Status};
use serde::{Deserialize, Serialize};

use super::{CulpritObject, SpaceObject};

/// How much room there is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RoomObject {
    /// None without a store, or before it was measured.
    pub(crate) store: Option<SpaceObject>,
    pub(crate) memory: u64,
    pub(crate) memory_limit: u64,
    /// "memory" or "disk".
    pub(crate) alarm: Option<String>,
    /// The queue that held most when the alarm was raised.
    pub(crate) culprit: Option<CulpritObject>,
}

/// What one queue holds of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HoldingObject {
    pub(crate) namespace: u16,
    pub(crate) name: String,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Messages whose entries are in memory.
    pub(crate) in_memory: u64,
    /// When the oldest that waits came.
    pub(crate) oldest: Option<u64>,
    pub(crate) leased: u64,
    /// Those with most unsettled, and how much.
    pub(crate) consumers: Vec<(String, u64)>,
}

impl From<&Status> for RoomObject {
    fn from(status: &Status) -> Self {
        Self {
            store: status.space.as_ref().map(SpaceObject::from),
            memory: status.memory,
            memory_limit: status.memory_limit,
            alarm: status.alarm.as_ref().map(|alarm| alarm.short_of.as_str().into()),
            culprit: status.alarm.as_ref().and_then(|alarm| alarm.culprit.as_deref()).map(CulpritObject::from),
        }
    }
}

impl From<&Holding> for HoldingObject {
    fn from(holding: &Holding) -> Self {
        Self {
            namespace: holding.namespace.0,
            name: holding.name.to_text().into_owned(),
            messages: holding.messages,
            bytes: holding.bytes,
            in_memory: holding.in_memory,
            oldest: holding.oldest.map(|at| at.0),
            leased: holding.leased,
            consumers: holding.consumers.clone(),
        }
    }
}
