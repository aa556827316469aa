//! SUBSCRIBE and UNSUBSCRIBE: topics are bindings of the session's queue; `$queue/NAME` stands in `queues`.

use model::{Binding, Command, Exchange, Io, Name, Namespace, QueueRef, Tag};

use crate::codec::{self, Packet, PacketId, Qos, SubAck, Subscribe, SubscribeReturnCode, Unsubscribe};
use crate::connect::{self, session_name};
use crate::error::ClientError;
use crate::session::Session;
use crate::token::Request;
use crate::topic::{self, Destination};

/// Filters of one SUBSCRIBE or UNSUBSCRIBE. Each costs far more memory than its four bytes in the packet.
const FILTERS: usize = 1 << 16;

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

/// What came of asking for a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The core answers.
    Waits(Qos),
    Granted(Qos),
    Failed,
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
    pub(crate) fn subscribe(&mut self, subscribe: &Subscribe, io: &mut Io<'_>) -> Result<(), ClientError> {
        let request = self.request();
        // It waits for this loop, too.
        self.subscribes.push_back(PendingSubscribe { request, id: subscribe.id, codes: Vec::new(), waiting: 1 });
        for (place, wanted) in subscribe.subscriptions.iter().enumerate() {
            let place = u16::try_from(place).map_err(|_| ClientError::TooManyFilters(FILTERS))?;
            let asked = match Destination::of(wanted.filter.as_bytes()) {
                Destination::Topic(filter) => {
                    self.need_queue(io);
                    let queue = QueueRef::Named(Namespace(0), session_name(&self.client));
                    let binding = Box::new(binding(filter, wanted.qos));
                    let token = Request::Subscribe(request, place).token();
                    io.commands.push(Command::Bind { token, queue, binding, replay: true });
                    Asked::Waits(wanted.qos)
                }
                Destination::Queue(name) => self.subscribe_queue(name, wanted.qos, Some((request, place)), io),
            };
            let Some(pending) = self.subscribes.back_mut() else { break };
            pending.waiting += usize::from(matches!(asked, Asked::Waits(_)));
            pending.codes.push(match asked {
                Asked::Waits(qos) | Asked::Granted(qos) => SubscribeReturnCode::Granted(qos),
                Asked::Failed => SubscribeReturnCode::Failure,
            });
        }
        if let Some(pending) = self.subscribes.back_mut() {
            pending.waiting -= 1;
        }
        self.answer_subscribes(io);
        Ok(())
    }

    fn request(&mut self) -> u32 {
        let request = self.next_request;
        self.next_request = request.wrapping_add(1);
        request
    }

    /// Makes the queue of a session that is not kept, when it is first needed.
    fn need_queue(&mut self, io: &mut Io<'_>) {
        if !self.subscribed {
            self.subscribed = true;
            io.commands.push(connect::declare_session(&self.client, false, &self.options));
            io.commands.push(connect::consume_session(&self.client, &self.options));
        }
    }

    /// One filter of a SUBSCRIBE has its answer.
    pub(crate) fn subscribed_to(&mut self, request: u32, place: u16, done: bool, io: &mut Io<'_>) {
        if let Some(pending) = self.subscribes.iter_mut().find(|it| it.request == request) {
            pending.waiting = pending.waiting.saturating_sub(1);
            if !done && let Some(code) = pending.codes.get_mut(usize::from(place)) {
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

    pub(crate) fn unsubscribe(&mut self, unsubscribe: &Unsubscribe, io: &mut Io<'_>) -> Result<(), ClientError> {
        let request = self.request();
        let token = Request::Unsubscribe(request).token();
        let mut waiting = 0;
        for (place, filter) in unsubscribe.filters.iter().enumerate() {
            if place >= FILTERS {
                return Err(ClientError::TooManyFilters(FILTERS));
            }
            let waits = match Destination::of(filter.as_bytes()) {
                // Without a queue there is nothing to unbind.
                Destination::Topic(_) if !self.subscribed => false,
                Destination::Topic(filter) => {
                    let queue = QueueRef::Named(Namespace(0), session_name(&self.client));
                    let binding = Box::new(binding(filter, Qos::AtMostOnce));
                    io.commands.push(Command::Unbind { token, queue, binding });
                    true
                }
                Destination::Queue(name) => self.unsubscribe_queue(name, token, io),
            };
            waiting += usize::from(waits);
        }
        self.unsubscribes.push_back(PendingUnsubscribe { request, id: unsubscribe.id, waiting });
        self.answer_unsubscribes(io);
        Ok(())
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
