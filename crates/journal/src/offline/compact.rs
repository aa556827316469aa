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

/// Rewrites what is not held any more according to the last checkpoint, as long as that gives anything back. Returns how
/// much the store took before, and takes now.
pub fn compact(disk: Arc<dyn Disk>, options: Options) -> Result<(Space, Space), Error> {
    let mut opened = open(disk, options, &mut Nobody)?;
    let before = opened.writer.space()?;
    opened.keeper.compact(&mut Nobody)?;
    Ok((before, opened.writer.space()?))
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
