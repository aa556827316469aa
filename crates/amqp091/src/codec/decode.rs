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
            // Acknowledgements come once a message and have nothing to slice.
            if let Some(settlement) = Settlement::read(envelope.payload, role) {
                input.advance(len);
                return Ok(Some(Frame::Method(channel, settlement.into_method())));
            }
            let id = method_id(envelope.payload, role)?;
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

fn method_id(payload: &[u8], role: Role) -> Result<MethodId, Malformed> {
    let id = MethodId::from_bytes(*payload.first_chunk().ok_or(Malformed::FrameTooShort)?);
    match (id.sender(), role) {
        (None, _) => Err(Malformed::UnknownMethod(id)),
        (Some(Sender::Client), Role::Client) | (Some(Sender::Server), Role::Server) => {
            Err(Malformed::WrongDirection(id))
        }
        _ => Ok(id),
    }
}

/// A well-formed acknowledgement that this side takes; all else is left to [`method`]. Small, because moving a whole
/// [`Method`] about costs more than reading this.
struct Settlement {
    id: MethodId,
    delivery_tag: u64,
    bits: u8,
}

impl Settlement {
    #[inline]
    fn read(payload: &[u8], role: Role) -> Option<Self> {
        let (ids, arguments) = payload.split_first_chunk()?;
        let (delivery_tag, &[bits]) = arguments.split_first_chunk()? else {
            return None;
        };
        let id = MethodId::from_bytes(*ids);
        let is_taken = match id {
            basic::Ack::ID | basic::Nack::ID => true,
            basic::Reject::ID => role == Role::Server,
            _ => false,
        };
        is_taken.then(|| Self { id, delivery_tag: u64::from_be_bytes(*delivery_tag), bits })
    }

    #[inline]
    fn into_method(self) -> Method {
        let Self { id, delivery_tag, bits } = self;
        let (first, second) = (bits & 1 != 0, bits & 2 != 0);
        match id {
            basic::Ack::ID => Method::BasicAck(basic::Ack { delivery_tag, multiple: first }),
            basic::Nack::ID => Method::BasicNack(basic::Nack { delivery_tag, multiple: first, requeue: second }),
            _ => Method::BasicReject(basic::Reject { delivery_tag, requeue: first }),
        }
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
