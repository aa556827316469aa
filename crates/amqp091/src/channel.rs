use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use model::{Command, Deliver, Io, Name, Outcome};

use crate::codec::method::{access, basic, channel};
use crate::codec::{Method, MethodId};
use crate::confirms::Confirms;
use crate::consumers::State;
use crate::content::Incoming;
use crate::error::Fault;
use crate::exchanges::ExchangeAsked;
use crate::publish::LastAddress;
use crate::queues::DeclareAsked;
use crate::shared::Shared;
use crate::token::{ChannelId, Request};
use crate::transaction::Transaction;
use crate::unacked::Unacked;

/// Questions of one channel that the broker has not answered.
const OPEN_QUESTIONS: usize = 65_536;

/// An open channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    /// A message whose end has not come.
    pub(crate) incoming: Option<Incoming>,
    pub(crate) mode: Mode,
    pub(crate) last_address: LastAddress,
    pub(crate) questions: VecDeque<Question>,
    /// For new consumers; 0 is no limit.
    pub(crate) prefetch: u16,
    /// For all consumers together; 0 is no limit.
    pub(crate) shared_prefetch: u16,
    /// Of the last delivery.
    pub(crate) delivery_tag: u64,
    pub(crate) unacked: Unacked,
    /// Deliveries beyond `shared_prefetch`.
    pub(crate) held: VecDeque<Deliver>,
    /// By tag.
    pub(crate) consumers: BTreeMap<Bytes, u32>,
    /// The queue that an empty name means.
    pub(crate) current_queue: Option<Name>,
    /// Where answers to `amq.rabbitmq.reply-to` go.
    pub(crate) reply_queue: Option<Name>,
}

/// What becomes of publishes and acknowledgements.
#[derive(Debug)]
pub(crate) enum Mode {
    Plain,
    Confirms(Confirms),
    Transactional(Transaction),
}

/// What the broker was asked for a channel, and who wants to know.
#[derive(Debug)]
pub(crate) enum Question {
    QueueDeclare(Box<DeclareAsked>),
    QueueBind { no_wait: bool, queue: Name },
    QueueUnbind,
    QueuePurge { no_wait: bool, queue: Name },
    QueueDelete { no_wait: bool, queue: Name },
    ExchangeDeclare { no_wait: bool, asked: Box<ExchangeAsked> },
    ExchangeBind { no_wait: bool, destination: Name },
    ExchangeUnbind { no_wait: bool },
    ExchangeDelete { no_wait: bool, exchange: Name },
    TxCommit,
    TxRollback,
}

impl Channel {
    pub(crate) fn new(id: ChannelId) -> Self {
        Self {
            id,
            incoming: None,
            mode: Mode::Plain,
            last_address: LastAddress::default(),
            questions: VecDeque::new(),
            prefetch: 0,
            shared_prefetch: 0,
            delivery_tag: 0,
            unacked: Unacked::default(),
            held: VecDeque::new(),
            consumers: BTreeMap::new(),
            current_queue: None,
            reply_queue: None,
        }
    }

    pub(crate) fn number(&self) -> u16 {
        self.id.number
    }

    /// A method from the client; those that open and close channels are not among them.
    pub(crate) fn method(&mut self, method: Method, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        if let Some(incoming) = &self.incoming {
            return Err(incoming.expected(&method.id().to_string()));
        }
        match method {
            Method::BasicAck(ack) => self.ack(&ack, shared, io),
            Method::BasicNack(nack) => self.nack(&nack, shared, io),
            Method::BasicReject(basic::Reject { delivery_tag, requeue }) => {
                self.nack(&basic::Nack { delivery_tag, multiple: false, requeue }, shared, io)
            }
            Method::BasicPublish(publish) => {
                self.incoming = Some(Incoming::new(publish));
                Ok(())
            }
            Method::BasicGet(get) => self.get(&get, shared, io),
            Method::BasicConsume(consume) => self.consume(consume, shared, io),
            Method::BasicCancel(cancel) => self.cancel(&cancel, shared, io),
            Method::BasicQos(qos) => self.qos(&qos, shared, io),
            Method::BasicRecover(basic::Recover { requeue }) => {
                self.recover(requeue, shared, io)?;
                self.say(basic::RecoverOk {}, io);
                Ok(())
            }
            Method::BasicRecoverAsync(basic::RecoverAsync { requeue }) => self.recover(requeue, shared, io),
            definition => self.definition(definition, shared, io),
        }
    }

    fn definition(&mut self, method: Method, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        match method {
            Method::QueueDeclare(declare) => self.declare_queue(declare, shared, io),
            Method::QueueBind(bind) => self.bind_queue(bind, shared, io),
            Method::QueueUnbind(unbind) => self.unbind_queue(unbind, shared, io),
            Method::QueuePurge(purge) => self.purge_queue(&purge, shared, io),
            Method::QueueDelete(delete) => self.delete_queue(&delete, shared, io),
            Method::ExchangeDeclare(declare) => self.declare_exchange(declare, shared, io),
            Method::ExchangeDelete(delete) => self.delete_exchange(&delete, shared, io),
            Method::ExchangeBind(bind) => self.bind_exchange(bind, shared, io),
            Method::ExchangeUnbind(unbind) => self.unbind_exchange(unbind, shared, io),
            Method::ConfirmSelect(select) => self.select_confirms(&select, io),
            Method::TxSelect(_) => self.select_transactions(io),
            Method::TxCommit(_) => self.commit(shared, io),
            Method::TxRollback(_) => self.roll_back(shared, io),
            Method::ChannelFlow(flow) => self.flow(flow.active, io),
            // Sent by clients that were asked to stop; we never ask.
            Method::ChannelFlowOk(_) => Ok(()),
            Method::AccessRequest(_) => {
                self.say(access::RequestOk { ticket: 1 }, io);
                Ok(())
            }
            other => Err(Fault::OutOfPlace(other.id().name().unwrap_or("this method"))),
        }
    }

    fn flow(&self, active: bool, io: &mut Io<'_>) -> Result<(), Fault> {
        if !active {
            return Err(Fault::NotImplemented("active=false".into()));
        }
        self.say(channel::FlowOk { active }, io);
        Ok(())
    }

    pub(crate) fn say(&self, method: impl Into<Method>, io: &mut Io<'_>) {
        crate::shared::say(self.number(), method, io.output.buffer());
    }

    /// Asks the broker; `question` comes back with the answer.
    pub(crate) fn ask(
        &mut self,
        question: Question,
        command: impl FnOnce(model::Token) -> Command,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        if self.questions.len() >= OPEN_QUESTIONS {
            return Err(Fault::TooManyRequests(OPEN_QUESTIONS));
        }
        shared.ask(command(Request::Channel(self.id).token()), io);
        self.questions.push_back(question);
        Ok(())
    }

    /// The channel ends: what its client has and has not settled goes back, as does what is on its way.
    pub(crate) fn abandon(&mut self, shared: &mut Shared, io: &mut Io<'_>) {
        if let Some(incoming) = self.incoming.take() {
            shared.assembling -= incoming.received();
        }
        if let Mode::Transactional(transaction) = &mut self.mode {
            let staged = transaction.abandon(self.id.number, shared, io);
            self.unacked.restore(staged);
        }
        let mut ended = Vec::new();
        for index in std::mem::take(&mut self.consumers).into_values() {
            if self.end_consumer(index, State::Abandoned, shared, io) {
                ended.push(index);
            }
        }
        self.release_unacked(shared, io);
        for deliver in std::mem::take(&mut self.held) {
            shared.give_back(deliver.delivery, false, io);
        }
        shared.consumers.abandon(self.id);
        if let Some(queue) = self.reply_queue.take() {
            drop_queue(&queue, false, shared, io);
        }
        if !ended.is_empty() {
            shared.fence(ended, io);
        }
    }

    pub(crate) fn release_unacked(&mut self, shared: &mut Shared, io: &mut Io<'_>) {
        self.unacked.take_through(0, |unsettled| shared.settling.push(unsettled, Outcome::Released, None));
        shared.settling.flush(io);
    }
}

/// Deletes a queue of which nobody waits to hear.
pub(crate) fn drop_queue(queue: &Name, if_unused: bool, shared: &mut Shared, io: &mut Io<'_>) {
    let (token, queue) = (Request::Ignored.token(), shared.queue(queue));
    shared.ask(Command::Delete { token, queue, if_unused, if_empty: false }, io);
}

/// The method to blame for what a question's answer said.
impl Question {
    pub(crate) fn method(&self) -> MethodId {
        use crate::codec::method::{exchange, queue, tx};
        match self {
            Self::QueueDeclare(_) => queue::Declare::ID,
            Self::QueueBind { .. } => queue::Bind::ID,
            Self::QueueUnbind => queue::Unbind::ID,
            Self::QueuePurge { .. } => queue::Purge::ID,
            Self::QueueDelete { .. } => queue::Delete::ID,
            Self::ExchangeDeclare { .. } => exchange::Declare::ID,
            Self::ExchangeDelete { .. } => exchange::Delete::ID,
            Self::ExchangeBind { .. } => exchange::Bind::ID,
            Self::ExchangeUnbind { .. } => exchange::Unbind::ID,
            Self::TxCommit => tx::Commit::ID,
            Self::TxRollback => tx::Rollback::ID,
        }
    }
}
