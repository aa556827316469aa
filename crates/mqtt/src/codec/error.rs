//! What a peer can do wrong on the wire, and what cannot be written.

use super::header::Kind;

/// One way to break MQTT's wire format. The bracketed numbers are the normative statements of MQTT 3.1.1.
///
/// All of them end the connection \[MQTT-4.8.0-1\]; only [`Malformed::ProtocolLevel`] is answered first, with
/// CONNACK "unacceptable protocol version" \[MQTT-3.1.2-2\].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Packet types 0 and 15 are reserved (2.2.1, table 2.1).
    #[error("packet type {0} is reserved")]
    ReservedType(u8),
    /// A packet that only the other side may send (2.2.1, table 2.1, "direction of flow").
    #[error("{0} sent in the wrong direction")]
    WrongDirection(Kind),
    /// A connection does not begin with CONNECT \[MQTT-3.1.0-1\].
    #[error("the first packet is not CONNECT")]
    ConnectExpected,
    /// The low four bits of the first byte are not those of table 2.2 \[MQTT-2.2.2-2\].
    #[error("{0} with reserved bits {1:#06b} in its fixed header")]
    HeaderFlags(Kind, u8),
    /// The remaining length goes on after four bytes (2.2.3).
    #[error("the remaining length has more than four bytes")]
    RemainingLength,
    /// Larger than this side takes; not a breach of the format, but answered like one.
    #[error("a packet of {size} bytes where {limit} are allowed")]
    TooLarge { size: usize, limit: usize },
    /// A packet of one possible length has another one (the "remaining length" clause of that packet).
    #[error("{0} with a remaining length of {1}")]
    BodyLength(Kind, usize),
    /// A field reaches over the end of its packet.
    #[error("{0} ends within a field")]
    Truncated(Kind),
    /// Bytes follow the last field of a packet.
    #[error("{0} goes on after its last field")]
    TrailingBytes(Kind),

    /// Text that is not UTF-8, surrogates and overlong forms included \[MQTT-1.5.3-1\].
    #[error("a text is not valid UTF-8")]
    InvalidUtf8,
    /// Text with U+0000 \[MQTT-1.5.3-2\].
    #[error("a text contains U+0000")]
    NulCharacter,
    /// Text of more than 65,535 bytes (1.5.3); can only be met on the way out.
    #[error("a text of {0} bytes")]
    TextTooLong(usize),
    /// Topic names and filters have at least one character \[MQTT-4.7.3-1\].
    #[error("an empty topic")]
    EmptyTopic,
    /// Topic names have no wildcards \[MQTT-3.3.2-2\], \[MQTT-4.7.1-1\].
    #[error("a topic name with a wildcard")]
    TopicWildcard,
    /// `#` stands alone in the last level \[MQTT-4.7.1-2\].
    #[error("a topic filter with a misplaced #")]
    MisplacedHash,
    /// `+` fills its whole level \[MQTT-4.7.1-3\].
    #[error("a topic filter with a misplaced +")]
    MisplacedPlus,

    /// Both QoS bits of a PUBLISH are set \[MQTT-3.3.1-4\].
    #[error("PUBLISH with QoS 3")]
    PublishQos,
    /// DUP together with QoS 0 \[MQTT-3.3.1-2\]; MQTT 3.1 does not forbid it.
    #[error("PUBLISH with DUP and QoS 0")]
    DupWithoutQos,
    /// Packet identifiers are not zero \[MQTT-2.3.1-1\].
    #[error("{0} with packet identifier 0")]
    ZeroPacketId(Kind),

    /// The protocol is called neither `MQTT` nor `MQIsdp` \[MQTT-3.1.2-1\].
    #[error("an unknown protocol name")]
    ProtocolName,
    /// A protocol level that this side does not speak under that name \[MQTT-3.1.2-2\].
    #[error("protocol level {0} is not spoken here")]
    ProtocolLevel(u8),
    /// Bit 0 of the connect flags \[MQTT-3.1.2-3\].
    #[error("CONNECT with its reserved flag set")]
    ConnectReservedFlag,
    /// A will QoS of 1 to 3 without a will \[MQTT-3.1.2-11\], \[MQTT-3.1.2-13\].
    #[error("CONNECT with a will QoS and no will")]
    WillQosWithoutWill,
    /// Will QoS 3 \[MQTT-3.1.2-14\].
    #[error("CONNECT with will QoS 3")]
    WillQos,
    /// Will retain without a will \[MQTT-3.1.2-11\], \[MQTT-3.1.2-15\].
    #[error("CONNECT with will retain and no will")]
    WillRetainWithoutWill,
    /// A password without a user name \[MQTT-3.1.2-22\].
    #[error("CONNECT with a password and no user name")]
    PasswordWithoutUserName,

    /// SUBSCRIBE without a filter \[MQTT-3.8.3-3\].
    #[error("SUBSCRIBE without topic filters")]
    NoSubscriptions,
    /// Requested QoS 3, or reserved bits beside it \[MQTT-3-8.3-4\].
    #[error("SUBSCRIBE with the options byte {0:#04x}")]
    RequestedQos(u8),
    /// UNSUBSCRIBE without a filter \[MQTT-3.10.3-2\].
    #[error("UNSUBSCRIBE without topic filters")]
    NoFilters,

    /// Bits 7 to 1 of CONNACK's acknowledge flags (3.2.2.1).
    #[error("CONNACK with the acknowledge flags {0:#04x}")]
    ConnAckFlags(u8),
    /// A return code above 5 (3.2.2.3, table 3.1).
    #[error("CONNACK with the return code {0}")]
    ConnectReturnCode(u8),
    /// Session present beside a refusal \[MQTT-3.2.2-4\].
    #[error("CONNACK that refuses and says session present")]
    SessionPresentInRefusal,
    /// A code other than 0, 1, 2 and 0x80 \[MQTT-3.9.3-2\].
    #[error("SUBACK with the return code {0:#04x}")]
    SubscribeReturnCode(u8),
    /// SUBACK that answers nothing; SUBSCRIBE has at least one filter \[MQTT-3.9.3-1\].
    #[error("SUBACK without return codes")]
    NoReturnCodes,
}

/// What MQTT has no bytes for. Nothing has been written when this is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unencodable {
    /// The remaining length would exceed 268,435,455 (2.2.3).
    #[error("a packet of {0} bytes after its fixed header")]
    PacketTooLong(usize),
    /// A topic, password or will of more than 65,535 bytes (1.5.3, 3.1.3.3, 3.1.3.5).
    #[error("a field of {0} bytes")]
    FieldTooLong(usize),
    /// A password without a user name \[MQTT-3.1.2-22\].
    #[error("a password without a user name")]
    PasswordWithoutUserName,
}
