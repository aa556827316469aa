//! PUBLISH to the client, and its acknowledgements.

use bytes::{Bytes, BytesMut};
use model::{Command, ConsumerIndex, Credit, Deliver, Delivery, EncodingId, Io, Name, Outcome, QueueId, Settle};

use crate::codec::{self, PacketId, Qos};
use crate::connect::{CREDIT_BYTES, SESSION_CONSUMER};
use crate::convert::{payload, published_qos};
use crate::flights::Received;
use crate::queues::QueueSubscription;
use crate::session::{Session, answer};
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

/// Credit that a consumer gets back when what it cost is written. It stays when a consumer is cancelled: the next one
/// with its index begins with so much less.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owed {
    messages: u32,
    bytes: u64,
}

impl Owed {
    /// What a new consumer may be sent at once.
    pub(crate) fn rest_of(&mut self, window: u32) -> Credit {
        self.messages = self.messages.min(window);
        self.bytes = self.bytes.min(CREDIT_BYTES);
        Credit { messages: window - self.messages, bytes: CREDIT_BYTES - self.bytes }
    }
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
        let message = &deliver.message;
        let converted;
        let (body, lost) = match message.encoding {
            EncodingId::MQTT | EncodingId::PLAIN => (&message.body, 0),
            _ => {
                converted = payload(&self.options.encodings.to_hub(message));
                (&converted.0, converted.1)
            }
        };
        let (topic, wanted) = if deliver.consumer == SESSION_CONSUMER {
            let Some(topic) = self.topic_of(&message.address.key) else {
                return self.cannot_send(deliver, "MQTT cannot say this topic", io);
            };
            (topic, deliver.tags.iter().map(|tag| granted(*tag)).max().unwrap_or(Qos::AtLeastOnce))
        } else {
            let Some(QueueSubscription { topic, qos, .. }) = self.queue_subscription(deliver.consumer) else {
                return give_back(deliver, io);
            };
            (topic.clone(), *qos)
        };
        let qos = match deliver.settled {
            true => Qos::AtMostOnce,
            // Somebody waits for an acknowledgement, so QoS 0 is not among the answers.
            false => wanted.min(published_qos(message)).max(Qos::AtLeastOnce),
        };
        let id = (!deliver.settled).then(|| self.flights.send(deliver.delivery, self.queue, qos == Qos::ExactlyOnce));
        let dup = deliver.redelivered && id.is_some();
        let out = io.output.buffer();
        if codec::publish_header(out, dup, qos, deliver.retained, &topic, id, body.len()).is_err() {
            if let Some(id) = id {
                self.flights.forget(id);
            }
            return self.cannot_send(deliver, "the message is longer than an MQTT packet can be", io);
        }
        self.tally.delivered(lost);
        for piece in body.pieces() {
            io.output.append(piece);
        }
        let owed = self.owed(deliver.consumer);
        owed.messages += u32::from(deliver.settled);
        owed.bytes += (message.properties.len() + message.body.len()) as u64;
    }

    pub(crate) fn owed(&mut self, consumer: ConsumerIndex) -> &mut Owed {
        let index = consumer.0 as usize;
        if self.owed.len() <= index {
            self.owed.resize(index + 1, Owed::default());
        }
        &mut self.owed[index]
    }

    fn topic_of(&mut self, key: &Name) -> Option<Bytes> {
        if self.last_key.key != *key || self.last_key.topic.is_empty() {
            let mut topic = BytesMut::with_capacity(key.as_bytes().len());
            topic::append_topic(key.as_bytes(), &mut topic).ok()?;
            self.last_key = LastKey { key: key.detached(), topic: topic.freeze() };
        }
        Some(self.last_key.topic.clone())
    }

    /// MQTT has no way to say this message: it is not delivered to this subscriber, and counted. Out of a queue that
    /// others share it goes to the dead letters.
    fn cannot_send(&mut self, deliver: &Deliver, why: &'static str, io: &mut Io<'_>) {
        self.tally.undeliverable += 1;
        if !deliver.settled {
            let own = deliver.consumer == SESSION_CONSUMER;
            let outcome = if own { Outcome::Accepted } else { Outcome::Poison(why) };
            io.commands.push(Command::Settle(Settle::one(deliver.delivery, outcome)));
        }
        // It comes back with what is written next, or before, if there is nothing to write.
        let owed = self.owed(deliver.consumer);
        owed.messages += u32::from(deliver.settled);
        owed.bytes += (deliver.message.properties.len() + deliver.message.body.len()) as u64;
        self.flushed(io);
    }

    /// What was written gives its consumers credit again, in portions.
    pub(crate) fn flushed(&mut self, io: &mut Io<'_>) {
        if io.output.len() > LOW_WATER_BYTES {
            return;
        }
        self.tell_losses(io);
        let messages = self.options.window.div_ceil(4);
        for index in 0..self.owed.len() {
            let Owed { messages: due, bytes } = self.owed[index];
            let consumer = ConsumerIndex(index as u32);
            if (due >= messages || bytes >= CREDIT_BYTES / 4) && self.is_consuming(consumer) {
                self.owed[index] = Owed::default();
                let add = Credit { messages: due, bytes };
                io.commands.push(Command::Credit { consumer, add, drain: false });
            }
        }
    }

    /// Says what could not be carried since the last time.
    pub(crate) fn tell_losses(&mut self, io: &mut Io<'_>) {
        if !self.tally.is_empty() {
            io.commands.push(Command::Tally(std::mem::take(&mut self.tally)));
        }
    }

    /// PUBACK.
    pub(crate) fn acknowledged(&mut self, id: PacketId, io: &mut Io<'_>) {
        if let Some(delivery) = self.flights.acknowledged(id) {
            self.acks.push(delivery, io);
        }
    }

    /// PUBREC: the message has arrived; PUBREL follows when that is recorded.
    pub(crate) fn received(&mut self, id: PacketId, io: &mut Io<'_>) {
        match self.flights.received(id, self.options.window as usize) {
            Received::Decide(delivery) => decide(id, delivery, io),
            // Sent again, or of a session that we do not know: the client only wants to be rid of it (4.3.3).
            Received::Release => codec::pubrel(io.output.buffer(), id),
            Received::Nothing => {}
        }
    }

    /// A PUBREC is recorded: PUBREL.
    pub(crate) fn decided(&mut self, id: u16, io: &mut Io<'_>) {
        if let Some(id) = PacketId::new(id) {
            self.flights.decided(id);
        }
        answer(id, io, codec::pubrel);
    }

    /// PUBCOMP.
    pub(crate) fn completed(&mut self, id: PacketId, io: &mut Io<'_>) {
        if let Some(delivery) = self.flights.completed(id) {
            self.acks.push(delivery, io);
            if let Some((id, delivery)) = self.flights.next_waiting(self.options.window as usize) {
                decide(id, delivery, io);
            }
        }
    }

    /// PUBRELs of an earlier connection that were not answered (MQTT-4.4.0-1).
    pub(crate) fn resume_flights(&mut self, decided: Vec<(Delivery, u32)>, io: &mut Io<'_>) {
        for (delivery, mark) in decided {
            if let Some(id) = u16::try_from(mark).ok().and_then(PacketId::new) {
                self.flights.resume(delivery, id);
                codec::pubrel(io.output.buffer(), id);
            }
        }
    }
}

fn decide(id: PacketId, delivery: Delivery, io: &mut Io<'_>) {
    let token = Request::Decide(id.get()).token();
    io.commands.push(Command::Decide { token, delivery, mark: id.get().into() });
}

/// For a subscription that is over.
fn give_back(deliver: &Deliver, io: &mut Io<'_>) {
    if !deliver.settled {
        io.commands.push(Command::Settle(Settle::one(deliver.delivery, Outcome::Released)));
    }
}
