//! The two files of a checkpoint. All of the store depends on it, so it is there twice.
//!
//! `CHECKPOINT` is replaced durably, then `CHECKPOINT.copy` is: at any moment one of them is whole. If the power fails in
//! between, they differ, and both are right: nothing goes on behalf of the newer one before both are durable.

use std::io::IoSlice;

use super::{Checkpoint, MAGIC};
use crate::crypt::{Vault, open_blob, seal_blob};
use crate::disk::{Disk, failed, read_whole, remove_if_there};
use crate::error::Error;
use crate::frame::SEALED;

pub(crate) const NAME: &str = "CHECKPOINT";
const COPY: &str = "CHECKPOINT.copy";
pub(crate) const FILES: [&str; 2] = [NAME, COPY];

/// The checkpoint of a store, read from one of its files.
pub(crate) struct Loaded {
    pub(crate) checkpoint: Checkpoint,
    bytes: Vec<u8>,
    /// The file that says something else, or nothing.
    stale: Option<&'static str>,
    /// What is wrong with that file, unless it is only older, or not there yet.
    pub(crate) fault: Option<Error>,
}

struct Read {
    checkpoint: Checkpoint,
    bytes: Vec<u8>,
}

impl Loaded {
    /// Reads the checkpoint of the store; `None` if it has none. `log_bytes` are those of all files of the log.
    pub(crate) fn load(disk: &dyn Disk, vault: &Vault, log_bytes: u64) -> Result<Option<Self>, Error> {
        let original = read(disk, NAME, vault, log_bytes);
        let copy = read(disk, COPY, vault, log_bytes);
        let (Read { checkpoint, bytes }, stale, fault) = match (original, copy) {
            (Ok(None), Ok(None)) => return Ok(None),
            (Ok(Some(original)), Ok(Some(copy))) if original.bytes == copy.bytes => (original, None, None),
            (Ok(Some(original)), Ok(Some(copy))) if copy.checkpoint.end > original.checkpoint.end => {
                (copy, Some(NAME), None)
            }
            // The copy comes second, so it may be missing in a sound store.
            (Ok(Some(original)), other) => (original, Some(COPY), other.err()),
            (Ok(None), Ok(Some(copy))) => (copy, Some(NAME), Some(Error::corrupt(NAME, 0, "the file is missing"))),
            (Err(fault), Ok(Some(copy))) => (copy, Some(NAME), Some(fault)),
            (Err(fault), _) | (Ok(None), Err(fault)) => return Err(fault),
        };
        let fault = fault.map(|fault| match fault {
            // One that this program knows is beside it, so it is rather damage.
            Error::Newer { .. } => Error::corrupt(stale.unwrap_or(NAME), 0, "it has an unknown version"),
            fault => fault,
        });
        Ok(Some(Self { checkpoint, bytes, stale, fault }))
    }

    /// Bytes of one file.
    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether it is not from where it should be.
    pub(crate) fn is_of_copy(&self) -> bool {
        self.stale == Some(NAME)
    }

    /// Makes the two files the same. Returns whether they are: the disk may be full.
    pub(crate) fn settle(&self, disk: &dyn Disk) -> Result<bool, Error> {
        let Some(stale) = self.stale else { return Ok(true) };
        match replace(disk, stale, &self.bytes) {
            Err(error) if error.is_full() => Ok(false),
            other => other.map(|()| true),
        }
    }
}

impl Checkpoint {
    /// Puts this checkpoint in the place of the one before; returns the length of a file. Durable, in both files, when
    /// this returns.
    pub(crate) fn save(&self, disk: &dyn Disk, vault: &Vault) -> Result<u64, Error> {
        let bytes = seal_blob(vault, disk, MAGIC, self.encode(vault.store_id))?;
        replace(disk, NAME, &bytes)?;
        replace(disk, COPY, &bytes)?;
        Ok(bytes.len() as u64)
    }
}

/// Reads one of the files; `None` if it is not there.
fn read(disk: &dyn Disk, name: &str, vault: &Vault, log_bytes: u64) -> Result<Option<Read>, Error> {
    let Some(bytes) = read_whole(disk, name)? else { return Ok(None) };
    if bytes.len() > 4 && bytes[..4] == MAGIC && bytes[4] > SEALED {
        return Err(Error::Newer { path: disk.path(name), found: bytes[4], known: SEALED });
    }
    let read = match bytes.len() > 4 && bytes[..4] == MAGIC && bytes[4] == SEALED {
        true => open_blob(vault, &bytes).and_then(|content| Checkpoint::decode(&content, vault.store_id, log_bytes)),
        false => Checkpoint::decode(&bytes, vault.store_id, log_bytes),
    };
    let checkpoint = read.map_err(|reason| Error::corrupt(name, 0, reason))?;
    Ok(Some(Read { checkpoint, bytes }))
}

/// Gives a file new content, all or nothing. Durable when this returns.
fn replace(disk: &dyn Disk, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let unfinished = format!("{name}.new");
    remove_if_there(disk, &unfinished)?;
    write(disk, &unfinished, bytes).inspect_err(|_| {
        // Gives the space back; if that fails, the next one does it.
        let _ = disk.remove(&unfinished);
    })?;
    disk.rename(&unfinished, name).map_err(failed(disk, "rename", &unfinished))?;
    disk.sync_dir("").map_err(failed(disk, "sync", ""))
}

fn write(disk: &dyn Disk, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let file = disk.create(name).map_err(failed(disk, "create", name))?;
    file.write_at(&[IoSlice::new(bytes)], 0).map_err(failed(disk, "write", name))?;
    file.sync_data().map_err(failed(disk, "sync", name))
}
