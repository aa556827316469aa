//! Who a client is: what it shows in CONNECT, and what CONNACK says of it.

use model::{Credentials, Peer, Refusal, Secret};

use crate::codec::{Connect, ConnectReturnCode};
use crate::error::ClientError;

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

    /// Takes what the client shows out of its CONNECT. A name alone proves nothing: where it is not needed either, it is
    /// not looked at.
    pub(crate) fn credentials(self, connect: &mut Connect) -> Result<Credentials, ClientError> {
        match (connect.user_name.take(), connect.password.take()) {
            (Some(user), Some(password)) => {
                Ok(Credentials::Password { user: user.as_str().to_owned(), password: Secret::from(password) })
            }
            (Some(_), None) if !self.needs_nothing => Err(ClientError::NoPassword),
            (Some(_) | None, _) => Ok(Credentials::Nothing),
        }
    }
}

/// How CONNACK says that a client is not let in (3.2.2.3).
pub(crate) fn code(refusal: &Refusal) -> ConnectReturnCode {
    match refusal {
        Refusal::Login => ConnectReturnCode::BadUserNameOrPassword,
        Refusal::Denied(_) => ConnectReturnCode::NotAuthorized,
        _ => ConnectReturnCode::ServerUnavailable,
    }
}
