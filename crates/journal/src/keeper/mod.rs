//! The keeper: everything that can be done behind the writer's back, on one thread.
//!
//! It makes spares, writes checkpoints and sidecars, removes what no checkpoint needs any more, and makes backups. As
//! it alone removes files, nothing disappears while it does something else.

pub(crate) mod backup;
mod choice;
mod cleaner;
mod copy;
mod desk;
mod spares;

use std::sync::Arc;

pub use self::backup::{Backup, KeeperHandle};
use self::choice::Goal;
pub(crate) use self::cleaner::Cleaner;
pub(crate) use self::desk::{Desk, Spare};
use crate::checkpoint::Checkpoint;
use crate::crypt::Vault;
use crate::disk::{Disk, Lock, failed};
use crate::error::Error;
use crate::events::Events;
use crate::index::Sealed;
use crate::limits::Durability;
use crate::names;
use crate::shared::Shared;
use crate::space::Space;
use crate::store::Store;

/// Serves the writer and keeps the log small. [`Keeper::run`] wants a thread of its own; without it [`Keeper::serve`]
/// must be called now and then, and the writer makes (small) segments itself.
pub struct Keeper {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) store: Store,
    pub(crate) vault: Arc<Vault>,
    pub(crate) durability: Durability,
    /// The store knows checkpoints.
    pub(crate) checkpoints: bool,
    /// The checkpoint on disk.
    pub(crate) durable: Option<Arc<Checkpoint>>,
    /// Both of its files say the same; before that nothing goes on its behalf.
    pub(crate) paired: bool,
    pub(crate) cleaner: Cleaner,
    /// Segments before this one are on disk, also where nobody waited for it.
    pub(crate) unsynced: u64,
    /// The store stays locked until no file of it is written any more.
    pub(crate) _lock: Arc<dyn Lock>,
}

impl Keeper {
    /// Serves the writer until it is dropped, and then does what still waits.
    pub fn run(mut self, mut on: impl Events) {
        if let Err(error) = self.desk.look(&*self.disk, &self.shared).and_then(|_| self.tell(&mut on)) {
            return self.fail(error, &mut on);
        }
        while self.desk.wait() {
            if let Err(error) = self.work(&mut on) {
                return self.fail(error, &mut on);
            }
        }
        if let Err(error) = self.sync_all() {
            self.fail(error, &mut on);
        }
    }

    /// Does what waits; for callers without threads.
    pub fn serve(&mut self, on: &mut dyn Events) -> Result<(), Error> {
        self.desk.state().hopeless = false;
        self.work(on).inspect_err(|_| self.shared.fail())
    }

    /// For errands of other threads.
    pub fn handle(&self) -> KeeperHandle {
        KeeperHandle { desk: Arc::clone(&self.desk) }
    }

    /// Cleans until nothing more is given back, and everything old is encrypted or not as the settings say.
    pub(crate) fn compact(&mut self, on: &mut dyn Events) -> Result<(), Error> {
        self.clean(Goal::least(self.desk.segment_bytes), on)?;
        self.rewrite_others(on)
    }

    fn work(&mut self, on: &mut dyn Events) -> Result<(), Error> {
        let was_short = self.desk.state().is_short();
        self.make_spare(on)?;
        let sealed = std::mem::take(&mut self.desk.state().sealed);
        for sealed in sealed {
            self.sync_all()?;
            self.index(&sealed)?;
        }
        let checkpoint = self.desk.state().checkpoint.take();
        let is_newer = checkpoint.is_some();
        if let Some(checkpoint) = checkpoint {
            self.publish(checkpoint)?;
            self.clean(Goal::normal(self.desk.segment_bytes), on)?;
        }
        let turned = self.desk.look(&*self.disk, &self.shared)?;
        if is_newer || turned {
            self.tell(on)?;
        }
        if (is_newer || !was_short) && self.desk.state().is_short() {
            self.clean(Goal::room(self.desk.segment_bytes), on)?;
            self.tell(on)?;
        }
        let errands = std::mem::take(&mut self.desk.state().errands);
        errands.into_iter().for_each(|errand| self.run_errand(errand, on));
        Ok(())
    }

    /// After this nobody knows what the disk holds.
    fn fail(&self, error: Error, on: &mut impl Events) {
        self.shared.fail();
        self.desk.abandon();
        on.failed(error);
    }

    /// Makes a spare if the writer asked for one.
    fn make_spare(&self, on: &mut dyn Events) -> Result<(), Error> {
        let state = self.desk.state();
        if !state.wanted || state.hopeless {
            return Ok(());
        }
        let was_short = state.short;
        drop(state);
        let made = self.desk.make(&*self.disk, &self.shared, self.desk.segment_bytes);
        let mut state = self.desk.state();
        match made {
            Ok(spare) => {
                state.spares.push(spare);
                (state.wanted, state.short) = (false, false);
            }
            Err(error) if error.is_full() => (state.short, state.hopeless) = (true, true),
            Err(error) => return Err(error),
        }
        let short = state.short;
        drop(state);
        if !short {
            self.desk.made_room();
        }
        let turned = self.desk.look(&*self.disk, &self.shared)?;
        if turned || short != was_short { self.tell(on) } else { Ok(()) }
    }

    /// Writes down where the frames of a full segment lie.
    fn index(&self, sealed: &Sealed) -> Result<(), Error> {
        if !self.checkpoints {
            return Ok(());
        }
        match sealed.frames.save(&*self.disk, self.vault.store_id, sealed.entry.file.first) {
            // They are found in the segment then.
            Err(error) if error.is_full() => Ok(()),
            other => other,
        }
    }

    /// Makes a checkpoint durable, twice.
    fn publish(&mut self, mut checkpoint: Checkpoint) -> Result<(), Error> {
        self.sync_all()?;
        checkpoint.list(self.shared.index().files());
        match checkpoint.save(&*self.disk, &self.vault) {
            Ok(bytes) => self.desk.state().checkpoint_bytes = bytes,
            Err(error) if error.is_full() => {
                let mut state = self.desk.state();
                state.hopeless = true;
                // Unless a later one came meanwhile.
                state.checkpoint.get_or_insert(checkpoint);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        (self.durable, self.paired) = (Some(Arc::new(checkpoint)), true);
        Ok(())
    }

    /// Makes durable what the writer did not wait for.
    fn sync_all(&mut self) -> Result<(), Error> {
        if self.durability == Durability::Fsync {
            return Ok(());
        }
        let hot: Vec<u64> = self.shared.index().files().iter().map(|entry| entry.file.last).collect();
        let begin = self.unsynced;
        for number in hot.into_iter().filter(|number| *number >= begin) {
            let name = names::segment(number);
            let file = self.disk.open(&name).map_err(failed(&*self.disk, "open", &name))?;
            file.sync_data().map_err(failed(&*self.disk, "sync", &name))?;
            self.unsynced = number;
        }
        Ok(())
    }

    fn tell(&self, on: &mut dyn Events) -> Result<(), Error> {
        on.space(Space::look(&*self.disk, &self.shared, &self.desk)?);
        Ok(())
    }
}

impl Drop for Keeper {
    /// Whoever waits for an errand need not wait any longer.
    fn drop(&mut self) {
        self.desk.abandon();
    }
}
