//! Namespaces, queues and topics come and go.

use std::collections::BTreeSet;

use model::limits::STEP_BUDGET;
use model::{
    Action, Alteration, ConnectionId, Declare, DeclareMode, Effect, Lifetime, Lsn, Name, Namespace, Own, QueueRef,
    QueueSettings, Refusal, Reply, Time, Token, What, limits,
};

use crate::backlog::Head;
use crate::broker::Broker;
use crate::consumer::ConsumerKey;
use crate::entry::{Owner, State};
use crate::queue::Queue;
use crate::record::{Declared, Record};
use crate::router::Target;
use crate::step::{Outgoing, Step};

/// Messages on their way from one queue to another, by an administrator's command.
#[derive(Debug)]
pub(crate) struct Moving {
    id: ConnectionId,
    token: Token,
    from: u32,
    to: u32,
    left: u64,
    count: u64,
}

/// The setting by which a session or subscription says whose it is. Protocols do not see it.
pub(crate) const OWNER: &str = "$owner";

/// Numbers of queues that one `QueuesNumbered` record gives out.
const NUMBERS_PER_RECORD: u32 = 1024;

impl Broker {
    pub(crate) fn enter(&mut self, now: Time, id: ConnectionId, token: Token, name: &Name, step: &mut Step) {
        if let Some(namespace) = self.registry.namespace(name) {
            return self.reply(id, token, Reply::Namespace(namespace), step);
        }
        let Some(namespace) = self.registry.free_namespace() else {
            return self.refuse(id, token, Refusal::Limit("namespaces", u16::MAX.into()), step);
        };
        let record = Record::Entered { namespace, name: name.detached() };
        let after = Lsn(step.write(&record, &mut self.next_lsn).lsn);
        self.apply(now, record, None);
        self.reply_after(id, token, after, Reply::Namespace(namespace), step);
    }

    pub(crate) fn declare(&mut self, now: Time, id: ConnectionId, declare: Declare, step: &mut Step) {
        let Declare { token, namespace, name, mut settings, mode, own } = declare;
        // Nobody could use such a queue after a restart.
        settings.durable &= settings.lifetime != Lifetime::Connection;
        let name = if mode == DeclareMode::Generated { self.generated(now, &name) } else { name };
        if let Some(n) = self.registry.named(namespace, &name) {
            self.note_use(now, n);
            return match self.may_use(id, n, &settings, mode) {
                Ok(()) => {
                    if let Err(refusal) = self.belongs(now, id, n, own, step) {
                        return self.refuse(id, token, refusal, step);
                    }
                    self.own(now, id, n, own, step);
                    self.reply_declared(id, token, n, true, Lsn(self.next_lsn - 1), step);
                }
                Err(refusal) => self.refuse(id, token, refusal, step),
            };
        }
        if mode == DeclareMode::Passive {
            return self.refuse(id, token, Refusal::NoSuchQueue(name.to_text().into_owned()), step);
        }
        if name.is_empty() || name.as_bytes().len() > limits::NAME_BYTES {
            return self.refuse(id, token, Refusal::Limit("bytes of a queue name", limits::NAME_BYTES as u64), step);
        }
        let maker = match self.may_make(id) {
            Ok(maker) => maker,
            Err(refusal) => return self.refuse(id, token, refusal, step),
        };
        if let Some(user) = self.owner_to_be(id, &settings, own) {
            settings.extras.push((OWNER.to_owned(), user));
            settings.extras.sort();
        }
        let n = self.make_queue(now, namespace, name.detached(), settings, step);
        self.note_maker(n, maker);
        self.note_use(now, n);
        let Some(queue) = self.registry.queue_mut(n) else { return };
        if queue.settings.lifetime == Lifetime::Connection {
            queue.owner = Some(id);
            if let Some(connection) = self.connections.get_mut(id) {
                connection.queues.push(n);
            }
        }
        self.own(now, id, n, own, step);
        self.reply_declared(id, token, n, false, Lsn(self.next_lsn - 1), step);
    }

    /// A queue of its protocol is the connection's to use from now on; what is bound to it from earlier days must be
    /// allowed today.
    fn own(&mut self, now: Time, id: ConnectionId, n: u32, own: Own, step: &mut Step) {
        let lasts = |queue: &Queue| queue.settings.internal && queue.owner.is_none();
        if own != Own::No
            && self.registry.queue(n).is_some_and(lasts)
            && let Some(connection) = self.connections.get_mut(id)
        {
            connection.own.insert(n);
            self.reconsider_bindings(now, id, n, step);
        }
    }

    /// Whose a queue is that outlives its connection and is one client's alone.
    fn owner_to_be(&self, id: ConnectionId, settings: &QueueSettings, own: Own) -> Option<String> {
        let lasts = settings.internal && settings.lifetime == Lifetime::Permanent;
        let user = self.connections.get(id).filter(|_| lasts && own == Own::Mine)?.rights.proven_user()?;
        Some(user.to_text().into_owned())
    }

    /// A session or subscription is for the user who made it; one that is nobody's yet becomes his who comes for it.
    fn belongs(&mut self, now: Time, id: ConnectionId, n: u32, own: Own, step: &mut Step) -> Result<(), Refusal> {
        let (Some(queue), Some(connection)) = (self.registry.queue(n), self.connections.get(id)) else { return Ok(()) };
        if own != Own::Mine {
            return Ok(());
        }
        if let Some(owner) = queue.settings.extra(OWNER) {
            if !connection.rights.is_kept_from(owner) {
                return Ok(());
            }
            let denial = connection.rights.denial(Action::Configure, &What::Queue(&queue.name));
            return Err(Refusal::Denied(denial.into()));
        }
        let Some(user) = self.owner_to_be(id, &queue.settings, own) else { return Ok(()) };
        let mut settings = queue.settings.clone();
        settings.extras.push((OWNER.to_owned(), user));
        settings.extras.sort();
        let durable = settings.durable;
        let record = Record::Altered { queue: n, settings: Box::new(settings) };
        if durable {
            step.write(&record, &mut self.next_lsn);
        }
        self.apply(now, record, None);
        Ok(())
    }

    /// A name that no queue has had: the number of the next one is used once.
    fn generated(&self, now: Time, prefix: &Name) -> Name {
        format!("{}{:x}-{:x}", prefix.to_text(), self.registry.next, now.0).into()
    }

    fn may_use(&self, id: ConnectionId, n: u32, settings: &QueueSettings, mode: DeclareMode) -> Result<(), Refusal> {
        let Some(queue) = self.registry.queue(n) else { return Ok(()) };
        let name = || queue.name.to_text().into_owned();
        if queue.owner.is_some_and(|owner| owner != id) {
            return Err(Refusal::Exclusive(name()));
        }
        if queue.is_private() && !settings.internal {
            return Err(Refusal::Exclusive(name()));
        }
        let has = &queue.settings;
        match mode {
            DeclareMode::Passive | DeclareMode::IfAbsent | DeclareMode::Generated => Ok(()),
            DeclareMode::Same if has == settings => Ok(()),
            DeclareMode::Same if has.durable != settings.durable => {
                Err(Refusal::Different(name(), "durability", has.durable.to_string()))
            }
            DeclareMode::Same if has.kind != settings.kind => {
                Err(Refusal::Different(name(), "kind", format!("{:?}", has.kind)))
            }
            DeclareMode::Same if has.dead_letter != settings.dead_letter => {
                Err(Refusal::Different(name(), "dead-letter address", format!("{:?}", has.dead_letter)))
            }
            DeclareMode::Same => Err(Refusal::Different(name(), "setting", "not the default".into())),
        }
    }

    fn reply_declared(&mut self, id: ConnectionId, token: Token, n: u32, existed: bool, after: Lsn, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        let after = if queue.settings.durable { after } else { self.registry.announced_by };
        let reply = Reply::Declared { queue: queue.id(), existed, info: Box::new(queue.info()) };
        self.reply_after(id, token, after, reply, step);
    }

    /// A durable queue with default settings.
    pub(crate) fn create_queue(&mut self, now: Time, namespace: Namespace, name: Name, step: &mut Step) -> u32 {
        self.make_queue(now, namespace, name, QueueSettings::default(), step)
    }

    fn make_queue(
        &mut self,
        now: Time,
        namespace: Namespace,
        name: Name,
        settings: QueueSettings,
        step: &mut Step,
    ) -> u32 {
        let queue = self.registry.next;
        let alias = if settings.internal { None } else { self.registry.free_alias(namespace, &name) };
        let durable = settings.durable;
        if !durable && queue >= self.registry.announced {
            let record = Record::QueuesNumbered { below: queue.saturating_add(NUMBERS_PER_RECORD) };
            self.registry.announced_by = Lsn(step.write(&record, &mut self.next_lsn).lsn);
            self.apply(now, record, None);
        }
        let record = Record::Declared(Box::new(Declared { queue, namespace, name, alias, settings }));
        if durable {
            step.write(&record, &mut self.next_lsn);
        }
        self.apply(now, record, None);
        queue
    }

    pub(crate) fn apply_declared(&mut self, now: Time, declared: Declared) {
        let Declared { queue, namespace, name, alias, settings } = declared;
        if let Some(queue) = self.registry.queue_mut(queue) {
            // Said again by a checkpoint.
            queue.settings = settings;
            return;
        }
        let mut queue = Queue::new(queue, namespace, name.detached(), settings, now, self.options.block_bits);
        queue.alias = alias;
        self.registry.insert(queue);
        self.router.forget_routes();
    }

    pub(crate) fn declare_topic(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (namespace, name): (Namespace, Name),
        step: &mut Step,
    ) {
        if name.is_empty() || name.as_bytes().len() > limits::KEY_BYTES {
            return self.refuse(id, token, Refusal::Limit("bytes of a key", limits::KEY_BYTES as u64), step);
        }
        let mut after = Lsn(self.next_lsn - 1);
        if !self.registry.has_topic(namespace, &name) {
            let record = Record::TopicDeclared { namespace, name: name.detached() };
            after = Lsn(step.write(&record, &mut self.next_lsn).lsn);
            self.apply(now, record, None);
        }
        self.reply_after(id, token, after, Reply::Done, step);
    }

    pub(crate) fn alter(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        queue: &QueueRef,
        alteration: &Alteration,
        step: &mut Step,
    ) {
        let Some(n) = self.find(id, token, queue, step) else { return };
        let Some(queue) = self.registry.queue(n) else { return };
        let mut settings = queue.settings.clone();
        alteration.apply_to(&mut settings);
        let durable = settings.durable;
        let record = Record::Altered { queue: n, settings: Box::new(settings) };
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        if let Some(due) = self.registry.queue(n).and_then(Queue::next_due) {
            self.arm(n, due);
        }
        self.reply_after(id, token, after, Reply::Done, step);
    }

    pub(crate) fn delete(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (queue, if_unused, if_empty): (&QueueRef, bool, bool),
        step: &mut Step,
    ) {
        let Some(n) = self.find(id, token, queue, step) else { return };
        let Some(queue) = self.registry.queue(n) else { return };
        let name = || queue.name.to_text().into_owned();
        if if_unused && !queue.consumers.is_empty() {
            let refusal = Refusal::InUse(name());
            return self.refuse(id, token, refusal, step);
        }
        if if_empty && queue.len() > 0 {
            let refusal = Refusal::NotEmpty(name());
            return self.refuse(id, token, refusal, step);
        }
        let count = queue.len();
        if let Some(connection) = self.connections.get_mut(id) {
            connection.own.remove(&n);
        }
        let after = self.delete_queue(now, n, step);
        self.reply_after(id, token, after, Reply::Count(count), step);
    }

    /// Deletes a queue, telling its consumers. Returns the record to wait for.
    pub(crate) fn delete_queue(&mut self, now: Time, n: u32, step: &mut Step) -> Lsn {
        let Some(queue) = self.registry.queue(n) else { return Lsn(0) };
        let (durable, name) = (queue.settings.durable, queue.name.to_text().into_owned());
        let namespace = queue.namespace;
        let consumers: Vec<ConsumerKey> = queue.consumers.iter().chain(&queue.cursors).copied().collect();
        for key in consumers {
            let Some(consumer) = self.consumers.get(key) else { continue };
            let effect = Effect::Cancelled { consumer: consumer.index, refusal: Refusal::NoSuchQueue(name.clone()) };
            step.effects.push(Outgoing { connection: consumer.connection, after: consumer.after, effect });
            self.detach_consumer(n, key);
        }
        let bindings = self.router.bindings_to(namespace, &Target::Queue(n));
        let record = Record::Deleted { queue: n };
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        for binding in bindings {
            self.delete_if_unbound(now, namespace, &binding.exchange, step);
        }
        after
    }

    pub(crate) fn apply_deleted(&mut self, n: u32) {
        let Some(mut queue) = self.registry.remove(n) else { return };
        if let Some(maker) = queue.maker.take() {
            self.makers.remove(&maker);
        }
        let target = Target::Queue(n);
        for binding in self.router.bindings_to(queue.namespace, &target) {
            self.router.unbind(queue.namespace, &target, &binding);
        }
        self.router.forget_routes();
        for state in queue.empty(u64::MAX, &BTreeSet::new(), &mut self.memory, &mut self.doomed) {
            self.lease_ended(state);
        }
        for owner in self.transactions.forget_queue(n) {
            self.lease_ended(State::Leased(owner));
        }
    }

    pub(crate) fn purge(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (queue, leased): (&QueueRef, bool),
        step: &mut Step,
    ) {
        let Some(n) = self.find(id, token, queue, step) else { return };
        let Some(queue) = self.registry.queue(n) else { return };
        let stays = |state: State| match state {
            State::Ready | State::Delayed(_) => false,
            State::Leased(Owner::Transaction(_)) => true,
            State::Leased(_) | State::Decided { .. } => !leased,
        };
        let except: Vec<u64> =
            queue.entries_from(0).filter(|(_, entry)| stays(entry.state)).map(|(seq, _)| seq).collect();
        let below = queue.promised.unwrap_or(queue.next_seq());
        let here = queue.entries_from(0).filter(|(seq, entry)| *seq < below && !stays(entry.state)).count() as u64;
        let count = here + queue.resting_blocks().filter_map(|it| it.page.as_ref()).map(|it| it.count()).sum::<u64>();
        let durable = queue.settings.durable;
        let record = Record::Purged { queue: n, below, except };
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        self.reply_after(id, token, after, Reply::Count(count), step);
    }

    pub(crate) fn apply_purged(&mut self, n: u32, below: u64, except: Vec<u64>) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        for state in queue.empty(below, &except.into_iter().collect(), &mut self.memory, &mut self.doomed) {
            self.lease_ended(state);
        }
    }

    pub(crate) fn move_messages(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (from, to, max): (&QueueRef, &QueueRef, u64),
        step: &mut Step,
    ) {
        let Some(from) = self.find(id, token, from, step) else { return };
        let Some(to) = self.find(id, token, to, step) else { return };
        if from == to {
            return self.refuse(id, token, Refusal::Invalid("a queue cannot be moved into itself".into()), step);
        }
        self.moves.push_back(Moving { id, token, from, to, left: max, count: 0 });
        self.continue_moves(now, step);
    }

    /// Goes on with what administrators move, the first one first, as far as one step may.
    pub(crate) fn continue_moves(&mut self, now: Time, step: &mut Step) {
        let mut budget = STEP_BUDGET;
        while let Some(mut moving) = self.moves.pop_front() {
            let over = loop {
                if moving.left == 0 {
                    break true;
                }
                if budget == 0 {
                    break false;
                }
                match self.registry.queue_mut(moving.from).map_or(Head::Nothing, Queue::head) {
                    Head::Entry(key) if self.registry.queue(moving.to).is_some() => {
                        self.move_entry(now, moving.from, key.seq(), moving.to, step);
                        (moving.left, moving.count, budget) = (moving.left - 1, moving.count + 1, budget - 1);
                    }
                    Head::Rests(block) => {
                        self.want_page(moving.from, block, step);
                        break false;
                    }
                    Head::Entry(_) | Head::Nothing => break true,
                }
            };
            if !over {
                self.moves.push_front(moving);
                return;
            }
            let after = Lsn(self.next_lsn - 1);
            self.reply_after(moving.id, moving.token, after, Reply::Count(moving.count), step);
            self.dispatch(now, moving.to, step);
        }
    }

    /// Whether a move could go on now: it waits for nothing but its turn.
    pub(crate) fn has_moves(&self) -> bool {
        let waits = |moving: &Moving| self.registry.queue(moving.from).is_some_and(|queue| queue.loading > 0);
        self.moves.front().is_some_and(|moving| !waits(moving))
    }

    /// The queue a command names; refuses the command if there is none or it is another connection's own.
    pub(crate) fn find(&mut self, id: ConnectionId, token: Token, queue: &QueueRef, step: &mut Step) -> Option<u32> {
        let found = self.registry.find(queue);
        let Some(n) = found else {
            let name = match queue {
                QueueRef::Named(_, name) => name.to_text().into_owned(),
                QueueRef::Id(id) => format!("#{}", id.n),
            };
            self.refuse(id, token, Refusal::NoSuchQueue(name), step);
            return None;
        };
        let exclusive = self.registry.queue(n).filter(|queue| queue.owner.is_some_and(|owner| owner != id));
        if let Some(name) = exclusive.map(|queue| queue.name.to_text().into_owned()) {
            self.refuse(id, token, Refusal::Exclusive(name), step);
            return None;
        }
        Some(n)
    }
}
