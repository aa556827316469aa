//! TLS on listeners. The library's types stay in here: outside there are paths, names and dates.
//!
//! A [`Keeper`] holds what was made of a listener's files; [`Watch`] looks whether they changed and lets it load them
//! anew. `handshake` is one connection's way from its first byte to an encrypted stream with a known peer.

mod build;
mod error;
mod files;
mod handshake;
mod hello;
mod identity;
mod keeper;
mod reason;
mod subject;
mod verify;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

pub use error::Error;
pub use hello::run as fuzz_hello;
pub use keeper::{Keeper, Kind, Lifetime};
pub use watch::Watch;

pub(crate) use handshake::shake_hands;

/// What a listener's TLS is made of. What is not given on its own is looked for in `folder`: `server.pem` with
/// `server.key`, further pairs `server-….pem` with `server-….key`, `ca.pem`, and `crl.pem` if it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub folder: Option<PathBuf>,
    /// Certificate chains and their keys. The first is shown to clients that ask for no name, or for one that none has.
    pub pairs: Vec<(PathBuf, PathBuf)>,
    /// Authorities whose client certificates are accepted.
    pub authorities: Option<PathBuf>,
    /// Certificate revocation lists of those authorities.
    pub revocations: Vec<PathBuf>,
    pub clients: ClientCertificate,
    pub oldest: Version,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Clients are not asked for one.
    #[default]
    None,
    /// Who shows one must show a good one.
    Optional,
    Required,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    #[default]
    Tls12,
    Tls13,
}

/// TLS as one listener has it.
#[derive(Clone, Debug)]
pub struct Tls {
    pub keeper: Arc<Keeper>,
    /// Names that clients may ask for by ALPN (RFC 7301), the preferred first. Who asks only for others is served, too,
    /// without an answer to that.
    pub alpn: Vec<Vec<u8>>,
    /// Clients without TLS are served as well: the first byte tells.
    pub plain_too: bool,
}
