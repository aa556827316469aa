//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side: the password does not cross the wire, and the server proves
//! that it knows it, too.

mod message;
mod secret;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::tests::Client;
use bytes::Bytes;
pub use secret::{ScramError, ScramSecret};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use self::message::{ClientFinal, ClientFirst, MalformedScram};
use crate::code::code;

/// Bytes of a message from a client.
const MAX_MESSAGE: usize = 4_096;
const NONCE_BYTES: usize = 18;

/// A client has said who it is, and must now show that it knows the password.
#[derive(Clone, Debug)]
pub struct Scram {
    user: String,
    /// `gs2-header` of the client's first message, which the last one must repeat.
    header: String,
    /// Client's and server's.
    nonce: String,
    /// `client-first-message-bare,server-first-message,`
    authenticated: String,
    secret: ScramSecret,
    real: bool,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The server's last message: its own proof.
    Right(Bytes),
    Wrong,
    Malformed(MalformedScram),
}

pub use self::message::MalformedScram as ScramMalformed;

impl Scram {
    /// Reads the client's first message and answers it. `find` says what is known of a user. Who is not known, or has no
    /// secret, gets a salt that is made of `fakes` and stays the same: a client cannot tell who exists.
    ///
    /// # Errors
    /// That was no first message of this mechanism, or it wants to act for somebody else.
    pub fn begin<'a>(
        message: &[u8],
        entropy: &[u8; NONCE_BYTES],
        fakes: &[u8; 32],
        find: impl FnOnce(&str) -> Option<&'a ScramSecret>,
    ) -> Result<(Self, Bytes), MalformedScram> {
        let first = ClientFirst::parse(message)?;
        let known = find(&first.user);
        let real = known.is_some();
        let secret = known.cloned().unwrap_or_else(|| ScramSecret::fake(&first.user, fakes));
        let nonce = format!("{}{}", first.nonce, message::to_base64(entropy));
        let reply = format!("r={nonce},s={},i={}", message::to_base64(secret.salt()), secret.iterations());
        let authenticated = format!("{},{reply},", first.bare);
        Ok((Self { user: first.user, header: first.header, nonce, authenticated, secret, real }, reply.into()))
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether this is about what is known of the user now.
    pub fn is_current(&self, known: Option<&ScramSecret>) -> bool {
        known.map_or(!self.real, |secret| self.real && *secret == self.secret)
    }

    /// Reads the client's last message.
    pub fn finish(self, message: &[u8]) -> Proof {
        let last = match ClientFinal::parse(message) {
            Ok(last) => last,
            Err(malformed) => return Proof::Malformed(malformed),
        };
        if last.header != self.header.as_bytes() {
            return Proof::Malformed(MalformedScram("it does not repeat the header of its first message"));
        }
        if last.nonce != self.nonce {
            return Proof::Malformed(MalformedScram("it does not repeat the nonce"));
        }
        let authenticated = format!("{}{}", self.authenticated, last.without_proof);
        let signature = code(self.secret.stored_key(), &[authenticated.as_bytes()]);
        let mut client_key = signature;
        client_key.iter_mut().zip(last.proof).for_each(|(byte, proof)| *byte ^= proof);
        let right: bool = Sha256::digest(client_key)[..].ct_eq(self.secret.stored_key()).into();
        if !right || !self.real {
            return Proof::Wrong;
        }
        let signature = code(self.secret.server_key(), &[authenticated.as_bytes()]);
        Proof::Right(format!("v={}", message::to_base64(&signature)).into())
    }
}
