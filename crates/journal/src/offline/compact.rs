//! Making a store as small as it can be.

use std::sync::Arc;

use crate::batch::Lsn;
use crate::disk::Disk;
use crate::error::{Error, ReplayError};
use crate::events::Events;
use crate::limits::Options;
use crate::open::open;
use crate::replay::{Changes, Replay};
use crate::space::Space;
use crate::store::Store;

/// Rewrites what is not held any more according to the last checkpoint, as long as that gives anything back. and old files
/// that are encrypted otherwise than is set.
pub fn compact(disk: Arc<dyn Disk>, options: Options) -> Result<Compacted, Error> {
    let mut opened = open(disk, options, &mut Nobody)?;
    let before = opened.writer.space()?;
    opened.keeper.compact(&mut Nobody)?;
    Ok(Compacted { before, after: opened.writer.space()?, otherwise: opened.keeper.count_others()? })
}

/// What came of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Compacted {
    pub before: Space,
    pub after: Space,
    /// Files that are encrypted otherwise than is set, because the last checkpoint lies in them.
    pub otherwise: u64,
}

/// An owner who does nothing: what it does not say is held is held by the checkpoint.
struct Nobody;

impl Replay for Nobody {
    fn record(&mut self, _: Lsn, _: u64, _: &[u8], _: &Store, _: &mut Changes) -> Result<(), ReplayError> {
        Ok(())
    }
}

impl Events for Nobody {
    fn failed(&mut self, _: Error) {}
}
