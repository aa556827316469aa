//! A cursor over the body of one packet.

use bytes::{Buf, Bytes};

use super::error::Malformed;
use super::header::Kind;
use super::packet::PacketId;
use super::text::{Text, TopicName};

/// Takes fields off the front of a body; every length is checked against what is left of the packet.
pub(super) struct Reader {
    kind: Kind,
    rest: Bytes,
}

impl Reader {
    pub(super) const fn new(kind: Kind, body: Bytes) -> Self {
        Self { kind, rest: body }
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.rest.try_get_u8().map_err(|_| Malformed::Truncated(self.kind))
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.rest.try_get_u16().map_err(|_| Malformed::Truncated(self.kind))
    }

    pub(super) fn packet_id(&mut self) -> Result<PacketId, Malformed> {
        PacketId::new(self.u16()?).ok_or(Malformed::ZeroPacketId(self.kind))
    }

    /// A u16 length and that many bytes.
    pub(super) fn field(&mut self) -> Result<Bytes, Malformed> {
        let len = usize::from(self.u16()?);
        if len > self.rest.len() {
            return Err(Malformed::Truncated(self.kind));
        }
        Ok(self.rest.split_to(len))
    }

    pub(super) fn text(&mut self) -> Result<Text, Malformed> {
        Text::new(self.field()?)
    }

    pub(super) fn topic_name(&mut self) -> Result<TopicName, Malformed> {
        TopicName::new(self.field()?)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn rest(self) -> Bytes {
        self.rest
    }

    /// # Errors
    /// [`Malformed::TrailingBytes`].
    pub(super) fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::TrailingBytes(self.kind)) }
    }
}

/// Splits a u16 length and that many bytes off the front of `bytes`.
pub(super) fn split_field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}
