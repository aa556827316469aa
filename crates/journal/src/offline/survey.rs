//! What a store consists of, without changing it.

use std::sync::Arc;

use crate::batch::Lsn;
use crate::checkpoint::{Checkpoint, Loaded};
use crate::disk::{Disk, Lock};
use crate::error::Error;
use crate::files::{Files, Plan};
use crate::identity::Identity;
use crate::open::lock;

pub(super) struct Survey {
    pub(super) store_id: u64,
    /// The version of the store.
    pub(super) format: u8,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) spares: Vec<u64>,
    pub(super) plan: Plan,
    /// What is wrong with the checkpoint's other file.
    pub(super) fault: Option<Error>,
    _lock: Arc<dyn Lock>,
}

impl Survey {
    /// The first record of the checkpoint; 0 without one.
    pub(super) fn first(&self) -> Lsn {
        self.checkpoint.as_ref().map_or(Lsn::NONE, |checkpoint| checkpoint.first)
    }

    /// Nobody opens the store as long as the survey is there.
    pub(super) fn of(disk: &dyn Disk) -> Result<Self, Error> {
        let lock = lock(disk)?;
        let Some((Identity { store_id, .. }, format)) = Identity::load(disk)? else {
            return Err(Identity::none(disk));
        };
        let files = Files::list(disk)?;
        let loaded = Loaded::load(disk, store_id, files.bytes())?.map(|loaded| (loaded.checkpoint, loaded.fault));
        let (checkpoint, fault) = loaded.unzip();
        let spares = files.spares.clone();
        let plan = files.plan(disk, store_id, checkpoint.as_ref())?;
        Ok(Self { store_id, format, checkpoint, spares, plan, fault: fault.flatten(), _lock: lock })
    }
}
