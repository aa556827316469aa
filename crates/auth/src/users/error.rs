use core::fmt;

use super::key::{MAX_ACCOUNT, MAX_KEY_ID, MIN_KEY_ID};
use super::names::{MAX_GROUPS, MAX_NAME};
use super::user::MAX_CERTIFICATES;
use crate::hash::HashError;
use crate::scram::ScramError;

/// What is wrong with a users file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsersError {
    /// Counted from 1; 0 if it concerns the whole file.
    pub line: usize,
    /// `user "alice"` or `key "CWAK…"`, if it concerns one.
    pub entry: Option<String>,
    pub wrong: Wrong,
}

/// What is wrong with a user or an access key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// In the words of the reader of TOML.
    #[error("{0}")]
    Syntax(String),
    #[error("the file is larger than {0} bytes")]
    TooLarge(usize),
    #[error("there is no `format = 1`: this is no users file")]
    NoFormat,
    #[error("the file has format {0}; this program knows only 1")]
    Format(i64),
    #[error("more than {1} {0}")]
    TooMany(&'static str, usize),
    #[error("{0:?} is no name: 1 to {MAX_NAME} bytes, no control characters, no space around it")]
    Name(String),
    #[error("more than {MAX_GROUPS} groups")]
    Groups,
    #[error("it stands twice")]
    Twice,
    #[error("{0}")]
    Hash(#[from] HashError),
    #[error("{0}")]
    Scram(#[from] ScramError),
    #[error("`scram` without `hash`: both are made of the same password")]
    ScramAlone,
    #[error("more than {MAX_CERTIFICATES} certificates")]
    Certificates,
    #[error("certificate {0:?} is empty, too long or has control characters")]
    Certificate(String),
    /// The name in the certificate, and the other user's.
    #[error("certificate {0:?} belongs to user {1:?} already")]
    CertificateTaken(String, String),
    #[error("an access key's id has {MIN_KEY_ID} to {MAX_KEY_ID} letters, digits, \"-\", \"_\" and \".\"")]
    KeyId,
    #[error("there is no user {0:?}")]
    NoSuchUser(String),
    #[error("an account has {MAX_ACCOUNT} digits")]
    Account,
    #[error("the secret is damaged: it is not the base64 of something encrypted")]
    Secret,
    #[error("the secret cannot be decrypted: it was encrypted with another master key, or changed")]
    MasterKey,
}

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if let Some(entry) = &self.entry {
            write!(f, "{entry}: ")?;
        }
        write!(f, "{}", self.wrong)
    }
}

impl core::error::Error for UsersError {}
