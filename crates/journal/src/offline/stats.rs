//! What the files of a store hold.

use super::survey::Survey;
use super::walk::Walk;
use crate::batch::Lsn;
use crate::crypt::{Algorithm, Encryption};
use crate::disk::Disk;
use crate::error::Error;
use crate::holders::Live;
use crate::index::Entry;
use crate::names::{self, FileId};
use crate::source::Source;

/// A store that is not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    pub store_id: u64,
    /// The version of the store.
    pub format: u8,
    /// First and last record of the last checkpoint.
    pub checkpoint: Option<(Lsn, Lsn)>,
    /// By their records.
    pub files: Vec<FileStats>,
    /// Files in wait for their use as a segment.
    pub spares: usize,
}

/// A file and, as of the last checkpoint, what is held in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStats {
    pub name: String,
    pub kind: Kind,
    /// It has no records but `first..end`.
    pub first: Lsn,
    pub end: Lsn,
    pub bytes: u64,
    /// How it is encrypted.
    pub encryption: Option<Algorithm>,
    pub live_records: u64,
    pub live_bytes: u64,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A segment from before the checkpoint.
    Old,
    /// What was held of old segments.
    Cold,
    /// A segment that is read when the store is opened.
    Hot,
}

/// Looks at the store; reads no more of it than opening does.
pub fn stats(disk: &dyn Disk, encryption: &Encryption) -> Result<Stats, Error> {
    let survey = Survey::of(disk, encryption)?;
    let live = |first: Lsn, end: Lsn| {
        survey.checkpoint.as_ref().map_or(Live::default(), |checkpoint| checkpoint.table.live(first..end))
    };
    let mut files = Vec::new();
    for &Entry { file, first, end, bytes, .. } in &survey.plan.old {
        let key = Source::of_log(disk, &survey.vault, file)?.key;
        let kind = if file.cold { Kind::Cold } else { Kind::Old };
        let encryption = key.map(|key| key.algorithm);
        files.push(FileStats { encryption, ..FileStats::new(file, kind, (first, end), bytes, live(first, end)) });
    }
    for &number in &survey.plan.scanned {
        let mut walk = Walk::open(disk, &survey.vault, number)?;
        let first = walk.lsn;
        while walk.next_known(survey.first())?.is_some() {}
        let encryption = walk.source.key.as_ref().map(|key| key.algorithm);
        let records = (first, walk.lsn);
        let stats = FileStats::new(FileId::hot(number), Kind::Hot, records, walk.len, live(first, walk.lsn));
        files.push(FileStats { encryption, ..stats });
    }
    let checkpoint = survey.checkpoint.as_ref().map(|checkpoint| (checkpoint.first, checkpoint.end));
    let (store_id, format, spares) = (survey.vault.store_id, survey.format, survey.spares.len());
    Ok(Stats { store_id, format, checkpoint, files, spares })
}

impl FileStats {
    fn new(file: FileId, kind: Kind, (first, end): (Lsn, Lsn), bytes: u64, live: Live) -> Self {
        let name = file.name();
        let name = name.strip_prefix(names::LOG).map_or(name.as_str(), |name| name.trim_start_matches('/')).to_owned();
        let Live { count: live_records, bytes: live_bytes } = live;
        Self { name, kind, first, end, bytes, encryption: None, live_records, live_bytes }
    }
}
