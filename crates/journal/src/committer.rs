//! Group commit: the loop of the journal thread.
//!
//! There is no timer. While one flush is under way, what is submitted waits; the next flush takes all of it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use bytes::Bytes;

use crate::batch::{Batch, Lsn};
use crate::disk::guard;
use crate::error::Error;
use crate::limits::LOADS_PER_ROUND;
use crate::store::Store;
use crate::writer::Writer;

/// What the committer tells its owner, on the thread that runs it.
pub trait Events {
    /// All records up to `lsn` are durable.
    fn durable(&mut self, lsn: Lsn);
    /// The answer to a [`Load`].
    fn loaded(&mut self, token: u64, records: Result<Vec<Bytes>, Error>);
    /// Writing failed. Nothing more will be durable; the loop ends.
    fn failed(&mut self, error: Error);
}

/// A request for the records `first..=last`; `token` comes back with the answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Load {
    pub first: Lsn,
    pub last: Lsn,
    pub token: u64,
}

/// The loop that commits what its [`Submitter`]s hand in.
pub struct Committer {
    queue: Arc<Queue>,
}

/// Hands work to a [`Committer`]. When the last clone is dropped, the committer is closed.
#[derive(Clone)]
pub struct Submitter {
    handle: Arc<Handle>,
}

impl Committer {
    /// A committer and the handle that feeds it. Of records that are not being written yet it takes `room` bytes, and one
    /// batch whatever its length.
    pub fn new(room: usize) -> (Self, Submitter) {
        let queue = Arc::new(Queue { room, ..Queue::default() });
        let handle = Arc::new(Handle { queue: Arc::clone(&queue) });
        (Self { queue }, Submitter { handle })
    }

    /// Commits until it is closed and all that was submitted before is done, or until writing fails.
    pub fn run(self, mut writer: Writer, store: Store, mut on: impl Events) {
        let mut work = Work::default();
        let mut loads = VecDeque::new();
        loop {
            self.queue.take(&mut work, loads.is_empty());
            if let Err(error) = commit(&mut writer, &mut work, &mut on) {
                self.queue.end();
                return on.failed(error);
            }
            loads.extend(work.loads.drain(..));
            for load in loads.drain(..loads.len().min(LOADS_PER_ROUND)) {
                on.loaded(load.token, store.read(load.first, load.last));
            }
            if work.closed && loads.is_empty() {
                return;
            }
        }
    }
}

fn commit(writer: &mut Writer, work: &mut Work, on: &mut impl Events) -> Result<(), Error> {
    if !work.batches.is_empty() {
        let durable = writer.append(&work.batches)?;
        work.batches.clear();
        work.bytes = 0;
        on.durable(durable);
    }
    if let Some(before) = work.trim.take() {
        writer.trim(before)?;
    }
    Ok(())
}

impl Submitter {
    /// Hands in records, in the order of their numbers. Waits while there is no room for them: who writes faster than the
    /// disk has to stop somewhere, and memory is the wrong place.
    pub fn submit(&self, batch: Batch) {
        self.handle.queue.submit(batch);
    }

    /// Asks for records. It is answered after all batches submitted before are durable.
    pub fn load(&self, load: Load) {
        self.handle.queue.put(|work| work.loads.push(load));
    }

    /// Lets records before `before` go; see [`Writer::trim`].
    pub fn trim(&self, before: Lsn) {
        self.handle.queue.put(|work| work.trim = work.trim.max(Some(before)));
    }

    /// Lets the committer finish what was submitted and end. What is submitted later is dropped.
    pub fn close(&self) {
        self.handle.queue.put(|work| work.closed = true);
    }
}

/// Closes the queue when the last submitter goes.
struct Handle {
    queue: Arc<Queue>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.put(|work| work.closed = true);
    }
}

#[derive(Default)]
struct Queue {
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
struct Work {
    batches: Vec<Batch>,
    /// Of all batches.
    bytes: usize,
    loads: Vec<Load>,
    trim: Option<Lsn>,
    closed: bool,
}

impl Queue {
    fn submit(&self, batch: Batch) {
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

    fn put(&self, add: impl FnOnce(&mut Work)) {
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

    /// Swaps the waiting work for `work`, which is empty; waits for some if `idle`.
    fn take(&self, work: &mut Work, idle: bool) {
        let mut waiting = guard(&self.waiting);
        while idle && waiting.work.is_empty() {
            waiting.sleeping = true;
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.sleeping = false;
        std::mem::swap(&mut waiting.work, work);
        waiting.work.closed = work.closed;
        drop(waiting);
        self.emptied.notify_all();
    }

    /// Refuses everything from now on and drops what waits.
    fn end(&self) {
        guard(&self.waiting).work = Work { closed: true, ..Work::default() };
        self.emptied.notify_all();
    }
}

impl Work {
    fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.loads.is_empty() && self.trim.is_none() && !self.closed
    }
}
