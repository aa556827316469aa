//! Encryption at rest: who can read which key, and what is sealed with it.
//!
//! ```text
//! master key, of the owner ── seals ──► store key, in `KEYS` ── seals ──► data key, in the header of each file
//!                                                                             └─ seals ──► frames, checkpoint, index
//! ```
//!
//! Every use of a file has a data key of its own, made when the file gets its header: a segment that is recycled, a
//! checkpoint that is replaced, a store that was restored from a backup never go on with a key under other contents. A new
//! master key means a new `KEYS`, and nothing else.
//!
//! # Nonces
//!
//! No two contents are ever sealed under one key with one nonce:
//!
//! - **Frames of a segment** have 8 random bytes, drawn at each open, and the count of frames of this open in this segment. A
//!   segment is written on after a crash, or in two copies of a store, with other random bytes. The nonce stands in the frame.
//! - **Frames and the index of a cold file** have the number of their first block: it is written once, from front to back.
//! - **A checkpoint** is the only content under its key.
//! - **Keys** are sealed with 12 random bytes.
//!
//! # What is in clear
//!
//! Headers: lengths, numbers of records, times and checksums, which recovery needs to tell a torn write from damage. They
//! are authenticated with what they describe. And the sidecars of segments, which say the same once more, `IDENTITY` and the
//! names of files. Nothing can prove that a whole store was not replaced by an older one.

mod blob;
mod data_key;
mod keys;
mod vault;

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

pub(crate) use self::blob::{open_blob, seal_blob};
pub(crate) use self::data_key::{DataKey, FRAME_SEAL, Nonces, TAG};
pub(crate) use self::keys::FILES as KEY_FILES;
pub use self::keys::{KeyFault, rekey};
pub(crate) use self::vault::{Access, ENVELOPE, NewKey, Vault};

/// Bytes of every key.
pub const KEY: usize = 32;

/// How contents are sealed. The numbers are those in the files.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Algorithm {
    Aes256Gcm = 1,
    ChaCha20Poly1305 = 2,
}

/// The key that everything of an encrypted store hangs on. It is never shown, and wiped when it is dropped.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY]>);

/// What the owner wants of encryption.
#[derive(Clone, Debug, Default)]
pub struct Encryption {
    pub writes: Writes,
    /// Needed for a store that has sealed files, or is to have some.
    pub key: Option<MasterKey>,
}

/// How new files are written.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// As the store is: sealed in the way in which it was sealed first, or not.
    #[default]
    AsItIs,
    Plain,
    Sealed(Algorithm),
}

impl Algorithm {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Aes256Gcm),
            2 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }
}

impl MasterKey {
    pub fn new(mut bytes: [u8; KEY]) -> Self {
        let key = Self(Zeroizing::new(bytes));
        bytes.zeroize();
        key
    }

    /// A number by which people tell keys apart. It says nothing about the key.
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&derive(&self.0, b"causeway master key id")[..8]);
        KeyId(id)
    }

    /// The key that seals the store key.
    fn sealing(&self, algorithm: Algorithm) -> DataKey {
        derived(&self.0, b"causeway store key", algorithm)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Which master key.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct KeyId(pub(crate) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// A key that is only good for one purpose.
fn derive(key: &[u8; KEY], purpose: &[u8]) -> Zeroizing<[u8; KEY]> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    let mut derived = Zeroizing::new([0; KEY]);
    derived.copy_from_slice(ring::hmac::sign(&key, purpose).as_ref());
    derived
}

fn derived(key: &[u8; KEY], purpose: &[u8], algorithm: Algorithm) -> DataKey {
    let purpose = [purpose, &[algorithm as u8]].concat();
    DataKey::new(algorithm, &derive(key, &purpose))
}
