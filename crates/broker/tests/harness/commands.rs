//! Commands in a few words. The world gives them their tokens.

use std::sync::Arc;

use bytes::Bytes;
use model::{
    Address, Binding, Claim, Command, Conflict, Consume, ConsumerIndex, Credit, CreditMode, Declare, DeclareMode,
    Delivery, Exchange, Fetch, Header, Hold, Inspect, Lease, Message, Mode, Name, Namespace, Outcome, Position,
    Publish, QueueId, QueueRef, QueueSettings, Settle, Settlement, Tag, Time, Token, TransactionIndex, TransactionRef,
};

pub(crate) const UNSET: Token = Token(0);
pub(crate) const ROOT: Namespace = Namespace(0);

pub(crate) fn token_of(command: &mut Command) -> Option<&mut Token> {
    match command {
        Command::Enter { token, .. }
        | Command::Access { token, .. }
        | Command::DeclareExchange { token, .. }
        | Command::DeclareTopic { token, .. }
        | Command::DeleteExchange { token, .. }
        | Command::BindExchange { token, .. }
        | Command::UnbindExchange { token, .. }
        | Command::Alter { token, .. }
        | Command::Bind { token, .. }
        | Command::Unbind { token, .. }
        | Command::Unhold { token, .. }
        | Command::Decide { token, .. }
        | Command::Backup { token, .. }
        | Command::Inspect { token, .. }
        | Command::Prepare { token, .. }
        | Command::Commit { token, .. }
        | Command::Rollback { token, .. }
        | Command::Purge { token, .. }
        | Command::Delete { token, .. }
        | Command::Move { token, .. } => Some(token),
        Command::Authenticate(it) => Some(&mut it.token),
        Command::Claim(it) => Some(&mut it.token),
        Command::Declare(it) => Some(&mut it.token),
        Command::Consume(it) => Some(&mut it.token),
        Command::Fetch(it) => Some(&mut it.token),
        Command::Publish(it) => it.token.as_mut(),
        Command::Settle(it) => it.token.as_mut(),
        Command::Open { .. }
        | Command::Permit { .. }
        | Command::Reconsider
        | Command::Cancel { .. }
        | Command::Credit { .. }
        | Command::Loaded { .. }
        | Command::Measured(_)
        | Command::BackingUp { .. }
        | Command::Begin { .. }
        | Command::Tally(_)
        | Command::Close => None,
    }
}

pub(crate) fn named(name: &str) -> QueueRef {
    QueueRef::Named(ROOT, name.into())
}

pub(crate) fn queue(n: u32) -> QueueId {
    QueueId { shard: 0, n }
}

pub(crate) fn declare(name: &str) -> Command {
    declare_with(name, |_| {})
}

pub(crate) fn declare_with(name: &str, set: impl FnOnce(&mut QueueSettings)) -> Command {
    let mut settings = QueueSettings::default();
    set(&mut settings);
    declare_as(name, settings, DeclareMode::IfAbsent)
}

pub(crate) fn declare_as(name: &str, settings: QueueSettings, mode: DeclareMode) -> Command {
    Command::Declare(Box::new(Declare {
        token: UNSET,
        namespace: ROOT,
        name: name.into(),
        settings,
        mode,
        own: model::Own::No,
    }))
}

/// A durable message for the default exchange.
pub(crate) fn message(key: &str, body: impl Into<Vec<u8>>) -> Message {
    Message {
        address: Address::queue(ROOT, key.into()),
        header: Header { durable: true, ..Header::default() },
        encoding: model::EncodingId::PLAIN,
        properties: Bytes::new(),
        body: Bytes::from(body.into()).into(),
    }
}

/// Publishes and wants a confirmation.
pub(crate) fn publish(key: &str, body: impl Into<Vec<u8>>) -> Command {
    publish_with(key, body, |_, _| {})
}

pub(crate) fn publish_with(
    key: &str,
    body: impl Into<Vec<u8>>,
    set: impl FnOnce(&mut Message, &mut Publish),
) -> Command {
    let mut message = message(key, body);
    let mut publish = Publish { token: Some(UNSET), ..Publish::new(Arc::new(message.clone())) };
    set(&mut message, &mut publish);
    publish.message = Arc::new(message);
    Command::Publish(publish)
}

pub(crate) fn publish_to(exchange: &Exchange, key: &str, body: impl Into<Vec<u8>>) -> Command {
    publish_with(key, body, |message, _| message.address.exchange = exchange.clone())
}

pub(crate) fn topic(key: &str, body: impl Into<Vec<u8>>) -> Command {
    publish_to(&Exchange::Topic, key, body)
}

pub(crate) fn transient(key: &str, body: impl Into<Vec<u8>>) -> Command {
    publish_with(key, body, |message, _| message.header.durable = false)
}

pub(crate) fn held(key: &str, body: &str, hold: (u32, u32)) -> Command {
    publish_with(key, body, |_, publish| publish.hold = Some(Hold { queue: queue(hold.0), number: hold.1 }))
}

pub(crate) fn staged(key: &str, body: impl Into<Vec<u8>>, transaction: u32) -> Command {
    publish_with(key, body, |_, publish| publish.transaction = Some(TransactionIndex(transaction)))
}

/// A consumer that settles explicitly, leases by its connection, and has this much credit.
pub(crate) fn consume(name: &str, index: u32, credit: u32) -> Command {
    consume_with(name, index, credit, |_| {})
}

pub(crate) fn consume_with(name: &str, index: u32, credit: u32, set: impl FnOnce(&mut Consume)) -> Command {
    let mut consume = Consume {
        token: UNSET,
        consumer: ConsumerIndex(index),
        queue: named(name),
        mode: Mode::Leasing { settlement: Settlement::Explicit, lease: Lease::Connection },
        credit: Credit::messages(credit),
        credit_mode: CreditMode::Explicit,
        selector: None,
        exclusive: false,
        priority: 0,
    };
    set(&mut consume);
    Command::Consume(Box::new(consume))
}

pub(crate) fn window(name: &str, index: u32, credit: u32) -> Command {
    consume_with(name, index, credit, |it| it.credit_mode = CreditMode::Window)
}

pub(crate) fn select(name: &str, index: u32, credit: u32, selector: &str) -> Command {
    consume_with(name, index, credit, |it| it.selector = Some(selector.into()))
}

/// A browser without credit.
pub(crate) fn browse(name: &str) -> Command {
    cursor(name, 0, Position::First, 0)
}

pub(crate) fn cursor(name: &str, index: u32, from: Position, credit: u32) -> Command {
    consume_with(name, index, credit, |it| it.mode = Mode::Cursor { from })
}

pub(crate) fn cancel(index: u32) -> Command {
    Command::Cancel { consumer: ConsumerIndex(index) }
}

pub(crate) fn credit(index: u32, add: u32) -> Command {
    Command::Credit { consumer: ConsumerIndex(index), add: Credit::messages(add), drain: false }
}

pub(crate) fn drain(index: u32, add: u32) -> Command {
    Command::Credit { consumer: ConsumerIndex(index), add: Credit::messages(add), drain: true }
}

/// Takes up to `max` under a connection's lease and does not wait (AMQP 0-9-1 basic.get).
pub(crate) fn get(name: &str, index: u32, max: u32) -> Command {
    fetch_with(name, index, max, |_| {})
}

/// Takes up to `max` under a lease of five seconds, waiting until `until` (SQS ReceiveMessage).
pub(crate) fn receive(name: &str, index: u32, max: u32, until: Option<Time>) -> Command {
    fetch_with(name, index, max, |it| {
        it.lease = Lease::Deadline(Some(5_000));
        it.until = until;
    })
}

pub(crate) fn fetch_with(name: &str, index: u32, max: u32, set: impl FnOnce(&mut Fetch)) -> Command {
    let mut fetch = Fetch {
        token: UNSET,
        consumer: ConsumerIndex(index),
        queue: named(name),
        max,
        settlement: Settlement::Explicit,
        lease: Lease::Connection,
        until: None,
    };
    set(&mut fetch);
    Command::Fetch(Box::new(fetch))
}

/// An outcome for what this connection leases.
pub(crate) fn settle(delivery: Delivery, outcome: Outcome) -> Command {
    Command::Settle(Settle { token: Some(UNSET), ..Settle::one(delivery, outcome) })
}

pub(crate) fn accept(delivery: Delivery) -> Command {
    settle(delivery, Outcome::Accepted)
}

pub(crate) fn settle_range(n: u32, first: u64, last: u64, outcome: Outcome) -> Command {
    let one = Settle::one(Delivery { queue: queue(n), seq: first, attempt: 0 }, outcome);
    Command::Settle(Settle { token: Some(UNSET), last, ..one })
}

/// An outcome for a delivery whose receipt the caller holds.
pub(crate) fn settle_receipt(delivery: Delivery, outcome: Outcome) -> Command {
    let attempt = Some(delivery.attempt);
    Command::Settle(Settle { token: Some(UNSET), attempt, ..Settle::one(delivery, outcome) })
}

pub(crate) fn settle_in(delivery: Delivery, transaction: u32) -> Command {
    let one = Settle::one(delivery, Outcome::Accepted);
    Command::Settle(Settle { token: Some(UNSET), transaction: Some(TransactionIndex(transaction)), ..one })
}

pub(crate) fn decide(delivery: Delivery, mark: u32) -> Command {
    Command::Decide { token: UNSET, delivery, mark }
}

pub(crate) fn unhold(n: u32, number: u32) -> Command {
    Command::Unhold { token: UNSET, hold: Hold { queue: queue(n), number } }
}

pub(crate) fn begin(transaction: u32) -> Command {
    Command::Begin { transaction: TransactionIndex(transaction) }
}

pub(crate) fn prepare(transaction: u32, xid: &'static str) -> Command {
    Command::Prepare {
        token: UNSET,
        transaction: TransactionIndex(transaction),
        xid: Bytes::from_static(xid.as_bytes()),
    }
}

pub(crate) fn commit(transaction: u32) -> Command {
    Command::Commit { token: UNSET, transaction: TransactionRef::Own(TransactionIndex(transaction)) }
}

pub(crate) fn commit_prepared(xid: &'static str) -> Command {
    Command::Commit { token: UNSET, transaction: TransactionRef::Prepared(Bytes::from_static(xid.as_bytes())) }
}

pub(crate) fn rollback(transaction: u32) -> Command {
    Command::Rollback { token: UNSET, transaction: TransactionRef::Own(TransactionIndex(transaction)) }
}

pub(crate) fn rollback_prepared(xid: &'static str) -> Command {
    Command::Rollback { token: UNSET, transaction: TransactionRef::Prepared(Bytes::from_static(xid.as_bytes())) }
}

pub(crate) fn binding(exchange: &Exchange, key: &str, tag: u64) -> Binding {
    Binding { exchange: exchange.clone(), key: key.into(), tag: Tag(tag), ..Binding::default() }
}

pub(crate) fn bind(name: &str, binding: Binding) -> Command {
    Command::Bind { token: UNSET, queue: named(name), binding: Box::new(binding), replay: false }
}

/// Subscribes to a topic pattern.
pub(crate) fn subscribe(name: &str, pattern: &str, tag: u64) -> Command {
    bind(name, binding(&Exchange::Topic, pattern, tag))
}

/// Subscribes, and wants the retained messages too.
pub(crate) fn subscribe_replay(name: &str, pattern: &str, tag: u64) -> Command {
    let binding = Binding { hides_dollar: true, ..binding(&Exchange::Topic, pattern, tag) };
    Command::Bind { token: UNSET, queue: named(name), binding: Box::new(binding), replay: true }
}

pub(crate) fn unbind(name: &str, binding: Binding) -> Command {
    Command::Unbind { token: UNSET, queue: named(name), binding: Box::new(binding) }
}

pub(crate) fn retain(key: &str, body: &str) -> Command {
    publish_with(key, body, |message, _| {
        message.address.exchange = Exchange::Topic;
        message.header.retain = true;
    })
}

pub(crate) fn purge(name: &str, leased: bool) -> Command {
    Command::Purge { token: UNSET, queue: named(name), leased }
}

pub(crate) fn delete(name: &str) -> Command {
    Command::Delete { token: UNSET, queue: named(name), if_unused: false, if_empty: false }
}

pub(crate) fn move_to(from: &str, to: &str, max: u64) -> Command {
    Command::Move { token: UNSET, from: named(from), to: named(to), max }
}

pub(crate) fn alter(name: &str, alteration: model::Alteration) -> Command {
    Command::Alter { token: UNSET, queue: named(name), alteration: Box::new(alteration) }
}

pub(crate) fn claim(client: &str, conflict: Conflict) -> Command {
    Command::Claim(Claim { token: UNSET, namespace: ROOT, client: Name::from(client), conflict })
}

pub(crate) fn enter(name: &str) -> Command {
    Command::Enter { token: UNSET, name: name.into() }
}

pub(crate) fn inspect(what: Inspect) -> Command {
    Command::Inspect { token: UNSET, what }
}

pub(crate) fn declare_exchange(name: &str, kind: model::ExchangeKind) -> Command {
    let (namespace, name) = (ROOT, name.into());
    let settings = model::ExchangeSettings::new(kind);
    Command::DeclareExchange { token: UNSET, namespace, name, settings, passive: false }
}
