use model::{Misbehaviour, Refusal};

use crate::codec::{Malformed, ReplyCode};

/// How a client breaks the protocol, or asks for what cannot be had. The text is what RabbitMQ says, so that people
/// find it. What it ends, the channel or the whole connection, its [`ReplyCode`] says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("{0} is out of place here")]
    OutOfPlace(&'static str),
    #[error("expected '{expected}', got {got} instead")]
    Unexpected { expected: &'static str, got: String },
    #[error("Malformed UTF-8 in shortstr")]
    NoText,
    #[error("a body of more than {0} bytes, as its header promised")]
    BodyTooLong(u64),

    #[error("unknown authentication mechanism '{0}'")]
    Mechanism(String),
    #[error("Login was refused using authentication mechanism {0}. For details see the broker logfile.")]
    Login(&'static str),
    #[error("{0}")]
    LoginUnavailable(String),
    #[error("{0}")]
    NotLetIn(Refusal),
    #[error("access to vhost '{0}' refused for user '{1}'")]
    VirtualHost(String, String),
    #[error("New secret was refused by one of the backends")]
    Secret,
    #[error("Secret update failed")]
    SecretUnavailable,
    #[error("over {0} bytes before 'connection.open-ok'")]
    Impatient(usize),
    /// All that is told of who may not do what.
    #[error("{0}")]
    Denied(String),
    #[error("negotiated {field} = {value} is {relation} allowed value ({limit})")]
    Tune { field: &'static str, value: u32, relation: &'static str, limit: u32 },

    #[error("expected 'channel.open'")]
    ChannelNotOpen,
    #[error("second 'channel.open' seen")]
    ChannelOpenTwice,
    #[error("channel number {0} is beyond the negotiated channel_max ({1})")]
    ChannelNumber(u16, u16),

    #[error("no queue '{0}' in vhost '{1}'")]
    NoQueue(String, String),
    #[error("no previously declared queue")]
    NoCurrentQueue,
    #[error("no exchange '{0}' in vhost '{1}'")]
    NoExchange(String, String),
    #[error("{0} name '{1}' contains reserved prefix 'amq.*'")]
    Reserved(&'static str, String),
    #[error("operation not permitted on the default exchange")]
    DefaultExchange,
    #[error("cannot publish to internal exchange '{0}' in vhost '{1}'")]
    Internal(String, String),
    #[error("Invalid x-match field value '{0}'; expected all, any, all-with-x, or any-with-x")]
    Match(String),
    #[error("unknown exchange type '{0}'")]
    ExchangeType(String),
    #[error("inequivalent arg '{arg}' for {what}: received {received} but current is {current}")]
    Inequivalent { arg: String, what: String, received: String, current: String },
    #[error("invalid arg '{arg}' for {what}: {why}")]
    Argument { arg: String, what: String, why: String },
    #[error(
        "cannot obtain exclusive access to locked queue '{0}' in vhost '{1}'. It could be originally declared on \
         another connection or the exclusive property value does not match that of the original declaration."
    )]
    Locked(String, String),
    #[error("{0} in use")]
    InUse(String),
    #[error("{0} not empty")]
    NotEmpty(String),
    #[error("queue '{0}' in vhost '{1}' in exclusive use")]
    ExclusiveUse(String, String),

    #[error("attempt to reuse consumer tag '{0}'")]
    ConsumerTag(String),
    #[error("invalid arg 'x-priority': {0}")]
    Priority(String),
    #[error("invalid message: {{unacceptable_type_in_header,{0}}}")]
    Copies(&'static str),
    #[error("over {0} consumers on one connection")]
    TooManyConsumers(usize),
    #[error("over {0} requests of one channel wait for an answer")]
    TooManyRequests(usize),
    #[error("over {0} bytes of incomplete messages")]
    TooMuchContent(u64),
    #[error("reply consumer cannot acknowledge")]
    ReplyConsumerAcknowledges,
    #[error("reply consumer already set")]
    ReplyConsumerTwice,
    #[error("fast reply consumer does not exist")]
    NoReplyConsumer,
    #[error("unknown delivery tag {0}")]
    DeliveryTag(u64),
    #[error("message size {0} is larger than configured max size {1}")]
    TooLarge(u64, u64),
    #[error("invalid expiration '{0}'")]
    Expiration(String),
    #[error("user_id property set to '{0}' but authenticated user was '{1}'")]
    UserId(String, String),
    #[error("cannot switch from {0} to {1} mode")]
    Mode(&'static str, &'static str),
    #[error("channel is not transactional")]
    NotTransactional,
    #[error("{0}")]
    NotImplemented(String),
    #[error("{0}")]
    Refused(Refusal),

    #[error("nothing said before the login time-out")]
    SaidNothing,
    #[error("missed heartbeats from client")]
    Heartbeat,
    #[error("no close-ok in time")]
    NoCloseOk,
}

impl Fault {
    /// What the client is told; [`ReplyCode::is_hard`] tells what it ends.
    pub(crate) fn reply_code(&self) -> ReplyCode {
        match self {
            Self::Malformed(malformed) => malformed.reply_code(),
            Self::OutOfPlace(_) | Self::ExchangeType(_) | Self::Mechanism(_) => ReplyCode::CommandInvalid,
            Self::Unexpected { .. } => ReplyCode::UnexpectedFrame,
            Self::BodyTooLong(_) | Self::NoText => ReplyCode::FrameError,
            Self::Login(_)
            | Self::Denied(_)
            | Self::Reserved(..)
            | Self::DefaultExchange
            | Self::Internal(..)
            | Self::ExclusiveUse(..) => ReplyCode::AccessRefused,
            Self::ChannelNotOpen | Self::ChannelOpenTwice => ReplyCode::ChannelError,
            Self::Tune { .. }
            | Self::ChannelNumber(..)
            | Self::ConsumerTag(_)
            | Self::TooManyConsumers(_)
            | Self::NotLetIn(_)
            | Self::VirtualHost(..)
            | Self::Secret
            | Self::SecretUnavailable => ReplyCode::NotAllowed,
            Self::LoginUnavailable(_) => ReplyCode::InternalError,
            Self::NoQueue(..) | Self::NoCurrentQueue | Self::NoExchange(..) => ReplyCode::NotFound,
            Self::Locked(..) => ReplyCode::ResourceLocked,
            Self::TooManyRequests(_) | Self::TooMuchContent(_) | Self::Impatient(_) => ReplyCode::ResourceError,
            Self::NotImplemented(_) | Self::Refused(Refusal::IsLog) => ReplyCode::NotImplemented,
            Self::Inequivalent { .. }
            | Self::Argument { .. }
            | Self::Match(_)
            | Self::Priority(_)
            | Self::Copies(_)
            | Self::InUse(_)
            | Self::NotEmpty(_)
            | Self::ReplyConsumerAcknowledges
            | Self::ReplyConsumerTwice
            | Self::NoReplyConsumer
            | Self::DeliveryTag(_)
            | Self::TooLarge(..)
            | Self::Expiration(_)
            | Self::UserId(..)
            | Self::Mode(..)
            | Self::NotTransactional
            | Self::Refused(_) => ReplyCode::PreconditionFailed,
            Self::SaidNothing | Self::Heartbeat | Self::NoCloseOk => ReplyCode::ConnectionForced,
        }
    }

    /// As `connection.close` and `channel.close` put it.
    pub(crate) fn reply_text(&self) -> String {
        format!("{} - {self}", self.reply_code().name())
    }

    pub(crate) fn is_hard(&self) -> bool {
        self.reply_code().is_hard()
    }
}

impl From<Fault> for Misbehaviour {
    fn from(fault: Fault) -> Self {
        Self(fault.reply_text())
    }
}
