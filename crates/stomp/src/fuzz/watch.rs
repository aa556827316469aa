use std::collections::{BTreeMap, BTreeSet};

use model::{
    Command, Consume, Credit, Deliver, Effect, Mode, Outcome, QueueId, Settle, Settlement, TransactionIndex,
    TransactionRef,
};

use crate::subscription::CREDIT_BYTES;
use crate::token::Request;

/// What the contract with the broker allows one connection, followed command by command and effect by effect. Panics
/// if the connection asks for something else.
#[derive(Debug, Default)]
pub struct Watch {
    login: Login,
    claimed: bool,
    consumers: BTreeMap<u32, Consumer>,
    /// Consumers so far.
    made: u64,
    /// What is leased by this connection.
    leased: BTreeMap<(QueueId, u64), Lease>,
    transactions: BTreeSet<TransactionIndex>,
    closed: bool,
}

/// How far a connection has come with saying who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Login {
    #[default]
    Silent,
    Asked,
    Known,
    /// It may use its namespace.
    Entered,
}

#[derive(Debug)]
struct Consumer {
    /// Tells it from others with the same index.
    number: u64,
    /// What it had at first, and may not have more of.
    window: i64,
    messages: i64,
    bytes: i64,
    mode: Mode,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    consumer: u64,
    transaction: Option<TransactionIndex>,
}

impl Watch {
    /// Takes note of a command that the connection gives.
    pub fn asked(&mut self, command: &Command) {
        assert!(!self.closed || matches!(command, Command::Tally(_)), "asks after the end: {command:?}");
        match command {
            Command::Authenticate(_) => {
                assert_eq!(self.login, Login::Silent, "says who it is, once and first");
                self.login = Login::Asked;
                return;
            }
            Command::Access { .. } => return assert_eq!(self.login, Login::Known, "asks before it is known who it is"),
            _ => assert_eq!(self.login, Login::Entered, "asks before it is known who it is: {command:?}"),
        }
        match command {
            Command::Claim(_) => {
                assert!(!self.claimed && self.made == 0, "claims once, and first");
                self.claimed = true;
            }
            Command::Consume(consume) => self.consumed(consume),
            Command::Cancel { consumer } => {
                assert!(self.consumers.remove(&consumer.0).is_some(), "cancels what is not there: {consumer:?}");
            }
            Command::Credit { consumer, add, drain } => self.credited(consumer.0, *add, *drain),
            Command::Settle(settle) => self.settled(settle),
            Command::Publish(publish) => {
                assert!(publish.token.is_some(), "every refusal must be heard");
                self.is_open(publish.transaction);
            }
            Command::Begin { transaction } => {
                assert!(self.transactions.insert(*transaction), "{transaction:?} is open already");
            }
            Command::Commit { transaction: TransactionRef::Own(index), .. } => self.ended(*index, true),
            Command::Rollback { transaction: TransactionRef::Own(index), .. } => self.ended(*index, false),
            Command::Tally(tally) => assert!(!tally.is_empty(), "says nothing"),
            Command::Declare(_) | Command::Delete { .. } | Command::Bind { .. } | Command::Unhold { .. } => {}
            other => panic!("STOMP needs no such command: {other:?}"),
        }
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
                    consumer.messages = 0;
                }
            }
            Effect::Reply { token, reply: Ok(_) } => match Request::of(*token) {
                Request::Login => self.login = Login::Known,
                Request::Access => self.login = Login::Entered,
                _ => {}
            },
            Effect::Reply { token, reply: Err(_) } => {
                if let Request::Consume(slot) = Request::of(*token) {
                    self.consumers.remove(&(slot as u32));
                }
            }
            _ => {}
        }
    }

    /// Whether the shell keeps what the client says from the connection.
    pub fn waits_for_login(&self) -> bool {
        self.login == Login::Asked
    }

    /// The connection was told that it is over.
    pub fn close(&mut self) {
        self.closed = true;
    }

    fn consumed(&mut self, consume: &Consume) {
        let Credit { messages, bytes } = consume.credit;
        assert!(bytes <= CREDIT_BYTES && messages <= 100_000, "asks for too much: {consume:?}");
        if let Mode::Leasing { .. } = consume.mode {
            assert!(messages > 0 && bytes > 0, "asks for nothing: {consume:?}");
        }
        self.made += 1;
        let (number, mode, messages) = (self.made, consume.mode, messages.into());
        let consumer = Consumer { number, window: messages, messages, bytes: bytes as i64, mode };
        let index = consume.consumer.0;
        assert!(self.consumers.insert(index, consumer).is_none(), "two consumers with the index {index}");
    }

    fn delivered(&mut self, deliver: &Deliver) {
        let Deliver { consumer, delivery, message, settled, .. } = deliver;
        let mut number = 0;
        // What was on its way to a consumer that is cancelled costs nobody anything any more.
        if let Some(it) = self.consumers.get_mut(&consumer.0) {
            number = it.number;
            it.messages -= 1;
            it.bytes -= (message.properties.len() + message.body.len()) as i64;
        }
        if !settled {
            let lease = Lease { consumer: number, transaction: None };
            let before = self.leased.insert((delivery.queue, delivery.seq), lease);
            assert!(before.is_none(), "delivered twice: {deliver:?}");
        }
    }

    fn credited(&mut self, index: u32, add: Credit, drain: bool) {
        let consumer = self.consumers.get_mut(&index).expect("credit is for a consumer that is there");
        consumer.messages += i64::from(add.messages);
        if let Mode::Cursor { .. } = consumer.mode {
            assert!(drain && consumer.messages == i64::from(add.messages), "asks for one part after the other");
            return;
        }
        assert!(!drain && (add.messages > 0 || add.bytes > 0), "asks for nothing");
        consumer.bytes += add.bytes as i64;
        let presettled = Mode::Leasing { settlement: Settlement::Presettled, lease: model::Lease::Connection };
        assert!(add.messages == 0 || consumer.mode == presettled, "gets messages back by settling them");
        self.within_window(index);
    }

    fn settled(&mut self, settle: &Settle) {
        assert!(settle.attempt.is_none() && settle.first <= settle.last);
        let is_known = matches!(settle.outcome, Outcome::Accepted | Outcome::Poison(_) | Outcome::Released);
        assert!(is_known, "not an outcome of STOMP: {settle:?}");
        self.is_open(settle.transaction);
        for seq in settle.first..=settle.last {
            let place = (settle.queue, seq);
            let lease = self.leased.get_mut(&place).expect("settles what it has");
            assert_eq!(lease.transaction, None, "settles twice");
            let consumer = lease.consumer;
            match settle.transaction {
                Some(_) => lease.transaction = settle.transaction,
                None => {
                    self.leased.remove(&place);
                    self.settled_one(consumer);
                }
            }
        }
    }

    fn ended(&mut self, index: TransactionIndex, is_commit: bool) {
        assert!(self.transactions.remove(&index), "{index:?} is not open");
        let its: Vec<_> =
            self.leased.iter().filter(|(_, it)| it.transaction == Some(index)).map(|(place, _)| *place).collect();
        for place in its {
            if is_commit {
                let consumer = self.leased.remove(&place).expect("just found").consumer;
                self.settled_one(consumer);
            } else if let Some(lease) = self.leased.get_mut(&place) {
                lease.transaction = None;
            }
        }
    }

    fn settled_one(&mut self, number: u64) {
        let found = self.consumers.iter_mut().find(|(_, it)| it.number == number);
        if let Some((index, consumer)) = found {
            consumer.messages += 1;
            let index = *index;
            self.within_window(index);
        }
    }

    fn within_window(&self, index: u32) {
        let consumer = &self.consumers[&index];
        assert!(consumer.messages <= consumer.window, "consumer {index} has a credit of {}", consumer.messages);
        assert!(consumer.bytes <= CREDIT_BYTES as i64, "consumer {index} has a credit of {} bytes", consumer.bytes);
    }

    fn is_open(&self, transaction: Option<TransactionIndex>) {
        if let Some(index) = transaction {
            assert!(self.transactions.contains(&index), "{index:?} is not open");
        }
    }
}
