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
