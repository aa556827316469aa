//! Reading one frame of a segment.

use bytes::Bytes;

use crate::batch::{Lsn, Records};
use crate::error::Error;
use crate::frame::{Header, Parsed};
use crate::frames::Location;
use crate::limits::{BLOCK, MAX_FRAME};
use crate::recovery::read_payload;
use crate::source::Source;

/// Where a record lies in a payload.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) lsn: Lsn,
    pub(crate) begin: u32,
    pub(crate) len: u32,
}

impl Span {
    pub(crate) fn of(self, payload: &[u8]) -> &[u8] {
        &payload[self.begin as usize..][..self.len as usize]
    }
}

/// Reads and verifies the frame at `location`: its payload, and where in it the records lie.
pub(crate) fn read(source: &Source<'_>, store_id: u64, location: Location) -> Result<(Bytes, Vec<Span>), Error> {
    let corrupt = |reason| source.corrupt(location.offset, reason);
    let mut block = [0; BLOCK];
    let header = parse(source, store_id, location, &mut block)?;
    let payload = read_payload(&header, &block, |rest, at| source.read(rest, location.offset + at))?;
    if crc32c::crc32c(&payload) != header.payload_crc {
        return Err(corrupt("the frame's payload is damaged"));
    }
    let payload = header.unseal(payload, source.key.as_deref()).map_err(corrupt)?;
    // No more than the payload can hold, whatever the header says.
    let mut spans = Vec::with_capacity((header.rec_count as usize).min(payload.len() / 4));
    let mut at = 0;
    for (lsn, record) in (location.first.0..).zip(Records::of(&payload)) {
        let Some(record) = record else { return Err(corrupt("the frame ends inside a record")) };
        let len = record.len() as u32;
        spans.push(Span { lsn: Lsn(lsn), begin: at + 4, len });
        at += 4 + len;
    }
    if spans.len() != header.rec_count as usize {
        return Err(corrupt("the frame holds another number of records than it says"));
    }
    Ok((payload, spans))
}

/// Reads the header of the frame at `location`.
pub(crate) fn read_header(source: &Source<'_>, store_id: u64, location: Location) -> Result<Header, Error> {
    parse(source, store_id, location, &mut [0; BLOCK])
}

fn parse(source: &Source<'_>, store_id: u64, location: Location, block: &mut [u8; BLOCK]) -> Result<Header, Error> {
    let Location { offset, first } = location;
    source.read(block, offset)?;
    match Header::parse(block, store_id) {
        Parsed::Frame(header, _) if header.first_lsn == first.0 && header.payload_len as usize <= MAX_FRAME => {
            Ok(header)
        }
        _ => Err(source.corrupt(offset, "the frame's header is damaged")),
    }
}
