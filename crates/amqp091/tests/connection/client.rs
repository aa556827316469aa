//! What clients say, and how tests write down what they hear.

use amqp091::codec::method::{basic, channel, confirm, connection, queue, tx};
use amqp091::codec::{
    ContentHeader, FieldTable, FieldValue, Frame, Method, PROTOCOL_HEADER, Properties, ShortString, TableBuilder,
};
use bytes::{Bytes, BytesMut};

use crate::world::{Client, World};

/// Bytes of a body frame that these clients send.
const PART: usize = 100_000;

/// A message as it was received.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) properties: Bytes,
    pub(crate) body: Bytes,
}

impl Message {
    pub(crate) fn properties(&self) -> Properties<'_> {
        Properties::read(&self.properties).unwrap()
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.properties().headers?.get(name).map(shown)
    }
}

pub(crate) fn shown(value: FieldValue<'_>) -> String {
    match value {
        FieldValue::LongString(text) => String::from_utf8_lossy(text).into_owned(),
        FieldValue::Int(value) => value.to_string(),
        FieldValue::Long(value) => value.to_string(),
        FieldValue::Timestamp(value) => format!("T{value}"),
        FieldValue::Array(values) => {
            let values: Vec<String> = values.iter().map(shown).collect();
            format!("[{}]", values.join(", "))
        }
        FieldValue::Table(table) => {
            let fields: Vec<String> = table
                .iter()
                .map(|(name, value)| format!("{}={}", String::from_utf8_lossy(name), shown(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => format!("{other:?}"),
    }
}

pub(crate) fn s(text: &str) -> ShortString {
    text.try_into().unwrap()
}

pub(crate) fn table(fields: &[(&str, FieldValue<'_>)]) -> FieldTable {
    let mut builder = TableBuilder::new();
    fields.iter().for_each(|(name, value)| builder.push(name.as_bytes(), *value));
    builder.finish().unwrap()
}

pub(crate) fn text(text: &str) -> FieldValue<'_> {
    FieldValue::LongString(text.as_bytes())
}

/// A durable queue.
pub(crate) fn durable(name: &str) -> queue::Declare {
    queue::Declare { queue: s(name), durable: true, ..Default::default() }
}

/// A transient queue.
pub(crate) fn transient(name: &str) -> queue::Declare {
    queue::Declare { queue: s(name), ..Default::default() }
}

pub(crate) fn passive(name: &str) -> queue::Declare {
    queue::Declare { queue: s(name), passive: true, ..Default::default() }
}

pub(crate) fn consume(queue: &str, tag: &str) -> basic::Consume {
    basic::Consume { queue: s(queue), consumer_tag: s(tag), ..Default::default() }
}

pub(crate) fn consume_no_ack(queue: &str, tag: &str) -> basic::Consume {
    basic::Consume { no_ack: true, ..consume(queue, tag) }
}

pub(crate) fn ack(delivery_tag: u64) -> basic::Ack {
    basic::Ack { delivery_tag, multiple: false }
}

pub(crate) fn ack_through(delivery_tag: u64) -> basic::Ack {
    basic::Ack { delivery_tag, multiple: true }
}

pub(crate) fn nack(delivery_tag: u64, requeue: bool) -> basic::Nack {
    basic::Nack { delivery_tag, multiple: false, requeue }
}

pub(crate) fn get(queue: &str) -> basic::Get {
    basic::Get { queue: s(queue), no_ack: false }
}

pub(crate) fn qos(prefetch_count: u16, global: bool) -> basic::Qos {
    basic::Qos { prefetch_size: 0, prefetch_count, global }
}

pub(crate) fn confirms() -> confirm::Select {
    confirm::Select { no_wait: false }
}

pub(crate) fn bind(queue: &str, exchange: &str, key: &str) -> queue::Bind {
    queue::Bind { queue: s(queue), exchange: s(exchange), routing_key: s(key), ..Default::default() }
}

pub(crate) fn close_channel() -> channel::Close {
    channel::Close { reply_code: 200, ..Default::default() }
}

pub(crate) fn transactions() -> tx::Select {
    tx::Select {}
}

pub(crate) fn to(exchange: &str, key: &str) -> basic::Publish {
    basic::Publish { exchange: s(exchange), routing_key: s(key), mandatory: false, immediate: false }
}

pub(crate) fn mandatory(exchange: &str, key: &str) -> basic::Publish {
    basic::Publish { mandatory: true, ..to(exchange, key) }
}

pub(crate) const PERSISTENT: Properties<'static> = Properties {
    content_type: None,
    content_encoding: None,
    headers: None,
    delivery_mode: Some(2),
    priority: None,
    correlation_id: None,
    reply_to: None,
    expiration: None,
    message_id: None,
    timestamp: None,
    kind: None,
    user_id: None,
    app_id: None,
    cluster_id: None,
};

pub(crate) fn frame(channel: u16, method: impl Into<Method>) -> Frame {
    Frame::Method(channel, method.into())
}

/// All frames of one message.
pub(crate) fn message_frames(
    channel: u16,
    publish: basic::Publish,
    properties: &Properties<'_>,
    body: &[u8],
) -> Vec<Frame> {
    let mut raw = BytesMut::new();
    properties.write(&mut raw).unwrap();
    let header = ContentHeader::new(body.len() as u64, raw.freeze()).unwrap();
    let mut frames = vec![frame(channel, publish), Frame::Header(channel, header)];
    frames.extend(body.chunks(PART).map(|part| Frame::Body(channel, Bytes::copy_from_slice(part))));
    frames
}

/// What modern clients say of themselves.
pub(crate) fn capable() -> FieldTable {
    let yes = FieldValue::Bool(true);
    let capabilities = table(&[("consumer_cancel_notify", yes), ("connection.blocked", yes)]);
    table(&[("capabilities", FieldValue::Table(capabilities.view()))])
}

impl World {
    /// A client whose connection and channel 1 are open.
    pub(crate) fn join(&mut self) -> Client {
        self.join_as(capable(), 0)
    }

    pub(crate) fn join_as(&mut self, client_properties: FieldTable, heartbeat: u16) -> Client {
        let client = self.open();
        self.send_bytes(client, &PROTOCOL_HEADER);
        let start_ok = connection::StartOk {
            client_properties,
            mechanism: s("PLAIN"),
            response: Bytes::from_static(b"\0guest\0secret"),
            locale: s("en_US"),
        };
        self.tell(client, 0, start_ok);
        self.tell(client, 0, connection::TuneOk { channel_max: 2047, frame_max: 131_072, heartbeat });
        self.tell(client, 0, connection::Open { virtual_host: s("/") });
        self.tell(client, 1, channel::Open {});
        let expected = ["0: connection.start", "0: connection.tune", "0: connection.open-ok", "1: channel.open-ok"];
        assert_eq!(self.lines(client), expected);
        client
    }

    /// Sends a method; everything happens that follows.
    pub(crate) fn tell(&mut self, client: Client, channel: u16, method: impl Into<Method>) {
        self.send_frames(client, &[frame(channel, method)]);
    }

    /// The same, and what the client has heard since the last time.
    pub(crate) fn call(&mut self, client: Client, channel: u16, method: impl Into<Method>) -> Vec<String> {
        self.tell(client, channel, method);
        self.lines(client)
    }

    /// The same where only this is heard.
    #[track_caller]
    pub(crate) fn expect(&mut self, client: Client, channel: u16, method: impl Into<Method>, expected: &str) {
        assert_eq!(self.call(client, channel, method), [format!("{channel}: {expected}")]);
    }

    pub(crate) fn publish(&mut self, client: Client, publish: basic::Publish, body: &str) {
        self.publish_with(client, publish, &Properties::default(), body.as_bytes());
    }

    pub(crate) fn publish_with(
        &mut self,
        client: Client,
        publish: basic::Publish,
        properties: &Properties<'_>,
        body: &[u8],
    ) {
        self.send_frames(client, &message_frames(1, publish, properties, body));
    }

    /// Declares a durable queue on channel 1.
    #[track_caller]
    pub(crate) fn declare(&mut self, client: Client, name: &str) {
        self.expect(client, 1, durable(name), &format!("queue.declare-ok {name} 0 0"));
    }

    /// What the client has read since the last time, one line for each method with its content.
    pub(crate) fn lines(&mut self, client: Client) -> Vec<String> {
        self.read(client).into_iter().map(|(line, _)| line).collect()
    }

    /// The messages that it has read since the last time.
    pub(crate) fn messages(&mut self, client: Client) -> Vec<Message> {
        self.read(client).into_iter().filter_map(|(_, message)| message).collect()
    }

    fn read(&mut self, client: Client) -> Vec<(String, Option<Message>)> {
        let frames: Vec<Frame> = self.peer(client).inbox.drain(..).collect();
        let mut frames = frames.into_iter();
        let mut all = Vec::new();
        while let Some(frame) = frames.next() {
            let Frame::Method(channel, method) = frame else {
                assert_eq!(frame, Frame::Heartbeat, "content without a method");
                all.push(("heartbeat".to_owned(), None));
                continue;
            };
            let message = has_content(&method).then(|| message(channel, &mut frames));
            all.push((format!("{channel}: {}", line(&method, message.as_ref())), message));
        }
        all
    }
}

fn has_content(method: &Method) -> bool {
    matches!(method, Method::BasicDeliver(_) | Method::BasicGetOk(_) | Method::BasicReturn(_))
}

fn message(channel: u16, frames: &mut impl Iterator<Item = Frame>) -> Message {
    let Some(Frame::Header(header_channel, header)) = frames.next() else { panic!("no content header") };
    assert_eq!(channel, header_channel);
    let mut body = BytesMut::new();
    while (body.len() as u64) < header.body_size {
        let Some(Frame::Body(body_channel, part)) = frames.next() else { panic!("no body") };
        assert_eq!(channel, body_channel);
        assert!(!part.is_empty(), "an empty body frame");
        body.extend_from_slice(&part);
    }
    assert_eq!(body.len() as u64, header.body_size);
    Message { properties: header.into_raw(), body: body.freeze() }
}

fn line(method: &Method, message: Option<&Message>) -> String {
    let body = message.map_or(String::new(), |message| match message.body.len() {
        0..100 => String::from_utf8_lossy(&message.body).into_owned(),
        length => format!("{length} bytes"),
    });
    let again = |redelivered: bool| if redelivered { "r" } else { "" };
    let many = |multiple: bool| if multiple { "*" } else { "" };
    let name = method.id().to_string();
    match method {
        Method::BasicDeliver(it) => {
            let (tag, number, again) = (&it.consumer_tag, it.delivery_tag, again(it.redelivered));
            format!("{tag} {number}{again} {}/{} {body}", it.exchange, it.routing_key)
        }
        Method::BasicGetOk(it) => {
            let (number, again, left) = (it.delivery_tag, again(it.redelivered), it.message_count);
            format!("got {number}{again} {}/{} {body}, {left} left", it.exchange, it.routing_key)
        }
        Method::BasicReturn(it) => {
            format!("returned {} {} {}/{} {body}", it.reply_code, it.reply_text, it.exchange, it.routing_key)
        }
        Method::BasicAck(it) => format!("ack {}{}", it.delivery_tag, many(it.multiple)),
        Method::BasicNack(it) => format!("nack {}{}", it.delivery_tag, many(it.multiple)),
        Method::BasicConsumeOk(it) => format!("{name} {}", it.consumer_tag),
        Method::BasicCancelOk(it) => format!("{name} {}", it.consumer_tag),
        Method::BasicCancel(it) => format!("{name} {}", it.consumer_tag),
        Method::QueueDeclareOk(it) => format!("{name} {} {} {}", it.queue, it.message_count, it.consumer_count),
        Method::QueuePurgeOk(it) => format!("{name} {}", it.message_count),
        Method::QueueDeleteOk(it) => format!("{name} {}", it.message_count),
        Method::ChannelFlowOk(it) => format!("{name} {}", it.active),
        Method::ChannelClose(it) => {
            let blamed = amqp091::codec::MethodId::new(it.class_id, it.method_id);
            format!("{name} {} {} ({blamed})", it.reply_code, it.reply_text)
        }
        Method::ConnectionClose(it) => {
            let blamed = amqp091::codec::MethodId::new(it.class_id, it.method_id);
            format!("{name} {} {} ({blamed})", it.reply_code, it.reply_text)
        }
        Method::ConnectionBlocked(it) => format!("{name} {}", it.reason),
        _ => name,
    }
}
