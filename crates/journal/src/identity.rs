//! `IDENTITY`: what makes this store this store.
//!
//! ```text
//! ┌────────┬─────────┬──────────┬──────────────┬──────────────────┬─────────┐
//! │ "CWID" │ version │ reserved │ store_id u64 │ secret, 32 bytes │ crc u32 │
//! └────────┴─────────┴──────────┴──────────────┴──────────────────┴─────────┘
//!  0        4         5          8              16                 48
//! ```

use std::fmt;
use std::io::{ErrorKind, IoSlice};

use crate::disk::{Disk, failed, remove_if_there};
use crate::error::Error;
use crate::frame::{SEALED, VERSION, u32_at, u64_at};

pub(crate) const NAME: &str = "IDENTITY";
const UNFINISHED: &str = "IDENTITY.new";
const MAGIC: [u8; 4] = *b"CWID";
const LEN: usize = 52;

/// The number and the secret of a store, made from the system's randomness when the store is created.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    pub store_id: u64,
    /// For keyed functions (receipt handles, tokens). Never shown.
    pub secret: [u8; 32],
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("store_id", &self.store_id).finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads the identity and the store's version; `None` if the store has none yet.
    pub(crate) fn load(disk: &dyn Disk) -> Result<Option<(Self, u8)>, Error> {
        let file = match disk.open(NAME) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(disk, "open", NAME)(error)),
        };
        let mut bytes = [0; LEN];
        let read = file.read_at(&mut bytes, 0).map_err(failed(disk, "read", NAME))?;
        let crc = crc32c::crc32c(&bytes[..LEN - 4]);
        if read != LEN || bytes[..4] != MAGIC || u32_at(&bytes, LEN - 4) != crc {
            return Err(Error::Identity { path: disk.path(NAME), reason: "is damaged" });
        }
        if bytes[4] > SEALED {
            return Err(Error::Newer { path: disk.path(NAME), found: bytes[4], known: SEALED });
        }
        let mut secret = [0; 32];
        secret.copy_from_slice(&bytes[16..48]);
        Ok(Some((Self { store_id: u64_at(&bytes, 8), secret }, bytes[4])))
    }

    /// Makes an identity of the newest version of what is not sealed. Durable when this returns.
    pub(crate) fn create(disk: &dyn Disk) -> Result<Self, Error> {
        let mut numbers = [0; 40];
        disk.randomness(&mut numbers).map_err(failed(disk, "make randomness for", NAME))?;
        let mut secret = [0; 32];
        secret.copy_from_slice(&numbers[8..]);
        let identity = Self { store_id: u64_at(&numbers, 0), secret };
        identity.save(disk, VERSION)?;
        Ok(identity)
    }

    /// Says which version the store is of. Durable when this returns.
    pub(crate) fn save(&self, disk: &dyn Disk, version: u8) -> Result<(), Error> {
        let mut bytes = [0; LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = version;
        bytes[8..16].copy_from_slice(&self.store_id.to_le_bytes());
        bytes[16..48].copy_from_slice(&self.secret);
        let crc = crc32c::crc32c(&bytes[..LEN - 4]);
        bytes[LEN - 4..].copy_from_slice(&crc.to_le_bytes());
        remove_if_there(disk, UNFINISHED)?;
        let file = disk.create(UNFINISHED).map_err(failed(disk, "create", UNFINISHED))?;
        file.write_at(&[IoSlice::new(&bytes)], 0).map_err(failed(disk, "write", UNFINISHED))?;
        file.sync_data().map_err(failed(disk, "sync", UNFINISHED))?;
        disk.rename(UNFINISHED, NAME).map_err(failed(disk, "rename", UNFINISHED))?;
        disk.sync_dir("").map_err(failed(disk, "sync", ""))
    }

    /// The error of a folder without a store.
    pub(crate) fn none(disk: &dyn Disk) -> Error {
        Error::Identity { path: disk.path(NAME), reason: "is missing: there is no store" }
    }

    /// The error of a log without an identity.
    pub(crate) fn missing(disk: &dyn Disk) -> Error {
        Error::Identity { path: disk.path(NAME), reason: "is missing, but the store has a log" }
    }
}
