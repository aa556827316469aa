//! A disk in memory, under a seed, that fails on request as disks do.
//!
//! Contents and names have two states: what the running system sees, and what survives a power cut. A sync moves the
//! first into the second. A power cut keeps what is durable and, of the rest, any subset of sectors and of changed
//! names, chosen by the seed.

mod state;

use std::io::{self, ErrorKind, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use self::state::{Change, Content, State};
use super::{Disk, File, Lock, guard};

/// Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

impl SimulatedDisk {
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(seed))) }
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
        state.content(file).flip(byte as usize, bit);
    }

    /// Changes so far: writes, syncs, creations, renames, removals.
    pub fn operations(&self) -> u64 {
        guard(&self.state).operations
    }

    /// Bytes read of a file so far; 0 if there is no such file.
    pub fn bytes_read(&self, name: &str) -> u64 {
        let state = guard(&self.state);
        state.names.get(name).map_or(0, |file| state.files[file].read)
    }

    /// The names of the files in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        guard(&self.state).names_in(folder)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        guard(&self.state).taken()
    }

    /// Syncs of files and folders so far.
    pub fn syncs(&self) -> u64 {
        guard(&self.state).syncs
    }

    /// Writes so far that were made durable at once, and may have bypassed the system's cache.
    pub fn durable_writes(&self) -> u64 {
        guard(&self.state).durable_writes
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
        Ok(state.names_in(folder))
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

    fn free(&self) -> io::Result<u64> {
        let state = guard(&self.state);
        state.powered()?;
        Ok(state.faults.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.taken())))
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
            state.room_for(file, offset as usize + length)?;
            state.content(file).write(slices, offset as usize);
            state.changed()
        })
    }

    fn write_durably(&self, blocks: &[u8], offset: u64) -> io::Result<()> {
        self.with(|state, _| {
            state.durable_writes += 1;
            Ok(())
        })?;
        self.write_at(&[IoSlice::new(blocks)], offset)?;
        self.sync_data()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|state, file| {
            let Content { seen, read, .. } = state.content(file);
            let begin = seen.len().min(offset as usize);
            let length = buffer.len().min(seen.len() - begin);
            *read += length as u64;
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
                state.content(file).make_durable(dirty);
            }
            sound
        })
    }

    fn size(&self) -> io::Result<u64> {
        self.with(|state, file| Ok(state.content(file).seen.len() as u64))
    }
}
