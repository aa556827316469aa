//! STOMP messages and the hub. A STOMP message keeps its header lines as they came; other protocols' messages get lines of
//! their own when a STOMP client reads them.

use bytes::BytesMut;
use model::{
    Converted, Encoding, EncodingId, Flat, Hub, HubBody, HubProperties, Message, Scalar, Time, Unconvertible, Value,
};

use crate::codec::{FrameWriter, Headers, Version};
use crate::destination;

/// `Header::private` of STOMP messages: bit 0 says that there was a `content-length`, the next two the version, and bit 3
/// that the lines are kept with their values' colons unescaped, so that selectors see them.
pub struct StompEncoding;

/// How headers of converted messages are escaped.
pub(crate) const CONVERTED: Version = Version::V12;

pub(crate) fn private(version: Version, has_length: bool) -> u8 {
    u8::from(has_length) | (version as u8) << 1
}

pub(crate) const PLAIN_COLONS: u8 = 1 << 3;

/// The header lines of a STOMP message.
pub(crate) fn headers_of(message: &Message) -> Headers<'_> {
    Headers::new(&message.properties, Version::from_bits(message.header.private >> 1 & 3))
}

/// Their colons were escaped.
pub(crate) fn has_plain_colons(message: &Message) -> bool {
    message.header.private & PLAIN_COLONS != 0
}

/// It came with a `content-length`.
pub(crate) fn had_length(message: &Message) -> bool {
    message.header.private & 1 == 1
}

/// Headers that say something about a frame or a delivery, or that the core keeps: the server says them itself, and a
/// publisher's are not shown.
pub(crate) fn is_reserved(name: &[u8]) -> bool {
    matches!(
        name,
        b"destination"
            | b"content-length"
            | b"receipt"
            | b"transaction"
            | b"message-id"
            | b"subscription"
            | b"ack"
            | b"redelivered"
            | b"persistent"
            | b"priority"
            | b"expires"
            | b"JMSXUserID"
            | b"JMSXDeliveryCount"
    ) || name.starts_with(b"AMQ_SCHEDULED_")
}

impl Encoding for StompEncoding {
    fn id(&self) -> EncodingId {
        EncodingId::STOMP
    }

    /// Lines with a colon in each: an empty one would end the headers of a frame.
    fn is_sound(&self, message: &Message) -> bool {
        let block = message.properties.strip_suffix(b"\n").unwrap_or(&message.properties);
        let is_line = |line: &[u8]| line.contains(&b':') && !line.contains(&0);
        block.is_empty() || block.split(|byte| *byte == b'\n').all(is_line)
    }

    fn decode(&self, message: &Message) -> Hub {
        let mut hub = Hub::default();
        let mut kind = None;
        for header in headers_of(message) {
            if is_reserved(header.raw_name) {
                continue;
            }
            if header.raw_name == b"amq-msg-type" {
                kind = kind.or_else(|| Some(header.value()));
                continue;
            }
            let (name, value) = (header.name(), header.value());
            if !decode_known(&name, &value, &mut hub.properties) {
                let is_repeated = hub.application_properties.iter().any(|(other, _)| *other == name);
                if !is_repeated {
                    hub.application_properties.push((name.into_owned(), Value::String(value.into_owned())));
                }
            }
        }
        let is_text = match kind.as_deref() {
            Some("text") => true,
            Some("bytes") => false,
            _ => !had_length(message),
        };
        let text = is_text.then(|| String::from_utf8(message.body.joined().to_vec()).ok()).flatten();
        hub.body = match text {
            Some(text) => HubBody::Value(Value::String(text)),
            None => HubBody::Data(message.body.clone()),
        };
        hub
    }

    fn encode(&self, hub: &Hub, _now: Time) -> Result<Converted, Unconvertible> {
        Ok(convert(hub).0)
    }

    /// Everything is text, but the time stamp. Escapes other than that of the colon are seen as they are.
    fn property<'a>(&self, message: &'a Message, name: &str) -> Scalar<'a> {
        let header = match name {
            "JMSCorrelationID" => "correlation-id",
            "JMSType" => "type",
            "JMSReplyTo" => "reply-to",
            "JMSTimestamp" => "timestamp",
            other => other,
        };
        let found = headers_of(message).into_iter().find(|it| it.raw_name == header.as_bytes());
        let Some(text) = found.and_then(|it| std::str::from_utf8(it.raw_value).ok()) else { return Scalar::Null };
        match text.parse() {
            Ok(number) if name == "JMSTimestamp" => Scalar::Int(number),
            _ => Scalar::Text(text),
        }
    }
}

/// The lines and body of a message of another protocol, and whether the body is text: a client takes one with a
/// `content-length` for bytes, and only such a one may have a NUL.
pub(crate) fn convert(hub: &Hub) -> (Converted, bool) {
    let (body, flat) = hub.body.flattened();
    let mut lines = BytesMut::new();
    let mut lost = u32::from(flat == Flat::Json);
    let mut writer = FrameWriter::lines(CONVERTED, &mut lines);
    lost += encode_properties(&hub.properties, flat, &mut writer);
    let shown = hub.annotations.iter().filter(|(name, _)| !name.starts_with("x-opt-"));
    for (name, value) in shown.chain(&hub.application_properties) {
        match value.text() {
            Some(text) if is_sayable(name) && !is_reserved(name.as_bytes()) => {
                lost += u32::from(text.contains('\0'));
                writer.any_header(name.as_bytes(), text.as_bytes());
            }
            _ => lost += 1,
        }
    }
    let is_text = flat != Flat::Bytes && body.pieces().iter().all(|piece| memchr::memchr(0, piece).is_none());
    (Converted { properties: lines.freeze(), body, lost }, is_text)
}

/// Puts a header in its place. False: it is one of the publisher's own.
fn decode_known(name: &str, value: &str, properties: &mut HubProperties) -> bool {
    fn first<T>(slot: &mut Option<T>, value: impl FnOnce() -> T) -> bool {
        slot.get_or_insert_with(value);
        true
    }
    let text = || value.to_owned();
    match name {
        "content-type" => first(&mut properties.content_type, text),
        "content-encoding" => first(&mut properties.content_encoding, text),
        "correlation-id" => first(&mut properties.correlation_id, || Value::String(text())),
        "amqp-message-id" => first(&mut properties.message_id, || Value::String(text())),
        "reply-to" => first(&mut properties.reply_to, || destination::to_canonical(value)),
        "type" => first(&mut properties.subject, text),
        "JMSXGroupID" => first(&mut properties.group_id, text),
        "timestamp" => value.parse().is_ok_and(|at| first(&mut properties.creation_time, || at)),
        "JMSXGroupSeq" => value.parse().is_ok_and(|number| first(&mut properties.group_sequence, || number)),
        _ => false,
    }
}

/// Returns how many cannot be said.
fn encode_properties(properties: &HubProperties, flat: Flat, writer: &mut FrameWriter<'_>) -> u32 {
    let mut lost = u32::from(properties.reply_to_group_id.is_some());
    let json = (flat == Flat::Json).then_some("application/json");
    let texts = [
        ("content-type", properties.content_type.as_deref().or(json)),
        ("content-encoding", properties.content_encoding.as_deref()),
        ("type", properties.subject.as_deref()),
        ("JMSXGroupID", properties.group_id.as_deref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            lost += u32::from(text.contains('\0'));
            writer.header(name, text.as_bytes());
        }
    }
    for (name, id) in [("correlation-id", &properties.correlation_id), ("amqp-message-id", &properties.message_id)] {
        if let Some(id) = id {
            let (text, is_exact) = id.id_text();
            lost += u32::from(!is_exact || text.contains('\0'));
            writer.header(name, text.as_bytes());
        }
    }
    if let Some(reply_to) = &properties.reply_to {
        writer.header("reply-to", destination::of_canonical(reply_to).as_bytes());
    }
    if let Some(at) = properties.creation_time {
        writer.header("timestamp", at.to_string().as_bytes());
    }
    if let Some(number) = properties.group_sequence {
        writer.number("JMSXGroupSeq", number.into());
    }
    match properties.user_id.as_ref().map(|user| std::str::from_utf8(user)) {
        Some(Ok(user)) => _ = writer.header("JMSXUserID", user.as_bytes()),
        Some(Err(_)) => lost += 1,
        None => {}
    }
    lost
}

fn is_sayable(name: &str) -> bool {
    !name.is_empty() && !name.contains('\0')
}
