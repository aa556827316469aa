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

/// Reads and verifies the frame at `location`: its payload, and where in it the records lie.
pub(crate) fn read(source: &Source<'_>, store_id: u64, location: Location) -> Result<(Bytes, Vec<Span>), Error> {
    let Location { offset, first } = location;
    let corrupt = |reason| source.corrupt(offset, reason);
    let mut block = [0; BLOCK];
    source.read(&mut block, offset)?;
    let header = match Header::parse(&block, store_id) {
        Parsed::Frame(header, _) if header.first_lsn == first.0 && header.payload_len as usize <= MAX_FRAME => header,
        _ => return Err(corrupt("the frame's header is damaged")),
    };
    let payload = read_payload(&header, &block, |rest, at| source.read(rest, offset + at))?;
    if crc32c::crc32c(&payload) != header.payload_crc {
        return Err(corrupt("the frame's payload is damaged"));
    }
    // No more than the payload can hold, whatever the header says.
    let mut spans = Vec::with_capacity((header.rec_count as usize).min(payload.len() / 4));
    let mut at = 0;
    for (lsn, record) in (first.0..).zip(Records::of(&payload)) {
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
