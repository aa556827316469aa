use bytes::{BufMut, BytesMut};
use model::Time;

use crate::entry::{Entry, State};
use crate::ready::Key;
use crate::wire::{BadRecord, Reader, put_number, put_option};

/// What a page holds, as far as a queue must know while it rests.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    /// Sequence number of the first entry.
    pub(crate) first: u64,
    pub(crate) ready: u32,
    pub(crate) delayed: u32,
    /// Entries between two steps of a settlement.
    pub(crate) decided: u32,
    pub(crate) bytes: u64,
    /// The earliest alarm of an entry.
    pub(crate) due: Option<Time>,
    /// The first and the last ready entry, in the order in which they are handed out.
    pub(crate) head: Key,
    pub(crate) tail: Key,
    /// When the first one that waits came, and the last of all.
    pub(crate) oldest: Option<Time>,
    pub(crate) youngest: Time,
}

impl Summary {
    pub(crate) fn count(&self) -> u64 {
        u64::from(self.ready) + u64::from(self.delayed) + u64::from(self.decided)
    }

    /// Counts an entry in; `key` is its place in its queue.
    pub(crate) fn add(&mut self, seq: u64, key: Key, entry: &Entry) {
        if self.count() == 0 {
            self.first = seq;
        }
        match entry.state.at_rest() {
            State::Ready => {
                self.head = if self.ready == 0 { key } else { self.head.min(key) };
                self.tail = self.tail.max(key);
                self.ready += 1;
            }
            State::Delayed(_) => self.delayed += 1,
            State::Leased(_) | State::Decided { .. } => self.decided += 1,
        }
        self.bytes += u64::from(entry.size);
        self.due = [self.due, entry.state.at_rest().due(entry.expires)].into_iter().flatten().min();
        if entry.state.at_rest().waits() && self.oldest.is_none() {
            self.oldest = Some(entry.arrived);
        }
        self.youngest = self.youngest.max(entry.arrived);
    }

    pub(crate) fn put(&self, out: &mut BytesMut) {
        let Self { first, ready, delayed, decided, bytes, due, head, tail, oldest, youngest } = self;
        for number in [*first, (*ready).into(), (*delayed).into(), (*decided).into(), *bytes] {
            put_number(out, number);
        }
        put_option(out, due.map(|at| at.0));
        out.put_u64(head.to_bits());
        out.put_u64(tail.to_bits());
        put_option(out, oldest.map(|at| at.0));
        put_number(out, youngest.0);
    }

    pub(crate) fn read(r: &mut Reader) -> Result<Self, BadRecord> {
        Ok(Self {
            first: r.number()?,
            ready: r.small()?,
            delayed: r.small()?,
            decided: r.small()?,
            bytes: r.number()?,
            due: r.option()?.map(Time),
            head: Key::from_bits(r.eight()?),
            tail: Key::from_bits(r.eight()?),
            oldest: r.option()?.map(Time),
            youngest: Time(r.number()?),
        })
    }
}
