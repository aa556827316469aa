//! Writing a cold file, which is not part of the log before it is whole.

use std::io::IoSlice;
use std::sync::Arc;

use super::frame::Builder;
use super::{ColdHeader, INDEX_BLOCK, nonce};
use crate::batch::Lsn;
use crate::crypt::{NewKey, Vault};
use crate::disk::{Disk, File, failed, remove_if_there};
use crate::error::Error;
use crate::frames::Frames;
use crate::index::Entry;
use crate::limits::BLOCK;
use crate::names::FileId;

pub(crate) struct ColdWriter<'a> {
    disk: &'a dyn Disk,
    vault: &'a Vault,
    key: Option<NewKey>,
    file: Arc<dyn File>,
    /// Its name while it is not whole.
    name: String,
    id: FileId,
    first: Lsn,
    end: Lsn,
    frames: Frames,
    builder: Builder,
    at: u64,
    /// It has its name.
    whole: bool,
}

impl<'a> ColdWriter<'a> {
    /// Begins the file `id` for records of `first..end`.
    pub(crate) fn create(
        disk: &'a dyn Disk,
        vault: &'a Vault,
        id: FileId,
        first: Lsn,
        end: Lsn,
    ) -> Result<Self, Error> {
        let name = format!("{}.new", id.name());
        let key = vault.new_key(disk)?;
        remove_if_there(disk, &name)?;
        let file = disk.create(&name).map_err(failed(disk, "create", &name))?;
        let (frames, builder) = (Frames::default(), Builder::new(key.is_some()));
        let at = BLOCK as u64;
        Ok(Self { disk, vault, key, file, name, id, first, end, frames, builder, at, whole: false })
    }

    /// Adds a record with a higher number than those before.
    pub(crate) fn push(&mut self, lsn: Lsn, record: &[u8]) -> Result<(), Error> {
        if self.builder.is_full(record.len()) {
            self.flush()?;
        }
        self.builder.push(lsn, record);
        Ok(())
    }

    /// Ends the file, of whose records `held` bytes are held, and makes it durable, without its name.
    pub(crate) fn finish(&mut self, held: u64) -> Result<(Entry, Frames), Error> {
        self.flush()?;
        let mut index = self.frames.encode(self.vault.store_id);
        if let Some(new) = &self.key {
            new.key.seal(nonce(INDEX_BLOCK), &[], &mut index, 0);
        }
        let index_at = self.at;
        self.write(&index)?;
        let Self { id: file, first, end, at: bytes, .. } = *self;
        let entry = Entry { key: 0, file, first, end, bytes, held };
        let header = ColdHeader { store_id: self.vault.store_id, entry, index_at, index_len: index.len() as u64 };
        self.at = 0;
        self.write(&header.encode(self.key.as_ref().map(|new| (self.vault, new))))?;
        self.file.sync_data().map_err(failed(self.disk, "sync", &self.name))?;
        Ok((entry, std::mem::take(&mut self.frames)))
    }

    /// Gives the file its name, which is not durable before the folder is synced.
    pub(crate) fn publish(mut self) -> Result<(), Error> {
        self.disk.rename(&self.name, &self.id.name()).map_err(failed(self.disk, "rename", &self.name))?;
        self.whole = true;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.builder.is_empty() {
            return Ok(());
        }
        self.frames.push(self.first, self.builder.first(), self.at);
        let key = self.key.as_ref().map(|new| (&*new.key, nonce(self.at / BLOCK as u64)));
        let frame = self.builder.finish(self.vault.store_id, key);
        self.write(&frame)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.file.write_at(&[IoSlice::new(bytes)], self.at);
        written.map_err(failed(self.disk, "write", &self.name))?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for ColdWriter<'_> {
    fn drop(&mut self) {
        if !self.whole {
            // Gives the space back; if that fails, the next open does it.
            let _ = self.disk.remove(&self.name);
        }
    }
}
