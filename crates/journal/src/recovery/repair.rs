//! What is done about damage on request: what is before the checkpoint is stepped over, what is behind it is cut.

use super::Scan;
use super::behind::DURABLE;
use crate::batch::Lsn;
use crate::disk::failed;
use crate::error::Error;
use crate::frame::Header;
use crate::gap::Lost;
use crate::names;
use crate::segment::Segment;
use crate::source::Source;

/// Damage, and what was done about it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Number of the segment.
    pub segment: u64,
    /// Where in its file the first frame begins that is lost.
    pub offset: u64,
    pub reason: &'static str,
    pub repair: Repair,
}

/// What was done about damage.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The log ends there now. So many bytes were zeroed or removed, and with them so many segments behind this one.
    Cut { bytes: u64, segments: u64 },
    /// Nothing was changed: so many bytes from before the checkpoint were stepped over, and the records in them cannot be
    /// read. As long as recovery begins in this segment, it must be asked for again.
    Skipped { bytes: u64 },
}

impl Scan<'_> {
    /// Reads the first segment up to the frame with which the checkpoint begins. What is before it is not replayed, so
    /// the state can do without.
    pub(super) fn approach(&mut self) -> Result<Vec<Damage>, Error> {
        let mut skipped = Vec::new();
        if self.begin.settled == Lsn::NONE {
            return Ok(skipped);
        }
        loop {
            let reason = match self.frames() {
                Err(Error::Corrupt { reason, .. }) => reason,
                other => other.map(|()| DURABLE)?,
            };
            // Then it is damage to the checkpoint or behind it, if at all.
            if self.expect.lsn > self.begin.first {
                return Ok(skipped);
            }
            let Segment { file, key, .. } = self.segment.clone();
            let source = Source { disk: self.begin.disk, name: self.segment.name(), file, key };
            let lost = Lost { at: self.at, block_no: self.expect.block_no, lsn: self.expect.lsn };
            let next = lost.next(&source, self.begin.vault.store_id, self.segment.len)?;
            let Some((at, header)) = next.filter(|(_, header)| header.first_lsn <= self.begin.first.0) else {
                return Ok(skipped);
            };
            if !self.begin.repair {
                return Err(self.corrupt(reason));
            }
            self.add(&mut skipped, at, reason);
            self.skip_to(at, &header);
        }
    }

    /// Adds what lies before `at`, to the damage right before it if there is some.
    fn add(&self, skipped: &mut Vec<Damage>, at: u64, reason: &'static str) {
        if let Some(Damage { offset, repair: Repair::Skipped { bytes }, .. }) = skipped.last_mut()
            && *offset + *bytes == self.at
        {
            *bytes = at - *offset;
            return;
        }
        let repair = Repair::Skipped { bytes: at - self.at };
        skipped.push(Damage { segment: self.segment.number, offset: self.at, reason, repair });
    }

    /// Goes on with a frame behind damage. It cannot be known whether it continues the frames before, but those behind it
    /// must continue it.
    fn skip_to(&mut self, at: u64, header: &Header) {
        let lsn = Lsn(header.first_lsn);
        self.begin.shared.index_mut().skip(self.at, lsn);
        (self.at, self.expect.block_no) = (at, header.block_no);
        (self.expect.lsn, self.expect.prev_crc) = (lsn, header.prev_crc);
    }

    /// Cuts the log where it was read to. What the last checkpoint consists of cannot be cut: the owner's state is in it.
    pub(super) fn cut_damage(&mut self, numbers: &[u64], reason: &'static str) -> Result<Damage, Error> {
        self.reaches_checkpoint()?;
        let disk = self.begin.disk;
        let behind = numbers.partition_point(|&number| number <= self.segment.number);
        let mut bytes = self.segment.len - self.at;
        for &number in &numbers[behind..] {
            let name = names::segment(number);
            let file = disk.open(&name).map_err(failed(disk, "open", &name))?;
            bytes += file.size().map_err(failed(disk, "read", &name))?;
        }
        self.remove_segments(&numbers[behind..])?;
        self.zero(self.at, self.segment.len)?;
        let repair = Repair::Cut { bytes, segments: (numbers.len() - behind) as u64 };
        Ok(Damage { segment: self.segment.number, offset: self.at, reason, repair })
    }
}
