//! From a publish's address to the queues that take it.

use std::sync::Arc;

use model::limits;
use model::{ConnectionId, Exchange, Message, Publish, QueueRef, Refusal, Time};
use smallvec::SmallVec;

use crate::broker::Broker;
use crate::record::Route;
use crate::router::Candidate;
use crate::step::Step;
use crate::view::View;

/// Where a message goes; sequence numbers are given when it is committed.
pub(crate) type Routes = SmallVec<[Route; 1]>;

impl Broker {
    /// The queues a publish goes to, by all of its keys, or why it goes to none.
    pub(crate) fn all_routes(
        &mut self,
        now: Time,
        id: ConnectionId,
        publish: &Publish,
        step: &mut Step,
    ) -> Result<Routes, Refusal> {
        if let Some(queue) = &publish.queue {
            return self.only_route(now, &publish.message, queue);
        }
        let first = self.routes(now, id, (&publish.message, publish.create), step);
        if publish.also.is_empty() {
            return first;
        }
        let mut routes = match first {
            Err(Refusal::NoSuchQueue(_)) => Routes::new(),
            other => other?,
        };
        let mut message = publish.message.as_ref().clone();
        for key in &publish.also {
            message.address.key = key.clone();
            match self.routes(now, id, (&message, publish.create), step) {
                Ok(more) => {
                    for route in more {
                        if !routes.iter().any(|there| there.queue == route.queue) {
                            routes.push(route);
                        }
                    }
                }
                Err(Refusal::NoSuchQueue(_)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(routes)
    }

    /// The place in one queue that was chosen by whoever gave the command.
    fn only_route(&mut self, now: Time, message: &Message, queue: &QueueRef) -> Result<Routes, Refusal> {
        let found = self.registry.find(queue).and_then(|n| self.registry.queue(n));
        let found = found.ok_or_else(|| crate::inspect::no_such(queue))?;
        if found.owner.is_some() {
            return Err(Refusal::Exclusive(found.name.to_text().into_owned()));
        }
        let candidate = Candidate { queue: found.n, tag: Default::default(), at_most_once: false, condition: None };
        self.places(now, message, &[candidate])
    }

    /// The queues `message` goes to, or why it goes to none. Makes the queue of a default-exchange address if it may.
    fn routes(
        &mut self,
        now: Time,
        id: ConnectionId,
        (message, create): (&Message, bool),
        step: &mut Step,
    ) -> Result<Routes, Refusal> {
        let address = &message.address;
        if self.router.is_internal(address) {
            return Err(Refusal::Internal(address.exchange.to_text().into_owned()));
        }
        let registry = &self.registry;
        let mut candidates = self
            .router
            .route(address, || registry.public(address.namespace, &address.key))
            .ok_or_else(|| Refusal::NoSuchExchange(address.exchange.to_text().into_owned()))?;
        if candidates.is_empty() && address.exchange == Exchange::Default {
            if registry.named(address.namespace, &address.key).is_some() {
                return Err(Refusal::Exclusive(address.key.to_text().into_owned()));
            }
            let is_name = (1..=limits::NAME_BYTES).contains(&address.key.as_bytes().len());
            if !create || !self.options.auto_create || !is_name {
                return Err(Refusal::NoSuchQueue(address.key.to_text().into_owned()));
            }
            let maker = self.may_make(id)?;
            let queue = self.create_queue(now, address.namespace, address.key.detached(), step);
            self.note_maker(queue, maker);
            candidates =
                Arc::from([Candidate { queue, tag: Default::default(), at_most_once: false, condition: None }]);
        }
        let routes = self.places(now, message, &candidates)?;
        if routes.is_empty() && matches!(address.exchange, Exchange::Named(_)) {
            return self.routes_of_alternates(now, message);
        }
        Ok(routes)
    }

    /// What no binding of an exchange takes goes to its alternate, and so on.
    fn routes_of_alternates(&mut self, now: Time, message: &Message) -> Result<Routes, Refusal> {
        let mut address = message.address.clone();
        let mut before = Vec::new();
        loop {
            let settings = self.router.settings(address.namespace, &address.exchange);
            let Some(next) = settings.and_then(|settings| settings.alternate.clone()) else { return Ok(Routes::new()) };
            before.push(std::mem::replace(&mut address.exchange, Exchange::named(&next.to_text())));
            if before.contains(&address.exchange) {
                return Ok(Routes::new());
            }
            // One that is gone takes nothing.
            let registry = &self.registry;
            let candidates = self.router.route(&address, || registry.public(address.namespace, &address.key));
            let routes = self.places(now, message, candidates.as_deref().unwrap_or_default())?;
            if !routes.is_empty() {
                return Ok(routes);
            }
        }
    }

    /// The queues of `candidates` that take `message`.
    fn places(&mut self, now: Time, message: &Message, candidates: &[Candidate]) -> Result<Routes, Refusal> {
        let (mut routes, mut refused) = (Routes::new(), None);
        for group in candidates.chunk_by(|a, b| a.queue == b.queue) {
            match self.route_of(now, message, group) {
                Ok(Some(route)) => routes.push(route),
                Ok(None) => {}
                Err(refusal) => refused = Some(refusal),
            }
        }
        // Of several queues, one that is full does not take the message from the others.
        match refused {
            Some(refusal) if routes.is_empty() => Err(refusal),
            _ => Ok(routes),
        }
    }

    /// The place in one queue, through all bindings that match.
    fn route_of(&mut self, now: Time, message: &Message, group: &[Candidate]) -> Result<Option<Route>, Refusal> {
        let view = View { message, encodings: &self.options.encodings };
        let holds = |candidate: &&Candidate| candidate.condition.as_ref().is_none_or(|it| it.holds(&view));
        let mut matching = group.iter().filter(holds).peekable();
        if matching.peek().is_none() {
            return Ok(None);
        }
        let mut tags = SmallVec::new();
        let mut at_most_once = true;
        for candidate in matching {
            tags.push(candidate.tag);
            at_most_once &= candidate.at_most_once;
        }
        let Some(queue) = self.registry.queue_mut(group[0].queue) else { return Ok(None) };
        let settings = &queue.settings;
        let assured = message.header.durable && !at_most_once;
        if settings.drops_transient_unattended && !assured && queue.consumers.is_empty() {
            return Ok(None);
        }
        if !queue.admits(message)? {
            return Ok(None);
        }
        let durable = queue.settings.durable && assured;
        if !durable && self.memory.is_crowded() && queue.gives_way() {
            queue.counts.dropped += 1;
            return Ok(None);
        }
        let settings = &queue.settings;
        let not_before = message.header.not_before.or_else(|| (settings.delay > 0).then(|| now.plus(settings.delay)));
        let not_before = not_before.filter(|at| *at > now);
        Ok(Some(Route { queue: queue.n, seq: 0, not_before, durable, assured, retained: false, tags }))
    }
}
