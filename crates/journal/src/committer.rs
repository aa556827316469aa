//! Group commit: the loop of the journal thread.
//!
//! There is no timer. While one flush is under way, what is submitted waits; the next flush takes all of it.

use std::sync::Arc;

use crate::batch::Batch;
use crate::error::Error;
use crate::events::Events;
use crate::limits::Durability;
use crate::queue::{Queue, Work};
use crate::reader::{Load, Loads, Reader};
use crate::writer::Writer;

/// The loop that commits what its [`Submitter`]s hand in.
pub struct Committer {
    queue: Arc<Queue>,
    loads: Arc<Loads>,
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
        let queue = Arc::new(Queue::new(room));
        let handle = Arc::new(Handle { queue: Arc::clone(&queue) });
        (Self { queue, loads: Arc::default() }, Submitter { handle })
    }

    /// The reader that answers the loads of this committer. Without one they are never answered.
    pub fn reader(&self) -> Reader {
        Reader { desk: Arc::clone(&self.loads) }
    }

    /// Commits until it is closed and all that was submitted before is done, or until writing fails.
    pub fn run(self, mut writer: Writer, mut on: impl Events) {
        let mut work = Work::default();
        while !work.closed {
            self.queue.take(&mut work);
            if let Err(error) = self.commit(&mut writer, &mut work, &mut on) {
                self.queue.end();
                return on.failed(error);
            }
            self.loads.put(&mut work.loads);
        }
    }

    fn commit(&self, writer: &mut Writer, work: &mut Work, on: &mut impl Events) -> Result<(), Error> {
        let Some(last) = work.batches.last().map(Batch::last) else { return Ok(()) };
        if writer.durability() == Durability::None {
            on.durable(last);
        }
        let before = writer.segment();
        let mut stalled = false;
        let durable = writer.append_or(&work.batches, &mut |writer, error| {
            if !std::mem::replace(&mut stalled, true) {
                writer.set_stalled(true);
                on.space(writer.space()?);
            }
            if self.queue.is_closed() {
                return Err(error);
            }
            writer.wait_for_room();
            Ok(())
        })?;
        work.batches.clear();
        work.bytes = 0;
        if writer.durability() != Durability::None {
            on.durable(durable);
        }
        if stalled {
            writer.set_stalled(false);
        }
        if stalled || writer.segment() != before {
            on.space(writer.space()?);
        }
        Ok(())
    }
}

impl Drop for Committer {
    /// Nobody waits for a committer that is gone.
    fn drop(&mut self) {
        self.queue.end();
        self.loads.close();
    }
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

    /// Lets the committer finish what was submitted and end. What is submitted later is dropped. If the disk is full,
    /// what does not fit is dropped, too, and [`Events::failed`] says so.
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
