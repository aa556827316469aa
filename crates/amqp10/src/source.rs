//! What a receiver asks for: a queue, a look at one, or a subscription.

use model::{
    Binding, Command, Consume, Credit, CreditMode, Declare, DeclareMode, Exchange, Io, Lease, Lifetime, Mode, Name,
    Namespace, Overflow, Position, QueueId, QueueInfo, QueueRef, QueueSettings, Settlement,
};

use crate::address::{self, Node};
use crate::attach::terminus;
use crate::codec::{
    Attach, DistributionMode, Fields, Outcome, SenderSettleMode, Source, Symbol, TerminusDurability, TerminusExpiry,
    Value,
};
use crate::endpoint::Endpoint;
use crate::error::LinkError;
use crate::links::{End, LinkRef, State};
use crate::outbound::{CREDIT_BYTES, Outbound, Own};
use crate::token::Request;

/// Temporary queues are called by this and a number.
pub(crate) const TEMPORARY_PREFIX: Name = Name::from_static("amqp.temporary.");
/// So are the queues of subscriptions that end with their link.
const SUBSCRIPTION_PREFIX: Name = Name::from_static("amqp.subscriber.");
/// A durable subscription's queue is called by this, the container id and the name of the link.
const DURABLE_PREFIX: &str = "amqp.subscription.";
/// And a shared one's that is not durable, by this.
const SHARED_PREFIX: &str = "amqp.shared.";
/// Settings of a named subscription's queue: what it subscribes to.
const SOURCE_EXTRA: &str = "amqp.source";
const SELECTOR_EXTRA: &str = "amqp.selector";

/// Names of the selector filter's descriptor (the registry of filters, "legacy filters").
const SELECTOR: &str = "apache.org:selector-filter:string";
const SELECTOR_CODE: u64 = 0x0000_468C_0000_0004;

/// What a subscription's queue is bound to.
pub(crate) struct Subscription {
    exchange: Exchange,
    key: Name,
    selector: Option<String>,
    /// The queue's name, if the subscription has one.
    name: Option<Name>,
    durable: bool,
    exclusive: bool,
}

impl Endpoint {
    pub(crate) fn ask_source(&mut self, link: LinkRef, io: &mut Io<'_>) -> Result<(), LinkError> {
        let (container, namespace) = (self.container.clone(), self.namespace);
        let settings = self.options.subscription_settings();
        let Some(it) = self.links.named(link) else { return Ok(()) };
        let (State::Asked(asked), End::Outbound(outbound)) = (&mut it.state, &mut it.end) else { return Ok(()) };
        let Some(source) = &asked.attach.source else {
            outbound.is_lookup = true;
            let name = durable_name(&container, &asked.attach);
            let own = QueueSettings { internal: true, ..QueueSettings::default() };
            declare(link, (namespace, name), own, DeclareMode::Passive, io);
            return Ok(());
        };
        outbound.settled = asked.attach.snd_settle_mode == SenderSettleMode::Settled;
        outbound.selector = selector(&source.filter)?;
        outbound.priority = priority(&asked.attach.properties);
        if source.dynamic {
            outbound.own = Own::Private(None);
            if address::is_topic(&source.capabilities) {
                self.temporaries += 1;
                let key = temporary_key(self.temporaries, io);
                outbound.address = Some(Node::Topic(key.clone()).to_address());
                let subscription = Subscription::ending(Exchange::Topic, key, outbound.selector.clone());
                asked.subscription = Some(Box::new(subscription));
                declare(link, (namespace, SUBSCRIPTION_PREFIX), settings, DeclareMode::Generated, io);
            } else {
                declare(link, (namespace, TEMPORARY_PREFIX), temporary_settings(), DeclareMode::Generated, io);
            }
            return Ok(());
        }
        let (Some(text), capabilities) = terminus(Some(source)) else { return Err(LinkError::NoSource) };
        let node = Node::of(text, capabilities)?;
        let browses = source.distribution_mode == Some(DistributionMode::Copy);
        let (exchange, key) = match node {
            Node::Queue { name, create } => {
                outbound.browses = browses;
                outbound.settled |= browses;
                let mode = if create { DeclareMode::IfAbsent } else { DeclareMode::Passive };
                declare(link, (namespace, name), QueueSettings::default(), mode, io);
                return Ok(());
            }
            // A copy is what every subscriber gets.
            Node::Topic(key) => (Exchange::Topic, address::pattern(&key)),
            Node::Exchange { exchange, key } => (exchange, key),
        };
        let selector = outbound.selector.clone();
        let subscription = Subscription::asked(&container, &asked.attach, (exchange, key, selector));
        declare_subscription(link, &subscription, outbound, (namespace, settings), io);
        asked.subscription = Some(Box::new(subscription));
        Ok(())
    }

    /// The queue of a source is there.
    pub(crate) fn source_is_declared(
        &mut self,
        link: LinkRef,
        (queue, existed, info): (QueueId, bool, &QueueInfo),
        io: &mut Io<'_>,
    ) {
        let settings = self.options.subscription_settings();
        let Some(it) = self.links.named(link) else { return };
        let (State::Asked(asked), End::Outbound(outbound)) = (&mut it.state, &mut it.end) else { return };
        outbound.queue = Some(queue);
        if outbound.is_lookup {
            outbound.own = Own::Durable(queue);
            outbound.address = info.settings.extra(SOURCE_EXTRA).map(str::to_owned);
            return self.answer_source(link.index, io);
        }
        let Some(subscription) = &asked.subscription else {
            if outbound.own == Own::Private(None) {
                // A temporary queue.
                outbound.own = Own::Private(Some(queue));
                let node = Node::Queue { name: info.name.detached(), create: false };
                outbound.address = Some(node.to_address());
            }
            return consume(link, outbound, queue, false, io);
        };
        if existed && subscription.name.is_some() && info.settings.extras != subscription.extras() {
            // To subscribe to something else is to end the subscription and begin one (JMS 2.0, 8.3.3).
            let (token, queue) = (Request::Ignored.token(), QueueRef::Id(queue));
            io.commands.push(Command::Delete { token, queue, if_unused: true, if_empty: false });
            if !std::mem::replace(&mut outbound.is_replaced, true) {
                return declare_subscription(link, subscription, outbound, (info.namespace, settings), io);
            }
            let refusal = model::Refusal::InUse(info.name.to_text().into_owned());
            return self.refuse(link.index, &LinkError::Refused(refusal), io);
        }
        let fresh = !existed && (subscription.durable || subscription.name.is_none());
        outbound.own = match (fresh, subscription.durable) {
            // Until it is answered, what is new is as if it had not been.
            (true, _) => Own::Private(Some(queue)),
            (false, true) => Own::Durable(queue),
            (false, false) => Own::Nothing,
        };
        outbound.is_durable = subscription.durable;
        outbound.is_subscription = true;
        let binding = Box::new(subscription.binding());
        let token = Request::Bind(link).token();
        io.commands.push(Command::Bind { token, queue: QueueRef::Id(queue), binding, replay: !existed });
        let exclusive = subscription.exclusive;
        consume(link, outbound, queue, exclusive, io);
    }

    /// A subscription's binding.
    pub(crate) fn is_bound(&mut self, link: LinkRef, refusal: Option<model::Refusal>) {
        if let Some(State::Asked(asked)) = self.links.named(link).map(|it| &mut it.state) {
            asked.refused = refusal.map(LinkError::Refused);
        }
    }
}

impl Subscription {
    /// One without a name, which ends with its link.
    fn ending(exchange: Exchange, key: Name, selector: Option<String>) -> Self {
        Self { exchange, key, selector, name: None, durable: false, exclusive: false }
    }

    fn asked(container: &str, attach: &Attach, (exchange, key, selector): (Exchange, Name, Option<String>)) -> Self {
        let Some(source) = &attach.source else { return Self::ending(exchange, key, selector) };
        let durable = source.durable != TerminusDurability::None || source.expiry_policy == TerminusExpiry::Never;
        let shared = has(&source.capabilities, "shared");
        let name = match (durable, shared) {
            (true, _) => Some(durable_name(container, attach)),
            (false, true) => Some(named(SHARED_PREFIX, container, attach)),
            (false, false) => None,
        };
        Self { exchange, key, selector, name, durable, exclusive: durable && !shared }
    }

    fn binding(&self) -> Binding {
        // A selector of the binding keeps out of the queue what nobody wants.
        let (exchange, key) = (self.exchange.clone(), self.key.clone());
        Binding { exchange, key, selector: self.selector.clone(), ..Binding::default() }
    }

    /// In order of name.
    fn extras(&self) -> Vec<(String, String)> {
        let node = match &self.exchange {
            Exchange::Topic => Node::Topic(self.key.clone()),
            other => Node::Exchange { exchange: other.clone(), key: self.key.clone() },
        };
        let selector = self.selector.as_ref().map(|text| (SELECTOR_EXTRA.to_owned(), text.clone()));
        selector.into_iter().chain([(SOURCE_EXTRA.to_owned(), node.to_address())]).collect()
    }
}

impl Outbound {
    /// The source as this side understands it: with its address, and the filters that are applied.
    pub(crate) fn answered(&mut self, asked: Source) -> Source {
        if let (Own::Private(Some(queue)), true) = (self.own, self.is_durable) {
            self.own = Own::Durable(queue);
        }
        let is_applied = |(name, value): &(Symbol, Value)| {
            self.selector.is_some() && filter_is(name, value, SELECTOR, SELECTOR_CODE)
        };
        let durable = if self.is_lookup { TerminusDurability::UnsettledState } else { asked.durable };
        let expiry_policy = if self.is_lookup { TerminusExpiry::Never } else { asked.expiry_policy };
        Source {
            address: self.address.as_deref().map(Into::into).or(asked.address),
            durable,
            expiry_policy,
            filter: Fields(asked.filter.0.into_iter().filter(is_applied).collect()),
            default_outcome: Some(Outcome::Released),
            outcomes: OUTCOMES.iter().map(|name| Symbol::from_static(name)).collect(),
            ..asked
        }
    }
}

const OUTCOMES: [&str; 4] = ["amqp:accepted:list", "amqp:rejected:list", "amqp:released:list", "amqp:modified:list"];

/// The queue settings of something that lives as long as its connection, at most.
pub(crate) fn temporary_settings() -> QueueSettings {
    QueueSettings { durable: false, lifetime: Lifetime::Connection, internal: true, ..QueueSettings::default() }
}

/// A key that no other temporary topic has.
pub(crate) fn temporary_key(number: u32, io: &Io<'_>) -> Name {
    let id = io.commands.connection;
    let (thread, slot, generation) = (id.thread, id.slot, id.generation);
    format!("amqp.temporary.{thread:x}-{slot:x}-{generation:x}-{number:x}").into()
}

pub(crate) fn declare(
    link: LinkRef,
    (namespace, name): (Namespace, Name),
    settings: QueueSettings,
    mode: DeclareMode,
    io: &mut Io<'_>,
) {
    let token = Request::Attach(link).token();
    // A temporary queue is the client's own wish.
    let own = if settings.internal && name != TEMPORARY_PREFIX { model::Own::Mine } else { model::Own::No };
    io.commands.push(Command::Declare(Box::new(Declare { token, namespace, name, settings, mode, own })));
}

fn declare_subscription(
    link: LinkRef,
    subscription: &Subscription,
    outbound: &mut Outbound,
    (namespace, settings): (Namespace, QueueSettings),
    io: &mut Io<'_>,
) {
    match &subscription.name {
        None => {
            outbound.own = Own::Private(None);
            declare(link, (namespace, SUBSCRIPTION_PREFIX), settings, DeclareMode::Generated, io);
        }
        Some(name) => {
            let lifetime = if subscription.durable { Lifetime::Permanent } else { Lifetime::WhileConsumed };
            let extras = subscription.extras();
            // What a durable one has waiting rests on disk.
            let bounded = |limit: Option<u64>| limit.filter(|_| !subscription.durable);
            let (max_length, max_bytes) = (bounded(settings.max_length), bounded(settings.max_bytes));
            let durable = subscription.durable;
            let settings = QueueSettings { durable, lifetime, extras, max_length, max_bytes, ..settings };
            declare(link, (namespace, name.clone()), settings, DeclareMode::IfAbsent, io);
        }
    }
}

fn consume(link: LinkRef, outbound: &mut Outbound, queue: QueueId, exclusive: bool, io: &mut Io<'_>) {
    let settlement = if outbound.settled { Settlement::Presettled } else { Settlement::Explicit };
    let mode = match outbound.browses {
        true => Mode::Cursor { from: Position::First },
        false => Mode::Leasing { settlement, lease: Lease::Connection },
    };
    outbound.is_consuming = true;
    outbound.bytes = CREDIT_BYTES;
    io.commands.push(Command::Consume(Box::new(Consume {
        token: Request::Attach(link).token(),
        consumer: link.consumer(),
        queue: QueueRef::Id(queue),
        mode,
        credit: Credit { messages: 0, bytes: CREDIT_BYTES as u64 },
        credit_mode: CreditMode::Explicit,
        // A subscription's stands with its binding.
        selector: outbound.selector.clone().filter(|_| !outbound.is_subscription),
        exclusive,
        priority: outbound.priority,
    })));
}

/// A consumer's priority among the link's properties, as clients of RabbitMQ or Artemis say it.
fn priority(properties: &Fields) -> i32 {
    match properties.get("rabbitmq:priority").or_else(|| properties.get("priority")) {
        Some(Value::Int(priority)) => *priority,
        Some(Value::Short(priority)) => (*priority).into(),
        Some(Value::Byte(priority)) => (*priority).into(),
        Some(Value::Long(priority)) => i32::try_from(*priority).unwrap_or(0),
        Some(Value::Ubyte(priority)) => (*priority).into(),
        Some(Value::Ushort(priority)) => (*priority).into(),
        Some(Value::Uint(priority)) => i32::try_from(*priority).unwrap_or(0),
        _ => 0,
    }
}

/// The text of the JMS selector among the filters.
fn selector(filters: &Fields) -> Result<Option<String>, LinkError> {
    let Some((_, value)) = filters.iter().find(|(name, value)| filter_is(name, value, SELECTOR, SELECTOR_CODE)) else {
        return Ok(None);
    };
    let text = match value {
        Value::Described(described) => &described.value,
        other => other,
    };
    match text {
        Value::String(text) => Ok(Some(text.as_str().to_owned()).filter(|text| !text.trim().is_empty())),
        _ => Err(LinkError::Filter(SELECTOR)),
    }
}

/// Whether a filter is this one: by its descriptor, or if it has none, by its name.
fn filter_is(name: &str, value: &Value, symbol: &str, code: u64) -> bool {
    match value {
        Value::Described(described) => match &described.descriptor {
            Value::Symbol(descriptor) => *descriptor == *symbol,
            Value::Ulong(descriptor) => *descriptor == code,
            _ => false,
        },
        _ => name == symbol,
    }
}

fn has(capabilities: &[Symbol], name: &str) -> bool {
    capabilities.iter().any(|it| it == name)
}

fn durable_name(container: &str, attach: &Attach) -> Name {
    named(DURABLE_PREFIX, container, attach)
}

/// Percent-encoded, so that different containers and links have different names. A shared subscription's links are
/// called by its name, `|`, and more; one with the capability `global`, or `global` behind the `|`, is every container's.
fn named(prefix: &str, container: &str, attach: &Attach) -> Name {
    let capabilities = attach.source.as_ref().map_or(&[][..], |source| &source.capabilities);
    let link = attach.name.as_str();
    let (name, rest) = link.split_once('|').unwrap_or((link, ""));
    let container = if has(capabilities, "global") || rest.starts_with("global") { "" } else { container };
    format!("{prefix}{}:{}", address::encoded(container), address::encoded(name)).into()
}

/// Of a subscription's queue.
pub(crate) fn subscription_settings(length: u64, bytes: u64) -> QueueSettings {
    QueueSettings {
        durable: false,
        lifetime: Lifetime::Connection,
        internal: true,
        max_length: Some(length),
        max_bytes: Some(bytes),
        overflow: Overflow::DropNew,
        ..QueueSettings::default()
    }
}
