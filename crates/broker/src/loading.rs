//! Bodies that are only on disk are read before they are wanted.

use std::sync::Arc;

use bytes::Bytes;
use model::limits::LOAD_AHEAD;
use model::{Body, Lsn, Message};

use crate::backlog::Head;
use crate::broker::Broker;
use crate::entry::{Entry, Located, State};
use crate::queue::Queue;
use crate::ready::Key;
use crate::record::{Parsed, Record};
use crate::resting::Wanted;
use crate::step::Step;

/// Bytes of bodies that are asked for ahead of a queue's head.
const LOAD_AHEAD_BYTES: u64 = 2 << 20;

/// The part of the memory limit that this may be, and how much is asked for all the same.
const LIMIT_SHARE: u64 = 64;
const LEAST_AHEAD: u64 = 256 << 10;
/// The part of that which is asked for when memory is very short.
const HARD_SHARE: usize = 16;

/// An entry whose body is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    /// How many records before its own hold parts of its body.
    pieces: u32,
}

/// Entries whose records follow each other, so that they are read at once.
#[derive(Default)]
struct Run {
    places: Vec<Place>,
    first: u64,
    last: u64,
}

impl Run {
    /// Whether `located` follows, and then takes it in.
    fn takes(&mut self, seq: u64, located: Located) -> bool {
        let first = located.lsn - u64::from(located.pieces);
        if !self.places.is_empty() && first != self.last + 1 {
            return false;
        }
        if self.places.is_empty() {
            self.first = first;
        }
        self.last = located.lsn;
        self.places.push(Place { seq, pieces: located.pieces });
        true
    }
}

impl Broker {
    /// Asks for the bodies of ready entries from `key` on.
    pub(crate) fn load_from(&mut self, n: u32, key: Key, step: &mut Step) {
        // Many queues may be read at a time.
        let share = if self.memory.is_hard() { HARD_SHARE } else { 1 };
        let ahead = LOAD_AHEAD_BYTES.min((self.memory.limit / LIMIT_SHARE).max(LEAST_AHEAD));
        let Some(queue) = self.registry.queue_mut(n) else { return };
        let (mut seqs, mut bytes, mut next) = (Vec::new(), 0, Some(key));
        let (most, most_bytes) = (LOAD_AHEAD / share, ahead / share as u64);
        while let Some(at) = next.filter(|_| seqs.len() < most && bytes < most_bytes) {
            let asleep = |entry: &&Entry| entry.state == State::Ready && entry.message.is_none();
            if let Some(entry) = queue.entry(at.seq()).filter(asleep) {
                seqs.push(at.seq());
                bytes += u64::from(entry.size);
            }
            queue.loaded_to = at.next();
            next = queue.ready.at_or_after(at.next());
        }
        queue.bodies_ahead = seqs.len();
        self.load_all(n, seqs, step);
    }

    /// While what was read is handed out, the next bodies come.
    pub(crate) fn load_ahead(&mut self, n: u32, step: &mut Step) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        if queue.bodies_ahead == 0 {
            return;
        }
        queue.bodies_ahead -= 1;
        if queue.bodies_ahead > LOAD_AHEAD / 2 || queue.loading > 0 {
            return;
        }
        let left = queue.bodies_ahead;
        if let Head::Entry(key) = queue.ready_from(queue.loaded_to) {
            self.load_from(n, key, step);
            if let Some(queue) = self.registry.queue_mut(n) {
                queue.bodies_ahead += left;
            }
        }
    }

    /// Asks the shell for the bodies of entries, those whose records follow each other at once.
    pub(crate) fn load_all(&mut self, n: u32, seqs: impl IntoIterator<Item = u64>, step: &mut Step) {
        let mut run = Run::default();
        for seq in seqs {
            let Some(located) = self.registry.queue(n).and_then(|queue| queue.entry(seq)?.located) else { continue };
            if !run.takes(seq, located) {
                self.load_run(n, std::mem::take(&mut run), step);
                run.takes(seq, located);
            }
        }
        self.load_run(n, run, step);
    }

    fn load_run(&mut self, n: u32, run: Run, step: &mut Step) {
        let Some(queue) = self.registry.queue_mut(n).filter(|_| !run.places.is_empty()) else { return };
        queue.loading += 1;
        let Run { places, first, last } = run;
        self.ask(Wanted::Bodies { queue: n, places }, Lsn(first), Lsn(last), step);
    }

    /// What was asked for has come, or cannot be read.
    pub(crate) fn bodies_came(&mut self, n: u32, places: &[Place], records: Option<Vec<Bytes>>, step: &mut Step) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        queue.loading = queue.loading.saturating_sub(1);
        let Some(records) = records else {
            return match places {
                [place] => self.body_is_lost(n, place.seq),
                // Only some of them may be damaged.
                _ => places.iter().for_each(|place| self.load_all(n, [place.seq], step)),
            };
        };
        let mut records = records.into_iter();
        for Place { seq, pieces } in places {
            let own: Vec<Bytes> = records.by_ref().take(*pieces as usize + 1).collect();
            match read_message(own) {
                Some(message) => self.body_came(n, *seq, message),
                None => self.body_is_lost(n, *seq),
            }
        }
    }

    fn body_came(&mut self, n: u32, seq: u64, message: Arc<Message>) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        if let Some(entry) = queue.entries.cached_mut(seq).filter(|entry| entry.message.is_none()) {
            // It shares its body with no other queue any more.
            entry.charge = entry.size;
            queue.set_message(seq, Some(message), &mut self.memory);
        }
    }

    /// An entry that cannot be delivered to anybody. The journal has said where and why.
    fn body_is_lost(&mut self, n: u32, seq: u64) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        let waits = |entry: &Entry| entry.waits() && entry.message.is_none();
        if queue.entry(seq).is_some_and(waits) {
            queue.counts.dropped += 1;
            self.discard(n, seq);
        }
    }
}

impl Queue {
    /// Entries without a body in memory, from `seq` on.
    pub(crate) fn without_body(&self, seq: u64) -> Vec<u64> {
        let absent = self.entries_from(seq).take(LOAD_AHEAD).filter(|(_, entry)| entry.message.is_none());
        absent.map(|(seq, _)| seq).collect()
    }
}

/// The message in what the journal has read.
fn read_message(mut records: Vec<Bytes>) -> Option<Arc<Message>> {
    let last = records.pop()?;
    let pieces: Option<Vec<Bytes>> = records
        .into_iter()
        .map(|record| match Parsed::from_bytes(record).ok()?.record {
            Record::Piece(piece) => Some(piece),
            _ => None,
        })
        .collect();
    match complete(Parsed::from_bytes(last).ok()?.record, pieces?) {
        Record::Published(published) | Record::Staged { published, .. } => Some(published.message),
        _ => None,
    }
}

/// The record with its message's whole body.
pub(crate) fn complete(mut record: Record, pieces: Vec<Bytes>) -> Record {
    if let Record::Published(published) | Record::Staged { published, .. } = &mut record
        && !pieces.is_empty()
        && let Some(message) = Arc::get_mut(&mut published.message)
    {
        let last = message.body.joined();
        message.body = pieces.into_iter().chain([last]).collect::<Body>();
    }
    record
}
