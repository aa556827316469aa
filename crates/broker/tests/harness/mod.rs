//! A broker in a world of its own: virtual time, a journal in memory, connections that are just numbers. After every
//! step the rules that hold for every step are checked ([`watch`]).
#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod commands;
pub(crate) mod properties;
mod render;
mod store;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use broker::{Broker, Content, Holds, Load, Options, Outgoing, Step};
use bytes::{Buf, Bytes};
use model::{
    Command, Commands, ConnectionId, Deliver, Delivery, Effect, Envelope, Inspect, Lsn, Name, Peer, QueueCounts,
    QueueId, QueueInfo, QueueRef, Refusal, Reply, Time, Token,
};

use self::render::line;
use self::store::{Store, change};
use self::watch::Watch;

/// Who hands in what the shell itself says.
const SHELL: ConnectionId = ConnectionId { thread: 9, slot: 0, generation: 0 };
/// More steps than this without a new command are a broker that never rests.
const RESTLESS: usize = 50_000;

pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) now: Time,
    /// Answer loads at once; else [`World::answer_loads`] does.
    pub(crate) loads_at_once: bool,
    /// Look for contradictions after every step.
    pub(crate) audits: bool,
    /// Records that cannot be read.
    pub(crate) damaged: BTreeSet<u64>,
    pub(crate) loads: Vec<Load>,
    /// What was asked of the shell; it is answered when a test does.
    pub(crate) backups: Vec<(u64, String)>,
    pub(crate) waits_for_backups: bool,
    /// The most records and effects that one step had.
    pub(crate) most_records: usize,
    pub(crate) most_effects: usize,
    pub(crate) steps: usize,
    journal: Vec<(Time, Bytes)>,
    store: Store,
    options: Options,
    watch: Watch,
    next_token: u64,
    next_slot: u32,
}

/// What came of one or more commands.
#[derive(Default)]
pub(crate) struct Happened {
    pub(crate) lines: Vec<String>,
    pub(crate) effects: Vec<Outgoing>,
    /// What was written is to stay at hand.
    pub(crate) reread: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Options { auto_create: true, memory_limit: 1 << 30, evicts: true, ..Options::default() })
    }

    pub(crate) fn with(options: Options) -> Self {
        Self {
            broker: Broker::new(options.clone()),
            now: Time(1_000_000),
            loads_at_once: true,
            audits: true,
            damaged: BTreeSet::new(),
            loads: Vec::new(),
            backups: Vec::new(),
            waits_for_backups: false,
            most_records: 0,
            most_effects: 0,
            steps: 0,
            journal: Vec::new(),
            store: Store::default(),
            options,
            watch: Watch::default(),
            next_token: 0,
            next_slot: 0,
        }
    }

    /// One that keeps next to no bodies in memory.
    pub(crate) fn cramped() -> Self {
        Self::with(Options { auto_create: true, memory_limit: 8, evicts: true, ..Options::default() })
    }

    /// A new connection: `a`, `b`, ... in what is printed.
    pub(crate) fn open(&mut self) -> ConnectionId {
        self.open_and_see().0
    }

    /// The same, and what it is told at once.
    pub(crate) fn open_and_see(&mut self) -> (ConnectionId, Happened) {
        let id = ConnectionId { thread: 0, slot: self.next_slot, generation: 1 };
        self.next_slot += 1;
        let peer = Peer::local("test");
        let happened = self.run(id, Command::Open { peer: peer.into(), client: Name::default() });
        (id, happened)
    }

    /// Carries out one command and all that follows from it at this time.
    pub(crate) fn run(&mut self, who: ConnectionId, command: Command) -> Happened {
        self.batch([(who, command)])
    }

    /// Carries out commands in one step, and all that follows.
    pub(crate) fn batch(&mut self, commands: impl IntoIterator<Item = (ConnectionId, Command)>) -> Happened {
        let mut batch = Commands::default();
        for (connection, mut command) in commands {
            if let Some(token) = commands::token_of(&mut command) {
                self.next_token += 1;
                *token = Token(self.next_token);
            }
            self.watch.asked(self.now, connection, &mut command);
            batch.batch.push(Envelope { connection, command });
        }
        let mut happened = Happened::default();
        self.step(batch, &mut happened);
        for _ in 0..RESTLESS {
            let due = self.broker.poll_timeout().is_some_and(|at| at <= self.now);
            if due || (self.loads_at_once && !self.loads.is_empty()) {
                let batch = if self.loads_at_once { self.loaded() } else { Commands::default() };
                self.step(batch, &mut happened);
            } else {
                if !self.waits_for_backups {
                    self.watch.all_answered();
                }
                return happened;
            }
        }
        panic!("the broker does not come to rest: {:#?}", &happened.lines[happened.lines.len().saturating_sub(20)..]);
    }

    /// Runs one command that must make exactly these records and effects.
    #[track_caller]
    pub(crate) fn expect(&mut self, who: ConnectionId, command: Command, lines: &[&str]) -> Happened {
        let happened = self.run(who, command);
        happened.expect(lines);
        happened
    }

    /// Lets time pass, as a shell that wakes up when it is told to.
    pub(crate) fn advance(&mut self, milliseconds: u64) -> Happened {
        let until = self.now.plus(milliseconds);
        let mut happened = Happened::default();
        while let Some(at) = self.broker.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            happened.add(self.batch([]));
        }
        self.now = until;
        happened.add(self.batch([]));
        happened
    }

    /// Answers what was asked for, for tests that set `loads_at_once` to false.
    pub(crate) fn answer_loads(&mut self) -> Happened {
        let mut happened = Happened::default();
        let batch = self.loaded();
        self.step(batch, &mut happened);
        happened.add(self.batch([]));
        happened
    }

    /// One whose entries rest in small blocks, and soon.
    pub(crate) fn resting() -> Self {
        let options = Options { auto_create: true, memory_limit: 8, evicts: true, ..Options::default() };
        Self::with(Options { rests: true, block_bits: 2, ..options })
    }

    /// One of those.
    pub(crate) fn of_kind(kind: u8) -> Self {
        match kind {
            0 => Self::new(),
            1 => Self::cramped(),
            _ => Self::resting(),
        }
    }

    /// Checkpoints after a few records each.
    pub(crate) fn with_checkpoints(self) -> Self {
        Self::with(Options { checkpoint_bytes: 400, ..self.options })
    }

    /// A process that ends and another that starts from the journal.
    pub(crate) fn restart(&mut self) {
        (self.broker, self.store.holders) = self.restored_at(0);
        self.store.waiting = Holds::default();
        self.loads.clear();
        self.watch = Watch::default();
    }

    /// A restart in which everything after record `durable` is lost.
    pub(crate) fn crash(&mut self, durable: Lsn) {
        self.journal.truncate(durable.0 as usize);
        self.store.checkpoints.retain(|it| it.last <= durable);
        self.restart();
    }

    /// Recovery begins here.
    pub(crate) fn begins_at(&self) -> Lsn {
        self.store.checkpoints.last().map_or(Lsn(1), |it| it.first)
    }

    /// Records that somebody holds.
    pub(crate) fn held(&self) -> Vec<u64> {
        let mut held = self.store.holders.clone();
        change(&mut held, &self.store.waiting);
        held.into_keys().collect()
    }

    /// Whether a record is still there.
    pub(crate) fn is_kept(&self, lsn: Lsn) -> bool {
        self.store.has(lsn, 0)
    }

    /// The number of the last record.
    pub(crate) fn last(&self) -> Lsn {
        Lsn(self.journal.len() as u64)
    }

    /// What a new process would know.
    pub(crate) fn restored(&self) -> Broker {
        self.restored_at(0).0
    }

    /// A new process that begins at the last checkpoint but `back`, and what is held then.
    fn restored_at(&self, back: usize) -> (Broker, BTreeMap<u64, u64>) {
        let mut broker = Broker::new(self.options.clone());
        let at = self.store.checkpoints.iter().rev().nth(back);
        let (first, last) = at.map_or((Lsn(1), Lsn(0)), |it| (it.first, it.last));
        let mut holders = at.map(|it| it.holders.clone()).unwrap_or_default();
        let mut read = |lsn: Lsn| self.read(lsn, back);
        for (i, (time, record)) in self.journal.iter().enumerate().skip(first.0 as usize - 1) {
            let (lsn, mut holds) = (Lsn(i as u64 + 1), Holds::default());
            broker.restore(lsn, *time, record, &mut read, &mut holds).expect("a record that the broker wrote");
            if lsn > last {
                change(&mut holders, &holds);
            }
        }
        let mut holds = Holds::default();
        broker.finish_restore(&mut read, &mut holds).expect("pages that the broker wrote");
        change(&mut holders, &holds);
        let needed = broker.needed(&mut read);
        assert!(holders == needed, "held {holders:?}\nneeded {needed:?}\nrecords:\n{}", self.journal_text());
        (broker, holders)
    }

    pub(crate) fn contents(&self, queue: QueueId) -> Vec<Content> {
        self.broker.contents(queue, &mut |lsn| self.read(lsn, 0))
    }

    pub(crate) fn durable_state(&self) -> String {
        self.broker.durable_state(self.now, &mut |lsn| self.read(lsn, 0))
    }

    fn read(&self, lsn: Lsn, back: usize) -> Option<Bytes> {
        assert!(self.store.has(lsn, back), "record {} is gone:\n{}", lsn.0, self.journal_text());
        self.journal.get(lsn.0 as usize - 1).map(|(_, record)| record.clone())
    }

    /// The live broker and one restored from its records know the same durable things, also if the last checkpoint did not
    /// get to be one.
    #[track_caller]
    pub(crate) fn compare(&self) {
        let live = self.durable_state();
        let mut held = self.store.holders.clone();
        change(&mut held, &self.store.waiting);
        let needed = self.broker.needed(&mut |lsn| self.read(lsn, 0));
        assert!(held == needed, "held {held:?}\nneeded {needed:?}\nrecords:\n{}", self.journal_text());
        for back in 0..=self.store.checkpoints.len().min(1) {
            let (restored, _) = self.restored_at(back);
            restored.audit().expect("a restored broker without contradictions");
            let after = restored.durable_state(self.now, &mut |lsn| self.read(lsn, back));
            assert!(live == after, "live:\n{live}\nrestored:\n{after}\nrecords:\n{}", self.journal_text());
        }
    }

    pub(crate) fn journal_text(&self) -> String {
        let lines = self
            .journal
            .iter()
            .enumerate()
            .map(|(i, (time, record))| format!("{:>4} {} {}\n", i + 1, time.0, broker::record::describe(record)));
        lines.collect()
    }

    pub(crate) fn info(&mut self, name: &str) -> QueueInfo {
        let who = self.inspector();
        match self.run(who, commands::inspect(Inspect::Queue(commands::named(name)))).reply() {
            Ok(Reply::Queue(info)) => *info,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn exists(&mut self, name: &str) -> bool {
        let who = self.inspector();
        self.run(who, commands::inspect(Inspect::Queue(commands::named(name)))).reply().is_ok()
    }

    pub(crate) fn counts(&mut self, name: &str) -> QueueCounts {
        self.info(name).counts
    }

    /// (ready, leased, delayed) of a queue.
    pub(crate) fn tally(&mut self, name: &str) -> (u64, u64, u64) {
        let counts = self.counts(name);
        (counts.ready, counts.leased, counts.delayed)
    }

    /// What is ready in a queue, by a browser of its own.
    pub(crate) fn browse(&mut self, name: &str) -> Vec<String> {
        let who = self.open();
        let happened = self.run(who, commands::browse(name));
        let mut bodies = happened.bodies();
        bodies.extend(self.run(who, commands::drain(0, 1_000_000)).bodies());
        self.run(who, Command::Close);
        bodies
    }

    fn inspector(&mut self) -> ConnectionId {
        let id = ConnectionId { thread: 8, slot: 0, generation: 1 };
        if !self.watch.is_open(id) {
            let peer = Peer::local("test");
            self.run(id, Command::Open { peer: peer.into(), client: Name::default() });
        }
        id
    }

    fn loaded(&mut self) -> Commands {
        let mut batch = Commands { connection: SHELL, ..Commands::default() };
        for Load { load, first, last } in std::mem::take(&mut self.loads) {
            // One that nobody needs any more may be gone before it is read.
            let readable = |lsn| !self.damaged.contains(&lsn) && self.is_kept(Lsn(lsn));
            let readable = (first.0..=last.0).all(readable);
            let records = (first.0..=last.0).map(|lsn| self.journal[lsn as usize - 1].1.clone());
            batch.push(Command::Loaded { load, records: readable.then(|| records.collect()) });
        }
        batch
    }

    fn step(&mut self, mut batch: Commands, happened: &mut Happened) {
        let mut step = Step::default();
        self.broker.step(self.now, &mut batch, &mut step);
        self.steps += 1;
        assert!(batch.batch.is_empty(), "a step takes the whole batch");
        self.most_records = self.most_records.max(step.count as usize);
        self.most_effects = self.most_effects.max(step.effects.len());
        let mut records = Bytes::from(step.records.take(|buffer| buffer.split().freeze()).concat());
        if step.count > 0 {
            assert_eq!(step.first.0, self.last().0 + 1, "records are numbered without gaps");
        }
        for _ in 0..step.count {
            let length = records.get_u32_le() as usize;
            let record = records.split_to(length);
            self.journal.push((self.now, record.clone()));
            if self.audits {
                happened.lines.push(format!("{}: {}", self.journal.len(), broker::record::describe(&record)));
            }
        }
        assert!(records.is_empty(), "as many records as the step counts");
        let last = self.last();
        for outgoing in &step.effects {
            assert!(outgoing.after <= last, "waits for a record that does not exist: {outgoing:?}");
            self.watch.saw(outgoing);
            if self.audits {
                happened.lines.push(line(outgoing));
            }
        }
        self.store.note(step.count > 0, step.holds, step.checkpoint, last);
        for load in &step.loads {
            assert!(load.first.0 > 0 && load.first <= load.last && load.last <= last, "{load:?}");
        }
        self.watch.step_ended();
        self.loads.extend(step.loads);
        self.backups.extend(step.backups);
        happened.effects.extend(step.effects);
        happened.reread |= step.reread;
        if self.audits {
            self.broker.audit().unwrap_or_else(|error| panic!("{error}; after {:#?}", happened.lines));
        }
        assert_eq!(self.broker.status(self.now).lsn, last);
    }
}

impl Happened {
    #[track_caller]
    pub(crate) fn expect(&self, lines: &[&str]) {
        assert!(self.lines == lines, "expected {lines:#?}\n     got {:#?}", self.lines);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.lines.extend(other.lines);
        self.effects.extend(other.effects);
    }

    pub(crate) fn delivered(&self) -> Vec<&Deliver> {
        let deliver = |out: &'_ Outgoing| matches!(out.effect, Effect::Deliver(_));
        let delivers = self.effects.iter().filter(|out| deliver(out)).map(|out| match &out.effect {
            Effect::Deliver(deliver) => deliver,
            _ => unreachable!("filtered"),
        });
        delivers.collect()
    }

    /// Who got what.
    pub(crate) fn delivered_to(&self, who: ConnectionId) -> Vec<String> {
        let mine = self.effects.iter().filter(|out| out.connection == who).filter_map(|out| match &out.effect {
            Effect::Deliver(deliver) => Some(text(deliver)),
            _ => None,
        });
        mine.collect()
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.delivered().into_iter().map(text).collect()
    }

    #[track_caller]
    pub(crate) fn delivery(&self) -> Delivery {
        self.delivered().first().unwrap_or_else(|| panic!("nothing delivered: {:#?}", self.lines)).delivery
    }

    /// The last answer.
    #[track_caller]
    pub(crate) fn reply(&self) -> Result<Reply, Refusal> {
        let mut replies = self.effects.iter().filter_map(|out| match &out.effect {
            Effect::Reply { reply, .. } => Some(reply.clone()),
            _ => None,
        });
        replies.next_back().unwrap_or_else(|| panic!("no reply: {:#?}", self.lines))
    }

    #[track_caller]
    pub(crate) fn refusal(&self) -> Refusal {
        self.reply().expect_err("a refusal")
    }

    #[track_caller]
    pub(crate) fn count(&self) -> u64 {
        match self.reply() {
            Ok(Reply::Count(count)) => count,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn drained(&self) -> usize {
        self.effects.iter().filter(|out| matches!(out.effect, Effect::Drained { .. })).count()
    }

    pub(crate) fn has(&self, part: &str) -> bool {
        self.lines.iter().any(|line| line.contains(part))
    }
}

impl fmt::Debug for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.fmt(f)
    }
}

fn text(deliver: &Deliver) -> String {
    String::from_utf8_lossy(&deliver.message.body.joined()).into_owned()
}

pub(crate) fn queue_ref(name: &str) -> QueueRef {
    commands::named(name)
}
