//! For tests: does everything the broker believes agree with everything else, and what would survive a restart.

use std::collections::BTreeMap;
use std::fmt::Write;

use model::{Lsn, QueueId, Time};

use crate::broker::Broker;
use crate::consumer::ConsumerKey;
use crate::entries::Block;
use crate::entry::{Entry, Located, Owner, State};
use crate::page;
use crate::queue::Queue;
use crate::resting::Pages;
use crate::router::Target;

/// An entry of a queue, for tests.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub seq: u64,
    pub number: u64,
    pub durable: bool,
    pub attempts: u32,
    pub state: String,
}

impl Broker {
    /// Looks for contradictions; the time is proportional to everything there is.
    #[doc(hidden)]
    pub fn audit(&self) -> Result<(), String> {
        let mut memory = self.transactions.bytes_in_memory();
        let mut leased: BTreeMap<ConsumerKey, u32> = BTreeMap::new();
        for queue in self.registry.all() {
            queue.audit().map_err(|error| format!("queue {} {:?}: {error}", queue.n, queue.name))?;
            for (_, entry) in queue.entries_from(0) {
                memory += self.memory.entry_bytes() + if entry.message.is_some() { u64::from(entry.charge) } else { 0 };
                if let State::Leased(Owner::Consumer(key)) = entry.state {
                    *leased.entry(key).or_default() += 1;
                }
            }
            let there = |key: &&ConsumerKey| self.consumers.get(**key).is_some_and(|it| it.queue == queue.n);
            if queue.consumers.iter().chain(&queue.cursors).filter(there).count()
                != queue.consumers.len() + queue.cursors.len()
            {
                return Err(format!("queue {} lists consumers that are gone", queue.n));
            }
        }
        for key in self.transactions.owners() {
            *leased.entry(key).or_default() += 1;
        }
        expect("bytes in memory", self.memory.used, memory)?;
        for (key, consumer) in self.consumers.iter() {
            let count = leased.remove(&key).unwrap_or_default();
            expect(&format!("leases of consumer {}", key.0), consumer.leased, count)?;
            if self.connections.get(consumer.connection).is_none() {
                return Err(format!("consumer {} outlives its connection", key.0));
            }
        }
        if let Some(key) = leased.keys().next() {
            return Err(format!("leases of consumer {}, who is gone", key.0));
        }
        let mut unfinished: Vec<u32> = self.unfinished.iter().copied().collect();
        unfinished.sort_unstable();
        unfinished.dedup();
        expect("queues to go on with", self.unfinished.len(), unfinished.len())
    }

    /// What the journal must know, line by line: the same before a restart and after it. `pages` reads what rests.
    #[doc(hidden)]
    pub fn durable_state(&self, now: Time, pages: &mut Pages<'_>) -> String {
        let mut out = String::new();
        for (name, namespace) in self.registry.namespaces() {
            writeln!(out, "namespace {} {name:?}", namespace.0).expect("a string takes all");
        }
        for (namespace, name) in self.registry.topics() {
            writeln!(out, "topic {} {name:?}", namespace.0).expect("a string takes all");
        }
        for queue in self.registry.all().filter(|queue| queue.settings.durable) {
            let Queue { n, name, alias, settings, holds, created, altered, .. } = queue;
            writeln!(out, "queue {n} {name:?} {alias:?} {created:?} {altered:?} {settings:?} holds {holds:?}")
                .expect("a string takes all");
            let mut bindings: Vec<String> = self
                .router
                .bindings_to(queue.namespace, &Target::Queue(*n))
                .iter()
                .map(|binding| format!("  {binding:?}"))
                .collect();
            bindings.sort();
            bindings.iter().for_each(|line| writeln!(out, "{line}").expect("a string takes all"));
            for (seq, entry) in queue.entries.blocks_from(0).flat_map(|block| all_of(block, pages)) {
                if entry.durable {
                    writeln!(out, "  {seq} {}", self.line_of(now, &entry)).expect("a string takes all");
                }
            }
        }
        for kept in self.retained.iter() {
            let (address, number) = (&kept.message.address, kept.number.0);
            writeln!(out, "retained {} {:?} #{number}", address.namespace.0, address.key).expect("a string takes all");
        }
        for xid in self.prepared() {
            writeln!(out, "prepared {xid:?}").expect("a string takes all");
        }
        out
    }

    /// How often each record of the journal is needed. `pages` reads what rests.
    #[doc(hidden)]
    pub fn needed(&self, pages: &mut Pages<'_>) -> BTreeMap<u64, u64> {
        let mut needed = BTreeMap::new();
        let mut need = |located: Option<Located>| {
            for lsn in located.into_iter().flat_map(|it| it.lsn - u64::from(it.pieces)..=it.lsn) {
                *needed.entry(lsn).or_default() += 1;
            }
        };
        let record = |lsn| Some(Located { lsn, pieces: 0 });
        for block in self.registry.all().flat_map(|queue| queue.entries.blocks_from(0)) {
            need(block.page.as_ref().and_then(|page| record(page.lsn)));
            all_of(block, pages).iter().for_each(|(_, entry)| need(entry.located));
        }
        for doomed in &self.doomed {
            need(record(doomed.lsn));
            let entries = pages(Lsn(doomed.lsn)).map(|it| page::of_record(it).expect("a page"));
            entries.iter().flatten().for_each(|(_, entry)| need(entry.located));
        }
        self.retained.iter().for_each(|kept| need(kept.located));
        let open = self.transactions.open.values().flat_map(|it| &it.staged);
        let committing = self.transactions.committing.iter().flat_map(|it| it.staged.as_slice());
        open.chain(committing).for_each(|staged| need(staged.located));
        needed
    }

    /// A queue's entries in order. `pages` reads what rests.
    #[doc(hidden)]
    pub fn contents(&self, queue: QueueId, pages: &mut Pages<'_>) -> Vec<Content> {
        let Some(queue) = self.registry.queue(queue.n) else { return Vec::new() };
        let all = queue.entries.blocks_from(0).flat_map(|block| all_of(block, pages));
        let entries = all.map(|(seq, entry)| {
            let state = match entry.state {
                State::Ready => "ready".into(),
                State::Delayed(at) => format!("delayed {}", at.0),
                State::Leased(Owner::Consumer(_)) => "leased".into(),
                State::Leased(Owner::Deadline(at)) => format!("leased until {}", at.0),
                State::Leased(Owner::Transaction(_)) => "held".into(),
                State::Decided { mark } => format!("decided {mark}"),
            };
            Content { seq, number: entry.number.0, durable: entry.durable, attempts: entry.attempts, state }
        });
        entries.collect()
    }

    fn line_of(&self, now: Time, entry: &Entry) -> String {
        let state = match entry.state {
            State::Decided { mark } => format!("decided {mark}"),
            State::Delayed(at) if at > now => format!("delayed {}", at.0),
            State::Leased(Owner::Transaction(number)) if self.transactions.is_prepared(number) => "prepared".into(),
            State::Ready | State::Delayed(_) | State::Leased(_) => "ready".into(),
        };
        let Entry {
            number,
            located,
            arrived,
            expires,
            failed,
            size,
            priority,
            assured,
            retained,
            exact,
            history,
            tags,
            ..
        } = entry;
        format!(
            "#{} {located:?} {arrived:?} {expires:?} failed {failed} {size} bytes priority {priority} {assured} \
             {retained} {exact} after {history:?} {tags:?} {state}",
            number.0
        )
    }
}

/// The entries of a block, in memory or not.
fn all_of(block: &Block, pages: &mut Pages<'_>) -> Vec<(u64, Entry)> {
    let rests = block.page.as_ref().filter(|_| block.rests()).and_then(|page| pages(Lsn(page.lsn)));
    let resting = rests.map(|record| page::of_record(record).expect("a page")).unwrap_or_default();
    block.from(0).map(|(seq, entry)| (seq, entry.clone())).chain(resting).collect()
}

impl Queue {
    fn audit(&self) -> Result<(), String> {
        let (mut ready, mut delayed, mut leased, mut bytes, mut due) = (0u64, 0u64, 0u64, 0u64, 0usize);
        for block in self.resting_blocks() {
            let Some(page) = block.page.as_ref() else { return Err(format!("block {} rests nowhere", block.no)) };
            ready += u64::from(page.ready);
            delayed += u64::from(page.delayed);
            leased += u64::from(page.decided);
            bytes += page.bytes;
            if block.changed || block.count() > 0 {
                return Err(format!("block {} rests and is changed", block.no));
            }
            if self.settings.durable && self.next_seq() < self.entries.bounds(block.no).1 {
                return Err(format!("block {} rests and {} comes into it", block.no, self.next_seq()));
            }
        }
        for (seq, entry) in self.entries_from(0) {
            bytes += u64::from(entry.size);
            match entry.state {
                State::Ready => ready += 1,
                State::Delayed(_) => delayed += 1,
                State::Leased(_) | State::Decided { .. } => leased += 1,
            }
            if let Some(at) = Self::alarm_of(entry) {
                due += 1;
                if !self.due_has(at, seq) {
                    return Err(format!("no alarm for {seq} at {}", at.0));
                }
            }
            // What is read sets the alarm when it is here.
            let missed = |at: &Time| self.loading == 0 && self.armed.is_none_or(|armed| armed > *at);
            if let Some(at) = self.due_of(entry).filter(missed) {
                return Err(format!("{seq} falls due at {} and the alarm is set for {:?}", at.0, self.armed));
            }
            let key = self.key(entry, seq);
            if entry.state == State::Ready && !self.is_log() && self.ready.at_or_after(key) != Some(key) {
                return Err(format!("{seq} is ready and not listed"));
            }
            if entry.message.is_none() && entry.located.is_none() && !matches!(entry.state, State::Decided { .. }) {
                return Err(format!("{seq} has no body anywhere"));
            }
        }
        expect("ready", self.counts.ready, ready)?;
        expect("delayed", self.counts.delayed, delayed)?;
        expect("leased", self.counts.leased, leased)?;
        expect("bytes", self.counts.bytes, bytes)?;
        expect("alarms", self.due_len(), due)?;
        if !self.settled.is_empty() {
            return Err("settlements that are not written".into());
        }
        let front = self.entries_from(0).next().map(|(seq, _)| seq);
        if front.is_some_and(|seq| seq < self.first_seq()) {
            return Err(format!("the front is at {} and the first entry at {front:?}", self.first_seq()));
        }
        Ok(())
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, counted: T, found: T) -> Result<(), String> {
    if counted == found { Ok(()) } else { Err(format!("{what}: counted {counted:?}, found {found:?}")) }
}
