//! Where each frame lies: written by the writer, read by every [`Store`](crate::Store).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::batch::Lsn;
use crate::error::Error;
use crate::limits::BLOCK;

/// The frames of the log, 8 bytes each.
#[derive(Default)]
pub(crate) struct Index {
    segments: VecDeque<SegmentFrames>,
    /// The number that the next record will get.
    next: Lsn,
}

struct SegmentFrames {
    number: u64,
    first: Lsn,
    frames: Vec<Place>,
}

/// A frame, relative to its segment.
struct Place {
    lsn: u32,
    block: u32,
}

/// A frame: its segment, its offset in bytes, its first record.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) first: Lsn,
}

impl Index {
    pub(crate) fn begin_segment(&mut self, number: u64, first: Lsn) {
        self.segments.push_back(SegmentFrames { number, first, frames: Vec::new() });
        self.next = first;
    }

    /// Adds a frame of `count` records to the last segment.
    pub(crate) fn push(&mut self, offset: u64, count: u32) {
        if count == 0 {
            return;
        }
        let segment = self.segments.back_mut().expect("a frame lies in a segment");
        let lsn = u32::try_from(self.next.0 - segment.first.0).expect("a segment holds fewer than 2^32 records");
        let block = u32::try_from(offset / BLOCK as u64).expect("a segment is shorter than 2^32 blocks");
        segment.frames.push(Place { lsn, block });
        self.next = self.next.plus(u64::from(count));
    }

    /// The frame that holds `lsn`.
    pub(crate) fn locate(&self, lsn: Lsn) -> Result<Location, Error> {
        let oldest = self.segments.front().map_or(self.next, |segment| segment.first);
        if lsn < oldest {
            return Err(Error::Trimmed { lsn, oldest });
        }
        if lsn >= self.next {
            return Err(Error::NotWritten { lsn, next: self.next });
        }
        let index = self.segments.partition_point(|segment| segment.first <= lsn) - 1;
        // Segments without records begin with the number that the one behind them begins with.
        let segment = &self.segments[index];
        let relative = lsn.0 - segment.first.0;
        let frame = segment.frames.partition_point(|place| u64::from(place.lsn) <= relative) - 1;
        let place = &segment.frames[frame];
        Ok(Location {
            segment: segment.number,
            offset: u64::from(place.block) * BLOCK as u64,
            first: segment.first.plus(u64::from(place.lsn)),
        })
    }

    /// The oldest segment if it is not the last one and all its records are older than `before`.
    pub(crate) fn trimmable(&self, before: Lsn) -> Option<u64> {
        let next = self.segments.get(1)?;
        (next.first <= before).then(|| self.segments[0].number)
    }

    pub(crate) fn drop_oldest(&mut self) {
        self.segments.pop_front();
    }
}

/// What the writer and all stores share.
pub(crate) struct Shared {
    index: RwLock<Index>,
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
    pub(crate) fn new(index: Index) -> Self {
        Self { index: RwLock::new(index), frames: 0.into(), syncs: 0.into(), bytes: 0.into() }
    }

    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count_frame(&self, bytes: u64) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters { frames: read(&self.frames), syncs: read(&self.syncs), bytes: read(&self.bytes) }
    }
}
