//! What the configuration says must exist, as commands. Carrying them out again changes nothing.

use broker::{Broker, Step};
use config::{Config, HeaderValue, Match};
use model::{
    Binding, Command, Commands, ConnectionId, DeadLetter, Declare, DeclareMode, Effect, Exchange, ExchangeKind,
    ExchangeSettings, HeaderRule, Name, Namespace, Overflow, Peer, QueueRef, QueueSettings, Reply, Time, Token,
    VirtualHosts,
};

use crate::exit::Failure;

/// The account that is the namespace `/`, in the configured region.
pub(crate) const ROOT_ACCOUNT: &str = "000000000000";

/// Carries the configuration's definitions out in `broker`, adding their records to `step`, and tells which namespaces
/// its virtual hosts are.
pub(crate) fn define(
    config: &Config,
    broker: &mut Broker,
    now: Time,
    connection: ConnectionId,
    step: &mut Step,
) -> Result<VirtualHosts, Failure> {
    let mut definer = Definer { config, broker, now, step, commands: Commands { connection, batch: Vec::new() } };
    let peer = Peer::local("configuration");
    definer.commands.push(Command::Open { peer: peer.into(), client: Name::from("configuration") });
    definer.commands.push(Command::Permit { user: Name::from("configuration"), guard: None });
    definer.define()?;
    let hosts = definer.virtual_hosts()?;
    definer.commands.push(Command::Close);
    definer.broker.step(now, &mut definer.commands, definer.step);
    Ok(hosts)
}

struct Definer<'a> {
    config: &'a Config,
    broker: &'a mut Broker,
    now: Time,
    step: &'a mut Step,
    commands: Commands,
}

impl Definer<'_> {
    fn define(&mut self) -> Result<(), Failure> {
        let config = self.config;
        for queue in &config.queues {
            let namespace = self.namespace(&queue.namespace)?;
            let declare = Declare {
                token: Token(0),
                namespace,
                name: Name::from(queue.name.as_str()),
                settings: settings(queue),
                mode: DeclareMode::IfAbsent,
                own: model::Own::No,
            };
            self.ask(&format!("queue {:?}", queue.name), Command::Declare(Box::new(declare)))?;
        }
        for exchange in &config.exchanges {
            let namespace = self.namespace(&exchange.namespace)?;
            let name = Name::from(exchange.name.as_str());
            let settings = ExchangeSettings { durable: exchange.durable, ..ExchangeSettings::new(kind(exchange.kind)) };
            let command = Command::DeclareExchange { token: Token(0), namespace, name, settings, passive: false };
            self.ask(&format!("exchange {:?}", exchange.name), command)?;
        }
        for topic in &config.topics {
            let namespace = self.namespace(&topic.namespace)?;
            let name = Name::from(topic.name.as_str());
            let command = Command::DeclareTopic { token: Token(0), namespace, name };
            self.ask(&format!("topic {:?}", topic.name), command)?;
        }
        for binding in &config.bindings {
            let namespace = self.namespace(&binding.namespace)?;
            self.bind(namespace, &binding.queue, bound(binding))?;
        }
        for subscription in &config.subscriptions {
            let namespace = self.namespace(&subscription.namespace)?;
            let key = Name::from(subscription.topic.as_str());
            let binding =
                Binding { exchange: Exchange::Topic, key, selector: subscription.filter.clone(), ..Binding::default() };
            self.bind(namespace, &subscription.queue, binding)?;
        }
        Ok(())
    }

    fn virtual_hosts(&mut self) -> Result<VirtualHosts, Failure> {
        let hosts = self.config.virtual_hosts.iter();
        hosts.map(|host| Ok((host.name.clone(), self.namespace(&host.namespace)?))).collect()
    }

    /// Binds a queue, making it with default settings if nobody declared it.
    fn bind(&mut self, namespace: Namespace, queue: &str, binding: Binding) -> Result<(), Failure> {
        let name = Name::from(queue);
        let what = format!("binding of queue {queue:?}");
        let declare = Declare {
            token: Token(0),
            namespace,
            name: name.clone(),
            settings: QueueSettings::default(),
            mode: DeclareMode::IfAbsent,
            own: model::Own::No,
        };
        self.ask(&what, Command::Declare(Box::new(declare)))?;
        let queue = QueueRef::Named(namespace, name);
        self.ask(&what, Command::Bind { token: Token(0), queue, binding: Box::new(binding), replay: false })?;
        Ok(())
    }

    fn namespace(&mut self, namespace: &config::Namespace) -> Result<Namespace, Failure> {
        if namespace.account == ROOT_ACCOUNT && namespace.region == self.config.region {
            return Ok(Namespace(0));
        }
        let name = format!("{}/{}", namespace.account, namespace.region);
        let command = Command::Enter { token: Token(0), name: Name::from(name.as_str()) };
        match self.ask(&format!("namespace {name}"), command)? {
            Reply::Namespace(namespace) => Ok(namespace),
            other => Err(Failure::Fatal(format!("namespace {name}: answered {other:?}"))),
        }
    }

    /// Gives one command and takes its answer.
    fn ask(&mut self, what: &str, command: Command) -> Result<Reply, Failure> {
        self.commands.push(command);
        self.broker.step(self.now, &mut self.commands, self.step);
        let mut answers = self.step.effects.drain(..).filter_map(|outgoing| match outgoing.effect {
            Effect::Reply { reply, .. } => Some(reply),
            _ => None,
        });
        match answers.next_back() {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(refusal)) => Err(Failure::Configuration(format!("{what}: {refusal}"))),
            None => Err(Failure::Fatal(format!("{what}: no answer"))),
        }
    }
}

fn settings(queue: &config::Queue) -> QueueSettings {
    let milliseconds = |duration: std::time::Duration| duration.as_millis() as u64;
    QueueSettings {
        durable: queue.durable,
        max_priority: queue.max_priority,
        max_length: queue.max_length,
        max_bytes: queue.max_bytes,
        overflow: match queue.overflow {
            config::Overflow::Reject => Overflow::Reject,
            config::Overflow::DropHead => Overflow::DropHead,
            config::Overflow::DeadLetter => Overflow::DeadLetter,
        },
        ttl: queue.ttl.map(milliseconds),
        delay: milliseconds(queue.delay),
        lease: milliseconds(queue.lease),
        dead_letter: queue
            .dead_letter
            .as_deref()
            .map(|name| DeadLetter::to_queue(Name::from(name), queue.max_deliveries)),
        ..QueueSettings::default()
    }
}

fn kind(kind: config::ExchangeKind) -> ExchangeKind {
    match kind {
        config::ExchangeKind::Direct => ExchangeKind::Direct,
        config::ExchangeKind::Fanout => ExchangeKind::Fanout,
        config::ExchangeKind::Topic => ExchangeKind::Topic,
        config::ExchangeKind::Headers => ExchangeKind::Headers,
    }
}

fn bound(binding: &config::Binding) -> Binding {
    let typed = |value: &HeaderValue| match value {
        HeaderValue::Text(text) => model::HeaderValue::Text(text.clone()),
        HeaderValue::Integer(number) => model::HeaderValue::Int(*number),
        HeaderValue::Bool(value) => model::HeaderValue::Bool(*value),
    };
    let pairs: Vec<_> = binding.headers.iter().map(|(name, value)| (name.clone(), Some(typed(value)))).collect();
    let all = binding.matching == Match::All;
    Binding {
        exchange: Exchange::named(&binding.exchange),
        key: Name::from(binding.key.as_str()),
        headers: (!pairs.is_empty()).then_some(HeaderRule { all, with_x: true, pairs }),
        ..Binding::default()
    }
}
