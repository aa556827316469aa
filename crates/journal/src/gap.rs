//! Stepping over damaged frames of a segment.

use crate::batch::Lsn;
use crate::error::Error;
use crate::frame::{Header, Parsed};
use crate::limits::BLOCK;
use crate::source::Source;

/// A frame that should be somewhere and is not sound: its number and its first record.
#[derive(Copy, Clone)]
pub(crate) struct Lost {
    pub(crate) at: u64,
    pub(crate) block_no: u64,
    pub(crate) lsn: Lsn,
}

impl Lost {
    /// Where in the first `len` bytes of the segment the next frame begins whose header is intact, and that header. Frames
    /// of an earlier use of the file have lower numbers.
    pub(crate) fn next(&self, source: &Source<'_>, store_id: u64, len: u64) -> Result<Option<(u64, Header)>, Error> {
        let mut at = self.at + BLOCK as u64;
        let mut block = [0; BLOCK];
        while at + BLOCK as u64 <= len {
            source.read(&mut block, at)?;
            match Header::parse(&block, store_id) {
                Parsed::Frame(header, _) if self.is_before(&header) => return Ok(Some((at, header))),
                _ => at += BLOCK as u64,
            }
        }
        Ok(None)
    }

    fn is_before(&self, header: &Header) -> bool {
        header.block_no > self.block_no && header.first_lsn >= self.lsn.0
    }
}
