//! Files that will become segments: zeroed ahead, or recycled.

use std::io::ErrorKind;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::disk::{Disk, Lock, failed, guard};
use crate::error::Error;
use crate::limits::{BLOCK, Options, round_up};
use crate::segment::{LOG, write_zeros};

/// Zeroes the next segment while the current one fills. [`Preallocator::run`] wants a thread of its own; without it
/// the writer makes (small) segments itself.
pub struct Preallocator {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) pool: Arc<Pool>,
    /// The store stays locked until no file of it is written any more.
    pub(crate) _lock: Arc<dyn Lock>,
}

impl Preallocator {
    /// Serves the writer until it is dropped. A failure (a full disk) is left for the writer to find.
    pub fn run(self) {
        while self.pool.wait() {
            self.serve();
        }
    }

    /// Makes a spare if the writer asked for one; for callers without threads.
    pub fn serve(&self) {
        if self.pool.is_asked() {
            self.pool.answer(self.pool.make(&*self.disk, self.pool.segment_bytes));
        }
    }
}

/// A durable file of whole blocks, in wait for its use as a segment.
pub(crate) struct Spare {
    pub(crate) name: String,
    pub(crate) len: u64,
    /// It may hold bytes of an earlier use.
    pub(crate) recycled: bool,
}

/// The spares, shared by the writer and the preallocator.
pub(crate) struct Pool {
    state: Mutex<State>,
    wake: Condvar,
    segment_bytes: u64,
    kept: usize,
}

struct State {
    spares: Vec<Spare>,
    serial: u64,
    request: Request,
    closed: bool,
}

#[derive(PartialEq, Eq)]
enum Request {
    None,
    /// A spare is to be made, or is being made.
    Open,
    /// It could not be made. Not asked for again before the next segment, so that a full disk is not tried at every
    /// frame.
    Failed,
}

impl Pool {
    /// A pool of the spares found with their serial numbers; those of another size than segments have now are removed.
    pub(crate) fn open(disk: &dyn Disk, found: &[u64], options: &Options) -> Result<Self, Error> {
        let segment_bytes = round_up(options.segment_bytes.max(2 * BLOCK as u64));
        let mut spares = Vec::new();
        for &serial in found {
            let name = spare_name(serial);
            let file = disk.open(&name).map_err(failed(disk, "open", &name))?;
            let len = file.size().map_err(failed(disk, "read", &name))?;
            if len == segment_bytes && spares.len() < options.spares {
                spares.push(Spare { name, len, recycled: true });
            } else {
                disk.remove(&name).map_err(failed(disk, "remove", &name))?;
            }
        }
        let serial = found.iter().max().map_or(1, |serial| serial + 1);
        let state = Mutex::new(State { spares, serial, request: Request::None, closed: false });
        Ok(Self { state, wake: Condvar::new(), segment_bytes, kept: options.spares })
    }

    /// A spare of at least `need` bytes.
    pub(crate) fn take(&self, need: u64) -> Option<Spare> {
        let mut state = guard(&self.state);
        if state.request == Request::Failed {
            state.request = Request::None;
        }
        let index = state.spares.iter().position(|spare| spare.len >= need)?;
        Some(state.spares.swap_remove(index))
    }

    /// Asks the preallocator for a spare unless there is one.
    pub(crate) fn request(&self) {
        let mut state = guard(&self.state);
        if state.spares.is_empty() && state.request == Request::None {
            state.request = Request::Open;
            self.wake.notify_one();
        }
    }

    /// Makes a spare of `bytes`: zeroed with real writes and synced, so that a later fdatasync writes only what is new.
    /// Its name becomes durable with its use; a spare lost before is no loss.
    pub(crate) fn make(&self, disk: &dyn Disk, bytes: u64) -> Result<Spare, Error> {
        let serial = self.next_serial();
        let unfinished = format!("{LOG}/{serial:010}.new");
        let name = spare_name(serial);
        let zeroed = disk.create(&unfinished).and_then(|file| {
            write_zeros(&*file, 0, bytes)?;
            file.sync_data()?;
            disk.rename(&unfinished, &name)
        });
        if let Err(error) = zeroed {
            // Gives the space back; if that fails too, the next open does it.
            let _ = disk.remove(&unfinished);
            return Err(failed(disk, "preallocate", &unfinished)(error));
        }
        Ok(Spare { name, len: bytes, recycled: false })
    }

    /// Takes a file of the log back: as a spare if one is wanted and the size is right, else it is removed.
    pub(crate) fn recycle(&self, disk: &dyn Disk, segment: &str) -> Result<(), Error> {
        let file = disk.open(segment).map_err(failed(disk, "open", segment))?;
        let len = file.size().map_err(failed(disk, "read", segment))?;
        let full = guard(&self.state).spares.len() >= self.kept;
        if full || len != self.segment_bytes {
            disk.remove(segment).map_err(failed(disk, "remove", segment))?;
            return disk.sync_dir(LOG).map_err(failed(disk, "sync", LOG));
        }
        let name = spare_name(self.next_serial());
        disk.rename(segment, &name).map_err(failed(disk, "rename", segment))?;
        disk.sync_dir(LOG).map_err(failed(disk, "sync", LOG))?;
        self.put(Spare { name, len, recycled: true });
        Ok(())
    }

    /// Ends [`Preallocator::run`].
    pub(crate) fn close(&self) {
        guard(&self.state).closed = true;
        self.wake.notify_all();
    }

    /// Waits for a request; false at the end.
    fn wait(&self) -> bool {
        let mut state = guard(&self.state);
        while !state.closed && state.request != Request::Open {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.closed
    }

    fn is_asked(&self) -> bool {
        guard(&self.state).request == Request::Open
    }

    /// Ends the open request.
    fn answer(&self, made: Result<Spare, Error>) {
        let mut state = guard(&self.state);
        state.request = if made.is_ok() { Request::None } else { Request::Failed };
        state.spares.extend(made);
    }

    fn put(&self, spare: Spare) {
        guard(&self.state).spares.push(spare);
    }

    fn next_serial(&self) -> u64 {
        let mut state = guard(&self.state);
        state.serial += 1;
        state.serial - 1
    }
}

fn spare_name(serial: u64) -> String {
    format!("{LOG}/{serial:010}.spare")
}

/// Removes a file that may be missing.
pub(crate) fn remove_unfinished(disk: &dyn Disk, name: &str) -> Result<(), Error> {
    match disk.remove(name) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(disk, "remove", name)(error)),
        _ => Ok(()),
    }
}
