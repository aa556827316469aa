//! Bindings, and the retained messages that a new one brings.

use model::{Binding, ConnectionId, Exchange, Lsn, Namespace, QueueRef, Refusal, Reply, Time, Token, limits};
use selector::Selector;

use crate::broker::Broker;
use crate::entry::Located;
use crate::publish::size_of;
use crate::record::{Copied, Record, Route};
use crate::retained::Kept;
use crate::step::Step;
use crate::view::View;

impl Broker {
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

    pub(crate) fn check_binding(&self, namespace: Namespace, binding: &Binding) -> Result<(), Refusal> {
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
        let Some(namespace) = self.registry.queue(n).map(|queue| queue.namespace) else { return };
        let selector = binding.selector.as_deref().and_then(|text| Selector::parse(text).ok());
        for kept in self.retained.matching(namespace, &binding.key, binding.hides_dollar) {
            let view = View { message: &kept.message, encodings: &self.options.encodings };
            let expired = kept.message.header.expires.is_some_and(|at| at <= now);
            if expired || selector.as_ref().is_some_and(|selector| !selector.matches(&view)) {
                continue;
            }
            let Some(queue) = self.registry.queue_mut(n) else { return };
            if !queue.admits(&kept.message).unwrap_or(false) {
                continue;
            }
            let (seq, assured) = (queue.next_seq(), kept.message.header.durable && !binding.at_most_once);
            let durable = queue.settings.durable && assured && kept.located.is_some();
            let tags = smallvec::smallvec![binding.tag];
            let route = Route { queue: n, seq, not_before: None, durable, assured, retained: true, tags };
            match kept.located.filter(|_| durable) {
                Some(located) => self.copy_retained(now, &kept, located, route, step),
                None => self.enqueue(now, kept.number, &kept.message, None, 1, route),
            }
            self.make_room(now, n, step);
        }
    }

    fn copy_retained(&mut self, now: Time, kept: &Kept, located: Located, route: Route, step: &mut Step) {
        let (n, seq, header) = (route.queue, route.seq, &kept.message.header);
        let (size, priority, expires) = (size_of(&kept.message), header.priority, header.expires);
        let copied = Copied { number: kept.number, located, size, priority, expires, route };
        let record = Record::Copied(Box::new(copied));
        step.write(&record, &mut self.next_lsn);
        self.apply(now, record, None);
        if let Some(queue) = self.registry.queue_mut(n) {
            queue.set_message(seq, Some(kept.message.clone()), &mut self.memory);
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
        let Some(queue) = self.registry.queue(n) else { return };
        let (namespace, durable) = (queue.namespace, queue.settings.durable);
        let exchange = binding.exchange.clone();
        let record = Record::Unbound { queue: n, binding: Box::new(binding) };
        let after = if durable { Lsn(step.write(&record, &mut self.next_lsn).lsn) } else { Lsn(0) };
        self.apply(now, record, None);
        self.delete_if_unbound(now, namespace, &exchange, step);
        self.reply_after(id, token, after, Reply::Done, step);
    }
}
