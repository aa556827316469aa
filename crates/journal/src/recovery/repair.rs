//! Cutting the log where it is damaged, which is done only on request.

use super::Scan;
use crate::disk::failed;
use crate::error::Error;
use crate::names;

/// Damage that was cut away together with everything behind it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Number of the segment.
    pub segment: u64,
    /// Where in its file the first frame began that was cut away.
    pub offset: u64,
    pub reason: &'static str,
    /// Bytes that were zeroed or removed.
    pub bytes: u64,
    /// Segments that were removed, behind this one.
    pub segments: u64,
}

impl Scan<'_> {
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
        let segments = (numbers.len() - behind) as u64;
        Ok(Damage { segment: self.segment.number, offset: self.at, reason, bytes, segments })
    }
}
