//! How much memory messages take, and when it is short.

use crate::holds::Holds;

/// What all entries together hold: memory, and records in the journal.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Bytes of bodies and entries.
    pub(crate) used: u64,
    /// Of the whole process.
    pub(crate) anonymous: u64,
    pub(crate) limit: u64,
    pub(crate) evicts: bool,
    /// Entries may rest in pages.
    pub(crate) rests: bool,
    /// Changes that the store was not told of yet.
    pub(crate) holds: Holds,
    /// Bytes of records that will probably be read again, from the next one on.
    pub(crate) reread: u64,
}

/// What an entry in memory counts for, besides its body: itself, its places in lists, and spare room.
const ENTRY_BYTES: u64 = 256;

impl Memory {
    /// What an entry in memory counts for: nothing where it cannot go.
    pub(crate) fn entry_bytes(&self) -> u64 {
        if self.rests { ENTRY_BYTES } else { 0 }
    }

    /// Durable bodies that nobody takes at once are left on disk from here on.
    pub(crate) fn is_tight(&self) -> bool {
        self.evicts && (self.is_crowded() || self.limit > 0 && self.anonymous > self.limit / 4 * 3)
    }

    /// It is tight, and resting what is easy to do without has not been enough.
    pub(crate) fn is_hard(&self) -> bool {
        self.evicts && self.used > self.limit / 4 * 3
    }

    /// Bodies were left on disk. As long as there is a backlog it happens again before memory has filled up.
    pub(crate) fn left_on_disk(&mut self) {
        self.reread = (self.limit / 2).max(1);
    }

    /// Whether `bytes` of records, written now, will probably be read again.
    pub(crate) fn is_reread(&mut self, bytes: usize) -> bool {
        let reread = self.reread > 0;
        self.reread = self.reread.saturating_sub(bytes as u64);
        reread
    }

    /// Subscribers that do not keep up get nothing more that only memory could keep.
    pub(crate) fn is_crowded(&self) -> bool {
        self.limit > 0 && self.used > self.limit / 2
    }
}
