use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use model::limits::STEP_BUDGET;
use model::{
    Command, Commands, ConnectionId, Effect, Encodings, Envelope, Lsn, Name, Namespace, Peer, Refusal, Reply, Settle,
    Space, Tally, Time, Token,
};

use crate::alarm::Watch;
use crate::backup::Backups;
use crate::checkpoint::Checkpoints;
use crate::connections::Connections;
use crate::consumer::Consumers;
use crate::define::Moving;
use crate::entry::Located;
use crate::makers::Makers;
use crate::memory::Memory;
use crate::queue::Queue;
use crate::record::Record;
use crate::registry::Registry;
use crate::resting::{Doomed, Wanted};
use crate::retained::Retained;
use crate::rights::Rights;
use crate::router::{Router, Target};
use crate::step::{Outgoing, Step};
use crate::timers::{Alarm, Timers};
use crate::transaction::Transactions;

/// All queues, topics and consumers, and the one ledger of who has what.
#[derive(Default)]
pub struct Broker {
    pub(crate) options: Options,
    pub(crate) registry: Registry,
    pub(crate) router: Router,
    pub(crate) retained: Retained,
    pub(crate) connections: Connections,
    pub(crate) consumers: Consumers,
    pub(crate) transactions: Transactions,
    pub(crate) timers: Timers,
    pub(crate) memory: Memory,
    pub(crate) claims: BTreeMap<(Namespace, Name), ConnectionId>,
    pub(crate) makers: Makers,
    pub(crate) totals: Totals,
    /// The journal's next record.
    pub(crate) next_lsn: u64,
    pub(crate) next_number: u64,
    /// Message numbers below were announced to the journal.
    pub(crate) numbers_below: u64,
    pub(crate) next_load: u64,
    pub(crate) next_fetch: u64,
    /// What a load is for.
    pub(crate) loading: HashMap<u64, Wanted, foldhash::fast::FixedState>,
    /// Settlements whose message rests in this block of this queue.
    pub(crate) postponed: Vec<(u32, u64, ConnectionId, Settle)>,
    /// Messages that an administrator moves.
    pub(crate) moves: VecDeque<Moving>,
    /// Pages of which nothing is left; the first `dooming` were asked for.
    pub(crate) doomed: VecDeque<Doomed>,
    pub(crate) dooming: usize,
    /// The queue whose turn it is to let entries rest.
    pub(crate) resting_turn: u32,
    /// Queues whose dispatch goes on at the end of this step or in the next: each once, and flagged.
    pub(crate) unfinished: VecDeque<u32>,
    /// Queues with settlements that this step has not written yet.
    pub(crate) settled_queues: Vec<u32>,
    pub(crate) checkpoints: Checkpoints,
    /// During recovery: pieces of a body whose message follows.
    pub(crate) pieces: Vec<Bytes>,
    /// Messages of commits that this step may still put into queues.
    pub(crate) commit_budget: usize,
    pub(crate) watch: Watch,
    pub(crate) backups: Backups,
    /// How much room the store has, as far as the shell has said.
    pub(crate) space: Option<Space>,
}

/// What does not change while the broker lives.
#[derive(Clone)]
pub struct Options {
    pub encodings: Encodings,
    /// Make queues that are published to and do not exist.
    pub auto_create: bool,
    /// Bytes of bodies in memory, at which publishers are throttled.
    pub memory_limit: u64,
    /// Bytes of records after which there is a checkpoint. 0: never one.
    pub checkpoint_bytes: u64,
    /// Milliseconds after which there is one, if there were records at all. 0: only by bytes.
    pub checkpoint_interval: u64,
    /// How many entries of a queue rest together, as a power of two.
    pub block_bits: u32,
    /// Entries of a backlog may rest in pages of the journal, which programs of an older version cannot read.
    pub rests: bool,
    /// Queues that there may be; dead letters make theirs beyond it.
    pub max_queues: usize,
    /// Queues that one user may have made since the start; unlimited users are not counted.
    pub max_queues_per_user: Option<usize>,
    /// Connections may do nothing before `Command::Permit`; else everything.
    pub asks_who: bool,
    /// Tell [`Step::audits`] what was changed and what was refused.
    pub audits: bool,
    /// There is a journal to read bodies from, so that durable ones need not stay in memory.
    pub evicts: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            encodings: Encodings::default(),
            auto_create: false,
            memory_limit: 0,
            checkpoint_bytes: 0,
            checkpoint_interval: 0,
            block_bits: 10,
            rests: false,
            max_queues: usize::MAX,
            max_queues_per_user: None,
            asks_who: false,
            audits: false,
            evicts: false,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) published: u64,
    pub(crate) delivered: u64,
    pub(crate) settled: u64,
    pub(crate) unrouted: u64,
    pub(crate) conversions: Tally,
}

impl Broker {
    pub fn new(options: Options) -> Self {
        let (limit, evicts, rests) = (options.memory_limit, options.evicts, options.rests);
        Self {
            options,
            memory: Memory { limit, evicts, rests, ..Memory::default() },
            next_lsn: 1,
            next_number: 1,
            numbers_below: 1,
            ..Self::default()
        }
    }

    /// Carries out whatever has fallen due and then `batch`, and adds to `out` what the world must be told.
    pub fn step(&mut self, now: Time, batch: &mut Commands, out: &mut Step) {
        let written = out.records.len();
        self.allow_commits();
        self.ring(now, out);
        for Envelope { connection, command } in batch.batch.drain(..) {
            self.command(now, connection, command, out);
        }
        self.continue_commits(now, out);
        self.continue_moves(now, out);
        for _ in 0..STEP_BUDGET.min(self.unfinished.len()) {
            if let Some(n) = self.unfinished.pop_front() {
                if let Some(queue) = self.registry.queue_mut(n) {
                    queue.unfinished = false;
                }
                self.dispatch(now, n, out);
            }
        }
        for n in std::mem::take(&mut self.settled_queues) {
            self.write_settled(n, out);
        }
        self.continue_dooms(out);
        self.rest_some(now, out);
        self.watch_room(out);
        self.keep_journal_short(now, out.records.len() - written, out);
        self.memory.holds.append_to(&mut out.holds);
        out.reread |= self.memory.is_reread(out.records.len() - written);
    }

    /// When `step` wants to be called again, with or without commands.
    pub fn poll_timeout(&self) -> Option<Time> {
        let goes_on = !self.unfinished.is_empty() || self.has_commits() || self.has_moves();
        if goes_on || self.doomed.len() > self.dooming && self.dooming == 0 {
            return Some(Time::ZERO);
        }
        self.timers.next().into_iter().chain(self.checkpoints.due).min()
    }

    fn command(&mut self, now: Time, id: ConnectionId, command: Command, out: &mut Step) {
        if let Err(refusal) = self.permits(id, &command, out) {
            if let Some(token) = command.token() {
                self.refuse(id, token, refusal, out);
            }
            return;
        }
        match command {
            Command::Publish(publish) => self.publish(now, id, publish, out),
            Command::Settle(settle) => self.settle(now, id, settle, out),
            Command::Credit { consumer, add, drain } => self.add_credit(now, id, consumer, (add, drain), out),
            Command::Fetch(fetch) => self.fetch(now, id, *fetch, out),
            Command::Decide { token, delivery, mark } => self.decide(now, id, token, delivery, mark, out),
            Command::Unhold { token, hold } => self.unhold(now, id, token, (hold.queue.n, hold.number), out),
            Command::Loaded { load, records } => {
                if let Some(n) = self.loaded(now, load, records, out) {
                    self.dispatch(now, n, out);
                }
            }
            Command::Open { peer, client } => self.open(now, id, peer, client, out),
            Command::Close => self.close(now, id, out),
            Command::Consume(consume) => self.consume(now, id, *consume, out),
            Command::Cancel { consumer } => self.cancel(now, id, consumer, out),
            Command::Begin { transaction } => self.begin(id, transaction),
            Command::Prepare { token, transaction, xid } => self.prepare(now, id, token, transaction, xid, out),
            Command::Commit { token, transaction } => self.commit(now, id, token, &transaction, out),
            Command::Rollback { token, transaction } => self.rollback(now, id, token, &transaction, out),
            Command::Tally(tally) => self.totals.conversions += tally,
            Command::Measured(space) => self.space = Some(space),
            Command::Permit { user, guard } => self.permit(now, id, user, guard, out),
            Command::Reconsider => self.reconsider_all(now, out),
            // It is permitted: that is all that was asked.
            Command::Access { token, .. } => self.reply(id, token, Reply::Done, out),
            Command::Authenticate(authenticate) => self.refuse(id, authenticate.token, Refusal::Login, out),
            Command::Backup { token, folder } => self.back_up(id, token, folder, out),
            Command::BackingUp { job, progress } => self.backing_up(job, progress, out),
            definition => self.define(now, id, definition, out),
        }
    }

    fn open(&mut self, now: Time, id: ConnectionId, peer: Arc<Peer>, client: Name, out: &mut Step) {
        let rights = if self.options.asks_who { Rights::Nothing } else { Rights::everything() };
        self.connections.open(id, peer, client, rights, now);
        if let Some(alarm) = self.alarm() {
            let effect = Effect::Throttle { reason: Some(alarm.clone()) };
            out.effects.push(Outgoing { connection: id, after: Lsn(0), effect });
        }
    }

    fn define(&mut self, now: Time, id: ConnectionId, command: Command, out: &mut Step) {
        match command {
            Command::Enter { token, name } => self.enter(now, id, token, &name, out),
            Command::Claim(claim) => self.claim(now, id, claim, out),
            Command::Declare(declare) => self.declare(now, id, *declare, out),
            Command::DeclareExchange { token, namespace, name, settings, passive } => {
                self.declare_exchange(now, id, token, (namespace, name, settings), passive, out);
            }
            Command::BindExchange { token, namespace, destination, binding } => {
                self.bind_exchange(now, id, token, (namespace, destination, *binding), out);
            }
            Command::UnbindExchange { token, namespace, destination, binding } => {
                self.unbind_exchange(now, id, token, (namespace, destination, *binding), out);
            }
            Command::DeclareTopic { token, namespace, name } => {
                self.declare_topic(now, id, token, (namespace, name), out);
            }
            Command::DeleteExchange { token, namespace, exchange, if_unused } => {
                self.delete_exchange(now, id, token, (namespace, exchange, if_unused), out);
            }
            Command::Alter { token, queue, alteration } => self.alter(now, id, token, &queue, &alteration, out),
            Command::Bind { token, queue, binding, replay } => {
                self.bind(now, id, token, (&queue, *binding, replay), out);
            }
            Command::Unbind { token, queue, binding } => self.unbind(now, id, token, (&queue, *binding), out),
            Command::Purge { token, queue, leased } => self.purge(now, id, token, (&queue, leased), out),
            Command::Delete { token, queue, if_unused, if_empty } => {
                self.delete(now, id, token, (&queue, if_unused, if_empty), out);
            }
            Command::Move { token, from, to, max } => self.move_messages(now, id, token, (&from, &to, max), out),
            Command::Inspect { token, what } => self.inspect(now, id, token, &what, out),
            _ => unreachable!("command() carries out the others"),
        }
    }

    /// Makes a fact true. The live path and recovery both come here; nothing in it can fail.
    pub(crate) fn apply(&mut self, now: Time, record: Record, located: Option<Located>) {
        match record {
            Record::Published(published) => {
                self.note_number(published.number);
                self.apply_published(now, published, located);
            }
            Record::Staged { transaction, published } => {
                self.note_number(published.number);
                self.apply_staged(transaction, published, located);
            }
            Record::Piece(_) => {}
            Record::Settled { queue, ranges } => self.apply_settled(queue, &ranges),
            Record::Declared(declared) => self.apply_declared(now, *declared),
            Record::Altered { queue, settings } => {
                if let Some(queue) = self.registry.queue_mut(queue) {
                    queue.settings = *settings;
                    queue.altered = now;
                }
            }
            Record::Deleted { queue } => self.apply_deleted(queue),
            Record::Bound { queue, binding } => {
                if let Some(namespace) = self.registry.queue(queue).map(|queue| queue.namespace) {
                    self.router.bind(namespace, Target::Queue(queue), *binding);
                }
            }
            Record::Unbound { queue, binding } => {
                if let Some(namespace) = self.registry.queue(queue).map(|queue| queue.namespace) {
                    self.router.unbind(namespace, &Target::Queue(queue), &binding);
                }
            }
            Record::ExchangeDeclared { namespace, name, settings } => {
                self.router.declare(namespace, model::Exchange::Named(name), *settings);
            }
            Record::ExchangeDeleted { namespace, exchange } => self.router.delete(namespace, &exchange),
            Record::Tied(tie) => {
                self.router.bind(tie.namespace, Target::Exchange(tie.destination), tie.binding);
            }
            Record::Untied(tie) => {
                self.router.unbind(tie.namespace, &Target::Exchange(tie.destination), &tie.binding);
            }
            Record::Entered { namespace, name } => self.registry.enter(namespace, name),
            ledger => self.apply_ledger(now, ledger),
        }
    }

    fn apply_ledger(&mut self, now: Time, record: Record) {
        match record {
            Record::Marked { queue, below } => {
                if let Some(queue) = self.registry.queue_mut(queue) {
                    (queue.mark, queue.marks_at) = (below, below);
                }
            }
            Record::Returned { queue, seq, attempts, failed, not_before } => {
                self.apply_returned(queue, seq, (attempts, failed), not_before);
            }
            Record::Decided { queue, seq, mark } => {
                if let Some(queue) = self.registry.queue_mut(queue) {
                    queue.set_message(seq, None, &mut self.memory);
                    queue.set_state(seq, crate::entry::State::Decided { mark });
                }
            }
            Record::Unheld { queue, number } => {
                if let Some(queue) = self.registry.queue_mut(queue) {
                    queue.holds.remove(&number);
                }
            }
            Record::Died(died) => self.apply_died(now, &died),
            Record::Moved { from, seq, to, to_seq } => self.apply_moved(now, from, seq, to, to_seq),
            Record::Copied(copied) => self.apply_copied(now, *copied),
            Record::Purged { queue, below, except } => self.apply_purged(queue, below, except),
            Record::Prepared { transaction, xid, settles } => self.apply_prepared(transaction, xid, &settles),
            Record::Committed { transaction, firsts, settles } => {
                self.apply_committed(now, transaction, firsts, &settles)
            }
            Record::RolledBack { transaction } => self.apply_rolled_back(transaction),
            Record::Numbered { below } => self.numbers_below = below,
            Record::QueuesNumbered { below } => self.registry.announced = below,
            Record::Checkpoint { .. } => self.checkpoints.reading = false,
            Record::Held { queue, number } => {
                if let Some(queue) = self.registry.queue_mut(queue) {
                    queue.holds.insert(number);
                }
            }
            Record::Advanced { queue, next, created, altered } => self.apply_advanced(queue, next, created, altered),
            Record::TopicDeclared { namespace, name } => self.registry.add_topic(namespace, name.detached()),
            said_again if self.checkpoints.reading => self.apply_said_again(said_again),
            // What a checkpoint says again of what is known.
            Record::Begun { .. }
            | Record::Resting { .. }
            | Record::Doomed { .. }
            | Record::Loose { .. }
            | Record::StagedAgain(_) => {}
            _ => unreachable!("apply() does the other kinds"),
        }
    }

    /// What has fallen due.
    fn ring(&mut self, now: Time, out: &mut Step) {
        for _ in 0..STEP_BUDGET {
            match self.timers.pop_due(now) {
                None => return,
                Some((at, Alarm::Queue(n))) => {
                    let Some(queue) = self.registry.queue_mut(n).filter(|queue| queue.armed == Some(at)) else {
                        continue;
                    };
                    queue.armed = None;
                    self.fall_due(now, n, out);
                }
                Some((_, Alarm::Fetch(key, number))) => {
                    let consumer = self.consumers.get(key);
                    let same = consumer.filter(|it| it.fetch.is_some_and(|fetch| fetch.number == number));
                    if let Some(n) = same.filter(|it| !it.cancelled).map(|it| it.queue) {
                        self.drained(n, key, out);
                    }
                }
            }
        }
    }

    /// Sees to it that something falls due in a queue then, or earlier.
    pub(crate) fn arm(&mut self, n: u32, due: Time) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        if queue.armed.is_none_or(|armed| due < armed) {
            queue.armed = Some(due);
            self.timers.set(due, Alarm::Queue(n));
        }
    }

    /// What the process takes, as the system counts it: also what nobody here counts.
    pub fn note_memory(&mut self, anonymous: u64) {
        self.memory.anonymous = anonymous;
    }

    /// The store is of a format without pages and checkpoints, which is kept.
    pub fn keep_old_format(&mut self) {
        self.options.checkpoint_bytes = 0;
        self.options.rests = false;
    }

    fn unhold(&mut self, now: Time, id: ConnectionId, token: Token, (n, number): (u32, u32), out: &mut Step) {
        let mut after = Lsn(self.next_lsn - 1);
        let held = |queue: &Queue| queue.holds.contains(&number);
        if let Some(durable) = self.registry.queue(n).filter(|queue| held(queue)).map(|queue| queue.settings.durable) {
            let record = Record::Unheld { queue: n, number };
            if durable {
                after = Lsn(out.write(&record, &mut self.next_lsn).lsn);
            }
            self.apply(now, record, None);
        }
        self.reply_after(id, token, after, Reply::Done, out);
    }

    pub(crate) fn reply(&mut self, id: ConnectionId, token: Token, reply: Reply, out: &mut Step) {
        self.answer(id, Lsn(0), Effect::Reply { token, reply: Ok(reply) }, out);
    }

    pub(crate) fn reply_after(&mut self, id: ConnectionId, token: Token, after: Lsn, reply: Reply, out: &mut Step) {
        self.answer(id, after, Effect::Reply { token, reply: Ok(reply) }, out);
    }

    pub(crate) fn refuse(&mut self, id: ConnectionId, token: Token, refusal: Refusal, out: &mut Step) {
        self.answer(id, Lsn(0), Effect::Reply { token, reply: Err(refusal) }, out);
    }

    /// An answer leaves when record `after` is durable, and not before the connection's earlier answers.
    pub(crate) fn answer(&mut self, id: ConnectionId, after: Lsn, effect: Effect, out: &mut Step) {
        let Some(connection) = self.connections.get_mut(id).filter(|it| !it.is_vacated) else { return };
        connection.after = connection.after.max(after);
        out.effects.push(Outgoing { connection: id, after: connection.after, effect });
    }
}
