//! Reading behind the writer's back: the loop of the thread that answers loads.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::batch::Lsn;
use crate::disk::guard;
use crate::events::Answers;
use crate::store::Store;

/// A request for the records `first..=last`; `token` comes back with the answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Load {
    pub first: Lsn,
    pub last: Lsn,
    pub token: u64,
}

/// The loop that answers what a committer hands on. See [`Committer::reader`](crate::Committer::reader).
pub struct Reader {
    pub(crate) desk: Arc<Loads>,
}

/// Loads whose records are durable as far as they were handed in before.
#[derive(Default)]
pub(crate) struct Loads {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    loads: VecDeque<Load>,
    closed: bool,
}

impl Reader {
    /// Answers until the committer has ended and nothing waits any more.
    pub fn run(self, store: Store, mut answers: impl Answers) {
        while let Some(load) = self.desk.take() {
            answers.loaded(load.token, store.read(load.first, load.last));
        }
    }
}

impl Loads {
    pub(crate) fn put(&self, loads: &mut Vec<Load>) {
        if loads.is_empty() {
            return;
        }
        guard(&self.waiting).loads.extend(loads.drain(..));
        self.wake.notify_one();
    }

    pub(crate) fn close(&self) {
        guard(&self.waiting).closed = true;
        self.wake.notify_all();
    }

    fn take(&self) -> Option<Load> {
        let mut waiting = guard(&self.waiting);
        loop {
            if let Some(load) = waiting.loads.pop_front() {
                return Some(load);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
