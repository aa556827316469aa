use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use model::{
    Address, CloseReason, Command, Effect, Io, Message, Name, Namespace, Publish, QueueId, Refusal, Reply, Time,
};

use crate::codec::{self, Limits, Packet, PacketId, Version, Will};
use crate::connection::{MqttOptions, ROLE};
use crate::convert;
use crate::error::ClientError;
use crate::flights::Flights;
use crate::inbound::LastTopic;
use crate::outbound::{Acks, LastKey, Owed};
use crate::subscribe::{PendingSubscribe, PendingUnsubscribe, QueueSubscription};
use crate::token::Request;
use crate::topic::{self, Destination};

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
    pub(crate) will: Option<Will>,
    /// It broke the protocol while an effect was applied.
    pub(crate) misbehaved: bool,
    /// Ids of QoS 2 PUBLISHes not yet released, of a session that is not kept; a kept one's stand with its queue.
    pub(crate) received: BTreeSet<u16>,
    pub(crate) flights: Flights,
    pub(crate) acks: Acks,
    /// By consumer index; the session's queue is index 0.
    pub(crate) owed: Vec<Owed>,
    /// Bytes written into the output and not yet handed to the socket.
    pub(crate) unflushed: usize,
    /// `$queue/…` subscriptions, by consumer index - 1.
    pub(crate) queues: Vec<Option<QueueSubscription>>,
    pub(crate) subscribes: VecDeque<PendingSubscribe>,
    pub(crate) unsubscribes: VecDeque<PendingUnsubscribe>,
    pub(crate) next_request: u32,
    pub(crate) last_topic: LastTopic,
    pub(crate) last_key: LastKey,
    /// Deliveries whose topic MQTT cannot say.
    pub(crate) unsayable: u64,
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
            misbehaved: false,
            received: BTreeSet::new(),
            flights: Flights::default(),
            acks: Acks::default(),
            owed: Vec::new(),
            unflushed: 0,
            queues: Vec::new(),
            subscribes: VecDeque::new(),
            unsubscribes: VecDeque::new(),
            next_request: 0,
            last_topic: LastTopic::default(),
            last_key: LastKey::default(),
            unsayable: 0,
            early: BytesMut::new(),
            heard: now,
            patience: None,
        }
    }

    /// One and a half times `seconds` of silence end the connection (3.1.2.10); 0 never does.
    pub(crate) fn set_keep_alive(&mut self, seconds: u16) {
        self.patience = (seconds > 0).then(|| u64::from(seconds) * 1_500);
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
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe, io),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe, io),
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
                Request::PubRec(id) => answer(id, io, codec::pubrec),
                _ => {}
            },
            Effect::Reply { token, reply } => return self.reply(Request::of(token), reply, io),
            Effect::Cancelled { consumer, .. } => self.queue_is_gone(consumer),
            Effect::Returned { .. } | Effect::Drained { .. } | Effect::Throttle { .. } | Effect::Close { .. } => {}
        }
        Ok(())
    }

    fn reply(&mut self, request: Request, reply: Result<Reply, Refusal>, io: &mut Io<'_>) -> Result<(), ClientError> {
        match (request, reply) {
            (Request::PubAck(_) | Request::PubRec(_), Err(refusal)) => return Err(ClientError::Refused(refusal)),
            (Request::PubRel(id), _) => answer(id, io, codec::pubcomp),
            (Request::Decide(id), Ok(_)) => answer(id, io, codec::pubrel),
            (Request::ConsumeSession, Ok(Reply::Consuming { decided, .. })) => {
                for (delivery, mark) in decided {
                    if let Some(id) = u16::try_from(mark).ok().and_then(PacketId::new) {
                        self.flights.resume(delivery, id);
                        codec::pubrel(io.output.buffer(), id);
                    }
                }
            }
            (Request::DeclareSession, Ok(Reply::Declared { queue, .. })) => self.queue = Some(queue),
            (Request::Subscribe(subscribe, filter), reply) => self.subscribed_to(subscribe, filter, &reply, io),
            (Request::Unsubscribe(unsubscribe), _) => self.unsubscribed_from(unsubscribe, io),
            _ => {}
        }
        Ok(())
    }

    /// The connection is over; unless the client said goodbye, its will is published (3.1.2.5).
    pub(crate) fn close(mut self, reason: CloseReason, io: &mut Io<'_>) {
        self.acks.flush(io);
        // Everybody is about to be disconnected; their wills would tell nothing.
        if reason == CloseReason::ShuttingDown {
            return;
        }
        let Some(will) = self.will.take().filter(|_| reason != CloseReason::Finished || self.misbehaved) else {
            return;
        };
        let namespace = Namespace(0);
        let (address, retain) = match Destination::of(will.topic.as_bytes()) {
            Destination::Topic(name) => (Address::topic(namespace, topic::key(name).into()), will.retain),
            Destination::Queue(name) => (Address::queue(namespace, Bytes::copy_from_slice(name).into()), false),
        };
        let message = Message {
            address,
            header: convert::header(will.qos, retain),
            encoding: model::EncodingId::MQTT,
            properties: Bytes::new(),
            body: will.payload.into(),
        };
        io.commands.push(Command::Publish(Publish::new(Arc::new(message))));
    }
}

/// Writes an acknowledgement; `id` came out of one of our tokens.
fn answer(id: u16, io: &mut Io<'_>, write: fn(&mut BytesMut, PacketId)) {
    if let Some(id) = PacketId::new(id) {
        write(io.output.buffer(), id);
    }
}
