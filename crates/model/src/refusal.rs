use crate::Denial;

/// Why the broker did not do what it was asked. Every protocol maps each of these to its own error once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no queue {0:?}")]
    NoSuchQueue(String),
    #[error("no exchange {0:?}")]
    NoSuchExchange(String),
    #[error("exchange {0:?} is internal: nobody may publish to it")]
    Internal(String),
    /// The name, what differs, and what it is.
    #[error("{0:?} exists with another {1}: {2}")]
    Different(String, &'static str, String),
    #[error("{0:?} belongs to another connection")]
    Exclusive(String),
    #[error("{0:?} is in use")]
    InUse(String),
    #[error("{0:?} is not empty")]
    NotEmpty(String),
    #[error("client id {0:?} is in use")]
    ClientInUse(String),
    /// Whatever was wrong with what the client showed: it is not told more.
    #[error("login refused")]
    Login,
    /// Nobody can say now who the client is.
    #[error("{0}")]
    LoginUnavailable(String),
    #[error("{0}")]
    Denied(Box<Denial>),
    /// The queue is at its length or bytes limit and rejects.
    #[error("queue {0:?} is full")]
    Full(String),
    #[error("this delivery is not leased to the caller")]
    NotLeased,
    #[error("no transaction of this name")]
    NoSuchTransaction,
    #[error("{0} over the limit of {1}")]
    Limit(&'static str, u64),
    #[error("{0}")]
    Invalid(String),
    #[error("a log cannot do this: it is read by cursor")]
    IsLog,
    /// The journal could not read a body.
    #[error("the message cannot be read from disk")]
    Unreadable,
}
