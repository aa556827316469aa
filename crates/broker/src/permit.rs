//! The one place where a connection's rights are asked for, and where what they do not allow any more ends.

use model::{Action, Command, ConnectionId, Effect, Exchange, Lsn, Message, Name, Publish, Refusal, Time, What};

use crate::broker::Broker;
use crate::consumer::ConsumerKey;
use crate::demand::{changes, demand, is_own, is_shells, operation, what_queue};
use crate::record::Record;
use crate::registry::Registry;
use crate::rights::{Audit, Rights};
use crate::router::Target;
use crate::step::{Outgoing, Step};

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
                    let makes = makes_queue(&self.registry, self.options.auto_create, publish);
                    if !makes && guarded.writes.as_ref() == Some(&publish.message.address) {
                        return Ok(());
                    }
                    let answer = self.ask_for(id, command, step);
                    // One that makes its queue is not remembered: the next one asks again, and for less.
                    if answer.is_ok()
                        && !makes
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

/// Whether a publish makes the queue it goes to.
fn makes_queue(registry: &Registry, auto_create: bool, publish: &Publish) -> bool {
    let address = &publish.message.address;
    publish.create
        && auto_create
        && address.exchange == Exchange::Default
        && registry.named(address.namespace, &address.key).is_none()
}
