//! Entries that leave a queue as dead letters, and what their history says of it.

use std::sync::Arc;

use model::limits::{DEATHS, SHARED_DEAD_LETTERS};
use model::{Address, Death, DeathReason, Exchange, History, Message, Name, Namespace, Overflow, Time};
use smallvec::SmallVec;

use crate::broker::Broker;
use crate::entry::{Entry, State};
use crate::queue::Queue;
use crate::record::{Died, Record};
use crate::step::Step;
use crate::view::View;

/// Milliseconds that a message rests which this receiver's protocol cannot carry and which has nowhere to go: it must not
/// keep the receiver from the others.
const UNDELIVERABLE_REST: u64 = 60_000;

/// Why an entry dies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub(crate) reason: DeathReason,
    pub(crate) detail: &'static str,
    /// It may not be dropped.
    pub(crate) kept: bool,
}

impl From<DeathReason> for Cause {
    fn from(reason: DeathReason) -> Self {
        Self { reason, detail: "", kept: false }
    }
}

impl Cause {
    /// `text` says why it cannot be delivered; without one its receiver rejected it.
    pub(crate) fn poison(text: &'static str) -> Self {
        let reason = if text.is_empty() { DeathReason::Rejected } else { DeathReason::Undeliverable };
        Self { reason, detail: text, kept: true }
    }
}

/// Queues that take a dead letter; nearly always one.
type Targets = SmallVec<[u32; 2]>;

impl Broker {
    /// Moves an entry to where its queue sends dead letters, or drops it if that is nowhere.
    pub(crate) fn dead_letter(&mut self, now: Time, n: u32, seq: u64, cause: Cause, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        let Some(entry) = queue.entry(seq) else { return };
        let (namespace, message, history) = (queue.namespace, entry.message.clone(), entry.history.clone());
        let address = queue.settings.dead_letter.as_ref().filter(|_| !queue.is_log());
        let address = address.map(|to| (to.exchange.clone(), to.key.clone()));
        let may_share = cause.kept && !queue.settings.internal && !queue.is_log();
        let came = routing(queue, message.as_deref(), history.as_deref());
        let (mut exchange, mut key, mut targets) = (Exchange::Default, Name::default(), Targets::new());
        if let Some((to, named)) = address {
            let makes = named.is_some();
            (exchange, key) = (to, named.unwrap_or_else(|| came.1.clone()));
            let address = Address { namespace, exchange: exchange.clone(), key: key.clone() };
            targets = self.dead_letter_targets(now, &address, makes, message.as_deref(), step);
            targets.retain(|target| !self.goes_round(n, *target, &exchange, cause.reason, history.as_deref()));
        }
        if targets.is_empty() && may_share {
            (exchange, key) = (Exchange::Default, Name::from_static(SHARED_DEAD_LETTERS));
            let shared = self.named_or_new(now, namespace, &key, step);
            targets.extend(Some(shared).filter(|shared| *shared != n));
        }
        if targets.is_empty() && may_share && cause.reason == DeathReason::Undeliverable {
            // It is in the last of all queues. Somebody who speaks another protocol can still take it.
            return self.give_back(now, n, seq, false, Some(now.plus(UNDELIVERABLE_REST)), step);
        }
        let Some(queue) = self.registry.queue_mut(n) else { return };
        if targets.is_empty() {
            queue.counts.dropped += u64::from(cause.reason != DeathReason::Expired);
            self.discard(n, seq);
            return;
        }
        queue.counts.dead_lettered += 1;
        let places = targets.iter().filter_map(|target| Some((*target, self.registry.queue(*target)?.next_seq())));
        let died = Died {
            from: n,
            seq,
            reason: cause.reason,
            detail: Name::from_static(cause.detail),
            came: (came.0, came.1.detached()),
            exchange,
            key: key.detached(),
            places: places.collect(),
        };
        self.bury(now, died, step);
    }

    fn bury(&mut self, now: Time, died: Died, step: &mut Step) {
        let (n, seq) = (died.from, died.seq);
        let Some(entry) = self.registry.queue(n).and_then(|queue| queue.entry(seq)) else { return };
        let (state, durable) = (entry.state, entry.durable);
        let is_kept = |(target, _): &(u32, u64)| self.registry.queue(*target).is_some_and(|it| it.settings.durable);
        let places = died.places.clone();
        if durable && places.iter().any(is_kept) {
            let record = Record::Died(Box::new(died));
            step.write(&record, &mut self.next_lsn);
            self.apply(now, record, None);
            self.lease_ended(state);
        } else {
            let history = self.history_of(now, &died);
            if let Some(entry) = self.discard(n, seq) {
                self.arrive_everywhere(now, &places, entry, history);
            }
        }
        for (target, _) in places {
            // A queue that dead-letters what it has no room for is left over its limit: two such could feed each other.
            if self.registry.queue(target).is_some_and(|target| target.settings.overflow == Overflow::DropHead) {
                self.make_room(now, target, step);
            }
            self.later(target);
        }
    }

    pub(crate) fn apply_died(&mut self, now: Time, died: &Died) {
        let history = self.history_of(now, died);
        let entry = self.registry.queue_mut(died.from).and_then(|queue| queue.remove(died.seq, &mut self.memory));
        if let Some(entry) = entry {
            self.arrive_everywhere(now, &died.places, entry, history);
        }
    }

    fn arrive_everywhere(&mut self, now: Time, places: &[(u32, u64)], entry: Entry, history: Option<Arc<History>>) {
        let share = places.len().max(1) as u32;
        let entry = Entry { history, charge: entry.charge / share, ..entry };
        for (target, seq) in places {
            self.arrive(now, *target, *seq, entry.clone());
        }
    }

    /// The history of an entry once it has died so.
    fn history_of(&self, now: Time, died: &Died) -> Option<Arc<History>> {
        let queue = self.registry.queue(died.from)?;
        let entry = queue.entry(died.seq)?;
        let mut deaths = entry.history.as_ref().map(|history| history.deaths.clone()).unwrap_or_default();
        let same = |death: &Death| death.queue == queue.name && death.reason == died.reason;
        let death = match deaths.iter().position(same) {
            Some(at) => {
                let before = deaths.remove(at);
                Death { count: before.count + 1, detail: died.detail.clone(), ..before }
            }
            None => Death {
                queue: queue.name.clone(),
                reason: died.reason,
                detail: died.detail.clone(),
                count: 1,
                time: now,
                exchange: died.came.0.clone(),
                key: died.came.1.clone(),
            },
        };
        deaths.insert(0, death);
        deaths.truncate(DEATHS);
        Some(Arc::new(History { deaths, exchange: died.exchange.clone(), key: died.key.clone() }))
    }

    fn dead_letter_targets(
        &mut self,
        now: Time,
        address: &Address,
        makes: bool,
        message: Option<&Message>,
        step: &mut Step,
    ) -> Targets {
        if address.exchange == Exchange::Default {
            return match self.registry.named(address.namespace, &address.key) {
                Some(n) => Targets::from_slice(&[n]),
                None if makes => Targets::from_slice(&[self.named_or_new(now, address.namespace, &address.key, step)]),
                None => Targets::new(),
            };
        }
        let Some(candidates) = self.router.route(address, || None) else { return Targets::new() };
        let encodings = &self.options.encodings;
        // One whose body is only on disk goes to everybody who may want it.
        let holds = |candidate: &&crate::router::Candidate| match (&candidate.condition, message) {
            (Some(condition), Some(message)) => condition.holds(&View { message, encodings }),
            _ => true,
        };
        let mut targets: Targets = candidates.iter().filter(holds).map(|candidate| candidate.queue).collect();
        targets.dedup();
        targets
    }

    fn named_or_new(&mut self, now: Time, namespace: Namespace, name: &Name, step: &mut Step) -> u32 {
        let there = self.registry.named(namespace, name);
        there.unwrap_or_else(|| self.create_queue(now, namespace, name.detached(), step))
    }

    /// Whether `target` had this message before and no receiver has rejected it since: then it would go round for ever
    /// by itself.
    fn goes_round(
        &self,
        n: u32,
        target: u32,
        exchange: &Exchange,
        reason: DeathReason,
        history: Option<&History>,
    ) -> bool {
        if target == n && *exchange == Exchange::Default {
            return true;
        }
        let by_receiver = |reason| reason == DeathReason::Rejected;
        if by_receiver(reason) {
            return false;
        }
        let Some(queue) = self.registry.queue(target) else { return true };
        let deaths = history.map(|history| history.deaths.as_slice()).unwrap_or_default();
        let before = deaths.iter().position(|death| death.queue == queue.name);
        target == n || before.is_some_and(|at| !deaths[..=at].iter().any(|death| by_receiver(death.reason)))
    }

    /// A moved entry starts anew in another queue.
    pub(crate) fn arrive(&mut self, now: Time, to: u32, seq: u64, mut entry: Entry) {
        let Some(queue) = self.registry.queue_mut(to) else { return };
        entry.durable &= queue.settings.durable;
        entry.arrived = now;
        entry.expires = None;
        entry.attempts = 0;
        entry.failed = 0;
        entry.retained = false;
        entry.tags.clear();
        entry.state = State::Ready;
        let (due, missed) = (queue.due_of(&entry), queue.selective > 0 && queue.settings.max_priority > 0);
        queue.insert(seq, entry, &mut self.memory);
        if missed {
            self.offer_to_selective(to, seq);
        }
        if let Some(due) = due {
            self.arm(to, due);
        }
    }
}

/// How an entry came to its queue: as its history says, or as it was published; by the queue's name if neither is in
/// memory.
fn routing(queue: &Queue, message: Option<&Message>, history: Option<&History>) -> (Exchange, Name) {
    match (history, message) {
        (Some(history), _) => (history.exchange.clone(), history.key.clone()),
        (None, Some(message)) => (message.address.exchange.clone(), message.address.key.clone()),
        (None, None) => (Exchange::Default, queue.name.clone()),
    }
}

/// What an entry must remember of its address, because its queue's dead letters keep their key and its body may not
/// stay in memory.
pub(crate) fn remembered(queue: &Queue, message: &Message) -> Option<Arc<History>> {
    queue.settings.dead_letter.as_ref().filter(|to| to.key.is_none())?;
    let address = &message.address;
    Some(Arc::new(History { deaths: Vec::new(), exchange: address.exchange.clone(), key: address.key.detached() }))
}
