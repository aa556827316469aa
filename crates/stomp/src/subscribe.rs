//! SUBSCRIBE: each subscription is a consumer of a queue, which for topics is one of its own. A queue that stands behind
//! somebody's session or durable subscription (`QueueSettings::internal`) is refused.

use std::collections::VecDeque;

use model::{
    Binding, Command as Ask, Consume, Credit, CreditMode, Declare, DeclareMode, Exchange, Io, Lease, Lifetime, Mode,
    Name, Overflow, Own, Position, QueueInfo, QueueRef, QueueSettings, Refusal, Settlement,
};

use crate::codec::{Command, Frame, Headers, Version};
use crate::deliver::{browse, prefix};
use crate::destination::{self, Destination, QueueKind};
use crate::durable::{self, Durability, shared_queue};
use crate::error::{ClientError, quote};
use crate::receipt;
use crate::send::{declare_temporary, number};
use crate::session::Session;
use crate::subscription::{AckMode, Owed, Source, State, Subscription, consumer};
use crate::token::Request;
use crate::transaction::receipt_of;

/// Subscriptions of one connection, those included that are about to end.
const SUBSCRIPTIONS: usize = 4_096;
/// Bytes of the id of one, or of its destination where it has none.
const NAME_BYTES: usize = 1_024;
/// The largest window that a client may ask for.
const LARGEST_WINDOW: u64 = 100_000;
/// Lets a selector compare numbers although all headers are text, as ActiveMQ does for STOMP.
const CONVERT: &str = "convert_string_expressions:";

/// What is bound to a subscription's own queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) exchange: Exchange,
    pub(crate) key: Name,
}

impl Session {
    pub(crate) fn subscribe(&mut self, frame: &Frame, io: &mut Io<'_>) -> Result<(), ClientError> {
        let headers = frame.headers();
        let destination = required(frame.command, headers, "destination", "It says what to subscribe to.")?;
        let id = headers.into_iter().find(|header| header.raw_name == b"id");
        if id.is_none() && self.version > Version::V10 {
            return Err(ClientError::MissingHeader(Command::Subscribe, "id", "It names the subscription."));
        }
        let key = id.map_or_else(|| destination.clone(), |id| id.value().into_owned());
        if key.len() > NAME_BYTES {
            let allowed = "It is too long: it may have up to 1024 bytes.";
            return Err(ClientError::wrong_header(Command::Subscribe, "id", &key, allowed));
        }
        if self.subscriptions.find(&key).is_some() {
            return Err(ClientError::DoubleSubscription(quote(&key)));
        }
        let (slot, number) = self.subscriptions.free_slot();
        if slot >= SUBSCRIPTIONS {
            return Err(ClientError::TooMany("subscriptions", SUBSCRIPTIONS as u64));
        }
        let ack = ack_mode(headers)?;
        let window = self.window(headers)?;
        let exclusive =
            flag(frame.command, headers, "activemq.exclusive")? || flag(frame.command, headers, "exclusive")?;
        let is_browser = flag(frame.command, headers, "browser")?;
        let durability = durable::durability(headers)?;
        let subject = self.subject(&destination, &key, is_browser, &durability)?;
        let exclusive =
            exclusive || matches!((&subject.source, &durability), (Source::Durable(_), Durability::Named(_)));
        let subscription = Subscription {
            number,
            key,
            prefix: prefix(id.map(|id| id.raw_value)),
            destination,
            namespace: self.namespace,
            source: subject.source,
            kind: subject.kind,
            bound: subject.bound,
            ack,
            selector: headers.get("selector").map(|text| selector(&text)),
            exclusive,
            priority: priority(headers)?,
            window,
            state: State::Asked,
            receipt: receipt_of(frame),
            farewell: None,
            unacknowledged: VecDeque::new(),
            owed: Owed::default(),
        };
        self.subscriptions.insert(slot, subscription);
        self.ask(slot, io);
        Ok(())
    }

    fn window(&self, headers: Headers<'_>) -> Result<u32, ClientError> {
        const ALLOWED: &str = "Allowed is a number of messages from 1 on; without it, it is 1000.";
        for name in ["activemq.prefetchSize", "prefetch-count"] {
            let Some(text) = headers.get(name) else { continue };
            return match number(text.as_bytes()) {
                // RabbitMQ's word for "as many as there are".
                Some(0) if name == "prefetch-count" => Ok(self.options.window),
                Some(window) if window > 0 => Ok(window.min(LARGEST_WINDOW) as u32),
                _ => Err(ClientError::wrong_header(Command::Subscribe, name, &text, ALLOWED)),
            };
        }
        Ok(self.options.window)
    }

    fn subject(
        &self,
        text: &str,
        key: &str,
        is_browser: bool,
        durability: &Durability,
    ) -> Result<Subject, ClientError> {
        let wrong = |why| ClientError::destination(Command::Subscribe, text, why);
        let allowed = |why| ClientError::Destination(Command::Subscribe, quote(text), why);
        if destination::parts(text).count() > 1 {
            return Err(allowed("a list of destinations, which is for SEND only: subscribe to each of them"));
        }
        match Destination::parse(text, &self.name).map_err(wrong)? {
            Destination::Queue { .. } if matches!(durability, Durability::Named(_)) => {
                Err(allowed("a queue, and activemq.subscriptionName: durable subscriptions are of topics"))
            }
            Destination::Queue { name, kind } if is_browser => {
                Ok(Subject { source: Source::Browser(name), bound: None, kind: Some(kind) })
            }
            Destination::Queue { name, kind } => {
                Ok(Subject { source: Source::Queue(name), bound: None, kind: Some(kind) })
            }
            Destination::Key { .. } if is_browser => Err(allowed("a topic, and browser:true: only queues are browsed")),
            Destination::Key { exchange, key: pattern } => {
                let pattern = if exchange == Exchange::Topic { destination::pattern(&pattern) } else { pattern };
                let source = self.topic_source(text, key, durability)?;
                Ok(Subject { source, bound: Some(Bound { exchange, key: pattern }), kind: None })
            }
        }
    }

    fn topic_source(&self, destination: &str, key: &str, durability: &Durability) -> Result<Source, ClientError> {
        Ok(match durability {
            Durability::None => {
                let number = self.subscriptions.made();
                Source::Topic(format!("stomp.subscription.{}.{number}", self.name).into())
            }
            Durability::Named(name) => Source::Durable(self.named_queue(Command::Subscribe, name)?),
            Durability::Shared => Source::Durable(shared_queue(Command::Subscribe, key, destination)?),
        })
    }

    /// Asks the core for everything that a subscription needs, in one go; of a queue that others may have made it must know
    /// more first.
    fn ask(&mut self, slot: usize, io: &mut Io<'_>) {
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        let is_lasting = subscription.kind == Some(QueueKind::Lasting);
        match &subscription.source {
            Source::Queue(name) | Source::Browser(name) if subscription.kind == Some(QueueKind::Temporary) => {
                declare_temporary(subscription.namespace, name, Request::Prepare(slot as u64), io);
                consume(slot, subscription, io);
            }
            Source::Queue(_) | Source::Browser(_) => {
                let mode = if is_lasting { DeclareMode::IfAbsent } else { DeclareMode::Passive };
                declare(subscription, QueueSettings::default(), mode, Request::Declare(slot as u64), io);
                subscription.state = State::Declaring;
            }
            Source::Topic(_) => {
                let settings = QueueSettings {
                    durable: false,
                    lifetime: Lifetime::Connection,
                    internal: true,
                    max_length: Some(self.options.subscription_length),
                    max_bytes: Some(self.options.subscription_bytes),
                    overflow: Overflow::DropNew,
                    ..QueueSettings::default()
                };
                declare(subscription, settings, DeclareMode::IfAbsent, Request::Prepare(slot as u64), io);
                bind(Request::Prepare(slot as u64), subscription, true, io);
                consume(slot, subscription, io);
            }
            Source::Durable(_) => {
                let settings = durable::settings(subscription);
                declare(subscription, settings, DeclareMode::IfAbsent, Request::Declare(slot as u64), io);
                subscription.state = State::Declaring;
            }
        }
    }

    /// The queue of a subscription is there.
    pub(crate) fn declared(
        &mut self,
        slot: usize,
        existed: bool,
        info: &QueueInfo,
        io: &mut Io<'_>,
    ) -> Result<(), ClientError> {
        let found = self.subscriptions.get_mut(slot).filter(|it| it.state == State::Declaring);
        let Some(subscription) = found else { return Ok(()) };
        if let Source::Durable(_) = subscription.source {
            durable::declared(slot, subscription, existed, info, io);
            return Ok(());
        }
        if info.settings.internal && info.settings.lifetime != Lifetime::Connection {
            // Of those that last as long as a connection, the core gives each to its own.
            let (receipt, destination) = (subscription.receipt.take(), quote(&subscription.destination));
            let error = ClientError::NotForAll(Command::Subscribe, destination);
            return self.fail(error, receipt.as_deref(), io);
        } else if subscription.kind == Some(QueueKind::Lasting) {
            // It may be gone again.
            declare(subscription, QueueSettings::default(), DeclareMode::IfAbsent, Request::Ignored, io);
        }
        subscription.state = State::Asked;
        consume(slot, subscription, io);
        Ok(())
    }

    /// The queue of a durable subscription is bound: its user may have what it holds.
    pub(crate) fn bound(&mut self, slot: usize, io: &mut Io<'_>) {
        let found = self.subscriptions.get_mut(slot).filter(|it| it.state == State::Declaring);
        let Some(subscription) = found else { return };
        subscription.state = State::Asked;
        consume(slot, subscription, io);
    }

    /// The consumer is there.
    pub(crate) fn subscribed(&mut self, slot: usize, io: &mut Io<'_>) {
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        if let Some(receipt) = subscription.receipt.take() {
            receipt::write(&receipt, io.output.buffer());
        }
        if subscription.state != State::Asked {
            return;
        }
        subscription.state = State::Live;
        if let Source::Browser(_) = subscription.source {
            browse(slot, io);
        }
    }

    pub(crate) fn subscribe_refused(
        &mut self,
        slot: usize,
        refusal: Refusal,
        io: &mut Io<'_>,
    ) -> Result<(), ClientError> {
        let receipt = self.subscriptions.get_mut(slot).and_then(|it| it.receipt.take());
        self.fail(ClientError::Refused("SUBSCRIBE", refusal), receipt.as_deref(), io)
    }

    /// The core has ended a consumer, and the client cannot know.
    pub(crate) fn cancelled(&mut self, slot: usize, refusal: Refusal, io: &mut Io<'_>) -> Result<(), ClientError> {
        let subscription = self.subscriptions.get(slot).filter(|it| it.state != State::Ended);
        let Some(destination) = subscription.map(|it| quote(&it.destination)) else { return Ok(()) };
        self.fail(ClientError::Cancelled(destination, refusal), None, io)
    }
}

struct Subject {
    source: Source,
    bound: Option<Bound>,
    kind: Option<QueueKind>,
}

pub(crate) fn declare(
    subscription: &Subscription,
    settings: QueueSettings,
    mode: DeclareMode,
    request: Request,
    io: &mut Io<'_>,
) {
    let own = if settings.internal { durable::own(subscription.source.queue()) } else { Own::No };
    io.commands.push(Ask::Declare(Box::new(Declare {
        token: request.token(),
        namespace: subscription.namespace,
        name: subscription.source.queue().clone(),
        settings,
        mode,
        own,
    })));
}

/// A selector stands in the binding, so that the queue has only what it selects.
pub(crate) fn bind(request: Request, subscription: &Subscription, replay: bool, io: &mut Io<'_>) {
    let Some(Bound { exchange, key }) = subscription.bound.clone() else { return };
    let binding = Box::new(Binding { exchange, key, selector: subscription.selector.clone(), ..Binding::default() });
    let (token, queue) = (request.token(), queue_ref(subscription));
    io.commands.push(Ask::Bind { token, queue, binding, replay });
}

fn consume(slot: usize, subscription: &Subscription, io: &mut Io<'_>) {
    let settlement = if subscription.is_presettled() { Settlement::Presettled } else { Settlement::Explicit };
    let (mode, credit) = match &subscription.source {
        // It asks for each part.
        Source::Browser(_) => (Mode::Cursor { from: Position::First }, Credit::default()),
        _ => (Mode::Leasing { settlement, lease: Lease::Connection }, subscription.credit()),
    };
    io.commands.push(Ask::Consume(Box::new(Consume {
        token: Request::Consume(slot as u64).token(),
        consumer: consumer(slot),
        queue: queue_ref(subscription),
        mode,
        credit,
        credit_mode: CreditMode::Window,
        selector: subscription.selector.clone().filter(|_| subscription.bound.is_none()),
        exclusive: subscription.exclusive,
        priority: subscription.priority,
    })));
}

pub(crate) fn queue_ref(subscription: &Subscription) -> QueueRef {
    QueueRef::Named(subscription.namespace, subscription.source.queue().clone())
}

fn selector(text: &str) -> String {
    if text.starts_with(CONVERT) { text.to_owned() } else { format!("{CONVERT}{text}") }
}

/// ActiveMQ's and RabbitMQ's consumer priority.
fn priority(headers: Headers<'_>) -> Result<i32, ClientError> {
    const ALLOWED: &str = "Allowed is a whole number; without it, it is 0.";
    for name in ["activemq.priority", "x-priority"] {
        if let Some(text) = headers.get(name) {
            let wrong = |_| ClientError::wrong_header(Command::Subscribe, name, &text, ALLOWED);
            return text.trim().parse().map_err(wrong);
        }
    }
    Ok(0)
}

fn ack_mode(headers: Headers<'_>) -> Result<AckMode, ClientError> {
    match headers.get("ack").as_deref() {
        None | Some("auto") => Ok(AckMode::Auto),
        Some("client") => Ok(AckMode::Client),
        Some("client-individual") => Ok(AckMode::ClientIndividual),
        Some(other) => Err(ClientError::wrong_header(
            Command::Subscribe,
            "ack",
            other,
            "Allowed are auto, client and client-individual; without it, it is auto.",
        )),
    }
}

pub(crate) fn flag(command: Command, headers: Headers<'_>, name: &'static str) -> Result<bool, ClientError> {
    match headers.get(name).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(ClientError::wrong_header(command, name, other, "Allowed are true and false.")),
    }
}

fn required(
    command: Command,
    headers: Headers<'_>,
    name: &'static str,
    why: &'static str,
) -> Result<String, ClientError> {
    headers.get(name).map(|text| text.into_owned()).ok_or(ClientError::MissingHeader(command, name, why))
}
