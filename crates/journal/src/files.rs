//! Which files in the log's folder are the log.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::{self, Checkpoint, Listed};
use crate::cold;
use crate::crypt::Vault;
use crate::disk::{Disk, failed};
use crate::error::Error;
use crate::index::Entry;
use crate::limits::round_down;
use crate::names::{self, FileId, LOG, Name};

/// What lies in the log's folder.
#[derive(Default)]
pub(crate) struct Files {
    /// Files with records and their sizes, by first segment, those with more segments first.
    log: Vec<(FileId, u64)>,
    sidecars: Vec<u64>,
    pub(crate) spares: Vec<u64>,
    unfinished: Vec<String>,
}

/// What the folder means.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Files older than the checkpoint, oldest first.
    pub(crate) old: Vec<Entry>,
    /// The segments to be read, ascending.
    pub(crate) scanned: Vec<u64>,
    /// Files that are not part of the log yet.
    pub(crate) unfinished: Vec<String>,
    /// Files that are not part of the log any more.
    pub(crate) leftovers: Vec<String>,
}

impl Files {
    pub(crate) fn list(disk: &dyn Disk) -> Result<Self, Error> {
        let mut files = Self::default();
        for name in disk.list(LOG).map_err(failed(disk, "list", LOG))? {
            match Name::parse(&name) {
                Name::File(file) => files.log.push((file, size(disk, &file.name())?)),
                Name::Sidecar(number) => files.sidecars.push(number),
                Name::Spare(serial) => files.spares.push(serial),
                Name::New => files.unfinished.push(format!("{LOG}/{name}")),
                Name::Foreign => {}
            }
        }
        files.log.sort_unstable_by_key(|(file, _)| (file.first, u64::MAX - file.last, !file.cold));
        files.spares.sort_unstable();
        Ok(files)
    }

    pub(crate) fn has_log(&self) -> bool {
        !self.log.is_empty()
    }

    /// Bytes of all files with records.
    pub(crate) fn bytes(&self) -> u64 {
        self.log.iter().map(|(_, bytes)| bytes).sum()
    }

    pub(crate) fn plan(self, disk: &dyn Disk, vault: &Vault, checkpoint: Option<&Checkpoint>) -> Result<Plan, Error> {
        let start = checkpoint.map_or(0, |checkpoint| checkpoint.start);
        let (old, scanned): (Vec<_>, Vec<_>) = self.log.iter().partition(|(file, _)| file.last < start);
        if let Some((file, _)) = scanned.iter().find(|(file, _)| file.cold) {
            let Some(_) = checkpoint else { return Err(missing(checkpoint::NAME)) };
            return Err(Error::corrupt(file.name(), 0, "it holds records that are not cold"));
        }
        let mut plan = Plan { unfinished: self.unfinished, ..Plan::default() };
        plan.scanned = scanned.iter().map(|(file, _)| file.first).collect();
        if let Some(checkpoint) = checkpoint {
            plan.add_old(disk, vault, checkpoint, old)?;
            if plan.scanned.first() != Some(&start) {
                return Err(missing(&names::segment(start)));
            }
        }
        if let Some(pair) = plan.scanned.windows(2).find(|pair| pair[1] != pair[0] + 1) {
            return Err(missing(&names::segment(pair[0] + 1)));
        }
        let hot = plan.old.iter().filter(|entry| !entry.file.cold).map(|entry| entry.file.first);
        // The last segment is written on, so where its frames lie is not known yet.
        let full = plan.scanned.split_last().map_or(&[][..], |(_, full)| full);
        let hot: BTreeSet<u64> = hot.chain(full.iter().copied()).collect();
        let orphans = self.sidecars.iter().filter(|number| !hot.contains(number));
        plan.leftovers.extend(orphans.map(|&number| names::sidecar(number)));
        Ok(plan)
    }
}

impl Plan {
    /// Sorts the files from before the checkpoint into those that hold what it lists, and leftovers. A cold file that it
    /// does not list was made after it, of files that it does list, and has everything that is held in them.
    fn add_old(
        &mut self,
        disk: &dyn Disk,
        vault: &Vault,
        checkpoint: &Checkpoint,
        found: Vec<(FileId, u64)>,
    ) -> Result<(), Error> {
        let listed = checkpoint.files.iter().filter(|listed| listed.entry.file.last < checkpoint.start);
        let listed: BTreeMap<u64, &Listed> = listed.map(|listed| (listed.entry.file.first, listed)).collect();
        let mut kept = None;
        for (file, bytes) in found {
            let same = listed.get(&file.first).filter(|listed| listed.entry.file == file);
            let mut held = listed.range(file.first..=file.last).map(|(_, listed)| listed);
            if kept.is_some_and(|last| file.first <= last) || !held.any(|listed| listed.live.count > 0) {
                self.leftovers.push(file.name());
                continue;
            }
            kept = Some(file.last);
            let whole = if file.cold { bytes } else { round_down(bytes) };
            self.old.push(match same {
                Some(listed) if listed.entry.bytes == whole => listed.entry,
                _ if file.cold => cold::read_header(disk, vault, file)?,
                _ => return Err(Error::corrupt(file.name(), bytes, "the file has another length")),
            });
        }
        let ends = self.old.iter().skip(1).map(|next| next.first).chain([checkpoint.first]);
        if let Some((entry, _)) = self.old.iter().zip(ends).find(|(entry, end)| entry.end > *end) {
            return Err(Error::corrupt(entry.file.name(), 0, "its records belong to the file behind it"));
        }
        for Listed { entry, live } in listed.into_values() {
            let before = self.old.partition_point(|old| old.file.first <= entry.file.first);
            let covered = before > 0 && self.old[before - 1].file.covers(entry.file);
            if live.count > 0 && !covered {
                return Err(missing(&entry.file.name()));
            }
        }
        Ok(())
    }
}

fn size(disk: &dyn Disk, name: &str) -> Result<u64, Error> {
    let file = disk.open(name).map_err(failed(disk, "open", name))?;
    file.size().map_err(failed(disk, "read", name))
}

fn missing(name: &str) -> Error {
    Error::corrupt(name, 0, "the file is missing")
}
