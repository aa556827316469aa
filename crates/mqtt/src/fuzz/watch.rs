use std::collections::BTreeMap;

use model::{Command, Credit, Deliver, Delivery, Effect, Mode, Outcome, QueueId, QueueRef, Reply, Settle, Settlement};

use crate::connect::CREDIT_BYTES;
use crate::token::Request;

/// What the contract with the broker allows one connection, followed command by command and effect by effect. Panics
/// if the connection asks for something else.
#[derive(Debug, Default)]
pub struct Watch {
    login: Login,
    claimed: bool,
    /// The most deliveries that a consumer may be given.
    window: u32,
    consumers: BTreeMap<u32, Consumer>,
    /// Consumers so far.
    made: u64,
    /// What is leased by this connection, and to which consumer.
    leased: BTreeMap<(QueueId, u64), Lease>,
    session: Option<QueueId>,
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
    messages: i64,
    bytes: i64,
    settlement: Settlement,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    consumer: u64,
    decided: bool,
}

impl Watch {
    pub fn new(window: u32) -> Self {
        Self { window, ..Self::default() }
    }

    /// Takes note of a command that the connection gives.
    pub fn asked(&mut self, command: &Command) {
        let last_words = matches!(command, Command::Publish(_) | Command::Tally(_));
        assert!(!self.closed || last_words, "only a will comes after the end: {command:?}");
        match command {
            Command::Authenticate(_) => {
                assert_eq!(self.login, Login::Silent, "says who it is, once and first");
                self.login = Login::Asked;
            }
            Command::Access { .. } => assert_eq!(self.login, Login::Known, "asks before it is known who it is"),
            Command::Claim(_) => {
                assert_eq!(self.login, Login::Entered, "claims before it is known who it is");
                assert!(!self.claimed, "claims once");
                self.claimed = true;
            }
            Command::Consume(consume) => {
                let Mode::Leasing { settlement, .. } = consume.mode else { panic!("browses: {consume:?}") };
                let Credit { messages, bytes } = consume.credit;
                self.made += 1;
                let consumer =
                    Consumer { number: self.made, messages: messages.into(), bytes: bytes as i64, settlement };
                let index = consume.consumer.0;
                self.within_window(index, &consumer);
                assert!(self.consumers.insert(index, consumer).is_none(), "two consumers with the index {index}");
            }
            Command::Cancel { consumer } => {
                assert!(self.consumers.remove(&consumer.0).is_some(), "cancels what is not there: {consumer:?}");
            }
            Command::Credit { consumer, add, drain } => self.credited(consumer.0, *add, *drain),
            Command::Settle(settle) => self.settled(settle),
            Command::Decide { delivery, mark, .. } => self.decided(*delivery, *mark),
            Command::Publish(publish) => {
                assert!(self.claimed, "publishes before it has its client id");
                if let Some(hold) = publish.hold {
                    assert_eq!(Some(hold.queue), self.session, "a hold in somebody else's queue");
                }
            }
            Command::Alter { queue: QueueRef::Named(_, name), .. }
            | Command::Unbind { queue: QueueRef::Named(_, name), .. } => {
                assert!(name.as_bytes().starts_with(b"mqtt.session."), "changes a queue of others: {name:?}");
            }
            Command::Declare(_) | Command::Delete { .. } | Command::Bind { .. } | Command::Unhold { .. } => {
                assert!(self.claimed, "asks before it has its client id: {command:?}");
            }
            Command::Tally(tally) => assert!(!tally.is_empty(), "counts nothing"),
            other => panic!("MQTT needs no such command: {other:?}"),
        }
    }

    /// Takes note of an effect, before the connection sees it.
    pub fn sees(&mut self, effect: &Effect) {
        match effect {
            Effect::Deliver(deliver) => self.delivered(deliver),
            Effect::Cancelled { consumer, .. } => {
                self.consumers.remove(&consumer.0);
            }
            Effect::Reply { token, reply } => match (Request::of(*token), reply) {
                (Request::Login, Ok(_)) => self.login = Login::Known,
                (Request::Access, Ok(_)) => self.login = Login::Entered,
                (Request::DeclareSession, Ok(Reply::Declared { queue, .. })) => self.session = Some(*queue),
                (Request::ConsumeSession, Ok(Reply::Consuming { decided, .. })) => {
                    for (delivery, _) in decided {
                        let lease = Lease { consumer: self.made, decided: true };
                        self.leased.insert((delivery.queue, delivery.seq), lease);
                    }
                }
                (Request::ConsumeSession, Err(_)) => {
                    self.consumers.remove(&0);
                }
                (Request::ConsumeQueue(at), Err(_)) => {
                    self.consumers.remove(&(u32::from(at) + 1));
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// Whether the broker may give this consumer a message.
    pub fn wants(&self, consumer: u32) -> bool {
        self.consumers.get(&consumer).is_some_and(|it| it.messages > 0 && it.bytes > 0)
    }

    /// Whether the shell keeps what the client says from the connection.
    pub fn waits_for_login(&self) -> bool {
        self.login == Login::Asked
    }

    /// The connection was told that it is over.
    pub fn close(&mut self) {
        self.closed = true;
    }

    fn delivered(&mut self, deliver: &Deliver) {
        let Deliver { consumer, delivery, message, settled, .. } = deliver;
        let mut number = 0;
        // What was on its way to a consumer that is cancelled costs nobody anything any more.
        if let Some(it) = self.consumers.get_mut(&consumer.0) {
            number = it.number;
            it.messages -= 1;
            assert!(it.settlement != Settlement::Presettled || *settled);
            it.bytes -= (message.properties.len() + message.body.len()) as i64;
        }
        if !settled {
            let lease = Lease { consumer: number, decided: false };
            let before = self.leased.insert((delivery.queue, delivery.seq), lease);
            assert!(before.is_none(), "delivered twice: {deliver:?}");
        }
    }

    fn credited(&mut self, index: u32, add: Credit, drain: bool) {
        assert!(!drain && (add.messages > 0 || add.bytes > 0), "asks for nothing");
        let consumer = self.consumers.get_mut(&index).expect("credit is for a consumer that is there");
        consumer.messages += i64::from(add.messages);
        consumer.bytes += add.bytes as i64;
        let consumer = &self.consumers[&index];
        self.within_window(index, consumer);
    }

    fn settled(&mut self, settle: &Settle) {
        assert!(settle.attempt.is_none() && settle.transaction.is_none() && settle.first <= settle.last);
        for seq in settle.first..=settle.last {
            let lease = self.leased.remove(&(settle.queue, seq)).expect("settles what it has");
            if lease.decided {
                assert_eq!(settle.outcome, Outcome::Accepted, "a decided delivery cannot come back");
            } else {
                self.settled_one(lease.consumer);
            }
        }
    }

    fn decided(&mut self, delivery: Delivery, mark: u32) {
        assert!(u16::try_from(mark).is_ok_and(|mark| mark > 0), "the mark is a packet id");
        let lease = self.leased.get_mut(&(delivery.queue, delivery.seq)).expect("decides what it has");
        assert!(!lease.decided, "decides twice");
        lease.decided = true;
        let consumer = lease.consumer;
        self.settled_one(consumer);
    }

    fn settled_one(&mut self, number: u64) {
        if let Some((index, consumer)) = self.consumers.iter_mut().find(|(_, it)| it.number == number) {
            consumer.messages += 1;
            let index = *index;
            self.within_window(index, &self.consumers[&index]);
        }
    }

    fn within_window(&self, index: u32, consumer: &Consumer) {
        assert!(consumer.messages <= i64::from(self.window), "consumer {index} has a credit of {}", consumer.messages);
        assert!(consumer.bytes <= CREDIT_BYTES as i64, "consumer {index} has a credit of {} bytes", consumer.bytes);
    }
}
