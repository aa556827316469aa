//! What the writer and the keeper hand each other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::checkpoint::Checkpoint;
use crate::disk::guard;
use crate::index::Sealed;
use crate::keeper::backup::Errand;
use crate::limits::{BLOCK, MAX_SEGMENT, Options, round_up};

/// How long to wait before a full disk is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// Most bytes of the disk that segments leave for the checkpoint and the cleaner, which make room.
const RESERVED: u64 = 4 << 20;

pub(crate) struct Desk {
    state: Mutex<State>,
    keeper: Condvar,
    writer: Condvar,
    pub(crate) segment_bytes: u64,
    pub(crate) reserved: u64,
    pub(crate) spares: usize,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) reserve: u64,
    /// New files are sealed.
    pub(super) seals: bool,
}

/// A durable file of whole blocks, in wait for its use as a segment.
#[derive(Debug)]
pub(crate) struct Spare {
    pub(crate) name: String,
    pub(crate) len: u64,
    /// It may hold bytes of an earlier use.
    pub(crate) recycled: bool,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) spares: Vec<Spare>,
    pub(crate) serial: u64,
    /// The writer wants a spare.
    pub(crate) wanted: bool,
    /// The last spare could not be made, because the disk is full.
    pub(crate) short: bool,
    /// There is room, and no more of it than is to be left.
    pub(crate) low: bool,
    /// The writer waits for a spare.
    pub(crate) stalled: bool,
    /// The disk was full lately, and nothing was deleted since.
    pub(crate) hopeless: bool,
    /// Bytes of spares that are being made.
    pub(crate) claimed: u64,
    pub(crate) sealed: Vec<Sealed>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) errands: Vec<Errand>,
    /// Of each of the checkpoint's two files.
    pub(crate) checkpoint_bytes: u64,
    /// The writer is gone.
    closed: bool,
}

impl State {
    /// Publishers are to wait.
    pub(crate) fn is_short(&self) -> bool {
        self.short || self.low
    }

    fn has_work(&self) -> bool {
        let filling = self.wanted || self.checkpoint.is_some();
        !self.sealed.is_empty() || !self.errands.is_empty() || (filling && !self.hopeless)
    }
}

impl Desk {
    pub(crate) fn new(options: &Options, seals: bool) -> Self {
        let segment_bytes = round_up(options.segment_bytes.clamp(2 * BLOCK as u64, MAX_SEGMENT));
        let reserved = RESERVED.min(segment_bytes / 16);
        let (spares, max_bytes, reserve) = (options.spares, options.max_bytes, options.reserve_bytes);
        let (state, keeper, writer) = Default::default();
        Self { state, keeper, writer, segment_bytes, reserved, spares, max_bytes, reserve, seals }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        guard(&self.state)
    }

    /// A spare of at least `need` bytes.
    pub(crate) fn take(&self, need: u64) -> Option<Spare> {
        let mut state = self.state();
        let index = state.spares.iter().position(|spare| spare.len >= need)?;
        Some(state.spares.swap_remove(index))
    }

    /// Asks the keeper for a spare unless there is one.
    pub(crate) fn request(&self) {
        let mut state = self.state();
        if state.spares.is_empty() && !state.wanted {
            state.wanted = true;
            self.keeper.notify_one();
        }
    }

    pub(crate) fn seal(&self, sealed: Sealed) {
        self.state().sealed.push(sealed);
        self.keeper.notify_one();
    }

    /// Hands over a checkpoint; one that still waits is of no use any more.
    pub(crate) fn checkpoint(&self, checkpoint: Checkpoint) {
        let mut state = self.state();
        state.checkpoint = Some(checkpoint);
        // What it lets go may be what the disk is full of.
        state.hopeless = false;
        self.keeper.notify_one();
    }

    /// Hands over an errand; gives it back if nobody will do it.
    pub(crate) fn errand(&self, errand: Errand) -> Result<(), Errand> {
        let mut state = self.state();
        if state.closed {
            return Err(errand);
        }
        state.errands.push(errand);
        self.keeper.notify_one();
        Ok(())
    }

    /// Tells both sides that there may be room again.
    pub(crate) fn made_room(&self) {
        self.state().hopeless = false;
        self.keeper.notify_one();
        self.writer.notify_all();
    }

    /// Lets the writer wait until there may be room, or a while.
    pub(crate) fn wait_for_room(&self) {
        drop(self.writer.wait_timeout(self.state(), RETRY).unwrap_or_else(PoisonError::into_inner));
    }

    /// Ends the keeper once it has written down what waits; errands, which may take long, are not done any more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.errands.clear();
        drop(state);
        self.keeper.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Tells everybody that the keeper is gone.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.closed = true;
        state.errands.clear();
        drop(state);
        self.writer.notify_all();
    }

    /// Waits for work; false at the end, when there is none.
    pub(crate) fn wait(&self) -> bool {
        let mut state = self.state();
        loop {
            if state.has_work() && !(state.closed && state.only_wants_spares()) {
                return true;
            }
            if state.closed {
                return false;
            }
            if !state.hopeless && !state.low {
                state = self.keeper.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.keeper.wait_timeout(state, RETRY).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            if waited.1.timed_out() {
                state.hopeless = false;
                // Others may have made room.
                if state.low && !state.closed {
                    return true;
                }
            }
        }
    }
}

impl State {
    fn only_wants_spares(&self) -> bool {
        self.sealed.is_empty() && self.checkpoint.is_none()
    }
}
