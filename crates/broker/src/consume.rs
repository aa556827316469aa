//! Consumers and fetches come and go, and with them whole connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Action, Claim, CloseReason, Conflict, ConnectionId, Consume, ConsumerIndex, Credit, CreditMode, Denial, Effect,
    Fetch, Lifetime, Lsn, Mode, Name, Position, Refusal, Reply, Time, Token, limits,
};
use selector::Selector;

use crate::broker::Broker;
use crate::consumer::{Consumer, ConsumerKey, Fetching};
use crate::entries::Block;
use crate::entry::State;
use crate::queue::Queue;
use crate::ready::Key;
use crate::step::{Outgoing, Step};
use crate::timers::Alarm;

impl Broker {
    pub(crate) fn consume(&mut self, now: Time, id: ConnectionId, consume: Consume, step: &mut Step) {
        let Consume { token, consumer: index, queue, mode, credit, credit_mode, selector, exclusive, priority } =
            consume;
        let Some(n) = self.find(id, token, &queue, step) else { return };
        let selector = match selector.as_deref().map(Selector::parse).transpose() {
            Ok(selector) => selector.map(Arc::new),
            Err(error) => return self.refuse(id, token, Refusal::Invalid(error.to_string()), step),
        };
        let Some(queue) = self.registry.queue(n) else { return };
        if queue.is_log() && matches!(mode, Mode::Leasing { .. }) {
            return self.refuse(id, token, Refusal::IsLog, step);
        }
        let leases = matches!(mode, Mode::Leasing { .. });
        let others = queue.consumers.iter().filter_map(|key| self.consumers.get(*key));
        if leases && !queue.consumers.is_empty() && (exclusive || others.into_iter().any(|other| other.exclusive)) {
            let refusal = Refusal::InUse(queue.name.to_text().into_owned());
            return self.refuse(id, token, refusal, step);
        }
        let decided = self.decided(n);
        let next = self.start_of(n, mode);
        let consumer = Consumer {
            connection: id,
            index,
            queue: n,
            mode,
            credit,
            overdrawn: 0,
            credit_mode,
            selector,
            scanned: Key::FIRST,
            hits: BTreeSet::new(),
            next,
            since: if let Mode::Cursor { from: Position::Time(since) } = mode { since } else { Time::ZERO },
            drain: false,
            fetch: None,
            leased: 0,
            cancelled: false,
            after: Lsn(0),
            exclusive,
            priority,
            filtered: self.filters(id, n),
        };
        let Ok(key) = self.attach(id, consumer, step, token) else { return };
        let reply = Reply::Consuming { queue: model::QueueId { shard: 0, n }, decided };
        let after = Lsn(self.next_lsn - 1);
        self.reply_after(id, token, after, reply, step);
        let after = self.connections.get(id).map_or(after, |connection| connection.after);
        if let Some(consumer) = self.consumers.get_mut(key) {
            consumer.after = after;
        }
        self.dispatch(now, n, step);
    }

    /// Deliveries of a queue that were decided and not settled.
    fn decided(&self, n: u32) -> Vec<(model::Delivery, u32)> {
        let Some(queue) = self.registry.queue(n) else { return Vec::new() };
        let id = queue.id();
        let decided = queue.entries_from(0).filter_map(|(seq, entry)| match entry.state {
            State::Decided { mark } => Some((model::Delivery { queue: id, seq, attempt: entry.attempts }, mark)),
            _ => None,
        });
        decided.collect()
    }

    fn start_of(&self, n: u32, mode: Mode) -> u64 {
        let (Mode::Cursor { from }, Some(queue)) = (mode, self.registry.queue(n)) else { return 0 };
        match from {
            Position::First => queue.first_seq(),
            Position::Next => queue.next_seq(),
            Position::Seq(seq) => seq,
            Position::Time(time) => {
                let late = |block: &&Block| match block.page.as_ref().filter(|_| block.rests()) {
                    Some(page) => page.youngest >= time,
                    None => block.from(0).any(|(_, entry)| entry.arrived >= time),
                };
                let block = queue.entries.blocks_from(0).find(late);
                block.map_or(queue.next_seq(), |block| queue.entries.bounds(block.no).0)
            }
        }
    }

    /// Gives a consumer its key and its place with connection and queue.
    fn attach(
        &mut self,
        id: ConnectionId,
        consumer: Consumer,
        step: &mut Step,
        token: Token,
    ) -> Result<ConsumerKey, ()> {
        let (n, index) = (consumer.queue, consumer.index);
        let Some(connection) = self.connections.get_mut(id) else { return Err(()) };
        if index.0 >= limits::CONSUMERS_PER_CONNECTION {
            let limit = Refusal::Limit("consumers of a connection", limits::CONSUMERS_PER_CONNECTION.into());
            self.refuse(id, token, limit, step);
            return Err(());
        }
        let at = index.0 as usize;
        if connection.consumers.len() <= at {
            connection.consumers.resize(at + 1, None);
        }
        if connection.consumers[at].is_some() {
            self.refuse(id, token, Refusal::Invalid(format!("consumer {at} is there already")), step);
            return Err(());
        }
        let (cursor, selective, priority) = (consumer.is_cursor(), consumer.selector.is_some(), consumer.priority);
        let key = self.consumers.insert(consumer);
        connection.consumers[at] = Some(key);
        if let Some(queue) = self.registry.queue_mut(n) {
            if cursor {
                queue.cursors.push(key);
            } else {
                let before =
                    |other: &&ConsumerKey| self.consumers.get(**other).is_some_and(|it| it.priority >= priority);
                let at = queue.consumers.iter().take_while(before).count();
                queue.consumers.insert(at, key);
                queue.ranked |= priority != 0;
                queue.selective += usize::from(selective);
            }
        }
        Ok(key)
    }

    pub(crate) fn fetch(&mut self, now: Time, id: ConnectionId, fetch: Fetch, step: &mut Step) {
        let Some(n) = self.find(id, fetch.token, &fetch.queue, step) else { return };
        if self.registry.queue(n).is_some_and(Queue::is_log) {
            return self.refuse(id, fetch.token, Refusal::IsLog, step);
        }
        let exclusive = |queue: &&Queue| {
            queue.consumers.iter().any(|key| self.consumers.get(*key).is_some_and(|other| other.exclusive))
        };
        if let Some(queue) = self.registry.queue(n).filter(exclusive) {
            let refusal = Refusal::InUse(queue.name.to_text().into_owned());
            return self.refuse(id, fetch.token, refusal, step);
        }
        self.note_use(now, n);
        let number = self.next_fetch;
        self.next_fetch += 1;
        let consumer = Consumer {
            connection: id,
            index: fetch.consumer,
            queue: n,
            mode: Mode::Leasing { settlement: fetch.settlement, lease: fetch.lease },
            credit: Credit::messages(fetch.max.clamp(1, limits::FETCH_MESSAGES)),
            overdrawn: 0,
            credit_mode: CreditMode::Explicit,
            selector: None,
            scanned: Key::FIRST,
            hits: BTreeSet::new(),
            next: 0,
            since: Time::ZERO,
            drain: false,
            fetch: Some(Fetching { until: fetch.until.filter(|at| *at > now), delivered: 0, number }),
            leased: 0,
            cancelled: false,
            after: Lsn(0),
            exclusive: false,
            priority: 0,
            filtered: self.filters(id, n),
        };
        let Ok(key) = self.attach(id, consumer, step, fetch.token) else { return };
        let ready = self.registry.queue(n).map_or(0, |queue| queue.counts.ready);
        self.reply(id, fetch.token, Reply::Fetching { queue: model::QueueId { shard: 0, n }, ready }, step);
        let after = self.connections.get(id).map_or(Lsn(0), |connection| connection.after);
        if let Some(consumer) = self.consumers.get_mut(key) {
            consumer.after = after;
        }
        if let Some(until) = fetch.until.filter(|at| *at > now) {
            self.timers.set(until, Alarm::Fetch(key, number));
        }
        self.dispatch(now, n, step);
    }

    pub(crate) fn add_credit(
        &mut self,
        now: Time,
        id: ConnectionId,
        index: ConsumerIndex,
        (add, drain): (Credit, bool),
        step: &mut Step,
    ) {
        let Some(key) = self.connections.get(id).and_then(|connection| connection.consumer(index)) else { return };
        let Some(consumer) = self.consumers.get_mut(key) else { return };
        consumer.earn(add);
        consumer.drain |= drain;
        let n = consumer.queue;
        self.dispatch(now, n, step);
        // A queue that has more than the credit took leaves the drain unanswered, and so does an empty one with no
        // credit at all.
        if drain && self.consumers.get(key).is_some_and(|consumer| consumer.drain && consumer.credit.messages == 0) {
            self.drained(n, key, step);
        }
    }

    pub(crate) fn cancel(&mut self, now: Time, id: ConnectionId, index: ConsumerIndex, step: &mut Step) {
        let Some(key) = self.connections.get(id).and_then(|connection| connection.consumer(index)) else { return };
        let Some(n) = self.consumers.get(key).map(|consumer| consumer.queue) else { return };
        self.detach_consumer(n, key);
        self.delete_if_unused(now, n, step);
        self.note_use(now, n);
        // Another one may be the active one now.
        if self.registry.queue(n).is_some_and(|queue| queue.settings.single_active) {
            self.dispatch(now, n, step);
        }
    }

    /// A queue that goes when nobody uses it counts from now on.
    pub(crate) fn note_use(&mut self, now: Time, n: u32) {
        let Some(queue) = self.registry.queue_mut(n).filter(|queue| queue.settings.expires.is_some()) else { return };
        queue.used = Some(now);
        if let Some(at) = queue.goes_at() {
            self.arm(n, at);
        }
    }

    fn delete_if_unused(&mut self, now: Time, n: u32, step: &mut Step) {
        let unused = |queue: &Queue| {
            queue.settings.lifetime == Lifetime::WhileConsumed && queue.consumers.is_empty() && queue.cursors.is_empty()
        };
        if self.registry.queue(n).is_some_and(unused) {
            self.delete_queue(now, n, step);
        }
    }

    /// Takes a consumer from its queue and its connection's list. It stays known for the deliveries it still leases.
    pub(crate) fn detach_consumer(&mut self, n: u32, key: ConsumerKey) {
        let Some(consumer) = self.consumers.get_mut(key) else { return };
        consumer.cancelled = true;
        let (leased, selective) = (consumer.leased > 0, consumer.selector.is_some());
        if let Some(connection) = self.connections.get_mut(consumer.connection) {
            let slots = &mut connection.consumers;
            if let Some(slot) = slots.get_mut(consumer.index.0 as usize) {
                *slot = None;
            }
            while slots.last().is_some_and(Option::is_none) {
                slots.pop();
            }
            if leased {
                connection.lingering.insert(key);
            }
        }
        if let Some(queue) = self.registry.queue_mut(n) {
            let before = queue.consumers.len();
            queue.consumers.retain(|other| *other != key);
            queue.cursors.retain(|other| *other != key);
            queue.selective -= usize::from(selective && queue.consumers.len() < before);
        }
        if !leased {
            self.consumers.remove(key);
        }
    }

    pub(crate) fn claim(&mut self, now: Time, id: ConnectionId, claim: Claim, step: &mut Step) {
        let key = (claim.namespace, claim.client.detached());
        if let Some(other) = self.claims.get(&key).copied().filter(|other| *other != id) {
            if let Some(denial) = self.is_kept_from(id, other, &claim.client) {
                return self.refuse(id, claim.token, Refusal::Denied(denial.into()), step);
            }
            if claim.conflict == Conflict::Refuse {
                let refusal = Refusal::ClientInUse(claim.client.to_text().into_owned());
                return self.refuse(id, claim.token, refusal, step);
            }
            let effect = Effect::Close { reason: CloseReason::TakenOver };
            step.effects.push(Outgoing { connection: other, after: Lsn(0), effect });
            self.vacate(now, other, step);
        }
        if let Some(connection) = self.connections.get_mut(id) {
            connection.client = key.1.clone();
            connection.claims.push(key.clone());
            self.claims.insert(key, id);
        }
        self.reply(id, claim.token, Reply::Done, step);
    }

    /// Why a client may not take the place of another one: it is of another user.
    fn is_kept_from(&self, id: ConnectionId, other: ConnectionId, client: &Name) -> Option<Denial> {
        let owner = self.connections.get(other)?.rights.proven_user()?;
        let rights = &self.connections.get(id)?.rights;
        let kept = rights.is_kept_from(&owner.to_text());
        kept.then(|| Denial {
            user: rights.user().to_text().into_owned(),
            action: Action::Configure,
            kind: "client id",
            name: client.to_text().into_owned(),
        })
    }

    /// Ends a connection.
    pub(crate) fn close(&mut self, now: Time, id: ConnectionId, step: &mut Step) {
        self.vacate(now, id, step);
        self.connections.remove(id);
    }

    /// Takes from a connection what it has: its leases, consumers, transactions, claims and own queues. It may still
    /// publish (a will), and hears nothing more.
    fn vacate(&mut self, now: Time, id: ConnectionId, step: &mut Step) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let connection = connection.vacated();
        self.backups.forget(id);
        for number in connection.transactions.into_values() {
            self.roll_back(now, number, step);
        }
        // First out of the queues, so that what they give back goes to others.
        let mut left: BTreeMap<u32, BTreeSet<ConsumerKey>> = BTreeMap::new();
        let mut consumed = Vec::new();
        for key in connection.consumers.into_iter().flatten().chain(connection.lingering) {
            let Some(consumer) = self.consumers.get(key) else { continue };
            let (n, is_consumer) = (consumer.queue, consumer.fetch.is_none());
            left.entry(n).or_default().insert(key);
            consumed.extend(is_consumer.then_some(n));
            self.detach_consumer(n, key);
        }
        for n in connection.queues {
            self.delete_queue(now, n, step);
        }
        for (n, keys) in left {
            self.release_all(now, n, &keys, step);
        }
        for n in consumed {
            self.delete_if_unused(now, n, step);
            self.note_use(now, n);
        }
        for key in connection.claims {
            if self.claims.get(&key) == Some(&id) {
                self.claims.remove(&key);
            }
        }
    }
}
