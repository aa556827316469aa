//! Knows what every client sent, saw confirmed, got and settled, and names what must not be.

use std::collections::BTreeMap;
use std::fmt;

use crate::gate::Life;

/// Moments of a run, in the order in which the clients reported them.
pub(crate) type Moment = u64;

/// What a stream (a queue or a topic with one subscriber) promises beyond "at least once".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Promise {
    /// First deliveries keep each producer's order.
    pub(crate) ordered: bool,
    /// Nothing is delivered twice.
    pub(crate) once: bool,
    /// The stream that a relay takes these messages from, each in one transaction with its acknowledgement there.
    pub(crate) relayed_from: Option<&'static str>,
}

/// One delivery as a consumer saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// DUP, or what else says that the message was delivered before; `None` where the protocol has no such flag.
    pub(crate) redelivered: Option<bool>,
    /// When the consumer asked for it.
    pub(crate) asked: Moment,
}

/// A message: its stream, its producer and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) stream: &'static str,
    pub(crate) producer: u8,
    pub(crate) number: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    Lost(Id),
    NeverSent(Id),
    Withdrawn(Id),
    Torn(Id),
    Twice(Id),
    AfterSettlement(Id),
    OutOfOrder(Id, u32),
    Unflagged(Id),
    Flagged(Id),
    SessionLost(&'static str),
    Disconnected(&'static str, String),
    Garbled(String),
    Refused(String),
}

#[derive(Default)]
struct Fate {
    sent: Life,
    confirmed: bool,
    withdrawn: bool,
    /// The lives in which it was delivered.
    deliveries: Vec<Life>,
    settled: Option<Moment>,
}

/// Messages of one producer that were sent in one transaction.
struct Transaction {
    first: Id,
    count: u32,
    sent: Life,
}

#[derive(Default)]
pub(crate) struct Oracle {
    promises: BTreeMap<&'static str, Promise>,
    fates: BTreeMap<Id, Fate>,
    transactions: Vec<Transaction>,
    /// The highest number delivered so far, per stream and producer.
    newest: BTreeMap<(&'static str, u8), u32>,
    /// The broker's present one. Nobody reports while it changes.
    life: Life,
    now: Moment,
    tallies: BTreeMap<&'static str, Tally>,
    pub(crate) violations: Vec<Violation>,
}

/// Counters of one stream, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) withdrawn: u64,
    pub(crate) confirmed: u64,
    pub(crate) first_deliveries: u64,
    pub(crate) redeliveries: u64,
    /// Settlements that the consumer saw confirmed, here or where a relay has brought the message.
    pub(crate) settled: u64,
}

impl Oracle {
    pub(crate) fn new(promises: impl IntoIterator<Item = (&'static str, Promise)>) -> Self {
        Self { promises: promises.into_iter().collect(), ..Self::default() }
    }

    /// The broker has started.
    pub(crate) fn begin_life(&mut self) {
        self.life += 1;
    }

    pub(crate) fn now(&mut self) -> Moment {
        self.now += 1;
        self.now
    }

    /// To be said before the first byte leaves.
    pub(crate) fn sent(&mut self, id: Id) {
        let life = self.life;
        self.fates.entry(id).or_insert_with(|| {
            self.tallies.entry(id.stream).or_default().sent += 1;
            Fate { sent: life, ..Fate::default() }
        });
    }

    /// `count` messages from `first` on were sent in one transaction.
    pub(crate) fn sent_together(&mut self, first: Id, count: u32) {
        (first.number..first.number + count).for_each(|number| self.sent(Id { number, ..first }));
        self.transactions.push(Transaction { first, count, sent: self.life });
    }

    /// Instead of [`Oracle::sent`], for a message whose transaction will be rolled back.
    pub(crate) fn withdrawn(&mut self, id: Id) {
        self.fates.insert(id, Fate { sent: self.life, withdrawn: true, ..Fate::default() });
        self.tallies.entry(id.stream).or_default().withdrawn += 1;
    }

    pub(crate) fn confirmed(&mut self, id: Id) {
        let fate = self.fates.entry(id).or_default();
        if !fate.confirmed {
            fate.confirmed = true;
            self.tallies.entry(id.stream).or_default().confirmed += 1;
        }
    }

    /// How far the consumer of a producer that will send `next` is behind.
    pub(crate) fn behind(&self, next: Id) -> u32 {
        let newest = self.newest.get(&(next.stream, next.producer));
        next.number.saturating_sub(newest.map_or(0, |newest| newest + 1))
    }

    pub(crate) fn delivered(&mut self, id: Id, delivery: Delivery) {
        let promise = self.promises[id.stream];
        let tally = self.tallies.entry(id.stream).or_default();
        let Some(fate) = self.fates.get_mut(&id) else {
            self.violations.push(Violation::NeverSent(id));
            return;
        };
        if fate.withdrawn {
            self.violations.push(Violation::Withdrawn(id));
        }
        if fate.deliveries.is_empty() {
            tally.first_deliveries += 1;
            let newest = self.newest.entry((id.stream, id.producer)).or_insert(id.number);
            if promise.ordered && id.number < *newest {
                self.violations.push(Violation::OutOfOrder(id, *newest));
            }
            *newest = id.number.max(*newest);
            // What lived through a crash may have been on its way to a consumer that never saw it.
            if delivery.redelivered == Some(true) && fate.sent == self.life {
                self.violations.push(Violation::Flagged(id));
            }
        } else {
            tally.redeliveries += 1;
            if promise.once {
                self.violations.push(Violation::Twice(id));
            }
            // A relay whose transaction went with a crash says the same again, in a message that is new to the broker.
            let is_same = promise.relayed_from.is_none() || fate.deliveries.contains(&self.life);
            if delivery.redelivered == Some(false) && is_same {
                self.violations.push(Violation::Unflagged(id));
            }
        }
        if fate.settled.is_some_and(|settled| settled < delivery.asked) {
            self.violations.push(Violation::AfterSettlement(id));
        }
        fate.deliveries.push(self.life);
    }

    /// The consumer saw its settlement confirmed. So it was settled where a relay took it from, and before.
    pub(crate) fn settled(&mut self, id: Id) {
        let now = self.now();
        let fate = self.fates.entry(id).or_default();
        self.tallies.entry(id.stream).or_default().settled += u64::from(fate.settled.is_none());
        fate.settled.get_or_insert(now);
        if let Some(stream) = self.promises[id.stream].relayed_from {
            self.settled(Id { stream, ..id });
        }
    }

    /// Of all streams.
    pub(crate) fn tally(&self) -> Tally {
        self.tallies.values().fold(Tally::default(), |sum, it| Tally {
            sent: sum.sent + it.sent,
            withdrawn: sum.withdrawn + it.withdrawn,
            confirmed: sum.confirmed + it.confirmed,
            first_deliveries: sum.first_deliveries + it.first_deliveries,
            redeliveries: sum.redeliveries + it.redeliveries,
            settled: sum.settled + it.settled,
        })
    }

    pub(crate) fn tallies(&self) -> &BTreeMap<&'static str, Tally> {
        &self.tallies
    }

    /// Confirmed messages that nobody got so far, also where relays should have brought them.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Id> {
        let confirmed = self.fates.iter().filter(|(_, fate)| fate.confirmed).map(|(id, _)| *id);
        confirmed.flat_map(|id| self.way(id)).filter(|id| !self.was_delivered(id))
    }

    /// Messages that are missing although others of their transaction outlived a crash or were settled. To be asked when
    /// everything was delivered.
    pub(crate) fn torn(&self) -> impl Iterator<Item = Id> {
        let ids = |it: &Transaction| {
            let first = it.first;
            (first.number..first.number + it.count).map(move |number| Id { number, ..first })
        };
        // What was delivered only in the life in which it was sent may have gone with that, together with the others.
        let happened = move |it: &&Transaction| {
            ids(it)
                .filter_map(|id| self.fates.get(&id))
                .any(|fate| fate.settled.is_some() || fate.deliveries.iter().any(|life| *life > it.sent))
        };
        self.transactions.iter().filter(happened).flat_map(ids).filter(|id| !self.was_delivered(id))
    }

    fn was_delivered(&self, id: &Id) -> bool {
        self.fates.get(id).is_some_and(|fate| !fate.deliveries.is_empty())
    }

    /// A message, and what relays make of it.
    fn way(&self, id: Id) -> impl Iterator<Item = Id> {
        let next = |id: &Id| {
            let found = self.promises.iter().find(|(_, promise)| promise.relayed_from == Some(id.stream));
            found.map(|(stream, _)| Id { stream, ..*id })
        };
        std::iter::successors(Some(id), next)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.stream, self.producer, self.number)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(id) => write!(f, "{id} was confirmed and never delivered"),
            Self::NeverSent(id) => write!(f, "{id} was delivered and never sent"),
            Self::Withdrawn(id) => write!(f, "{id} was delivered although its transaction was rolled back"),
            Self::Torn(id) => write!(f, "{id} never came, others of its transaction did"),
            Self::Twice(id) => write!(f, "{id} was delivered twice"),
            Self::AfterSettlement(id) => write!(f, "{id} was delivered after its settlement was confirmed"),
            Self::OutOfOrder(id, newest) => write!(f, "{id} was first delivered after {newest}"),
            Self::Unflagged(id) => write!(f, "{id} came again and was not said to be redelivered"),
            Self::Flagged(id) => write!(f, "{id} was said to be redelivered when it came for the first time"),
            Self::SessionLost(client) => write!(f, "the session of {client} is gone"),
            Self::Disconnected(client, error) => write!(f, "{client} lost its connection to a living broker: {error}"),
            Self::Garbled(text) => write!(f, "garbled: {text}"),
            Self::Refused(stderr) => write!(f, "the broker did not start again: {stderr}"),
        }
    }
}

mod tests {
    use super::*;

    const ONE: Id = Id { stream: "s", producer: 1, number: 1 };
    const TWO: Id = Id { stream: "s", producer: 1, number: 2 };
    const RELAYED: Id = Id { stream: "t", producer: 1, number: 1 };

    fn oracle(promise: Promise) -> Oracle {
        let relayed = Promise { relayed_from: Some("s"), ..Promise::default() };
        let mut oracle = Oracle::new([("s", promise), ("t", relayed)]);
        oracle.begin_life();
        oracle.sent(ONE);
        oracle.sent(TWO);
        oracle
    }

    fn deliver(oracle: &mut Oracle, id: Id, redelivered: bool) {
        let asked = oracle.now();
        oracle.delivered(id, Delivery { redelivered: Some(redelivered), asked });
    }

    #[test]
    fn a_good_run_has_no_violations() {
        let mut oracle = oracle(Promise { ordered: true, ..Promise::default() });
        deliver(&mut oracle, ONE, false);
        oracle.begin_life();
        deliver(&mut oracle, ONE, true);
        deliver(&mut oracle, TWO, true);
        oracle.settled(TWO);
        assert_eq!((oracle.violations.as_slice(), oracle.missing().count()), (&[][..], 0));
    }

    #[test]
    fn every_way_to_break_a_promise_is_seen() {
        let mut oracle = oracle(Promise { ordered: true, once: true, relayed_from: None });
        deliver(&mut oracle, TWO, true);
        deliver(&mut oracle, ONE, false);
        deliver(&mut oracle, TWO, false);
        oracle.settled(ONE);
        let in_time = Delivery { redelivered: None, asked: 0 };
        oracle.delivered(ONE, in_time);
        deliver(&mut oracle, ONE, true);
        let three = Id { number: 3, ..ONE };
        deliver(&mut oracle, three, false);
        oracle.withdrawn(three);
        deliver(&mut oracle, three, false);
        let wanted = [
            Violation::Flagged(TWO),
            Violation::OutOfOrder(ONE, 2),
            Violation::Twice(TWO),
            Violation::Unflagged(TWO),
            Violation::Twice(ONE),
            Violation::Twice(ONE),
            Violation::AfterSettlement(ONE),
            Violation::NeverSent(three),
            Violation::Withdrawn(three),
        ];
        assert_eq!(oracle.violations, wanted);
    }

    #[test]
    fn what_was_confirmed_is_missing_until_the_last_relay_has_brought_it() {
        let mut oracle = oracle(Promise::default());
        oracle.confirmed(ONE);
        assert_eq!(oracle.missing().collect::<Vec<_>>(), [ONE, RELAYED]);
        deliver(&mut oracle, ONE, false);
        assert_eq!(oracle.missing().collect::<Vec<_>>(), [RELAYED]);
        oracle.sent(RELAYED);
        deliver(&mut oracle, RELAYED, false);
        assert_eq!(oracle.missing().count(), 0);
    }

    #[test]
    fn a_relay_may_say_again_what_went_with_a_crash_and_nothing_else() {
        let mut oracle = oracle(Promise::default());
        deliver(&mut oracle, ONE, false);
        oracle.sent(RELAYED);
        deliver(&mut oracle, RELAYED, false);
        oracle.begin_life();
        deliver(&mut oracle, ONE, true);
        deliver(&mut oracle, RELAYED, false);
        assert_eq!(oracle.violations, []);
        deliver(&mut oracle, RELAYED, false);
        oracle.settled(RELAYED);
        deliver(&mut oracle, ONE, true);
        assert_eq!(oracle.violations, [Violation::Unflagged(RELAYED), Violation::AfterSettlement(ONE)]);
    }

    #[test]
    fn half_a_transaction_is_seen() {
        let mut oracle = oracle(Promise::default());
        let first = Id { producer: 2, ..ONE };
        oracle.sent_together(first, 2);
        deliver(&mut oracle, first, false);
        assert_eq!(oracle.torn().count(), 0, "all of it may have gone with its life");
        oracle.begin_life();
        deliver(&mut oracle, first, true);
        assert_eq!(oracle.torn().collect::<Vec<_>>(), [Id { producer: 2, ..TWO }]);
        deliver(&mut oracle, Id { producer: 2, ..TWO }, true);
        assert_eq!(oracle.torn().count(), 0);
    }
}
