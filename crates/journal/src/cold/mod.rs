//! Cold files: what is still held of some neighbouring segments, by number, with gaps.
//!
//! The first 4096 bytes are a header, then come frames, each at a multiple of 4096, and where they lie (see `frames.rs`).
//!
//! ```text
//!  0        4         5          8          16          24         32          40        48       56
//! ┌────────┬─────────┬──────────┬──────────┬───────────┬──────────┬───────────┬─────────┬────────┬──────────┐
//! │ "CWCL" │ version │ reserved │ store_id │ first seg │ last seg │ first lsn │ end lsn │ held   │ size     │
//! └────────┴─────────┴──────────┴──────────┴───────────┴──────────┴───────────┴─────────┴────────┴──────────┘
//!   index at u64 @64, index length u64 @72, crc @80
//! ```
//! The header is written last, before the file gets its name.
//!
//! Since version 3 the algorithm (u8 @6) says how frames and index are sealed; the data key is at @84, and bytes 0..80 are
//! authenticated with it.

mod frame;
mod writer;

pub(crate) use self::frame::Table;
pub(crate) use self::writer::ColdWriter;
use std::sync::Arc;

use crate::batch::Lsn;
use crate::crypt::{DataKey, ENVELOPE, NewKey, Vault};
use crate::disk::Disk;
use crate::error::Error;
use crate::frame::{SEALED, VERSION, u32_at, u64_at};
use crate::frames::Frames;
use crate::index::Entry;
use crate::limits::BLOCK;
use crate::names::FileId;
use crate::source::Source;

const MAGIC: [u8; 4] = *b"CWCL";
const ALGORITHM_AT: usize = 6;
const CRC_AT: usize = 80;
const KEY_AT: usize = 84;
/// The block of the index, as its nonce says it: that of no frame.
const INDEX_BLOCK: u64 = u64::MAX;

/// The header of a cold file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ColdHeader {
    store_id: u64,
    entry: Entry,
    index_at: u64,
    index_len: u64,
}

/// The nonce of what begins at a block of a cold file.
fn nonce(block: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&block.to_le_bytes());
    nonce
}

impl ColdHeader {
    fn encode(&self, key: Option<(&Vault, &NewKey)>) -> [u8; BLOCK] {
        let mut out = [0; BLOCK];
        out[..4].copy_from_slice(&MAGIC);
        out[4] = if key.is_some() { SEALED } else { VERSION };
        let Entry { file, first, end, bytes, held, .. } = self.entry;
        let numbers =
            [self.store_id, file.first, file.last, first.0, end.0, held, bytes, self.index_at, self.index_len];
        for (at, number) in (8..).step_by(8).zip(numbers) {
            out[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        if let Some((vault, new)) = key {
            out[ALGORITHM_AT] = new.key.algorithm as u8;
            let envelope = vault.envelope(new, &out[..CRC_AT]);
            out[KEY_AT..KEY_AT + ENVELOPE].copy_from_slice(&envelope);
        }
        let crc = crc32c::crc32c(&out[..CRC_AT]);
        out[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        out
    }

    fn read(source: &Source<'_>, vault: &Vault, file: FileId) -> Result<(Self, Option<Arc<DataKey>>), Error> {
        let store_id = vault.store_id;
        let mut block = [0; BLOCK];
        source.read(&mut block, 0)?;
        if block[..4] != MAGIC || u32_at(&block, CRC_AT) != crc32c::crc32c(&block[..CRC_AT]) {
            return Err(source.corrupt(0, "its header is damaged"));
        }
        if block[4] > SEALED {
            return Err(Error::Newer { path: source.disk.path(&source.name), found: block[4], known: SEALED });
        }
        let number = |index: usize| u64_at(&block, 8 + 8 * index);
        let (first, end) = (Lsn(number(3)), Lsn(number(4)));
        let entry = Entry { key: 0, file, first, end, bytes: number(6), held: number(5) };
        let header = Self { store_id, entry, index_at: number(7), index_len: number(8) };
        if (number(0), number(1), number(2)) != (store_id, file.first, file.last) {
            return Err(source.corrupt(0, "its header belongs to another store or file"));
        }
        let ends = header.index_at.checked_add(header.index_len);
        if first > end || ends != Some(header.entry.bytes) || source.size()? != header.entry.bytes {
            return Err(source.corrupt(0, "the file has another length"));
        }
        if block[4] < SEALED {
            return Ok((header, None));
        }
        match vault.open_key(block[ALGORITHM_AT], &block[..CRC_AT], &block[KEY_AT..KEY_AT + ENVELOPE]) {
            Some(key) => Ok((header, Some(key))),
            None => Err(source.corrupt(0, "its key is damaged")),
        }
    }
}

/// Reads what the file says of itself.
pub(crate) fn read_header(disk: &dyn Disk, vault: &Vault, file: FileId) -> Result<Entry, Error> {
    let source = Source::open(disk, file.name())?;
    Ok(ColdHeader::read(&source, vault, file)?.0.entry)
}

/// Reads what the file is sealed with.
pub(crate) fn read_key(source: &Source<'_>, vault: &Vault, file: FileId) -> Result<Option<Arc<DataKey>>, Error> {
    Ok(ColdHeader::read(source, vault, file)?.1)
}

/// Reads where the frames of a cold file lie.
pub(crate) fn read_frames(disk: &dyn Disk, vault: &Vault, file: FileId) -> Result<Frames, Error> {
    let source = Source::open(disk, file.name())?;
    let (header, key) = ColdHeader::read(&source, vault, file)?;
    // No longer than the file, whose size was compared.
    let mut bytes = vec![0; header.index_len as usize];
    source.read(&mut bytes, header.index_at)?;
    let sealed = key.map(|key| key.open(nonce(INDEX_BLOCK), &[], &mut bytes).map(|index| index.len()));
    let index = match sealed {
        None => Some(&bytes[..]),
        Some(length) => length.map(|length| &bytes[..length]),
    };
    let frames = index.and_then(|index| Frames::decode(index, vault.store_id));
    frames.ok_or_else(|| source.corrupt(header.index_at, "its index is damaged"))
}

#[cfg(test)]
mod tests;
