use std::path::PathBuf;

/// What makes the configuration of a directory unusable. One line each.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{key} = {path:?}: {reason}")]
    File { key: &'static str, path: PathBuf, reason: String },
    #[error("ca_file is not set, and the system trusts nobody: {0}")]
    NoSystemTrust(String),
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// RFC 4515.
    #[error("{key} = {filter:?}: not a search filter")]
    Filter { key: &'static str, filter: String },
    #[error("user_search_matching = {0:?}: no attribute stands before \"={{0}}\"")]
    NoAttribute(String),
    #[error("jwks_file = {path:?}: {reason}")]
    Keys { path: PathBuf, reason: String },
}

/// Why one server does not vouch for somebody. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum No {
    /// Another one may know this user.
    UnknownUser,
    /// That is the end of it.
    Refused(String),
    /// It cannot be reached, or cannot answer now.
    Unavailable(String),
}
