use core::fmt;

use model::Secret;

use crate::identity::Identity;

/// Somebody else who knows users: an LDAP server, an OAuth 2.0 server. Asked for names that the users file does not
/// have.
pub trait Directory: Send + Sync + fmt::Debug {
    /// For the log: `ldap`, `oauth`.
    fn name(&self) -> &str;

    /// May wait for the network; called by threads that may. The password is not empty; what is in `user` comes from
    /// the client and may be empty where the password is a token that names its user.
    ///
    /// # Errors
    /// Not this one's user, not the right password, or nobody can say.
    fn authenticate(&self, user: &str, password: &Secret) -> Result<Identity, DirectoryError>;
}

/// Why a directory does not vouch for somebody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The next directory is asked.
    #[error("no such user")]
    UnknownUser,
    /// That is the end of it. The text is for the log only.
    #[error("{0}")]
    Refused(String),
    /// It cannot be reached, or cannot answer now.
    #[error("{0}")]
    Unavailable(String),
}
