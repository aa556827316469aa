//! Making the log small again after a checkpoint.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Keeper;
use super::choice::{Candidate, Goal};
use super::copy::{Copied, Copy, Failure};
use crate::checkpoint::Checkpoint;
use crate::cold::ColdWriter;
use crate::disk::{failed, remove_if_there};
use crate::error::Error;
use crate::events::Events;
use crate::index::Entry;
use crate::names::{self, LOG};
use crate::source::Source;

/// Rewrites after which a newer checkpoint comes first.
const PER_CHECKPOINT: u64 = 8;

/// What the cleaner remembers.
#[derive(Default)]
pub(crate) struct Cleaner {
    /// Keys of damaged files.
    stuck: BTreeSet<u64>,
}

impl Keeper {
    /// Removes what is dead, and rewrites what is nearly dead.
    pub(super) fn clean(&mut self, goal: Goal, on: &mut dyn Events) -> Result<(), Error> {
        let Some(checkpoint) = self.durable.clone().filter(|_| self.paired) else { return Ok(()) };
        self.remove_dead(&checkpoint)?;
        if self.rewrite_all(&checkpoint, goal, on)? && !self.has_newer() {
            // With the new files in its list, so that the next open need not look into them.
            self.publish(Checkpoint::clone(&checkpoint))?;
        }
        Ok(())
    }

    /// Rewrites as long as it pays; whether anything was rewritten.
    fn rewrite_all(&mut self, checkpoint: &Arc<Checkpoint>, goal: Goal, on: &mut dyn Events) -> Result<bool, Error> {
        let mut rewritten = 0;
        // The store is not kept from closing.
        while !self.desk.is_closed() && (rewritten < PER_CHECKPOINT || !self.has_newer()) {
            if goal.until_room && self.has_room()? {
                break;
            }
            let old = self.candidates(checkpoint);
            let Some((begin, end)) = goal.choose(&old) else { break };
            let run: Vec<Entry> = old[begin..end].iter().map(|file| file.entry).collect();
            let before: u64 = run.iter().map(|entry| entry.bytes).sum();
            match self.rewrite(checkpoint, &run, on) {
                // What was an estimate may have been wrong, and would be again.
                Ok(bytes) if bytes >= before => break,
                Ok(_) => rewritten += 1,
                Err(Failure::Source(key, error)) => {
                    self.cleaner.stuck.insert(key);
                    on.damaged(error);
                }
                Err(Failure::Other(error)) if error.is_full() => break,
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        Ok(rewritten > 0)
    }

    /// Rewrites old files that are sealed otherwise than new ones are.
    pub(super) fn rewrite_others(&mut self, on: &mut dyn Events) -> Result<(), Error> {
        let Some(checkpoint) = self.durable.clone().filter(|_| self.paired) else { return Ok(()) };
        let mut rewritten = false;
        for file in self.candidates(&checkpoint) {
            let of_log = Source::of_log(&*self.disk, &self.vault, file.entry.file);
            let algorithm = of_log?.key.map(|key| key.algorithm);
            if file.stuck || algorithm == self.vault.writes() {
                continue;
            }
            match self.rewrite(&checkpoint, &[file.entry], on) {
                Ok(_) => rewritten = true,
                Err(Failure::Source(_, error) | Failure::Other(error)) => return Err(error),
            }
        }
        if rewritten { self.publish(Checkpoint::clone(&checkpoint)) } else { Ok(()) }
    }

    /// How many files are sealed otherwise than new ones are.
    pub(crate) fn count_others(&self) -> Result<u64, Error> {
        let mut count = 0;
        for entry in self.shared.index().files() {
            let algorithm = Source::of_log(&*self.disk, &self.vault, entry.file)?.key.map(|key| key.algorithm);
            count += u64::from(algorithm != self.vault.writes());
        }
        Ok(count)
    }

    /// Whether publishers need not wait, as things are now.
    fn has_room(&self) -> Result<bool, Error> {
        self.desk.look(&*self.disk, &self.shared)?;
        Ok(!self.desk.state().is_short())
    }

    /// Whether a newer checkpoint waits, which says more about what is dead, and makes the next opening shorter.
    fn has_newer(&self) -> bool {
        self.desk.state().checkpoint.is_some()
    }

    /// Removes files without a held record, which nobody will look for.
    fn remove_dead(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let mut dead = self.candidates(checkpoint);
        dead.retain(|file| file.live.count == 0);
        if dead.is_empty() {
            return Ok(());
        }
        for file in dead {
            self.shared.index_mut().remove(file.entry.key);
            self.discard(&file.entry)?;
        }
        self.disk.sync_dir(LOG).map_err(failed(&*self.disk, "sync", LOG))?;
        self.desk.made_room();
        Ok(())
    }

    /// The files from before the checkpoint.
    fn candidates(&self, checkpoint: &Checkpoint) -> Vec<Candidate> {
        let index = self.shared.index();
        let old = index.files().iter().take_while(|entry| entry.file.last < checkpoint.start);
        old.map(|&entry| Candidate::new(entry, checkpoint, self.cleaner.stuck.contains(&entry.key))).collect()
    }

    /// Rewrites neighbours into one file; returns its size.
    fn rewrite(&self, checkpoint: &Arc<Checkpoint>, run: &[Entry], on: &mut dyn Events) -> Result<u64, Failure> {
        let copy = Copy {
            disk: &*self.disk,
            vault: &self.vault,
            held: &checkpoint.table,
            store: &self.store,
            pause: &mut || self.make_spare(on),
            copied: 0,
        };
        let Copied { file, entry, frames } = copy.run(run)?;
        let key = self.replace(run, file, entry).map_err(Failure::Other)?;
        self.shared.keep_frames(key, Arc::new(frames));
        for old in run {
            // A file that was rewritten alone has its successor's name.
            let replaced = old.file == entry.file;
            if replaced {
                self.store.forget(old.key);
            } else {
                self.discard(old).map_err(Failure::Other)?;
            }
        }
        self.desk.made_room();
        Ok(entry.bytes)
    }

    /// Lets everybody find the new file. If it has the name of an old one, nobody may look while it gets it; else nobody,
    /// the writer least of all, need wait for that.
    fn replace(&self, run: &[Entry], file: ColdWriter<'_>, entry: Entry) -> Result<u64, Error> {
        let keys: Vec<u64> = run.iter().map(|entry| entry.key).collect();
        let key = if run.iter().any(|old| old.file == entry.file) {
            let mut index = self.shared.index_mut();
            file.publish()?;
            index.replace(&keys, entry)
        } else {
            file.publish()?;
            self.shared.index_mut().replace(&keys, entry)
        };
        self.disk.sync_dir(LOG).map_err(failed(&*self.disk, "sync", LOG))?;
        Ok(key)
    }

    /// Removes a file that is not in the index any more, or keeps it as a spare.
    fn discard(&self, entry: &Entry) -> Result<(), Error> {
        self.store.forget(entry.key);
        let name = entry.file.name();
        if entry.file.cold {
            return self.disk.remove(&name).map_err(failed(&*self.disk, "remove", &name));
        }
        self.desk.recycle(&*self.disk, &name, entry.bytes)?;
        remove_if_there(&*self.disk, &names::sidecar(entry.file.first))
    }
}
