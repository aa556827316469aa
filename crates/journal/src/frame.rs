//! The bytes of a frame. All numbers are little endian.
//!
//! ```text
//!  0        4         5       6          8            12             16
//! ┌────────┬─────────┬───────┬──────────┬────────────┬──────────────┐
//! │ magic  │ version │ flags │ reserved │ rec_count  │ payload_len  │
//! │ "CWFR" │ u8      │ u8    │ u16      │ u32        │ u32          │
//! ├────────┴─────────┴───────┴──────────┴────────────┴──────────────┤
//! │ epoch u64 @16 │ block_no u64 @24 │ store_id u64 @32             │
//! │ first_lsn u64 @40 │ time u64 @48, ms since 1970                 │
//! ├──────────────┬──────────────────┬───────────────────────────────┤
//! │ prev_crc @56 │ payload_crc @60  │ header_crc @64                │
//! ├──────────────┴──────────────────┴───────────────────────────────┤
//! │ payload @68: rec_count × [ length u32 │ bytes ]                 │
//! ├─────────────────────────────────────────────────────────────────┤
//! │ zeros up to the next multiple of 4096                           │
//! └─────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Checksums are CRC-32C. `header_crc` covers bytes 0..64 and with them `payload_crc`; `prev_crc` is the `header_crc`
//! of the frame before, so each frame vouches for all content before it. A frame of no records only makes an epoch
//! durable. A later version keeps the places of `magic`, `version`, `store_id` and `header_crc`.
//!
//! Version 3 is version 2, sealed: the payload is a nonce of 12 bytes, the records, encrypted, and a tag of 16 bytes, and bytes
//! 0..60 are authenticated with them. `payload_len` and `payload_crc` are those of what lies on the disk.
//!
//! Flag 1 (since version 2) says that the frame was written without waiting for the disk, so frames before it may be
//! unsound although this one is not.

use bytes::Bytes;

use crate::crypt::DataKey;
use crate::limits::round_up;

/// The newest version that this program reads, of frames and of everything else: with sealed contents.
pub(crate) const SEALED: u8 = 3;
/// The newest version of what is not sealed.
pub(crate) const VERSION: u8 = 2;
/// The version before, which knows no checkpoints.
pub(crate) const FIRST_VERSION: u8 = 1;
pub(crate) const HEADER: usize = 68;
const MAGIC: [u8; 4] = *b"CWFR";
const CRC_AT: usize = 64;
/// What is authenticated with a sealed payload: all but the checksums of it.
const AUTHENTIC: usize = 60;
const UNSYNCED: u8 = 1;

/// The header of a frame, without what follows from the format itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u8,
    pub(crate) unsynced: bool,
    pub(crate) rec_count: u32,
    pub(crate) payload_len: u32,
    pub(crate) epoch: u64,
    pub(crate) block_no: u64,
    pub(crate) store_id: u64,
    pub(crate) first_lsn: u64,
    pub(crate) time: u64,
    pub(crate) prev_crc: u32,
    pub(crate) payload_crc: u32,
}

/// What lies where a frame may begin.
pub(crate) enum Parsed {
    /// No frame of this store.
    Nothing,
    /// A frame of this store in a version that this program does not know.
    Newer(u8),
    /// A header whose checksum holds, and that checksum.
    Frame(Header, u32),
}

impl Header {
    /// The header's bytes and its checksum, the next frame's `prev_crc`.
    pub(crate) fn encode(&self) -> ([u8; HEADER], u32) {
        let mut out = [0; HEADER];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&MAGIC);
        put(&[self.version, if self.unsynced { UNSYNCED } else { 0 }, 0, 0]);
        put(&self.rec_count.to_le_bytes());
        put(&self.payload_len.to_le_bytes());
        for number in [self.epoch, self.block_no, self.store_id, self.first_lsn, self.time] {
            put(&number.to_le_bytes());
        }
        put(&self.prev_crc.to_le_bytes());
        put(&self.payload_crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[..CRC_AT]);
        out[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        (out, crc)
    }

    /// What the bytes of a payload stand for, which lies in a segment with this key; the reason if it is not what was
    /// written.
    pub(crate) fn unseal(&self, mut payload: Vec<u8>, key: Option<&DataKey>) -> Result<Bytes, &'static str> {
        match (self.version == SEALED, key) {
            (false, None) => Ok(payload.into()),
            (true, Some(key)) => match key.open_frame(&self.authentic(), &mut payload) {
                Some(range) => Ok(Bytes::from(payload).slice(range)),
                None => Err("the frame is not what was sealed"),
            },
            _ => Err("the frame and its segment differ in whether they are sealed"),
        }
    }

    /// The bytes that are authenticated with a sealed payload.
    pub(crate) fn authentic(&self) -> [u8; AUTHENTIC] {
        let mut out = [0; AUTHENTIC];
        out.copy_from_slice(&self.encode().0[..AUTHENTIC]);
        out
    }

    /// Reads the header that may begin `block`.
    pub(crate) fn parse(block: &[u8], store_id: u64) -> Parsed {
        let Some(bytes) = block.first_chunk::<HEADER>() else { return Parsed::Nothing };
        if bytes[..4] != MAGIC {
            return Parsed::Nothing;
        }
        let crc = u32_at(bytes, CRC_AT);
        if u64_at(bytes, 32) != store_id || crc != crc32c::crc32c(&bytes[..CRC_AT]) {
            return Parsed::Nothing;
        }
        if bytes[4] > SEALED {
            return Parsed::Newer(bytes[4]);
        }
        let header = Self {
            version: bytes[4],
            unsynced: bytes[5] & UNSYNCED != 0,
            rec_count: u32_at(bytes, 8),
            payload_len: u32_at(bytes, 12),
            epoch: u64_at(bytes, 16),
            block_no: u64_at(bytes, 24),
            store_id,
            first_lsn: u64_at(bytes, 40),
            time: u64_at(bytes, 48),
            prev_crc: u32_at(bytes, 56),
            payload_crc: u32_at(bytes, 60),
        };
        Parsed::Frame(header, crc)
    }

    /// Bytes from the beginning of this frame to that of the next.
    pub(crate) fn span(&self) -> u64 {
        span(self.payload_len as usize)
    }
}

/// Bytes that a frame with a payload of `payload_len` takes on disk.
pub(crate) fn span(payload_len: usize) -> u64 {
    round_up((HEADER + payload_len) as u64)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("a slice of four bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a slice of eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            version: VERSION,
            unsynced: true,
            rec_count: 2,
            payload_len: 11,
            epoch: 3,
            block_no: 0x0102,
            store_id: 0xa1a2_a3a4_a5a6_a7a8,
            first_lsn: 77,
            time: 1_700_000_000_000,
            prev_crc: 0xdead_beef,
            payload_crc: 0x0bad_cafe,
        }
    }

    #[test]
    fn the_header_says_what_was_put() {
        let (bytes, crc) = header().encode();
        let Parsed::Frame(parsed, parsed_crc) = Header::parse(&bytes, header().store_id) else { panic!("no frame") };
        assert_eq!((parsed, parsed_crc), (header(), crc));
        assert!(matches!(Header::parse(&bytes, 1), Parsed::Nothing));
        assert!(matches!(Header::parse(&bytes[..HEADER - 1], header().store_id), Parsed::Nothing));
    }

    #[test]
    fn no_bit_of_a_header_may_change() {
        let (bytes, _) = header().encode();
        for bit in 0..HEADER * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(Header::parse(&damaged, header().store_id), Parsed::Nothing), "bit {bit}");
        }
    }

    #[test]
    fn frames_fill_whole_blocks() {
        assert_eq!(span(0), 4096);
        assert_eq!(span(4096 - HEADER), 4096);
        assert_eq!(span(4096 - HEADER + 1), 8192);
    }
}
