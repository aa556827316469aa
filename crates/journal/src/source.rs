//! A file that is read, with the name that its errors say.

use std::sync::Arc;

use crate::cold;
use crate::crypt::{DataKey, Vault};
use crate::disk::{Disk, File, failed};
use crate::error::Error;
use crate::names::FileId;
use crate::segment::Segment;

pub(crate) struct Source<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) file: Arc<dyn File>,
    pub(crate) name: String,
    /// What its contents are sealed with.
    pub(crate) key: Option<Arc<DataKey>>,
}

impl<'a> Source<'a> {
    pub(crate) fn open(disk: &'a dyn Disk, name: String) -> Result<Self, Error> {
        let file = disk.open(&name).map_err(failed(disk, "open", &name))?;
        Ok(Self { disk, file, name, key: None })
    }

    /// Opens a file of the log, and its key if it has one.
    pub(crate) fn of_log(disk: &'a dyn Disk, vault: &Vault, id: FileId) -> Result<Self, Error> {
        let source = Self::open(disk, id.name())?;
        if !vault.has_key() {
            return Ok(source);
        }
        let key = match id.cold {
            false => Segment::open(disk, id.first, vault)?.0.key,
            true => cold::read_key(&source, vault, id)?,
        };
        Ok(Self { key, ..source })
    }

    /// Fills `buffer`.
    pub(crate) fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        let read = self.file.read_at(buffer, offset).map_err(failed(self.disk, "read", &self.name))?;
        if read < buffer.len() { Err(self.corrupt(offset, "the file became shorter")) } else { Ok(()) }
    }

    pub(crate) fn size(&self) -> Result<u64, Error> {
        self.file.size().map_err(failed(self.disk, "read", &self.name))
    }

    pub(crate) fn corrupt(&self, offset: u64, reason: &'static str) -> Error {
        Error::corrupt(self.name.clone(), offset, reason)
    }
}
