//! Which files there are, what they hold, and whether they changed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::tls::{ClientCertificate, Error, Options};

/// A file of certificates or keys is far smaller; a list of revoked certificates seldom larger.
const LARGEST_FILE: u64 = 16 << 20;
/// Pairs of one listener.
const MOST_PAIRS: usize = 1_000;

/// The files that options stand for at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources {
    pub(super) pairs: Vec<(PathBuf, PathBuf)>,
    /// Only where clients are asked for certificates.
    pub(super) authorities: Option<PathBuf>,
    pub(super) revocations: Vec<PathBuf>,
}

/// What a file looks like from outside; another one, or another content, looks different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// All sources with their looks; `None`: not there, or not to be seen.
pub(super) type Looks = (Sources, Vec<Option<Look>>);

impl Sources {
    pub(super) fn find(options: &Options) -> Self {
        let folder = options.folder.as_deref();
        let pairs = match folder {
            Some(folder) if options.pairs.is_empty() => pairs_in(folder),
            _ => options.pairs.clone(),
        };
        if options.clients == ClientCertificate::None {
            return Self { pairs, authorities: None, revocations: Vec::new() };
        }
        let authorities = options.authorities.clone().or_else(|| folder.map(|folder| folder.join("ca.pem")));
        let revocations = match folder.map(|folder| folder.join("crl.pem")) {
            Some(path) if options.revocations.is_empty() && path.exists() => vec![path],
            _ => options.revocations.clone(),
        };
        Self { pairs, authorities, revocations }
    }

    pub(super) fn look(options: &Options) -> Looks {
        let sources = Self::find(options);
        let pairs = sources.pairs.iter().flat_map(|(certificate, key)| [certificate, key]);
        let paths = pairs.chain(&sources.authorities).chain(&sources.revocations);
        let looks = paths.map(|path| Look::at(path)).collect();
        (sources, looks)
    }
}

impl Look {
    fn at(path: &Path) -> Option<Self> {
        let seen = fs::metadata(path).ok()?;
        Some(Self {
            inode: seen.ino(),
            size: seen.size(),
            modified: (seen.mtime(), seen.mtime_nsec()),
            changed: (seen.ctime(), seen.ctime_nsec()),
        })
    }
}

/// `server.pem` first, whether it is there or not, then `server-….pem` in order of name.
fn pairs_in(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let further = |name: &OsStr| {
        let name = name.to_str()?;
        let stem = name.strip_suffix(".pem")?;
        stem.starts_with("server-").then(|| (folder.join(name), folder.join(format!("{stem}.key"))))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut pairs: Vec<_> = entries.filter_map(|entry| further(&entry.file_name())).take(MOST_PAIRS).collect();
    pairs.sort();
    pairs.insert(0, (folder.join("server.pem"), folder.join("server.key")));
    pairs
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let size = fs::metadata(path).map_err(cannot)?.len();
    if size > LARGEST_FILE {
        return Err(format!("has {size} bytes, more than {LARGEST_FILE}"));
    }
    fs::read(path).map_err(cannot)
}

/// All sections of the kind `T`, at least one.
fn sections<T: PemObject>(path: &Path, what: &str) -> Result<Vec<T>, String> {
    let bytes = read(path)?;
    let sections: Result<Vec<T>, _> = T::pem_slice_iter(&bytes).collect();
    match sections {
        Ok(sections) if sections.is_empty() => Err(format!("has no {what}")),
        Ok(sections) => Ok(sections),
        Err(error) => Err(format!("is no PEM: {error}")),
    }
}

pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    sections(path, "certificate").map_err(|reason| Error::certificate(path, reason))
}

pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let bytes = read(path).map_err(|reason| Error::key(path, reason))?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let reason = match error {
            rustls::pki_types::pem::Error::NoItemsFound => "has no private key that can be used".to_owned(),
            other => format!("is no PEM: {other}"),
        };
        Error::key(path, reason)
    })
}

/// Whether everybody on this machine may read it.
pub(super) fn is_open_to_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|seen| seen.mode() & 0o004 != 0)
}

pub(super) fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    sections(path, "certificate").map_err(|reason| Error::authorities(path, reason))
}

pub(super) fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
    sections(path, "revocation list").map_err(|reason| Error::revocations(path, reason))
}
