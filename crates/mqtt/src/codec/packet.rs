//! The fourteen packets of MQTT 3.1 and 3.1.1. Texts and payloads are slices of the buffer they came in.

use std::num::NonZeroU16;

use bytes::Bytes;

use super::filters::{Filters, Subscriptions};
use super::header::Kind;
use super::text::{Text, TopicName};

/// Names one handshake of one direction of a connection; never zero \[MQTT-2.3.1-1\].
pub type PacketId = NonZeroU16;

/// Any packet (2.2.1, table 2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// Boxed, because it comes once a connection and would triple the size of all others.
    Connect(Box<Connect>),
    ConnAck(ConnAck),
    Publish(Publish),
    PubAck(PacketId),
    PubRec(PacketId),
    PubRel(PacketId),
    PubComp(PacketId),
    Subscribe(Subscribe),
    SubAck(SubAck),
    Unsubscribe(Unsubscribe),
    UnsubAck(PacketId),
    PingReq,
    PingResp,
    Disconnect,
}

impl Packet {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Connect(_) => Kind::Connect,
            Self::ConnAck(_) => Kind::ConnAck,
            Self::Publish(_) => Kind::Publish,
            Self::PubAck(_) => Kind::PubAck,
            Self::PubRec(_) => Kind::PubRec,
            Self::PubRel(_) => Kind::PubRel,
            Self::PubComp(_) => Kind::PubComp,
            Self::Subscribe(_) => Kind::Subscribe,
            Self::SubAck(_) => Kind::SubAck,
            Self::Unsubscribe(_) => Kind::Unsubscribe,
            Self::UnsubAck(_) => Kind::UnsubAck,
            Self::PingReq => Kind::PingReq,
            Self::PingResp => Kind::PingResp,
            Self::Disconnect => Kind::Disconnect,
        }
    }
}

/// What a connection speaks, as its CONNECT says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// MQTT 3.1: `MQIsdp`, level 3.
    V31,
    /// MQTT 3.1.1: `MQTT`, level 4.
    V311,
}

impl Version {
    /// The protocol name in CONNECT (3.1.2.1).
    pub const fn protocol_name(self) -> &'static str {
        match self {
            Self::V31 => "MQIsdp",
            Self::V311 => "MQTT",
        }
    }

    /// The protocol level in CONNECT (3.1.2.2).
    pub const fn level(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
        }
    }
}

/// How hard both sides try (4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Qos {
    AtMostOnce = 0,
    AtLeastOnce = 1,
    ExactlyOnce = 2,
}

impl Qos {
    /// `None` for 3 and above.
    #[inline]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// The first packet of a client (3.1). Its fields share one allocation that holds nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    pub version: Version,
    pub clean_session: bool,
    /// Seconds; 0 = off (3.1.2.10).
    pub keep_alive: u16,
    /// May be empty. Whether that, or its length, is acceptable is for CONNACK to say (3.1.3.1).
    pub client_id: Text,
    pub will: Option<Will>,
    pub user_name: Option<Text>,
    /// At most 65,535 bytes; only beside a user name \[MQTT-3.1.2-22\].
    pub password: Option<Bytes>,
}

/// What the server publishes when the connection breaks (3.1.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    pub qos: Qos,
    pub retain: bool,
    pub topic: TopicName,
    /// At most 65,535 bytes.
    pub payload: Bytes,
}

/// The answer to CONNECT (3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnAck {
    /// False beside a refusal \[MQTT-3.2.2-4\]; MQTT 3.1 has no such bit.
    pub session_present: bool,
    pub code: ConnectReturnCode,
}

/// 3.2.2.3, table 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ConnectReturnCode {
    Accepted = 0,
    UnacceptableProtocolVersion = 1,
    IdentifierRejected = 2,
    ServerUnavailable = 3,
    BadUserNameOrPassword = 4,
    NotAuthorized = 5,
}

impl ConnectReturnCode {
    pub(super) const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Accepted,
            1 => Self::UnacceptableProtocolVersion,
            2 => Self::IdentifierRejected,
            3 => Self::ServerUnavailable,
            4 => Self::BadUserNameOrPassword,
            5 => Self::NotAuthorized,
            _ => return None,
        })
    }
}

/// One message in one direction (3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Whether this may have been sent before; never with QoS 0 \[MQTT-3.3.1-2\].
    pub dup: bool,
    pub qos: Qos,
    pub retain: bool,
    pub topic: TopicName,
    /// There if and only if the QoS is above 0 \[MQTT-2.3.1-5\].
    pub id: Option<PacketId>,
    pub payload: Bytes,
}

/// 3.8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    pub id: PacketId,
    pub subscriptions: Subscriptions,
}

/// The answer to SUBSCRIBE (3.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubAck {
    pub id: PacketId,
    /// One for each filter of the SUBSCRIBE, in its order \[MQTT-3.9.3-1\]; not empty.
    pub codes: Vec<SubscribeReturnCode>,
}

/// 3.9.3. MQTT 3.1 has no failure code, but servers send it there too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscribeReturnCode {
    /// The highest QoS that the server will use for this subscription.
    Granted(Qos),
    Failure,
}

impl SubscribeReturnCode {
    pub(super) const fn from_byte(byte: u8) -> Option<Self> {
        match (byte, Qos::from_bits(byte)) {
            (0x80, _) => Some(Self::Failure),
            (_, Some(qos)) => Some(Self::Granted(qos)),
            (_, None) => None,
        }
    }

    pub(super) const fn to_byte(self) -> u8 {
        match self {
            Self::Granted(qos) => qos as u8,
            Self::Failure => 0x80,
        }
    }
}

/// 3.10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    pub id: PacketId,
    pub filters: Filters,
}
