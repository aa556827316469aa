//! The frame around everything.

use bytes::Bytes;

use super::error::{Malformed, Syntax};
use super::method::Method;
use super::properties::Properties;

/// What a connection begins with (4.2.2).
pub const PROTOCOL_HEADER: [u8; 8] = *b"AMQP\x00\x00\x09\x01";

/// Type, channel, size and end of a frame: what `frame_max` counts beside the payload.
pub const FRAME_OVERHEAD: usize = 8;

/// The least `frame_max` that may be agreed, and the most that may be sent before it is (4.9).
pub const FRAME_MIN_SIZE: usize = 4096;

pub(super) const HEAD: usize = 7;
pub(super) const FRAME_END: u8 = 0xCE;
/// Class, weight and body size of a content header.
pub(super) const CONTENT_HEAD: usize = 12;
pub(super) const BASIC: u16 = 60;

/// What the first bytes of a connection say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolHeader {
    /// So far as it goes it is AMQP 0-9-1.
    Incomplete,
    /// [`PROTOCOL_HEADER`]; 8 bytes to take off.
    Amqp091,
    /// Something else, to be answered with [`PROTOCOL_HEADER`].
    Other,
}

impl ProtocolHeader {
    pub fn read(input: &[u8]) -> Self {
        let there = input.len().min(PROTOCOL_HEADER.len());
        if input[..there] != PROTOCOL_HEADER[..there] {
            Self::Other
        } else if there < PROTOCOL_HEADER.len() {
            Self::Incomplete
        } else {
            Self::Amqp091
        }
    }
}

/// The side that decodes: each takes only the methods of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Server,
    Client,
}

/// What this side takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The agreed size of whole frames. A payload may be that long as well, because peers disagree on what is
    /// counted, and RabbitMQ lets both pass.
    pub frame_max: usize,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Method(u16, Method),
    Header(u16, ContentHeader),
    /// A part of a body.
    Body(u16, Bytes),
    Heartbeat,
}

impl Frame {
    pub fn channel(&self) -> u16 {
        match self {
            Self::Method(channel, _) | Self::Header(channel, _) | Self::Body(channel, _) => *channel,
            Self::Heartbeat => 0,
        }
    }
}

/// What precedes the body of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentHeader {
    pub body_size: u64,
    properties: Bytes,
}

impl ContentHeader {
    /// `properties` are flags and property list.
    ///
    /// # Errors
    /// The first fault in them.
    pub fn new(body_size: u64, properties: Bytes) -> Result<Self, Syntax> {
        Properties::read(&properties)?;
        Ok(Self { body_size, properties })
    }

    pub(super) fn checked(body_size: u64, properties: Bytes) -> Self {
        Self { body_size, properties }
    }

    /// Flags and property list, byte for byte, valid.
    pub fn raw(&self) -> &Bytes {
        &self.properties
    }

    pub fn into_raw(self) -> Bytes {
        self.properties
    }

    pub fn properties(&self) -> Properties<'_> {
        Properties::of_checked(&self.properties)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameType {
    Method = 1,
    Header = 2,
    Body = 3,
    Heartbeat = 8,
}

/// A whole frame at the front of some bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) kind: FrameType,
    pub(super) channel: u16,
    pub(super) payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// `None` while the frame is incomplete.
    #[inline]
    pub(super) fn read(input: &'a [u8], limits: &Limits) -> Result<Option<Self>, Malformed> {
        let Some(head) = input.first_chunk::<HEAD>() else {
            return match input.first() {
                Some(&kind) => frame_type(kind).map(|_| None),
                None => Ok(None),
            };
        };
        let [kind, channel @ .., _, _, _, _] = *head;
        let [.., a, b, c, d] = *head;
        let (kind, channel, size) =
            (frame_type(kind)?, u16::from_be_bytes(channel), u32::from_be_bytes([a, b, c, d]) as usize);
        if size > limits.frame_max {
            return Err(Malformed::FrameTooLarge { size, limit: limits.frame_max });
        }
        if kind == FrameType::Heartbeat && (channel != 0 || size != 0) {
            return Err(Malformed::Heartbeat);
        }
        let Some((payload, after)) = input[HEAD..].split_at_checked(size) else {
            return Ok(None);
        };
        match after.first() {
            None => Ok(None),
            Some(&FRAME_END) => Ok(Some(Self { kind, channel, payload })),
            Some(&other) => Err(Malformed::FrameEnd(other)),
        }
    }

    /// Bytes of the whole frame.
    #[inline]
    pub(super) fn len(&self) -> usize {
        FRAME_OVERHEAD + self.payload.len()
    }
}

#[inline]
fn frame_type(octet: u8) -> Result<FrameType, Malformed> {
    match octet {
        1 => Ok(FrameType::Method),
        2 => Ok(FrameType::Header),
        3 => Ok(FrameType::Body),
        8 => Ok(FrameType::Heartbeat),
        other => Err(Malformed::FrameType(other)),
    }
}

/// Body size and raw properties of a content header's payload; its properties are checked.
#[inline]
pub(super) fn content_header(payload: &[u8]) -> Result<(u64, Properties<'_>), Malformed> {
    let (head, raw) = payload.split_first_chunk::<CONTENT_HEAD>().ok_or(Malformed::FrameTooShort)?;
    let [class_high, class_low, weight_high, weight_low, body_size @ ..] = *head;
    let class = u16::from_be_bytes([class_high, class_low]);
    if class != BASIC {
        return Err(Malformed::ContentClass(class));
    }
    let weight = u16::from_be_bytes([weight_high, weight_low]);
    if weight != 0 {
        return Err(Malformed::ContentWeight(weight));
    }
    let properties = Properties::read(raw).map_err(Malformed::Properties)?;
    Ok((u64::from_be_bytes(body_size), properties))
}
