use std::cmp::Reverse;
use std::collections::BinaryHeap;

use model::Time;

use crate::consumer::ConsumerKey;

/// All the broker waits for, in one heap. An alarm may be stale: what it rings for looks again.
#[derive(Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Time, Alarm)>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// Something in this queue falls due: a delay, a lease, an expiry.
    Queue(u32),
    /// A fetch has waited long enough. The second number tells it from a later user of the key.
    Fetch(ConsumerKey, u64),
}

impl Timers {
    pub(crate) fn set(&mut self, at: Time, alarm: Alarm) {
        self.0.push(Reverse((at, alarm)));
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Time) -> Option<(Time, Alarm)> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(due)| due)
    }
}
