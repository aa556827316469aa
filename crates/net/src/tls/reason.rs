//! Why a handshake failed, for the log.

use std::io;

use rustls::{CertificateError, Error, ServerConfig};

use crate::tls::Version;
use crate::tls::hello::{Offer, suite_name};

/// What this side has to offer.
#[derive(Clone, Copy)]
pub(super) struct Ours<'a> {
    pub(super) config: &'a ServerConfig,
    pub(super) oldest: Version,
}

/// One line about `error`. `heard`: the first bytes of the client; `subject`: of the client certificate that was
/// refused, where it was one.
pub(super) fn describe(error: &io::Error, heard: &[u8], subject: Option<&str>, ours: Ours<'_>) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::PeerIncompatible(why)) => incompatible(&format!("{why:?}"), heard, ours),
        // Of no certificate here has the client the suite and the signature.
        Some(Error::General(why)) => incompatible(why, heard, ours),
        Some(Error::InvalidCertificate(why)) => {
            let subject = subject.map(|subject| format!(" {subject:?}")).unwrap_or_default();
            format!("its certificate{subject} is refused: {}", refused(why))
        }
        Some(Error::NoCertificatesPresented) => "it shows no certificate, and must".to_owned(),
        Some(Error::AlertReceived(alert)) => format!("it broke off with the alert {alert:?}"),
        Some(Error::InvalidMessage(_)) => "it sent what is no TLS".to_owned(),
        Some(Error::PeerMisbehaved(how)) => format!("it broke the protocol: {how:?}"),
        Some(other) => other.to_string().replace(['\n', '\r'], " "),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        None => error.to_string(),
    }
}

fn incompatible(why: &str, heard: &[u8], Ours { config, oldest }: Ours<'_>) -> String {
    let ours = config.crypto_provider().cipher_suites.iter().map(|suite| suite_name(suite.suite().into()));
    let ours = ours.collect::<Vec<_>>().join(", ");
    let versions = match oldest {
        Version::Tls12 => "TLS 1.2, TLS 1.3",
        Version::Tls13 => "TLS 1.3",
    };
    let theirs = match Offer::read(heard) {
        Some(offer) if offer.newest() < 0x0303 || (oldest == Version::Tls13 && offer.newest() < 0x0304) => {
            let (offered, suites) = (offer.versions(), offer.suites());
            return format!("no version of TLS in common: it offers {offered} with {suites}; here are {versions}");
        }
        Some(offer) => format!("it offers {} with {}", offer.versions(), offer.suites()),
        None => "what it offers cannot be read".to_owned(),
    };
    format!("nothing in common ({why}): {theirs}; here are {versions} with {ours}")
}

fn refused(why: &CertificateError) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet".into(),
        CertificateError::Revoked => "it has been revoked".into(),
        CertificateError::UnknownIssuer => "no known authority issued it".into(),
        CertificateError::UnknownRevocationStatus => {
            "no revocation list of its authority is here, so it may have been revoked".into()
        }
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            "the revocation list of its authority is out of date".into()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not meant for clients".into()
        }
        CertificateError::BadSignature => "its signature is wrong".into(),
        CertificateError::BadEncoding => "it is malformed".into(),
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "it is self-signed, or an authority's own".into()
        }
        other => format!("{other:?}").replace(['\n', '\r'], " "),
    }
}
