use super::Command;

/// How bytes fail to be a frame. The text is what the peer is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("{0:?} is no STOMP command. A frame begins with one, in capital letters, alone on its line.")]
    UnknownCommand(String),
    #[error("The first frame must be CONNECT or STOMP, this one begins with {0:?}.")]
    ConnectExpected(String),
    #[error("A header line of {0} is over the limit of {1} bytes.")]
    LongLine(Command, usize),
    #[error("{0} has more than {1} headers.")]
    ManyHeaders(Command, usize),
    #[error("The headers of {0} are over the limit of {1} bytes.")]
    LongHeaders(Command, usize),
    #[error("The line {1:?} of {0} is no header: it has no colon. Headers are name:value.")]
    NoColon(Command, String),
    #[error("The line {1:?} of {0} is no header: it has no name before the colon.")]
    NoName(Command, String),
    #[error("The header line {1:?} of {0} ends with more than one CR. In STOMP 1.2 a value says CR as \\r.")]
    StrayReturn(Command, String),
    #[error("{0} ends within its headers: a blank line must follow them, also where there is no body.")]
    NoBlankLine(Command),
    #[error("A header of {0} is not UTF-8.")]
    NotUtf8(Command),
    #[error("The header line {1:?} of {0} has an escape that STOMP {2} does not know. There are {3}.")]
    Escape(Command, String, &'static str, &'static str),
    #[error("content-length:{1} in {0} is not a number of bytes: only digits are, from 0 on.")]
    ContentLength(Command, String),
    #[error("The body of {0} is over the limit of {1} bytes.")]
    LongBody(Command, usize),
    #[error(
        "content-length:{1} in {0} is wrong: no NUL follows that many bytes of body. It counts bytes, not characters."
    )]
    NoNul(Command, usize),
}

impl Malformed {
    /// A few words for the `message` header of ERROR.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::UnknownCommand(_) => "Unknown command",
            Self::ConnectExpected(_) => "CONNECT expected",
            Self::LongLine(..) => "Header too long",
            Self::ManyHeaders(..) => "Too many headers",
            Self::LongHeaders(..) => "Headers too long",
            Self::LongBody(..) => "Body too long",
            Self::ContentLength(..) | Self::NoNul(..) => "Wrong content-length",
            Self::NoColon(..)
            | Self::NoName(..)
            | Self::StrayReturn(..)
            | Self::NoBlankLine(_)
            | Self::NotUtf8(_)
            | Self::Escape(..) => "Malformed header",
        }
    }
}
