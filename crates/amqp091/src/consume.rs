//! Consumers come and go.

use model::{
    Command, Consume, ConsumerIndex, Credit, CreditMode, Declare, DeclareMode, Fetch, Io, Lease, Lifetime, Mode, Name,
    QueueSettings, Refusal, Settlement,
};

use crate::channel::{Channel, drop_queue};
use crate::codec::ShortString;
use crate::codec::method::basic;
use crate::consumers::{CONSUMERS, CREDIT_BYTES, Consumer, Kind, NO_ACK_WINDOW, State, UNLIMITED};
use crate::error::Fault;
use crate::publish::integer;
use crate::queues::{REPLY_QUEUE, REPLY_TO};
use crate::shared::{self, Shared};
use crate::token::Request;

impl Channel {
    pub(crate) fn consume(
        &mut self,
        consume: basic::Consume,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        if self.consumers.contains_key(consume.consumer_tag.as_bytes()) {
            return Err(Fault::ConsumerTag(consume.consumer_tag.to_string()));
        }
        let tag = if consume.consumer_tag.is_empty() {
            ShortString::truncated(&shared.unique("amq.ctag-", io))
        } else {
            consume.consumer_tag.as_str().ok_or(Fault::NoText)?;
            consume.consumer_tag.detached()
        };
        let name = if *consume.queue == *REPLY_TO {
            self.make_reply_queue(consume.no_ack, shared, io)?
        } else {
            self.queue_named(&consume.queue, shared)?
        };
        let priority = priority(&consume)?;
        let (no_ack, no_wait) = (consume.no_ack, consume.no_wait);
        let kind = Kind::Subscription { tag: tag.clone(), no_wait };
        let index = shared.consumers.insert(Consumer::new(self.id, kind, name.clone()));
        let index = index.ok_or(Fault::TooManyConsumers(CONSUMERS))?;
        self.consumers.insert(tag.into_bytes(), index);
        let settlement = if no_ack { Settlement::Presettled } else { Settlement::Explicit };
        let command = Consume {
            token: Request::Consume(index).token(),
            consumer: ConsumerIndex(index),
            queue: shared.queue(&name),
            mode: Mode::Leasing { settlement, lease: Lease::Connection },
            credit: Credit { messages: self.window(no_ack), bytes: CREDIT_BYTES },
            credit_mode: CreditMode::Window,
            selector: None,
            exclusive: consume.exclusive,
            priority,
        };
        shared.ask(Command::Consume(Box::new(command)), io);
        Ok(())
    }

    /// What a new consumer may be sent before it acknowledges something.
    fn window(&self, no_ack: bool) -> u32 {
        if no_ack {
            return NO_ACK_WINDOW;
        }
        let limits = [self.prefetch, self.shared_prefetch].into_iter().filter(|limit| *limit > 0).min();
        limits.map_or(UNLIMITED, u32::from)
    }

    /// The pseudo-queue `amq.rabbitmq.reply-to`: a queue of this channel's own stands for it.
    fn make_reply_queue(&mut self, no_ack: bool, shared: &mut Shared, io: &mut Io<'_>) -> Result<Name, Fault> {
        if !no_ack {
            return Err(Fault::ReplyConsumerAcknowledges);
        }
        if self.reply_queue.is_some() {
            return Err(Fault::ReplyConsumerTwice);
        }
        let name = Name::from(shared.unique(REPLY_QUEUE, io));
        let settings = QueueSettings {
            durable: false,
            lifetime: Lifetime::Connection,
            internal: true,
            overflow: model::Overflow::DropHead,
            ..QueueSettings::default()
        };
        let declare = Declare {
            token: Request::Ignored.token(),
            namespace: shared.namespace,
            name: name.clone(),
            settings,
            mode: DeclareMode::IfAbsent,
            own: model::Own::Mine,
        };
        shared.ask(Command::Declare(Box::new(declare)), io);
        self.reply_queue = Some(name.clone());
        Ok(name)
    }

    /// The broker's answer to `basic.consume`.
    pub(crate) fn consuming(
        &mut self,
        index: u32,
        refusal: Option<Refusal>,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let Some(consumer) = shared.consumers.get_mut(index) else { return Ok(()) };
        let Kind::Subscription { tag, no_wait, .. } = &consumer.kind else { return Ok(()) };
        let (tag, no_wait, name) = (tag.clone(), *no_wait, consumer.queue.clone());
        if let Some(refusal) = refusal {
            self.consumers.remove(tag.as_bytes());
            if consumer.state == State::Live {
                shared.consumers.remove(index);
            }
            return Err(match refusal {
                Refusal::InUse(name) => Fault::ExclusiveUse(name, shared.vhost.clone()),
                other => shared.refused(other, &name),
            });
        }
        if !no_wait {
            self.say(basic::ConsumeOk { consumer_tag: tag }, io);
        }
        Ok(())
    }

    pub(crate) fn cancel(&mut self, cancel: &basic::Cancel, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        let consumer_tag = cancel.consumer_tag.detached();
        let Some(index) = self.consumers.remove(consumer_tag.as_bytes()) else {
            if !cancel.no_wait {
                self.say(basic::CancelOk { consumer_tag }, io);
            }
            return Ok(());
        };
        if let Some(consumer) = shared.consumers.get_mut(index)
            && let Kind::Subscription { no_wait, .. } = &mut consumer.kind
        {
            // From here on: whether `basic.cancel-ok` is wanted.
            *no_wait = cancel.no_wait;
        }
        if self.end_consumer(index, State::Cancelled, shared, io) {
            shared.fence(vec![index], io);
        }
        self.give_back_held(index, shared, io);
        Ok(())
    }

    /// Ends a consumer. True if something may still be on its way to it.
    pub(crate) fn end_consumer(&mut self, index: u32, state: State, shared: &mut Shared, io: &mut Io<'_>) -> bool {
        let Some(consumer) = shared.consumers.get_mut(index) else { return false };
        consumer.state = state;
        let queue = consumer.queue.clone();
        shared.ask(Command::Cancel { consumer: ConsumerIndex(index) }, io);
        self.left_queue(&queue, shared, io);
        true
    }

    /// What is held back for a consumer that has ended goes back.
    pub(crate) fn give_back_held(&mut self, index: u32, shared: &mut Shared, io: &mut Io<'_>) {
        self.held.retain(|deliver| {
            let stays = deliver.consumer.0 != index;
            if !stays {
                shared.give_back(deliver.delivery, false, io);
            }
            stays
        });
    }

    /// A consumer of this queue is gone.
    pub(crate) fn left_queue(&mut self, queue: &Name, shared: &mut Shared, io: &mut Io<'_>) {
        if self.reply_queue.as_ref() == Some(queue) {
            self.reply_queue = None;
            drop_queue(queue, false, shared, io);
        }
        if shared.auto_delete.contains(queue) && !shared.consumers.are_on(queue) {
            shared.auto_delete.remove(queue);
            drop_queue(queue, true, shared, io);
        }
    }

    pub(crate) fn qos(&mut self, qos: &basic::Qos, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        if qos.prefetch_size != 0 {
            return Err(Fault::NotImplemented(format!("prefetch_size!=0 ({})", qos.prefetch_size)));
        }
        if qos.global || shared.client.spec_qos {
            self.shared_prefetch = qos.prefetch_count;
            self.send_held(shared, io);
        } else {
            self.prefetch = qos.prefetch_count;
        }
        self.say(basic::QosOk {}, io);
        Ok(())
    }

    pub(crate) fn get(&mut self, get: &basic::Get, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        let name = self.queue_named(&get.queue, shared)?;
        let kind = Kind::Get { ready: 0, delivered: false };
        let index = shared.consumers.insert(Consumer::new(self.id, kind, name.clone()));
        let index = index.ok_or(Fault::TooManyConsumers(CONSUMERS))?;
        let fetch = Fetch {
            token: Request::Get(index).token(),
            consumer: ConsumerIndex(index),
            queue: shared.queue(&name),
            max: 1,
            settlement: if get.no_ack { Settlement::Presettled } else { Settlement::Explicit },
            lease: Lease::Connection,
            until: None,
        };
        shared.ask(Command::Fetch(Box::new(fetch)), io);
        Ok(())
    }

    /// The queue of this name, or for an empty one the queue that was declared last on this channel.
    pub(crate) fn queue_named(&self, name: &ShortString, _shared: &Shared) -> Result<Name, Fault> {
        if name.is_empty() {
            return self.current_queue.clone().ok_or(Fault::NoCurrentQueue);
        }
        shared::name(name)
    }
}

/// Consumers of a higher priority come first.
fn priority(consume: &basic::Consume) -> Result<i32, Fault> {
    let Some(value) = consume.arguments.get("x-priority") else { return Ok(0) };
    let number = integer(value).ok_or_else(|| Fault::Priority(format!("{value:?}")))?;
    Ok(number.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
}
