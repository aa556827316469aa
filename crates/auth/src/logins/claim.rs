use core::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use model::{Certificate, Credentials, Time};

use super::{Reason, Work};
use crate::hash::Hash;
use crate::identity::Identity;
use crate::scram::Scram;

/// Somebody says who they are.
#[derive(Clone, Debug)]
pub struct Claim {
    pub credentials: Credentials,
    pub certificate: Option<Arc<Certificate>>,
    /// Where from; `None`: this machine.
    pub address: Option<IpAddr>,
    /// Random, anew for every claim.
    pub entropy: [u8; ENTROPY],
    /// From the last challenge, if `credentials` answer one.
    pub conversation: Option<Conversation>,
    /// It has stood in the line already.
    pub(super) waited: bool,
}

/// Bytes of `Claim::entropy`.
pub const ENTROPY: usize = 34;
const SALT: usize = 16;

/// A login that goes on: kept with the connection until the client answers.
#[derive(Clone, Debug)]
pub struct Conversation(pub(super) Talk);

#[derive(Clone, Debug)]
pub(super) enum Talk {
    Plain,
    ScramFirst,
    External,
    Scram(Scram),
}

/// What to do about a claim.
#[derive(Debug)]
pub enum Decision {
    Granted(Granted),
    Refused(Reason),
    /// Ask this again, not before.
    Wait(Time, Box<Claim>),
    /// To be run by a thread that may take long, without a lock; then `Logins::finish`.
    Costly(Box<Work>),
    /// To be sent to the client. Its answer comes with the conversation in a new claim.
    Challenge(Bytes, Conversation),
}

/// Somebody is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub identity: Identity,
    /// What the server has to say at the end (SCRAM): in AMQP 1.0 the outcome's additional data.
    pub last_message: Option<Bytes>,
    /// The hash was of an old kind. The shell writes this in its place, if the user's hash is still that one.
    pub replacement: Option<Replacement>,
}

/// A hash in place of another of the same password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    pub user: String,
    pub old: Hash,
    pub new: Hash,
}

impl Claim {
    pub const fn new(
        credentials: Credentials,
        certificate: Option<Arc<Certificate>>,
        address: Option<IpAddr>,
        entropy: [u8; ENTROPY],
    ) -> Self {
        Self { credentials, certificate, address, entropy, conversation: None, waited: false }
    }

    pub(super) fn nonce(&self) -> &[u8; ENTROPY - SALT] {
        self.entropy.last_chunk().expect("there is more entropy than that")
    }
}

pub(super) fn salt(entropy: &[u8; ENTROPY]) -> [u8; SALT] {
    *entropy.first_chunk().expect("there is more entropy than that")
}

impl Granted {
    pub(super) const fn plain(identity: Identity) -> Self {
        Self { identity, last_message: None, replacement: None }
    }
}
