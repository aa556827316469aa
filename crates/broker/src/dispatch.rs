//! Ready messages meet consumers that have credit.

use model::limits::STEP_BUDGET;
use model::{Deliver, Delivery, Effect, Lease, Lsn, Mode, Settlement, Time};

use crate::backlog::Head;
use crate::broker::Broker;
use crate::consumer::{Consumer, ConsumerKey, Consumers};
use crate::entry::{Owner, State};
use crate::queue::Queue;
use crate::ready::Key;
use crate::record::Record;
use crate::step::Step;
use crate::view::View;

/// Sequence numbers that one `Marked` record lets be delivered: few for a quiet queue, because a restart skips those
/// that were not. The next record is written when half of them are used, so that no delivery waits for it.
const MARK_AHEAD: std::ops::RangeInclusive<u64> = 16..=4096;

/// What a search for a consumer's next message found.
enum Found {
    Message(Key),
    Nothing,
    /// The search goes on when a body is here, when a commit has filled its places, or in the next step.
    Later,
}

impl Broker {
    /// Hands out what can be handed out, within the step's budget.
    pub(crate) fn dispatch(&mut self, now: Time, n: u32, step: &mut Step) {
        if self.registry.queue(n).is_none_or(|queue| queue.unfinished) {
            return;
        }
        self.pump_cursors(now, n, step);
        let mut budget = STEP_BUDGET;
        while budget > 0 {
            budget -= 1;
            let Some(queue) = self.registry.queue_mut(n) else { return };
            if queue.consumers.is_empty() {
                return;
            }
            let head = match queue.head() {
                Head::Entry(head) => head,
                Head::Rests(block) => return self.want_page(n, block, step),
                Head::Nothing => return self.starve(now, n, step),
            };
            if queue.waits_for_commit(head.seq()) {
                return;
            }
            let entry = queue.entry(head.seq()).expect("head() looked");
            if queue.is_expired(entry, now) {
                self.expire(now, n, head.seq(), step);
                continue;
            }
            if let Some(consumer) = self.next_plain(n) {
                if !self.has_body(n, head, step) {
                    return;
                }
                self.hand_out(now, n, consumer, head, step);
                self.read_ahead(n, step);
                self.load_ahead(n, step);
                continue;
            }
            match self.dispatch_selective(now, n, &mut budget, step) {
                Found::Message(_) => {}
                Found::Nothing => return self.starve(now, n, step),
                Found::Later if budget > 0 => return,
                Found::Later => {}
            }
        }
        self.later(n);
    }

    /// Lets the dispatch of a queue go on at the end of this step, or in the next one.
    pub(crate) fn later(&mut self, n: u32) {
        if let Some(queue) = self.registry.queue_mut(n)
            && !std::mem::replace(&mut queue.unfinished, true)
        {
            self.unfinished.push_back(n);
        }
    }

    /// The next consumer without a selector that wants something, in turns.
    fn next_plain(&mut self, n: u32) -> Option<ConsumerKey> {
        let queue = self.registry.queue_mut(n)?;
        let active = active(queue, &self.consumers);
        let (count, mut best) = (queue.consumers.len(), None);
        for i in 0..count {
            let at = (queue.turn + i) % count;
            let key = queue.consumers[at];
            let Some(consumer) = self.consumers.get(key) else { continue };
            if consumer.selector.is_some() || !consumer.wants() || !may_take(active, key, consumer) {
                continue;
            }
            if best.is_none_or(|(_, priority, _)| consumer.priority > priority) {
                best = Some((at, consumer.priority, key));
            }
            if !queue.ranked {
                break;
            }
        }
        let (at, _, key) = best?;
        queue.turn = at + 1;
        Some(key)
    }

    /// Gives one message to a consumer with a selector that wants and matches it.
    fn dispatch_selective(&mut self, now: Time, n: u32, budget: &mut usize, step: &mut Step) -> Found {
        let Some(queue) = self.registry.queue(n).filter(|queue| queue.selective > 0) else { return Found::Nothing };
        let (mut result, active) = (Found::Nothing, active(queue, &self.consumers));
        let (count, turn) = (queue.consumers.len(), queue.turn);
        for i in 0..count {
            let at = (turn + i) % count;
            let Some(key) = self.registry.queue(n).and_then(|queue| queue.consumers.get(at).copied()) else { break };
            let may = |it: &Consumer| it.selector.is_some() && it.wants() && may_take(active, key, it);
            if !self.consumers.get(key).is_some_and(may) {
                continue;
            }
            match self.scan(now, n, key, budget, step) {
                Found::Message(found) => {
                    if let Some(queue) = self.registry.queue_mut(n) {
                        queue.turn = at + 1;
                    }
                    self.hand_out(now, n, key, found, step);
                    return Found::Message(found);
                }
                Found::Nothing => {}
                Found::Later => result = Found::Later,
            }
        }
        result
    }

    /// The first ready message that matches the consumer's selector. What was looked at is not looked at again, so a
    /// new message costs one look whatever the backlog.
    fn scan(&mut self, now: Time, n: u32, key: ConsumerKey, budget: &mut usize, step: &mut Step) -> Found {
        while *budget > 0 {
            *budget -= 1;
            let Some(consumer) = self.consumers.get_mut(key) else { return Found::Nothing };
            let Some(queue) = self.registry.queue(n) else { return Found::Nothing };
            let hit = consumer.hits.pop_first();
            let next = hit.map_or_else(|| queue.ready_from(consumer.scanned), Head::Entry);
            let (at, rests) = match next {
                Head::Entry(at) => (at, queue.entries.rests(at.seq()).then(|| queue.entries.block_of(at.seq()))),
                Head::Rests(block) => (consumer.scanned, Some(block)),
                Head::Nothing => return Found::Nothing,
            };
            if let Some(block) = rests {
                consumer.hits.extend(hit);
                self.want_page(n, block, step);
                return Found::Later;
            }
            let Some(entry) = queue.entry(at.seq()).filter(|entry| entry.state == State::Ready) else {
                consumer.scanned = consumer.scanned.max(at.next());
                continue;
            };
            if queue.is_expired(entry, now) {
                self.expire(now, n, at.seq(), step);
                continue;
            }
            let (selector, scanned) = (consumer.selector.clone(), consumer.scanned);
            if queue.waits_for_commit(at.seq()) || !self.has_body(n, at, step) {
                if hit.is_some()
                    && let Some(consumer) = self.consumers.get_mut(key)
                {
                    consumer.hits.insert(at);
                }
                return Found::Later;
            }
            let message = self.registry.queue(n).and_then(|queue| queue.entry(at.seq())?.message.clone());
            let Some(message) = message else { return Found::Later };
            let view = View { message: &message, encodings: &self.options.encodings };
            let matches = selector.is_some_and(|selector| selector.matches(&view));
            if let Some(consumer) = self.consumers.get_mut(key) {
                consumer.scanned = scanned.max(at.next());
            }
            if matches {
                return Found::Message(at);
            }
            drop(message);
            self.let_rest(n, at.seq());
        }
        Found::Later
    }

    /// Whether the entry's body is in memory; if not, it and the next ones are asked for.
    pub(crate) fn has_body(&mut self, n: u32, key: Key, step: &mut Step) -> bool {
        let Some(queue) = self.registry.queue_mut(n) else { return false };
        if queue.entry(key.seq()).is_some_and(|entry| entry.message.is_some()) {
            return true;
        }
        if queue.loading == 0 {
            self.load_from(n, key, step);
        }
        false
    }

    /// Gives entry `key` to a consumer.
    fn hand_out(&mut self, now: Time, n: u32, key: ConsumerKey, at: Key, step: &mut Step) {
        let seq = at.seq();
        if self.consumers.get(key).is_some_and(|consumer| consumer.filtered) && self.withhold(n, key, at) {
            return;
        }
        let Some(Mode::Leasing { settlement, lease }) = self.consumers.get(key).map(|consumer| consumer.mode) else {
            return;
        };
        let after = self.mark(n, seq, lease, step);
        let Some(consumer) = self.consumers.get_mut(key) else { return };
        let Some(queue) = self.registry.queue_mut(n) else { return };
        if queue.ready.first() == Some(at) {
            queue.ready.pop();
        }
        let id = queue.id();
        let default_lease = queue.settings.lease;
        let seen_before = queue.seen_before;
        queue.counts.delivered += 1;
        self.totals.delivered += 1;
        let Some(entry) = queue.entry_mut(seq) else { return };
        let recorded = entry.located.filter(|_| entry.exact).map_or(Lsn(0), |located| Lsn(located.lsn));
        let after = after.max(recorded);
        entry.attempts += 1;
        if entry.attempts == 1 {
            entry.first_acquired = now;
        }
        let Some(message) = entry.message.clone() else { return };
        let settled = match settlement {
            Settlement::Presettled => true,
            Settlement::Explicit => false,
            Settlement::ByMessage => !entry.assured,
        };
        consumer.spend(entry.size.into());
        consumer.after = consumer.after.max(after);
        if let Some(fetch) = &mut consumer.fetch {
            fetch.delivered += 1;
        }
        let deliver = Deliver {
            consumer: consumer.index,
            delivery: Delivery { queue: id, seq, attempt: entry.attempts },
            message,
            number: entry.number,
            arrived: entry.arrived,
            first_acquired: entry.first_acquired,
            failed: entry.failed,
            redelivered: entry.attempts > 1 || (entry.durable && seq < seen_before),
            settled,
            retained: entry.retained,
            history: entry.history.clone().filter(|history| !history.deaths.is_empty()),
            tags: entry.tags.clone(),
        };
        let (connection, after) = (consumer.connection, consumer.after);
        if settled {
            queue.counts.settled += 1;
            self.totals.settled += 1;
            self.discard(n, seq);
        } else {
            self.lease(now, n, seq, key, lease, default_lease);
        }
        step.effects.push(crate::step::Outgoing { connection, after, effect: Effect::Deliver(deliver) });
        self.end_if_satisfied(n, key, step);
    }

    /// Drops a message of a subscription that its consumer may not see: it was bound, and the right was taken away since.
    fn withhold(&mut self, n: u32, key: ConsumerKey, at: Key) -> bool {
        let message = self.registry.queue(n).and_then(|queue| queue.entry(at.seq())?.message.clone());
        let Some(message) = message.filter(|message| !self.shows(key, message)) else { return false };
        if let Some(queue) = self.registry.queue_mut(n) {
            if queue.ready.first() == Some(at) {
                queue.ready.pop();
            }
            queue.counts.dropped += 1;
        }
        drop(message);
        self.discard(n, at.seq());
        true
    }

    fn lease(&mut self, now: Time, n: u32, seq: u64, key: ConsumerKey, lease: Lease, default_lease: u64) {
        let owner = match lease {
            Lease::Connection => {
                if let Some(consumer) = self.consumers.get_mut(key) {
                    consumer.leased += 1;
                }
                Owner::Consumer(key)
            }
            Lease::Deadline(length) => Owner::Deadline(now.plus(length.unwrap_or(default_lease))),
        };
        let tight = self.memory.is_tight();
        if let Some(queue) = self.registry.queue_mut(n) {
            queue.set_state(seq, State::Leased(owner));
            if tight && queue.entry(seq).is_some_and(|entry| entry.durable) {
                queue.set_message(seq, None, &mut self.memory);
            }
        }
        if let Owner::Deadline(at) = owner {
            self.arm(n, at);
        }
    }

    /// Records that entries up to `seq` may have been seen, so that they are known as redelivered after a restart, and
    /// their numbers, which receipts name, are not given out again. Returns the record a delivery of `seq` waits for.
    fn mark(&mut self, n: u32, seq: u64, lease: Lease, step: &mut Step) -> Lsn {
        let Some(queue) = self.registry.queue_mut(n) else { return Lsn(0) };
        let has_receipt = queue.settings.durable && matches!(lease, Lease::Deadline(_));
        if !has_receipt && !queue.entry(seq).is_some_and(|entry| entry.durable) {
            return Lsn(0);
        }
        let before = queue.marked;
        let covered = seq < queue.mark;
        if seq >= queue.marks_at {
            let ahead = (queue.counts.delivered * 2).clamp(*MARK_AHEAD.start(), *MARK_AHEAD.end());
            queue.mark = seq + ahead;
            queue.marks_at = seq + ahead / 2;
            let record = Record::Marked { queue: n, below: queue.mark };
            queue.marked = Lsn(step.write(&record, &mut self.next_lsn).lsn);
        }
        if covered { before } else { queue.marked }
    }

    /// Nothing more can be handed out now: drains end, and fetches that do not wait.
    fn starve(&mut self, now: Time, n: u32, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        if queue.loading > 0 || queue.promised.is_some() {
            return;
        }
        let waiting = |key: &ConsumerKey| {
            self.consumers.get(*key).is_some_and(|it| {
                let fetch_ends =
                    it.fetch.is_some_and(|fetch| fetch.delivered > 0 || fetch.until.is_none_or(|until| until <= now));
                it.drain || fetch_ends
            })
        };
        if !queue.consumers.iter().any(waiting) {
            return;
        }
        let ended: Vec<ConsumerKey> = queue.consumers.iter().copied().filter(waiting).collect();
        for key in ended {
            self.drained(n, key, step);
        }
    }

    /// A fetch that has all it asked for is over.
    fn end_if_satisfied(&mut self, n: u32, key: ConsumerKey, step: &mut Step) {
        let done = |it: &crate::consumer::Consumer| it.credit.messages == 0 && (it.fetch.is_some() || it.drain);
        if self.consumers.get(key).is_some_and(done) {
            self.drained(n, key, step);
        }
    }

    /// Tells a consumer that its drain or fetch is over.
    pub(crate) fn drained(&mut self, n: u32, key: ConsumerKey, step: &mut Step) {
        let Some(consumer) = self.consumers.get_mut(key) else { return };
        consumer.credit.messages = 0;
        consumer.drain = false;
        let (connection, after, index) = (consumer.connection, consumer.after, consumer.index);
        let is_fetch = consumer.fetch.is_some();
        let effect = Effect::Drained { consumer: index };
        step.effects.push(crate::step::Outgoing { connection, after, effect });
        if is_fetch {
            self.detach_consumer(n, key);
        }
    }
}

/// Of a queue that has only one active consumer, that one.
fn active(queue: &Queue, consumers: &Consumers) -> Option<ConsumerKey> {
    let lasting = |key: &&ConsumerKey| consumers.get(**key).is_some_and(|it| it.fetch.is_none());
    if queue.settings.single_active { queue.consumers.iter().find(lasting).copied() } else { None }
}

/// Where only one consumer is active, the others wait; a fetch takes what it asks for.
fn may_take(active: Option<ConsumerKey>, key: ConsumerKey, consumer: &Consumer) -> bool {
    active.is_none_or(|active| active == key) || consumer.fetch.is_some()
}
