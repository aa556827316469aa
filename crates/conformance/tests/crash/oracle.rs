//! Knows what every client sent, saw confirmed, got and settled, and names what must not be.

use std::collections::BTreeMap;
use std::fmt;

/// Moments of a run, in the order in which the clients reported them.
pub(crate) type Moment = u64;

/// What a stream (a queue or a topic with one subscriber) promises beyond "at least once".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    /// First deliveries keep each producer's order.
    pub(crate) ordered: bool,
    /// Nothing is delivered twice.
    pub(crate) once: bool,
}

/// One delivery as a consumer saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// Deliveries of one MQTT session share this; every other connection has its own.
    pub(crate) session: u64,
    /// The DUP flag; `None` where the protocol has none.
    pub(crate) dup: Option<bool>,
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
    Twice(Id),
    AfterSettlement(Id),
    OutOfOrder(Id, u32),
    Unflagged(Id),
    SessionLost(&'static str),
    Disconnected(&'static str, String),
    Garbled(String),
    Refused(String),
}

#[derive(Default)]
struct Fate {
    confirmed: bool,
    sessions: Vec<u64>,
    settled: Option<Moment>,
}

#[derive(Default)]
pub(crate) struct Oracle {
    promises: BTreeMap<&'static str, Promise>,
    fates: BTreeMap<Id, Fate>,
    /// The highest number delivered so far, per stream and producer.
    newest: BTreeMap<(&'static str, u8), u32>,
    now: Moment,
    sent: u64,
    confirmed: u64,
    first_deliveries: u64,
    redeliveries: u64,
    pub(crate) violations: Vec<Violation>,
}

/// Counters for the main thread and the last line of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) confirmed: u64,
    pub(crate) first_deliveries: u64,
    pub(crate) redeliveries: u64,
}

impl Oracle {
    pub(crate) fn new(promises: impl IntoIterator<Item = (&'static str, Promise)>) -> Self {
        Self { promises: promises.into_iter().collect(), ..Self::default() }
    }

    pub(crate) fn now(&mut self) -> Moment {
        self.now += 1;
        self.now
    }

    /// To be said before the first byte leaves.
    pub(crate) fn sent(&mut self, id: Id) {
        self.sent += 1;
        self.fates.entry(id).or_default();
    }

    pub(crate) fn confirmed(&mut self, id: Id) {
        let fate = self.fates.entry(id).or_default();
        if !fate.confirmed {
            fate.confirmed = true;
            self.confirmed += 1;
        }
    }

    pub(crate) fn delivered(&mut self, id: Id, delivery: Delivery) {
        let promise = self.promises[id.stream];
        let Some(fate) = self.fates.get_mut(&id) else {
            self.violations.push(Violation::NeverSent(id));
            return;
        };
        if fate.sessions.is_empty() {
            self.first_deliveries += 1;
            let newest = self.newest.entry((id.stream, id.producer)).or_insert(id.number);
            if promise.ordered && id.number < *newest {
                self.violations.push(Violation::OutOfOrder(id, *newest));
            }
            *newest = id.number.max(*newest);
        } else {
            self.redeliveries += 1;
            if promise.once {
                self.violations.push(Violation::Twice(id));
            }
            if delivery.dup == Some(false) && fate.sessions.contains(&delivery.session) {
                self.violations.push(Violation::Unflagged(id));
            }
        }
        if fate.settled.is_some_and(|settled| settled < delivery.asked) {
            self.violations.push(Violation::AfterSettlement(id));
        }
        fate.sessions.push(delivery.session);
    }

    /// The consumer saw its settlement confirmed.
    pub(crate) fn settled(&mut self, id: Id) {
        let now = self.now();
        self.fates.entry(id).or_default().settled.get_or_insert(now);
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally {
            sent: self.sent,
            confirmed: self.confirmed,
            first_deliveries: self.first_deliveries,
            redeliveries: self.redeliveries,
        }
    }

    /// Confirmed messages that nobody got so far.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Id> {
        self.fates.iter().filter(|(_, fate)| fate.confirmed && fate.sessions.is_empty()).map(|(id, _)| *id)
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
            Self::Twice(id) => write!(f, "{id} was delivered twice"),
            Self::AfterSettlement(id) => write!(f, "{id} was delivered after its settlement was confirmed"),
            Self::OutOfOrder(id, newest) => write!(f, "{id} was first delivered after {newest}"),
            Self::Unflagged(id) => write!(f, "{id} came again to its session without DUP"),
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

    fn oracle(promise: Promise) -> Oracle {
        let mut oracle = Oracle::new([("s", promise)]);
        oracle.sent(ONE);
        oracle.sent(TWO);
        oracle
    }

    fn delivery(oracle: &mut Oracle, session: u64, dup: bool) -> Delivery {
        Delivery { session, dup: Some(dup), asked: oracle.now() }
    }

    fn deliver(oracle: &mut Oracle, id: Id, session: u64, dup: bool) {
        let delivery = delivery(oracle, session, dup);
        oracle.delivered(id, delivery);
    }

    #[test]
    fn a_good_run_has_no_violations() {
        let mut oracle = oracle(Promise { ordered: true, once: false });
        deliver(&mut oracle, ONE, 1, false);
        oracle.confirmed(ONE);
        deliver(&mut oracle, ONE, 1, true);
        deliver(&mut oracle, TWO, 1, true);
        oracle.settled(TWO);
        assert_eq!((oracle.violations.as_slice(), oracle.missing().count()), (&[][..], 0));
    }

    #[test]
    fn every_way_to_break_a_promise_is_seen() {
        let mut oracle = oracle(Promise { ordered: true, once: true });
        oracle.confirmed(TWO);
        assert_eq!(oracle.missing().collect::<Vec<_>>(), [TWO]);
        deliver(&mut oracle, TWO, 1, false);
        deliver(&mut oracle, ONE, 2, false);
        deliver(&mut oracle, ONE, 3, false);
        deliver(&mut oracle, TWO, 1, false);
        oracle.settled(ONE);
        let in_time = Delivery { session: 4, dup: None, asked: 0 };
        oracle.delivered(ONE, in_time);
        deliver(&mut oracle, ONE, 5, true);
        deliver(&mut oracle, Id { number: 3, ..ONE }, 1, false);
        let wanted = [
            Violation::OutOfOrder(ONE, 2),
            Violation::Twice(ONE),
            Violation::Twice(TWO),
            Violation::Unflagged(TWO),
            Violation::Twice(ONE),
            Violation::Twice(ONE),
            Violation::AfterSettlement(ONE),
            Violation::NeverSent(Id { number: 3, ..ONE }),
        ];
        assert_eq!(oracle.violations, wanted);
    }
}
