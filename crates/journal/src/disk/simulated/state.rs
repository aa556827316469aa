//! What the simulated disk holds, and what a power cut leaves of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, IoSlice};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

pub(super) struct State {
    pub(super) random: Random,
    /// Raised by every crash; handles of an earlier life are dead.
    pub(super) life: u64,
    pub(super) files: BTreeMap<u64, Content>,
    pub(super) next_file: u64,
    pub(super) names: BTreeMap<String, u64>,
    pub(super) durable_names: BTreeMap<String, u64>,
    pub(super) changes: Vec<Change>,
    pub(super) locks: BTreeSet<String>,
    pub(super) faults: Faults,
    pub(super) operations: u64,
    pub(super) syncs: u64,
    pub(super) durable_writes: u64,
}

#[derive(Default)]
pub(super) struct Faults {
    pub(super) power_cut_at: Option<u64>,
    pub(super) sync_fails_at: Option<u64>,
    pub(super) capacity: Option<u64>,
}

#[derive(Default)]
pub(super) struct Content {
    pub(super) seen: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// Sectors that differ, or may.
    pub(super) dirty: BTreeSet<usize>,
    /// Bytes that were read.
    pub(super) read: u64,
}

/// A change of names that no sync of its folder made durable yet.
pub(super) enum Change {
    Create { name: String, file: u64 },
    Rename { from: String, to: String, file: u64 },
    Remove { name: String, file: u64 },
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            life: 0,
            files: BTreeMap::new(),
            next_file: 0,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            changes: Vec::new(),
            locks: BTreeSet::new(),
            faults: Faults::default(),
            operations: 0,
            syncs: 0,
            durable_writes: 0,
        }
    }

    pub(super) fn content(&mut self, file: u64) -> &mut Content {
        self.files.get_mut(&file).expect("a handle was checked before")
    }

    pub(super) fn powered(&self) -> io::Result<()> {
        match self.faults.power_cut_at {
            Some(at) if self.operations >= at => Err(io::Error::other("the power is off")),
            _ => Ok(()),
        }
    }

    /// Counts a change, which may be the one that the power fails in.
    pub(super) fn changed(&mut self) -> io::Result<()> {
        self.operations += 1;
        self.powered()
    }

    pub(super) fn sync_is_sound(&mut self) -> io::Result<()> {
        self.syncs += 1;
        if self.faults.sync_fails_at == Some(self.syncs) {
            return Err(io::Error::other("the disk reports an error"));
        }
        Ok(())
    }

    pub(super) fn room_for(&self, file: u64, length: usize) -> io::Result<()> {
        let Some(capacity) = self.faults.capacity else { return Ok(()) };
        let more = length.saturating_sub(self.files[&file].seen.len());
        if more > 0 && self.taken() + more as u64 > capacity {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    pub(super) fn names_in(&self, of: &str) -> Vec<String> {
        let inside = self.names.keys().filter(|name| folder(name) == of);
        inside.map(|name| name[of.len()..].trim_matches('/').to_owned()).collect()
    }

    /// Bytes of all files that have a name.
    pub(super) fn taken(&self) -> u64 {
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        named.iter().map(|file| self.files[file].seen.len() as u64).sum()
    }

    pub(super) fn end_life(&mut self) {
        self.life += 1;
        self.locks.clear();
        self.faults = Faults::default();
    }

    pub(super) fn crash(&mut self) {
        self.end_life();
        // All, none or about half: the first two are likelier in life than a fair coin per sector makes them.
        let kept = [0, 50, 50, 100][self.random.below(4)];
        for change in std::mem::take(&mut self.changes) {
            if self.random.below(100) < kept {
                change.apply(&mut self.durable_names);
            }
        }
        self.names = self.durable_names.clone();
        for content in self.files.values_mut() {
            for sector in std::mem::take(&mut content.dirty) {
                if self.random.below(100) < kept {
                    content.keep(sector);
                }
            }
            content.seen.clone_from(&content.durable);
        }
        self.drop_nameless();
    }

    pub(super) fn drop_nameless(&mut self) {
        let mut named: BTreeSet<u64> = self.names.values().chain(self.durable_names.values()).copied().collect();
        named.extend(self.changes.iter().map(Change::file));
        self.files.retain(|file, _| named.contains(file));
    }
}

impl Content {
    pub(super) fn write(&mut self, slices: &[IoSlice<'_>], begin: usize) {
        let mut at = begin;
        for slice in slices {
            grow(&mut self.seen, at + slice.len());
            self.seen[at..at + slice.len()].copy_from_slice(slice);
            at += slice.len();
        }
        self.dirty.extend(begin / SECTOR..at.div_ceil(SECTOR));
    }

    pub(super) fn make_durable(&mut self, sectors: BTreeSet<usize>) {
        grow(&mut self.durable, self.seen.len());
        sectors.into_iter().for_each(|sector| self.keep(sector));
    }

    /// Changes one bit, also where it is durable.
    pub(super) fn flip(&mut self, byte: usize, bit: u8) {
        self.seen[byte] ^= 1 << bit;
        if let Some(durable) = self.durable.get_mut(byte) {
            *durable ^= 1 << bit;
        }
    }

    fn keep(&mut self, sector: usize) {
        let begin = sector * SECTOR;
        let end = self.seen.len().min(begin + SECTOR);
        grow(&mut self.durable, end);
        self.durable[begin..end].copy_from_slice(&self.seen[begin..end]);
    }
}

fn grow(bytes: &mut Vec<u8>, len: usize) {
    if bytes.len() < len {
        bytes.extend_from_slice(&vec![0; len - bytes.len()]);
    }
}

impl Change {
    fn file(&self) -> u64 {
        match self {
            Self::Create { file, .. } | Self::Rename { file, .. } | Self::Remove { file, .. } => *file,
        }
    }

    pub(super) fn folder(&self) -> &str {
        match self {
            Self::Create { name, .. } | Self::Rename { to: name, .. } | Self::Remove { name, .. } => folder(name),
        }
    }

    pub(super) fn apply(&self, names: &mut BTreeMap<String, u64>) {
        let forget = |names: &mut BTreeMap<String, u64>, name: &str, file: u64| {
            if names.get(name) == Some(&file) {
                names.remove(name);
            }
        };
        match self {
            Self::Create { name, file } => drop(names.insert(name.clone(), *file)),
            Self::Rename { from, to, file } => {
                forget(names, from, *file);
                names.insert(to.clone(), *file);
            }
            Self::Remove { name, file } => forget(names, name, *file),
        }
    }
}

pub(super) fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// SplitMix64: enough for choosing what breaks.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
