//! The one place where a connection's rights are asked for. Every command has its line in [`demand`]: a new one cannot
//! be forgotten.

use model::{
    Action, Binding, Command, ConnectionId, Consume, Declare, DeclareMode, Effect, Exchange, Fetch, Inspect, Lifetime,
    Lsn, Message, Name, Namespace, Publish, QueueRef, QueueSettings, Refusal, Time, What,
};

use crate::broker::Broker;
use crate::connections::Connection;
use crate::consumer::ConsumerKey;
use crate::queue::Queue;
use crate::record::Record;
use crate::registry::Registry;
use crate::rights::{Audit, Rights};
use crate::router::Target;
use crate::step::{Outgoing, Step};

/// Names that AMQP 0-9-1 servers give to queues for which clients have none.
const GENERATED: &[u8] = b"amq.gen";

/// Asked for each right that a command needs; an error ends the asking.
type Ask<'a> = dyn FnMut(Action, Namespace, What<'_>) -> Result<(), Refusal> + 'a;

impl Broker {
    /// Whether the connection may give this command. Changes nothing.
    pub(crate) fn permits(&mut self, id: ConnectionId, command: &Command, step: &mut Step) -> Result<(), Refusal> {
        if is_shells(command) {
            return Ok(());
        }
        let Some(connection) = self.connections.get_mut(id) else { return Err(Refusal::Login) };
        if connection.is_vacated && !matches!(command, Command::Publish(_)) {
            return Err(Refusal::Login);
        }
        match &mut connection.rights {
            Rights::Nothing => return Err(Refusal::Login),
            Rights::Everything { user, .. } => {
                if user.is_empty() || !self.options.audits || !changes(command) {
                    return Ok(());
                }
            }
            Rights::Guarded(guarded) => {
                if let Command::Publish(publish) = command
                    && publish.queue.is_none()
                    && publish.also.is_empty()
                {
                    let makes = self.options.auto_create && makes_queue(&self.registry, publish);
                    if !makes && guarded.writes.as_ref() == Some(&publish.message.address) {
                        return Ok(());
                    }
                    let answer = self.ask_for(id, command, step);
                    if answer.is_ok() && makes {
                        // Not remembered: the next one asks again, and for less.
                        let maker = self.may_make(id)?;
                        self.makers.set_publisher(maker);
                        return Ok(());
                    }
                    if answer.is_ok()
                        && let Some(Rights::Guarded(guarded)) = self.connections.get_mut(id).map(|it| &mut it.rights)
                    {
                        let mut address = publish.message.address.clone();
                        address.key = address.key.detached();
                        guarded.writes = Some(address);
                    }
                    return answer;
                }
            }
        }
        self.ask_for(id, command, step)
    }

    fn ask_for(&self, id: ConnectionId, command: &Command, step: &mut Step) -> Result<(), Refusal> {
        let Some(connection) = self.connections.get(id) else { return Err(Refusal::Login) };
        let (audits, registry) = (self.options.audits, &self.registry);
        let changes = changes(command);
        let creates = self.options.auto_create;
        demand(registry, connection, (command, creates), &mut |action, namespace, what| {
            let name = registry.namespace_name(namespace);
            let allowed = connection.rights.may(action, name, what);
            if audits && (!allowed || action == Action::Administer || changes && action != Action::See) {
                step.audits.push(Audit {
                    peer: connection.peer.clone(),
                    user: connection.rights.user(),
                    client: connection.client.clone(),
                    operation: operation(command),
                    namespace: name.clone(),
                    kind: what.kind(),
                    name: what.name(),
                    allowed,
                });
            }
            if allowed { Ok(()) } else { Err(Refusal::Denied(connection.rights.denial(action, &what).into())) }
        })
    }

    /// The shell has found out who a connection is.
    pub(crate) fn permit(
        &mut self,
        now: Time,
        id: ConnectionId,
        user: Name,
        guard: Option<std::sync::Arc<dyn model::Guard>>,
        step: &mut Step,
    ) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.rights = Rights::of(user, guard);
        self.reconsider(now, id, step);
    }

    /// Rights have changed.
    pub(crate) fn reconsider_all(&mut self, now: Time, step: &mut Step) {
        let guarded = self.connections.iter().filter(|it| it.rights.has_guard() && !it.is_vacated);
        for id in guarded.map(|it| it.id).collect::<Vec<_>>() {
            self.reconsider(now, id, step);
        }
    }

    /// Ends what a connection does and may not do any more.
    fn reconsider(&mut self, now: Time, id: ConnectionId, step: &mut Step) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if !connection.rights.has_guard() {
            return;
        }
        let Some(rights) = connection.rights.anew() else {
            connection.rights = Rights::Nothing;
            let effect = Effect::Close { reason: model::CloseReason::Revoked };
            step.effects.push(Outgoing { connection: id, after: Lsn(0), effect });
            return;
        };
        connection.rights = rights;
        let consumers: Vec<ConsumerKey> = connection.consumers.iter().flatten().copied().collect();
        let owned: Vec<u32> = connection.queues.iter().chain(&connection.own).copied().collect();
        for key in consumers {
            self.reconsider_consumer(now, id, key, step);
        }
        for n in owned {
            self.reconsider_bindings(now, id, n, step);
        }
    }

    fn reconsider_consumer(&mut self, now: Time, id: ConnectionId, key: ConsumerKey, step: &mut Step) {
        let Some(n) = self.consumers.get(key).map(|it| it.queue) else { return };
        let (Some(queue), Some(connection)) = (self.registry.queue(n), self.connections.get(id)) else { return };
        if is_own(connection, queue) {
            let filtered = connection.rights.guarded().is_some();
            if let Some(consumer) = self.consumers.get_mut(key) {
                consumer.filtered = filtered;
            }
            return;
        }
        let what = what_queue(queue);
        if connection.rights.may(Action::Read, self.registry.namespace_name(queue.namespace), what) {
            return;
        }
        let refusal = Refusal::Denied(connection.rights.denial(Action::Read, &what).into());
        let Some(consumer) = self.consumers.get(key) else { return };
        if consumer.fetch.is_some() {
            return self.drained(n, key, step);
        }
        let (index, after) = (consumer.index, consumer.after);
        let effect = Effect::Cancelled { consumer: index, refusal };
        step.effects.push(Outgoing { connection: id, after, effect });
        self.cancel(now, id, index, step);
    }

    /// What a subscription is not entitled to any more is not sent to it.
    pub(crate) fn reconsider_bindings(&mut self, now: Time, id: ConnectionId, n: u32, step: &mut Step) {
        let (Some(queue), Some(connection)) = (self.registry.queue(n), self.connections.get(id)) else { return };
        if connection.rights.guarded().is_none() {
            return;
        }
        let (namespace, durable) = (queue.namespace, queue.settings.durable);
        let name = self.registry.namespace_name(namespace);
        let mut ending = Vec::new();
        for binding in self.router.bindings_to(namespace, &Target::Queue(n)) {
            let what = What::Address(&binding.exchange, &binding.key);
            if connection.rights.may(Action::Subscribe, name, what) {
                continue;
            }
            ending.push(binding.as_ref().clone());
        }
        for binding in ending {
            let exchange = binding.exchange.clone();
            let record = Record::Unbound { queue: n, binding: Box::new(binding) };
            if durable {
                step.write(&record, &mut self.next_lsn);
            }
            self.apply(now, record, None);
            self.delete_if_unbound(now, namespace, &exchange, step);
        }
    }

    /// Whether a new consumer of this queue must be shown only what its connection may read at that moment: if it is a
    /// subscription, whose right was asked for when it was bound.
    pub(crate) fn filters(&self, id: ConnectionId, n: u32) -> bool {
        let (Some(queue), Some(connection)) = (self.registry.queue(n), self.connections.get(id)) else { return false };
        connection.rights.guarded().is_some() && is_own(connection, queue)
    }

    /// Whether a message may be shown to a consumer that is filtered.
    pub(crate) fn shows(&mut self, key: ConsumerKey, message: &Message) -> bool {
        let Some(id) = self.consumers.get(key).map(|it| it.connection) else { return true };
        let Some(connection) = self.connections.get_mut(id) else { return true };
        connection.rights.shows(&message.address, self.registry.namespace_name(message.address.namespace))
    }
}

/// What only the shell says.
fn is_shells(command: &Command) -> bool {
    matches!(
        command,
        Command::Open { .. }
            | Command::Close
            | Command::Permit { .. }
            | Command::Reconsider
            | Command::Loaded { .. }
            | Command::Measured(_)
            | Command::BackingUp { .. }
    )
}

/// A queue of the connection's own protocol, or one that lives as long as the connection.
fn is_own(connection: &Connection, queue: &Queue) -> bool {
    queue.owner == Some(connection.id) || connection.own.contains(&queue.n)
}

/// A queue that lives as long as somebody's connection has a name that nobody could foresee.
fn what_queue(queue: &Queue) -> What<'_> {
    if queue.owner.is_some() { What::Temporary } else { What::Queue(&queue.name) }
}

/// Whether a publish makes the queue it goes to, if publishing may make any.
fn makes_queue(registry: &Registry, publish: &Publish) -> bool {
    let address = &publish.message.address;
    publish.create && address.exchange == Exchange::Default && registry.named(address.namespace, &address.key).is_none()
}

/// Asks for the rights that `command` needs.
fn demand(
    registry: &Registry,
    connection: &Connection,
    (command, creates): (&Command, bool),
    ask: &mut Ask<'_>,
) -> Result<(), Refusal> {
    let mut queue = |action, queue: &QueueRef| on_queue(registry, connection, action, queue, ask);
    match command {
        Command::Publish(publish) => publishing(registry, connection, (publish, creates && publish.create), ask),
        Command::Declare(declare) => declaring(registry, declare, ask),
        Command::Consume(consume) => {
            let Consume { queue: name, .. } = &**consume;
            queue(Action::Read, name)
        }
        Command::Fetch(fetch) => {
            let Fetch { queue: name, .. } = &**fetch;
            queue(Action::Read, name)
        }
        Command::Settle(settle) if settle.attempt.is_some() => queue(Action::Read, &QueueRef::Id(settle.queue)),
        Command::Purge { queue: name, .. } => queue(Action::Read, name),
        Command::Delete { queue: name, .. } => queue(Action::Configure, name),
        Command::Move { from, to, .. } => {
            queue(Action::Read, from)?;
            queue(Action::Write, to)
        }
        Command::Alter { queue: name, alteration, .. } => {
            queue(Action::Configure, name)?;
            let namespace = namespace_of(registry, name);
            alteration.dead_letter.iter().flatten().try_for_each(|to| dead_letter(namespace, to, ask))
        }
        Command::Bind { queue: name, binding, .. } => {
            queue(Action::Write, name)?;
            subscribing(namespace_of(registry, name), binding, ask)
        }
        Command::Unbind { queue: name, .. } => queue(Action::Write, name),
        Command::Inspect { what, .. } => inspecting(registry, connection, what, ask),
        Command::BindExchange { .. }
        | Command::UnbindExchange { .. }
        | Command::DeclareExchange { .. }
        | Command::DeleteExchange { .. } => on_exchange(command, ask),
        Command::DeclareTopic { namespace, name, .. } => {
            ask(Action::Configure, *namespace, What::Address(&Exchange::Topic, name))
        }
        Command::Access { namespace, .. } => ask(Action::Enter, *namespace, What::Namespace),
        // Its name stands for it here: a new one has no number yet.
        Command::Enter { name, .. } => entering(registry, connection, name),
        Command::Backup { .. } => ask(Action::Administer, Namespace::default(), What::Broker),
        // What it leases, has begun or claims itself.
        Command::Settle(_)
        | Command::Claim(_)
        | Command::Cancel { .. }
        | Command::Credit { .. }
        | Command::Decide { .. }
        | Command::Unhold { .. }
        | Command::Begin { .. }
        | Command::Prepare { .. }
        | Command::Commit { .. }
        | Command::Rollback { .. }
        | Command::Tally(_)
        | Command::Authenticate(_) => Ok(()),
        Command::Open { .. }
        | Command::Close
        | Command::Permit { .. }
        | Command::Reconsider
        | Command::Loaded { .. }
        | Command::Measured(_)
        | Command::BackingUp { .. } => Ok(()),
    }
}

fn on_exchange(command: &Command, ask: &mut Ask<'_>) -> Result<(), Refusal> {
    match command {
        Command::BindExchange { namespace, destination, binding, .. } => {
            ask(Action::Write, *namespace, What::Exchange(destination))?;
            subscribing(*namespace, binding, ask)
        }
        Command::UnbindExchange { namespace, destination, .. } => {
            ask(Action::Write, *namespace, What::Exchange(destination))
        }
        Command::DeclareExchange { namespace, name, passive: true, .. } => {
            ask(Action::See, *namespace, What::Exchange(&Exchange::named(&name.to_text())))
        }
        Command::DeclareExchange { namespace, name, settings, .. } => {
            ask(Action::Configure, *namespace, What::Exchange(&Exchange::named(&name.to_text())))?;
            let alternate = settings.alternate.as_ref().map(|name| Exchange::named(&name.to_text()));
            alternate.map_or(Ok(()), |exchange| ask(Action::Write, *namespace, What::Exchange(&exchange)))
        }
        Command::DeleteExchange { namespace, exchange, .. } => {
            ask(Action::Configure, *namespace, What::Exchange(exchange))
        }
        _ => Ok(()),
    }
}

/// By its name, even if it was called by its alias; by the name that was said, if there is no such queue.
fn on_queue(
    registry: &Registry,
    connection: &Connection,
    action: Action,
    queue: &QueueRef,
    ask: &mut Ask<'_>,
) -> Result<(), Refusal> {
    match (registry.find(queue).and_then(|n| registry.queue(n)), queue) {
        (Some(queue), _) if is_own(connection, queue) => Ok(()),
        (Some(queue), _) => ask(action, queue.namespace, what_queue(queue)),
        (None, QueueRef::Named(namespace, name)) => ask(action, *namespace, What::Queue(name)),
        // It will not be found.
        (None, QueueRef::Id(_)) => Ok(()),
    }
}

fn namespace_of(registry: &Registry, queue: &QueueRef) -> Namespace {
    match queue {
        QueueRef::Named(namespace, _) => *namespace,
        QueueRef::Id(_) => registry.find(queue).and_then(|n| registry.queue(n)).map_or(Namespace(0), |it| it.namespace),
    }
}

fn publishing(
    registry: &Registry,
    connection: &Connection,
    (publish, creates): (&Publish, bool),
    ask: &mut Ask<'_>,
) -> Result<(), Refusal> {
    if let Some(queue) = &publish.queue {
        return on_queue(registry, connection, Action::Write, queue, ask);
    }
    let address = &publish.message.address;
    for key in std::iter::once(&address.key).chain(&publish.also) {
        let by_name = address.exchange == Exchange::Default;
        let queue = registry.named(address.namespace, key).and_then(|n| registry.queue(n)).filter(|_| by_name);
        let temporary = queue.is_some_and(|queue| queue.owner.is_some());
        let what = if temporary { What::Temporary } else { What::Address(&address.exchange, key) };
        ask(Action::Write, address.namespace, what)?;
        if by_name && queue.is_none() && creates {
            ask(Action::Configure, address.namespace, What::Queue(key))?;
        }
    }
    Ok(())
}

fn declaring(registry: &Registry, declare: &Declare, ask: &mut Ask<'_>) -> Result<(), Refusal> {
    let Declare { namespace, name, settings, mode, own, .. } = declare;
    let QueueSettings { internal, lifetime, .. } = settings;
    if *own && *internal {
        return Ok(());
    }
    let found = registry.find(&QueueRef::Named(*namespace, name.clone())).and_then(|n| registry.queue(n));
    let what = match found {
        Some(queue) => what_queue(queue),
        None if *lifetime == Lifetime::Connection
            && (*internal || *mode == DeclareMode::Generated || name.as_bytes().starts_with(GENERATED)) =>
        {
            What::Temporary
        }
        None => What::Queue(name),
    };
    match mode {
        DeclareMode::Passive => return ask(Action::See, *namespace, what),
        DeclareMode::IfAbsent => {
            // First, whether there is one or not: who may not know it gets the same answer.
            ask(Action::See, *namespace, what)?;
            if found.is_some() {
                return Ok(());
            }
            ask(Action::Configure, *namespace, what)?;
        }
        DeclareMode::Same | DeclareMode::Generated => ask(Action::Configure, *namespace, what)?,
    }
    settings.dead_letter.iter().try_for_each(|to| dead_letter(*namespace, to, ask))
}

/// Who lets messages go somewhere must be one who may send there.
fn dead_letter(namespace: Namespace, to: &model::DeadLetter, ask: &mut Ask<'_>) -> Result<(), Refusal> {
    match &to.key {
        Some(key) => ask(Action::Write, namespace, What::Address(&to.exchange, key)),
        None => ask(Action::Write, namespace, What::Exchange(&to.exchange)),
    }
}

fn subscribing(namespace: Namespace, binding: &Binding, ask: &mut Ask<'_>) -> Result<(), Refusal> {
    ask(Action::Subscribe, namespace, What::Address(&binding.exchange, &binding.key))
}

fn entering(registry: &Registry, connection: &Connection, name: &Name) -> Result<(), Refusal> {
    let known = registry.namespace(name).map(|namespace| registry.namespace_name(namespace));
    if connection.rights.may(Action::Enter, known.unwrap_or(name), What::Namespace) {
        return Ok(());
    }
    Err(Refusal::Denied(connection.rights.denial(Action::Enter, &What::Namespace).into()))
}

fn inspecting(registry: &Registry, connection: &Connection, what: &Inspect, ask: &mut Ask<'_>) -> Result<(), Refusal> {
    match what {
        Inspect::Queue(queue) | Inspect::Bindings(queue) => on_queue(registry, connection, Action::See, queue, ask),
        // Of these, everybody sees what he may.
        Inspect::Queues { .. } | Inspect::Topics { .. } => Ok(()),
        Inspect::Status | Inspect::Connections | Inspect::Prepared | Inspect::Holdings { .. } => {
            ask(Action::Monitor, Namespace::default(), What::Broker)
        }
    }
}

/// Whether a command, if it is allowed, changes what there is, beside the messages: that is told to the audit log.
fn changes(command: &Command) -> bool {
    match command {
        Command::Declare(declare) => !declare.own && declare.mode != DeclareMode::Passive,
        Command::DeclareExchange { passive, .. } => !passive,
        Command::BindExchange { .. }
        | Command::UnbindExchange { .. }
        | Command::DeclareTopic { .. }
        | Command::DeleteExchange { .. }
        | Command::Alter { .. }
        | Command::Purge { .. }
        | Command::Delete { .. }
        | Command::Move { .. }
        | Command::Backup { .. } => true,
        _ => false,
    }
}

/// The command in a word, for the audit log.
fn operation(command: &Command) -> &'static str {
    match command {
        Command::Publish(_) => "publish",
        Command::Declare(_) => "declare queue",
        Command::Consume(_) => "consume",
        Command::Fetch(_) => "fetch",
        Command::Settle(_) => "settle",
        Command::Purge { .. } => "purge queue",
        Command::Delete { .. } => "delete queue",
        Command::Move { .. } => "move messages",
        Command::Alter { .. } => "alter queue",
        Command::Bind { .. } => "bind queue",
        Command::Unbind { .. } => "unbind queue",
        Command::Inspect { .. } => "inspect",
        Command::BindExchange { .. } => "bind exchange",
        Command::UnbindExchange { .. } => "unbind exchange",
        Command::DeclareExchange { .. } => "declare exchange",
        Command::DeleteExchange { .. } => "delete exchange",
        Command::DeclareTopic { .. } => "declare topic",
        Command::Access { .. } | Command::Enter { .. } => "enter",
        Command::Backup { .. } => "back up",
        _ => "use",
    }
}
