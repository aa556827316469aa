//! What submitters hand to a committer.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::batch::Batch;
use crate::disk::guard;
use crate::reader::Load;

#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// Bytes of batches that may wait.
    room: usize,
    emptied: Condvar,
}

#[derive(Default)]
struct Waiting {
    work: Work,
    sleeping: bool,
}

#[derive(Default)]
pub(crate) struct Work {
    pub(crate) batches: Vec<Batch>,
    /// Of all batches.
    pub(crate) bytes: usize,
    pub(crate) loads: Vec<Load>,
    pub(crate) closed: bool,
}

impl Queue {
    pub(crate) fn new(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    pub(crate) fn submit(&self, batch: Batch) {
        let bytes = batch.payload.len();
        let mut waiting = guard(&self.waiting);
        while waiting.work.bytes > 0 && waiting.work.bytes + bytes > self.room && !waiting.work.closed {
            waiting = self.emptied.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        drop(waiting);
        self.put(|work| {
            work.bytes += bytes;
            work.batches.push(batch);
        });
    }

    pub(crate) fn put(&self, add: impl FnOnce(&mut Work)) {
        let mut waiting = guard(&self.waiting);
        if waiting.work.closed {
            return;
        }
        add(&mut waiting.work);
        if std::mem::take(&mut waiting.sleeping) {
            drop(waiting);
            self.wake.notify_one();
        }
    }

    /// Swaps the waiting work for `work`, which is empty; waits for some.
    pub(crate) fn take(&self, work: &mut Work) {
        let mut waiting = guard(&self.waiting);
        while waiting.work.is_empty() {
            waiting.sleeping = true;
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.sleeping = false;
        std::mem::swap(&mut waiting.work, work);
        waiting.work.closed = work.closed;
        drop(waiting);
        self.emptied.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        guard(&self.waiting).work.closed
    }

    /// Refuses everything from now on and drops what waits.
    pub(crate) fn end(&self) {
        guard(&self.waiting).work = Work { closed: true, ..Work::default() };
        self.emptied.notify_all();
    }
}

impl Work {
    fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.loads.is_empty() && !self.closed
    }
}
