//! Class `queue`.

use model::{
    Binding, Command, Declare, DeclareMode, Exchange, Io, Lifetime, Name, QueueCounts, QueueInfo, QueueSettings,
    Refusal, Reply,
};

use crate::arguments;
use crate::bindings::header_rule;
use crate::channel::{Channel, Question};
use crate::codec::ShortString;
use crate::codec::method::queue;
use crate::error::Fault;
use crate::shared::{self, Shared};

/// An extra of queues that were declared here: classic or quorum.
pub(crate) const QUEUE_TYPE: &str = "amqp091.queue-type";
/// An extra of queues that were declared here.
pub(crate) const AUTO_DELETE: &str = "amqp091.auto-delete";
/// RabbitMQ's pseudo-queue for quick answers.
pub(crate) const REPLY_TO: &[u8] = b"amq.rabbitmq.reply-to";
/// What stands for it, followed by something unique.
pub(crate) const REPLY_QUEUE: &str = "amq.rabbitmq.reply-to.";

const RESERVED: &[u8] = b"amq.";
const GENERATED: Name = Name::from_static("amq.gen-");

/// A `queue.declare` that waits for the broker.
#[derive(Debug)]
pub(crate) struct DeclareAsked {
    name: Name,
    no_wait: bool,
    passive: bool,
    auto_delete: bool,
    settings: QueueSettings,
}

impl Channel {
    pub(crate) fn declare_queue(
        &mut self,
        declare: queue::Declare,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let (passive, no_wait) = (declare.passive, declare.no_wait);
        if *declare.queue == *REPLY_TO && (passive || self.reply_queue.is_some()) {
            return self.declared_pseudo(&declare, shared, io);
        }
        let settings = if passive { QueueSettings::default() } else { arguments::settings(&declare, shared)? };
        let mode = match (declare.queue.is_empty(), passive) {
            (true, false) => DeclareMode::Generated,
            // Whoever knows the name of a generated queue may declare it, but nobody makes one.
            _ if passive || declare.queue.starts_with(RESERVED) => DeclareMode::Passive,
            _ => DeclareMode::IfAbsent,
        };
        let name = match mode {
            DeclareMode::Generated => GENERATED,
            _ => shared::name(&declare.queue)?,
        };
        let auto_delete = declare.auto_delete && declare.exclusive;
        let asked = DeclareAsked { name: name.clone(), no_wait, passive, auto_delete, settings: settings.clone() };
        let namespace = shared.namespace;
        let command =
            |token| Command::Declare(Box::new(Declare { token, namespace, name, settings, mode, own: model::Own::No }));
        self.ask(Question::QueueDeclare(Box::new(asked)), command, shared, io)
    }

    fn declared_pseudo(&self, declare: &queue::Declare, shared: &Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        if self.reply_queue.is_none() {
            return Err(shared.no_queue(&declare.queue.to_string()));
        }
        if !declare.no_wait {
            let queue = declare.queue.clone();
            self.say(queue::DeclareOk { queue, message_count: 0, consumer_count: 1 }, io);
        }
        Ok(())
    }

    pub(crate) fn queue_declared(
        &mut self,
        asked: DeclareAsked,
        reply: Result<Reply, Refusal>,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let (info, existed) = match reply {
            Ok(Reply::Declared { info, existed, .. }) => (info, existed),
            Ok(_) => return Ok(()),
            Err(Refusal::NoSuchQueue(name)) if !asked.passive => return Err(Fault::Reserved("queue", name)),
            Err(Refusal::Exclusive(name)) if asked.passive && name.starts_with(REPLY_QUEUE) => {
                return self.found_reply_queue(&name, asked.no_wait, io);
            }
            Err(refusal) => return Err(shared.refused(refusal, &asked.name)),
        };
        let QueueInfo { name, settings, counts: QueueCounts { ready, consumers, .. }, .. } = *info;
        if existed && !asked.passive {
            arguments::check_equivalent(&name.to_text(), &asked.settings, &settings, shared)?;
        }
        if asked.auto_delete && settings.lifetime == Lifetime::Connection {
            shared.auto_delete.insert(name.clone());
        }
        self.current_queue = Some(name.clone());
        if !asked.no_wait {
            let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            let (message_count, consumer_count) = (count(ready), count(consumers));
            self.say(queue::DeclareOk { queue: short(&name), message_count, consumer_count }, io);
        }
        Ok(())
    }

    /// The one who answers asks whether somebody still waits for it.
    fn found_reply_queue(&self, name: &str, no_wait: bool, io: &mut Io<'_>) -> Result<(), Fault> {
        if !no_wait {
            let queue = ShortString::truncated(name);
            self.say(queue::DeclareOk { queue, message_count: 0, consumer_count: 1 }, io);
        }
        Ok(())
    }

    pub(crate) fn bind_queue(&mut self, bind: queue::Bind, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        let queue::Bind { queue, exchange, routing_key, no_wait, arguments } = bind;
        let (queue, binding) = self.binding(&queue, &exchange, &routing_key, &arguments, shared)?;
        let question = Question::QueueBind { no_wait, queue: queue.clone() };
        let queue = shared.queue(&queue);
        self.ask(question, |token| Command::Bind { token, queue, binding, replay: false }, shared, io)
    }

    pub(crate) fn unbind_queue(
        &mut self,
        unbind: queue::Unbind,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let queue::Unbind { queue, exchange, routing_key, arguments } = unbind;
        let (queue, binding) = self.binding(&queue, &exchange, &routing_key, &arguments, shared)?;
        let queue = shared.queue(&queue);
        self.ask(Question::QueueUnbind, |token| Command::Unbind { token, queue, binding }, shared, io)
    }

    fn binding(
        &self,
        queue: &ShortString,
        exchange: &ShortString,
        key: &ShortString,
        arguments: &crate::codec::FieldTable,
        shared: &Shared,
    ) -> Result<(Name, Box<Binding>), Fault> {
        let name = self.queue_named(queue, shared)?;
        if exchange.is_empty() {
            return Err(Fault::DefaultExchange);
        }
        // The last declared queue is bound under its own name, if it is not named here.
        let key = if queue.is_empty() && key.is_empty() { name.clone() } else { shared::name(key)? };
        let exchange = Exchange::named(&shared::name(exchange)?.to_text());
        let headers = header_rule(arguments)?;
        Ok((name, Box::new(Binding { exchange, key, headers, ..Binding::default() })))
    }

    pub(crate) fn purge_queue(
        &mut self,
        purge: &queue::Purge,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let name = self.queue_named(&purge.queue, shared)?;
        let question = Question::QueuePurge { no_wait: purge.no_wait, queue: name.clone() };
        let queue = shared.queue(&name);
        self.ask(question, |token| Command::Purge { token, queue, leased: false }, shared, io)
    }

    pub(crate) fn delete_queue(
        &mut self,
        delete: &queue::Delete,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let name = self.queue_named(&delete.queue, shared)?;
        let question = Question::QueueDelete { no_wait: delete.no_wait, queue: name.clone() };
        let (queue, if_unused, if_empty) = (shared.queue(&name), delete.if_unused, delete.if_empty);
        self.ask(question, |token| Command::Delete { token, queue, if_unused, if_empty }, shared, io)
    }

    pub(crate) fn queue_deleted(
        &mut self,
        (queue, no_wait): (Name, bool),
        reply: Result<Reply, Refusal>,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let count = match reply {
            Ok(Reply::Count(count)) => count,
            // It is gone, as was wished.
            Ok(_) | Err(Refusal::NoSuchQueue(_)) => 0,
            Err(refusal) => return Err(shared.refused(refusal, &queue)),
        };
        shared.auto_delete.remove(&queue);
        if !no_wait {
            let message_count = u32::try_from(count).unwrap_or(u32::MAX);
            self.say(queue::DeleteOk { message_count }, io);
        }
        Ok(())
    }

    pub(crate) fn queue_purged(
        &mut self,
        (queue, no_wait): (Name, bool),
        reply: Result<Reply, Refusal>,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let count = match reply {
            Ok(Reply::Count(count)) => count,
            Ok(_) => 0,
            Err(refusal) => return Err(shared.refused(refusal, &queue)),
        };
        if !no_wait {
            let message_count = u32::try_from(count).unwrap_or(u32::MAX);
            self.say(queue::PurgeOk { message_count }, io);
        }
        Ok(())
    }
}

impl Shared {
    /// What the client is told if the broker refuses something about a queue.
    pub(crate) fn refused(&self, refusal: Refusal, queue: &Name) -> Fault {
        let name = queue.to_text();
        match refusal {
            Refusal::NoSuchQueue(_) => self.no_queue(&name),
            Refusal::NoSuchExchange(exchange) => self.no_exchange(&exchange),
            Refusal::Denied(denial) => self.denied(&denial),
            Refusal::Exclusive(_) => Fault::Locked(name.into_owned(), self.vhost.clone()),
            Refusal::InUse(_) => Fault::InUse(self.described("queue", &name)),
            Refusal::NotEmpty(_) => Fault::NotEmpty(self.described("queue", &name)),
            Refusal::IsLog => Fault::NotImplemented(format!("basic.get or basic.consume of the stream '{name}'")),
            other => Fault::Refused(other),
        }
    }
}

/// A queue that another protocol made may have a longer name.
pub(crate) fn short(name: &Name) -> ShortString {
    ShortString::new(bytes::Bytes::copy_from_slice(name.as_bytes()))
        .unwrap_or_else(|_| ShortString::truncated(&name.to_text()))
}
