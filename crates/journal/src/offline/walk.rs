//! The frames of one segment, one after the other.

use bytes::Bytes;

use crate::batch::Lsn;
use crate::crypt::Vault;
use crate::disk::Disk;
use crate::error::Error;
use crate::frame::{Header, Parsed};
use crate::frames::Location;
use crate::gap::Lost;
use crate::hot::{self, Span};
use crate::limits::BLOCK;
use crate::segment::{Segment, SegmentHeader};
use crate::source::Source;

pub(super) struct Walk<'a> {
    pub(super) source: Source<'a>,
    pub(super) header: SegmentHeader,
    pub(super) len: u64,
    /// Where the next frame should begin.
    pub(super) at: u64,
    /// What it should say: its number, its first record, and the checksum of the one before, if that is known.
    pub(super) block_no: u64,
    pub(super) lsn: Lsn,
    pub(super) prev_crc: Option<u32>,
    store_id: u64,
}

/// A frame whose checksums hold.
pub(super) struct Frame {
    pub(super) header: Header,
    pub(super) payload: Bytes,
    pub(super) spans: Vec<Span>,
}

impl<'a> Walk<'a> {
    pub(super) fn open(disk: &'a dyn Disk, vault: &Vault, number: u64) -> Result<Self, Error> {
        let (segment, header) = Segment::open(disk, number, vault)?;
        let store_id = vault.store_id;
        let source = Source { disk, name: segment.name(), file: segment.file, key: segment.key };
        let (block_no, lsn, prev_crc) = (header.first_block, Lsn(header.first_lsn), Some(header.prev_crc));
        Ok(Self { source, header, len: segment.len, at: BLOCK as u64, block_no, lsn, prev_crc, store_id })
    }

    /// The next frame; `None` if there is no sound one that continues the one before.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Error> {
        let Some((header, crc)) = self.header_at(self.at)? else { return Ok(None) };
        let continues = header.block_no == self.block_no
            && header.first_lsn == self.lsn.0
            && self.prev_crc.is_none_or(|prev| prev == header.prev_crc)
            && header.span() <= self.len - self.at;
        if !continues {
            return Ok(None);
        }
        let location = Location { offset: self.at, first: self.lsn };
        let (payload, spans) = match hot::read(&self.source, self.store_id, location) {
            Err(Error::Corrupt { .. }) => return Ok(None),
            other => other?,
        };
        self.at += header.span();
        self.block_no += 1;
        self.lsn = self.lsn.plus(header.rec_count.into());
        self.prev_crc = Some(crc);
        Ok(Some(Frame { header, payload, spans }))
    }

    /// Goes on with the next intact header of a later frame; `None` if there is none in this segment.
    pub(super) fn skip(&mut self) -> Result<Option<Header>, Error> {
        let lost = Lost { at: self.at, block_no: self.block_no, lsn: self.lsn };
        let Some((at, header)) = lost.next(&self.source, self.store_id, self.len)? else { return Ok(None) };
        (self.at, self.block_no, self.lsn, self.prev_crc) = (at, header.block_no, Lsn(header.first_lsn), None);
        Ok(Some(header))
    }

    /// As [`Walk::next`], but over damage to what is before the record `known`, as a repair does.
    pub(super) fn next_known(&mut self, known: Lsn) -> Result<Option<Frame>, Error> {
        loop {
            let next = self.next()?;
            if next.is_some() || self.lsn > known || self.skip()?.is_none() {
                return Ok(next);
            }
        }
    }

    fn header_at(&self, at: u64) -> Result<Option<(Header, u32)>, Error> {
        if at + BLOCK as u64 > self.len {
            return Ok(None);
        }
        let mut block = [0; BLOCK];
        self.source.read(&mut block, at)?;
        match Header::parse(&block, self.store_id) {
            Parsed::Frame(header, crc) => Ok(Some((header, crc))),
            Parsed::Nothing | Parsed::Newer(_) => Ok(None),
        }
    }
}
