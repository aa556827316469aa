//! What the owner of the records is shown when a store is opened.

use crate::batch::{Hold, Lsn};
use crate::error::ReplayError;
use crate::store::Store;

/// Takes the records from the last checkpoint on, in order.
pub trait Replay {
    /// A record, and the ms since 1970 of its batch. Every record before it that is held can be read from `store`.
    ///
    /// What the record changed about which records are held goes into `changes`. It counts only for records behind the
    /// checkpoint, because the store knows who is held at its end.
    fn record(
        &mut self,
        lsn: Lsn,
        time: u64,
        record: &[u8],
        store: &Store,
        changes: &mut Changes,
    ) -> Result<(), ReplayError>;
}

/// As in a [`Batch`](crate::Batch): holds come before releases.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub holds: Vec<Hold>,
    pub releases: Vec<Hold>,
}

impl<F> Replay for F
where
    F: FnMut(Lsn, u64, &[u8], &Store, &mut Changes) -> Result<(), ReplayError>,
{
    fn record(
        &mut self,
        lsn: Lsn,
        time: u64,
        record: &[u8],
        store: &Store,
        changes: &mut Changes,
    ) -> Result<(), ReplayError> {
        self(lsn, time, record, store, changes)
    }
}
