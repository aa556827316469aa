use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    ConnectionId, Lifetime, Lsn, Message, Name, Namespace, Overflow, QueueCounts, QueueId, QueueInfo, QueueKind,
    QueueSettings, Time,
};

use crate::consumer::ConsumerKey;
use crate::define::OWNER;
use crate::entries::Entries;
use crate::entry::{Entry, State};
use crate::memory::Memory;
use crate::ready::{Key, Ready};
use crate::record::Ranges;

/// A queue or log: its entries by sequence number, and which of them are ready, leased or not yet due.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) n: u32,
    pub(crate) namespace: Namespace,
    pub(crate) name: Name,
    pub(crate) alias: Option<String>,
    pub(crate) settings: QueueSettings,
    pub(crate) created: Time,
    pub(crate) altered: Time,
    /// With `Lifetime::Connection`.
    pub(crate) owner: Option<ConnectionId>,
    /// The user whom it counts for.
    pub(crate) maker: Option<Name>,
    pub(crate) entries: Entries,
    /// The first sequence number that is promised to a transaction and not filled yet. The front waits for it, and
    /// nothing behind it is handed out, so that what was published after a commit does not overtake it.
    pub(crate) promised: Option<u64>,
    pub(crate) ready: Ready,
    /// Blocks that rest, by their first ready entry.
    pub(crate) resting: BTreeSet<(Key, u64)>,
    /// Blocks that rest, by the first alarm of an entry.
    pub(crate) resting_due: BTreeSet<(Time, u64)>,
    /// Blocks that rest and have something due: nothing is handed out before it is here.
    pub(crate) awaited: BTreeSet<u64>,
    /// When an entry's delay, lease or own expiry falls due.
    due: BTreeSet<(Time, u64)>,
    /// The earliest alarm that is set for this queue.
    pub(crate) armed: Option<Time>,
    /// Those of a higher priority first, then in order of arrival.
    pub(crate) consumers: Vec<ConsumerKey>,
    /// Some have a priority.
    pub(crate) ranked: bool,
    /// When it was used last, if it expires; not known after a restart.
    pub(crate) used: Option<Time>,
    /// Whose turn it is.
    pub(crate) turn: usize,
    /// Consumers with a selector.
    pub(crate) selective: usize,
    pub(crate) cursors: Vec<ConsumerKey>,
    /// Everything below may have been delivered, as far as the journal knows; and since which record.
    pub(crate) mark: u64,
    pub(crate) marked: Lsn,
    /// The sequence number whose delivery moves the mark.
    pub(crate) marks_at: u64,
    /// The mark of an earlier life: what is below may have been delivered then.
    pub(crate) seen_before: u64,
    pub(crate) holds: BTreeSet<u32>,
    /// Its dispatch goes on later, and not before.
    pub(crate) unfinished: bool,
    /// Bodies asked for ahead and not handed out yet, about; and up to where they were asked for.
    pub(crate) bodies_ahead: usize,
    pub(crate) loaded_to: Key,
    /// Entries that need the journal and will be gone after a restart.
    pub(crate) loose: usize,
    /// Bodies asked for and not here yet.
    pub(crate) loading: usize,
    /// Settled in this step, to be written as one record.
    pub(crate) settled: Ranges,
    pub(crate) counts: QueueCounts,
}

impl Queue {
    /// `bits`: how many entries make a block, as a power of two.
    pub(crate) fn new(n: u32, namespace: Namespace, name: Name, settings: QueueSettings, now: Time, bits: u32) -> Self {
        Self {
            n,
            namespace,
            name,
            alias: None,
            settings,
            created: now,
            altered: now,
            owner: None,
            maker: None,
            entries: Entries::new(bits),
            promised: None,
            ready: Ready::default(),
            resting: BTreeSet::new(),
            resting_due: BTreeSet::new(),
            awaited: BTreeSet::new(),
            due: BTreeSet::new(),
            armed: None,
            consumers: Vec::new(),
            ranked: false,
            used: Some(now),
            turn: 0,
            selective: 0,
            cursors: Vec::new(),
            mark: 1,
            marked: Lsn(0),
            marks_at: 1,
            seen_before: 1,
            holds: BTreeSet::new(),
            unfinished: false,
            bodies_ahead: 0,
            loaded_to: Key::FIRST,
            loose: 0,
            loading: 0,
            settled: Ranges::new(),
            counts: QueueCounts::default(),
        }
    }

    /// Its subscriber has messages waiting already, and what comes on top may be dropped.
    pub(crate) fn gives_way(&self) -> bool {
        self.settings.overflow == Overflow::DropNew && self.counts.ready > 0
    }

    pub(crate) fn id(&self) -> QueueId {
        QueueId { shard: 0, n: self.n }
    }

    /// It stands behind a session or a durable subscription of one protocol: nobody else comes to it by its name.
    pub(crate) fn is_private(&self) -> bool {
        self.settings.internal && self.settings.durable && self.settings.lifetime == Lifetime::Permanent
    }

    pub(crate) fn is_log(&self) -> bool {
        self.settings.kind == QueueKind::Log
    }

    /// The sequence number of the next message.
    pub(crate) fn next_seq(&self) -> u64 {
        self.entries.next()
    }

    /// Nothing is, or will be, before this one.
    pub(crate) fn first_seq(&self) -> u64 {
        let first = self.entries.first().unwrap_or(self.next_seq());
        self.promised.map_or(first, |promised| promised.min(first))
    }

    pub(crate) fn len(&self) -> u64 {
        self.counts.ready + self.counts.leased + self.counts.delayed
    }

    /// An entry that is in memory.
    pub(crate) fn entry(&self, seq: u64) -> Option<&Entry> {
        self.entries.get(seq)
    }

    /// For everything but `state`, which [`Queue::set_state`] changes.
    pub(crate) fn entry_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        self.entries.get_mut(seq)
    }

    /// Entries in memory at or after `seq`, in order.
    pub(crate) fn entries_from(&self, seq: u64) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries.from(seq)
    }

    /// Whether a commit has to fill a place before this one first.
    pub(crate) fn waits_for_commit(&self, seq: u64) -> bool {
        self.promised.is_some_and(|first| seq >= first)
    }

    /// Promises the next `count` sequence numbers to a commit that fills them later.
    pub(crate) fn promise(&mut self, first: u64, count: u64) {
        self.promised = Some(self.promised.map_or(first, |earlier| earlier.min(first)));
        self.entries.skip_to(first + count);
    }

    /// Puts a new entry into its place, whose block is in memory.
    pub(crate) fn insert(&mut self, seq: u64, entry: Entry, memory: &mut Memory) {
        self.counts.enqueued += 1;
        self.counts.bytes += u64::from(entry.size);
        if let Some(located) = entry.located {
            memory.holds.add(located, entry.size);
        }
        self.note_in(seq, &entry, memory);
        self.entries.insert(seq, entry);
    }

    /// Takes an entry out of memory and of the queue, whatever its state.
    pub(crate) fn remove(&mut self, seq: u64, memory: &mut Memory) -> Option<Entry> {
        let entry = self.entries.remove(seq)?;
        self.counts.bytes -= u64::from(entry.size);
        if let Some(located) = entry.located {
            memory.holds.release(located, entry.size);
        }
        self.note_out(seq, &entry, memory);
        if let Some(page) = self.entries.drop_if_empty(self.entries.block_of(seq)) {
            memory.release_page(&page);
        }
        Some(entry)
    }

    /// An entry comes into memory.
    pub(crate) fn note_in(&mut self, seq: u64, entry: &Entry, memory: &mut Memory) {
        memory.used += memory.entry_bytes();
        self.loose += usize::from(entry.is_loose());
        if entry.message.is_some() {
            memory.used += u64::from(entry.charge);
        }
        let key = self.key(entry, seq);
        self.enter(entry.state, key);
        if let Some(at) = Self::alarm_of(entry) {
            self.due.insert((at, seq));
        }
    }

    /// An entry leaves memory.
    pub(crate) fn note_out(&mut self, seq: u64, entry: &Entry, memory: &mut Memory) {
        memory.used -= memory.entry_bytes();
        self.loose -= usize::from(entry.is_loose());
        if entry.message.is_some() {
            memory.used -= u64::from(entry.charge);
        }
        self.leave(entry.state);
        if let Some(at) = Self::alarm_of(entry) {
            self.due.remove(&(at, seq));
        }
    }

    pub(crate) fn set_state(&mut self, seq: u64, state: State) {
        let Some(entry) = self.entry_mut(seq) else { return };
        let before = std::mem::replace(&mut entry.state, state);
        let (priority, own) = (entry.priority, entry.expires);
        if let Some(at) = before.due(own) {
            self.due.remove(&(at, seq));
        }
        if let Some(at) = state.due(own) {
            self.due.insert((at, seq));
        }
        self.leave(before);
        let key = Key::new(priority.min(self.settings.max_priority), seq);
        self.enter(state, key);
    }

    pub(crate) fn set_message(&mut self, seq: u64, message: Option<Arc<Message>>, memory: &mut Memory) {
        let Some(entry) = self.entries.cached_mut(seq) else { return };
        let charge = u64::from(entry.charge);
        let was_there = std::mem::replace(&mut entry.message, message).is_some();
        match (was_there, entry.message.is_some()) {
            (false, true) => memory.used += charge,
            (true, false) => memory.used -= charge,
            _ => {}
        }
    }

    pub(crate) fn key(&self, entry: &Entry, seq: u64) -> Key {
        Key::new(entry.priority.min(self.settings.max_priority), seq)
    }

    /// Takes the first alarm that is due.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<u64> {
        let (at, seq) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, seq));
        Some(seq)
    }

    /// When something here falls due.
    pub(crate) fn next_due(&self) -> Option<Time> {
        let own = self.first_alarm();
        let rest = self.resting_due.first().map(|(at, _)| *at);
        // One that is asked for is seen to when it is here.
        let in_turn = self.settings.ttl.and_then(|ttl| {
            let (arrived, block) = self.oldest()?;
            let coming = block.rests() && block.page.as_ref().is_some_and(|page| page.coming);
            (!coming).then(|| arrived.plus(ttl))
        });
        own.into_iter().chain(rest).chain(in_turn).chain(self.goes_at()).min()
    }

    /// When an entry in this queue needs attention, by an alarm of its own or in its turn.
    pub(crate) fn due_of(&self, entry: &Entry) -> Option<Time> {
        let end = self.settings.ttl.map(|ttl| entry.arrived.plus(ttl));
        entry.state.due(entry.expires.into_iter().chain(end).min())
    }

    pub(crate) fn is_expired(&self, entry: &Entry, now: Time) -> bool {
        entry.expires.is_some_and(|at| at <= now) || self.settings.ttl.is_some_and(|ttl| entry.arrived.plus(ttl) <= now)
    }

    /// When it goes because nobody uses it.
    pub(crate) fn goes_at(&self) -> Option<Time> {
        let expires = self.settings.expires.filter(|_| self.consumers.is_empty() && self.cursors.is_empty())?;
        Some(self.used.map_or(Time::ZERO, |used| used.plus(expires)))
    }

    pub(crate) fn first_alarm(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(crate) fn info(&self) -> QueueInfo {
        let mut settings = self.settings.clone();
        settings.extras.retain(|(name, _)| name != OWNER);
        QueueInfo {
            id: self.id(),
            namespace: self.namespace,
            name: self.name.clone(),
            alias: self.alias.clone(),
            settings,
            created: self.created,
            altered: self.altered,
            counts: QueueCounts { consumers: (self.consumers.len() + self.cursors.len()) as u64, ..self.counts },
        }
    }

    pub(crate) fn due_has(&self, at: Time, seq: u64) -> bool {
        self.due.contains(&(at, seq))
    }

    pub(crate) fn due_len(&self) -> usize {
        self.due.len()
    }

    /// The alarm that belongs to an entry.
    pub(crate) fn alarm_of(entry: &Entry) -> Option<Time> {
        entry.state.due(entry.expires)
    }

    fn enter(&mut self, state: State, key: Key) {
        match state {
            State::Ready => {
                self.counts.ready += 1;
                if !self.is_log() {
                    self.ready.insert(key);
                }
            }
            State::Delayed(_) => self.counts.delayed += 1,
            State::Leased(_) | State::Decided { .. } => self.counts.leased += 1,
        }
    }

    fn leave(&mut self, state: State) {
        match state {
            State::Ready => self.counts.ready -= 1,
            State::Delayed(_) => self.counts.delayed -= 1,
            State::Leased(_) | State::Decided { .. } => self.counts.leased -= 1,
        }
    }
}
