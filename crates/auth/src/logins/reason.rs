use model::Refusal;

use crate::keys::BadSignature;
use crate::plain::MalformedPlain;
use crate::scram::ScramMalformed;

/// Why a login was refused: for the log and the counters. The client learns only what [`Reason::refusal`] says. Texts
/// that came from the client are escaped when shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("no user {0:?}")]
    UnknownUser(String),
    #[error("wrong password for user {0:?}")]
    WrongPassword(String),
    #[error("user {0:?} has no password")]
    UserWithoutPassword(String),
    #[error("user {0:?} sent no password")]
    NoPassword(String),
    #[error("a user name or password of {0} bytes")]
    TooLong(usize),
    #[error("too many failures of user {0:?} from this address")]
    TooManyFailures(String),
    #[error("neither credentials nor a certificate")]
    Anonymous,
    #[error("the certificate {0:?} is nobody's")]
    UnknownCertificate(String),
    #[error("the certificate {0:?} is more than one user's")]
    AmbiguousCertificate(String),
    #[error("the certificate is user {user:?}'s, who wants to be {wanted:?}")]
    OtherUser { user: String, wanted: String },
    #[error("the mechanism EXTERNAL without a certificate")]
    NoCertificate,
    #[error("unknown mechanism {0:?}")]
    UnknownMechanism(String),
    #[error("{0}")]
    Plain(#[from] MalformedPlain),
    #[error("{0}")]
    Scram(#[from] ScramMalformed),
    #[error("an answer to no challenge")]
    NoChallenge,
    #[error("access key {key:?}: {}", explain(*.problem))]
    Signature { key: String, problem: BadSignature },
    #[error("the directory does not vouch for user {0:?}")]
    Directory(String),
    #[error("the directory vouches for {0:?}, which is no name for a user")]
    DirectoryName(String),
    #[error("the directory vouches for {0:?}, but that is a user of the users file")]
    DirectoryTaken(String),
    /// Nobody can say now.
    #[error("{0}")]
    Unavailable(String),
}

impl Reason {
    /// What the client is told.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Unavailable(why) => Refusal::LoginUnavailable(why.clone()),
            _ => Refusal::Login,
        }
    }

    /// Whether it was a guess, which counts against the user's next ones from the same address.
    pub(super) const fn is_guess(&self) -> bool {
        matches!(
            self,
            Self::UnknownUser(_) | Self::WrongPassword(_) | Self::UserWithoutPassword(_) | Self::Directory(_)
        )
    }
}

const fn explain(problem: BadSignature) -> &'static str {
    match problem {
        BadSignature::UnknownKey => "there is none of this id",
        BadSignature::DisabledKey => "it is disabled",
        BadSignature::Malformed => "the signature is malformed",
        BadSignature::Wrong => "the signature is wrong",
    }
}
