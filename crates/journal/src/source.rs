//! A file that is read, with the name that its errors say.

use std::sync::Arc;

use crate::disk::{Disk, File, failed};
use crate::error::Error;

pub(crate) struct Source<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) file: Arc<dyn File>,
    pub(crate) name: String,
}

impl<'a> Source<'a> {
    pub(crate) fn open(disk: &'a dyn Disk, name: String) -> Result<Self, Error> {
        let file = disk.open(&name).map_err(failed(disk, "open", &name))?;
        Ok(Self { disk, file, name })
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
