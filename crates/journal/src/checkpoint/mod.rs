//! `CHECKPOINT` and `CHECKPOINT.copy`: where recovery begins, and which records are held there.
//!
//! ```text
//!  0        4         5          8          16          24          32          40          48         56
//! ┌────────┬─────────┬──────────┬──────────┬───────────┬───────────┬───────────┬───────────┬──────────┬───────┬─────┐
//! │ "CWCP" │ version │ reserved │ store_id │ epoch u64 │ first lsn │ end lsn   │ start seg │ length   │ lists │ crc │
//! └────────┴─────────┴──────────┴──────────┴───────────┴───────────┴───────────┴───────────┴──────────┴───────┴─────┘
//! ```
//! `length` is that of all of it; the file may be longer. The lists are varints: the count of files and, for each, whether
//! it is cold, its first segment and first record (as differences to what follows the file before), how many segments
//! and records it spans, its size, how many bytes were held when it was made, and how many records and bytes of it are held; then the
//! table of holders. Files from the start segment on have size 0: they are read anyway. In a store that is encrypted all of this
//! is sealed (`crypt/blob.rs`).

mod pair;

use std::collections::BTreeMap;

pub(crate) use self::pair::{FILES, Loaded, NAME};
use crate::batch::Lsn;
use crate::cursor::{Cursor, put_varint};
use crate::frame::{VERSION, u32_at, u64_at};
use crate::holders::{Live, Table};
use crate::index::Entry;
use crate::names::FileId;

const MAGIC: [u8; 4] = *b"CWCP";
const FIXED: usize = 56;
const CRC: usize = 4;
/// A record takes at least so many bytes in a file.
const LEAST_RECORD: u64 = 4;

/// What the writer knew when a checkpoint was durable.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) epoch: u64,
    /// The first record and the last one.
    pub(crate) first: Lsn,
    pub(crate) end: Lsn,
    /// The segment that holds the first.
    pub(crate) start: u64,
    pub(crate) files: Vec<Listed>,
    pub(crate) table: Table,
}

/// A file and what is held in it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) entry: Entry,
    pub(crate) live: Live,
}

impl Checkpoint {
    /// The files of the log as they are now, with what the table says about them.
    pub(crate) fn list(&mut self, files: &[Entry]) {
        let ends = files.iter().skip(1).map(|next| next.first).chain([self.end.plus(1)]);
        let known = files.iter().zip(ends).filter(|(entry, _)| entry.first <= self.end);
        let listed = known.map(|(&entry, end)| {
            let live = self.table.live(entry.first..end);
            let scanned = entry.file.first >= self.start;
            let entry = if scanned { Entry { end: entry.first, bytes: 0, held: 0, ..entry } } else { entry };
            Listed { entry: Entry { key: 0, ..entry }, live }
        });
        self.files = listed.collect();
    }

    pub(crate) fn encode(&self, store_id: u64) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, 0, 0, 0]);
        for number in [store_id, self.epoch, self.first.0, self.end.0, self.start, 0] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        put_varint(&mut out, self.files.len() as u64);
        let (mut segment, mut lsn) = (0, 0);
        for Listed { entry, live } in &self.files {
            let Entry { file, first, end, bytes, held, .. } = *entry;
            let numbers = [file.first - segment, file.last - file.first, first.0 - lsn, end.0 - first.0, bytes, held];
            out.push(file.cold.into());
            numbers.iter().chain(&[live.count, live.bytes]).for_each(|&number| put_varint(&mut out, number));
            (segment, lsn) = (file.last + 1, end.0);
        }
        self.table.encode(&mut out);
        let length = (out.len() + CRC) as u64;
        out[FIXED - 8..FIXED].copy_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out
    }

    /// Reads a checkpoint; the reason if it is none. `log_bytes` are those of all files of the log.
    pub(crate) fn decode(bytes: &[u8], store_id: u64, log_bytes: u64) -> Result<Self, &'static str> {
        if bytes.len() < FIXED + CRC || bytes[..4] != MAGIC {
            return Err("it is no checkpoint");
        }
        let length = usize::try_from(u64_at(bytes, FIXED - 8)).unwrap_or(usize::MAX);
        let body = length.checked_sub(CRC).filter(|body| *body >= FIXED).and_then(|body| bytes.get(..body));
        let crc = bytes.get(length.saturating_sub(CRC)..length);
        let (Some(body), Some(crc)) = (body, crc) else { return Err("it is too short") };
        if u32_at(crc, 0) != crc32c::crc32c(body) {
            return Err("its checksum is wrong");
        }
        if u64_at(bytes, 8) != store_id {
            return Err("it belongs to another store");
        }
        let mut lists = Cursor::new(&body[FIXED..]);
        let read = decode_files(&mut lists).and_then(|files| {
            let segments: BTreeMap<u64, Live> =
                files.iter().map(|listed: &Listed| (listed.entry.first.0, listed.live)).collect();
            let table = Table::decode(&mut lists, segments, log_bytes / LEAST_RECORD)?;
            lists.is_empty().then_some((files, table))
        });
        let Some((files, table)) = read else { return Err("it says something impossible") };
        let number = |at| u64_at(bytes, at);
        let (first, end) = (Lsn(number(24)), Lsn(number(32)));
        if first == Lsn::NONE || first > end || end.0 == u64::MAX {
            return Err("it ends before it begins");
        }
        Ok(Self { epoch: number(16), first, end, start: number(40), files, table })
    }
}

fn decode_files(cursor: &mut Cursor<'_>) -> Option<Vec<Listed>> {
    let mut files = Vec::new();
    let (mut segment, mut lsn) = (0_u64, 0_u64);
    for _ in 0..cursor.varint()? {
        let cold = match cursor.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let first = segment.checked_add(cursor.varint()?)?;
        let file = FileId { first, last: first.checked_add(cursor.varint()?)?, cold };
        let first = Lsn(lsn.checked_add(cursor.varint()?)?);
        let end = Lsn(first.0.checked_add(cursor.varint()?)?);
        let (bytes, held) = (cursor.varint()?, cursor.varint()?);
        let live = Live { count: cursor.varint()?, bytes: cursor.varint()? };
        (segment, lsn) = (file.last.checked_add(1)?, end.0);
        files.push(Listed { entry: Entry { key: 0, file, first, end, bytes, held }, live });
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Hold;

    fn checkpoint() -> Checkpoint {
        let mut table = Table::default();
        let entry = |file, first, end, bytes| Entry {
            key: 0,
            file,
            first: Lsn(first),
            end: Lsn(end),
            bytes,
            held: end - first,
        };
        let files = [
            entry(FileId { first: 3, last: 8, cold: true }, 10, 5000, 9000),
            entry(FileId::hot(9), 5000, 9000, 65536),
            entry(FileId::hot(10), 9000, 9000, 65536),
        ];
        files.iter().for_each(|entry| table.begin_segment(entry.first));
        for lsn in (10..9500).filter(|lsn| lsn % 3 == 0) {
            table.hold(&Hold { lsn: Lsn(lsn), bytes: 7, count: 1 });
        }
        let mut checkpoint =
            Checkpoint { epoch: 4, first: Lsn(9100), end: Lsn(9600), start: 10, files: Vec::new(), table };
        checkpoint.list(&files);
        checkpoint
    }

    #[test]
    fn it_comes_back() {
        let written = checkpoint();
        let bytes = written.encode(77);
        let read = Checkpoint::decode(&bytes, 77, 1 << 20).unwrap();
        assert_eq!((read.epoch, read.first, read.end, read.start), (4, Lsn(9100), Lsn(9600), 10));
        assert_eq!(read.files, written.files);
        assert_eq!(read.table.total(), written.table.total());
        assert_eq!(read.files[2].live.count, 167);
        let mut longer = bytes.clone();
        longer.resize(9000, 0);
        assert!(Checkpoint::decode(&longer, 77, 1 << 20).is_ok());
        assert_eq!(Checkpoint::decode(&bytes, 78, 1 << 20).unwrap_err(), "it belongs to another store");
        assert!(Checkpoint::decode(&bytes, 77, 1000).is_err(), "more records than the log can hold");
    }

    #[test]
    fn no_bit_may_change_and_none_may_be_missing() {
        let bytes = checkpoint().encode(77);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Checkpoint::decode(&damaged, 77, 1 << 20).is_err(), "bit {bit}");
        }
        (0..bytes.len()).for_each(|len| assert!(Checkpoint::decode(&bytes[..len], 77, 1 << 20).is_err()));
    }

    /// What a sound checksum stands behind may still be nonsense.
    #[test]
    fn lengths_are_not_believed() {
        let bytes = checkpoint().encode(77);
        for at in 4..bytes.len() - CRC {
            for value in [0x7f, 0x80, 0xff] {
                let mut hostile = bytes.clone();
                hostile[at] = value;
                let end = hostile.len() - CRC;
                let crc = crc32c::crc32c(&hostile[..end]).to_le_bytes();
                hostile[end..].copy_from_slice(&crc);
                let _ = Checkpoint::decode(&hostile, 77, 1 << 20);
            }
        }
    }
}
