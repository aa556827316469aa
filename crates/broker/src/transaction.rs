//! Publishes and outcomes that become visible by one record, or not at all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::limits::STEP_BUDGET;
use model::{
    ConnectionId, Lsn, Message, MessageNumber, Outcome, Publish, Refusal, Reply, Settle, Time, Token, TransactionIndex,
    TransactionRef, Xid,
};

use crate::broker::Broker;
use crate::consumer::ConsumerKey;
use crate::entry::{Entry, Located, Owner, State};
use crate::publish::{Routes, size_of};
use crate::record::{Published, Record};
use crate::step::Step;

/// Bodies of one transaction that stay in memory until the commit; the rest is read back from the journal.
const BODIES_IN_MEMORY: u64 = 4 << 20;

/// The number of a transaction in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TransactionNumber(pub(crate) u64);

#[derive(Debug, Default)]
pub(crate) struct Transactions {
    open: BTreeMap<TransactionNumber, Transaction>,
    prepared: BTreeMap<Xid, TransactionNumber>,
    /// Committed, and still being put into the queues, a part in each step.
    committing: VecDeque<Committing>,
    pub(crate) next: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Transaction {
    staged: Vec<Staged>,
    settles: Vec<Staging>,
    in_memory: u64,
    /// Something in it could not be done: only a rollback is possible.
    broken: Option<Refusal>,
}

/// A message that waits for its commit.
#[derive(Debug)]
pub(crate) struct Staged {
    message: Option<Arc<Message>>,
    header: model::Header,
    number: MessageNumber,
    located: Option<Located>,
    size: u32,
    routes: Routes,
}

/// An accepted delivery that waits for its commit, and who has it if there is none.
#[derive(Clone, Copy, Debug)]
struct Staging {
    queue: u32,
    seq: u64,
    owner: Option<Owner>,
}

#[derive(Debug)]
struct Committing {
    staged: std::vec::IntoIter<Staged>,
    /// Each queue's next sequence number of this transaction.
    next: BTreeMap<u32, u64>,
}

impl Transactions {
    /// Bytes of bodies that wait for a commit in memory.
    pub(crate) fn bytes_in_memory(&self) -> u64 {
        0
    }

    /// The consumers whose leases transactions hold, once for each.
    pub(crate) fn owners(&self) -> impl Iterator<Item = ConsumerKey> {
        self.open.values().flat_map(|it| &it.settles).filter_map(|it| match it.owner {
            Some(Owner::Consumer(key)) => Some(key),
            _ => None,
        })
    }

    pub(crate) fn is_prepared(&self, number: TransactionNumber) -> bool {
        self.prepared.values().any(|other| *other == number)
    }
}

impl Broker {
    pub(crate) fn begin(&mut self, id: ConnectionId, index: TransactionIndex) {
        let number = TransactionNumber(self.transactions.next);
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.transactions.insert(index, number).is_none() {
            self.transactions.next += 1;
            self.transactions.open.insert(number, Transaction::default());
        }
    }

    /// Takes a publish into a transaction: on disk at once if it is durable, in no queue yet.
    pub(crate) fn stage(
        &mut self,
        now: Time,
        id: ConnectionId,
        index: TransactionIndex,
        publish: Publish,
        step: &mut Step,
    ) {
        let number = self.connections.get(id).and_then(|it| it.transactions.get(&index).copied());
        let Some(number) = number else {
            if let Some(token) = publish.token {
                self.refuse(id, token, Refusal::NoSuchTransaction, step);
            }
            return;
        };
        let routes = self.routes(now, &publish.message, publish.create, step);
        let message_number = self.number(now, step);
        let mut routes = match routes {
            Ok(routes) => routes,
            Err(refusal) => {
                if let Some(transaction) = self.transactions.open.get_mut(&number) {
                    transaction.broken = Some(refusal.clone());
                }
                if let Some(token) = publish.token {
                    self.refuse(id, token, refusal, step);
                }
                return;
            }
        };
        // All or none of a transaction's messages in a durable queue are in the journal: they share one range of
        // sequence numbers there.
        for route in &mut routes {
            route.durable = self.registry.queue(route.queue).is_some_and(|queue| queue.settings.durable);
        }
        let durable = routes.iter().any(|route| route.durable);
        let published = Published { number: message_number, message: publish.message.clone(), hold: None, routes };
        let record = Record::Staged { transaction: number, published };
        let located = durable.then(|| step.write(&record, &mut self.next_lsn));
        self.apply(now, record, located);
        if let Some(token) = publish.token {
            let after = located.map_or(Lsn(0), |located| Lsn(located.lsn));
            let effect = model::Effect::Confirm { token, message: message_number, routed: true };
            self.answer(id, after, effect, step);
        }
    }

    pub(crate) fn apply_staged(&mut self, number: TransactionNumber, published: Published, located: Option<Located>) {
        self.transactions.next = self.transactions.next.max(number.0 + 1);
        let transaction = self.transactions.open.entry(number).or_default();
        let size = size_of(&published.message);
        let keep = located.is_none() || transaction.in_memory < BODIES_IN_MEMORY;
        transaction.in_memory += if keep { u64::from(size) } else { 0 };
        transaction.staged.push(Staged {
            header: published.message.header,
            message: keep.then_some(published.message),
            number: published.number,
            located,
            size,
            routes: published.routes,
        });
    }

    /// Takes outcomes into a transaction. Only an acceptance waits for the commit; the others happen at once.
    pub(crate) fn stage_settle(&mut self, id: ConnectionId, index: TransactionIndex, settle: Settle, step: &mut Step) {
        let number = self.connections.get(id).and_then(|it| it.transactions.get(&index).copied());
        let Some(number) = number else {
            if let Some(token) = settle.token {
                self.refuse(id, token, Refusal::NoSuchTransaction, step);
            }
            return;
        };
        if settle.outcome != Outcome::Accepted {
            let refusal = Refusal::Invalid("only an acceptance can be part of a transaction".into());
            if let Some(token) = settle.token {
                self.refuse(id, token, refusal, step);
            }
            return;
        }
        let n = settle.queue.n;
        let bounds = self.registry.queue(n).map(|queue| (queue.first_seq(), queue.next_seq().saturating_sub(1)));
        let mut count = 0;
        if let Some((first, last)) = bounds {
            for seq in settle.first.max(first)..=settle.last.min(last) {
                if self.may_settle(id, n, seq, &settle) {
                    self.hold_for(number, n, seq);
                    count += 1;
                }
            }
        }
        if let Some(token) = settle.token {
            if count == 0 {
                self.refuse(id, token, Refusal::NotLeased, step);
            } else {
                self.reply(id, token, Reply::Count(count), step);
            }
        }
    }

    fn hold_for(&mut self, number: TransactionNumber, n: u32, seq: u64) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        let owner = match queue.entry(seq).map(|entry| entry.state) {
            Some(State::Leased(owner)) => Some(owner),
            _ => None,
        };
        queue.set_state(seq, State::Leased(Owner::Transaction(number)));
        let transaction = self.transactions.open.entry(number).or_default();
        transaction.settles.push(Staging { queue: n, seq, owner });
    }

    pub(crate) fn prepare(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        index: TransactionIndex,
        xid: Xid,
        step: &mut Step,
    ) {
        let number = self.connections.get(id).and_then(|it| it.transactions.get(&index).copied());
        let Some(number) = number else { return self.refuse(id, token, Refusal::NoSuchTransaction, step) };
        if self.transactions.prepared.contains_key(&xid) {
            return self.refuse(id, token, Refusal::Invalid("this branch is prepared already".into()), step);
        }
        if let Some(refusal) = self.transactions.open.get(&number).and_then(|it| it.broken.clone()) {
            return self.refuse(id, token, refusal, step);
        }
        let settles = self.durable_settles(number);
        let record = Record::Prepared { transaction: number, xid, settles };
        let after = Lsn(step.write(&record, &mut self.next_lsn).lsn);
        self.apply(now, record, None);
        if let Some(connection) = self.connections.get_mut(id) {
            connection.transactions.remove(&index);
        }
        self.reply_after(id, token, after, Reply::Done, step);
    }

    pub(crate) fn apply_prepared(&mut self, number: TransactionNumber, xid: Xid, settles: &[(u32, u64)]) {
        self.transactions.next = self.transactions.next.max(number.0 + 1);
        for (queue, seq) in settles {
            let held = |entry: &Entry| matches!(entry.state, State::Leased(Owner::Transaction(_)));
            if !self.registry.queue(*queue).and_then(|it| it.entry(*seq)).is_some_and(held) {
                self.hold_for(number, *queue, *seq);
            }
        }
        self.transactions.open.entry(number).or_default();
        self.transactions.prepared.insert(xid.to_vec().into(), number);
    }

    pub(crate) fn commit(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        which: &TransactionRef,
        step: &mut Step,
    ) {
        let Some(number) = self.find_transaction(id, which) else {
            return self.refuse(id, token, Refusal::NoSuchTransaction, step);
        };
        if let Some(refusal) = self.transactions.open.get(&number).and_then(|it| it.broken.clone()) {
            self.roll_back(now, number, step);
            return self.refuse(id, token, refusal, step);
        }
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        for staged in self.transactions.open.get(&number).map(|it| it.staged.as_slice()).unwrap_or_default() {
            for route in &staged.routes {
                *counts.entry(route.queue).or_default() += 1;
            }
        }
        let next_seq = |n: &u32| self.registry.queue(*n).map(crate::queue::Queue::next_seq);
        let firsts: Vec<(u32, u64)> = counts.keys().filter_map(|n| Some((*n, next_seq(n)?))).collect();
        for (n, first) in &firsts {
            if let Some(queue) = self.registry.queue_mut(*n) {
                queue.promise(*first, counts[n]);
            }
        }
        let settles = self.durable_settles(number);
        let record = Record::Committed { transaction: number, firsts, settles };
        let after = Lsn(step.write(&record, &mut self.next_lsn).lsn);
        self.apply(now, record, None);
        self.reply_after(id, token, after, Reply::Done, step);
        self.continue_commits(now, step);
    }

    /// From here on the transaction has happened; its messages follow into the queues step by step.
    pub(crate) fn apply_committed(
        &mut self,
        number: TransactionNumber,
        firsts: Vec<(u32, u64)>,
        settles: &[(u32, u64)],
    ) {
        self.transactions.next = self.transactions.next.max(number.0 + 1);
        self.transactions.prepared.retain(|_, other| *other != number);
        let transaction = self.transactions.open.remove(&number).unwrap_or_default();
        let held = transaction.settles.iter().map(|it| (it.queue, it.seq, it.owner));
        let written = settles.iter().map(|(queue, seq)| (*queue, *seq, None));
        for (n, seq, owner) in held.chain(written).collect::<Vec<_>>() {
            let Some(queue) = self.registry.queue_mut(n) else { continue };
            if queue.remove(seq, &mut self.memory).is_some() {
                queue.counts.settled += 1;
                self.totals.settled += 1;
                if let Some(owner) = owner {
                    self.lease_ended(State::Leased(owner));
                }
            }
        }
        let next = firsts.into_iter().collect();
        self.transactions.committing.push_back(Committing { staged: transaction.staged.into_iter(), next });
    }

    /// Puts the next part of committed messages into their queues.
    pub(crate) fn continue_commits(&mut self, now: Time, step: &mut Step) {
        let mut touched = Vec::new();
        for _ in 0..STEP_BUDGET {
            match self.commit_one(now) {
                Some(queues) => touched.extend(queues),
                None => break,
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for n in touched {
            self.dispatch(now, n, step);
        }
    }

    pub(crate) fn has_commits(&self) -> bool {
        !self.transactions.committing.is_empty()
    }

    /// Puts one committed message into its queues; `None` when there is no more.
    pub(crate) fn commit_one(&mut self, now: Time) -> Option<Vec<u32>> {
        loop {
            let committing = self.transactions.committing.front_mut()?;
            let Some(staged) = committing.staged.next() else {
                let done = self.transactions.committing.pop_front()?;
                for n in done.next.keys() {
                    self.keep_promise(*n);
                }
                continue;
            };
            let mut places = Vec::new();
            for mut route in staged.routes.iter().cloned() {
                if let Some(next) = committing.next.get_mut(&route.queue) {
                    route.seq = *next;
                    *next += 1;
                    places.push(route);
                }
            }
            let queues = places.iter().map(|route| route.queue).collect();
            for route in places {
                self.enqueue_staged(now, &staged, route);
            }
            return Some(queues);
        }
    }

    fn enqueue_staged(&mut self, now: Time, staged: &Staged, route: crate::record::Route) {
        let (n, seq) = (route.queue, route.seq);
        match &staged.message {
            Some(message) => {
                let share = staged.routes.len().max(1) as u32;
                self.enqueue(now, staged.number, message, staged.located, share, route);
                self.let_rest(n, seq);
            }
            None => self.enqueue_absent(now, staged, route),
        }
    }

    /// An entry whose body is on disk only.
    fn enqueue_absent(&mut self, now: Time, staged: &Staged, route: crate::record::Route) {
        let Some(queue) = self.registry.queue_mut(route.queue) else { return };
        let ttl = queue.settings.ttl.map(|ttl| now.plus(ttl));
        let entry = Entry {
            message: None,
            number: staged.number,
            located: staged.located,
            arrived: now,
            expires: staged.header.expires.into_iter().chain(ttl).min(),
            first_acquired: Time::ZERO,
            attempts: 0,
            failed: 0,
            size: staged.size,
            charge: staged.size,
            priority: staged.header.priority,
            durable: route.durable,
            assured: route.assured,
            retained: false,
            tags: route.tags,
            state: route.not_before.map_or(State::Ready, State::Delayed),
        };
        queue.insert(route.seq, entry, &mut self.memory);
        self.arm(route.queue);
    }

    fn keep_promise(&mut self, n: u32) {
        let still = self.transactions.committing.iter().filter_map(|it| it.next.get(&n)).min().copied();
        if let Some(queue) = self.registry.queue_mut(n) {
            queue.promised = still;
            queue.trim();
        }
    }

    pub(crate) fn rollback(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        which: &TransactionRef,
        step: &mut Step,
    ) {
        let Some(number) = self.find_transaction(id, which) else {
            return self.refuse(id, token, Refusal::NoSuchTransaction, step);
        };
        self.roll_back(now, number, step);
        let after = Lsn(self.next_lsn - 1);
        self.reply_after(id, token, after, Reply::Done, step);
    }

    pub(crate) fn roll_back(&mut self, now: Time, number: TransactionNumber, step: &mut Step) {
        let Some(transaction) = self.transactions.open.get(&number) else { return };
        let settles: Vec<Staging> = transaction.settles.clone();
        let prepared = self.transactions.prepared.values().any(|other| *other == number);
        if prepared || transaction.staged.iter().any(|staged| staged.located.is_some()) {
            let record = Record::RolledBack { transaction: number };
            step.write(&record, &mut self.next_lsn);
        }
        self.apply_rolled_back(number);
        for Staging { queue: n, seq, owner } in settles {
            let owner = owner.filter(|owner| match owner {
                Owner::Consumer(key) => self.consumers.get(*key).is_some_and(|it| it.queue == n),
                Owner::Deadline(_) | Owner::Transaction(_) => true,
            });
            match owner {
                Some(owner) => {
                    if let Some(queue) = self.registry.queue_mut(n) {
                        queue.set_state(seq, State::Leased(owner));
                    }
                    self.arm(n);
                }
                None => self.give_back(now, n, seq, false, None, step),
            }
        }
    }

    pub(crate) fn apply_rolled_back(&mut self, number: TransactionNumber) {
        self.transactions.prepared.retain(|_, other| *other != number);
        self.transactions.open.remove(&number);
    }

    fn find_transaction(&mut self, id: ConnectionId, which: &TransactionRef) -> Option<TransactionNumber> {
        match which {
            TransactionRef::Own(index) => self.connections.get_mut(id)?.transactions.remove(index),
            TransactionRef::Prepared(xid) => self.transactions.prepared.get(xid).copied(),
        }
    }

    fn durable_settles(&self, number: TransactionNumber) -> Vec<(u32, u64)> {
        let settles = self.transactions.open.get(&number).map(|it| it.settles.as_slice()).unwrap_or_default();
        let durable = |it: &&Staging| {
            self.registry.queue(it.queue).and_then(|queue| queue.entry(it.seq)).is_some_and(|entry| entry.durable)
        };
        settles.iter().filter(durable).map(|it| (it.queue, it.seq)).collect()
    }

    pub(crate) fn prepared(&self) -> Vec<Xid> {
        self.transactions.prepared.keys().cloned().collect()
    }

    /// After recovery: what was neither committed nor prepared did not happen.
    pub(crate) fn forget_unprepared(&mut self) {
        let prepared: Vec<TransactionNumber> = self.transactions.prepared.values().copied().collect();
        self.transactions.open.retain(|number, _| prepared.contains(number));
    }
}
