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
//!
//! In version 3 table and payload are sealed together, a tag of 16 bytes behind them, and bytes 0..36 are authenticated with
//! them. `payload_crc` is that of what lies on the disk, and `header_crc` covers bytes 0..40 only.

use bytes::Bytes;

use super::nonce;
use crate::batch::Lsn;
use crate::crypt::{DataKey, TAG};
use crate::cursor::{Cursor, put_varint};
use crate::error::Error;
use crate::frame::{SEALED, VERSION, u32_at, u64_at};
use crate::hot::Span;
use crate::limits::{BLOCK, COLD_FRAME, MAX_FRAME, SMALL_FRAME, round_up};
use crate::source::Source;

const MAGIC: [u8; 4] = *b"CWCF";
const PAYLOAD_CRC_AT: usize = 36;
const CRC_AT: usize = 40;
const HEADER: usize = 44;
/// Bytes that a record takes in the table, at least and at most.
const LEAST: usize = 9;
const MOST: usize = 18;
/// A frame ends with the record that makes table and payload longer than this.
const MAX_TABLE: usize = COLD_FRAME + MOST;

/// A frame being made.
pub(super) struct Builder {
    /// Bytes at which it is full.
    most: usize,
    first: u64,
    next: u64,
    count: u32,
    table: Vec<u8>,
    payload: Vec<u8>,
}

impl Builder {
    /// For frames that are sealed or not: a sealed one is always read whole, and therefore small.
    pub(super) fn new(sealed: bool) -> Self {
        let most = if sealed { SMALL_FRAME } else { COLD_FRAME };
        Self { most, first: 0, next: 0, count: 0, table: Vec::new(), payload: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn first(&self) -> Lsn {
        Lsn(self.first)
    }

    /// Whether a record of `length` bytes should begin another frame.
    pub(super) fn is_full(&self, length: usize) -> bool {
        self.count > 0 && self.table.len() + self.payload.len() + length > self.most
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
    pub(super) fn finish(&mut self, store_id: u64, key: Option<(&DataKey, [u8; 12])>) -> Vec<u8> {
        let mut out = Vec::new();
        let version = if key.is_some() { SEALED } else { VERSION };
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[version, 0, 0, 0]);
        out.extend_from_slice(&store_id.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        let lengths = [self.table.len() as u32, self.payload.len() as u32];
        [self.count, lengths[0], lengths[1]].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        let mut content = std::mem::take(&mut self.table);
        let table_len = content.len();
        content.append(&mut self.payload);
        if let Some((key, nonce)) = key {
            key.seal(nonce, &out, &mut content, 0);
        }
        // Of a sealed frame one checksum covers all.
        let (table, payload) = content.split_at(if key.is_some() { 0 } else { table_len });
        out.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&out), table);
        out.extend_from_slice(&crc.to_le_bytes());
        out.append(&mut content);
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
    /// What was opened, table and payload, if the frame is sealed.
    opened: Option<Bytes>,
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
        let version = if source.key.is_some() { SEALED } else { VERSION };
        if header[..4] != MAGIC || header[4] != version || u64_at(&header, 8) != store_id || !possible {
            return Err(damaged());
        }
        let opened = match &source.key {
            Some(key) => Some(open(source, key, offset, &header, table_len + payload_len)?),
            None => None,
        };
        let (bytes, crc) = match &opened {
            Some(opened) => (opened.slice(..table_len), u32_at(&header, CRC_AT)),
            None => {
                let mut bytes = vec![0; table_len];
                source.read(&mut bytes, offset + HEADER as u64)?;
                let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..CRC_AT]), &bytes);
                (bytes.into(), crc)
            }
        };
        let records = records(&bytes, u64_at(&header, 16), count, payload_len);
        let Some(records) = records.filter(|_| crc == u32_at(&header, CRC_AT)) else { return Err(damaged()) };
        let payload_at = offset + (HEADER + table_len) as u64;
        let opened = opened.map(|opened| opened.slice(table_len..));
        Ok(Self { records, payload_at, payload_len, payload_crc: u32_at(&header, PAYLOAD_CRC_AT), opened })
    }

    pub(crate) fn find(&self, lsn: Lsn) -> Option<&Record> {
        let index = self.records.binary_search_by_key(&lsn, |record| record.lsn).ok()?;
        Some(&self.records[index])
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.records.iter().map(|record| Span { lsn: record.lsn, begin: record.begin, len: record.len }).collect()
    }

    pub(crate) fn read_payload(&self, source: &Source<'_>) -> Result<Bytes, Error> {
        if let Some(opened) = &self.opened {
            return Ok(opened.clone());
        }
        let mut payload = vec![0; self.payload_len];
        source.read(&mut payload, self.payload_at)?;
        if crc32c::crc32c(&payload) != self.payload_crc {
            return Err(source.corrupt(self.payload_at, "the frame's payload is damaged"));
        }
        Ok(payload.into())
    }

    pub(crate) fn read_record(&self, source: &Source<'_>, record: &Record) -> Result<Bytes, Error> {
        if let Some(opened) = &self.opened {
            let begin = record.begin as usize;
            return Ok(Bytes::copy_from_slice(&opened[begin..begin + record.len as usize]));
        }
        let mut bytes = vec![0; record.len as usize];
        let at = self.payload_at + u64::from(record.begin);
        source.read(&mut bytes, at)?;
        if crc32c::crc32c(&bytes) != record.crc {
            return Err(source.corrupt(at, "the record is damaged"));
        }
        Ok(bytes.into())
    }
}

/// Opens what is sealed behind the header of the frame at `offset`, `length` bytes and a tag.
fn open(source: &Source<'_>, key: &DataKey, offset: u64, header: &[u8; HEADER], length: usize) -> Result<Bytes, Error> {
    let damaged = |reason| source.corrupt(offset, reason);
    let mut sealed = vec![0; length + TAG];
    source.read(&mut sealed, offset + HEADER as u64)?;
    let sound = crc32c::crc32c(&header[..CRC_AT]) == u32_at(header, CRC_AT);
    if !sound || crc32c::crc32c(&sealed) != u32_at(header, PAYLOAD_CRC_AT) {
        return Err(damaged("the frame is damaged"));
    }
    if key.open(nonce(offset / BLOCK as u64), &header[..PAYLOAD_CRC_AT], &mut sealed).is_none() {
        return Err(damaged("the frame is not what was sealed"));
    }
    sealed.truncate(length);
    Ok(sealed.into())
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
