//! `KEYS` and `KEYS.copy`: the store key, sealed with a master key.
//!
//! ```text
//! ┌────────┬─────────┬───────────┬──────────┬──────────────┬───────────────┬───────────┬────────────┬──────┬─────────┐
//! │ "CWKY" │ version │ algorithm │ reserved │ store_id u64 │ master key id │ nonce, 12 │ sealed, 32 │ tag  │ crc u32 │
//! └────────┴─────────┴───────────┴──────────┴──────────────┴───────────────┴───────────┴────────────┴──────┴─────────┘
//!  0        4         5           6          8              16              24          36           68     84
//! ```
//! Bytes 0..24 are authenticated with the key. Without it nothing in the store can be read, so it is there twice.

use std::io::IoSlice;

use zeroize::Zeroizing;

use super::vault::{Access, random};
use super::{Algorithm, ENVELOPE, KEY, KeyId, MasterKey};
use crate::disk::{Disk, failed, read_whole, remove_if_there};
use crate::error::Error;
use crate::frame::{u32_at, u64_at};
use crate::identity::Identity;

pub(crate) const NAME: &str = "KEYS";
const COPY: &str = "KEYS.copy";
pub(crate) const FILES: [&str; 2] = [NAME, COPY];
const MAGIC: [u8; 4] = *b"CWKY";
const VERSION: u8 = 1;
const FIXED: usize = 24;
const CRC_AT: usize = FIXED + ENVELOPE;
const LEN: usize = CRC_AT + 4;

/// Why the keys of a store cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    #[error("the store is encrypted: it needs the master key {0}, and none was given")]
    Needed(KeyId),
    #[error("the store is encrypted with the master key {wanted}, and the one that was given is {given}")]
    Wrong { wanted: KeyId, given: KeyId },
    #[error("a store that is to be encrypted needs a master key, and none was given")]
    NoneGiven,
    #[error("the store is not encrypted")]
    Plain,
    #[error("a store of format 1 cannot be encrypted: `causeway store finalize` makes it one of format 2")]
    OldFormat,
    #[error("the store is encrypted, and {0}: restore it from a backup")]
    Lost(&'static str),
}

/// What a file of keys says, unless it is damaged.
struct Found {
    algorithm: Algorithm,
    master: KeyId,
    bytes: Vec<u8>,
}

type StoreKey = Zeroizing<[u8; KEY]>;

/// The store key, and how it is sealed.
pub(super) struct Loaded {
    pub(super) key: StoreKey,
    pub(super) algorithm: Algorithm,
}

/// Reads the store key; `None` if the store has none. `needed`: it must have one.
pub(super) fn load(
    disk: &dyn Disk,
    store_id: u64,
    needed: bool,
    master: Option<&MasterKey>,
    access: Access,
) -> Result<Option<Loaded>, Error> {
    let mut found = [None, None];
    let mut any = false;
    for (name, found) in FILES.into_iter().zip(&mut found) {
        let Some(bytes) = read_whole(disk, name)? else { continue };
        any = true;
        *found = Found::decode(bytes, store_id);
    }
    let Some(first) = found.iter().flatten().next() else {
        return match any || needed {
            true => Err(Error::Key(KeyFault::Lost("both files of its keys are damaged or missing"))),
            false => Ok(None),
        };
    };
    let Some(master) = master else { return Err(Error::Key(KeyFault::Needed(first.master))) };
    let id = master.id();
    // A new master key may have reached only one of them.
    let Some(sound) = found.iter().flatten().find(|found| found.master == id) else {
        return Err(Error::Key(KeyFault::Wrong { wanted: first.master, given: id }));
    };
    let (header, wrapped) = sound.bytes.split_at(FIXED);
    let key = master.sealing(sound.algorithm).unwrap(header, &wrapped[..ENVELOPE]);
    let Some(key) = key else { return Err(Error::Key(KeyFault::Lost("its key does not match its checksum"))) };
    if access == Access::Write {
        for (name, other) in FILES.into_iter().zip(&found) {
            if other.as_ref().is_none_or(|other| other.bytes != sound.bytes) {
                replace(disk, name, &sound.bytes)?;
            }
        }
    }
    Ok(Some(Loaded { key, algorithm: sound.algorithm }))
}

/// Makes a store key. Durable when this returns.
pub(super) fn create(
    disk: &dyn Disk,
    store_id: u64,
    algorithm: Algorithm,
    master: Option<&MasterKey>,
) -> Result<StoreKey, Error> {
    let Some(master) = master else { return Err(Error::Key(KeyFault::NoneGiven)) };
    let mut key = Zeroizing::new([0; KEY]);
    random(disk, &mut *key)?;
    save(disk, store_id, algorithm, master, &key)?;
    Ok(key)
}

/// Seals the store key of the store on `disk`, which is sealed with `old`, with `new`. No other file changes.
pub fn rekey(disk: &dyn Disk, old: &MasterKey, new: &MasterKey) -> Result<(), Error> {
    let _lock = crate::open::lock(disk)?;
    let Some((Identity { store_id, .. }, _)) = Identity::load(disk)? else { return Err(Identity::none(disk)) };
    let Some(Loaded { key, algorithm }) = load(disk, store_id, false, Some(old), Access::Read)? else {
        return Err(Error::Key(KeyFault::Plain));
    };
    save(disk, store_id, algorithm, new, &key)
}

fn save(
    disk: &dyn Disk,
    store_id: u64,
    algorithm: Algorithm,
    master: &MasterKey,
    key: &[u8; KEY],
) -> Result<(), Error> {
    let mut bytes = Vec::with_capacity(LEN);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[VERSION, algorithm as u8, 0, 0]);
    bytes.extend_from_slice(&store_id.to_le_bytes());
    bytes.extend_from_slice(&master.id().0);
    let mut nonce = [0; 12];
    random(disk, &mut nonce)?;
    let wrapped = master.sealing(algorithm).wrap(nonce, &bytes, key);
    bytes.extend_from_slice(&wrapped);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    FILES.iter().try_for_each(|name| replace(disk, name, &bytes))
}

impl Found {
    fn decode(bytes: Vec<u8>, store_id: u64) -> Option<Self> {
        let sound = bytes.len() == LEN
            && bytes[..4] == MAGIC
            && bytes[4] == VERSION
            && u32_at(&bytes, CRC_AT) == crc32c::crc32c(&bytes[..CRC_AT])
            && u64_at(&bytes, 8) == store_id;
        if !sound {
            return None;
        }
        let mut id = [0; 8];
        id.copy_from_slice(&bytes[16..24]);
        Some(Self { algorithm: Algorithm::from_number(bytes[5])?, master: KeyId(id), bytes })
    }
}

/// Gives a file new content, all or nothing. Durable when this returns.
fn replace(disk: &dyn Disk, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let unfinished = format!("{name}.new");
    remove_if_there(disk, &unfinished)?;
    let file = disk.create(&unfinished).map_err(failed(disk, "create", &unfinished))?;
    file.write_at(&[IoSlice::new(bytes)], 0).map_err(failed(disk, "write", &unfinished))?;
    file.sync_data().map_err(failed(disk, "sync", &unfinished))?;
    disk.rename(&unfinished, name).map_err(failed(disk, "rename", &unfinished))?;
    disk.sync_dir("").map_err(failed(disk, "sync", ""))
}
