//! The frames of a cold file.
//!
//! ```text
//!  0        4         5          8          16          24      28          32            36            40           44
//! ┌────────┬─────────┬──────────┬──────────┬───────────┬───────┬───────────┬─────────────┬─────────────┬────────────┐
//! │ "CWCF" │ version │ reserved │ store_id │ first lsn │ count │ table_len │ payload_len │ payload_crc │ header_crc │
//! ├────────┴─────────┴──────────┴──────────┴───────────┴───────┴───────────┴─────────────┴─────────────┴────────────┤
//! │ table: count × [ varint records skipped │ length u32 │ crc u32 ]   payload   zeros up to a multiple of 4096       │
//! └─────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//! `header_crc` covers bytes 0..40 and the table, so that one record can be read and verified without the others.

use bytes::Bytes;

use crate::batch::Lsn;
use crate::cursor::{Cursor, put_varint};
use crate::error::Error;
use crate::frame::{VERSION, u32_at, u64_at};
use crate::hot::Span;
use crate::limits::{COLD_FRAME, MAX_FRAME, round_up};
use crate::source::Source;

const MAGIC: [u8; 4] = *b"CWCF";
const CRC_AT: usize = 40;
const HEADER: usize = 44;
/// Bytes that a record takes in the table, at least and at most.
const LEAST: usize = 9;
const MOST: usize = 18;
/// A frame ends with the record that makes table and payload longer than this.
const MAX_TABLE: usize = COLD_FRAME + MOST;

/// A frame being made.
#[derive(Default)]
pub(super) struct Builder {
    first: u64,
    next: u64,
    count: u32,
    table: Vec<u8>,
    payload: Vec<u8>,
}

impl Builder {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn first(&self) -> Lsn {
        Lsn(self.first)
    }

    /// Whether a record of `length` bytes should begin another frame.
    pub(super) fn is_full(&self, length: usize) -> bool {
        self.count > 0 && self.table.len() + self.payload.len() + length > COLD_FRAME
    }

    /// Adds a record with a higher number than those before.
    pub(super) fn push(&mut self, lsn: Lsn, record: &[u8]) {
        if self.count == 0 {
            (self.first, self.next) = (lsn.0, lsn.0);
        }
        put_varint(&mut self.table, lsn.0 - self.next);
        self.table.extend_from_slice(&(record.len() as u32).to_le_bytes());
        self.table.extend_from_slice(&crc32c::crc32c(record).to_le_bytes());
        self.payload.extend_from_slice(record);
        self.count += 1;
        self.next = lsn.0 + 1;
    }

    /// The bytes of the frame, whole blocks; the builder is empty again.
    pub(super) fn finish(&mut self, store_id: u64) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, 0, 0, 0]);
        out.extend_from_slice(&store_id.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        let lengths = [self.table.len() as u32, self.payload.len() as u32];
        for number in [self.count, lengths[0], lengths[1], crc32c::crc32c(&self.payload)] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let crc = crc32c::crc32c_append(crc32c::crc32c(&out), &self.table);
        out.extend_from_slice(&crc.to_le_bytes());
        out.append(&mut self.table);
        out.append(&mut self.payload);
        out.resize(round_up(out.len() as u64) as usize, 0);
        self.count = 0;
        out
    }
}

/// Which records a frame holds, and where.
pub(crate) struct Table {
    records: Vec<Record>,
    /// Where in the file the payload begins.
    payload_at: u64,
    pub(crate) payload_len: usize,
    payload_crc: u32,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    lsn: Lsn,
    /// In the payload.
    begin: u32,
    len: u32,
    crc: u32,
}

impl Table {
    pub(crate) fn read(source: &Source<'_>, offset: u64, store_id: u64) -> Result<Self, Error> {
        let damaged = || source.corrupt(offset, "the frame's header is damaged");
        let mut header = [0; HEADER];
        source.read(&mut header, offset)?;
        let (count, table_len, payload_len) = (u32_at(&header, 24), u32_at(&header, 28), u32_at(&header, 32));
        let (count, table_len, payload_len) = (count as usize, table_len as usize, payload_len as usize);
        let possible = table_len <= MAX_TABLE && payload_len <= MAX_FRAME && count.saturating_mul(LEAST) <= table_len;
        if header[..4] != MAGIC || header[4] != VERSION || u64_at(&header, 8) != store_id || !possible {
            return Err(damaged());
        }
        let mut bytes = vec![0; table_len];
        source.read(&mut bytes, offset + HEADER as u64)?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..CRC_AT]), &bytes);
        let records = records(&bytes, u64_at(&header, 16), count, payload_len);
        let Some(records) = records.filter(|_| crc == u32_at(&header, CRC_AT)) else { return Err(damaged()) };
        let payload_at = offset + (HEADER + table_len) as u64;
        Ok(Self { records, payload_at, payload_len, payload_crc: u32_at(&header, 36) })
    }

    pub(crate) fn find(&self, lsn: Lsn) -> Option<&Record> {
        let index = self.records.binary_search_by_key(&lsn, |record| record.lsn).ok()?;
        Some(&self.records[index])
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.records.iter().map(|record| Span { lsn: record.lsn, begin: record.begin, len: record.len }).collect()
    }

    pub(crate) fn read_payload(&self, source: &Source<'_>) -> Result<Bytes, Error> {
        let mut payload = vec![0; self.payload_len];
        source.read(&mut payload, self.payload_at)?;
        if crc32c::crc32c(&payload) != self.payload_crc {
            return Err(source.corrupt(self.payload_at, "the frame's payload is damaged"));
        }
        Ok(payload.into())
    }

    pub(crate) fn read_record(&self, source: &Source<'_>, record: &Record) -> Result<Bytes, Error> {
        let mut bytes = vec![0; record.len as usize];
        let at = self.payload_at + u64::from(record.begin);
        source.read(&mut bytes, at)?;
        if crc32c::crc32c(&bytes) != record.crc {
            return Err(source.corrupt(at, "the record is damaged"));
        }
        Ok(bytes.into())
    }
}

/// The records of a table if it is exactly `count` that fill the payload.
fn records(table: &[u8], first: u64, count: usize, payload_len: usize) -> Option<Vec<Record>> {
    let mut cursor = Cursor::new(table);
    let (mut records, mut lsn, mut begin) = (Vec::with_capacity(count), first, 0_u32);
    for _ in 0..count {
        lsn = lsn.checked_add(cursor.varint()?)?;
        let (len, crc) = (cursor.u32()?, cursor.u32()?);
        records.push(Record { lsn: Lsn(lsn), begin, len, crc });
        (lsn, begin) = (lsn.checked_add(1)?, begin.checked_add(len)?);
    }
    (cursor.is_empty() && begin as usize == payload_len).then_some(records)
}
