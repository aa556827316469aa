use model::Refusal;

/// Why a request was not carried out. Its text is what the client is told: the one mapping of this protocol.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Refused(Refusal),
    /// Who connects to the socket is let in by the shell; it was not, or not any more.
    #[error("the broker does not know who you are: it does nothing for this connection")]
    Unknown,
    #[error("malformed request: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("the body is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("{0}")]
    Invalid(&'static str),
    #[error("{0} over the limit of {1}")]
    Limit(&'static str, u64),
    /// Some messages were accepted before one was not.
    #[error("{refusal} ({sent} of {count} were sent)")]
    Partly { refusal: Refusal, sent: u64, count: u64 },
    /// The broker answered something else than was asked.
    #[error("the broker gave an answer that does not fit the question")]
    Unexpected,
    #[error("the broker ends this connection")]
    Closed,
    #[error("the broker is stopping")]
    Stopping,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Login => Self::Unknown,
            refusal => Self::Refused(refusal),
        }
    }
}
