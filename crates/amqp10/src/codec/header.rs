//! The eight bytes a connection, a TLS or a SASL layer begins with (2.2, 5.2, 5.3).

/// Which layer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolId {
    Amqp = 0,
    Tls = 2,
    Sasl = 3,
}

pub const HEADER_LEN: usize = 8;

/// What the first bytes of a stream are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolHeader {
    /// Fewer than eight bytes, and so far right.
    Incomplete,
    Known(ProtocolId),
    /// Not AMQP 1.0.0: answered with a header that this side does speak, then closed (2.2).
    Unknown,
}

impl ProtocolId {
    /// The header for version 1.0.0.
    pub const fn header(self) -> [u8; HEADER_LEN] {
        [b'A', b'M', b'Q', b'P', self as u8, 1, 0, 0]
    }
}

impl ProtocolHeader {
    /// Judges the front of `input` and takes nothing off it.
    pub fn peek(input: &[u8]) -> Self {
        let known = [ProtocolId::Amqp, ProtocolId::Tls, ProtocolId::Sasl];
        match input.first_chunk::<HEADER_LEN>() {
            Some(first) => known.into_iter().find(|id| id.header() == *first).map_or(Self::Unknown, Self::Known),
            None if known.into_iter().any(|id| id.header().starts_with(input)) => Self::Incomplete,
            None => Self::Unknown,
        }
    }
}
