use std::fmt;

use crate::origin::Origin;
use crate::words::{Face, TlsMode};

/// Everything that is wrong, in the order file, environment, flags; printed one a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Errors(pub Vec<Error>);

/// One mistake. Its text is one line that names the place, the key, the value and what is allowed; secret values are
/// never part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {cause}")]
pub struct Error {
    pub origin: Origin,
    pub cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    #[error("not TOML: {0}")]
    Syntax(String),
    #[error("cannot be read: {0}")]
    Unreadable(String),
    #[error("unknown key \"{key}\"{}", did_you_mean(.nearest))]
    UnknownKey { key: String, nearest: Option<String> },
    /// Usually a key of the broker that was written below a table.
    #[error("{key} is no key of [[{table}]]: write it above the first [[table]]")]
    Misplaced { key: &'static str, table: &'static str },
    #[error(
        "{key} counts only in the environment and as a flag: set {field} in a [[listener]] with face = \"{face}\"",
        face = .face.name()
    )]
    ShorthandInFile { key: String, face: Face, field: &'static str },
    #[error("{key} counts only in the environment and as a flag: it is meant for one start")]
    OnceInFile { key: &'static str },
    #[error("unknown variable{}", did_you_mean(.nearest))]
    UnknownVariable { nearest: Option<String> },
    /// `value` is as it was written, shortened.
    #[error("{key} = {value}: must be {allowed}")]
    NotAllowed { key: String, value: String, allowed: String },
    #[error("[[{table}]] needs \"{key}\": {allowed}")]
    Missing { table: &'static str, key: &'static str, allowed: String },
    #[error("{key} and {key}_file are both set: keep one of them")]
    SecretTwice { key: &'static str },
    #[error("{key}_file = {path:?}: cannot be read: {reason}")]
    SecretUnreadable { key: &'static str, path: String, reason: String },
    #[error("{first} and {second} are both set: keep one of them")]
    KeyTwice { first: &'static str, second: &'static str },
    #[error(
        "encryption = {encryption:?} needs a master key: set one of encryption_key, encryption_key_file, \
         encryption_key_credential and encryption_key_command"
    )]
    NeedsKeyOfStore { encryption: String },
    #[error("listener {face}: tls is not built yet: set tls = false", face = .face.name())]
    TlsNotBuilt { face: Face },
    #[error(
        "listener {face}: tls = \"{mode}\" needs certificate_files and key_files, or tls_dir",
        face = .face.name(),
        mode = .mode.name()
    )]
    NeedsCertificate { face: Face, mode: TlsMode },
    #[error("listener {face}: tls = \"{mode}\": must be \"on\", because tls_only = true", face = .face.name(), mode = .mode.name())]
    NotTlsOnly { face: Face, mode: TlsMode },
    #[error("tls_only = true: listener {face} has no certificate: set tls_dir, or certificate_files in its [[listener]]", face = .face.name())]
    TlsOnlyNeedsCertificate { face: Face },
    #[error(
        "listener {face}: certificate_files has {certificates} and key_files {keys}: must be as many, in the same order",
        face = .face.name()
    )]
    UnevenPairs { face: Face, certificates: usize, keys: usize },
    #[error("listener {face}: client_certificate needs client_ca_file, or tls_dir with ca.pem", face = .face.name())]
    NeedsAuthorities { face: Face },
    #[error(
        "listener {face}: client_certificate = \"required\" needs tls = \"on\", because clients without TLS show none: set \
         tls_only = true, or client_certificate only in listeners with tls = \"on\"",
        face = .face.name()
    )]
    CertificateWithoutTls { face: Face },
    #[error("listener {face}: proxy_from needs proxy_protocol = true", face = .face.name())]
    NeedsProxyProtocol { face: Face },
    #[error(
        "listener {face}: address {address} is not loopback and has no TLS: set tls_only = true and tls_dir, or \
         allow_plaintext = true, or dev = true (everyone is let in)",
        face = .face.name()
    )]
    NotLoopback { face: Face, address: std::net::IpAddr },
    #[error("listener {face}: {socket} is taken by listener {other}", face = .face.name(), other = .other.name())]
    SocketTaken { face: Face, socket: std::net::SocketAddr, other: Face },
    #[error("{face} has {count} listeners: set their ports in [[listener]]", face = .face.name())]
    PortOfMany { face: Face, count: usize },
    #[error("{key}: there is no listener {with} TLS whose port it could be{hint}", with = if *.tls { "with" } else { "without" }, hint = if *.tls { ": set tls_dir" } else { "" })]
    PortOfNone { key: String, tls: bool },
    #[error("disk_limit = {limit}: must be at least {least}, {segments} times segment_size")]
    SmallerThanSegments { limit: String, least: String, segments: u64 },
    #[error("max_message_size = {size}: must be at most memory_limit, which is {limit}")]
    LargerThanMemory { size: String, limit: String },
    #[error("{table} {name:?} is defined twice, first at {first}")]
    Duplicate { table: &'static str, name: String, first: Origin },
    #[error("queue {queue:?}: {key} needs dead_letter: the name of a queue")]
    NeedsDeadLetter { queue: String, key: &'static str },
    #[error("queue {queue:?}: dead_letter must be another queue")]
    OwnDeadLetter { queue: String },
    #[error("exchange {name:?}: names that begin with \"amq.\" are reserved")]
    ReservedName { name: String },
    #[error("binding of queue {queue:?}: exchange {exchange:?} compares keys: set key")]
    NeedsKey { queue: String, exchange: String },
    #[error("binding of queue {queue:?}: exchange {exchange:?} does not look at headers: use a headers exchange")]
    HeadersUnused { queue: String, exchange: String },
    #[error(
        "ldap {host:?}: everybody on the way can read the passwords: use ldaps://, start_tls, or set plaintext = true"
    )]
    LdapReadable { host: String },
    #[error("ldap {host:?}: start_tls is for ldap://")]
    StartTlsInTls { host: String },
    #[error("{key} needs {needed}")]
    Alone { key: &'static str, needed: &'static str },
    #[error("{key} = {value:?}: must contain {needed:?}")]
    NoPlaceholder { key: &'static str, value: String, needed: &'static str },
    #[error("oauth {issuer:?}: set either jwks_file or jwks_url")]
    OneKeySet { issuer: String },
    #[error("jwks_url = {url:?}: must begin with https:// (http:// only for this machine)")]
    KeysReadable { url: String },
}

impl Error {
    pub(crate) const fn new(origin: Origin, cause: Cause) -> Self {
        Self { origin, cause }
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// The known name that `name` is most likely a slip of; `None` if none is near.
pub(crate) fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(name, candidate);
    let (distance, candidate) = known.map(|candidate| (distance(&candidate), candidate)).min()?;
    // About a quarter of the letters: `prt` finds `port`, `memory` does not find `data`.
    (distance <= 1 + name.len() / 4).then_some(candidate)
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(" (did you mean \"{name}\"?)")).unwrap_or_default()
}

/// A written value for an error line: shortened, without control characters.
pub(crate) fn excerpt(written: &str) -> String {
    const CHARACTERS: usize = 60;
    let mut out: String = written.chars().take(CHARACTERS).flat_map(printable).collect();
    if written.chars().nth(CHARACTERS).is_some() {
        out.push('…');
    }
    out
}

/// Control characters escaped, quotes left as written.
fn printable(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_debug());
    let plain = (!c.is_control()).then_some(c);
    escaped.into_iter().flatten().chain(plain)
}
