use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use model::{CloseReason, Command, Effect, Io, Name, Publish, QueueId, Refusal, Reply, Tally, Time};

use crate::codec::{self, Limits, Packet, PacketId, Version, Will};
use crate::connect::SESSION_CONSUMER;
use crate::connection::{MqttOptions, ROLE};
use crate::error::ClientError;
use crate::flights::Flights;
use crate::inbound::{self, Head, LastTopic};
use crate::outbound::{Acks, LastKey, Owed};
use crate::queues::QueueSubscription;
use crate::subscribe::{PendingSubscribe, PendingUnsubscribe};
use crate::token::Request;

/// A connected client.
pub(crate) struct Session {
    pub(crate) options: Arc<MqttOptions>,
    pub(crate) version: Version,
    pub(crate) client: Name,
    pub(crate) clean: bool,
    /// The session's own queue, once the core has made it.
    pub(crate) queue: Option<QueueId>,
    /// The session's queue was asked for.
    pub(crate) subscribed: bool,
    /// `None` also after DISCONNECT.
    pub(crate) will: Option<Will>,
    /// Ids of QoS 2 PUBLISHes not yet released, and whether PUBREC was sent, of a session that is not kept; a kept
    /// one's stand with its queue.
    pub(crate) received: BTreeMap<u16, bool>,
    pub(crate) flights: Flights,
    pub(crate) acks: Acks,
    /// By consumer index; the session's queue is index 0.
    pub(crate) owed: Vec<Owed>,
    /// `$queue/…` subscriptions, by consumer index - 1.
    pub(crate) queues: Vec<Option<QueueSubscription>>,
    pub(crate) subscribes: VecDeque<PendingSubscribe>,
    pub(crate) unsubscribes: VecDeque<PendingUnsubscribe>,
    pub(crate) next_request: u32,
    pub(crate) last_topic: LastTopic,
    pub(crate) last_key: LastKey,
    /// What deliveries lost, or could not be at all, and the broker was not told yet.
    pub(crate) tally: Tally,
    /// The rest of what came before CONNACK, ahead of what comes now.
    early: BytesMut,
    heard: Time,
    /// Milliseconds.
    patience: Option<u64>,
}

impl Session {
    pub(crate) fn new(options: Arc<MqttOptions>, version: Version, client: Name, clean: bool, now: Time) -> Self {
        Self {
            options,
            version,
            client,
            clean,
            queue: None,
            subscribed: false,
            will: None,
            received: BTreeMap::new(),
            flights: Flights::default(),
            acks: Acks::default(),
            owed: Vec::new(),
            queues: Vec::new(),
            subscribes: VecDeque::new(),
            unsubscribes: VecDeque::new(),
            next_request: 0,
            last_topic: LastTopic::default(),
            last_key: LastKey::default(),
            tally: Tally::default(),
            early: BytesMut::new(),
            heard: now,
            patience: None,
        }
    }

    /// One and a half times `seconds` of silence end the connection (3.1.2.10); 0 never does, if the broker has no limit.
    pub(crate) fn set_keep_alive(&mut self, seconds: u16) {
        let wanted = (seconds > 0).then(|| u64::from(seconds) * 1_000);
        let granted = wanted.into_iter().chain(self.options.max_keep_alive).min();
        self.patience = granted.map(|milliseconds| milliseconds * 3 / 2);
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.patience.map(|patience| self.heard.plus(patience))
    }

    pub(crate) fn keep_early(&mut self, early: BytesMut) {
        self.early = early;
    }

    /// Takes all whole packets off `input`.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        input: &mut BytesMut,
        limits: &Limits,
        io: &mut Io<'_>,
    ) -> Result<(), ClientError> {
        self.heard = now;
        if !self.early.is_empty() {
            let mut joined = std::mem::take(&mut self.early);
            joined.unsplit(input.split());
            *input = joined;
        }
        let read = self.read_packets(input, limits, io);
        self.acks.flush(io);
        read
    }

    fn read_packets(&mut self, input: &mut BytesMut, limits: &Limits, io: &mut Io<'_>) -> Result<(), ClientError> {
        while !*io.finished {
            if let Some(view) = codec::peek_publish(input, limits, self.version)? {
                let (length, body) = (view.len, view.len - view.payload.len());
                let head = self.read_publish(&view);
                let mut packet = input.split_to(length).freeze();
                packet.advance(body);
                self.publish(head, packet, io);
                continue;
            }
            match codec::decode(input, limits, ROLE, self.version)? {
                None => return Ok(()),
                Some(packet) => self.packet(packet, io)?,
            }
        }
        Ok(())
    }

    fn packet(&mut self, packet: Packet, io: &mut Io<'_>) -> Result<(), ClientError> {
        match packet {
            Packet::PubAck(id) => self.acknowledged(id, io),
            Packet::PubRec(id) => self.received(id, io),
            Packet::PubRel(id) => self.released(id, io),
            Packet::PubComp(id) => self.completed(id, io),
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe, io)?,
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe, io)?,
            Packet::PingReq => codec::ping_response(io.output.buffer()),
            Packet::Disconnect => {
                self.will = None;
                *io.finished = true;
            }
            Packet::Connect(_) => return Err(ClientError::SecondConnect),
            // The caller takes PUBLISH before this, and the codec refuses what only servers send.
            other => return Err(ClientError::NotForClients(other.kind())),
        }
        Ok(())
    }

    pub(crate) fn apply(&mut self, effect: Effect, io: &mut Io<'_>) -> Result<(), ClientError> {
        match effect {
            Effect::Deliver(deliver) => self.deliver(&deliver, io),
            Effect::Confirm { token, .. } => match Request::of(token) {
                Request::PubAck(id) => answer(id, io, codec::puback),
                Request::PubRec(id) => self.taken(id, io),
                _ => {}
            },
            Effect::Reply { token, reply } => return self.reply(Request::of(token), reply, io),
            // Nothing can reach this session any more, and the client cannot know.
            Effect::Cancelled { consumer: SESSION_CONSUMER, .. } => return Err(ClientError::SessionDeleted),
            Effect::Cancelled { consumer, .. } => self.queue_is_gone(consumer),
            Effect::Returned { .. }
            | Effect::Drained { .. }
            | Effect::Throttle { .. }
            | Effect::Challenge { .. }
            | Effect::Progress { .. }
            | Effect::Close { .. } => {}
        }
        Ok(())
    }

    fn reply(&mut self, request: Request, reply: Result<Reply, Refusal>, io: &mut Io<'_>) -> Result<(), ClientError> {
        match (request, reply) {
            // MQTT 3.1.1 has no other word for it: it is acknowledged, and goes nowhere (3.3.5).
            (Request::PubAck(id), Err(Refusal::Denied(_))) => answer(id, io, codec::puback),
            (Request::PubRec(id), Err(Refusal::Denied(_))) => self.taken(id, io),
            (Request::PubAck(_) | Request::PubRec(_), Err(refusal)) => return Err(ClientError::Refused(refusal)),
            (Request::PubRel(id), _) => answer(id, io, codec::pubcomp),
            // Also if the delivery is gone: the client has it.
            (Request::Decide(id), _) => self.decided(id, io),
            (Request::DeclareSession, Ok(Reply::Declared { queue, .. })) => self.queue = Some(queue),
            (Request::DeclareSession | Request::ConsumeSession, Err(refusal)) => {
                return Err(ClientError::NoSession(refusal));
            }
            (Request::Subscribe(subscribe, filter), reply) => self.subscribed_to(subscribe, filter, reply.is_ok(), io),
            (Request::Unsubscribe(unsubscribe), _) => self.unsubscribed_from(unsubscribe, io),
            (Request::ConsumeQueue(at), reply) => self.queue_is_consumed(at, reply.is_ok(), io),
            (Request::CancelQueue(at), _) => self.queue_is_left(at),
            _ => {}
        }
        Ok(())
    }

    /// The connection is over; unless the client said goodbye, its will is published (3.1.2.5), if its user may do so: if
    /// not, nobody hears of it. Who may not be here any more has no will either.
    pub(crate) fn close(mut self, reason: CloseReason, io: &mut Io<'_>) {
        self.tell_losses(io);
        if reason == CloseReason::Revoked {
            return;
        }
        if let Some(Will { qos, retain, topic, payload }) = self.will.take() {
            let head = Head { qos, retain, id: None, address: inbound::address(topic.as_bytes()) };
            io.commands.push(Command::Publish(Publish::new(Arc::new(head.message(payload)))));
        }
    }
}

/// Writes an acknowledgement; `id` came out of one of our tokens.
pub(crate) fn answer(id: u16, io: &mut Io<'_>, write: fn(&mut BytesMut, PacketId)) {
    if let Some(id) = PacketId::new(id) {
        write(io.output.buffer(), id);
    }
}
