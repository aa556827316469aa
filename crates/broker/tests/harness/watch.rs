//! What must hold in every step, whatever is asked: answers keep their order, come once, and go to connections that
//! are there; nobody gets more than his credit.

use std::collections::{BTreeMap, BTreeSet};

use broker::Outgoing;
use model::{
    Command, ConnectionId, Credit, CreditMode, Delivery, Effect, Lease, Lsn, Mode, Outcome, Reply, Settle, Settlement,
    Time, Token,
};

use super::commands;

#[derive(Default)]
pub(crate) struct Watch {
    open: BTreeMap<ConnectionId, Seen>,
    /// Closed in the step that is under way.
    closing: Vec<ConnectionId>,
    /// Deliveries (of any queue: `None`) whose leases the step that is under way ends, maybe after it made them.
    ended: Vec<(Option<u32>, u64, u64)>,
    ever: BTreeSet<ConnectionId>,
}

#[derive(Default)]
struct Seen {
    after: Lsn,
    unanswered: BTreeSet<Token>,
    /// Answered only if they are refused.
    quiet: BTreeSet<Token>,
    consumers: BTreeMap<u32, Consuming>,
    /// Which consumer an unanswered request makes.
    making: BTreeMap<Token, (u32, Consuming)>,
}

#[derive(Clone)]
struct Consuming {
    credit: u64,
    mode: CreditMode,
    after: Lsn,
    unsettled: BTreeSet<(u32, u64)>,
    is_fetch: bool,
    cursor: bool,
}

impl Watch {
    pub(crate) fn is_open(&self, id: ConnectionId) -> bool {
        self.open.contains_key(&id)
    }

    /// Takes note of a command that is handed in.
    pub(crate) fn asked(&mut self, now: Time, id: ConnectionId, command: &mut Command) {
        if let Command::Open { .. } = command {
            assert!(self.ever.insert(id), "a test opens a connection once");
            self.open.insert(id, Seen::default());
        }
        if let Command::Settle(Settle { queue, first, last, attempt: Some(_), .. }) = command {
            // Whoever has a receipt ends the lease of whoever has the message.
            let consumers = self.open.values_mut().flat_map(|seen| seen.consumers.values_mut());
            consumers.for_each(|it| it.unsettled.retain(|(n, seq)| *n != queue.n || !(*first..=*last).contains(seq)));
        }
        match command {
            Command::Settle(it) => self.ended.push((Some(it.queue.n), it.first, it.last)),
            Command::Decide { delivery, .. } => self.ended.push((Some(delivery.queue.n), delivery.seq, delivery.seq)),
            Command::Purge { .. } | Command::Delete { .. } | Command::Commit { .. } | Command::Prepare { .. } => {
                self.ended.push((None, 0, u64::MAX));
            }
            _ => {}
        }
        let Some(seen) = self.open.get_mut(&id) else { return };
        let is_quiet = matches!(command, Command::Publish(publish) if publish.quiet);
        if let Some(token) = commands::token_of(command) {
            let waiting = if is_quiet { &mut seen.quiet } else { &mut seen.unanswered };
            waiting.insert(*token);
        }
        match command {
            Command::Close => self.closing.push(id),
            Command::Consume(it) => {
                let cursor = matches!(it.mode, Mode::Cursor { .. });
                let made = Consuming::new(it.credit, it.credit_mode, false, cursor);
                seen.making.insert(it.token, (it.consumer.0, made));
            }
            Command::Fetch(it) => {
                let made = Consuming::new(Credit::messages(it.max.max(1)), CreditMode::Explicit, true, false);
                seen.making.insert(it.token, (it.consumer.0, made));
            }
            Command::Credit { consumer, add, .. } => {
                if let Some(it) = seen.consumers.get_mut(&consumer.0) {
                    it.credit += u64::from(add.messages);
                }
                for (index, it) in seen.making.values_mut().filter(|(index, _)| *index == consumer.0) {
                    debug_assert_eq!(*index, consumer.0);
                    it.credit += u64::from(add.messages);
                }
            }
            Command::Settle(Settle { outcome: Outcome::Renew(until), .. }) if *until > now => {}
            Command::Settle(it) => {
                let (n, range) = (it.queue.n, it.first..=it.last);
                for consumer in seen.consumers.values_mut() {
                    consumer.unsettled.retain(|(queue, seq)| *queue != n || !range.contains(seq));
                }
            }
            Command::Decide { delivery, .. } => {
                let Delivery { queue, seq, .. } = *delivery;
                for consumer in seen.consumers.values_mut() {
                    consumer.unsettled.remove(&(queue.n, seq));
                }
            }
            // These end leases of anybody; what they give back is not followed here but by the broker's own audit.
            Command::Purge { .. } | Command::Delete { .. } | Command::Commit { .. } | Command::Prepare { .. } => {
                let consumers = self.open.values_mut().flat_map(|seen| seen.consumers.values_mut());
                consumers.for_each(|consumer| consumer.unsettled.clear());
            }
            _ => {}
        }
    }

    /// Checks an effect.
    pub(crate) fn saw(&mut self, outgoing: &Outgoing) {
        let Outgoing { connection, after, effect } = outgoing;
        let Some(seen) = self.open.get_mut(connection) else {
            panic!("an effect for a connection that is not there: {outgoing:?}")
        };
        match effect {
            Effect::Reply { token, .. } | Effect::Confirm { token, .. } => {
                assert!(*after >= seen.after, "an answer overtakes another: {outgoing:?}, before: {:?}", seen.after);
                seen.after = *after;
                let refused = matches!(effect, Effect::Reply { reply: Err(_), .. }) && seen.quiet.remove(token);
                assert!(seen.unanswered.remove(token) || refused, "answered twice or never asked: {outgoing:?}");
                let made = seen.making.remove(token);
                if let (Some((index, mut made)), Effect::Reply { reply: Ok(reply), .. }) = (made, effect) {
                    assert!(matches!(reply, Reply::Consuming { .. } | Reply::Fetching { .. }), "{reply:?}");
                    made.after = *after;
                    seen.consumers.insert(index, made);
                }
            }
            Effect::Returned { .. } => {
                assert!(*after >= seen.after, "an answer overtakes another: {outgoing:?}");
                seen.after = *after;
            }
            Effect::Deliver(deliver) => {
                let Some(consumer) = seen.consumers.get_mut(&deliver.consumer.0) else {
                    panic!("delivered to a consumer that is not there: {outgoing:?}")
                };
                consumer.follows(*after);
                let Delivery { queue, seq, .. } = deliver.delivery;
                let ended = |(n, first, last): &(Option<u32>, u64, u64)| {
                    n.is_none_or(|n| n == queue.n) && (*first..=*last).contains(&seq)
                };
                consumer.takes(deliver.delivery, deliver.settled, self.ended.iter().any(ended));
            }
            Effect::Drained { consumer } => {
                let index = consumer.0;
                let Some(consumer) = seen.consumers.get_mut(&index) else {
                    panic!("drained a consumer that is not there: {outgoing:?}")
                };
                consumer.follows(*after);
                if consumer.mode == CreditMode::Explicit {
                    consumer.credit = 0;
                }
                if consumer.is_fetch {
                    seen.consumers.remove(&index);
                }
            }
            Effect::Cancelled { consumer, .. } => {
                assert!(seen.consumers.remove(&consumer.0).is_some(), "cancelled twice: {outgoing:?}");
            }
            Effect::Close { .. } => self.closing.push(*connection),
            Effect::Throttle { .. } | Effect::Challenge { .. } | Effect::Progress { .. } => {}
        }
    }

    pub(crate) fn step_ended(&mut self) {
        self.ended.clear();
        for id in self.closing.drain(..) {
            self.open.remove(&id);
        }
    }

    /// At rest, everything was answered.
    pub(crate) fn all_answered(&self) {
        for (id, seen) in &self.open {
            assert!(seen.unanswered.is_empty(), "{id:?} waits for answers: {:?}", seen.unanswered);
        }
    }
}

impl Consuming {
    fn new(credit: Credit, mode: CreditMode, is_fetch: bool, cursor: bool) -> Self {
        let credit = u64::from(credit.messages);
        Self { credit, mode, after: Lsn(0), unsettled: BTreeSet::new(), is_fetch, cursor }
    }

    fn follows(&mut self, after: Lsn) {
        assert!(after >= self.after, "a delivery overtakes: after {after:?}, before: {:?}", self.after);
        self.after = after;
    }

    fn takes(&mut self, delivery: Delivery, settled: bool, ended: bool) {
        let counts = self.mode == CreditMode::Window && !settled;
        if counts && ended {
            return;
        }
        if counts {
            self.unsettled.insert((delivery.queue.n, delivery.seq));
            assert!(self.unsettled.len() as u64 <= self.credit, "more than the window of {}", self.credit);
        } else {
            assert!(self.credit > 0, "more than the credit: {delivery:?}");
            self.credit -= 1;
        }
    }
}

/// What a fetch or consumer is like, for tests that go through all of them.
pub(crate) const LEASES: [Lease; 2] = [Lease::Connection, Lease::Deadline(Some(5_000))];
pub(crate) const SETTLEMENTS: [Settlement; 3] = [Settlement::Explicit, Settlement::Presettled, Settlement::ByMessage];
