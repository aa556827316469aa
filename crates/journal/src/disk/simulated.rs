//! A disk in memory, under a seed, that fails on request as disks do.
//!
//! Contents and names have two states: what the running system sees, and what survives a power cut. A sync moves the
//! first into the second. A power cut keeps what is durable and, of the rest, any subset of sectors and of changed
//! names, chosen by the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::{Disk, File, Lock, guard};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

struct State {
    random: Random,
    /// Raised by every crash; handles of an earlier life are dead.
    life: u64,
    files: BTreeMap<u64, Content>,
    next_file: u64,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    changes: Vec<Change>,
    locks: BTreeSet<String>,
    faults: Faults,
    operations: u64,
    syncs: u64,
}

#[derive(Default)]
struct Faults {
    power_cut_at: Option<u64>,
    sync_fails_at: Option<u64>,
    capacity: Option<u64>,
}

#[derive(Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that differ, or may.
    dirty: BTreeSet<usize>,
}

/// A change of names that no sync of its folder made durable yet.
enum Change {
    Create { name: String, file: u64 },
    Rename { from: String, to: String, file: u64 },
    Remove { name: String, file: u64 },
}

impl SimulatedDisk {
    pub fn new(seed: u64) -> Self {
        let state = State {
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
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Cuts the power and restores it: see the module. All faults are taken back, all handles and locks are gone.
    pub fn crash(&self) {
        guard(&self.state).crash();
    }

    /// Ends the process, not the system: handles and locks are gone, everything written stays visible.
    pub fn restart(&self) {
        guard(&self.state).end_life();
    }

    /// Lets the power fail in the middle of the `nth` change from now (1 is the next); everything fails from then on,
    /// until [`SimulatedDisk::crash`].
    pub fn cut_power_at(&self, nth: u64) {
        let mut state = guard(&self.state);
        state.faults.power_cut_at = Some(state.operations + nth);
    }

    /// Lets the `nth` sync from now (1 is the next) fail. As on Linux, the data of a failed sync stays visible, counts
    /// as written, and never reaches the disk; the names of a failed sync of a folder are still to be synced.
    pub fn fail_sync_at(&self, nth: u64) {
        let mut state = guard(&self.state);
        state.faults.sync_fails_at = Some(state.syncs + nth);
    }

    /// Lets writes fail that make all files together longer than `bytes`.
    pub fn limit_capacity(&self, bytes: u64) {
        guard(&self.state).faults.capacity = Some(bytes);
    }

    /// Changes one bit of a file, on the disk and in what is seen.
    ///
    /// # Panics
    /// If there is no such file or byte.
    pub fn flip_bit(&self, name: &str, byte: u64, bit: u8) {
        let mut state = guard(&self.state);
        let file = state.names[name];
        let content = state.files.get_mut(&file).expect("a named file has content");
        content.seen[byte as usize] ^= 1 << bit;
        if let Some(durable) = content.durable.get_mut(byte as usize) {
            *durable ^= 1 << bit;
        }
    }

    /// Changes so far: writes, syncs, creations, renames, removals.
    pub fn operations(&self) -> u64 {
        guard(&self.state).operations
    }

    /// Syncs of files and folders so far.
    pub fn syncs(&self) -> u64 {
        guard(&self.state).syncs
    }
}

impl Disk for SimulatedDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut state = guard(&self.state);
        state.powered()?;
        if state.names.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let file = state.next_file;
        state.next_file += 1;
        state.files.insert(file, Content::default());
        state.names.insert(name.to_owned(), file);
        state.changes.push(Change::Create { name: name.to_owned(), file });
        state.changed()?;
        Ok(self.handle(&state, file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let state = guard(&self.state);
        state.powered()?;
        let file = *state.names.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(self.handle(&state, file))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = guard(&self.state);
        state.powered()?;
        let inside = |name: &&String| self::folder(name) == folder;
        Ok(state.names.keys().filter(inside).map(|name| name[folder.len()..].trim_matches('/').to_owned()).collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = guard(&self.state);
        state.powered()?;
        let file = state.names.remove(from).ok_or(ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), file);
        state.changes.push(Change::Rename { from: from.to_owned(), to: to.to_owned(), file });
        state.changed()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = guard(&self.state);
        state.powered()?;
        let file = state.names.remove(name).ok_or(ErrorKind::NotFound)?;
        state.changes.push(Change::Remove { name: name.to_owned(), file });
        state.changed()
    }

    fn create_dir(&self, _folder: &str) -> io::Result<()> {
        guard(&self.state).powered()
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        let mut state = guard(&self.state);
        state.powered()?;
        state.changed()?;
        state.sync_is_sound()?;
        let changes = std::mem::take(&mut state.changes);
        let (now, later): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.folder() == folder);
        now.iter().for_each(|change| change.apply(&mut state.durable_names));
        state.changes = later;
        state.drop_nameless();
        Ok(())
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        let mut state = guard(&self.state);
        state.powered()?;
        if !state.locks.insert(name.to_owned()) {
            return Ok(None);
        }
        let lock = SimulatedLock { disk: self.clone(), life: state.life, name: name.to_owned() };
        Ok(Some(Box::new(lock)))
    }

    fn randomness(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut state = guard(&self.state);
        buffer.iter_mut().for_each(|byte| *byte = state.random.next() as u8);
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(name)
    }
}

impl SimulatedDisk {
    fn handle(&self, state: &State, file: u64) -> Arc<dyn File> {
        Arc::new(SimulatedFile { disk: self.clone(), life: state.life, file })
    }
}

struct SimulatedLock {
    disk: SimulatedDisk,
    life: u64,
    name: String,
}

impl Lock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut state = guard(&self.disk.state);
        if state.life == self.life {
            state.locks.remove(&self.name);
        }
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    life: u64,
    file: u64,
}

impl SimulatedFile {
    fn with<T>(&self, use_it: impl FnOnce(&mut State, u64) -> io::Result<T>) -> io::Result<T> {
        let mut state = guard(&self.disk.state);
        state.powered()?;
        if state.life != self.life || !state.files.contains_key(&self.file) {
            return Err(io::Error::other("the handle is of an earlier life"));
        }
        use_it(&mut state, self.file)
    }
}

impl File for SimulatedFile {
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.with(|state, file| {
            let length: usize = slices.iter().map(|slice| slice.len()).sum();
            let begin = offset as usize;
            let end = begin + length;
            state.room_for(file, end)?;
            let content = state.content(file);
            if content.seen.len() < end {
                content.seen.resize(end, 0);
            }
            let mut at = begin;
            for slice in slices {
                content.seen[at..at + slice.len()].copy_from_slice(slice);
                at += slice.len();
            }
            content.dirty.extend(begin / SECTOR..end.div_ceil(SECTOR));
            state.changed()
        })
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|state, file| {
            let seen = &state.content(file).seen;
            let begin = seen.len().min(offset as usize);
            let length = buffer.len().min(seen.len() - begin);
            buffer[..length].copy_from_slice(&seen[begin..begin + length]);
            Ok(length)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(|state, file| {
            state.changed()?;
            let sound = state.sync_is_sound();
            let dirty = std::mem::take(&mut state.content(file).dirty);
            if sound.is_ok() {
                let content = state.content(file);
                content.durable.resize(content.seen.len(), 0);
                dirty.into_iter().for_each(|sector| content.keep(sector));
            }
            sound
        })
    }

    fn size(&self) -> io::Result<u64> {
        self.with(|state, file| Ok(state.content(file).seen.len() as u64))
    }
}

impl State {
    fn content(&mut self, file: u64) -> &mut Content {
        self.files.get_mut(&file).expect("a handle was checked before")
    }

    fn powered(&self) -> io::Result<()> {
        match self.faults.power_cut_at {
            Some(at) if self.operations >= at => Err(io::Error::other("the power is off")),
            _ => Ok(()),
        }
    }

    /// Counts a change, which may be the one that the power fails in.
    fn changed(&mut self) -> io::Result<()> {
        self.operations += 1;
        self.powered()
    }

    fn sync_is_sound(&mut self) -> io::Result<()> {
        self.syncs += 1;
        if self.faults.sync_fails_at == Some(self.syncs) {
            return Err(io::Error::other("the disk reports an error"));
        }
        Ok(())
    }

    fn room_for(&self, file: u64, length: usize) -> io::Result<()> {
        let Some(capacity) = self.faults.capacity else { return Ok(()) };
        let all: usize = self.files.values().map(|content| content.seen.len()).sum();
        let more = length.saturating_sub(self.files[&file].seen.len());
        if more > 0 && (all + more) as u64 > capacity {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn end_life(&mut self) {
        self.life += 1;
        self.locks.clear();
        self.faults = Faults::default();
    }

    fn crash(&mut self) {
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

    fn drop_nameless(&mut self) {
        let mut named: BTreeSet<u64> = self.names.values().chain(self.durable_names.values()).copied().collect();
        named.extend(self.changes.iter().map(Change::file));
        self.files.retain(|file, _| named.contains(file));
    }
}

impl Content {
    /// Makes one sector durable as it is seen.
    fn keep(&mut self, sector: usize) {
        let begin = sector * SECTOR;
        let end = self.seen.len().min(begin + SECTOR);
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[begin..end].copy_from_slice(&self.seen[begin..end]);
    }
}

impl Change {
    fn file(&self) -> u64 {
        match self {
            Self::Create { file, .. } | Self::Rename { file, .. } | Self::Remove { file, .. } => *file,
        }
    }

    fn folder(&self) -> &str {
        match self {
            Self::Create { name, .. } | Self::Rename { to: name, .. } | Self::Remove { name, .. } => folder(name),
        }
    }

    fn apply(&self, names: &mut BTreeMap<String, u64>) {
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

fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// SplitMix64: enough for choosing what breaks.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
