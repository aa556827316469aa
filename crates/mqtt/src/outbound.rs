//! PUBLISH to the client, and its acknowledgements.

use bytes::{Bytes, BytesMut};
use model::{
    Command, ConsumerIndex, Credit, Deliver, Delivery, EncodingId, HubBody, Io, Message, Name, Outcome, QueueId,
    Settle, Value,
};

use crate::codec::{self, PacketId, Qos};
use crate::connect::{CREDIT_BYTES, SESSION_CONSUMER};
use crate::convert::published_qos;
use crate::session::Session;
use crate::subscribe::granted;
use crate::token::Request;
use crate::topic;

/// Below so many bytes still to be written, written ones become credit.
const LOW_WATER_BYTES: usize = 64 * 1024;

/// The last key that was delivered and its topic.
#[derive(Debug, Default)]
pub(crate) struct LastKey {
    key: Name,
    topic: Bytes,
}

/// Credit that a consumer gets back when what it cost is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owed {
    messages: u32,
    bytes: u64,
}

/// Acknowledgements of one read, joined into ranges.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    range: Option<(QueueId, u64, u64)>,
}

impl Acks {
    fn push(&mut self, delivery: Delivery, io: &mut Io<'_>) {
        match &mut self.range {
            Some((queue, _, last)) if *queue == delivery.queue && *last + 1 == delivery.seq => *last = delivery.seq,
            _ => {
                self.flush(io);
                self.range = Some((delivery.queue, delivery.seq, delivery.seq));
            }
        }
    }

    pub(crate) fn flush(&mut self, io: &mut Io<'_>) {
        if let Some((queue, first, last)) = self.range.take() {
            let outcome = Outcome::Accepted;
            let settle = Settle { token: None, queue, first, last, attempt: None, outcome, transaction: None };
            io.commands.push(Command::Settle(settle));
        }
    }
}

impl Session {
    pub(crate) fn deliver(&mut self, deliver: &Deliver, io: &mut Io<'_>) {
        let before = io.output.len();
        let message = &deliver.message;
        let converted;
        let body = match message.encoding {
            EncodingId::MQTT | EncodingId::PLAIN | EncodingId::SQS => &message.body,
            _ => match self.convert(message) {
                Some(body) => {
                    converted = body;
                    &converted
                }
                None => return self.cannot_send(deliver, io),
            },
        };
        let Some(topic) = self.topic_of(deliver) else { return self.cannot_send(deliver, io) };
        let qos = self.qos_of(deliver);
        let id =
            (qos != Qos::AtMostOnce).then(|| self.flights.send(deliver.delivery, self.queue, qos == Qos::ExactlyOnce));
        let dup = deliver.redelivered && id.is_some();
        let out = io.output.buffer();
        if codec::publish_header(out, dup, qos, deliver.retained, &topic, id, body.len()).is_err() {
            if let Some(id) = id {
                self.flights.remove(id);
            }
            return self.cannot_send(deliver, io);
        }
        for piece in body.pieces() {
            io.output.append(piece);
        }
        self.unflushed += io.output.len() - before;
        let index = deliver.consumer.0 as usize;
        if self.owed.len() <= index {
            self.owed.resize(index + 1, Owed::default());
        }
        let owed = &mut self.owed[index];
        owed.messages += u32::from(deliver.settled);
        owed.bytes += (message.properties.len() + message.body.len()) as u64;
    }

    fn qos_of(&self, deliver: &Deliver) -> Qos {
        if deliver.settled {
            return Qos::AtMostOnce;
        }
        let wanted = match self.queue_subscription(deliver.consumer) {
            Some(subscription) => subscription.qos,
            None => deliver.tags.iter().map(|tag| granted(*tag)).max().unwrap_or(Qos::AtLeastOnce),
        };
        // Somebody waits for an acknowledgement, so QoS 0 is not among the answers.
        wanted.min(published_qos(&deliver.message)).max(Qos::AtLeastOnce)
    }

    fn topic_of(&mut self, deliver: &Deliver) -> Option<Bytes> {
        if let Some(subscription) = self.queue_subscription(deliver.consumer) {
            return Some(subscription.topic.clone());
        }
        let key = &deliver.message.address.key;
        if self.last_key.key != *key || self.last_key.topic.is_empty() {
            let mut topic = BytesMut::with_capacity(key.as_bytes().len());
            topic::append_topic(key.as_bytes(), &mut topic).ok()?;
            self.last_key = LastKey { key: key.detached(), topic: topic.freeze() };
        }
        Some(self.last_key.topic.clone())
    }

    fn convert(&self, message: &Message) -> Option<model::Body> {
        match self.options.encodings.to_hub(message).body {
            HubBody::Data(body) => Some(body),
            HubBody::Value(Value::String(text)) => Some(Bytes::from(text).into()),
            HubBody::Value(Value::Binary(bytes)) => Some(bytes.into()),
            HubBody::Value(_) | HubBody::Sequence(_) => None,
        }
    }

    /// MQTT has no way to say this message: it is not delivered to this subscriber, and counted. Out of a queue that
    /// others share it goes to the dead letters.
    fn cannot_send(&mut self, deliver: &Deliver, io: &mut Io<'_>) {
        self.unsayable += 1;
        if !deliver.settled {
            let own = deliver.consumer == SESSION_CONSUMER;
            let outcome = if own { Outcome::Accepted } else { Outcome::Rejected };
            io.commands.push(Command::Settle(Settle::one(deliver.delivery, outcome)));
        }
        let bytes = (deliver.message.properties.len() + deliver.message.body.len()) as u64;
        let add = Credit { messages: u32::from(deliver.settled), bytes };
        io.commands.push(Command::Credit { consumer: deliver.consumer, add, drain: false });
    }

    /// What was written gives its consumers credit again, in portions.
    pub(crate) fn flushed(&mut self, bytes: usize, io: &mut Io<'_>) {
        self.unflushed = self.unflushed.saturating_sub(bytes);
        if self.unflushed > LOW_WATER_BYTES {
            return;
        }
        let window = self.options.window;
        for (index, owed) in self.owed.iter_mut().enumerate() {
            if owed.messages >= window / 4 || owed.bytes >= CREDIT_BYTES / 4 {
                let add = Credit { messages: owed.messages, bytes: owed.bytes };
                *owed = Owed::default();
                io.commands.push(Command::Credit { consumer: ConsumerIndex(index as u32), add, drain: false });
            }
        }
    }

    /// PUBACK.
    pub(crate) fn acknowledged(&mut self, id: PacketId, io: &mut Io<'_>) {
        if self.flights.get_mut(id).is_some_and(|flight| !flight.exactly_once)
            && let Some(flight) = self.flights.remove(id)
        {
            self.acks.push(flight.delivery, io);
        }
    }

    /// PUBREC: the message has arrived; PUBREL follows when that is recorded.
    pub(crate) fn received(&mut self, id: PacketId, io: &mut Io<'_>) {
        match self.flights.get_mut(id) {
            Some(flight) if flight.exactly_once && !flight.decided => {
                flight.decided = true;
                let (delivery, mark) = (flight.delivery, id.get().into());
                let token = Request::Decide(id.get()).token();
                io.commands.push(Command::Decide { token, delivery, mark });
            }
            // Sent again, or of a session that we do not know: the client only wants to be rid of it (4.3.3).
            _ => codec::pubrel(io.output.buffer(), id),
        }
    }

    /// PUBCOMP.
    pub(crate) fn completed(&mut self, id: PacketId, io: &mut Io<'_>) {
        if self.flights.get_mut(id).is_some_and(|flight| flight.decided)
            && let Some(flight) = self.flights.remove(id)
        {
            self.acks.push(flight.delivery, io);
        }
    }
}
