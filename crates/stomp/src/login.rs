//! Who a client is: what it shows in CONNECT.

use model::{Credentials, Peer, Secret};

use crate::codec::Headers;
use crate::error::{ClientError, quote};

/// How a client of this listener may log in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Login {
    /// [`Peer::may_show_nothing`].
    needs_nothing: bool,
}

impl Login {
    pub(crate) fn of(peer: &Peer) -> Self {
        Self { needs_nothing: peer.may_show_nothing() }
    }

    /// What the headers `login` and `passcode` show. A name alone proves nothing: where it is not needed either, it is not
    /// looked at.
    pub(crate) fn credentials(self, headers: Headers<'_>) -> Result<Credentials, ClientError> {
        let Some(login) = headers.get("login").filter(|login| !login.is_empty()) else {
            return Ok(Credentials::Nothing);
        };
        match headers.get("passcode") {
            Some(passcode) => {
                Ok(Credentials::Password { user: login.into_owned(), password: Secret::from(passcode.as_bytes()) })
            }
            None if self.needs_nothing => Ok(Credentials::Nothing),
            None => Err(ClientError::Login(quote(&login))),
        }
    }
}
