//! What the broker says, and which channel it is for.

use model::{ConsumerIndex, Deliver, Effect, Io, Refusal, Reply, Time, Token};

use crate::channel::{Channel, Question};
use crate::codec::method::{basic, exchange, queue, tx};
use crate::consumers::{Kind, State};
use crate::error::Fault;
use crate::session::{Blamed, Session, live};
use crate::shared::Shared;
use crate::token::Request;

impl Session {
    pub(crate) fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>) -> Result<(), Blamed> {
        self.shared.now = now;
        match effect {
            Effect::Deliver(deliver) => {
                self.deliver(&deliver, io);
                Ok(())
            }
            Effect::Confirm { token, .. } => self.answered(Request::of(token), None, io),
            Effect::Reply { token, reply } => self.reply(Request::of(token), reply, io),
            Effect::Returned { token, message } => {
                if let Some(Request::Confirm(id) | Request::Unconfirmed(id)) = token.map(|it: Token| Request::of(it))
                    && let Some(channel) = live(&mut self.channels, id)
                {
                    channel.give_back_unroutable(&message, &self.shared, io);
                }
                Ok(())
            }
            Effect::Drained { consumer } => {
                self.got(consumer, io);
                Ok(())
            }
            Effect::Cancelled { consumer, refusal } => self.cancelled(consumer, refusal, io),
            Effect::Throttle { reason } => {
                self.throttled = reason;
                self.tell_blocked(io);
                Ok(())
            }
            Effect::Challenge { .. } | Effect::Progress { .. } | Effect::Close { .. } => Ok(()),
        }
    }

    /// A publish was answered.
    fn answered(&mut self, request: Request, refusal: Option<Refusal>, io: &mut Io<'_>) -> Result<(), Blamed> {
        let (id, answered) = match (request, refusal) {
            (Request::Confirm(id), refusal) => {
                let Some(channel) = live(&mut self.channels, id) else { return Ok(()) };
                (id, channel.confirmed(refusal, &mut self.shared, io))
            }
            (Request::Unconfirmed(id), Some(refusal)) => {
                let fault = match refusal {
                    Refusal::NoSuchExchange(name) => self.shared.no_exchange(&name),
                    Refusal::Internal(name) => Fault::Internal(name, self.shared.vhost.clone()),
                    Refusal::Denied(denial) => self.shared.denied(&denial),
                    // Where nobody is bound, or no room is left: it is dropped, as was agreed.
                    _ => return Ok(()),
                };
                if live(&mut self.channels, id).is_none() {
                    return Ok(());
                }
                (id, Err(fault))
            }
            _ => return Ok(()),
        };
        answered.or_else(|fault| self.fail(id.number, fault, basic::Publish::ID, io))
    }

    fn reply(&mut self, request: Request, reply: Result<Reply, Refusal>, io: &mut Io<'_>) -> Result<(), Blamed> {
        match request {
            Request::Confirm(_) | Request::Unconfirmed(_) => self.answered(request, reply.err(), io),
            Request::Channel(id) => {
                let Some(channel) = live(&mut self.channels, id) else { return Ok(()) };
                let Some(question) = channel.questions.pop_front() else { return Ok(()) };
                let method = question.method();
                let answered = channel.answered(question, reply, &mut self.shared, io);
                answered.or_else(|fault| self.fail(id.number, fault, method, io))
            }
            Request::Consume(index) => {
                let Some(id) = self.shared.consumers.get(index).map(|it| it.channel) else { return Ok(()) };
                let Some(channel) = live(&mut self.channels, id) else { return Ok(()) };
                let answered = channel.consuming(index, reply.err(), &mut self.shared, io);
                answered.or_else(|fault| self.fail(id.number, fault, basic::Consume::ID, io))
            }
            Request::Get(index) => self.getting(index, reply, io),
            Request::Fence => {
                self.cancellation_is_done(io);
                Ok(())
            }
            Request::Login => self.secret_updated(reply, io),
            Request::Ignored | Request::Access => Ok(()),
        }
    }

    /// The broker's answer to `basic.get`; a message or its absence follow.
    fn getting(&mut self, index: u32, reply: Result<Reply, Refusal>, io: &mut Io<'_>) -> Result<(), Blamed> {
        match reply {
            Ok(Reply::Fetching { ready: count, .. }) => {
                if let Some(consumer) = self.shared.consumers.get_mut(index)
                    && let Kind::Get { ready, .. } = &mut consumer.kind
                {
                    *ready = count;
                }
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(refusal) => {
                let Some(consumer) = self.shared.consumers.remove(index) else { return Ok(()) };
                if live(&mut self.channels, consumer.channel).is_none() {
                    return Ok(());
                }
                let fault = match refusal {
                    Refusal::InUse(name) => Fault::ExclusiveUse(name, self.shared.vhost.clone()),
                    other => self.shared.refused(other, &consumer.queue),
                };
                self.fail(consumer.channel.number, fault, basic::Get::ID, io)
            }
        }
    }

    /// A get is over.
    fn got(&mut self, consumer: ConsumerIndex, io: &mut Io<'_>) {
        let is_get = |it: &crate::consumers::Consumer| matches!(it.kind, Kind::Get { .. });
        if !self.shared.consumers.get(consumer.0).is_some_and(is_get) {
            return;
        }
        let Some(consumer) = self.shared.consumers.remove(consumer.0) else { return };
        if let Kind::Get { delivered: false, .. } = consumer.kind
            && let Some(channel) = live(&mut self.channels, consumer.channel)
        {
            channel.say(basic::GetEmpty {}, io);
        }
    }

    fn deliver(&mut self, deliver: &Deliver, io: &mut Io<'_>) {
        let consumer = self.shared.consumers.get(deliver.consumer.0).filter(|it| it.state != State::Abandoned);
        let channel = consumer.map(|it| it.channel).and_then(|id| live(&mut self.channels, id));
        match channel {
            Some(channel) => channel.deliver(deliver, &mut self.shared, io),
            None => self.shared.give_back(deliver.delivery, deliver.settled, io),
        }
        self.shared.tell_tally(io);
    }

    /// The broker has ended a consumer, because its queue is gone, or the right to it.
    fn cancelled(&mut self, index: ConsumerIndex, refusal: Refusal, io: &mut Io<'_>) -> Result<(), Blamed> {
        let Some(consumer) = self.shared.consumers.get(index.0) else { return Ok(()) };
        let Kind::Subscription { tag, .. } = &consumer.kind else {
            self.got(index, io);
            return Ok(());
        };
        // The fence that was sent with its cancellation ends it.
        if matches!(consumer.state, State::Cancelled | State::Abandoned) {
            return Ok(());
        }
        let (id, consumer_tag) = (consumer.channel, tag.clone());
        self.shared.consumers.remove(index.0);
        let Some(channel) = live(&mut self.channels, id) else { return Ok(()) };
        channel.consumers.remove(consumer_tag.as_bytes());
        channel.give_back_held(index.0, &mut self.shared, io);
        match refusal {
            _ if self.shared.client.wants_cancel => channel.say(basic::Cancel { consumer_tag, no_wait: true }, io),
            // It would wait for ever.
            Refusal::Denied(denial) => {
                let fault = self.shared.denied(&denial);
                return self.fail(id.number, fault, basic::Consume::ID, io);
            }
            _ => {}
        }
        Ok(())
    }

    /// Nothing comes any more for the consumers that were cancelled together.
    fn cancellation_is_done(&mut self, io: &mut Io<'_>) {
        for index in self.shared.fences.pop_front().unwrap_or_default() {
            let Some(consumer) = self.shared.consumers.remove(index) else { continue };
            if consumer.state == State::Cancelled
                && let Kind::Subscription { tag, no_wait: false, .. } = consumer.kind
                && let Some(channel) = live(&mut self.channels, consumer.channel)
            {
                channel.say(basic::CancelOk { consumer_tag: tag }, io);
            }
        }
    }
}

impl Channel {
    /// The broker's answer to a channel's question.
    fn answered(
        &mut self,
        question: Question,
        reply: Result<Reply, Refusal>,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        match question {
            Question::QueueDeclare(asked) => self.queue_declared(*asked, reply, shared, io),
            Question::QueueBind { no_wait, queue } => {
                reply.map_err(|refusal| shared.refused(refusal, &queue))?;
                if !no_wait {
                    self.say(queue::BindOk {}, io);
                }
                Ok(())
            }
            // RabbitMQ is content if there was nothing to unbind.
            Question::QueueUnbind => {
                is_allowed(reply, shared)?;
                self.say(queue::UnbindOk {}, io);
                Ok(())
            }
            Question::QueuePurge { no_wait, queue } => self.queue_purged((queue, no_wait), reply, shared, io),
            Question::QueueDelete { no_wait, queue } => self.queue_deleted((queue, no_wait), reply, shared, io),
            Question::ExchangeDeclare { no_wait, asked } => {
                self.exchange_declared((&asked, no_wait), reply, shared, io)
            }
            Question::ExchangeBind { no_wait, destination } => {
                self.exchange_bound((&destination, no_wait), reply, shared, io)
            }
            Question::ExchangeUnbind { no_wait } => {
                is_allowed(reply, shared)?;
                if !no_wait {
                    self.say(exchange::UnbindOk {}, io);
                }
                Ok(())
            }
            Question::ExchangeDelete { no_wait, exchange } => {
                self.exchange_deleted((exchange, no_wait), reply, shared, io)
            }
            Question::TxCommit => self.committed(reply, shared, io),
            Question::TxRollback => {
                self.say(tx::RollbackOk {}, io);
                Ok(())
            }
        }
    }
}

/// For what may fail in any other way.
fn is_allowed(reply: Result<Reply, Refusal>, shared: &Shared) -> Result<(), Fault> {
    match reply {
        Err(Refusal::Denied(denial)) => Err(shared.denied(&denial)),
        _ => Ok(()),
    }
}
