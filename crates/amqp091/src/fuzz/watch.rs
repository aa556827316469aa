use std::collections::BTreeMap;

use model::{
    Command, Consume, Credentials, Credit, Deliver, Effect, EncodingId, Mode, Outcome, Publish, QueueId, Reply, Settle,
    Settlement, TransactionRef,
};

use crate::consumers::{CREDIT_BYTES, NO_ACK_WINDOW, UNLIMITED};
use crate::token::Request;

/// What the contract with the broker allows one connection, followed command by command and effect by effect. Panics
/// if the connection asks for something else.
#[derive(Debug, Default)]
pub struct Watch {
    login: Login,
    consumers: BTreeMap<u32, Consumer>,
    /// Gets that are not over.
    fetches: BTreeMap<u32, ()>,
    /// What is leased by this connection.
    leased: BTreeMap<(QueueId, u64), State>,
    /// Open transactions, by index.
    transactions: BTreeMap<u32, ()>,
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
    /// It may use its virtual host.
    Entered,
    /// It shows something newer.
    AskedAgain,
}

#[derive(Debug)]
struct Consumer {
    messages: i64,
    bytes: i64,
    window: i64,
    settlement: Settlement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Held,
    /// By an open transaction.
    Staged(u32),
    /// By a commit whose outcome the connection may not know.
    Committed,
}

impl Watch {
    /// Takes note of a command that the connection gives.
    pub fn asked(&mut self, command: &Command) {
        let is_last = matches!(command, Command::Settle(_) | Command::Tally(_));
        assert!(!self.closed || is_last, "asks after its end: {command:?}");
        match command {
            Command::Authenticate(asked) => return self.authenticates(&asked.credentials),
            Command::Access { .. } => return assert_eq!(self.login, Login::Known, "asks before it is known who it is"),
            _ => {}
        }
        let is_in = matches!(self.login, Login::Entered | Login::AskedAgain);
        assert!(is_in, "asks before it is known who it is: {command:?}");
        match command {
            Command::Consume(consume) => self.consumes(consume),
            Command::Fetch(fetch) => {
                let index = fetch.consumer.0;
                assert!(!self.consumers.contains_key(&index), "a get with a consumer's index {index}");
                assert!(self.fetches.insert(index, ()).is_none(), "two gets with the index {index}");
            }
            Command::Cancel { consumer } => {
                assert!(self.consumers.remove(&consumer.0).is_some(), "cancels what is not there: {consumer:?}");
            }
            Command::Credit { consumer, add, drain } => self.credited(consumer.0, *add, *drain),
            Command::Settle(settle) => self.settled(settle),
            Command::Publish(publish) => self.published(publish),
            Command::Begin { transaction } => {
                assert!(self.transactions.insert(transaction.0, ()).is_none(), "begins twice: {transaction:?}");
            }
            Command::Commit { transaction, .. } => self.ended(transaction, State::Committed),
            Command::Rollback { transaction, .. } => self.ended(transaction, State::Held),
            Command::Tally(tally) => assert!(!tally.is_empty(), "tells nothing"),
            Command::Declare(_)
            | Command::Delete { .. }
            | Command::Purge { .. }
            | Command::Bind { .. }
            | Command::Unbind { .. }
            | Command::BindExchange { .. }
            | Command::UnbindExchange { .. }
            | Command::DeclareExchange { .. }
            | Command::DeleteExchange { .. }
            | Command::Unhold { .. } => {}
            other => panic!("AMQP 0-9-1 needs no such command: {other:?}"),
        }
    }

    fn authenticates(&mut self, credentials: &Credentials) {
        let is_response = matches!(credentials, Credentials::Response(_));
        self.login = match self.login {
            Login::Silent if !is_response => Login::Asked,
            Login::Challenged if is_response => Login::Asked,
            Login::Entered if matches!(credentials, Credentials::Password { .. }) => Login::AskedAgain,
            other => panic!("says who it is, when it is {other:?}"),
        };
    }

    /// Whether the shell keeps what the client says from the connection.
    pub fn waits_for_login(&self) -> bool {
        matches!(self.login, Login::Asked | Login::AskedAgain)
    }

    /// Takes note of an effect, before the connection sees it.
    pub fn sees(&mut self, effect: &Effect) {
        match effect {
            Effect::Deliver(deliver) => self.delivered(deliver),
            Effect::Cancelled { consumer, .. } => {
                self.consumers.remove(&consumer.0);
                self.fetches.remove(&consumer.0);
            }
            Effect::Drained { consumer } => drop(self.fetches.remove(&consumer.0)),
            Effect::Challenge { .. } => self.login = Login::Challenged,
            Effect::Reply { token, reply } => match (Request::of(*token), reply) {
                (Request::Login, _) => {
                    self.login = if self.login == Login::AskedAgain { Login::Entered } else { Login::Known };
                }
                (Request::Access, Ok(_)) => self.login = Login::Entered,
                (Request::Consume(index), Err(_)) => drop(self.consumers.remove(&index)),
                (Request::Get(index), Err(_)) => drop(self.fetches.remove(&index)),
                (Request::Consume(_), Ok(reply)) => assert!(matches!(reply, Reply::Consuming { .. })),
                _ => {}
            },
            _ => {}
        }
    }

    /// The connection was told that it is over.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Panics if something is left of channels that are all closed. What a commit settles may stay.
    pub fn nothing_is_left(&self) {
        let mut open = self.leased.iter().filter(|(_, state)| **state != State::Committed);
        assert_eq!(open.next(), None, "still leased");
        assert!(self.consumers.is_empty() && self.fetches.is_empty() && self.transactions.is_empty(), "{self:?}");
    }

    fn consumes(&mut self, consume: &Consume) {
        let Mode::Leasing { settlement, .. } = consume.mode else { panic!("browses: {consume:?}") };
        let Credit { messages, bytes } = consume.credit;
        let most = if settlement == Settlement::Presettled { NO_ACK_WINDOW } else { UNLIMITED };
        assert!((1..=most).contains(&messages) && bytes == CREDIT_BYTES, "{consume:?}");
        let messages = i64::from(messages);
        let consumer = Consumer { messages, bytes: bytes as i64, window: messages, settlement };
        let index = consume.consumer.0;
        assert!(!self.fetches.contains_key(&index), "a consumer with a get's index {index}");
        assert!(self.consumers.insert(index, consumer).is_none(), "two consumers with the index {index}");
    }

    fn published(&self, publish: &Publish) {
        let Publish { token, message, create, hold, transaction, .. } = publish;
        assert!(token.is_some() && !create && hold.is_none(), "{publish:?}");
        assert_eq!(message.encoding, EncodingId::AMQP_091);
        let body = &message.body;
        assert!(body.pieces().len() <= 2 + body.len() / 2048, "{} pieces of {}", body.pieces().len(), body.len());
        if let Some(transaction) = transaction {
            assert!(self.transactions.contains_key(&transaction.0), "publishes into no transaction");
        }
    }

    fn delivered(&mut self, deliver: &Deliver) {
        let Deliver { consumer, delivery, message, settled, .. } = deliver;
        // What was on its way to a consumer that is cancelled costs nobody anything any more.
        if let Some(it) = self.consumers.get_mut(&consumer.0) {
            it.messages -= 1;
            assert!((it.settlement == Settlement::Presettled) == *settled);
            it.bytes -= (message.properties.len() + message.body.len()) as i64;
        }
        if !settled {
            let before = self.leased.insert((delivery.queue, delivery.seq), State::Held);
            assert!(before.is_none(), "delivered twice: {deliver:?}");
        }
    }

    fn credited(&mut self, index: u32, add: Credit, drain: bool) {
        assert!(!drain && (add.messages > 0 || add.bytes > 0), "asks for nothing");
        let consumer = self.consumers.get_mut(&index).expect("credit is for a consumer that is there");
        consumer.messages += i64::from(add.messages);
        consumer.bytes += add.bytes as i64;
        let is_presettled = consumer.settlement == Settlement::Presettled;
        assert!(is_presettled || add.messages == 0, "settling gives messages back");
        assert!(!is_presettled || consumer.messages <= consumer.window, "consumer {index} has too much credit");
        assert!(consumer.bytes <= CREDIT_BYTES as i64, "consumer {index} has a credit of {} bytes", consumer.bytes);
    }

    fn settled(&mut self, settle: &Settle) {
        assert!(settle.token.is_none() && settle.attempt.is_none() && settle.first <= settle.last);
        for seq in settle.first..=settle.last {
            let place = (settle.queue, seq);
            match (self.leased.get(&place), settle.transaction) {
                (Some(State::Held), None) => drop(self.leased.remove(&place)),
                (Some(State::Held), Some(transaction)) => {
                    assert!(self.transactions.contains_key(&transaction.0), "settles in no transaction");
                    self.leased.insert(place, State::Staged(transaction.0));
                }
                // For the case that the commit fails.
                (Some(State::Committed), None) => {
                    assert_eq!(settle.outcome, Outcome::Released);
                    self.leased.remove(&place);
                }
                (other, _) => panic!("settles what is {other:?}: {settle:?}"),
            }
        }
    }

    fn ended(&mut self, transaction: &TransactionRef, becomes: State) {
        let TransactionRef::Own(index) = transaction else { panic!("somebody else's {transaction:?}") };
        assert!(self.transactions.remove(&index.0).is_some(), "ends what it did not begin: {index:?}");
        for state in self.leased.values_mut().filter(|it| **it == State::Staged(index.0)) {
            *state = becomes;
        }
    }
}
