//! Frames to bytes. Everything is appended to a buffer that the caller writes out.

use bytes::{BufMut, Bytes, BytesMut};

use super::arguments::Writer;
use super::error::Unencodable;
use super::frame::{BASIC, CONTENT_HEAD, FRAME_END, FRAME_OVERHEAD, Frame, FrameType, HEAD};
use super::method::{MethodId, basic};
use super::text::short_len;

/// Appends any frame.
///
/// # Errors
/// Nothing is appended then; see [`Unencodable`].
pub fn encode(frame: &Frame, out: &mut BytesMut) -> Result<(), Unencodable> {
    match frame {
        Frame::Method(channel, method) => method_frame(*channel, method.id(), out, |writer| method.write(writer)),
        Frame::Header(channel, header) => {
            write_content_header(out, *channel, header.body_size, header.raw(), usize::MAX)
        }
        Frame::Body(channel, body) => {
            let size = u32::try_from(body.len()).map_err(|_| Unencodable::LongStringTooLong(body.len()))?;
            body_head(out, *channel, size);
            out.put_slice(body);
            frame_end(out);
            Ok(())
        }
        Frame::Heartbeat => {
            write_heartbeat(out);
            Ok(())
        }
    }
}

/// Appends a heartbeat frame.
pub fn write_heartbeat(out: &mut BytesMut) {
    out.put_slice(&[FrameType::Heartbeat as u8, 0, 0, 0, 0, 0, 0, FRAME_END]);
}

/// Appends the method frame of one delivery; content header and body are to follow.
///
/// # Errors
/// [`Unencodable::ShortStringTooLong`]; nothing is appended then.
#[inline]
pub fn write_deliver(
    out: &mut BytesMut,
    channel: u16,
    consumer_tag: &[u8],
    delivery_tag: u64,
    redelivered: bool,
    exchange: &[u8],
    routing_key: &[u8],
) -> Result<(), Unencodable> {
    let lens = [short_len(consumer_tag)?, short_len(exchange)?, short_len(routing_key)?];
    let strings = consumer_tag.len() + exchange.len() + routing_key.len();
    start(out, channel, basic::Deliver::ID, 12 + strings);
    out.put_u8(lens[0]);
    out.put_slice(consumer_tag);
    out.put_u64(delivery_tag);
    out.put_u8(redelivered.into());
    out.put_u8(lens[1]);
    out.put_slice(exchange);
    out.put_u8(lens[2]);
    out.put_slice(routing_key);
    frame_end(out);
    Ok(())
}

/// Appends the method frame of the answer to `basic.get`; content header and body are to follow.
///
/// # Errors
/// [`Unencodable::ShortStringTooLong`]; nothing is appended then.
pub fn write_get_ok(
    out: &mut BytesMut,
    channel: u16,
    delivery_tag: u64,
    redelivered: bool,
    exchange: &[u8],
    routing_key: &[u8],
    message_count: u32,
) -> Result<(), Unencodable> {
    let lens = [short_len(exchange)?, short_len(routing_key)?];
    start(out, channel, basic::GetOk::ID, 15 + exchange.len() + routing_key.len());
    out.put_u64(delivery_tag);
    out.put_u8(redelivered.into());
    out.put_u8(lens[0]);
    out.put_slice(exchange);
    out.put_u8(lens[1]);
    out.put_slice(routing_key);
    out.put_u32(message_count);
    frame_end(out);
    Ok(())
}

/// Appends the method frame of one publish, for the client's side; content header and body are to follow.
///
/// # Errors
/// [`Unencodable::ShortStringTooLong`]; nothing is appended then.
pub fn write_publish(
    out: &mut BytesMut,
    channel: u16,
    exchange: &[u8],
    routing_key: &[u8],
    mandatory: bool,
) -> Result<(), Unencodable> {
    let lens = [short_len(exchange)?, short_len(routing_key)?];
    start(out, channel, basic::Publish::ID, 5 + exchange.len() + routing_key.len());
    out.put_u16(0);
    out.put_u8(lens[0]);
    out.put_slice(exchange);
    out.put_u8(lens[1]);
    out.put_slice(routing_key);
    out.put_u8(mandatory.into());
    frame_end(out);
    Ok(())
}

/// Appends `basic.ack`: a client's acknowledgement, or a server's confirm.
#[inline]
pub fn write_ack(out: &mut BytesMut, channel: u16, delivery_tag: u64, multiple: bool) {
    start(out, channel, basic::Ack::ID, 9);
    out.put_u64(delivery_tag);
    out.put_u8(multiple.into());
    frame_end(out);
}

/// Appends `basic.nack`; to a publisher `requeue` says nothing.
pub fn write_nack(out: &mut BytesMut, channel: u16, delivery_tag: u64, multiple: bool, requeue: bool) {
    start(out, channel, basic::Nack::ID, 9);
    out.put_u64(delivery_tag);
    out.put_u8(u8::from(multiple) | u8::from(requeue) << 1);
    frame_end(out);
}

/// Appends a content header. `properties` are flags and property list as they were received, or as
/// [`super::Properties::write`] makes them.
///
/// # Errors
/// [`Unencodable::FrameTooLarge`]: a content header cannot be split; nothing is appended then.
#[inline]
pub fn write_content_header(
    out: &mut BytesMut,
    channel: u16,
    body_size: u64,
    properties: &[u8],
    frame_max: usize,
) -> Result<(), Unencodable> {
    let size = FRAME_OVERHEAD + CONTENT_HEAD + properties.len();
    if size > frame_max.min(u32::MAX as usize) {
        return Err(Unencodable::FrameTooLarge { size, limit: frame_max });
    }
    out.reserve(size);
    head(out, FrameType::Header, channel, size - FRAME_OVERHEAD);
    out.put_slice(&BASIC.to_be_bytes());
    out.put_slice(&[0, 0]);
    out.put_slice(&body_size.to_be_bytes());
    out.put_slice(properties);
    frame_end(out);
    Ok(())
}

/// Where a body goes: it may keep long pieces by reference.
pub trait Sink {
    /// What is put into this buffer follows everything that has been appended.
    fn buffer(&mut self) -> &mut BytesMut;

    fn append(&mut self, piece: &Bytes);
}

impl Sink for BytesMut {
    fn buffer(&mut self) -> &mut BytesMut {
        self
    }

    fn append(&mut self, piece: &Bytes) {
        self.extend_from_slice(piece);
    }
}

/// Appends a body, which may lie in pieces, as frames of at most `frame_max` bytes; an empty body is no frame.
///
/// # Panics
/// If `frame_max` leaves no room for a payload.
pub fn write_body(sink: &mut impl Sink, channel: u16, body: &[Bytes], frame_max: usize) {
    assert!(frame_max > FRAME_OVERHEAD, "a frame of {frame_max} bytes has no room for a body");
    let room = (frame_max - FRAME_OVERHEAD).min(u32::MAX as usize);
    let mut left: usize = body.iter().map(Bytes::len).sum();
    let mut in_frame = 0;
    for piece in body {
        let mut at = 0;
        while at < piece.len() {
            if in_frame == 0 {
                in_frame = left.min(room);
                left -= in_frame;
                body_head(sink.buffer(), channel, in_frame as u32);
            }
            let part = in_frame.min(piece.len() - at);
            if part == piece.len() {
                sink.append(piece);
            } else {
                sink.append(&piece.slice(at..at + part));
            }
            at += part;
            in_frame -= part;
            if in_frame == 0 {
                frame_end(sink.buffer());
            }
        }
    }
}

/// Appends the beginning of a body frame; `size` bytes and [`frame_end`] are to follow.
#[inline]
pub fn body_head(out: &mut BytesMut, channel: u16, size: u32) {
    head(out, FrameType::Body, channel, size as usize);
}

/// Appends the octet that ends a frame.
#[inline]
pub fn frame_end(out: &mut BytesMut) {
    out.put_u8(FRAME_END);
}

/// Appends a method frame whose arguments `write` appends.
pub(super) fn method_frame(
    channel: u16,
    id: MethodId,
    out: &mut BytesMut,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), Unencodable>,
) -> Result<(), Unencodable> {
    let begin = out.len();
    start(out, channel, id, 0);
    let size = write(&mut Writer::new(out)).and_then(|()| {
        let size = out.len() - begin - HEAD;
        u32::try_from(size).map_err(|_| Unencodable::LongStringTooLong(size))
    });
    match size {
        Ok(size) => {
            out[begin + 3..begin + HEAD].copy_from_slice(&size.to_be_bytes());
            frame_end(out);
            Ok(())
        }
        Err(why) => {
            out.truncate(begin);
            Err(why)
        }
    }
}

/// The beginning of a method frame with `arguments` bytes after the ids.
#[inline]
fn start(out: &mut BytesMut, channel: u16, id: MethodId, arguments: usize) {
    out.reserve(FRAME_OVERHEAD + 4 + arguments);
    head(out, FrameType::Method, channel, 4 + arguments);
    let ids = u32::from(id.class) << 16 | u32::from(id.method);
    out.put_slice(&ids.to_be_bytes());
}

#[inline]
fn head(out: &mut BytesMut, kind: FrameType, channel: u16, size: usize) {
    let mut head = [kind as u8; HEAD];
    head[1..3].copy_from_slice(&channel.to_be_bytes());
    head[3..].copy_from_slice(&(size as u32).to_be_bytes());
    out.put_slice(&head);
}
