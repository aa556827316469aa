//! What can go wrong.

use std::io;
use std::path::PathBuf;

use crate::batch::Lsn;

/// An error of the journal. Every error of a [`Writer`](crate::Writer) is final for that writer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("another process uses the store (its lock is {})", path.display())]
    Locked { path: PathBuf },

    #[error("cannot {operation} {}: {source}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },

    /// Durable data is damaged. Nothing was changed.
    #[error("log/{segment:010}.seg is damaged at byte {offset}: {reason}")]
    Corrupt { segment: u64, offset: u64, reason: &'static str },

    #[error("{} has format version {found}, this program knows versions up to {known}: start a newer program", path.display())]
    Newer { path: PathBuf, found: u8, known: u8 },

    #[error("{} {reason}", path.display())]
    Identity { path: PathBuf, reason: &'static str },

    #[error("record {} was refused at recovery: {source}", lsn.0)]
    Replay { lsn: Lsn, source: ReplayError },

    /// The caller broke the rules of [`Batch`](crate::Batch).
    #[error("the batch that begins with record {} is wrong: {reason}", first.0)]
    Batch { first: Lsn, reason: &'static str },

    #[error("record {} was trimmed, the oldest is {}", lsn.0, oldest.0)]
    Trimmed { lsn: Lsn, oldest: Lsn },

    #[error("record {} is not durable, the next one will be {}", lsn.0, next.0)]
    NotWritten { lsn: Lsn, next: Lsn },

    #[error("the journal failed before and accepts nothing more")]
    Poisoned,
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
