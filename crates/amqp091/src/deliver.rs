//! From the broker to the client: `basic.deliver`, `basic.get-ok`, `basic.return`.

use std::borrow::Cow;

use bytes::Bytes;
use model::{
    Body, Command, ConsumerIndex, Credit, Deliver, EncodingId, Exchange, Io, Message, Outcome, Settle, Unconvertible,
};

use crate::channel::Channel;
use crate::codec::method::basic;
use crate::codec::{self, NO_PROPERTIES, ReplyCode, ShortString, Unencodable};
use crate::consumers::Kind;
use crate::overlay;
use crate::shared::Shared;

/// Bytes of a content header besides the property list.
const HEADER_OVERHEAD: usize = 20;
/// Below so many bytes still to be written, written ones become credit.
const LOW_WATER_BYTES: usize = 64 * 1024;

impl Channel {
    /// A message for one of the channel's consumers.
    pub(crate) fn deliver(&mut self, deliver: &Deliver, shared: &mut Shared, io: &mut Io<'_>) {
        if !deliver.settled && self.is_full() {
            self.held.push_back(deliver.clone());
        } else {
            self.send(deliver, shared, io);
        }
    }

    fn is_full(&self) -> bool {
        self.shared_prefetch > 0 && self.unacked.len() >= usize::from(self.shared_prefetch)
    }

    /// Sends what was held back, as far as there is room again.
    pub(crate) fn send_held(&mut self, shared: &mut Shared, io: &mut Io<'_>) {
        while !self.is_full() {
            let Some(deliver) = self.held.pop_front() else { return };
            self.send(&deliver, shared, io);
        }
    }

    fn send(&mut self, deliver: &Deliver, shared: &mut Shared, io: &mut Io<'_>) {
        let tag = self.delivery_tag + 1;
        match write(self.id.number, tag, deliver, shared, io) {
            Ok(()) => {
                self.delivery_tag = tag;
                if !deliver.settled {
                    self.unacked.push(tag, deliver.delivery);
                }
            }
            Err(Unconvertible(why)) => {
                shared.tally.undeliverable += 1;
                if !deliver.settled {
                    io.commands.push(Command::Settle(Settle::one(deliver.delivery, Outcome::Poison(why))));
                }
            }
        }
        let bytes = (deliver.message.properties.len() + deliver.message.body.len()) as u64;
        shared.consumers.owe(deliver.consumer, bytes, deliver.settled);
        if io.output.is_empty() {
            // Nothing will be written that could pay for it.
            flushed(shared, io);
        }
    }

    /// A mandatory message that no queue took.
    pub(crate) fn give_back_unroutable(&mut self, message: &Message, shared: &Shared, io: &mut Io<'_>) {
        let short = |bytes: &[u8]| ShortString::new(Bytes::copy_from_slice(bytes)).unwrap_or_default();
        let exchange = exchange_name(&message.address.exchange);
        self.say(
            basic::Return {
                reply_code: ReplyCode::NoRoute.code(),
                reply_text: ShortString::from_static("NO_ROUTE"),
                exchange: short(exchange),
                routing_key: short(message.address.key.as_bytes()),
            },
            io,
        );
        let (number, size) = (self.id.number, message.body.len() as u64);
        codec::write_content_header(io.output.buffer(), number, size, &message.properties, usize::MAX)
            .expect("a property list of less than 4 GiB");
        codec::write_body(io.output, number, message.body.pieces(), shared.frame_max);
    }
}

/// Appends a delivery, or nothing if AMQP 0-9-1 cannot say it.
fn write(channel: u16, tag: u64, deliver: &Deliver, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Unconvertible> {
    let message = &*deliver.message;
    let (properties, body) = content(deliver, message, shared)?;
    let (exchange, key) = match &deliver.history {
        Some(history) => (exchange_name(&history.exchange), history.key.as_bytes()),
        None => (exchange_name(&message.address.exchange), message.address.key.as_bytes()),
    };
    let Some(consumer) = shared.consumers.get_mut(deliver.consumer.0) else {
        return Err(Unconvertible("its consumer is gone"));
    };
    let out = io.output.buffer();
    let begin = out.len();
    let redelivered = deliver.redelivered;
    let written = match &mut consumer.kind {
        Kind::Subscription { tag: consumer_tag, .. } => {
            codec::write_deliver(out, channel, consumer_tag, tag, redelivered, exchange, key)
        }
        Kind::Get { ready, delivered, .. } => {
            *delivered = true;
            let left = u32::try_from(ready.saturating_sub(1)).unwrap_or(u32::MAX);
            codec::write_get_ok(out, channel, tag, redelivered, exchange, key, left)
        }
    };
    let written = written
        .and_then(|()| codec::write_content_header(out, channel, body.len() as u64, &properties, shared.frame_max));
    if let Err(why) = written {
        out.truncate(begin);
        return Err(Unconvertible(match why {
            Unencodable::ShortStringTooLong(_) => "its routing key has over 255 bytes",
            _ => "its properties are longer than the client's longest frame",
        }));
    }
    codec::write_body(io.output, channel, body.pieces(), shared.frame_max);
    // A long body closes the buffer in which the last confirm lies.
    shared.last_confirm = None;
    Ok(())
}

/// Property list and body as the client gets them.
fn content<'a>(
    deliver: &Deliver,
    message: &'a Message,
    shared: &mut Shared,
) -> Result<(Cow<'a, [u8]>, Cow<'a, Body>), Unconvertible> {
    let (properties, body): (Cow<'a, [u8]>, Cow<'a, Body>) = if message.encoding == EncodingId::AMQP_091 {
        (Cow::Borrowed(&message.properties), Cow::Borrowed(&message.body))
    } else {
        let encodings = &shared.options.encodings;
        let encoding = encodings.get(EncodingId::AMQP_091).ok_or(Unconvertible("no encoding is registered"))?;
        let converted = encoding.encode(&encodings.to_hub(message), shared.now)?;
        shared.tally.delivered(converted.lost);
        (Cow::Owned(converted.properties.to_vec()), Cow::Owned(converted.body))
    };
    let before = deliver.delivery.attempt.saturating_sub(1);
    if deliver.history.is_none() && before == 0 {
        let none = properties.is_empty();
        return Ok((if none { Cow::Borrowed(&NO_PROPERTIES) } else { properties }, body));
    }
    let count = (before > 0).then_some(before);
    // Where they leave no room for it, they go as they are.
    let overlaid = overlay::laid_over(&properties, deliver.history.as_deref(), count);
    let fits = overlaid.filter(|it| it.len() + HEADER_OVERHEAD <= shared.frame_max);
    Ok((fits.map_or(properties, |it| Cow::Owned(it.to_vec())), body))
}

/// What was written gives its consumers credit again, in portions.
pub(crate) fn flushed(shared: &mut Shared, io: &mut Io<'_>) {
    if io.output.len() > LOW_WATER_BYTES || shared.consumers.creditors.is_empty() {
        return;
    }
    for index in std::mem::take(&mut shared.consumers.creditors) {
        if let Some(add) = shared.consumers.pay(index) {
            let Credit { messages, bytes } = add;
            debug_assert!(messages > 0 || bytes > 0, "owes nothing");
            io.commands.push(Command::Credit { consumer: ConsumerIndex(index), add, drain: false });
        }
    }
}

/// Without a copy.
pub(crate) fn exchange_name(exchange: &Exchange) -> &[u8] {
    match exchange {
        Exchange::Default => b"",
        Exchange::Topic => b"amq.topic",
        Exchange::Direct => b"amq.direct",
        Exchange::Fanout => b"amq.fanout",
        Exchange::Headers => b"amq.headers",
        Exchange::Named(name) => name.as_bytes(),
    }
}
