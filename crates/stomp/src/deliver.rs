//! MESSAGE to the client.

use bytes::{BufMut, Bytes, BytesMut};
use model::{Body, Command as Ask, Credit, Deliver, EncodingId, Exchange, History, Io, Name, Outcome, Settle};

use crate::codec::{Command, FrameWriter, Headers, put_number};
use crate::convert;
use crate::destination;
use crate::session::Session;
use crate::subscription::{CREDIT_BYTES, Source, State, Subscription, Unacknowledged, consumer};

/// Below so many bytes still to be written, written ones become credit.
const LOW_WATER_BYTES: usize = 64 * 1024;
/// Messages that a browser is sent in one go.
const BROWSED: u32 = 64;
/// What MESSAGE has besides the publisher's headers, the subscription and the destination: about so many bytes.
const HEAD_BYTES: usize = 160;

/// What was delivered last was sent to this, which is called so.
#[derive(Debug, Default)]
pub(crate) struct LastKey {
    exchange: Exchange,
    key: Name,
    text: Bytes,
}

/// A message as STOMP says it.
struct Content<'a> {
    headers: Headers<'a>,
    /// They are a publisher's, and may have what only the server says.
    is_foreign: bool,
    has_plain_colons: bool,
    body: &'a Body,
    has_length: bool,
}

impl Session {
    pub(crate) fn deliver(&mut self, deliver: &Deliver, io: &mut Io<'_>) {
        let slot = deliver.consumer.0 as usize;
        let message = &*deliver.message;
        match self.subscriptions.get(slot) {
            Some(subscription) if subscription.state != State::Ended => {}
            // What needs no acknowledgement is gone from the queue, so the client gets it still.
            Some(_) if deliver.settled => {}
            _ if deliver.settled => return,
            _ => return io.commands.push(Ask::Settle(Settle::one(deliver.delivery, Outcome::Released))),
        }
        let converted;
        let content = match message.encoding {
            EncodingId::STOMP => Content {
                headers: convert::headers_of(message),
                is_foreign: true,
                has_plain_colons: convert::has_plain_colons(message),
                body: &message.body,
                has_length: convert::had_length(message),
            },
            // They have no properties.
            EncodingId::PLAIN | EncodingId::MQTT => Content {
                headers: Headers::new(b"", convert::CONVERTED),
                is_foreign: false,
                has_plain_colons: false,
                body: &message.body,
                has_length: true,
            },
            _ => {
                let is_text;
                (converted, is_text) = convert::convert(&self.options.encodings.to_hub(message));
                self.tally.delivered(converted.lost);
                let headers = Headers::new(&converted.properties, convert::CONVERTED);
                let (body, has_length) = (&converted.body, !is_text);
                Content { headers, is_foreign: false, has_plain_colons: false, body, has_length }
            }
        };
        let tag = if deliver.settled { None } else { Some(self.take_tag(slot, deliver)) };
        self.write_head(deliver, tag, &content, io.output.buffer());
        for piece in content.body.pieces() {
            io.output.append(piece);
        }
        io.output.buffer().put_u8(0);
        self.owe(slot, deliver);
    }

    fn take_tag(&mut self, slot: usize, deliver: &Deliver) -> u64 {
        self.tags += 1;
        let tag = self.tags;
        if let Some(subscription) = self.subscriptions.get_mut(slot) {
            let (number, delivery) = (deliver.number, deliver.delivery);
            subscription.unacknowledged.push_back(Unacknowledged { tag, number, delivery });
        }
        tag
    }

    /// Everything up to the body.
    fn write_head(&mut self, deliver: &Deliver, tag: Option<u64>, content: &Content<'_>, out: &mut BytesMut) {
        let Some(subscription) = self.subscriptions.get(deliver.consumer.0 as usize) else { return };
        let (message, header) = (&*deliver.message, &deliver.message.header);
        let body = content.body.len();
        out.reserve(subscription.prefix.len() + message.properties.len() + HEAD_BYTES + body.min(HEAD_BYTES));
        out.put_slice(&subscription.prefix);
        let mut writer = FrameWriter::lines(self.version, out);
        put_pair(writer.begin("message-id"), deliver.number.0, deliver.delivery.queue.n.into());
        writer.end_line();
        let (exchange, key) = present_address(deliver, subscription);
        let last = &mut self.last_key;
        if last.text.is_empty() || last.key != *key || last.exchange != *exchange {
            let mut text = BytesMut::new();
            destination::write(exchange, key, &self.name, &mut text);
            *last = LastKey { exchange: exchange.clone(), key: key.detached(), text: text.freeze() };
        }
        writer.header("destination", &last.text);
        if let Some(tag) = tag.filter(|_| self.version >= crate::codec::Version::V12) {
            put_pair(writer.begin("ack"), deliver.consumer.0.into(), tag);
            writer.end_line();
        }
        if deliver.redelivered {
            writer.header("redelivered", b"true");
            // A restart forgets the count, and the first delivery is not the only one.
            writer.number("JMSXDeliveryCount", deliver.delivery.attempt.max(2).into());
        }
        writer.number("expires", header.expires.map_or(0, |at| at.0));
        writer.number("priority", header.priority.into());
        if header.durable {
            writer.header("persistent", b"true");
        }
        if deliver.retained {
            writer.header("ActiveMQ.Retained", b"true");
        }
        if matches!(subscription.source, Source::Browser(_)) {
            writer.header("browser", b"true");
        }
        if let Some(history) = &deliver.history {
            write_history(history, deliver, &self.name, &mut writer);
        }
        let mut has_timestamp = false;
        for header in content.headers {
            if content.is_foreign && convert::is_reserved(header.raw_name) {
                continue;
            }
            has_timestamp |= header.raw_name == b"timestamp";
            if content.has_plain_colons {
                writer.forward_colons(&header);
            } else {
                writer.forward(&header);
            }
        }
        if !has_timestamp {
            writer.number("timestamp", deliver.arrived.0);
        }
        if content.has_length {
            writer.number("content-length", body as u64);
        }
        writer.end_headers();
    }

    /// Remembers what this delivery cost its consumer.
    fn owe(&mut self, slot: usize, deliver: &Deliver) {
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        let owed = &mut subscription.owed;
        owed.messages += u32::from(deliver.settled);
        if let Source::Browser(_) = subscription.source {
            return;
        }
        owed.bytes += (deliver.message.properties.len() + deliver.message.body.len()) as u64;
        let is_much = owed.messages >= subscription.window.div_ceil(4) || owed.bytes >= CREDIT_BYTES / 4;
        if is_much && !owed.is_due {
            owed.is_due = true;
            self.due.push(slot);
        }
    }

    /// What was written gives its consumers credit again, in portions.
    pub(crate) fn flushed(&mut self, io: &mut Io<'_>) {
        self.say_tally(io);
        if self.due.is_empty() || io.output.len() > LOW_WATER_BYTES {
            return;
        }
        for slot in std::mem::take(&mut self.due) {
            let Some(subscription) = self.subscriptions.get_mut(slot).filter(|it| it.owed.is_due) else { continue };
            let owed = std::mem::take(&mut subscription.owed);
            if subscription.state == State::Ended {
                continue;
            }
            if let Source::Browser(_) = subscription.source {
                browse(slot, io);
            } else {
                let add = Credit { messages: owed.messages, bytes: owed.bytes };
                io.commands.push(Ask::Credit { consumer: consumer(slot), add, drain: false });
            }
        }
    }

    /// A browser has been sent as much as it asked for, or all there is.
    pub(crate) fn browsed(&mut self, slot: usize, io: &mut Io<'_>) {
        let Some(subscription) = self.subscriptions.get_mut(slot).filter(|it| it.state == State::Live) else { return };
        if subscription.owed.messages >= BROWSED {
            subscription.owed.is_due = true;
            self.due.push(slot);
            return self.flushed(io);
        }
        let out = io.output.buffer();
        out.put_slice(&subscription.prefix);
        let mut writer = FrameWriter::lines(self.version, out);
        writer.header("message-id", b"0");
        writer.header("destination", subscription.destination.as_bytes());
        writer.header("browser", b"end");
        writer.body(b"");
    }
}

/// Asks for the next part of a browsed queue.
pub(crate) fn browse(slot: usize, io: &mut Io<'_>) {
    io.commands.push(Ask::Credit { consumer: consumer(slot), add: Credit::messages(BROWSED), drain: true });
}

/// How each MESSAGE of a subscription begins; `id` is the header's value as it came.
pub(crate) fn prefix(id: Option<&[u8]>) -> Bytes {
    let mut out = BytesMut::new();
    out.put_slice(Command::Message.name().as_bytes());
    out.put_u8(b'\n');
    if let Some(id) = id {
        out.put_slice(b"subscription:");
        out.put_slice(id);
        out.put_u8(b'\n');
    }
    out.freeze()
}

/// What brought the message to its queue: what it was sent to, or where it was dead-lettered to. In a queue that was named
/// it is that queue, also if the message was moved there.
fn present_address<'a>(deliver: &'a Deliver, subscription: &'a Subscription) -> (&'a Exchange, &'a Name) {
    let (exchange, key) = match &deliver.history {
        Some(history) => (&history.exchange, &history.key),
        None => (&deliver.message.address.exchange, &deliver.message.address.key),
    };
    match &subscription.source {
        Source::Queue(name) | Source::Browser(name) if *exchange == Exchange::Default => (exchange, name),
        _ => (exchange, key),
    }
}

/// RabbitMQ's names for what AMQP 0-9-1 calls x-first-death-… and x-last-death-…, and ActiveMQ's for the reason and the
/// destination.
fn write_history(history: &History, deliver: &Deliver, session: &str, writer: &mut FrameWriter<'_>) {
    let address = &deliver.message.address;
    let mut text = BytesMut::new();
    destination::write(&address.exchange, &address.key, session, &mut text);
    writer.header("original-destination", &text);
    let (Some(last), Some(first)) = (history.deaths.first(), history.deaths.last()) else { return };
    let names = [
        (first, ["x-first-death-queue", "x-first-death-reason", "x-first-death-exchange"]),
        (last, ["x-last-death-queue", "x-last-death-reason", "x-last-death-exchange"]),
    ];
    for (death, [queue, reason, exchange]) in names {
        writer.header(queue, death.queue.as_bytes());
        writer.header(reason, death.reason.as_str().as_bytes());
        writer.header(exchange, death.exchange.to_text().as_bytes());
    }
    let cause = if last.detail.is_empty() { last.reason.as_str().as_bytes() } else { last.detail.as_bytes() };
    writer.header("dlqDeliveryFailureCause", cause);
}

fn put_pair(out: &mut BytesMut, first: u64, second: u64) {
    put_number(out, first);
    out.put_u8(b'-');
    put_number(out, second);
}
