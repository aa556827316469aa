//! The files of the log in the order of their records: written by the writer and the keeper, read by every
//! [`Store`](crate::Store).

use std::sync::Arc;

use crate::batch::Lsn;
use crate::error::Error;
use crate::frames::{Frames, Location};
use crate::names::FileId;

/// The files of the log; the last one is the segment being written.
#[derive(Default)]
pub(crate) struct Index {
    files: Vec<Entry>,
    /// Of the last file.
    frames: Frames,
    /// Where the last file's frames end.
    end: u64,
    /// The number that the next record will get.
    next: Lsn,
    last_key: u64,
}

/// A file of the log.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Differs from that of every other file since the store was opened, also of one with the same name.
    pub(crate) key: u64,
    pub(crate) file: FileId,
    /// It holds no records but `first..end`; a hot one all of them.
    pub(crate) first: Lsn,
    pub(crate) end: Lsn,
    pub(crate) bytes: u64,
    /// Bytes of the records that were held when it was made, if it is cold.
    pub(crate) held: u64,
}

/// The file of a record, and the frame if that is known.
pub(crate) struct Found {
    pub(crate) entry: Entry,
    pub(crate) location: Option<Location>,
}

/// A segment that was written to its end, and its frames.
pub(crate) struct Sealed {
    pub(crate) entry: Entry,
    pub(crate) frames: Arc<Frames>,
}

impl Index {
    /// Adds a file behind all others, one that is not written any more.
    pub(crate) fn add_old(&mut self, entry: Entry) {
        let key = self.new_key();
        self.next = entry.end;
        self.files.push(Entry { key, ..entry });
    }

    /// Goes on to a new segment, and seals the one before.
    pub(crate) fn begin_segment(&mut self, number: u64, first: Lsn, bytes: u64) -> Option<Sealed> {
        let sealed = self.seal();
        let key = self.new_key();
        self.files.push(Entry { key, file: FileId::hot(number), first, end: first, bytes, held: 0 });
        (self.next, self.end) = (first, crate::limits::BLOCK as u64);
        sealed
    }

    fn seal(&mut self) -> Option<Sealed> {
        let next = self.next;
        let entry = self.files.last_mut().filter(|entry| !entry.file.cold && entry.end == entry.first)?;
        entry.end = next;
        Some(Sealed { entry: *entry, frames: Arc::new(std::mem::take(&mut self.frames)) })
    }

    /// Adds a frame of `count` records to the last segment.
    pub(crate) fn push(&mut self, offset: u64, span: u64, count: u32) {
        self.end = offset + span;
        if count == 0 {
            return;
        }
        let segment = self.files.last().expect("a frame lies in a segment");
        self.frames.push(segment.first, self.next, offset);
        self.next = self.next.plus(count.into());
    }

    /// Goes on with the record `lsn` behind damage that begins at `offset`. Whoever looks for a record before it is led
    /// to the damage.
    pub(crate) fn skip(&mut self, offset: u64, lsn: Lsn) {
        if lsn > self.next {
            let segment = self.files.last().expect("a frame lies in a segment");
            self.frames.push(segment.first, self.next, offset);
            self.next = lsn;
        }
    }

    /// The file that holds `lsn` if any does.
    pub(crate) fn find(&self, lsn: Lsn) -> Result<Found, Error> {
        if lsn >= self.next {
            return Err(Error::NotWritten { lsn, next: self.next });
        }
        // Segments without records begin with the number that the one behind them begins with.
        let index = self.files.partition_point(|entry| entry.first <= lsn).checked_sub(1);
        let Some(index) = index else { return Err(Error::Released { lsn }) };
        let entry = self.files[index];
        if index + 1 == self.files.len() {
            return Ok(Found { entry, location: self.frames.locate(entry.first, lsn) });
        }
        if lsn >= entry.end { Err(Error::Released { lsn }) } else { Ok(Found { entry, location: None }) }
    }

    /// Whether this very file is still part of the log.
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.files.iter().any(|entry| entry.key == key)
    }

    /// The file that holds `lsn`, or will.
    pub(crate) fn holder_of(&self, lsn: Lsn) -> Entry {
        let index = self.files.partition_point(|entry| entry.first <= lsn).saturating_sub(1);
        self.files[index]
    }

    pub(crate) fn files(&self) -> &[Entry] {
        &self.files
    }

    /// Where the last file's frames end, and the number of the next record.
    pub(crate) fn end(&self) -> (u64, Lsn) {
        (self.end, self.next)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.bytes).sum()
    }

    pub(crate) fn remove(&mut self, key: u64) {
        self.files.retain(|entry| entry.key != key);
    }

    /// Puts `entry` in the place of the files with `keys`, which are neighbours; returns its key.
    pub(crate) fn replace(&mut self, keys: &[u64], entry: Entry) -> u64 {
        let key = self.new_key();
        let at = self.files.partition_point(|other| other.file.first < entry.file.first);
        self.files.retain(|entry| !keys.contains(&entry.key));
        self.files.insert(at, Entry { key, ..entry });
        key
    }

    fn new_key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }
}
