//! Lets the clients of a run through while the broker is up, and tells when all of them have noticed that it died.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// A lifetime of the broker: 1 for the first.
pub(crate) type Life = u32;

#[derive(Default)]
struct State {
    life: Life,
    open: bool,
    over: bool,
    waiting: usize,
    clients: usize,
}

#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    /// A client joins; to be said before its thread starts.
    pub(crate) fn join(&self) {
        self.lock().clients += 1;
    }

    /// A client has done all it wanted.
    pub(crate) fn leave(&self) {
        self.lock().clients -= 1;
        self.changed.notify_all();
    }

    /// Waits for a life after `last`; `None` when the run is over.
    pub(crate) fn next_life(&self, last: Life) -> Option<Life> {
        let mut state = self.lock();
        state.waiting += 1;
        self.changed.notify_all();
        while !state.over && (!state.open || state.life <= last) {
            state = self.changed.wait(state).expect("no client panics inside");
        }
        state.waiting -= 1;
        (!state.over).then_some(state.life)
    }

    /// Whether the broker may be down: an error of a connection then means nothing.
    pub(crate) fn is_closed(&self) -> bool {
        !self.lock().open
    }

    pub(crate) fn open(&self) {
        let mut state = self.lock();
        (state.life, state.open) = (state.life + 1, true);
        self.changed.notify_all();
    }

    pub(crate) fn close(&self) {
        self.lock().open = false;
    }

    pub(crate) fn end(&self) {
        let mut state = self.lock();
        (state.open, state.over) = (false, true);
        self.changed.notify_all();
    }

    /// Waits until every client stands at the gate; false when `deadline` passed first.
    pub(crate) fn all_wait(&self, deadline: Duration) -> bool {
        let state = self.lock();
        let waiting = self.changed.wait_timeout_while(state, deadline, |state| state.waiting < state.clients);
        !waiting.expect("no client panics inside").1.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no client panics inside")
    }
}
