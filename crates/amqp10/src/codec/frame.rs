//! Frames (2.3): bytes ⇄ [`Frame`] and [`SaslFrame`].

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::decode::{borrowed, copied, take_performative};
use super::descriptor;
use super::encode::{put_disposition, put_flow, put_performative};
use super::error::Malformed;
use super::limits::{Limits, MAX_SASL_FRAME};
use super::performative::{Flow, Performative, Role};
use super::read::Origin;
use super::sasl::SaslFrame;
use super::sasl_wire;
use super::state::DeliveryState;

/// A frame of type 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub channel: u16,
    /// `None`: an empty frame, which only keeps the connection alive (2.4.5).
    pub performative: Option<Performative>,
    /// What follows a transfer; empty behind all others.
    pub payload: Bytes,
}

/// The part of a frame's header that all types share.
pub(super) const HEADER: usize = 8;

const AMQP: u8 = 0;
const SASL: u8 = 1;

/// Takes one whole frame off the front of `input`; `None`, with `input` as it was, while it is incomplete.
///
/// The delivery tag and the payload of a transfer are slices of `input`'s buffer; all else is copied. After an error
/// `input` is in an unspecified state and the connection is over.
///
/// # Errors
/// The first way in which the frame breaks the specification, as soon as enough of it is there to tell.
#[inline]
pub fn decode(input: &mut BytesMut, limits: &Limits) -> Result<Option<Frame>, Malformed> {
    let Some(Extent { size, body }) = extent(input, AMQP, limits.max_frame)? else {
        return Ok(None);
    };
    let channel = u16::from_be_bytes([input[6], input[7]]);
    if body == size {
        input.advance(size);
        return Ok(Some(Frame { channel, performative: None, payload: Bytes::new() }));
    }
    let mut rest = &input[body..size];
    let code = descriptor::take("a frame's body", &mut rest)?;
    let performative = match code {
        Some(descriptor::TRANSFER) => {
            let fields = size - rest.len();
            let (transfer, payload) = transfer(input.split_to(size).freeze(), fields)?;
            return Ok(Some(Frame { channel, performative: Some(transfer), payload }));
        }
        Some(descriptor::FLOW | descriptor::DISPOSITION) => borrowed(code, rest)?,
        _ => copied(code, rest)?,
    };
    input.advance(size);
    Ok(Some(Frame { channel, performative: Some(performative), payload: Bytes::new() }))
}

/// As [`decode`], for the frames before and of the security layer (5.3.1). Nothing is a slice of `input`.
///
/// # Errors
/// As [`decode`].
pub fn decode_sasl(input: &mut BytesMut) -> Result<Option<SaslFrame>, Malformed> {
    let Some(Extent { size, body }) = extent(input, SASL, MAX_SASL_FRAME)? else {
        return Ok(None);
    };
    if body == size {
        return Err(Malformed::EmptySaslFrame);
    }
    let frame = sasl_wire::decode_body(&input[body..size])?;
    input.advance(size);
    Ok(Some(frame))
}

/// Appends a whole frame with `payload`, which is empty for all but transfers.
pub fn encode(out: &mut BytesMut, channel: u16, performative: &Performative, payload: &[u8]) {
    let start = open(out, AMQP, channel);
    put_performative(out, performative);
    out.put_slice(payload);
    close(out, start, 0);
}

/// Appends a SASL frame.
pub fn encode_sasl(out: &mut BytesMut, frame: &SaslFrame) {
    let start = open(out, SASL, 0);
    sasl_wire::put_body(out, frame);
    close(out, start, 0);
}

/// Appends an empty frame, which tells the peer that this side is there (2.4.5).
pub fn encode_empty(out: &mut BytesMut) {
    let start = open(out, AMQP, 0);
    close(out, start, 0);
}

/// Appends a frame with a flow.
pub fn encode_flow(out: &mut BytesMut, channel: u16, flow: &Flow) {
    let start = open(out, AMQP, channel);
    put_flow(out, flow);
    close(out, start, 0);
}

/// Appends a frame with a disposition; see [`super::Disposition`] for the arguments.
#[inline]
pub fn encode_disposition(
    out: &mut BytesMut,
    channel: u16,
    role: Role,
    first: u32,
    last: Option<u32>,
    settled: bool,
    state: Option<&DeliveryState>,
) {
    let start = open(out, AMQP, channel);
    put_disposition(out, role, first, last, settled, state, false);
    close(out, start, 0);
}

/// A frame that is whole: its size and where its body begins.
struct Extent {
    size: usize,
    body: usize,
}

/// Judges what is there of the header at the front of `input`: a wrong one is refused before its frame has arrived.
#[inline]
fn extent(input: &[u8], kind: u8, limit: u32) -> Result<Option<Extent>, Malformed> {
    let Some(first) = input.first_chunk::<4>() else { return Ok(None) };
    let size = u32::from_be_bytes(*first);
    if (size as usize) < HEADER {
        return Err(Malformed::FrameTooShort(size));
    }
    if size > limit {
        return Err(Malformed::FrameTooLarge { size, limit });
    }
    let Some(&[doff, found]) = input[4..].first_chunk::<2>() else { return Ok(None) };
    let body = usize::from(doff) * 4;
    if body < HEADER || body > size as usize {
        return Err(Malformed::DataOffset { size, doff });
    }
    if found != kind {
        return Err(Malformed::FrameType(found));
    }
    let size = size as usize;
    Ok((input.len() >= size).then_some(Extent { size, body }))
}

/// A transfer whose fields begin at `fields`, and its payload.
#[inline]
fn transfer(mut frame: Bytes, fields: usize) -> Result<(Performative, Bytes), Malformed> {
    let mut rest = &frame[fields..];
    let transfer = take_performative(Some(descriptor::TRANSFER), &mut rest, Origin::Shared(&frame))?;
    let payload = frame.len() - rest.len();
    frame.advance(payload);
    Ok((transfer, frame))
}

#[inline]
pub(super) fn open(out: &mut BytesMut, kind: u8, channel: u16) -> usize {
    let start = out.len();
    let [high, low] = channel.to_be_bytes();
    out.put_slice(&[0, 0, 0, 0, 2, kind, high, low]);
    start
}

/// Fills in the size of the frame that begins at `start`; `payload` bytes of it are going to be sent behind `out`.
///
/// # Panics
/// If the frame has 4 GiB.
#[inline]
pub(super) fn close(out: &mut BytesMut, start: usize, payload: usize) {
    let size = u32::try_from(out.len() - start + payload).expect("a frame of less than 4 GiB");
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// Begins a frame of type 0.
#[inline]
pub(super) fn open_amqp(out: &mut BytesMut, channel: u16) -> usize {
    open(out, AMQP, channel)
}
