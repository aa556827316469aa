//! The ledger: leases end by an outcome, by a deadline, or with their connection.

use std::collections::BTreeSet;

use model::limits::STEP_BUDGET;
use model::{ConnectionId, DeathReason, Delivery, Effect, Lsn, Outcome, Overflow, Refusal, Reply, Settle, Time, Token};

use crate::broker::Broker;
use crate::consumer::ConsumerKey;
use crate::dead_letter::Cause;
use crate::entry::{Entry, Owner, State};
use crate::queue::Queue;
use crate::record::{Copied, Record};
use crate::step::Step;
use crate::view::View;

impl Broker {
    pub(crate) fn settle(&mut self, now: Time, id: ConnectionId, settle: Settle, step: &mut Step) {
        if let Some(index) = settle.transaction {
            return self.stage_settle(id, index, settle, step);
        }
        let n = settle.queue.n;
        let mut count = 0;
        if let Some(queue) = self.registry.queue(n) {
            if settle.attempt.is_some() && queue.entries.rests(settle.first) {
                let block = queue.entries.block_of(settle.first);
                return self.postpone(id, settle, block, step);
            }
            let last = settle.last.min(queue.next_seq().saturating_sub(1));
            for seq in settle.first.max(queue.first_seq())..=last {
                if self.may_settle(id, n, seq, &settle) {
                    self.conclude(now, n, seq, settle.outcome, step);
                    count += 1;
                }
            }
        }
        if count > 0 {
            // Settling may have given credit back.
            self.dispatch(now, n, step);
        }
        let Some(token) = settle.token else { return };
        self.write_settled(n, step);
        let after = Lsn(self.next_lsn - 1);
        if count == 0 {
            // That it is gone is known only when its end is on disk.
            let after = if settle.attempt.is_some() { after } else { Lsn(0) };
            let reply = Err(Refusal::NotLeased);
            self.answer(id, after, Effect::Reply { token, reply }, step);
        } else {
            self.reply_after(id, token, after, Reply::Count(count), step);
        }
    }

    /// Whether the caller has this entry: by its connection's lease, or by a receipt.
    pub(crate) fn may_settle(&self, id: ConnectionId, n: u32, seq: u64, settle: &Settle) -> bool {
        let Some(queue) = self.registry.queue(n) else { return false };
        let Some(entry) = queue.entry(seq) else { return false };
        let mine = |key| self.consumers.get(key).is_some_and(|consumer| consumer.connection == id);
        match (entry.state, settle.attempt) {
            (State::Leased(Owner::Transaction(_)), _) => false,
            (State::Decided { .. }, Some(_)) => false,
            // A receipt stays good for an acceptance as long as the message is there (SQS DeleteMessage) ...
            (_, Some(_)) if settle.outcome == Outcome::Accepted => true,
            // ... for the rest only while the lease is the one it was given for.
            (State::Leased(Owner::Deadline(_)), Some(attempt)) => attempt == entry.attempts,
            (_, Some(_)) => false,
            (State::Leased(Owner::Consumer(key)), None) => mine(key),
            // The message itself may be gone: it cannot come back.
            (State::Decided { .. }, None) => {
                let may = settle.outcome == Outcome::Accepted && settle.transaction.is_none();
                may && queue.consumers.iter().any(|key| mine(*key))
            }
            (_, None) => false,
        }
    }

    /// Does to one entry what the outcome says.
    pub(crate) fn conclude(&mut self, now: Time, n: u32, seq: u64, outcome: Outcome, step: &mut Step) {
        match outcome {
            Outcome::Accepted => {
                self.totals.settled += 1;
                if let Some(queue) = self.registry.queue_mut(n) {
                    queue.counts.settled += 1;
                }
                self.discard(n, seq);
            }
            Outcome::Rejected => self.dead_letter(now, n, seq, DeathReason::Rejected.into(), step),
            Outcome::Poison(text) => self.dead_letter(now, n, seq, Cause::poison(text), step),
            Outcome::Released => self.give_back(now, n, seq, false, None, step),
            Outcome::Modified { failed, not_before } => self.give_back(now, n, seq, failed, not_before, step),
            Outcome::Renew(until) if until <= now => self.give_back(now, n, seq, false, None, step),
            Outcome::Renew(until) => {
                let Some(queue) = self.registry.queue_mut(n) else { return };
                if matches!(queue.entry(seq).map(|entry| entry.state), Some(State::Leased(Owner::Deadline(_)))) {
                    queue.set_state(seq, State::Leased(Owner::Deadline(until)));
                    self.arm(n, until);
                }
            }
        }
    }

    /// A leased entry goes back to its place, or to the dead letters if it came back too often.
    pub(crate) fn give_back(
        &mut self,
        now: Time,
        n: u32,
        seq: u64,
        failed: bool,
        not_before: Option<Time>,
        step: &mut Step,
    ) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        let most = queue.settings.dead_letter.as_ref().and_then(|it| it.max_deliveries);
        let Some(entry) = queue.entry_mut(seq) else { return };
        entry.failed += u32::from(failed);
        if most.is_some_and(|most| entry.attempts >= most) {
            return self.dead_letter(now, n, seq, DeathReason::DeliveryLimit.into(), step);
        }
        let (attempts, failed_count, state) = (entry.attempts, entry.failed, entry.state);
        let not_before = not_before.filter(|at| *at > now);
        let back = not_before.map_or(State::Ready, State::Delayed);
        if entry.durable && (failed || most.is_some() || not_before.is_some()) {
            let record = Record::Returned { queue: n, seq, attempts, failed: failed_count, not_before };
            step.write(&record, &mut self.next_lsn);
        }
        queue.set_state(seq, back);
        let due = queue.entry(seq).and_then(|entry| queue.due_of(entry));
        self.lease_ended(state);
        self.offer_to_selective(n, seq);
        if let Some(due) = due {
            self.arm(n, due);
        }
        self.later(n);
    }

    /// Consumers with a selector that were past a returned entry learn of it if it matches.
    pub(crate) fn offer_to_selective(&mut self, n: u32, seq: u64) {
        let Some(queue) = self.registry.queue(n) else { return };
        let Some(entry) = queue.entry(seq).filter(|_| queue.selective > 0) else { return };
        let key = queue.key(entry, seq);
        for consumer in &queue.consumers {
            let Some(consumer) = self.consumers.get_mut(*consumer) else { continue };
            let Some(selector) = consumer.selector.as_ref().filter(|_| key < consumer.scanned) else { continue };
            let matches = entry
                .message
                .as_ref()
                .is_none_or(|message| selector.matches(&View { message, encodings: &self.options.encodings }));
            if matches {
                consumer.hits.insert(key);
            }
        }
    }

    /// Takes an entry out for good; the record of it is written at the end of the step.
    pub(crate) fn discard(&mut self, n: u32, seq: u64) -> Option<Entry> {
        let queue = self.registry.queue_mut(n)?;
        let entry = queue.remove(seq, &mut self.memory)?;
        if entry.durable {
            if queue.settled.is_empty() {
                self.settled_queues.push(n);
            }
            match queue.settled.last_mut() {
                Some((_, last)) if *last + 1 == seq => *last = seq,
                _ => queue.settled.push((seq, seq)),
            }
        }
        self.lease_ended(entry.state);
        Some(entry)
    }

    /// Gives a lease's credit back to its consumer.
    pub(crate) fn lease_ended(&mut self, state: State) {
        let State::Leased(Owner::Consumer(key)) = state else { return };
        let Some(consumer) = self.consumers.get_mut(key) else { return };
        consumer.settled();
        if consumer.cancelled && consumer.leased == 0 {
            let connection = consumer.connection;
            if let Some(connection) = self.connections.get_mut(connection) {
                connection.lingering.remove(&key);
            }
            self.consumers.remove(key);
        }
    }

    /// Writes what was settled in `n` and not yet written.
    pub(crate) fn write_settled(&mut self, n: u32, step: &mut Step) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        let ranges = std::mem::take(&mut queue.settled);
        if !ranges.is_empty() {
            step.write(&Record::Settled { queue: n, ranges }, &mut self.next_lsn);
        }
    }

    pub(crate) fn expire(&mut self, now: Time, n: u32, seq: u64, step: &mut Step) {
        if let Some(queue) = self.registry.queue_mut(n) {
            queue.counts.expired += 1;
        }
        self.dead_letter(now, n, seq, DeathReason::Expired.into(), step);
    }

    /// Moves an entry to the end of another queue, in one record.
    pub(crate) fn move_entry(&mut self, now: Time, from: u32, seq: u64, to: u32, step: &mut Step) {
        let Some(entry) = self.registry.queue(from).and_then(|queue| queue.entry(seq)) else { return };
        let state = entry.state;
        let Some(target) = self.registry.queue(to) else { return };
        let to_seq = target.next_seq();
        if entry.durable && target.settings.durable {
            let record = Record::Moved { from, seq, to, to_seq };
            step.write(&record, &mut self.next_lsn);
            self.apply(now, record, None);
            self.lease_ended(state);
        } else {
            if let Some(entry) = self.discard(from, seq) {
                self.arrive(now, to, to_seq, entry);
            }
        }
        // A queue that dead-letters what it has no room for is left over its limit: two such could feed each other.
        if self.registry.queue(to).is_some_and(|target| target.settings.overflow == Overflow::DropHead) {
            self.make_room(now, to, step);
        }
    }

    pub(crate) fn apply_settled(&mut self, n: u32, ranges: &[(u64, u64)]) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        for (first, last) in ranges {
            for seq in *first.max(&queue.first_seq())..=(*last).min(queue.next_seq().saturating_sub(1)) {
                queue.remove(seq, &mut self.memory);
            }
            // What was settled in the same step that published it may be settled in the journal before a gap.
            queue.entries.skip_to(last.saturating_add(1));
        }
    }

    pub(crate) fn apply_returned(&mut self, n: u32, seq: u64, counts: (u32, u32), not_before: Option<Time>) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        if let Some(entry) = queue.entry_mut(seq) {
            (entry.attempts, entry.failed) = counts;
            queue.set_state(seq, not_before.map_or(State::Ready, State::Delayed));
        }
    }

    /// A copy of a message that is in the journal already: its body is read when it is wanted.
    pub(crate) fn apply_copied(&mut self, now: Time, copied: Copied) {
        let Copied { number, located, size, priority, expires, route } = copied;
        let Some(queue) = self.registry.queue_mut(route.queue) else { return };
        let entry = Entry {
            message: None,
            number,
            located: Some(located),
            arrived: now,
            expires,
            first_acquired: Time::ZERO,
            attempts: 0,
            failed: 0,
            size,
            charge: size,
            priority,
            durable: true,
            assured: route.assured,
            exact: false,
            retained: route.retained,
            history: None,
            tags: route.tags,
            state: State::Ready,
        };
        let due = queue.due_of(&entry);
        queue.insert(route.seq, entry, &mut self.memory);
        if let Some(due) = due {
            self.arm(route.queue, due);
        }
    }

    pub(crate) fn apply_moved(&mut self, now: Time, from: u32, seq: u64, to: u32, to_seq: u64) {
        let entry = self.registry.queue_mut(from).and_then(|queue| queue.remove(seq, &mut self.memory));
        if let Some(entry) = entry {
            self.arrive(now, to, to_seq, entry);
        }
    }

    /// First step of two: the message may go, the receiver's mark stays.
    pub(crate) fn decide(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        delivery: Delivery,
        mark: u32,
        step: &mut Step,
    ) {
        let (n, seq) = (delivery.queue.n, delivery.seq);
        let state = self.registry.queue(n).and_then(|queue| queue.entry(seq)).map(|entry| entry.state);
        let is_mine = |key| self.consumers.get(key).is_some_and(|consumer| consumer.connection == id);
        let (state, durable) = match state {
            // Said again: the first answer was lost.
            Some(State::Decided { mark: before }) if before == mark => {
                let after = Lsn(self.next_lsn - 1);
                return self.reply_after(id, token, after, Reply::Done, step);
            }
            Some(state @ State::Leased(Owner::Consumer(key))) if is_mine(key) => {
                (state, self.registry.queue(n).and_then(|queue| queue.entry(seq)).is_some_and(|entry| entry.durable))
            }
            _ => return self.refuse(id, token, Refusal::NotLeased, step),
        };
        let record = Record::Decided { queue: n, seq, mark };
        let mut after = Lsn(0);
        if durable {
            after = Lsn(step.write(&record, &mut self.next_lsn).lsn);
        }
        self.apply(now, record, None);
        // The window counts a decided delivery as done: only its mark is kept.
        self.lease_ended(state);
        self.reply_after(id, token, after, Reply::Done, step);
        self.dispatch(now, n, step);
    }

    /// Deadlines, delays and expiries of one queue that are due.
    pub(crate) fn fall_due(&mut self, now: Time, n: u32, step: &mut Step) {
        if self.goes_unused(now, n, step) {
            return;
        }
        let mut budget = STEP_BUDGET;
        while budget > 0 {
            let Some(queue) = self.registry.queue_mut(n) else { return };
            let Some(seq) = queue.pop_due(now) else { break };
            budget -= 1;
            let Some(entry) = queue.entry(seq) else { continue };
            let expired = queue.is_expired(entry, now);
            match entry.state {
                State::Leased(Owner::Deadline(_)) => self.give_back(now, n, seq, true, None, step),
                State::Ready | State::Delayed(_) if expired => self.expire(now, n, seq, step),
                State::Delayed(_) => {
                    queue.set_state(seq, State::Ready);
                    self.offer_to_selective(n, seq);
                }
                State::Ready | State::Leased(_) | State::Decided { .. } => {}
            }
        }
        while let Some(block) = self.registry.queue_mut(n).and_then(|queue| queue.pop_due_block(now)) {
            self.want_page(n, block, step);
        }
        self.outlive(now, n, budget, step);
        if let Some(next) = self.registry.queue(n).and_then(Queue::next_due) {
            // What is late already goes on in another step.
            self.arm(n, next.max(now.plus(1)));
        }
        self.dispatch(now, n, step);
    }

    /// Deletes a queue that nobody has used for as long as it may be unused.
    fn goes_unused(&mut self, now: Time, n: u32, step: &mut Step) -> bool {
        let Some(queue) = self.registry.queue_mut(n) else { return true };
        // After a restart it counts from here.
        queue.used.get_or_insert(now);
        let goes = queue.goes_at().is_some_and(|at| at <= now);
        if goes {
            self.delete_queue(now, n, step);
        }
        goes
    }

    /// All leases of consumers of one queue end, as if released.
    pub(crate) fn release_all(&mut self, now: Time, n: u32, keys: &BTreeSet<ConsumerKey>, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        let count: usize = keys.iter().filter_map(|key| self.consumers.get(*key)).map(|it| it.leased as usize).sum();
        let theirs = |entry: &Entry| matches!(entry.state, State::Leased(Owner::Consumer(key)) if keys.contains(&key));
        let leased = queue.entries_from(0).filter(|(_, entry)| theirs(entry)).take(count);
        for seq in leased.map(|(seq, _)| seq).collect::<Vec<_>>() {
            self.give_back(now, n, seq, false, None, step);
        }
    }
}
