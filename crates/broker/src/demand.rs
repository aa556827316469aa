//! Which rights each command needs. A new command cannot be forgotten here: the matches have no catch-all.

use model::{
    Action, Binding, Command, Consume, DeadLetter, Declare, DeclareMode, Exchange, Fetch, Inspect, Lifetime, Name,
    Namespace, Own, Publish, QueueRef, QueueSettings, Refusal, What,
};

use crate::connections::Connection;
use crate::queue::Queue;
use crate::registry::Registry;

/// Names that AMQP 0-9-1 servers give to queues for which clients have none.
const GENERATED: &[u8] = b"amq.gen";

/// Asked for each right that a command needs; an error ends the asking.
pub(crate) type Ask<'a> = dyn FnMut(Action, Namespace, What<'_>) -> Result<(), Refusal> + 'a;

/// What only the shell says.
pub(crate) fn is_shells(command: &Command) -> bool {
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
pub(crate) fn is_own(connection: &Connection, queue: &Queue) -> bool {
    queue.owner == Some(connection.id) || connection.own.contains(&queue.n)
}

/// A queue that lives as long as somebody's connection has a name that nobody could foresee.
pub(crate) fn what_queue(queue: &Queue) -> What<'_> {
    if queue.owner.is_some() { What::Temporary } else { What::Queue(&queue.name) }
}

/// Asks for the rights that `command` needs.
pub(crate) fn demand(
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
    if *own != Own::No && *internal {
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
fn dead_letter(namespace: Namespace, to: &DeadLetter, ask: &mut Ask<'_>) -> Result<(), Refusal> {
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
pub(crate) fn changes(command: &Command) -> bool {
    match command {
        Command::Declare(declare) => declare.own == Own::No && declare.mode != DeclareMode::Passive,
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
pub(crate) fn operation(command: &Command) -> &'static str {
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
