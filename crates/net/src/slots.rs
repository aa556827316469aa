use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::task::Waker;

use bytes::BytesMut;
use model::{Command, Connection, ConnectionId, Exchanged, HttpConnection, Output, Time};

use crate::admit::Admission;
use crate::raw::Stream;

/// When connections want to be looked at.
pub(crate) type Timers = BinaryHeap<Reverse<(Time, ConnectionId)>>;

/// A connection of this thread.
pub(crate) struct Slot {
    pub(crate) id: ConnectionId,
    pub(crate) kind: Kind,
    pub(crate) admission: Admission,
    /// Of the task that serves it.
    pub(crate) waker: Option<Waker>,
    /// When the thread's heap will look at this connection's timeout, if it will.
    pub(crate) armed: Option<Time>,
    /// Publishes that wait for an alarm to end.
    pub(crate) parked: VecDeque<Command>,
}

pub(crate) enum Kind {
    Raw(Box<Raw>),
    Http(Box<Http>),
}

impl Slot {
    /// Whether it has only to say goodbye.
    pub(crate) fn is_ending(&self) -> bool {
        match &self.kind {
            Kind::Raw(raw) => raw.closing.is_some(),
            Kind::Http(http) => http.closing,
        }
    }

    /// Sees to it that the connection is looked at then, or earlier. Whether the thread's timer has to know: nothing else
    /// is due before.
    #[must_use]
    pub(crate) fn arm(&mut self, timers: &mut Timers, at: Time) -> bool {
        if self.armed.is_some_and(|armed| at >= armed) {
            return false;
        }
        self.armed = Some(at);
        timers.push(Reverse((at, self.id)));
        timers.peek().is_some_and(|Reverse(first)| *first == (at, self.id))
    }
}

/// A connection that speaks bytes.
pub(crate) struct Raw {
    pub(crate) connection: Box<dyn Connection>,
    pub(crate) stream: Box<dyn Stream>,
    /// The beginning of a frame whose rest is not here yet.
    pub(crate) rest: BytesMut,
    pub(crate) output: Output,
    /// In the thread's list of connections to flush.
    pub(crate) dirty: bool,
    /// Since when the peer takes nothing of `output`.
    pub(crate) stalled: Option<Time>,
    /// `close` was called; ends when the output is written, or at this time.
    pub(crate) closing: Option<Time>,
    /// The socket stays a while after the last word, until the peer has closed it too.
    pub(crate) lingers: bool,
    /// Our half of it is closed.
    pub(crate) is_shut: bool,
    /// The stream has taken bytes that its socket has not.
    pub(crate) unflushed: bool,
}

/// A connection that speaks HTTP; hyper has its bytes.
pub(crate) struct Http {
    pub(crate) connection: Box<dyn HttpConnection>,
    pub(crate) response: Option<Exchanged>,
    pub(crate) closing: bool,
    /// While no request is open: when the next one must be there.
    pub(crate) idle_until: Option<Time>,
}

/// The thread's connections by slot number, with generations so that a late effect misses.
#[derive(Default)]
pub(crate) struct Slots {
    slots: Vec<Option<Slot>>,
    generations: Vec<u32>,
    free: Vec<u32>,
    count: usize,
}

impl Slots {
    pub(crate) fn insert(&mut self, thread: u16, kind: Kind, admission: Admission) -> ConnectionId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.generations.push(0);
            (self.slots.len() - 1) as u32
        });
        let at = slot as usize;
        self.generations[at] = self.generations[at].wrapping_add(1);
        let id = ConnectionId { thread, slot, generation: self.generations[at] };
        self.slots[at] = Some(Slot { id, kind, admission, waker: None, armed: None, parked: VecDeque::new() });
        self.count += 1;
        id
    }

    pub(crate) fn get(&mut self, id: ConnectionId) -> Option<&mut Slot> {
        self.slots.get_mut(id.slot as usize)?.as_mut().filter(|slot| slot.id == id)
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Slot> {
        self.get(id)?;
        self.count -= 1;
        self.free.push(id.slot);
        self.slots[id.slot as usize].take()
    }

    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        self.slots.iter().flatten().map(|slot| slot.id).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}
