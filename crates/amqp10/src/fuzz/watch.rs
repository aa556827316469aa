use std::collections::{BTreeMap, BTreeSet};

use model::{
    Command, Credentials, Deliver, Effect, Inspect, Mode, Outcome, QueueId, QueueRef, Settle, Settlement,
    TransactionIndex, TransactionRef,
};

use crate::token::Request;

/// What the contract with the broker allows one connection, followed command by command and effect by effect. Panics
/// if the connection asks for something else.
#[derive(Debug, Default)]
pub struct Watch {
    login: Login,
    claimed: bool,
    /// By index.
    consumers: BTreeMap<u32, Consumer>,
    /// Consumers so far.
    made: u64,
    /// What is leased by this connection.
    leased: BTreeMap<(QueueId, u64), Lease>,
    transactions: BTreeSet<u32>,
    /// Those whose end was asked for, and whether it is a rollback.
    ending: BTreeMap<u32, bool>,
    closed: bool,
}

/// How far a connection has come with saying who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Login {
    #[default]
    Silent,
    Asked,
    /// It was asked for more.
    Challenged,
    Known,
    /// It may use its namespace.
    Entered,
}

#[derive(Debug)]
struct Consumer {
    /// Tells it from others with the same index.
    number: u64,
    messages: i64,
    settlement: Option<Settlement>,
    is_draining: bool,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    consumer: u64,
    staged: Option<u32>,
}

impl Watch {
    /// Takes note of a command that the connection gives.
    pub fn asked(&mut self, command: &Command) {
        assert!(!self.closed || matches!(command, Command::Tally(_)), "only a tally comes after the end: {command:?}");
        match command {
            Command::Authenticate(asked) => return self.authenticates(&asked.credentials),
            Command::Access { .. } => return assert_eq!(self.login, Login::Known, "asks before it is known who it is"),
            _ => assert_eq!(self.login, Login::Entered, "asks before it is known who it is: {command:?}"),
        }
        match command {
            Command::Claim(_) => assert!(!std::mem::replace(&mut self.claimed, true), "claims once"),
            Command::Consume(consume) => {
                let settlement = match consume.mode {
                    Mode::Leasing { settlement, .. } => Some(settlement),
                    Mode::Cursor { .. } => None,
                };
                assert_eq!(consume.credit.messages, 0, "the peer's credit is given by itself");
                self.made += 1;
                let consumer = Consumer { number: self.made, messages: 0, settlement, is_draining: false };
                let index = consume.consumer.0;
                assert!(self.consumers.insert(index, consumer).is_none(), "two consumers with the index {index}");
            }
            Command::Cancel { consumer } => {
                assert!(self.consumers.remove(&consumer.0).is_some(), "cancels what is not there: {consumer:?}");
            }
            Command::Credit { consumer, add, drain } => {
                assert!(*drain || add.messages > 0 || add.bytes > 0, "asks for nothing");
                let consumer = self.consumers.get_mut(&consumer.0).expect("credit is for a consumer that is there");
                assert!(!consumer.is_draining || add.messages == 0, "nobody knows what credit is left");
                assert!(!(consumer.is_draining && *drain), "drains twice");
                consumer.messages += i64::from(add.messages);
                consumer.is_draining |= drain;
            }
            Command::Settle(settle) => self.settled(settle),
            Command::Publish(publish) => {
                assert!(publish.token.is_some() && publish.hold.is_none());
                self.in_transaction(publish.transaction);
            }
            Command::Begin { transaction } => {
                assert!(self.transactions.insert(transaction.0), "begins a transaction that is there");
            }
            Command::Commit { transaction: TransactionRef::Own(index), .. } => self.ends(*index, false),
            Command::Rollback { transaction: TransactionRef::Own(index), .. } => self.ends(*index, true),
            Command::Bind { queue, .. } => assert!(matches!(queue, QueueRef::Id(_)), "binds a queue of its own"),
            Command::Declare(_)
            | Command::DeclareExchange { passive: true, .. }
            | Command::Delete { .. }
            | Command::Inspect { what: Inspect::Queue(_), .. }
            | Command::Unhold { .. } => {}
            Command::Tally(tally) => assert!(!tally.is_empty(), "counts nothing"),
            other => panic!("AMQP 1.0 needs no such command: {other:?}"),
        }
    }

    fn authenticates(&mut self, credentials: &Credentials) {
        let is_response = matches!(credentials, Credentials::Response(_));
        let before = if is_response { Login::Challenged } else { Login::Silent };
        assert_eq!(self.login, before, "says who it is, once and first");
        self.login = Login::Asked;
    }

    /// Whether the shell keeps what the peer says from the connection.
    pub fn waits_for_login(&self) -> bool {
        self.login == Login::Asked
    }

    /// Takes note of an effect, before the connection sees it.
    pub fn sees(&mut self, effect: &Effect) {
        match effect {
            Effect::Deliver(deliver) => self.delivered(deliver),
            Effect::Cancelled { consumer, .. } => {
                self.consumers.remove(&consumer.0);
            }
            Effect::Drained { consumer } => {
                if let Some(consumer) = self.consumers.get_mut(&consumer.0) {
                    (consumer.messages, consumer.is_draining) = (0, false);
                }
            }
            Effect::Challenge { .. } => self.login = Login::Challenged,
            Effect::Reply { token, reply } => match (Request::of(*token), reply) {
                (Request::Login, Ok(_)) => self.login = Login::Known,
                (Request::Access, Ok(_)) => self.login = Login::Entered,
                (Request::Attach(link), Err(_)) => {
                    self.consumers.remove(&link.consumer().0);
                }
                (Request::Discharge(_, index), reply) => {
                    self.transactions.remove(&index);
                    let fails = self.ending.remove(&index).expect("was asked for") || reply.is_err();
                    self.leased.retain(|_, lease| fails || lease.staged != Some(index));
                    let back = self.leased.values_mut().filter(|lease| lease.staged == Some(index));
                    back.for_each(|lease| lease.staged = None);
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// The connection was told that it is over.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Nothing is on its way any more: what is leased is leased to a consumer that is there, or a transaction's.
    pub fn is_tidy(&self) {
        for (place, lease) in &self.leased {
            let known = self.consumers.values().any(|consumer| consumer.number == lease.consumer);
            assert!(known || lease.staged.is_some(), "{place:?} is held for nobody");
        }
    }

    fn delivered(&mut self, deliver: &Deliver) {
        let Deliver { consumer, delivery, settled, .. } = deliver;
        let mut number = 0;
        // What was on its way to a consumer that is cancelled costs nobody anything any more.
        if let Some(it) = self.consumers.get_mut(&consumer.0) {
            number = it.number;
            it.messages -= 1;
            assert!(it.messages >= 0, "the broker gives no more than it was asked for");
            assert!(it.settlement == Some(Settlement::Explicit) || *settled);
        }
        if !settled {
            let lease = Lease { consumer: number, staged: None };
            let before = self.leased.insert((delivery.queue, delivery.seq), lease);
            assert!(before.is_none(), "delivered twice: {deliver:?}");
        }
    }

    fn settled(&mut self, settle: &Settle) {
        assert!(settle.attempt.is_none() && settle.first <= settle.last);
        assert!(!matches!(settle.outcome, Outcome::Renew(_)));
        self.in_transaction(settle.transaction);
        for seq in settle.first..=settle.last {
            let lease = self.leased.get_mut(&(settle.queue, seq)).expect("settles what it has");
            assert_eq!(lease.staged, None, "it is a transaction's");
            match settle.transaction {
                Some(transaction) => lease.staged = Some(transaction.0),
                None => drop(self.leased.remove(&(settle.queue, seq))),
            }
        }
    }

    fn in_transaction(&self, transaction: Option<TransactionIndex>) {
        if let Some(TransactionIndex(index)) = transaction {
            let open = self.transactions.contains(&index) && !self.ending.contains_key(&index);
            assert!(open, "a transaction that is not open");
        }
    }

    fn ends(&mut self, TransactionIndex(index): TransactionIndex, fails: bool) {
        self.in_transaction(Some(TransactionIndex(index)));
        self.ending.insert(index, fails);
    }
}
