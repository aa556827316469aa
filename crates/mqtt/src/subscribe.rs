//! SUBSCRIBE and UNSUBSCRIBE: topics are bindings of the session's queue, `$queue/NAME` is a consumer of that queue.

use bytes::{Bytes, BytesMut};
use model::{
    Alteration, Binding, Command, Consume, ConsumerIndex, Credit, CreditMode, Declare, DeclareMode, Exchange, Io,
    Lease, Mode, Name, Namespace, QueueInfo, QueueRef, QueueSettings, Refusal, Reply, Settlement, Tag,
};

use crate::codec::{self, Packet, PacketId, Qos, SubAck, Subscribe, SubscribeReturnCode, Unsubscribe};
use crate::connect::{self, CREDIT_BYTES, SESSION_CONSUMER, session_name};
use crate::session::Session;
use crate::token::Request;
use crate::topic::{self, Destination};

/// `$queue/…` subscriptions of one connection.
const QUEUE_SUBSCRIPTIONS: usize = 1_000;
/// The setting of a kept session's queue that remembers its `$queue/…` subscriptions: lines of QoS and name.
const QUEUES_EXTRA: &str = "mqtt.queues";

/// A subscription to `$queue/NAME`.
#[derive(Clone, Debug)]
pub(crate) struct QueueSubscription {
    pub(crate) name: Name,
    /// As MQTT calls it.
    pub(crate) topic: Bytes,
    pub(crate) qos: Qos,
}

/// A SUBSCRIBE whose filters are not all answered.
#[derive(Debug)]
pub(crate) struct PendingSubscribe {
    request: u32,
    id: PacketId,
    codes: Vec<SubscribeReturnCode>,
    waiting: usize,
}

#[derive(Debug)]
pub(crate) struct PendingUnsubscribe {
    request: u32,
    id: PacketId,
    waiting: usize,
}

/// The QoS that a binding's tag carries.
pub(crate) fn granted(tag: Tag) -> Qos {
    Qos::from_bits((tag.0 & 3) as u8).unwrap_or(Qos::AtMostOnce)
}

fn binding(filter: &[u8], qos: Qos) -> Binding {
    Binding {
        exchange: Exchange::Topic,
        key: Name::from(topic::key(filter)),
        tag: Tag(qos as u64),
        at_most_once: qos == Qos::AtMostOnce,
        hides_dollar: true,
        ..Binding::default()
    }
}

impl Session {
    pub(crate) fn subscribe(&mut self, subscribe: &Subscribe, io: &mut Io<'_>) {
        let request = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        let mut codes = Vec::new();
        let mut waiting = 0;
        for (place, wanted) in subscribe.subscriptions.iter().enumerate() {
            let token = Request::Subscribe(request, place as u16).token();
            let asked = match Destination::of(wanted.filter.as_bytes()) {
                Destination::Topic(filter) => {
                    self.need_queue(io);
                    let queue = QueueRef::Named(Namespace(0), session_name(&self.client));
                    let binding = Box::new(binding(filter, wanted.qos));
                    io.commands.push(Command::Bind { token, queue, binding, replay: true });
                    true
                }
                Destination::Queue(_) if wanted.filter.has_wildcards() => false,
                Destination::Queue(name) => {
                    let name = Name::from(Bytes::copy_from_slice(name));
                    self.consume_queue(name, wanted.qos, Some(token), io)
                }
            };
            waiting += usize::from(asked);
            codes.push(if asked { SubscribeReturnCode::Granted(wanted.qos) } else { SubscribeReturnCode::Failure });
        }
        self.remember_queues(io);
        self.subscribes.push_back(PendingSubscribe { request, id: subscribe.id, codes, waiting });
        self.answer_subscribes(io);
    }

    /// Makes the queue of a session that is not kept, when it is first needed.
    fn need_queue(&mut self, io: &mut Io<'_>) {
        if !self.subscribed {
            self.subscribed = true;
            io.commands.push(connect::declare_session(&self.client, false, &self.options));
            io.commands.push(connect::consume_session(&self.client, &self.options));
        }
    }

    /// Consumes a queue, making it if it is not there. False if it cannot be.
    fn consume_queue(&mut self, name: Name, qos: Qos, token: Option<model::Token>, io: &mut Io<'_>) -> bool {
        let same = |it: &Option<QueueSubscription>| it.as_ref().is_some_and(|it| it.name == name);
        if let Some(at) = self.queues.iter().position(same) {
            // The same again replaces it (3.8.4).
            io.commands.push(Command::Cancel { consumer: ConsumerIndex(at as u32 + 1) });
            self.queues[at] = None;
        }
        let at = self.queues.iter().position(Option::is_none).unwrap_or(self.queues.len());
        let mut topic = BytesMut::new();
        if at >= QUEUE_SUBSCRIPTIONS || topic::append_queue_topic(name.as_bytes(), &mut topic).is_err() {
            return false;
        }
        let subscription = QueueSubscription { name: name.clone(), topic: topic.freeze(), qos };
        if at == self.queues.len() {
            self.queues.push(Some(subscription));
        } else {
            self.queues[at] = Some(subscription);
        }
        let ignored = Request::Ignored.token();
        io.commands.push(Command::Declare(Box::new(Declare {
            token: ignored,
            namespace: Namespace(0),
            name: name.clone(),
            settings: QueueSettings::default(),
            mode: DeclareMode::IfAbsent,
        })));
        let settlement = if qos == Qos::AtMostOnce { Settlement::Presettled } else { Settlement::Explicit };
        io.commands.push(Command::Consume(Box::new(Consume {
            token: token.unwrap_or(ignored),
            consumer: ConsumerIndex(at as u32 + 1),
            queue: QueueRef::Named(Namespace(0), name),
            mode: Mode::Leasing { settlement, lease: Lease::Connection },
            credit: Credit { messages: self.options.window, bytes: CREDIT_BYTES },
            credit_mode: CreditMode::Window,
            selector: None,
            exclusive: false,
        })));
        true
    }

    pub(crate) fn queue_subscription(&self, consumer: ConsumerIndex) -> Option<&QueueSubscription> {
        self.queues.get((consumer.0 as usize).checked_sub(1)?)?.as_ref()
    }

    /// The queue was deleted under its consumer.
    pub(crate) fn queue_is_gone(&mut self, consumer: ConsumerIndex) {
        if consumer != SESSION_CONSUMER
            && let Some(slot) = self.queues.get_mut(consumer.0 as usize - 1)
        {
            *slot = None;
        }
    }

    /// A kept session keeps its `$queue/…` subscriptions too.
    fn remember_queues(&self, io: &mut Io<'_>) {
        if self.clean || (self.queues.is_empty()) {
            return;
        }
        let lines: Vec<String> =
            self.queues.iter().flatten().map(|it| format!("{} {}", it.qos as u8, it.name.to_text())).collect();
        let alteration = Alteration { extras: vec![(QUEUES_EXTRA.into(), lines.join("\n"))], ..Alteration::default() };
        io.commands.push(Command::Alter {
            token: Request::Ignored.token(),
            queue: QueueRef::Named(Namespace(0), session_name(&self.client)),
            alteration: Box::new(alteration),
        });
    }

    /// Takes up the `$queue/…` subscriptions of an earlier connection.
    pub(crate) fn resume_queues(&mut self, info: &QueueInfo, io: &mut Io<'_>) {
        for line in info.settings.extra(QUEUES_EXTRA).unwrap_or_default().lines() {
            if let Some((qos, name)) = line.split_once(' ')
                && let Some(qos) = qos.parse().ok().and_then(Qos::from_bits)
            {
                self.consume_queue(Name::from(name), qos, None, io);
            }
        }
    }

    pub(crate) fn subscribed_to(&mut self, request: u32, place: u16, reply: &Result<Reply, Refusal>, io: &mut Io<'_>) {
        if let Some(pending) = self.subscribes.iter_mut().find(|it| it.request == request) {
            pending.waiting = pending.waiting.saturating_sub(1);
            if reply.is_err()
                && let Some(code) = pending.codes.get_mut(usize::from(place))
            {
                *code = SubscribeReturnCode::Failure;
            }
        }
        self.answer_subscribes(io);
    }

    fn answer_subscribes(&mut self, io: &mut Io<'_>) {
        while self.subscribes.front().is_some_and(|pending| pending.waiting == 0) {
            if let Some(PendingSubscribe { id, codes, .. }) = self.subscribes.pop_front() {
                let _ = codec::encode(&Packet::SubAck(SubAck { id, codes }), self.version, io.output.buffer());
            }
        }
    }

    pub(crate) fn unsubscribe(&mut self, unsubscribe: &Unsubscribe, io: &mut Io<'_>) {
        let request = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        let mut waiting = 0;
        for filter in unsubscribe.filters.iter() {
            match Destination::of(filter.as_bytes()) {
                Destination::Topic(filter) if self.subscribed => {
                    let queue = QueueRef::Named(Namespace(0), session_name(&self.client));
                    let binding = Box::new(binding(filter, Qos::AtMostOnce));
                    let token = Request::Unsubscribe(request).token();
                    io.commands.push(Command::Unbind { token, queue, binding });
                    waiting += 1;
                }
                Destination::Topic(_) => {}
                Destination::Queue(name) => {
                    let same =
                        |it: &Option<QueueSubscription>| it.as_ref().is_some_and(|it| it.name.as_bytes() == name);
                    if let Some(at) = self.queues.iter().position(same) {
                        self.queues[at] = None;
                        io.commands.push(Command::Cancel { consumer: ConsumerIndex(at as u32 + 1) });
                    }
                }
            }
        }
        self.remember_queues(io);
        self.unsubscribes.push_back(PendingUnsubscribe { request, id: unsubscribe.id, waiting });
        self.answer_unsubscribes(io);
    }

    pub(crate) fn unsubscribed_from(&mut self, request: u32, io: &mut Io<'_>) {
        if let Some(pending) = self.unsubscribes.iter_mut().find(|it| it.request == request) {
            pending.waiting = pending.waiting.saturating_sub(1);
        }
        self.answer_unsubscribes(io);
    }

    fn answer_unsubscribes(&mut self, io: &mut Io<'_>) {
        while self.unsubscribes.front().is_some_and(|pending| pending.waiting == 0) {
            if let Some(PendingUnsubscribe { id, .. }) = self.unsubscribes.pop_front() {
                let _ = codec::encode(&Packet::UnsubAck(id), self.version, io.output.buffer());
            }
        }
    }
}
