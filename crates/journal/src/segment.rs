//! Segments: the files that frames lie in.
//!
//! The first 4096 bytes are a header, the rest is frames and, after the last one, zeros. Numbers are little endian,
//! the checksum is CRC-32C of what stands before it.
//!
//! ```text
//!  0        4         5       6          8              16             24
//! ┌────────┬─────────┬───────┬──────────┬──────────────┬──────────────┐
//! │ magic  │ version │ flags │ reserved │ store_id     │ number       │
//! │ "CWSG" │ u8      │ u8    │ u16      │ u64          │ u64          │
//! ├────────┴─────────┼───────┴──────────┼──────────────┼──────┬───────┤
//! │ epoch u64        │ first block_no   │ first_lsn    │ prev │ crc   │
//! │ @24              │ u64 @32          │ u64 @40      │ @48  │ @52   │
//! ├──────────────────┴──────────────────┴──────────────┴──────┴───────┤
//! │ since version 3 the data key, 60 bytes @56; zeros up to 4096,     │
//! │ then frames                                                       │
//! └───────────────────────────────────────────────────────────────────┘
//! ```
//!
//! In version 3 the algorithm (u8 @6) says how frames are sealed, and bytes 0..52 are authenticated with the data key.
//!
//! Flag 2 (since version 2) says that frames before this segment were not waited for, as in a frame.
//!
//! `prev` is the `header_crc` of the last frame of the segment before, where the chain of this one begins. Flag 1 says
//! that the file may hold bytes of an earlier use. In such a segment a block of zeros is written behind every frame, so
//! that the end of the log is a block of zeros in every segment.

use std::io::IoSlice;
use std::sync::Arc;

use crate::crypt::{Algorithm, DataKey, ENVELOPE, NewKey, Vault};
use crate::disk::{Disk, File, failed};
use crate::error::Error;
use crate::frame::{SEALED, u32_at, u64_at};
use crate::keeper::Spare;
use crate::limits::{BLOCK, CHUNK, ZEROS};
use crate::names::{self, LOG};

/// Number of the first segment of a store.
pub(crate) const FIRST_SEGMENT: u64 = 1;
const MAGIC: [u8; 4] = *b"CWSG";
const RECYCLED: u8 = 1;
const UNSYNCED: u8 = 2;
const ALGORITHM_AT: usize = 6;
const CRC_AT: usize = 52;
const LEN: usize = 56;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) version: u8,
    pub(crate) unsynced: bool,
    pub(crate) store_id: u64,
    pub(crate) number: u64,
    pub(crate) epoch: u64,
    pub(crate) first_block: u64,
    pub(crate) first_lsn: u64,
    pub(crate) prev_crc: u32,
    pub(crate) recycled: bool,
}

/// An open segment.
#[derive(Clone)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) file: Arc<dyn File>,
    /// Whole blocks of the file, in bytes.
    pub(crate) len: u64,
    pub(crate) recycled: bool,
    /// What its frames are sealed with.
    pub(crate) key: Option<Arc<DataKey>>,
}

impl Segment {
    /// Opens an existing segment and checks its header.
    pub(crate) fn open(disk: &dyn Disk, number: u64, vault: &Vault) -> Result<(Self, SegmentHeader), Error> {
        let name = names::segment(number);
        let file = disk.open(&name).map_err(failed(disk, "open", &name))?;
        let size = file.size().map_err(failed(disk, "read", &name))?;
        let mut block = [0; BLOCK];
        file.read_at(&mut block, 0).map_err(failed(disk, "read", &name))?;
        let header = SegmentHeader::decode(&block).map_err(|fault| match fault {
            Fault::Newer(found) => Error::Newer { path: disk.path(&name), found, known: SEALED },
            Fault::Damaged => Error::corrupt(&name, 0, "its header is damaged"),
        })?;
        if header.store_id != vault.store_id || header.number != number {
            return Err(Error::corrupt(&name, 0, "its header belongs to another store or segment"));
        }
        let key = match header.version == SEALED {
            true => Some(key_of(&block, vault).ok_or_else(|| Error::corrupt(&name, 0, "its key is damaged"))?),
            false => None,
        };
        let segment = Self { number, file, len: size - size % BLOCK as u64, recycled: header.recycled, key };
        Ok((segment, header))
    }

    /// Makes a segment of a spare. Durable when this returns.
    pub(crate) fn begin(
        disk: &dyn Disk,
        spare: Spare,
        mut header: SegmentHeader,
        vault: &Vault,
    ) -> Result<Self, Error> {
        let number = header.number;
        let name = names::segment(number);
        header.recycled = spare.recycled;
        let file = disk.open(&spare.name).map_err(failed(disk, "open", &spare.name))?;
        let new = vault.new_key(disk)?;
        let block = header.encode(new.as_ref().map(|new| (vault, new)));
        file.write_at(&[IoSlice::new(&block), IoSlice::new(&ZEROS)], 0).map_err(failed(disk, "write", &spare.name))?;
        file.sync_data().map_err(failed(disk, "sync", &spare.name))?;
        disk.rename(&spare.name, &name).map_err(failed(disk, "rename", &spare.name))?;
        disk.sync_dir(LOG).map_err(failed(disk, "sync", LOG))?;
        Ok(Self { number, file, len: spare.len, recycled: spare.recycled, key: new.map(|new| new.key) })
    }

    pub(crate) fn name(&self) -> String {
        names::segment(self.number)
    }

    /// How its frames are sealed.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        self.key.as_ref().map(|key| key.algorithm)
    }
}

/// Whether the file, a segment or one to be, may hold contents that are not sealed, beside zeros.
pub(crate) fn may_be_plain(disk: &dyn Disk, name: &str) -> Result<bool, Error> {
    let mut block = [0; BLOCK];
    let file = disk.open(name).map_err(failed(disk, "open", name))?;
    file.read_at(&mut block, 0).map_err(failed(disk, "read", name))?;
    let sealed = SegmentHeader::decode(&block).is_ok_and(|header| header.version == SEALED);
    Ok(!sealed && block != ZEROS)
}

fn key_of(block: &[u8; BLOCK], vault: &Vault) -> Option<Arc<DataKey>> {
    vault.open_key(block[ALGORITHM_AT], &block[..CRC_AT], &block[LEN..LEN + ENVELOPE])
}

enum Fault {
    Damaged,
    Newer(u8),
}

impl SegmentHeader {
    fn encode(&self, key: Option<(&Vault, &NewKey)>) -> [u8; BLOCK] {
        let mut out = [0; BLOCK];
        out[..4].copy_from_slice(&MAGIC);
        out[4] = self.version;
        out[5] = (u8::from(self.recycled) * RECYCLED) | (u8::from(self.unsynced) * UNSYNCED);
        let numbers = [self.store_id, self.number, self.epoch, self.first_block, self.first_lsn];
        for (at, number) in (8..).step_by(8).zip(numbers) {
            out[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        out[48..52].copy_from_slice(&self.prev_crc.to_le_bytes());
        if let Some((vault, new)) = key {
            out[ALGORITHM_AT] = new.key.algorithm as u8;
            let envelope = vault.envelope(new, &out[..CRC_AT]);
            out[LEN..LEN + ENVELOPE].copy_from_slice(&envelope);
        }
        let crc = crc32c::crc32c(&out[..CRC_AT]);
        out[CRC_AT..LEN].copy_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(block: &[u8; BLOCK]) -> Result<Self, Fault> {
        if block[..4] != MAGIC || u32_at(block, CRC_AT) != crc32c::crc32c(&block[..CRC_AT]) {
            return Err(Fault::Damaged);
        }
        if block[4] > SEALED {
            return Err(Fault::Newer(block[4]));
        }
        Ok(Self {
            version: block[4],
            unsynced: block[5] & UNSYNCED != 0,
            store_id: u64_at(block, 8),
            number: u64_at(block, 16),
            epoch: u64_at(block, 24),
            first_block: u64_at(block, 32),
            first_lsn: u64_at(block, 40),
            prev_crc: u32_at(block, 48),
            recycled: block[5] & RECYCLED != 0,
        })
    }
}

/// Writes zeros from `from` to `to`; not synced.
pub(crate) fn write_zeros(file: &dyn File, from: u64, to: u64) -> std::io::Result<()> {
    let mut at = from;
    while at < to {
        let chunk = (to - at).min(CHUNK as u64);
        let slices: Vec<IoSlice<'_>> = (0..chunk)
            .step_by(BLOCK)
            .map(|done| IoSlice::new(&ZEROS[..(chunk - done).min(BLOCK as u64) as usize]))
            .collect();
        file.write_at(&slices, at)?;
        at += chunk;
    }
    Ok(())
}
