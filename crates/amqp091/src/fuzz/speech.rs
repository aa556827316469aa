//! Bytes to things that a client may say.

use bytes::{Bytes, BytesMut};

use crate::codec::method::{basic, channel, confirm, connection, exchange, queue, tx};
use crate::codec::{
    self, ContentHeader, FieldTable, FieldValue, Frame, Method, PROTOCOL_HEADER, Properties, ShortString, TableBuilder,
};

const CHANNELS: u16 = 3;

/// Walks over the choices; at their end all are 0.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn bit(&mut self) -> bool {
        self.next() & 1 != 0
    }

    fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[usize::from(self.next()) % texts.len()]
    }

    fn name(&mut self) -> ShortString {
        let names = ["q", "p", "", "amq.gen-7", "amq.rabbitmq.reply-to", "amq.direct"];
        ShortString::truncated(self.one_of(&names))
    }

    fn exchange(&mut self) -> ShortString {
        ShortString::truncated(self.one_of(&["", "amq.topic", "x", "amq.headers"]))
    }

    fn tag(&mut self) -> ShortString {
        ShortString::truncated(self.one_of(&["", "", "", "a", "b", "c", "d", "e"]))
    }

    fn arguments(&mut self) -> FieldTable {
        let table = match self.next() {
            0..200 => TableBuilder::new(),
            200..210 => TableBuilder::new().field("x-max-length", FieldValue::Int(i32::from(self.next()) - 1)),
            210..220 => TableBuilder::new().text("x-dead-letter-exchange", "x"),
            220..230 => TableBuilder::new().text("x-match", "any").field("a", FieldValue::Void),
            230..240 => TableBuilder::new().text("x-queue-type", "quorum"),
            _ => TableBuilder::new().text("x-overflow", "reject-publish"),
        };
        table.finish().unwrap_or_default()
    }
}

/// The handshake, three channels, and then what `data` chooses.
pub(super) fn of(data: &[u8]) -> BytesMut {
    let mut out = BytesMut::from(&PROTOCOL_HEADER[..]);
    let start_ok = connection::StartOk {
        client_properties: FieldTable::EMPTY,
        mechanism: ShortString::from_static("PLAIN"),
        response: Bytes::from_static(b"\0guest\0guest"),
        locale: ShortString::from_static("en_US"),
    };
    let tune_ok = connection::TuneOk { channel_max: CHANNELS, frame_max: 4096, heartbeat: 10 };
    say(0, start_ok, &mut out);
    say(0, tune_ok, &mut out);
    say(0, connection::Open { virtual_host: ShortString::from_static("/") }, &mut out);
    for number in 1..=CHANNELS {
        say(number, channel::Open {}, &mut out);
    }
    let mut choices = Choices(data);
    while !choices.0.is_empty() {
        let number = 1 + u16::from(choices.next()) % CHANNELS;
        put(number, &mut choices, &mut out);
    }
    out
}

pub(super) fn close_all(channels: impl Iterator<Item = u16>, out: &mut BytesMut) {
    channels.for_each(|number| say(number, channel::Close::default(), out));
}

fn say(number: u16, method: impl Into<Method>, out: &mut BytesMut) {
    codec::encode(&Frame::Method(number, method.into()), out).expect("short names");
}

fn put(number: u16, choices: &mut Choices<'_>, out: &mut BytesMut) {
    match choices.next() % 32 {
        0..=7 => publish(number, choices, out),
        8..=10 => {
            let (queue, consumer_tag, arguments) = (choices.name(), choices.tag(), FieldTable::EMPTY);
            let (no_ack, exclusive, no_wait) = (choices.bit(), choices.next() == 0, choices.bit());
            say(
                number,
                basic::Consume { queue, consumer_tag, no_local: false, no_ack, exclusive, no_wait, arguments },
                out,
            );
        }
        11 => say(number, basic::Cancel { consumer_tag: choices.tag(), no_wait: choices.bit() }, out),
        12 | 13 => say(number, basic::Get { queue: choices.name(), no_ack: choices.bit() }, out),
        14 => {
            let (prefetch_count, global) = (u16::from(choices.next() % 5), choices.bit());
            say(number, basic::Qos { prefetch_size: 0, prefetch_count, global }, out);
        }
        15 => say(number, basic::Ack { delivery_tag: u64::from(choices.next() % 8), multiple: choices.bit() }, out),
        16 => say(number, basic::Recover { requeue: choices.next() != 0 }, out),
        17 => say(number, confirm::Select { no_wait: choices.bit() }, out),
        18 => say(number, tx::Select {}, out),
        19 => say(number, tx::Commit {}, out),
        20 => say(number, tx::Rollback {}, out),
        21 | 22 => {
            say(number, channel::Close::default(), out);
            say(number, channel::Open {}, out);
        }
        23 => say(number, channel::CloseOk {}, out),
        24..=28 => define_queue(number, choices, out),
        29 | 30 => define_exchange(number, choices, out),
        _ => end(number, choices, out),
    }
}

fn publish(number: u16, choices: &mut Choices<'_>, out: &mut BytesMut) {
    let (exchange, routing_key, mandatory) = (choices.exchange(), choices.name(), choices.bit());
    say(number, basic::Publish { exchange, routing_key, mandatory, immediate: choices.next() == 1 }, out);
    let expirations: [&[u8]; 3] = [b"10", b"", b"x"];
    let properties = Properties {
        delivery_mode: choices.bit().then_some(2),
        reply_to: (choices.next() > 200).then_some(b"amq.rabbitmq.reply-to"),
        expiration: expirations.get(usize::from(choices.next()) / 8).copied(),
        ..Properties::default()
    };
    let mut raw = BytesMut::new();
    properties.write(&mut raw).expect("short texts");
    let body = vec![b'x'; usize::from(choices.next()) * 50];
    let header = ContentHeader::new(body.len() as u64, raw.freeze()).expect("just written");
    codec::encode(&Frame::Header(number, header), out).expect("short texts");
    for part in body.chunks(64 + usize::from(choices.next()) * 16) {
        codec::encode(&Frame::Body(number, Bytes::copy_from_slice(part)), out).expect("a short part");
    }
}

fn define_queue(number: u16, choices: &mut Choices<'_>, out: &mut BytesMut) {
    let (queue, no_wait, arguments) = (choices.name(), choices.bit(), choices.arguments());
    match choices.next() % 5 {
        0 | 1 => {
            let (passive, durable, exclusive, auto_delete) =
                (choices.next() < 40, choices.bit(), choices.bit(), choices.bit());
            say(number, queue::Declare { queue, passive, durable, exclusive, auto_delete, no_wait, arguments }, out);
        }
        2 => {
            let (exchange, routing_key) = (choices.exchange(), choices.name());
            say(number, queue::Bind { queue, exchange, routing_key, no_wait, arguments }, out);
        }
        3 => say(number, queue::Purge { queue, no_wait }, out),
        _ => say(number, queue::Delete { queue, if_unused: choices.bit(), if_empty: choices.bit(), no_wait }, out),
    }
}

fn define_exchange(number: u16, choices: &mut Choices<'_>, out: &mut BytesMut) {
    let (exchange, no_wait, arguments) = (choices.exchange(), choices.bit(), choices.arguments());
    match choices.next() % 3 {
        0 => {
            let kind = ShortString::truncated(choices.one_of(&["direct", "topic", "headers", "fanout"]));
            let declare = exchange::Declare { exchange, kind, no_wait, arguments, ..Default::default() };
            say(number, declare, out);
        }
        1 => {
            let (destination, routing_key) = (choices.exchange(), choices.name());
            say(number, exchange::Bind { destination, source: exchange, routing_key, no_wait, arguments }, out);
        }
        _ => say(number, exchange::Delete { exchange, if_unused: choices.bit(), no_wait }, out),
    }
}

/// What ends a connection, mostly.
fn end(number: u16, choices: &mut Choices<'_>, out: &mut BytesMut) {
    match choices.next() {
        0..4 => say(0, connection::Close::default(), out),
        4..8 => say(number, connection::CloseOk {}, out),
        8..12 => out.extend_from_slice(b"junk that is no frame"),
        28..60 => say(0, connection::UpdateSecret { new_secret: Bytes::from_static(b"t"), ..Default::default() }, out),
        12..16 => say(CHANNELS + 1, channel::Open {}, out),
        20..24 => say(number, channel::Open {}, out),
        24..28 => say(number, channel::Close::default(), out),
        16..20 => codec::encode(&Frame::Body(number, Bytes::from_static(b"x")), out).expect("a short part"),
        _ => codec::write_heartbeat(out),
    }
}
