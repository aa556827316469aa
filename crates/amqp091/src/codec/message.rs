//! A whole published message at once: the hot path, without a copy or an allocation.

use std::ops::Range;

use super::frame::{BASIC, CONTENT_HEAD, Envelope, FrameType, HEAD, Limits, content_header};
use super::method::basic;
use super::properties::Properties;
use super::table::split_short;

/// `basic.publish`, its content header and its body, where they lie in the read buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView<'a> {
    pub channel: u16,
    pub exchange: &'a [u8],
    pub routing_key: &'a [u8],
    pub mandatory: bool,
    pub immediate: bool,
    pub properties: Properties<'a>,
    /// Where in the input flags and property list lie.
    pub raw_properties: Range<usize>,
    /// Where in the input the body lies.
    pub body: Range<usize>,
    /// Bytes of all the frames: what to take off the buffer afterwards.
    pub len: usize,
}

/// Reads the message at the front of `input` without taking it off. `None` if something else is there, if the
/// message is incomplete or malformed, or if its body takes several frames or has frames of other channels before
/// it; then [`super::decode`] takes one frame after the other and says what is wrong.
#[inline]
pub fn peek_message<'a>(input: &'a [u8], limits: &Limits) -> Option<MessageView<'a>> {
    const PUBLISH: [u8; 4] = [0, BASIC as u8, 0, basic::Publish::ID.method as u8];
    let method = Envelope::read(input, limits).ok()??;
    if method.kind != FrameType::Method {
        return None;
    }
    let (exchange, routing_key, bits) = publish(method.payload.strip_prefix(&PUBLISH)?)?;
    let header_at = method.len();
    let header = following(&method, FrameType::Header, input, header_at, limits)?;
    let (body_size, properties) = content_header(header.payload).ok()?;
    let body_at = header_at + header.len();
    let (body, len) = match body_size {
        0 => (&[][..], body_at),
        size => {
            let body = following(&method, FrameType::Body, input, body_at, limits)?;
            if body.payload.len() as u64 != size {
                return None;
            }
            (body.payload, body_at + body.len())
        }
    };
    Some(MessageView {
        channel: method.channel,
        exchange,
        routing_key,
        mandatory: bits & 1 != 0,
        immediate: bits & 2 != 0,
        properties,
        raw_properties: header_at + HEAD + CONTENT_HEAD..body_at - 1,
        body: if body.is_empty() { len..len } else { body_at + HEAD..len - 1 },
        len,
    })
}

/// The next frame of the same message.
#[inline]
fn following<'a>(
    method: &Envelope<'_>,
    kind: FrameType,
    input: &'a [u8],
    at: usize,
    limits: &Limits,
) -> Option<Envelope<'a>> {
    let frame = Envelope::read(&input[at..], limits).ok()??;
    (frame.kind == kind && frame.channel == method.channel).then_some(frame)
}

/// Exchange, routing key and bits of `basic.publish`, after its ids.
#[inline]
fn publish(arguments: &[u8]) -> Option<(&[u8], &[u8], u8)> {
    const TICKET: usize = 2;
    let (exchange, rest) = split_short(arguments.get(TICKET..)?).ok()?;
    let (routing_key, rest) = split_short(rest).ok()?;
    match *rest {
        [bits] => Some((exchange, routing_key, bits)),
        _ => None,
    }
}
