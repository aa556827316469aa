//! What peers do wrong, and what they are told. Each error has one condition.

use model::{Misbehaviour, Refusal};

use crate::address::AddressError;
use crate::codec::{AmqpError, Malformed, Symbol, condition};

/// Bytes of what a peer is told in words: an address that it has sent may be long.
const DESCRIPTION: usize = 256;

/// What ends a connection (2.8.16).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("no AMQP 1.0 header")]
    UnknownHeader,
    #[error("TLS within the connection (5.2)")]
    TlsHeader,
    #[error("SASL frame out of its turn")]
    SaslOrder,
    #[error("SASL mechanism {0:?} is not offered")]
    Mechanism(String),
    #[error("SASL PLAIN without an authorisation id, a name and a password (RFC 4616)")]
    PlainResponse,
    #[error("{0}")]
    LoginUnavailable(String),
    #[error("{0}")]
    NotLetIn(Refusal),
    #[error("access to vhost '{0}' refused for user '{1}'")]
    Host(String, String),
    #[error("not open after the login time-out")]
    NotOpened,
    #[error("more than {0} bytes before the answer to its open")]
    Impatient(usize),
    #[error("a frame before open")]
    BeforeOpen,
    #[error("a second open")]
    SecondOpen,
    #[error("max-frame-size {0} is below 512 (2.7.1)")]
    SmallFrames(u32),
    #[error("container-id {0:?} is connected already")]
    ContainerInUse(String),
    #[error("channel {channel} is above channel-max {max} (2.7.1)")]
    ChannelMax { channel: u16, max: u16 },
    #[error("channel {0} has no session")]
    NoSession(u16),
    #[error("channel {0} has a session already")]
    SecondBegin(u16),
    #[error("handle {handle} is above handle-max {max} (2.7.2)")]
    HandleMax { handle: u32, max: u32 },
    #[error("a begin with a remote-channel, but this side begins no sessions (2.7.2)")]
    RemoteChannel,
    #[error("silent for longer than {0} ms (2.4.5)")]
    Idle(u64),
}

impl ClientError {
    pub(crate) fn condition(&self) -> Symbol {
        match self {
            Self::Malformed(error) => error.condition(),
            Self::UnknownHeader | Self::TlsHeader | Self::ChannelMax { .. } | Self::HandleMax { .. } => {
                condition::FRAMING_ERROR
            }
            Self::SaslOrder | Self::BeforeOpen | Self::SecondOpen => condition::ILLEGAL_STATE,
            Self::Mechanism(_) | Self::PlainResponse | Self::NotLetIn(_) | Self::Host(..) => {
                condition::UNAUTHORIZED_ACCESS
            }
            Self::LoginUnavailable(_) => condition::INTERNAL_ERROR,
            Self::NotOpened | Self::Impatient(_) | Self::Idle(_) => condition::RESOURCE_LIMIT_EXCEEDED,
            Self::SmallFrames(_) | Self::ContainerInUse(_) | Self::RemoteChannel => condition::INVALID_FIELD,
            Self::NoSession(_) | Self::SecondBegin(_) => condition::NOT_ALLOWED,
        }
    }

    pub(crate) fn told(&self) -> AmqpError {
        let mut error = told(self.condition(), self);
        if let Self::ContainerInUse(_) = self {
            // What JMS clients look at (JMS mapping, 6.1).
            error.info.push("invalid-field", crate::codec::Value::symbol("container-id"));
        }
        error
    }
}

impl From<ClientError> for Misbehaviour {
    fn from(error: ClientError) -> Self {
        Self(error.to_string())
    }
}

/// What ends a session (2.8.17).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("handle {0} has no link")]
    Unattached(u32),
    #[error("handle {0} has a link already")]
    HandleInUse(u32),
    #[error("more transfers than the incoming window takes")]
    Window,
    #[error("a transfer on handle {0}, which receives")]
    Errant(u32),
    #[error("more than {0} links")]
    TooManyLinks(usize),
    #[error("handle-max {0} leaves no handle for another link")]
    NoHandle(u32),
}

impl SessionError {
    pub(crate) fn told(&self) -> AmqpError {
        let condition = match self {
            Self::Unattached(_) => condition::UNATTACHED_HANDLE,
            Self::HandleInUse(_) => condition::HANDLE_IN_USE,
            Self::Window => condition::WINDOW_VIOLATION,
            Self::Errant(_) => condition::ERRANT_LINK,
            Self::TooManyLinks(_) | Self::NoHandle(_) => condition::RESOURCE_LIMIT_EXCEEDED,
        };
        told(condition, self)
    }
}

/// What ends a link, or refuses it (2.8.18).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("no source")]
    NoSource,
    #[error("no target")]
    NoTarget,
    #[error("a sender without an initial-delivery-count")]
    NoDeliveryCount,
    #[error("filter {0:?} is malformed")]
    Filter(&'static str),
    #[error("more transfers than the link credit allows")]
    NoCredit,
    #[error("the first transfer of a delivery without {0}")]
    FirstTransfer(&'static str),
    #[error("a message above the limit of {0} bytes")]
    TooLong(u64),
    #[error("more than {0} bytes of messages that are not whole")]
    TooManyBegun(usize),
    #[error("the queue was deleted")]
    Deleted,
    #[error("{0}")]
    Gone(Refusal),
    #[error("messages of format {0:#010x}")]
    Format(u32),
    #[error("user-id {0:?} is not the authenticated user {1:?}")]
    UserId(String, String),
    #[error("the message has no address in its field to")]
    NoAddress,
    #[error("no such transaction")]
    NoTransaction,
    #[error("{0} is not supported")]
    NotImplemented(&'static str),
    #[error("the link was attached anew under the name {0:?}")]
    Stolen(String),
}

impl LinkError {
    fn condition(&self) -> Symbol {
        match self {
            Self::Malformed(error) => error.condition(),
            Self::Address(_)
            | Self::NoSource
            | Self::NoTarget
            | Self::Filter(_)
            | Self::NoDeliveryCount
            | Self::FirstTransfer(_) => condition::INVALID_FIELD,
            Self::Refused(refusal) => refused(refusal),
            Self::UserId(..) => condition::UNAUTHORIZED_ACCESS,
            Self::NoAddress => condition::NOT_FOUND,
            Self::Format(_) | Self::NotImplemented(_) => condition::NOT_IMPLEMENTED,
            Self::NoCredit => condition::TRANSFER_LIMIT_EXCEEDED,
            Self::TooLong(_) => condition::MESSAGE_SIZE_EXCEEDED,
            Self::Deleted | Self::Gone(_) => condition::RESOURCE_DELETED,
            Self::TooManyBegun(_) => condition::RESOURCE_LIMIT_EXCEEDED,
            Self::NoTransaction => condition::TRANSACTION_UNKNOWN_ID,
            Self::Stolen(_) => condition::STOLEN,
        }
    }

    pub(crate) fn told(&self) -> AmqpError {
        told(self.condition(), self)
    }
}

fn told(condition: Symbol, error: &dyn std::error::Error) -> AmqpError {
    let mut text = error.to_string();
    text.truncate(text.floor_char_boundary(DESCRIPTION));
    AmqpError::new(condition, text)
}

/// The condition of a refusal (2.8.15).
fn refused(refusal: &Refusal) -> Symbol {
    match refusal {
        Refusal::NoSuchQueue(_) | Refusal::NoSuchExchange(_) => condition::NOT_FOUND,
        Refusal::Different(..) | Refusal::NotEmpty(_) => condition::PRECONDITION_FAILED,
        Refusal::Exclusive(_) | Refusal::InUse(_) | Refusal::ClientInUse(_) => condition::RESOURCE_LOCKED,
        Refusal::Full(_) | Refusal::Limit(..) => condition::RESOURCE_LIMIT_EXCEEDED,
        Refusal::NotLeased => condition::ILLEGAL_STATE,
        Refusal::NoSuchTransaction => condition::TRANSACTION_UNKNOWN_ID,
        Refusal::Invalid(_) => condition::INVALID_FIELD,
        Refusal::Internal(_) | Refusal::Denied(_) | Refusal::Login => condition::UNAUTHORIZED_ACCESS,
        Refusal::IsLog => condition::NOT_ALLOWED,
        Refusal::Unreadable | Refusal::LoginUnavailable(_) => condition::INTERNAL_ERROR,
    }
}

/// A frame that cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Connection(ClientError),
    Session(SessionError),
}

impl From<ClientError> for Wrong {
    fn from(error: ClientError) -> Self {
        Self::Connection(error)
    }
}

impl From<SessionError> for Wrong {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}
