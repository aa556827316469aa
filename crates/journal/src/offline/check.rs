//! Reading everything, to know whether it is sound.

use super::survey::Survey;
use super::walk::Walk;
use crate::cold;
use crate::crypt::Encryption;
use crate::disk::Disk;
use crate::error::Error;
use crate::index::Entry;
use crate::manifest::Progress;
use crate::names;
use crate::source::Source;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub files: u64,
    pub bytes: u64,
    /// Sound ones.
    pub records: u64,
    pub faults: Vec<Fault>,
    /// A write at the end of the log that was never confirmed; it will be cut when the store is opened.
    pub torn: Option<(String, u64)>,
}

/// A place that is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub file: String,
    pub offset: u64,
    pub reason: &'static str,
}

/// Reads and verifies all that the store consists of; changes nothing.
pub fn check(disk: &dyn Disk, encryption: &Encryption, progress: impl FnMut(Progress)) -> Result<Report, Error> {
    let mut report = Report::default();
    let mut survey = match Survey::of(disk, encryption) {
        Err(error @ Error::Corrupt { .. }) => {
            report.note(error)?;
            return Ok(report);
        }
        other => other?,
    };
    if let Some(fault) = survey.fault.take() {
        report.note(fault)?;
    }
    let mut check = Check { disk, survey: &survey, report, progress };
    check.run()?;
    Ok(check.report)
}

struct Check<'a, P> {
    disk: &'a dyn Disk,
    survey: &'a Survey,
    report: Report,
    progress: P,
}

impl<P: FnMut(Progress)> Check<'_, P> {
    fn run(&mut self) -> Result<(), Error> {
        let Survey { plan, vault, .. } = self.survey;
        let mut total = plan.old.iter().map(|entry| entry.bytes).sum();
        for &number in &plan.scanned {
            total += Source::open(self.disk, names::segment(number))?.size()?;
        }
        for entry in &plan.old {
            let checked = match entry.file.cold {
                true => self.cold(entry),
                false => self.segment(entry.file.first, Some(entry)),
            };
            self.done(checked, entry.bytes, total)?;
        }
        for (index, &number) in plan.scanned.iter().enumerate() {
            let walk = Walk::open(self.disk, vault, number).map(|walk| walk.len);
            let bytes = walk.unwrap_or_default();
            let checked = self.segment(number, None).and_then(|()| self.joint(&plan.scanned[index..]));
            self.done(checked, bytes, total)?;
        }
        Ok(())
    }

    fn done(&mut self, checked: Result<(), Error>, bytes: u64, total: u64) -> Result<(), Error> {
        if let Err(error) = checked {
            self.report.note(error)?;
        }
        self.report.files += 1;
        self.report.bytes += bytes;
        (self.progress)(Progress { done: self.report.bytes, total });
        Ok(())
    }

    /// Walks through a segment, over damage, too; `old` says how far it must reach.
    fn segment(&mut self, number: u64, old: Option<&Entry>) -> Result<(), Error> {
        let mut walk = Walk::open(self.disk, &self.survey.vault, number)?;
        loop {
            while let Some(frame) = walk.next()? {
                self.report.records += frame.spans.len() as u64;
            }
            let at = walk.at;
            let found = walk.skip()?;
            match (found, old) {
                // What was not waited for proves nothing about what is before it.
                (Some(header), None) if header.unsynced => {
                    self.report.torn.get_or_insert((walk.source.name.clone(), at));
                }
                (Some(_), _) => self.report.note(walk.source.corrupt(at, "the frame is damaged"))?,
                (None, Some(entry)) if walk.lsn < entry.end => {
                    return Err(walk.source.corrupt(at, "the segment ends before its last record"));
                }
                (None, _) => return Ok(()),
            }
        }
    }

    /// Whether the segment behind the first one continues it; the last one may end with a torn write.
    fn joint(&mut self, numbers: &[u64]) -> Result<(), Error> {
        let mut walk = Walk::open(self.disk, &self.survey.vault, numbers[0])?;
        while walk.next()?.is_some() || walk.skip()?.is_some() {}
        let Some(&next) = numbers.get(1) else {
            let mut block = [0; crate::limits::BLOCK];
            let rest = walk.at + block.len() as u64 <= walk.len && walk.source.read(&mut block, walk.at).is_ok();
            if rest && block != crate::limits::ZEROS {
                self.report.torn.get_or_insert((walk.source.name.clone(), walk.at));
            }
            return Ok(());
        };
        let next = Walk::open(self.disk, &self.survey.vault, next)?;
        let same = next.header.first_block == walk.block_no && next.header.first_lsn == walk.lsn.0;
        if same && walk.prev_crc.is_none_or(|crc| crc == next.header.prev_crc) {
            return Ok(());
        }
        if next.header.unsynced {
            self.report.torn.get_or_insert((walk.source.name.clone(), walk.at));
            return Ok(());
        }
        Err(walk.source.corrupt(walk.at, "the frame is damaged, and the next segment shows that it was durable"))
    }

    fn cold(&mut self, entry: &Entry) -> Result<(), Error> {
        let vault = &self.survey.vault;
        let source = Source::of_log(self.disk, vault, entry.file)?;
        let frames = cold::read_frames(self.disk, vault, entry.file)?;
        let mut held = 0;
        for location in frames.iter(entry.first) {
            let table = match cold::Table::read(&source, location.offset, vault.store_id) {
                Ok(table) => table,
                Err(error) => {
                    self.report.note(error)?;
                    continue;
                }
            };
            let spans = table.spans();
            held += spans.iter().filter(|span| self.is_held(span.lsn)).count() as u64;
            match table.read_payload(&source) {
                Ok(_) => self.report.records += spans.len() as u64,
                Err(error) => self.report.note(error)?,
            }
        }
        let live = self.survey.checkpoint.as_ref().map(|checkpoint| checkpoint.table.live(entry.first..entry.end));
        if live.is_some_and(|live| live.count != held) {
            return Err(source.corrupt(0, "records are missing that are held"));
        }
        Ok(())
    }

    fn is_held(&self, lsn: crate::Lsn) -> bool {
        self.survey.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.table.holders(lsn) > 0)
    }
}

impl Report {
    /// Adds damage; every other error ends the check.
    fn note(&mut self, error: Error) -> Result<(), Error> {
        match error {
            Error::Corrupt { file, offset, reason } => self.faults.push(Fault { file, offset, reason }),
            other => return Err(other),
        }
        Ok(())
    }
}
