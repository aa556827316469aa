//! Bytes to frames.

use bytes::{Buf, Bytes, BytesMut};

use super::arguments::Reader;
use super::error::Malformed;
use super::frame::{CONTENT_HEAD, ContentHeader, Envelope, Frame, FrameType, HEAD, Limits, Role, content_header};
use super::method::{Method, MethodId, Sender, basic};

/// Takes one whole frame off the front of `input`; `None`, with `input` as it was, while it is incomplete.
///
/// Strings, tables and bodies are sliced out of the read buffer: whoever keeps one beyond the current round keeps
/// that whole buffer, unless it takes a copy (`detached`). After an error `input` is in an unspecified state and the
/// connection is over.
///
/// # Errors
/// The first fault of the frame, as soon as enough of it is there to tell.
#[inline]
pub fn decode(input: &mut BytesMut, limits: &Limits, role: Role) -> Result<Option<Frame>, Malformed> {
    let Some(envelope) = Envelope::read(input, limits)? else {
        return Ok(None);
    };
    let (channel, len) = (envelope.channel, envelope.len());
    let frame = match envelope.kind {
        FrameType::Method => {
            let id = method_id(envelope.payload, role)?;
            // Acknowledgements come once a message and have nothing to slice.
            if let Some(method) = settlement(id, envelope.payload) {
                input.advance(len);
                return Ok(Some(Frame::Method(channel, method)));
            }
            return method(input, id, channel, len).map(Some);
        }
        FrameType::Header => {
            let (body_size, _) = content_header(envelope.payload)?;
            let properties = slice(input, HEAD + CONTENT_HEAD, len);
            Frame::Header(channel, ContentHeader::checked(body_size, properties))
        }
        FrameType::Body => Frame::Body(channel, slice(input, HEAD, len)),
        FrameType::Heartbeat => {
            input.advance(len);
            Frame::Heartbeat
        }
    };
    Ok(Some(frame))
}

/// How long the frame at the front of `input` is, once enough of it is there to tell.
pub fn needed(input: &[u8]) -> Option<usize> {
    let [_, _, _, size @ ..] = *input.first_chunk::<HEAD>()?;
    Some(u32::from_be_bytes(size) as usize + super::FRAME_OVERHEAD)
}

pub(super) fn method_id(payload: &[u8], role: Role) -> Result<MethodId, Malformed> {
    let [a, b, c, d] = *payload.first_chunk().ok_or(Malformed::FrameTooShort)?;
    let id = MethodId::new(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    match (id.sender(), role) {
        (None, _) => Err(Malformed::UnknownMethod(id)),
        (Some(Sender::Client), Role::Client) | (Some(Sender::Server), Role::Server) => {
            Err(Malformed::WrongDirection(id))
        }
        _ => Ok(id),
    }
}

/// A well-formed acknowledgement; all else is left to [`method`].
#[inline]
fn settlement(id: MethodId, payload: &[u8]) -> Option<Method> {
    let [_, _, _, _, tag @ .., bits] = *payload.as_array::<13>()?;
    let delivery_tag = u64::from_be_bytes(tag);
    let (first, second) = (bits & 1 != 0, bits & 2 != 0);
    match id {
        basic::Ack::ID => Some(Method::BasicAck(basic::Ack { delivery_tag, multiple: first })),
        basic::Nack::ID => Some(Method::BasicNack(basic::Nack { delivery_tag, multiple: first, requeue: second })),
        basic::Reject::ID => Some(Method::BasicReject(basic::Reject { delivery_tag, requeue: first })),
        _ => None,
    }
}

fn method(input: &mut BytesMut, id: MethodId, channel: u16, len: usize) -> Result<Frame, Malformed> {
    const IDS: usize = 4;
    let frame = input.split_to(len).freeze();
    let method = Method::read(id, Reader::new(&frame, HEAD + IDS, len - 1))?;
    Ok(Frame::Method(channel, method))
}

/// Takes a frame of `len` bytes off `input` and leaves what lies between `begin` and the end octet.
fn slice(input: &mut BytesMut, begin: usize, len: usize) -> Bytes {
    if begin == len - 1 {
        input.advance(len);
        return Bytes::new();
    }
    input.advance(begin);
    let slice = input.split_to(len - 1 - begin).freeze();
    input.advance(1);
    slice
}
