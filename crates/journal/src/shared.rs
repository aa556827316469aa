//! What the writer, the keeper and all stores share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::disk::guard;
use crate::frames::Frames;
use crate::index::{Index, Sealed};
use crate::limits::INDEXED_SEGMENTS;

#[derive(Default)]
pub(crate) struct Shared {
    index: RwLock<Index>,
    /// The frames of the files used last, by key, the latest at the back.
    recent: Mutex<VecDeque<(u64, Arc<Frames>)>>,
    /// Bytes of records that have a holder.
    live: AtomicU64,
    /// Something failed, and the log must not go on.
    failed: AtomicBool,
    frames: AtomicU64,
    syncs: AtomicU64,
    bytes: AtomicU64,
}

/// What the writer did since the store was opened.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames written.
    pub frames: u64,
    /// Calls of fdatasync for frames.
    pub syncs: u64,
    /// Bytes of frames written, with padding.
    pub bytes: u64,
}

impl Shared {
    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on to a new segment. The frames of the one before stay known for a while.
    pub(crate) fn begin_segment(&self, number: u64, first: crate::Lsn, bytes: u64) -> Option<Sealed> {
        let sealed = self.index_mut().begin_segment(number, first, bytes)?;
        self.keep_frames(sealed.entry.key, Arc::clone(&sealed.frames));
        Some(sealed)
    }

    pub(crate) fn frames(&self, key: u64) -> Option<Arc<Frames>> {
        let mut recent = guard(&self.recent);
        let index = recent.iter().rposition(|(known, _)| *known == key)?;
        let entry = recent.remove(index)?;
        let frames = Arc::clone(&entry.1);
        recent.push_back(entry);
        Some(frames)
    }

    pub(crate) fn keep_frames(&self, key: u64, frames: Arc<Frames>) {
        let mut recent = guard(&self.recent);
        recent.push_back((key, frames));
        if recent.len() > INDEXED_SEGMENTS {
            recent.pop_front();
        }
    }

    pub(crate) fn set_live(&self, bytes: u64) {
        self.live.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    pub(crate) fn count_frame(&self, bytes: u64, syncs: u64) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.syncs.fetch_add(syncs, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters { frames: read(&self.frames), syncs: read(&self.syncs), bytes: read(&self.bytes) }
    }
}
