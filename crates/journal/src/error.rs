//! What can go wrong.

use std::io;
use std::path::PathBuf;

use crate::batch::Lsn;
use crate::crypt::KeyFault;

/// Why damage to the checkpoint itself is not repaired: no other record says what it says.
pub(crate) const IN_CHECKPOINT: &str = "it is part of the last checkpoint, which cannot be repaired: restore a backup";

/// An error of the journal. Every error of a [`Writer`](crate::Writer) is final for that writer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("another process uses the store (its lock is {})", path.display())]
    Locked { path: PathBuf },

    #[error("cannot {operation} {}: {source}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },

    /// Durable data is damaged. Nothing was changed.
    #[error("{file} is damaged at byte {offset}: {reason}")]
    Corrupt { file: String, offset: u64, reason: &'static str },

    #[error("{} has format version {found}, this program knows versions up to {known}: start a newer program", path.display())]
    Newer { path: PathBuf, found: u8, known: u8 },

    #[error(transparent)]
    Key(KeyFault),

    #[error("{} {reason}", path.display())]
    Identity { path: PathBuf, reason: &'static str },

    #[error("record {} was refused at recovery: {source}", lsn.0)]
    Replay { lsn: Lsn, source: ReplayError },

    /// The caller broke the rules of [`Batch`](crate::Batch).
    #[error("the batch that begins with record {} is wrong: {reason}", first.0)]
    Batch { first: Lsn, reason: &'static str },

    /// It has had no holder when a checkpoint was made, so it may be gone.
    #[error("record {} is not kept any more", lsn.0)]
    Released { lsn: Lsn },

    #[error("record {} is not durable, the next one will be {}", lsn.0, next.0)]
    NotWritten { lsn: Lsn, next: Lsn },

    /// There is no room for the next segment, and nobody who could make some.
    #[error("the disk is full: {source}")]
    Full { source: io::Error },

    #[error("{} {reason}", path.display())]
    Backup { path: PathBuf, reason: &'static str },

    #[error("the journal failed before and accepts nothing more")]
    Poisoned,
}

impl Error {
    pub(crate) fn corrupt(file: impl Into<String>, offset: u64, reason: &'static str) -> Self {
        Self::Corrupt { file: file.into(), offset, reason }
    }

    /// Whether this is damage to the last checkpoint, about which [`Options::repair`](crate::Options::repair) can do nothing.
    pub fn is_in_checkpoint(&self) -> bool {
        matches!(self, Self::Corrupt { reason, .. } if *reason == IN_CHECKPOINT)
    }

    /// Whether there was no room on the disk, which may change.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Io { source, .. } => is_full(source),
            _ => false,
        }
    }
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Why the owner of the records refused one at recovery.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReplayError(pub Box<dyn std::error::Error + Send + Sync>);

impl ReplayError {
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}
