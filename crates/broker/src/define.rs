//! Queues, exchanges, bindings and consumers come and go.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Alteration, Binding, Claim, CloseReason, Conflict, ConnectionId, Consume, ConsumerIndex, Credit, CreditMode,
    Declare, DeclareMode, Effect, Exchange, ExchangeKind, Fetch, Lifetime, Lsn, Mode, Name, Namespace, Position,
    QueueRef, QueueSettings, Refusal, Reply, Time, Token, limits,
};
use selector::Selector;

use crate::broker::Broker;
use crate::consumer::{Consumer, ConsumerKey, Fetching};
use crate::entry::{Owner, State};
use crate::queue::Queue;
use crate::ready::Key;
use crate::record::{Declared, Record, Route};
use crate::step::{Outgoing, Step};
use crate::timers::Alarm;

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

    pub(crate) fn claim(&mut self, now: Time, id: ConnectionId, claim: Claim, step: &mut Step) {
        let key = (claim.namespace, claim.client.detached());
        if let Some(other) = self.claims.get(&key).copied().filter(|other| *other != id) {
            if claim.conflict == Conflict::Refuse {
                let refusal = Refusal::ClientInUse(claim.client.to_text().into_owned());
                return self.refuse(id, claim.token, refusal, step);
            }
            let effect = Effect::Close { reason: CloseReason::TakenOver };
            step.effects.push(Outgoing { connection: other, after: Lsn(0), effect });
            self.close(now, other, step);
        }
        if let Some(connection) = self.connections.get_mut(id) {
            connection.client = key.1.clone();
            connection.claims.push(key.clone());
            self.claims.insert(key, id);
        }
        self.reply(id, claim.token, Reply::Done, step);
    }

    pub(crate) fn declare(&mut self, now: Time, id: ConnectionId, declare: Declare, step: &mut Step) {
        let Declare { token, namespace, name, settings, mode } = declare;
        if let Some(n) = self.registry.named(namespace, &name) {
            return match self.may_use(id, n, &settings, mode) {
                Ok(()) => self.reply_declared(id, token, n, true, Lsn(self.next_lsn - 1), step),
                Err(refusal) => self.refuse(id, token, refusal, step),
            };
        }
        if mode == DeclareMode::Passive {
            return self.refuse(id, token, Refusal::NoSuchQueue(name.to_text().into_owned()), step);
        }
        if name.is_empty() || name.as_bytes().len() > limits::NAME_BYTES {
            return self.refuse(id, token, Refusal::Limit("bytes of a queue name", limits::NAME_BYTES as u64), step);
        }
        let n = self.make_queue(now, namespace, name.detached(), settings, step);
        let Some(queue) = self.registry.queue_mut(n) else { return };
        if queue.settings.lifetime == Lifetime::Connection {
            queue.owner = Some(id);
            if let Some(connection) = self.connections.get_mut(id) {
                connection.queues.push(n);
            }
        }
        self.reply_declared(id, token, n, false, Lsn(self.next_lsn - 1), step);
    }

    fn may_use(&self, id: ConnectionId, n: u32, settings: &QueueSettings, mode: DeclareMode) -> Result<(), Refusal> {
        let Some(queue) = self.registry.queue(n) else { return Ok(()) };
        let name = || queue.name.to_text().into_owned();
        if queue.owner.is_some_and(|owner| owner != id) {
            return Err(Refusal::Exclusive(name()));
        }
        let has = &queue.settings;
        match mode {
            DeclareMode::Passive | DeclareMode::IfAbsent => Ok(()),
            DeclareMode::Same if has == settings => Ok(()),
            DeclareMode::Same if has.durable != settings.durable => Err(Refusal::Different(name(), "durability")),
            DeclareMode::Same if has.kind != settings.kind => Err(Refusal::Different(name(), "kind")),
            DeclareMode::Same if has.dead_letter != settings.dead_letter => {
                Err(Refusal::Different(name(), "dead-letter address"))
            }
            DeclareMode::Same => Err(Refusal::Different(name(), "setting")),
        }
    }

    fn reply_declared(&mut self, id: ConnectionId, token: Token, n: u32, existed: bool, after: Lsn, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        let after = if queue.settings.durable { after } else { Lsn(0) };
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
        let record = Record::Declared(Box::new(Declared { queue, namespace, name, alias, settings }));
        if durable {
            step.write(&record, &mut self.next_lsn);
        }
        self.apply(now, record, None);
        queue
    }

    pub(crate) fn apply_declared(&mut self, now: Time, declared: Declared) {
        let Declared { queue, namespace, name, alias, settings } = declared;
        let mut queue = Queue::new(queue, namespace, name.detached(), settings, now);
        queue.alias = alias;
        self.registry.insert(queue);
        self.router.forget_routes();
    }

    pub(crate) fn declare_exchange(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (namespace, name, kind): (Namespace, Name, ExchangeKind),
        (durable, passive): (bool, bool),
        step: &mut Step,
    ) {
        let text = name.to_text().into_owned();
        match self.router.kind(namespace, &Exchange::named(&text)) {
            Some(there) if passive || there == kind => return self.reply(id, token, Reply::Done, step),
            Some(_) => return self.refuse(id, token, Refusal::Different(text, "type"), step),
            None if passive => return self.refuse(id, token, Refusal::NoSuchExchange(text), step),
            None => {}
        }
        let record = Record::ExchangeDeclared { namespace, name: name.detached(), kind };
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        self.reply_after(id, token, after, Reply::Done, step);
    }

    pub(crate) fn delete_exchange(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (namespace, exchange, if_unused): (Namespace, Exchange, bool),
        step: &mut Step,
    ) {
        let name = exchange.to_text().into_owned();
        if self.router.kind(namespace, &exchange).is_none() {
            return self.refuse(id, token, Refusal::NoSuchExchange(name), step);
        }
        if !matches!(exchange, Exchange::Named(_)) {
            return self.refuse(id, token, Refusal::Invalid(format!("exchange {name:?} is always there")), step);
        }
        if if_unused && self.router.bindings_of_exchange(namespace, &exchange) > 0 {
            return self.refuse(id, token, Refusal::InUse(name), step);
        }
        let record = Record::ExchangeDeleted { namespace, exchange };
        let after = Lsn(step.write(&record, &mut self.next_lsn).lsn);
        self.apply(now, record, None);
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
        self.arm(n);
        self.reply_after(id, token, after, Reply::Done, step);
    }

    pub(crate) fn bind(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (queue, binding, replay): (&QueueRef, Binding, bool),
        step: &mut Step,
    ) {
        let Some(n) = self.find(id, token, queue, step) else { return };
        let Some(queue) = self.registry.queue(n) else { return };
        let (namespace, durable) = (queue.namespace, queue.settings.durable);
        if let Err(refusal) = self.check_binding(namespace, &binding) {
            return self.refuse(id, token, refusal, step);
        }
        let record = Record::Bound { queue: n, binding: Box::new(binding.clone()) };
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        self.reply_after(id, token, after, Reply::Done, step);
        if replay && binding.exchange == Exchange::Topic {
            self.replay_retained(now, n, &binding, step);
            self.dispatch(now, n, step);
        }
    }

    fn check_binding(&self, namespace: Namespace, binding: &Binding) -> Result<(), Refusal> {
        if binding.exchange == Exchange::Default {
            return Err(Refusal::Invalid("nothing can be bound to the default exchange".into()));
        }
        if self.router.kind(namespace, &binding.exchange).is_none() {
            return Err(Refusal::NoSuchExchange(binding.exchange.to_text().into_owned()));
        }
        let key = binding.key.as_bytes();
        if key.len() > limits::KEY_BYTES {
            return Err(Refusal::Limit("bytes of a key", limits::KEY_BYTES as u64));
        }
        if crate::pattern::words(key).count() > limits::TOPIC_LEVELS {
            return Err(Refusal::Limit("levels of a topic", limits::TOPIC_LEVELS as u64));
        }
        match &binding.selector {
            Some(text) => Selector::parse(text).map(drop).map_err(|error| Refusal::Invalid(error.to_string())),
            None => Ok(()),
        }
    }

    /// Retained messages that a new subscription matches.
    fn replay_retained(&mut self, now: Time, n: u32, binding: &Binding, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        let (namespace, queue_durable) = (queue.namespace, queue.settings.durable);
        for kept in self.retained.matching(namespace, &binding.key, binding.hides_dollar) {
            if kept.message.header.expires.is_some_and(|at| at <= now) {
                continue;
            }
            let Some(queue) = self.registry.queue(n) else { return };
            let assured = kept.message.header.durable && !binding.at_most_once;
            let route = Route {
                queue: n,
                seq: queue.next_seq(),
                not_before: None,
                durable: queue_durable && assured && kept.located.is_some(),
                assured,
                retained: true,
                tags: smallvec::smallvec![binding.tag],
            };
            if let (true, Some(located)) = (route.durable, kept.located) {
                let record = Record::Copied { number: kept.number, located, route: route.clone() };
                step.write(&record, &mut self.next_lsn);
            }
            self.enqueue(now, kept.number, &kept.message, kept.located, 1, route);
        }
    }

    pub(crate) fn unbind(
        &mut self,
        now: Time,
        id: ConnectionId,
        token: Token,
        (queue, binding): (&QueueRef, Binding),
        step: &mut Step,
    ) {
        let Some(n) = self.find(id, token, queue, step) else { return };
        let durable = self.registry.queue(n).is_some_and(|queue| queue.settings.durable);
        let record = Record::Unbound { queue: n, binding: Box::new(binding) };
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
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
        let after = self.delete_queue(now, n, step);
        self.reply_after(id, token, after, Reply::Count(count), step);
    }

    /// Deletes a queue, telling its consumers. Returns the record to wait for.
    pub(crate) fn delete_queue(&mut self, now: Time, n: u32, step: &mut Step) -> Lsn {
        let Some(queue) = self.registry.queue(n) else { return Lsn(0) };
        let (durable, name) = (queue.settings.durable, queue.name.to_text().into_owned());
        let consumers: Vec<ConsumerKey> = queue.consumers.iter().chain(&queue.cursors).copied().collect();
        for key in consumers {
            let Some(consumer) = self.consumers.get(key) else { continue };
            let effect = Effect::Cancelled { consumer: consumer.index, refusal: Refusal::NoSuchQueue(name.clone()) };
            step.effects.push(Outgoing { connection: consumer.connection, after: consumer.after, effect });
            self.detach_consumer(n, key);
        }
        let record = Record::Deleted { queue: n };
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        after
    }

    pub(crate) fn apply_deleted(&mut self, n: u32) {
        let Some(mut queue) = self.registry.remove(n) else { return };
        for binding in self.router.bindings_of_queue(queue.namespace, n) {
            self.router.unbind(queue.namespace, n, &binding);
        }
        self.router.forget_routes();
        let (first, last) = (queue.first_seq(), queue.next_seq());
        for seq in first..last {
            if let Some(entry) = queue.remove(seq, &mut self.memory) {
                self.lease_ended(entry.state);
            }
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
        let (below, count) = (queue.next_seq(), queue.len() - except.len() as u64);
        let durable = queue.settings.durable;
        let record = Record::Purged { queue: n, below, except };
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        self.reply_after(id, token, after, Reply::Count(count), step);
    }

    pub(crate) fn apply_purged(&mut self, n: u32, below: u64, except: Vec<u64>) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        let except: BTreeSet<u64> = except.into_iter().collect();
        let mut ended = Vec::new();
        for seq in queue.first_seq()..below.min(queue.next_seq()) {
            if !except.contains(&seq)
                && let Some(entry) = queue.remove(seq, &mut self.memory)
            {
                ended.push(entry.state);
            }
        }
        if queue.counts.ready == 0 {
            queue.ready.clear();
        }
        for state in ended {
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
        let mut count = 0;
        while count < max {
            let Some(seq) = self.registry.queue_mut(from).and_then(|queue| Some(queue.first_ready()?.seq())) else {
                break;
            };
            self.move_entry(now, from, seq, to, step);
            count += 1;
        }
        let after = Lsn(self.next_lsn - 1);
        self.reply_after(id, token, after, Reply::Count(count), step);
        self.dispatch(now, to, step);
    }

    pub(crate) fn consume(&mut self, now: Time, id: ConnectionId, consume: Consume, step: &mut Step) {
        let Consume { token, consumer: index, queue, mode, credit, credit_mode, selector, exclusive } = consume;
        let Some(n) = self.find(id, token, &queue, step) else { return };
        let selector = match selector.as_deref().map(Selector::parse).transpose() {
            Ok(selector) => selector.map(Arc::new),
            Err(error) => return self.refuse(id, token, Refusal::Invalid(error.to_string()), step),
        };
        let Some(queue) = self.registry.queue(n) else { return };
        if queue.is_log() && matches!(mode, Mode::Leasing { .. }) {
            return self.refuse(id, token, Refusal::IsLog, step);
        }
        let others = queue.consumers.iter().filter_map(|key| self.consumers.get(*key));
        if !queue.consumers.is_empty() && (exclusive || others.into_iter().any(|other| other.exclusive)) {
            let refusal = Refusal::InUse(queue.name.to_text().into_owned());
            return self.refuse(id, token, refusal, step);
        }
        let decided = self.decided(n);
        let next = self.start_of(n, mode);
        let consumer = Consumer {
            connection: id,
            index,
            queue: n,
            mode,
            credit,
            credit_mode,
            selector,
            scanned: Key::FIRST,
            hits: BTreeSet::new(),
            next,
            drain: false,
            fetch: None,
            leased: 0,
            cancelled: false,
            after: Lsn(0),
            exclusive,
        };
        let Ok(key) = self.attach(id, consumer, step, token) else { return };
        let reply = Reply::Consuming { queue: model::QueueId { shard: 0, n }, decided };
        let after = Lsn(self.next_lsn - 1);
        self.reply_after(id, token, after, reply, step);
        let after = self.connections.get(id).map_or(after, |connection| connection.after);
        if let Some(consumer) = self.consumers.get_mut(key) {
            consumer.after = after;
        }
        self.dispatch(now, n, step);
    }

    /// Deliveries of a queue that were decided and not settled.
    fn decided(&self, n: u32) -> Vec<(model::Delivery, u32)> {
        let Some(queue) = self.registry.queue(n) else { return Vec::new() };
        let id = queue.id();
        let decided = queue.entries_from(0).filter_map(|(seq, entry)| match entry.state {
            State::Decided { mark } => Some((model::Delivery { queue: id, seq, attempt: entry.attempts }, mark)),
            _ => None,
        });
        decided.collect()
    }

    fn start_of(&self, n: u32, mode: Mode) -> u64 {
        let (Mode::Cursor { from }, Some(queue)) = (mode, self.registry.queue(n)) else { return 0 };
        match from {
            Position::First => queue.first_seq(),
            Position::Next => queue.next_seq(),
            Position::Seq(seq) => seq,
            Position::Time(time) => {
                queue.entries_from(0).find(|(_, entry)| entry.arrived >= time).map_or(queue.next_seq(), |(seq, _)| seq)
            }
        }
    }

    /// Gives a consumer its key and its place with connection and queue.
    fn attach(
        &mut self,
        id: ConnectionId,
        consumer: Consumer,
        step: &mut Step,
        token: Token,
    ) -> Result<ConsumerKey, ()> {
        let (n, index) = (consumer.queue, consumer.index);
        let Some(connection) = self.connections.get_mut(id) else { return Err(()) };
        if index.0 >= limits::CONSUMERS_PER_CONNECTION {
            let limit = Refusal::Limit("consumers of a connection", limits::CONSUMERS_PER_CONNECTION.into());
            self.refuse(id, token, limit, step);
            return Err(());
        }
        let at = index.0 as usize;
        if connection.consumers.len() <= at {
            connection.consumers.resize(at + 1, None);
        }
        if connection.consumers[at].is_some() {
            self.refuse(id, token, Refusal::Invalid(format!("consumer {at} is there already")), step);
            return Err(());
        }
        let (cursor, selective) = (consumer.is_cursor(), consumer.selector.is_some());
        let key = self.consumers.insert(consumer);
        connection.consumers[at] = Some(key);
        if let Some(queue) = self.registry.queue_mut(n) {
            if cursor {
                queue.cursors.push(key);
            } else {
                queue.consumers.push(key);
                queue.selective += usize::from(selective);
            }
        }
        Ok(key)
    }

    pub(crate) fn fetch(&mut self, now: Time, id: ConnectionId, fetch: Fetch, step: &mut Step) {
        let Some(n) = self.find(id, fetch.token, &fetch.queue, step) else { return };
        if self.registry.queue(n).is_some_and(Queue::is_log) {
            return self.refuse(id, fetch.token, Refusal::IsLog, step);
        }
        let number = self.next_fetch;
        self.next_fetch += 1;
        let consumer = Consumer {
            connection: id,
            index: fetch.consumer,
            queue: n,
            mode: Mode::Leasing { settlement: fetch.settlement, lease: fetch.lease },
            credit: Credit::messages(fetch.max.clamp(1, limits::FETCH_MESSAGES)),
            credit_mode: CreditMode::Explicit,
            selector: None,
            scanned: Key::FIRST,
            hits: BTreeSet::new(),
            next: 0,
            drain: false,
            fetch: Some(Fetching { until: fetch.until.filter(|at| *at > now), delivered: 0, number }),
            leased: 0,
            cancelled: false,
            after: Lsn(0),
            exclusive: false,
        };
        let Ok(key) = self.attach(id, consumer, step, fetch.token) else { return };
        self.reply(id, fetch.token, Reply::Fetching { queue: model::QueueId { shard: 0, n } }, step);
        if let Some(until) = fetch.until.filter(|at| *at > now) {
            self.timers.set(until, Alarm::Fetch(key, number));
        }
        self.dispatch(now, n, step);
    }

    pub(crate) fn add_credit(
        &mut self,
        now: Time,
        id: ConnectionId,
        index: ConsumerIndex,
        (add, drain): (Credit, bool),
        step: &mut Step,
    ) {
        let Some(key) = self.connections.get(id).and_then(|connection| connection.consumer(index)) else { return };
        let Some(consumer) = self.consumers.get_mut(key) else { return };
        consumer.credit.messages = consumer.credit.messages.saturating_add(add.messages);
        consumer.credit.bytes = consumer.credit.bytes.saturating_add(add.bytes).min(u64::MAX >> 1);
        consumer.drain |= drain;
        let n = consumer.queue;
        self.dispatch(now, n, step);
        // A queue that has more than the credit took leaves the drain unanswered, and so does an empty one with no
        // credit at all.
        if drain && self.consumers.get(key).is_some_and(|consumer| consumer.drain && consumer.credit.messages == 0) {
            self.drained(n, key, step);
        }
    }

    pub(crate) fn cancel(&mut self, now: Time, id: ConnectionId, index: ConsumerIndex, step: &mut Step) {
        let Some(key) = self.connections.get(id).and_then(|connection| connection.consumer(index)) else { return };
        let Some(n) = self.consumers.get(key).map(|consumer| consumer.queue) else { return };
        self.detach_consumer(n, key);
        let unused = |queue: &Queue| {
            queue.settings.lifetime == Lifetime::WhileConsumed && queue.consumers.is_empty() && queue.cursors.is_empty()
        };
        if self.registry.queue(n).is_some_and(unused) {
            self.delete_queue(now, n, step);
        }
    }

    /// Takes a consumer from its queue and its connection's list. It stays known for the deliveries it still leases.
    pub(crate) fn detach_consumer(&mut self, n: u32, key: ConsumerKey) {
        let Some(consumer) = self.consumers.get_mut(key) else { return };
        consumer.cancelled = true;
        let (leased, selective) = (consumer.leased > 0, consumer.selector.is_some());
        if let Some(connection) = self.connections.get_mut(consumer.connection) {
            let slots = &mut connection.consumers;
            if let Some(slot) = slots.get_mut(consumer.index.0 as usize) {
                *slot = None;
            }
            while slots.last().is_some_and(Option::is_none) {
                slots.pop();
            }
            if leased {
                connection.lingering.push(key);
            }
        }
        if let Some(queue) = self.registry.queue_mut(n) {
            let before = queue.consumers.len();
            queue.consumers.retain(|other| *other != key);
            queue.cursors.retain(|other| *other != key);
            queue.selective -= usize::from(selective && queue.consumers.len() < before);
        }
        if !leased {
            self.consumers.remove(key);
        }
    }

    /// Ends a connection: its leases, consumers, transactions, claims and own queues.
    pub(crate) fn close(&mut self, now: Time, id: ConnectionId, step: &mut Step) {
        let Some(connection) = self.connections.get(id) else { return };
        let transactions: Vec<_> = connection.transactions.values().copied().collect();
        let queues = connection.queues.clone();
        let consumers: Vec<_> = connection.consumers.iter().flatten().chain(&connection.lingering).copied().collect();
        let claims = connection.claims.clone();
        for number in transactions {
            self.roll_back(now, number, step);
        }
        for n in &queues {
            self.delete_queue(now, *n, step);
        }
        let mut left = Vec::new();
        for key in consumers {
            let Some(n) = self.consumers.get(key).map(|consumer| consumer.queue) else { continue };
            // First out of the queue, so that what it gives back goes to the others.
            self.detach_consumer(n, key);
            self.release_all(now, key, step);
            left.push(n);
        }
        for n in left {
            let unused = |queue: &Queue| {
                queue.settings.lifetime == Lifetime::WhileConsumed
                    && queue.consumers.is_empty()
                    && queue.cursors.is_empty()
            };
            if self.registry.queue(n).is_some_and(unused) {
                self.delete_queue(now, n, step);
            }
        }
        for key in claims {
            if self.claims.get(&key) == Some(&id) {
                self.claims.remove(&key);
            }
        }
        self.connections.remove(id);
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
