//! The keys of one store.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Algorithm, DataKey, Encryption, KEY, Writes, derived, keys};
use crate::disk::{Disk, failed};
use crate::error::Error;
use crate::frame::SEALED;

/// Bytes of a data key in the header of its file.
pub(crate) const ENVELOPE: usize = 12 + KEY + super::TAG;

/// What is needed to read the files of a store, and to write new ones.
pub(crate) struct Vault {
    pub(crate) store_id: u64,
    writes: Option<Algorithm>,
    store_key: Option<Zeroizing<[u8; KEY]>>,
}

/// A data key that is not in its file yet.
pub(crate) struct NewKey {
    pub(crate) key: Arc<DataKey>,
    bytes: Zeroizing<[u8; KEY]>,
    nonce: [u8; 12],
}

impl Vault {
    /// The vault of the store `store_id`, whose version is `version`. If it has no keys yet and is to be encrypted, they
    /// are made, and durable when this returns.
    pub(crate) fn open(
        disk: &dyn Disk,
        store_id: u64,
        version: u8,
        encryption: &Encryption,
        access: Access,
    ) -> Result<Self, Error> {
        let key = encryption.key.as_ref();
        let loaded = keys::load(disk, store_id, version == SEALED, key, access)?;
        let first = loaded.as_ref().map(|loaded| loaded.algorithm);
        let writes = match encryption.writes {
            Writes::AsItIs => first,
            Writes::Plain => None,
            Writes::Sealed(algorithm) => Some(algorithm),
        };
        let store_key = match (loaded, writes) {
            (Some(loaded), _) => Some(loaded.key),
            (None, Some(algorithm)) if access == Access::Write => Some(keys::create(disk, store_id, algorithm, key)?),
            (None, _) => None,
        };
        Ok(Self { store_id, writes, store_key })
    }

    /// How new files are sealed.
    pub(crate) fn writes(&self) -> Option<Algorithm> {
        self.writes
    }

    /// Whether there may be sealed files.
    pub(crate) fn has_key(&self) -> bool {
        self.store_key.is_some()
    }

    /// A data key for a new file; `None` if it is not to be sealed.
    pub(crate) fn new_key(&self, disk: &dyn Disk) -> Result<Option<NewKey>, Error> {
        let Some(algorithm) = self.writes else { return Ok(None) };
        let (mut bytes, mut nonce) = (Zeroizing::new([0; KEY]), [0; 12]);
        random(disk, &mut *bytes)?;
        random(disk, &mut nonce)?;
        Ok(Some(NewKey { key: Arc::new(DataKey::new(algorithm, &bytes)), bytes, nonce }))
    }

    /// What stands for the key in its file, behind `header`, which is authenticated with it.
    pub(crate) fn envelope(&self, new: &NewKey, header: &[u8]) -> Vec<u8> {
        let store_key = self.store_key.as_ref().expect("a vault that makes keys has one");
        sealing(store_key, new.key.algorithm).wrap(new.nonce, header, &new.bytes)
    }

    /// The data key of a file with this header and this envelope; `None` if they are not what was written.
    pub(crate) fn open_key(&self, algorithm: u8, header: &[u8], envelope: &[u8]) -> Option<Arc<DataKey>> {
        let algorithm = Algorithm::from_number(algorithm)?;
        let key = sealing(self.store_key.as_ref()?, algorithm).unwrap(header, envelope)?;
        Some(Arc::new(DataKey::new(algorithm, &key)))
    }

    #[cfg(test)]
    pub(crate) fn plain(store_id: u64) -> Self {
        Self { store_id, writes: None, store_key: None }
    }

    #[cfg(test)]
    pub(crate) fn sealed(store_id: u64) -> Self {
        Self { store_id, writes: Some(Algorithm::Aes256Gcm), store_key: Some(Zeroizing::new([9; KEY])) }
    }
}

/// What a vault is opened for.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// The key that seals data keys.
fn sealing(store_key: &[u8; KEY], algorithm: Algorithm) -> DataKey {
    derived(store_key, b"causeway data key", algorithm)
}

pub(super) fn random(disk: &dyn Disk, bytes: &mut [u8]) -> Result<(), Error> {
    disk.randomness(bytes).map_err(failed(disk, "make randomness for", keys::NAME))
}
