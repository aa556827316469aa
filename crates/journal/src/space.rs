//! How much room the store takes, and has.

use crate::disk::{Disk, failed};
use crate::error::Error;
use crate::keeper::Desk;
use crate::shared::Shared;

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Of all files with records, spares and the checkpoint.
    pub bytes: u64,
    /// Of records that have a holder.
    pub live: u64,
    /// Of the file system, for this user.
    pub free: u64,
    /// The next segment could not be made, so that the current one is the last for now, or little more than the reserve is
    /// left.
    pub short: bool,
    /// The writer waits for room; nothing is confirmed.
    pub stalled: bool,
}

impl Space {
    pub(crate) fn look(disk: &dyn Disk, shared: &Shared, desk: &Desk) -> Result<Self, Error> {
        let free = disk.free().map_err(failed(disk, "look at the space of", ""))?;
        let log = shared.index().bytes();
        let spares = desk.spare_bytes();
        let state = desk.state();
        let bytes = log + spares + 2 * state.checkpoint_bytes;
        Ok(Self { bytes, live: shared.live(), free, short: state.is_short(), stalled: state.stalled })
    }
}
