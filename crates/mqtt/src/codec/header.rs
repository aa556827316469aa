//! The fixed header: what a packet is, how long it is, and whether this side takes it at all.

use std::fmt;

use super::error::Malformed;
use super::packet::Version;

/// The largest remaining length that four bytes can say (2.2.3), in bytes.
pub const MAX_REMAINING: usize = 268_435_455;

/// Which side of the connection is decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes what clients send.
    Server,
    /// Takes what servers send.
    Client,
}

/// What this side is willing to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a whole packet, fixed header included.
    pub max_packet: usize,
}

/// The type of a packet: the high four bits of its first byte (2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
}

impl Kind {
    /// The packet type in a packet's first byte.
    ///
    /// # Errors
    /// [`Malformed::ReservedType`].
    pub fn of(first: u8) -> Result<Self, Malformed> {
        Ok(match first >> 4 {
            1 => Self::Connect,
            2 => Self::ConnAck,
            3 => Self::Publish,
            4 => Self::PubAck,
            5 => Self::PubRec,
            6 => Self::PubRel,
            7 => Self::PubComp,
            8 => Self::Subscribe,
            9 => Self::SubAck,
            10 => Self::Unsubscribe,
            11 => Self::UnsubAck,
            12 => Self::PingReq,
            13 => Self::PingResp,
            14 => Self::Disconnect,
            reserved => return Err(Malformed::ReservedType(reserved)),
        })
    }

    /// The first byte of a packet of this kind; PUBLISH adds its own flags (2.2.2, table 2.2).
    pub(super) const fn first_byte(self) -> u8 {
        (self as u8) << 4 | self.flags()
    }

    const fn flags(self) -> u8 {
        match self {
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => 0b0010,
            _ => 0,
        }
    }

    const fn may_reach(self, role: Role) -> bool {
        match self {
            Self::Connect | Self::Subscribe | Self::Unsubscribe | Self::PingReq | Self::Disconnect => {
                matches!(role, Role::Server)
            }
            Self::ConnAck | Self::SubAck | Self::UnsubAck | Self::PingResp => matches!(role, Role::Client),
            Self::Publish | Self::PubAck | Self::PubRec | Self::PubRel | Self::PubComp => true,
        }
    }

    /// The remaining length, for packets that have only one.
    const fn only_body(self) -> Option<usize> {
        match self {
            Self::ConnAck | Self::PubAck | Self::PubRec | Self::PubRel | Self::PubComp | Self::UnsubAck => Some(2),
            Self::PingReq | Self::PingResp | Self::Disconnect => Some(0),
            Self::Connect | Self::Publish | Self::Subscribe | Self::SubAck | Self::Unsubscribe => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "CONNECT",
            Self::ConnAck => "CONNACK",
            Self::Publish => "PUBLISH",
            Self::PubAck => "PUBACK",
            Self::PubRec => "PUBREC",
            Self::PubRel => "PUBREL",
            Self::PubComp => "PUBCOMP",
            Self::Subscribe => "SUBSCRIBE",
            Self::SubAck => "SUBACK",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::UnsubAck => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
        })
    }
}

/// Bytes of the packet at the front of `input`, fixed header included, once that header is there: what to
/// reserve for it. `None` before that, and for a remaining length that [`super::decode`] refuses.
pub fn needed(input: &[u8]) -> Option<usize> {
    let lengths = Lengths::read(input).ok()??;
    Some(lengths.header + lengths.body)
}

/// How long the two parts of a packet are, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    pub(super) header: usize,
    pub(super) body: usize,
}

impl Lengths {
    /// Reads the remaining length (2.2.3). `None` until it has ended. Longer forms of a small number are not
    /// forbidden before MQTT 5.
    #[inline]
    pub(super) fn read(input: &[u8]) -> Result<Option<Self>, Malformed> {
        match input.get(1) {
            None => Ok(None),
            Some(&byte) if byte < 0x80 => Ok(Some(Self { header: 2, body: usize::from(byte) })),
            Some(_) => Self::read_long(input),
        }
    }

    fn read_long(input: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut body = 0;
        for (at, &byte) in input.iter().enumerate().skip(1).take(4) {
            body |= usize::from(byte & 0x7f) << (7 * (at - 1));
            if byte < 0x80 {
                return Ok(Some(Self { header: at + 1, body }));
            }
        }
        if input.len() > 4 { Err(Malformed::RemainingLength) } else { Ok(None) }
    }

    /// # Errors
    /// [`Malformed::TooLarge`].
    #[inline]
    pub(super) fn within(self, limits: &Limits) -> Result<Self, Malformed> {
        let size = self.header + self.body;
        if size > limits.max_packet {
            return Err(Malformed::TooLarge { size, limit: limits.max_packet });
        }
        Ok(self)
    }
}

/// Judges everything but PUBLISH by its fixed header. `None` while that or the body is incomplete.
pub(super) fn control(
    input: &[u8],
    limits: &Limits,
    role: Role,
    version: Version,
) -> Result<Option<(Kind, Lengths)>, Malformed> {
    let Some(&first) = input.first() else {
        return Ok(None);
    };
    let kind = Kind::of(first)?;
    if !kind.may_reach(role) {
        return Err(Malformed::WrongDirection(kind));
    }
    // CONNECT says itself by whose rules it is to be judged.
    if kind != Kind::Connect {
        check_flags(kind, first, version)?;
    }
    let Some(lengths) = Lengths::read(input)? else {
        return Ok(None);
    };
    if kind.only_body().is_some_and(|body| body != lengths.body) {
        return Err(Malformed::BodyLength(kind, lengths.body));
    }
    let lengths = lengths.within(limits)?;
    Ok((input.len() >= lengths.header + lengths.body).then_some((kind, lengths)))
}

/// Table 2.2 of MQTT 3.1.1 \[MQTT-2.2.2-2\]. In MQTT 3.1 PUBREL, SUBSCRIBE and UNSUBSCRIBE have QoS 1 and may
/// have DUP; all other bits "are not used".
pub(super) fn check_flags(kind: Kind, first: u8, version: Version) -> Result<(), Malformed> {
    let flags = first & 0x0f;
    let mask = match version {
        Version::V31 if kind.flags() == 0 => 0,
        Version::V31 => 0b0110,
        Version::V311 => 0b1111,
    };
    if flags & mask == kind.flags() { Ok(()) } else { Err(Malformed::HeaderFlags(kind, flags)) }
}
