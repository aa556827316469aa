//! From a publish to its queues.

use std::sync::Arc;

use model::{ConnectionId, Effect, Exchange, Lsn, Message, MessageNumber, Overflow, Publish, Refusal, Time, Token};
use smallvec::SmallVec;

use crate::broker::Broker;
use crate::dead_letter::remembered;
use crate::entry::{Entry, Located, State};
use crate::queue::Queue;
use crate::record::{Published, Record, Route};
use crate::retained::Kept;
use crate::routing::Routes;
use crate::step::Step;

/// Message numbers that one `Numbered` record gives out.
const NUMBERS_PER_RECORD: u64 = 1 << 20;
/// Bodies below this that stay queued are copied out of the read buffer, which they would pin.
const DETACHED_BYTES: usize = 64 * 1024;

impl Broker {
    pub(crate) fn publish(&mut self, now: Time, id: ConnectionId, mut publish: Publish, step: &mut Step) {
        if let Some(index) = publish.transaction {
            return self.stage(now, id, index, publish, step);
        }
        if let Some(hold) = publish.hold
            && self.registry.queue(hold.queue.n).is_some_and(|queue| queue.holds.contains(&hold.number))
        {
            // Sent again, because the first answer was lost.
            let after = Lsn(self.next_lsn - 1);
            return self.confirm(id, publish.token.filter(|_| !publish.quiet), MessageNumber(0), true, after, step);
        }
        self.totals.published += 1;
        let routes = match self.all_routes(now, id, &publish, step) {
            Ok(routes) => routes,
            Err(Refusal::NoSuchQueue(_)) if publish.mandatory => Routes::new(),
            Err(refusal) => {
                if let Some(token) = publish.token {
                    self.refuse(id, token, refusal, step);
                }
                return;
            }
        };
        let (number, routed) = (self.number(now, step), !routes.is_empty());
        if !routed {
            self.totals.unrouted += 1;
            if publish.mandatory {
                let effect = Effect::Returned { token: publish.token, message: publish.message.clone() };
                self.answer(id, Lsn(0), effect, step);
            }
        }
        self.detach_if_unattended(&mut publish.message, &routes);
        let token = publish.token.filter(|_| !publish.quiet);
        let after = self.place(now, publish, number, routes, step);
        self.confirm(id, token, number, routed, after, step);
    }

    /// Gives the message its places, on disk and in memory, and hands it out. Returns the record to wait for. Takes the
    /// only reference, so that a message that stays can be copied out of its read buffer.
    fn place(
        &mut self,
        now: Time,
        publish: Publish,
        number: MessageNumber,
        mut routes: Routes,
        step: &mut Step,
    ) -> Lsn {
        for route in &mut routes {
            route.seq = self.registry.queue(route.queue).map_or(0, Queue::next_seq);
        }
        let hold = publish.hold.map(|hold| (hold.queue.n, hold.number));
        let retain = publish.message.header.retain;
        let keeps_hold = |(n, _): (u32, u32)| self.registry.queue(n).is_some_and(|queue| queue.settings.durable);
        let durable = retain || hold.is_some_and(keeps_hold) || routes.iter().any(|route| route.durable);
        if routes.is_empty() && !durable && hold.is_none() {
            return Lsn(0);
        }
        let targets: SmallVec<[(u32, u64); 4]> = routes.iter().map(|route| (route.queue, route.seq)).collect();
        let record = Record::Published(Published { number, message: publish.message, hold, routes });
        let located = durable.then(|| step.write(&record, &mut self.next_lsn));
        self.apply(now, record, located);
        for (queue, seq) in targets {
            self.make_room(now, queue, step);
            self.dispatch(now, queue, step);
            self.let_rest(queue, seq);
        }
        located.map_or(Lsn(0), |located| Lsn(located.lsn))
    }

    pub(crate) fn apply_published(&mut self, now: Time, published: Published, located: Option<Located>) {
        let Published { number, message, hold, routes } = published;
        if let Some((queue, number)) = hold
            && let Some(queue) = self.registry.queue_mut(queue)
        {
            queue.holds.insert(number);
        }
        let share = routes.len().max(1) as u32;
        for route in routes {
            let (queue, seq) = (route.queue, route.seq);
            self.enqueue(now, number, &message, located, share, route);
            if hold.is_some()
                && let Some(entry) = self.registry.queue_mut(queue).and_then(|queue| queue.entry_mut(seq))
            {
                entry.exact = true;
            }
        }
        if message.header.retain && message.address.exchange == Exchange::Topic {
            self.retained.set(Kept { message, number, located }, &mut self.memory.holds);
        }
    }

    /// Puts one message into one queue.
    pub(crate) fn enqueue(
        &mut self,
        now: Time,
        number: MessageNumber,
        message: &Arc<Message>,
        located: Option<Located>,
        share: u32,
        route: Route,
    ) {
        let Some(queue) = self.registry.queue_mut(route.queue) else { return };
        let size = size_of(message);
        let entry = Entry {
            message: Some(message.clone()),
            number,
            located: if route.durable { located } else { None },
            arrived: now,
            expires: message.header.expires,
            first_acquired: Time::ZERO,
            attempts: 0,
            failed: 0,
            size,
            charge: size / share,
            priority: message.header.priority,
            durable: route.durable,
            assured: route.assured,
            exact: false,
            retained: route.retained,
            history: remembered(queue, message),
            tags: route.tags,
            state: route.not_before.map_or(State::Ready, State::Delayed),
        };
        let due = queue.due_of(&entry);
        let missed = queue.selective > 0 && queue.settings.max_priority > 0;
        queue.insert(route.seq, entry, &mut self.memory);
        if missed {
            self.offer_to_selective(route.queue, route.seq);
        }
        if let Some(due) = due {
            self.arm(route.queue, due);
        }
    }

    /// What is still queued must not pin a read buffer, nor memory that is short.
    pub(crate) fn let_rest(&mut self, n: u32, seq: u64) {
        let tight = self.memory.is_tight();
        let Some(queue) = self.registry.queue_mut(n) else { return };
        let Some(entry) = queue.entries.cached_mut(seq) else { return };
        if tight && entry.durable {
            queue.set_message(seq, None, &mut self.memory);
            self.memory.left_on_disk();
        } else if matches!(entry.state, State::Ready | State::Delayed(_))
            && let Some(message) = entry.message.as_mut().and_then(Arc::get_mut)
        {
            detach(message);
        }
    }

    fn detach_if_unattended(&self, message: &mut Arc<Message>, routes: &Routes) {
        let unattended =
            |route: &Route| self.registry.queue(route.queue).is_some_and(|queue| queue.consumers.is_empty());
        let kept = message.header.retain || (routes.len() > 1 && routes.iter().any(unattended));
        if kept && let Some(message) = Arc::get_mut(message) {
            detach(message);
        }
    }

    fn confirm(
        &mut self,
        id: ConnectionId,
        token: Option<Token>,
        message: MessageNumber,
        routed: bool,
        after: Lsn,
        step: &mut Step,
    ) {
        if let Some(token) = token {
            self.answer(id, after, Effect::Confirm { token, message, routed }, step);
        }
    }

    pub(crate) fn number(&mut self, now: Time, step: &mut Step) -> MessageNumber {
        let number = self.next_number;
        if number >= self.numbers_below {
            let record = Record::Numbered { below: number + NUMBERS_PER_RECORD };
            step.write(&record, &mut self.next_lsn);
            self.apply(now, record, None);
        }
        self.next_number = number + 1;
        MessageNumber(number)
    }
}

impl Queue {
    /// Whether `message` may come in; if not, either its publisher is told or it is dropped.
    pub(crate) fn admits(&mut self, message: &Message) -> Result<bool, Refusal> {
        if !self.is_full(message) {
            return Ok(true);
        }
        match self.settings.overflow {
            Overflow::Reject => Err(Refusal::Full(self.name.to_text().into_owned())),
            Overflow::DropNew => {
                self.counts.dropped += 1;
                Ok(false)
            }
            Overflow::DropHead | Overflow::DeadLetter => Ok(true),
        }
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.counts.ready + self.counts.delayed
    }

    fn is_full(&self, message: &Message) -> bool {
        self.settings.max_length.is_some_and(|most| self.waiting() >= most)
            || self.settings.max_bytes.is_some_and(|most| self.counts.bytes + u64::from(size_of(message)) > most)
    }
}

/// Bytes that count for limits and memory.
pub(crate) fn size_of(message: &Message) -> u32 {
    u32::try_from(message.properties.len() + message.body.len()).unwrap_or(u32::MAX)
}

fn detach(message: &mut Message) {
    if message.body.len() < DETACHED_BYTES {
        message.body = message.body.detached();
        message.properties = bytes::Bytes::copy_from_slice(&message.properties);
        message.address.key = message.address.key.detached();
    }
}
