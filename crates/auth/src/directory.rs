use core::fmt;

use crate::identity::Identity;

/// Somebody else who knows users: directory servers, token servers. Asked about names that the users file does not have.
pub trait Directory: Send + Sync + fmt::Debug {
    /// May wait for the network; called by threads that may. The password is not empty; `user` is as the client gave it,
    /// and may be empty where the password is a token that names its user.
    ///
    /// # Errors
    /// It does not vouch for them, or cannot say.
    fn authenticate(&self, user: &str, password: &[u8]) -> Result<Identity, DirectoryError>;
}

/// Why a directory does not vouch for somebody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No such user, or not the right password.
    #[error("refused")]
    Refused,
    /// It cannot be reached, or cannot answer now. The text says so in words that a client may see.
    #[error("{0}")]
    Unavailable(String),
}
