use std::path::{Path, PathBuf};

/// Why files do not make a TLS server. The text is one line, with the file and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{}: {reason}; must be a PEM file with the certificate first and its intermediates behind it", .path.display())]
    Certificate { path: PathBuf, reason: String },
    #[error("{}: {reason}; must be a PEM file with the private key (PKCS #8, PKCS #1 or SEC 1, without a pass phrase)", .path.display())]
    Key { path: PathBuf, reason: String },
    #[error("{}: is not the key of {}; must be the one it was issued for", .key.display(), .certificate.display())]
    Mismatch { certificate: PathBuf, key: PathBuf },
    #[error("{}: {reason}; must be a PEM file with the authorities of client certificates", .path.display())]
    Authorities { path: PathBuf, reason: String },
    #[error("{}: {reason}; must be a PEM file with revocation lists", .path.display())]
    Revocations { path: PathBuf, reason: String },
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

impl Error {
    pub(super) fn certificate(path: &Path, reason: impl ToString) -> Self {
        Self::Certificate { path: path.to_owned(), reason: one_line(&reason) }
    }

    pub(super) fn key(path: &Path, reason: impl ToString) -> Self {
        Self::Key { path: path.to_owned(), reason: one_line(&reason) }
    }

    pub(super) fn authorities(path: &Path, reason: impl ToString) -> Self {
        Self::Authorities { path: path.to_owned(), reason: one_line(&reason) }
    }

    pub(super) fn revocations(path: &Path, reason: impl ToString) -> Self {
        Self::Revocations { path: path.to_owned(), reason: one_line(&reason) }
    }
}

fn one_line(reason: &impl ToString) -> String {
    reason.to_string().replace(['\n', '\r'], " ")
}
