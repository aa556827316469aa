//! How transactions end: prepared, committed, rolled back.

use std::collections::BTreeMap;

use model::limits::STEP_BUDGET;
use model::{ConnectionId, Lsn, Outcome, Refusal, Reply, Time, Token, TransactionIndex, TransactionRef, Xid};
use smallvec::SmallVec;

use crate::broker::Broker;
use crate::entry::{Entry, Owner, State};
use crate::queue::Queue;
use crate::record::{Record, Route};
use crate::step::Step;
use crate::transaction::{Committing, Staged, Staging, TransactionNumber};

impl Broker {
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
        let accepts = |it: &Staging| it.outcome == Outcome::Accepted;
        if !self.transactions.open.get(&number).is_none_or(|it| it.settles.iter().all(accepts)) {
            let refusal = Refusal::Invalid("only acceptances can be prepared".into());
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
        // Consumers may have their credit back.
        for n in self.settled_by(number) {
            self.later(n);
        }
    }

    /// The branch belongs to nobody from here on, and so do the deliveries it settles.
    pub(crate) fn apply_prepared(&mut self, number: TransactionNumber, xid: Xid, settles: &[(u32, u64)]) {
        self.transactions.next = self.transactions.next.max(number.0 + 1);
        let transaction = self.transactions.open.entry(number).or_default();
        let owners: Vec<Owner> = transaction.settles.iter_mut().filter_map(|it| it.owner.take()).collect();
        for owner in owners {
            self.lease_ended(State::Leased(owner));
        }
        for (queue, seq) in settles {
            let held = |entry: &Entry| matches!(entry.state, State::Leased(Owner::Transaction(_)));
            if !self.registry.queue(*queue).and_then(|it| it.entry(*seq)).is_some_and(held) {
                self.hold_for(number, *queue, *seq, Outcome::Accepted);
            }
        }
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
        let next_seq = |n: &u32| self.registry.queue(*n).map(Queue::next_seq);
        let firsts: Vec<(u32, u64)> = counts.keys().filter_map(|n| Some((*n, next_seq(n)?))).collect();
        for (n, first) in &firsts {
            if let Some(queue) = self.registry.queue_mut(*n) {
                queue.promise(*first, counts[n]);
            }
        }
        let settled = self.settled_by(number);
        let unaccepted = self.transactions.take_unaccepted(number);
        let settles = self.durable_settles(number);
        let is_known = self.transactions.is_known(number) || !settles.is_empty();
        let record = Record::Committed { transaction: number, firsts, settles };
        let after = if is_known { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        self.reply_after(id, token, after, Reply::Done, step);
        self.conclude_unaccepted(now, unaccepted, step);
        settled.into_iter().for_each(|n| self.later(n));
        self.continue_commits(now, step);
    }

    /// Gives back, or to the dead letters, what a committed transaction did not accept. After a crash before this is on
    /// disk those deliveries come again, as all do that were leased.
    fn conclude_unaccepted(&mut self, now: Time, unaccepted: Vec<Staging>, step: &mut Step) {
        for Staging { queue: n, seq, owner, outcome } in unaccepted {
            let Some(queue) = self.registry.queue_mut(n).filter(|queue| queue.entry(seq).is_some()) else { continue };
            queue.set_state(seq, owner.map_or(State::Ready, State::Leased));
            self.conclude(now, n, seq, outcome, step);
        }
    }

    /// From here on the transaction has happened; its messages follow into the queues step by step.
    pub(crate) fn apply_committed(
        &mut self,
        now: Time,
        number: TransactionNumber,
        firsts: Vec<(u32, u64)>,
        settles: &[(u32, u64)],
    ) {
        self.transactions.next = self.transactions.next.max(number.0 + 1);
        self.transactions.prepared.retain(|_, other| *other != number);
        let transaction = self.transactions.open.remove(&number).unwrap_or_default();
        let held = transaction.settles.iter().map(|it| (it.queue, it.seq, it.owner));
        let written = settles.iter().map(|(queue, seq)| (*queue, *seq, None));
        for (n, seq, owner) in held.chain(written) {
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
        self.transactions.committing.push_back(Committing { at: now, staged: transaction.staged.into_iter(), next });
    }

    /// Puts the next part of committed messages into their queues.
    pub(crate) fn continue_commits(&mut self, now: Time, step: &mut Step) {
        while self.commit_budget > 0 {
            let Some(queues) = self.commit_one() else { return };
            self.commit_budget -= 1;
            for n in queues {
                self.make_room(now, n, step);
            }
        }
    }

    /// A new step: what commits may do in it.
    pub(crate) fn allow_commits(&mut self) {
        self.commit_budget = STEP_BUDGET;
    }

    pub(crate) fn has_commits(&self) -> bool {
        !self.transactions.committing.is_empty()
    }

    /// Puts one committed message into its queues; `None` when there is no more.
    pub(crate) fn commit_one(&mut self) -> Option<SmallVec<[u32; 4]>> {
        loop {
            let committing = self.transactions.committing.front_mut()?;
            let at = committing.at;
            let Some(mut staged) = committing.staged.next() else {
                let done = self.transactions.committing.pop_front()?;
                for n in done.next.keys() {
                    self.keep_promise(*n);
                }
                continue;
            };
            let mut places: SmallVec<[Route; 1]> = std::mem::take(&mut staged.routes);
            places.retain(|route| match committing.next.get_mut(&route.queue) {
                Some(next) => {
                    route.seq = *next;
                    *next += 1;
                    true
                }
                None => false,
            });
            if staged.message.is_some() {
                self.memory.used -= u64::from(staged.size);
            }
            if let Some(located) = staged.located {
                self.memory.holds.release(located, staged.size);
            }
            let (queues, share) = (places.iter().map(|route| route.queue).collect(), places.len().max(1) as u32);
            for route in places {
                self.enqueue_staged(at, &staged, share, route);
            }
            return Some(queues);
        }
    }

    fn enqueue_staged(&mut self, at: Time, staged: &Staged, share: u32, route: Route) {
        let (n, seq) = (route.queue, route.seq);
        match &staged.message {
            Some(message) => {
                self.enqueue(at, staged.number, message, staged.located, share, route);
                self.let_rest(n, seq);
            }
            None => self.enqueue_absent(at, staged, route),
        }
        if let Some(queue) = self.registry.queue_mut(n)
            && queue.promised == Some(seq)
        {
            queue.promised = Some(seq + 1);
        }
        self.later(n);
    }

    /// An entry whose body is on disk only.
    fn enqueue_absent(&mut self, at: Time, staged: &Staged, route: Route) {
        let Some(queue) = self.registry.queue_mut(route.queue) else { return };
        let entry = Entry {
            message: None,
            number: staged.number,
            located: staged.located,
            arrived: at,
            expires: staged.header.expires,
            first_acquired: Time::ZERO,
            attempts: 0,
            failed: 0,
            size: staged.size,
            charge: staged.size,
            priority: staged.header.priority,
            durable: route.durable,
            assured: route.assured,
            exact: false,
            retained: false,
            history: None,
            tags: route.tags,
            state: route.not_before.map_or(State::Ready, State::Delayed),
        };
        let due = queue.due_of(&entry);
        queue.insert(route.seq, entry, &mut self.memory);
        if let Some(due) = due {
            self.arm(route.queue, due);
        }
    }

    /// A commit has filled its places in a queue: what waited behind them may go.
    fn keep_promise(&mut self, n: u32) {
        let still = self.transactions.committing.iter().filter_map(|it| it.next.get(&n)).min().copied();
        if let Some(queue) = self.registry.queue_mut(n) {
            queue.promised = still;
        }
        self.later(n);
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
        if self.transactions.is_known(number) {
            let record = Record::RolledBack { transaction: number };
            step.write(&record, &mut self.next_lsn);
        }
        for Staging { queue: n, seq, .. } in settles.iter().filter(|it| it.owner.is_none()) {
            self.give_back(now, *n, *seq, false, None, step);
        }
        self.apply_rolled_back(number);
        for n in settles.iter().map(|it| it.queue) {
            if let Some(due) = self.registry.queue(n).and_then(Queue::first_alarm) {
                self.arm(n, due);
            }
        }
    }

    /// What the transaction published is gone; what it settled is again whose it was, or ready.
    pub(crate) fn apply_rolled_back(&mut self, number: TransactionNumber) {
        self.transactions.prepared.retain(|_, other| *other != number);
        let Some(transaction) = self.transactions.open.remove(&number) else { return };
        for staged in &transaction.staged {
            self.memory.used -= staged.bytes_in_memory();
            if let Some(located) = staged.located {
                self.memory.holds.release(located, staged.size);
            }
        }
        for Staging { queue, seq, owner, .. } in transaction.settles {
            let Some(queue) = self.registry.queue_mut(queue) else { continue };
            let held = |entry: &Entry| entry.state == State::Leased(Owner::Transaction(number));
            if queue.entry(seq).is_some_and(held) {
                queue.set_state(seq, owner.map_or(State::Ready, State::Leased));
            }
        }
    }

    fn find_transaction(&mut self, id: ConnectionId, which: &TransactionRef) -> Option<TransactionNumber> {
        match which {
            TransactionRef::Own(index) => self.connections.get_mut(id)?.transactions.remove(index),
            TransactionRef::Prepared(xid) => self.transactions.prepared.get(xid).copied(),
        }
    }

    pub(crate) fn durable_settles(&self, number: TransactionNumber) -> Vec<(u32, u64)> {
        let settles = self.transactions.open.get(&number).map(|it| it.settles.as_slice()).unwrap_or_default();
        let durable = |it: &&Staging| {
            self.registry.queue(it.queue).and_then(|queue| queue.entry(it.seq)).is_some_and(|entry| entry.durable)
        };
        settles.iter().filter(durable).map(|it| (it.queue, it.seq)).collect()
    }

    /// The queues a transaction has outcomes for.
    fn settled_by(&self, number: TransactionNumber) -> Vec<u32> {
        let settles = self.transactions.open.get(&number).map(|it| it.settles.as_slice()).unwrap_or_default();
        let mut queues: Vec<u32> = settles.iter().map(|it| it.queue).collect();
        queues.sort_unstable();
        queues.dedup();
        queues
    }

    pub(crate) fn prepared(&self) -> Vec<Xid> {
        self.transactions.prepared.keys().cloned().collect()
    }

    /// After recovery: what was neither committed nor prepared did not happen.
    pub(crate) fn forget_unprepared(&mut self) {
        let prepared: Vec<TransactionNumber> = self.transactions.prepared.values().copied().collect();
        let open: Vec<TransactionNumber> = self.transactions.open.keys().copied().collect();
        for number in open.into_iter().filter(|number| !prepared.contains(number)) {
            self.apply_rolled_back(number);
        }
    }
}
