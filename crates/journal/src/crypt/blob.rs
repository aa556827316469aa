//! A content that is sealed as a whole, in a file of its own.
//!
//! ```text
//!  0       4         5          6           7          8          16       24          84
//! ┌───────┬─────────┬──────────┬───────────┬──────────┬──────────┬────────┬───────────┬────────────────┬─────────┐
//! │ magic │ version │ reserved │ algorithm │ reserved │ store_id │ length │ data key  │ content, tag   │ crc u32 │
//! └───────┴─────────┴──────────┴───────────┴──────────┴──────────┴────────┴───────────┴────────────────┴─────────┘
//! ```
//! `length` is that of all of it; the file may be longer. Bytes 0..24 are authenticated with the data key.

use super::{ENVELOPE, TAG, Vault};
use crate::disk::Disk;
use crate::error::Error;
use crate::frame::{SEALED, u32_at, u64_at};

const FIXED: usize = 24;
const BEGIN: usize = FIXED + ENVELOPE;
const CRC: usize = 4;
/// It is the only one under its key.
const NONCE: [u8; 12] = [0; 12];

/// Seals `content`, unless the vault seals nothing.
pub(crate) fn seal_blob(vault: &Vault, disk: &dyn Disk, magic: [u8; 4], content: Vec<u8>) -> Result<Vec<u8>, Error> {
    let Some(new) = vault.new_key(disk)? else { return Ok(content) };
    let length = BEGIN + content.len() + TAG + CRC;
    let mut out = Vec::with_capacity(length);
    out.extend_from_slice(&magic);
    out.extend_from_slice(&[SEALED, 0, new.key.algorithm as u8, 0]);
    out.extend_from_slice(&vault.store_id.to_le_bytes());
    out.extend_from_slice(&(length as u64).to_le_bytes());
    let envelope = vault.envelope(&new, &out);
    out.extend_from_slice(&envelope);
    out.extend_from_slice(&content);
    new.key.seal(NONCE, &[], &mut out, BEGIN);
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    Ok(out)
}

/// Opens what [`seal_blob`] sealed; the reason if it is nothing of the kind.
pub(crate) fn open_blob(vault: &Vault, bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let length = bytes.get(..FIXED).map_or(u64::MAX, |header| u64_at(header, 16));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let whole = bytes.get(..length).filter(|whole| whole.len() >= BEGIN + TAG + CRC);
    let Some((body, crc)) = whole.and_then(|whole| whole.split_last_chunk::<CRC>()) else {
        return Err("it is too short");
    };
    if u32_at(crc, 0) != crc32c::crc32c(body) {
        return Err("its checksum is wrong");
    }
    if u64_at(body, 8) != vault.store_id {
        return Err("it belongs to another store");
    }
    let (header, rest) = body.split_at(FIXED);
    let (envelope, sealed) = rest.split_at(ENVELOPE);
    let Some(key) = vault.open_key(header[6], header, envelope) else { return Err("its key is damaged") };
    let mut sealed = sealed.to_vec();
    let content = key.open(NONCE, &[], &mut sealed).map(|content| content.len());
    let Some(length) = content else { return Err("it is not what was sealed") };
    sealed.truncate(length);
    Ok(sealed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::simulated::SimulatedDisk;

    const MAGIC: [u8; 4] = *b"CWXX";

    #[test]
    fn it_comes_back_and_differs_each_time() {
        let (vault, disk) = (Vault::sealed(7), SimulatedDisk::new(1));
        let seal = |content: &[u8]| seal_blob(&vault, &disk, MAGIC, content.to_vec()).unwrap();
        for content in [&b""[..], b"content", &[7; 10_000]] {
            let (one, other) = (seal(content), seal(content));
            assert_ne!(one, other);
            assert_eq!(open_blob(&vault, &one).unwrap(), content);
            assert_eq!(open_blob(&vault, &[&other[..], &[0; 50]].concat()).unwrap(), content, "the file may be longer");
            assert!(open_blob(&Vault::sealed(8), &one).is_err() && open_blob(&Vault::plain(7), &one).is_err());
        }
        assert_eq!(seal_blob(&Vault::plain(7), &disk, MAGIC, vec![1, 2]).unwrap(), [1, 2]);
    }

    /// Neither by damage nor by somebody who makes the checksum right.
    #[test]
    fn no_bit_may_change_and_none_may_be_missing() {
        let (vault, disk) = (Vault::sealed(7), SimulatedDisk::new(1));
        let sealed = seal_blob(&vault, &disk, MAGIC, b"content".to_vec()).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open_blob(&vault, &changed).is_err(), "bit {bit}");
            let end = changed.len() - CRC;
            let crc = crc32c::crc32c(&changed[..end]).to_le_bytes();
            changed[end..].copy_from_slice(&crc);
            assert!(open_blob(&vault, &changed).is_err() || bit / 8 >= end, "bit {bit}");
        }
        (0..sealed.len()).for_each(|len| assert!(open_blob(&vault, &sealed[..len]).is_err()));
    }
}
