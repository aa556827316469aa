//! The ledger as it should be: per queue an ordered list of messages, and who has them.

use std::collections::{BTreeMap, BTreeSet};

use model::{ConnectionId, Deliver, Effect, Lsn, Outcome, QueueId, Time};

use crate::harness::Happened;

/// Journal positions before and after a command: its records lie between.
pub(crate) type Span = (u64, u64);

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    /// Known once the broker was asked.
    pub(crate) seq: u64,
    pub(crate) durable: bool,
    pub(crate) state: State,
    pub(crate) attempts: u32,
    pub(crate) expires: Option<u64>,
    pub(crate) added: Span,
    /// The record that the confirmation waited for.
    pub(crate) confirmed: u64,
    /// The record that the first hand-out waited for.
    pub(crate) seen: Option<u64>,
    /// Came in with others, in an order that the model does not know.
    pub(crate) moved: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    Ready,
    Delayed(u64),
    /// By a consumer of a connection; the number is the consumer's own, for ever.
    Leased(ConnectionId, usize),
    Deadline(u64),
    Decided(u32),
    /// By a transaction, and by whom before.
    Held(usize, Option<(ConnectionId, usize)>),
}

/// What left a queue, and when.
#[derive(Clone, Debug)]
pub(crate) struct Gone {
    pub(crate) entry: Entry,
    pub(crate) removed: Span,
    /// The record that the answer to its settlement waited for.
    pub(crate) told: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) id: QueueId,
    pub(crate) durable: bool,
    /// Deliveries after which what comes back is dead.
    pub(crate) most: Option<u32>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) gone: Vec<Gone>,
}

#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) uid: usize,
    pub(crate) queue: usize,
    pub(crate) credit: u64,
    pub(crate) window: bool,
    pub(crate) deadline: Option<u64>,
    pub(crate) is_fetch: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Transaction {
    /// Queue and message.
    pub(crate) staged: Vec<(usize, Entry)>,
    /// Queue and number of what it settles.
    pub(crate) settles: Vec<(usize, u64)>,
    pub(crate) prepared: Option<Span>,
    pub(crate) ended: Option<Span>,
}

/// The index of the dead-letter queue.
pub(crate) const DEAD: usize = 2;

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) queues: Vec<Queue>,
    pub(crate) consumers: BTreeMap<(ConnectionId, u32), Consumer>,
    pub(crate) transactions: BTreeMap<usize, Transaction>,
    pub(crate) holds: BTreeSet<u32>,
    pub(crate) next_uid: usize,
}

impl Entry {
    pub(crate) fn waits(&self) -> bool {
        matches!(self.state, State::Ready | State::Delayed(_))
    }

    pub(crate) fn in_words(&self) -> String {
        match self.state {
            State::Ready => "ready".into(),
            State::Delayed(at) => format!("delayed {at}"),
            State::Leased(..) => "leased".into(),
            State::Deadline(at) => format!("leased until {at}"),
            State::Decided(mark) => format!("decided {mark}"),
            State::Held(..) => "held".into(),
        }
    }
}

impl Ledger {
    pub(crate) fn position(&self, queue: usize, number: u64) -> Option<usize> {
        self.queues[queue].entries.iter().position(|it| it.number == number)
    }

    /// In how many places a message is.
    pub(crate) fn copies(&self, number: u64) -> usize {
        self.queues.iter().flat_map(|it| &it.entries).filter(|it| it.number == number).count()
    }

    /// What a connection leases: queue, message, sequence number, attempt.
    pub(crate) fn leased_by(&self, id: ConnectionId) -> Vec<(usize, u64, u64, u32)> {
        let mine = |entry: &&Entry| matches!(entry.state, State::Leased(owner, _) if owner == id);
        let all = self.queues.iter().enumerate().flat_map(|(queue, it)| it.entries.iter().map(move |e| (queue, e)));
        all.filter(|(_, e)| mine(e)).map(|(queue, e)| (queue, e.number, e.seq, e.attempts)).collect()
    }

    pub(crate) fn remove(&mut self, queue: usize, number: u64, span: Span, told: Option<u64>) {
        let at = self.position(queue, number).expect("the model has it");
        let entry = self.queues[queue].entries.remove(at);
        self.lease_ended(&entry.state);
        self.queues[queue].gone.push(Gone { entry, removed: span, told });
    }

    fn lease_ended(&mut self, state: &State) {
        let (State::Leased(_, uid) | State::Held(_, Some((_, uid)))) = state else { return };
        if let Some(consumer) = self.consumers.values_mut().find(|it| it.uid == *uid && it.window) {
            consumer.credit += 1;
        }
    }

    pub(crate) fn conclude(&mut self, queue: usize, number: u64, outcome: Outcome, now: u64, span: Span, told: u64) {
        match outcome {
            Outcome::Accepted => self.remove(queue, number, span, Some(told)),
            Outcome::Rejected | Outcome::Poison(_) => self.bury(queue, number, span),
            Outcome::Released => self.give_back(queue, number, None, span),
            Outcome::Modified { not_before, .. } => {
                self.give_back(queue, number, not_before.map(|at| at.0).filter(|at| *at > now), span);
            }
            Outcome::Renew(at) if at.0 <= now => self.give_back(queue, number, None, span),
            Outcome::Renew(at) => {
                let i = self.position(queue, number).expect("the model has it");
                let state = &mut self.queues[queue].entries[i].state;
                if let State::Deadline(until) = state {
                    *until = at.0;
                }
            }
        }
    }

    pub(crate) fn give_back(&mut self, queue: usize, number: u64, not_before: Option<u64>, span: Span) {
        let most = self.queues[queue].most;
        let at = self.position(queue, number).expect("the model has it");
        let entry = &mut self.queues[queue].entries[at];
        if most.is_some_and(|most| entry.attempts >= most) {
            return self.bury(queue, number, span);
        }
        let before = std::mem::replace(&mut entry.state, not_before.map_or(State::Ready, State::Delayed));
        self.lease_ended(&before);
    }

    /// To the dead letters, from the queue that has some.
    pub(crate) fn bury(&mut self, queue: usize, number: u64, span: Span) {
        if self.queues[queue].most.is_some() {
            self.shift(queue, number, DEAD, span);
        } else {
            self.remove(queue, number, span, None);
        }
    }

    pub(crate) fn shift(&mut self, from: usize, number: u64, to: usize, span: Span) {
        self.remove(from, number, span, None);
        let entry = self.queues[from].gone.last().expect("just removed").entry.clone();
        let durable = entry.durable && self.queues[to].durable;
        let (attempts, expires, seen, moved) = (0, None, None, true);
        let state = State::Ready;
        let moved = Entry { durable, attempts, expires, seen, moved, state, added: span, confirmed: u64::MAX, ..entry };
        self.queues[to].entries.push(moved);
    }

    pub(crate) fn decide(&mut self, queue: usize, number: u64, mark: u32) {
        let at = self.position(queue, number).expect("the model has it");
        let before = std::mem::replace(&mut self.queues[queue].entries[at].state, State::Decided(mark));
        self.lease_ended(&before);
    }

    pub(crate) fn hold(&mut self, queue: usize, number: u64, uid: usize) {
        let at = self.position(queue, number).expect("the model has it");
        let state = &mut self.queues[queue].entries[at].state;
        let State::Leased(id, consumer) = *state else { panic!("not leased: {state:?}") };
        *state = State::Held(uid, Some((id, consumer)));
        self.transactions.get_mut(&uid).expect("open").settles.push((queue, number));
    }

    /// What a transaction holds: queue and message.
    fn held_by(&self, uid: usize) -> Vec<(usize, u64)> {
        let all = self.queues.iter().enumerate().flat_map(|(queue, it)| it.entries.iter().map(move |e| (queue, e)));
        all.filter(|(_, e)| matches!(e.state, State::Held(by, _) if by == uid)).map(|(q, e)| (q, e.number)).collect()
    }

    pub(crate) fn prepare(&mut self, uid: usize, span: Span) {
        for (queue, number) in self.held_by(uid) {
            let at = self.position(queue, number).expect("just found");
            let before = std::mem::replace(&mut self.queues[queue].entries[at].state, State::Held(uid, None));
            self.lease_ended(&before);
        }
        self.transactions.get_mut(&uid).expect("open").prepared = Some(span);
    }

    pub(crate) fn commit(&mut self, uid: usize, span: Span, told: u64) {
        for (queue, number) in self.held_by(uid) {
            self.remove(queue, number, span, Some(told));
        }
        let transaction = self.transactions.get_mut(&uid).expect("open");
        transaction.ended = Some(span);
        for (queue, staged) in transaction.staged.clone() {
            self.publish(&[queue], &Entry { added: span, confirmed: told, ..staged });
        }
        self.forget_unprepared(uid);
    }

    pub(crate) fn roll_back(&mut self, uid: usize, span: Span) {
        for (queue, number) in self.held_by(uid) {
            let at = self.position(queue, number).expect("just found");
            match self.queues[queue].entries[at].state {
                State::Held(_, Some((id, consumer))) => {
                    self.queues[queue].entries[at].state = State::Leased(id, consumer);
                }
                _ => self.give_back(queue, number, None, span),
            }
        }
        self.transactions.get_mut(&uid).expect("open").ended = Some(span);
        self.forget_unprepared(uid);
    }

    fn forget_unprepared(&mut self, uid: usize) {
        if self.transactions[&uid].prepared.is_none() {
            self.transactions.remove(&uid);
        }
    }

    pub(crate) fn close(&mut self, id: ConnectionId, transaction: Option<usize>, span: Span) {
        self.consumers.retain(|(owner, _), _| *owner != id);
        if let Some(uid) = transaction {
            self.roll_back(uid, span);
        }
        for (queue, number, ..) in self.leased_by(id) {
            self.give_back(queue, number, None, span);
        }
    }

    pub(crate) fn purge(&mut self, queue: usize, leased: bool, span: Span) -> u64 {
        let goes = |entry: &&Entry| entry.waits() || (leased && !matches!(entry.state, State::Held(..)));
        let numbers: Vec<u64> = self.queues[queue].entries.iter().filter(goes).map(|it| it.number).collect();
        numbers.iter().for_each(|number| self.remove(queue, *number, span, None));
        numbers.len() as u64
    }

    /// A queue goes, and all that is for it.
    pub(crate) fn delete(&mut self, queue: usize) {
        self.queues[queue] = Queue { id: QueueId { shard: 0, n: u32::MAX }, ..Queue::default() };
        self.transactions.values_mut().for_each(|it| it.staged.retain(|(to, _)| *to != queue));
    }

    /// Leases, delays and lives that are over.
    pub(crate) fn tick(&mut self, now: u64, span: Span) {
        for queue in 0..self.queues.len() {
            let numbers: Vec<u64> = self.queues[queue].entries.iter().map(|it| it.number).collect();
            for number in numbers {
                let Some(at) = self.position(queue, number) else { continue };
                let entry = &mut self.queues[queue].entries[at];
                match entry.state {
                    State::Deadline(until) if until <= now => self.give_back(queue, number, None, span),
                    State::Delayed(until) if until <= now => entry.state = State::Ready,
                    _ => {}
                }
                let Some(at) = self.position(queue, number) else { continue };
                let entry = &self.queues[queue].entries[at];
                if entry.waits() && entry.expires.is_some_and(|at| at <= now) {
                    self.bury(queue, number, span);
                }
            }
        }
    }

    /// Takes note of what the broker handed out, and judges it.
    pub(crate) fn observe(&mut self, happened: &Happened, now: u64, span: Span) {
        for outgoing in &happened.effects {
            match &outgoing.effect {
                Effect::Deliver(deliver) => self.delivered(outgoing.connection, deliver, outgoing.after, now, span),
                Effect::Drained { consumer } => {
                    let key = (outgoing.connection, consumer.0);
                    let consumer = self.consumers.get_mut(&key).expect("the model knows who drains");
                    consumer.credit = 0;
                    if consumer.is_fetch {
                        self.consumers.remove(&key);
                    }
                }
                Effect::Cancelled { consumer, .. } => {
                    self.consumers
                        .remove(&(outgoing.connection, consumer.0))
                        .expect("the model knows who is cancelled");
                }
                _ => {}
            }
        }
    }

    fn delivered(&mut self, id: ConnectionId, deliver: &Deliver, after: Lsn, now: u64, span: Span) {
        let key = (id, deliver.consumer.0);
        let consumer = self.consumers.get_mut(&key).unwrap_or_else(|| panic!("nobody asked: {deliver:?}"));
        assert!(consumer.credit > 0, "without credit: {deliver:?}");
        consumer.credit -= 1;
        let (queue, uid, deadline) = (consumer.queue, consumer.uid, consumer.deadline);
        assert_eq!(self.queues[queue].id, deliver.delivery.queue, "from another queue: {deliver:?}");
        let number = deliver.number.0;
        let at = self.position(queue, number).unwrap_or_else(|| panic!("not there any more: {deliver:?}"));
        let entries = &mut self.queues[queue].entries;
        let earlier = entries[..at].iter().any(|it| it.state == State::Ready && !it.moved);
        assert!(!earlier || entries[at].moved, "out of order: {deliver:?} of {entries:#?}");
        let entry = &mut entries[at];
        assert_eq!(entry.state, State::Ready, "{deliver:?}");
        assert!(entry.expires.is_none_or(|at| at > now), "expired: {deliver:?}");
        assert_eq!(entry.attempts + 1, deliver.delivery.attempt, "{deliver:?}");
        let again = entry.attempts > 0 || entry.seen.is_some();
        assert!(deliver.redelivered || !again, "seen before and not flagged: {deliver:?}");
        // A message of this life that was not handed out is not flagged.
        let is_new = entry.added.0 > 0;
        assert!(!deliver.redelivered || again || !is_new, "flagged and new: {deliver:?}");
        entry.attempts += 1;
        entry.seq = deliver.delivery.seq;
        entry.seen = Some(entry.seen.map_or(after.0, |before| before.min(after.0)));
        entry.state = match deadline {
            Some(length) => State::Deadline(now + length),
            None => State::Leased(id, uid),
        };
        if deliver.settled {
            let at = self.position(queue, number).expect("just there");
            self.queues[queue].entries[at].state = State::Ready;
            self.remove(queue, number, span, None);
        }
    }

    /// Nobody waits for what is there.
    pub(crate) fn check_nobody_waits(&self) {
        for (key, consumer) in &self.consumers {
            let ready = self.queues[consumer.queue].entries.iter().find(|it| it.state == State::Ready);
            assert!(consumer.credit == 0 || ready.is_none(), "{key:?} {consumer:?} waits, and there is {ready:?}");
        }
    }

    /// Puts what was published into its queues.
    pub(crate) fn publish(&mut self, queues: &[usize], entry: &Entry) {
        for queue in queues {
            let durable = entry.durable && self.queues[*queue].durable;
            self.queues[*queue].entries.push(Entry { durable, ..entry.clone() });
        }
    }
}

pub(crate) fn entry(number: u64, durable: bool, state: State, expires: Option<Time>, added: Span) -> Entry {
    Entry {
        number,
        seq: 0,
        durable,
        state,
        attempts: 0,
        expires: expires.map(|at| at.0),
        added,
        confirmed: u64::MAX,
        seen: None,
        moved: false,
    }
}
