//! What a peer can do wrong on the wire, and what cannot be written.

use super::method::MethodId;
use super::reply::ReplyCode;

/// One way to break AMQP 0-9-1's wire format. All of them end the connection, with `connection.close` and
/// [`Malformed::reply_code`] (2.2.3, 2.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A frame type other than 1, 2, 3 and 8 (2.3.5).
    #[error("unknown frame type {0}")]
    FrameType(u8),
    /// The frame-end octet is not 0xCE (2.3.5).
    #[error("invalid frame end marker {0:#04x}")]
    FrameEnd(u8),
    /// More payload than was agreed in `connection.tune`.
    #[error("frame payload of {size} bytes where {limit} are allowed")]
    FrameTooLarge { size: usize, limit: usize },
    /// A method frame of less than 4 bytes, or a content header of less than 14.
    #[error("a frame too short for its type")]
    FrameTooShort,
    /// A heartbeat on another channel than 0, or with a payload (2.3.5).
    #[error("malformed heartbeat frame")]
    Heartbeat,

    /// A method that this codec does not know.
    #[error("unknown method {0}")]
    UnknownMethod(MethodId),
    /// A method that only the other side may send.
    #[error("{0} sent in the wrong direction")]
    WrongDirection(MethodId),
    /// The arguments of a method.
    #[error("{1} in the arguments of {0}")]
    Arguments(MethodId, Syntax),

    /// A content header of another class than `basic`.
    #[error("content header for class {0} instead of class 60")]
    ContentClass(u16),
    /// The weight of a content header must be zero (2.3.5.2).
    #[error("content header with weight {0}")]
    ContentWeight(u16),
    /// The property flags or the property list of a content header.
    #[error("{0} in the properties of a content header")]
    Properties(Syntax),
}

impl Malformed {
    /// What `connection.close` says.
    pub fn reply_code(&self) -> ReplyCode {
        match self {
            Self::FrameType(_)
            | Self::FrameEnd(_)
            | Self::FrameTooLarge { .. }
            | Self::FrameTooShort
            | Self::Heartbeat => ReplyCode::FrameError,
            Self::Arguments(..) | Self::Properties(_) => ReplyCode::SyntaxError,
            Self::WrongDirection(_) => ReplyCode::CommandInvalid,
            Self::ContentClass(_) | Self::ContentWeight(_) => ReplyCode::UnexpectedFrame,
            Self::UnknownMethod(_) => ReplyCode::NotImplemented,
        }
    }

    /// The method that `connection.close` blames; zeros if it was none.
    pub fn method(&self) -> MethodId {
        match self {
            Self::UnknownMethod(id) | Self::WrongDirection(id) | Self::Arguments(id, _) => *id,
            _ => MethodId::NONE,
        }
    }
}

/// One way to break the data types (4.2.5), wherever they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Syntax {
    /// A field reaches over the end of what holds it.
    #[error("a field that is cut off")]
    Truncated,
    /// Bytes follow the last field.
    #[error("bytes after the last field")]
    TrailingBytes,
    /// A table or array holds a type that RabbitMQ does not know.
    #[error("unknown field type {0:#04x}")]
    FieldType(u8),
    /// Tables and arrays inside each other, beyond [`super::MAX_NESTING`].
    #[error("tables and arrays nested too deep")]
    TooDeep,
    /// Property flags that `basic` does not have: bit 1, or the continuation in bit 0.
    #[error("unknown property flags {0:#06x}")]
    PropertyFlags(u16),
}

/// What AMQP 0-9-1 has no bytes for. Nothing has been written when this is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unencodable {
    /// A short string, a field's or a property's, of more than 255 bytes.
    #[error("a short string of {0} bytes")]
    ShortStringTooLong(usize),
    /// A long string, table or array of 4 GiB or more.
    #[error("a long string, table or array of {0} bytes")]
    LongStringTooLong(usize),
    /// A method or a content header is one frame, however long it is.
    #[error("a frame of {size} bytes where {limit} are allowed")]
    FrameTooLarge { size: usize, limit: usize },
    /// Tables and arrays inside each other, beyond [`super::MAX_NESTING`].
    #[error("tables and arrays nested too deep")]
    TooDeep,
}
