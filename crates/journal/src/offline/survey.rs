//! What a store consists of, without changing it.

use std::sync::Arc;

use crate::batch::Lsn;
use crate::checkpoint::{Checkpoint, Loaded};
use crate::crypt::{Access, Encryption, Vault};
use crate::disk::{Disk, Lock};
use crate::error::Error;
use crate::files::{Files, Plan};
use crate::identity::Identity;
use crate::open::lock;

pub(super) struct Survey {
    pub(super) vault: Vault,
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
    pub(super) fn of(disk: &dyn Disk, encryption: &Encryption) -> Result<Self, Error> {
        let lock = lock(disk)?;
        let Some((Identity { store_id, .. }, format)) = Identity::load(disk)? else {
            return Err(Identity::none(disk));
        };
        let vault = Vault::open(disk, store_id, format, encryption, Access::Read)?;
        let files = Files::list(disk)?;
        let loaded = Loaded::load(disk, &vault, files.bytes())?.map(|loaded| (loaded.checkpoint, loaded.fault));
        let (checkpoint, fault) = loaded.unzip();
        let spares = files.spares.clone();
        let plan = files.plan(disk, &vault, checkpoint.as_ref())?;
        Ok(Self { vault, format, checkpoint, spares, plan, fault: fault.flatten(), _lock: lock })
    }
}
