//! What the journal needs of a disk, in names below one root (`/` separates folder and file).
//!
//! - [`real`]: files of the operating system.
//! - [`volatile`]: the same, but writes stay in this process until they are synced, so that SIGKILL is a power cut.
//! - [`simulated`]: memory under a seed, with power cuts, torn writes, failing syncs, a full disk and flipped bits.

pub mod real;
pub mod simulated;
pub mod volatile;

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Error;

pub trait Disk: Send + Sync + 'static {
    /// Makes an empty file, readable by its owner only. Fails if the name exists.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// The names of the files in a folder, without the folder, in no particular order.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Renames a file within its folder. Open handles stay valid.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes a folder unless it exists.
    fn create_dir(&self, folder: &str) -> io::Result<()>;
    /// Makes the names in `folder` durable; `""` is the root.
    fn sync_dir(&self, folder: &str) -> io::Result<()>;
    /// Locks the file `name`, making it if needed. `None` if another holds the lock.
    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>>;
    /// Fills `buffer` with bytes that nobody can guess.
    fn randomness(&self, buffer: &mut [u8]) -> io::Result<()>;
    /// Bytes that can still be written.
    fn free(&self) -> io::Result<u64>;
    /// What to call `name` in a message.
    fn path(&self, name: &str) -> PathBuf;
}

pub trait File: Send + Sync {
    /// Writes all slices, one after the other, from `offset` on. The file grows as needed.
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<()>;
    /// Writes whole blocks at the beginning of one, and makes them durable, whatever becomes of other writes. `blocks` may
    /// bypass the cache of the system, which they can where they begin at a page of memory.
    fn write_durably(&self, blocks: &[u8], offset: u64) -> io::Result<()> {
        self.write_at(&[IoSlice::new(blocks)], offset)?;
        self.sync_data()
    }
    /// Reads until `buffer` is full or the file ends; returns the bytes read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Makes all writes so far durable, with the length of the file.
    fn sync_data(&self) -> io::Result<()>;
    /// Length in bytes.
    fn size(&self) -> io::Result<u64>;
}

/// A lock, held until it is dropped.
pub trait Lock: Send + Sync {}

/// Turns an IO error into ours, with what was tried and where.
pub(crate) fn failed<'a>(
    disk: &'a dyn Disk,
    operation: &'static str,
    name: &'a str,
) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error::Io { operation, path: disk.path(name), source }
}

/// Removes a file that may be missing.
pub(crate) fn remove_if_there(disk: &dyn Disk, name: &str) -> Result<(), Error> {
    match disk.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(disk, "remove", name)(error)),
        _ => Ok(()),
    }
}

/// All bytes of a file; `None` if there is no such file.
pub(crate) fn read_whole(disk: &dyn Disk, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let file = match disk.open(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(disk, "open", name)(error)),
    };
    let size = file.size().map_err(failed(disk, "read", name))?;
    let size = usize::try_from(size).map_err(|_| Error::corrupt(name, 0, "it is too long"))?;
    let mut bytes = vec![0; size];
    let read = file.read_at(&mut bytes, 0).map_err(failed(disk, "read", name))?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// Locks a mutex. What it guards stays consistent even if a holder panicked, because no holder leaves it halfway.
pub(crate) fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
