//! Copying what is held of old files.

use std::sync::Arc;

use bytes::Bytes;

use crate::cold::{self, ColdWriter};
use crate::crypt::Vault;
use crate::disk::Disk;
use crate::error::Error;
use crate::frames::{Frames, Location};
use crate::holders::Table;
use crate::hot::{self, Span};
use crate::index::Entry;
use crate::names::FileId;
use crate::source::Source;
use crate::store::Store;

/// Bytes read before the keeper looks for what is more urgent.
const PACE: usize = 4 << 20;

/// Copies of `files`, which are neighbours, what `held` says into one cold file. Everything that is copied was verified.
pub(super) struct Copy<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) vault: &'a Vault,
    pub(super) held: &'a Table,
    /// Knows where the frames of a file lie.
    pub(super) store: &'a Store,
    /// Called now and then.
    pub(super) pause: &'a mut dyn FnMut() -> Result<(), Error>,
    /// Bytes read since the last pause.
    pub(super) copied: usize,
}

/// A cold file that waits for its name.
pub(super) struct Copied<'a> {
    pub(super) file: ColdWriter<'a>,
    pub(super) entry: Entry,
    pub(super) frames: Frames,
}

/// What went wrong, and whether it is the fault of a file that was read.
pub(super) enum Failure {
    Source(u64, Error),
    Other(Error),
}

impl<'a> Copy<'a> {
    pub(super) fn run(mut self, files: &[Entry]) -> Result<Copied<'a>, Failure> {
        let (Some(front), Some(back)) = (files.first(), files.last()) else {
            return Err(Failure::Other(Error::corrupt("", 0, "nothing is to be copied")));
        };
        let id = FileId { first: front.file.first, last: back.file.last, cold: true };
        let out = ColdWriter::create(self.disk, self.vault, id, front.first, back.end);
        let mut out = out.map_err(Failure::Other)?;
        let mut held = 0;
        for entry in files {
            let blame = |error| Failure::Source(entry.key, error);
            let source = Source::of_log(self.disk, self.vault, entry.file).map_err(blame)?;
            let frames: Arc<Frames> = self.store.frames(entry).map_err(blame)?;
            let live = self.held.live(entry.first..entry.end);
            held += live.bytes;
            let mut found = 0;
            let begins: Vec<_> = frames.iter(entry.first).collect();
            for (index, frame) in begins.iter().enumerate() {
                let end = begins.get(index + 1).map_or(entry.end, |next| next.first);
                if !self.held.any(frame.first..end) {
                    continue;
                }
                let (payload, spans) = self.read(&source, entry, *frame).map_err(blame)?;
                self.pace(payload.len()).map_err(Failure::Other)?;
                found += self.write(&mut out, &payload, &spans).map_err(Failure::Other)?;
            }
            if found != live.count {
                return Err(blame(source.corrupt(0, "records are missing that are held")));
            }
        }
        let (entry, frames) = out.finish(held).map_err(Failure::Other)?;
        Ok(Copied { file: out, entry, frames })
    }

    /// Counts bytes that were read, and pauses when they are many.
    fn pace(&mut self, bytes: usize) -> Result<(), Error> {
        self.copied += bytes;
        if self.copied < PACE {
            return Ok(());
        }
        self.copied = 0;
        (self.pause)()
    }

    fn read(&self, source: &Source<'_>, entry: &Entry, frame: Location) -> Result<(Bytes, Vec<Span>), Error> {
        if !entry.file.cold {
            return hot::read(source, self.vault.store_id, frame);
        }
        let table = cold::Table::read(source, frame.offset, self.vault.store_id)?;
        Ok((table.read_payload(source)?, table.spans()))
    }

    /// Adds the records that are held; returns their count.
    fn write(&self, out: &mut ColdWriter<'_>, payload: &[u8], spans: &[Span]) -> Result<u64, Error> {
        let mut count = 0;
        for span in spans.iter().filter(|span| self.held.holders(span.lsn) > 0) {
            out.push(span.lsn, span.of(payload))?;
            count += 1;
        }
        Ok(count)
    }
}
