//! What a peer can do wrong on the wire, and what cannot be written.

use super::condition;
use super::text::Symbol;

/// One way to break AMQP 1.0's wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A frame has at least its eight bytes of header (2.3.1).
    #[error("a frame of {0} bytes")]
    FrameTooShort(u32),
    /// Larger than this side's max-frame-size (2.7.1).
    #[error("a frame of {size} bytes where {limit} are allowed")]
    FrameTooLarge { size: u32, limit: u32 },
    /// DOFF is below 2 or points behind the frame's end (2.3.1).
    #[error("a frame of {size} bytes with a data offset of {doff} words")]
    DataOffset { size: u32, doff: u8 },
    /// Neither AMQP nor SASL, or the one where the other is spoken (2.3.1, 5.3.1).
    #[error("a frame of type {0}")]
    FrameType(u8),
    /// A SASL frame without a body (5.3.1).
    #[error("a SASL frame without a body")]
    EmptySaslFrame,
    /// Bytes behind the body of a frame that has no payload.
    #[error("{0} goes on after its end")]
    TrailingBytes(&'static str),

    /// The bytes end within a value.
    #[error("the bytes end within a value")]
    Truncated,
    /// A format code that stands for no type (1.6).
    #[error("no type has the format code {0:#04x}")]
    FormatCode(u8),
    /// A compound's size has no room for its elements, or leaves bytes over (1.6.22–1.6.24).
    #[error("the size of a list, map or array does not agree with its elements")]
    CompoundSize,
    /// A compound says that it has more elements than could be there, or than [`super::limits::MAX_ZERO_WIDTH`].
    #[error("a count of {0} elements")]
    Count(u32),
    /// A map's count is odd: a key without a value (1.6.23).
    #[error("a map with a key that has no value")]
    OddMap,
    /// Nested deeper than [`super::limits::MAX_DEPTH`].
    #[error("values nested too deep")]
    Depth,
    /// More than [`super::limits::MAX_VALUES`] values in the fields of a performative or before a message's body.
    #[error("too many values")]
    TooManyValues,
    /// A string is not UTF-8 (1.6.20).
    #[error("a string is not valid UTF-8")]
    Utf8,
    /// A symbol is not ASCII (1.6.21).
    #[error("a symbol is not ASCII")]
    Ascii,
    /// A char that is no Unicode scalar value (1.6.16).
    #[error("{0:#x} is not a character")]
    Char(u32),
    /// A boolean of one byte that is neither 0 nor 1 (1.6.2).
    #[error("a boolean with the byte {0:#04x}")]
    Boolean(u8),

    /// A value of one type where the specification has another one.
    #[error("{0} has a value of another type")]
    Type(&'static str),
    /// A mandatory field is null or missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A value that a restricted type has no choice for.
    #[error("{0} has a value that is not one of its choices")]
    Choice(&'static str),
    /// A described list with more fields than its type has.
    #[error("{0} has too many fields")]
    TooManyFields(&'static str),
    /// A descriptor that means nothing at its place.
    #[error("an unexpected descriptor for {0}")]
    Descriptor(&'static str),

    /// Sections of a message out of their order, or one that is there twice (3.2).
    #[error("the sections of the message are out of order")]
    SectionOrder,
    /// More than [`super::limits::MAX_BODY_SECTIONS`].
    #[error("a message with too many body sections")]
    TooManySections,
}

impl Malformed {
    /// What the peer is told (2.8.15, 2.8.16).
    pub fn condition(self) -> Symbol {
        match self {
            Self::FrameTooShort(_)
            | Self::FrameTooLarge { .. }
            | Self::DataOffset { .. }
            | Self::FrameType(_)
            | Self::EmptySaslFrame => condition::FRAMING_ERROR,
            Self::Depth | Self::TooManyValues | Self::TooManySections => condition::RESOURCE_LIMIT_EXCEEDED,
            _ => condition::DECODE_ERROR,
        }
    }
}
