use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use crate::code::code;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Of a secret before it is encrypted.
const MAX_SECRET: usize = 256;

/// What secrets in the users file are encrypted with; kept apart from that file.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey([u8; 32]);

/// A secret, encrypted with ChaCha20-Poly1305 (RFC 8439) and bound to the id of its access key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    nonce: [u8; NONCE_BYTES],
    /// With the tag behind it.
    ciphertext: Vec<u8>,
}

impl MasterKey {
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// `nonce` must never have been used with this key: 12 random bytes are good for more secrets than a file may have.
    pub fn seal(&self, id: &str, secret: &str, nonce: [u8; NONCE_BYTES]) -> Sealed {
        let mut ciphertext = secret.as_bytes().to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        let result = self.cipher().seal_in_place_append_tag(unique, Aad::from(id), &mut ciphertext);
        result.expect("a secret is much shorter than what the cipher takes");
        Sealed { nonce, ciphertext }
    }

    /// `None`: it was encrypted with another key or for another id, or was changed.
    pub fn open(&self, id: &str, sealed: &Sealed) -> Option<String> {
        let mut ciphertext = sealed.ciphertext.clone();
        let nonce = Nonce::assume_unique_for_key(sealed.nonce);
        let secret = self.cipher().open_in_place(nonce, Aad::from(id), &mut ciphertext).ok()?;
        Some(str::from_utf8(secret).ok()?.to_owned())
    }

    /// A key for another purpose, from which this one cannot be found.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        code(&self.0, &[purpose.as_bytes()])
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &self.0).expect("a key of this cipher has 32 bytes"))
    }
}

impl Sealed {
    /// Base64 of nonce, ciphertext and tag.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let (nonce, ciphertext) = bytes.split_first_chunk()?;
        let plausible = (TAG_BYTES + 1..=TAG_BYTES + MAX_SECRET).contains(&ciphertext.len());
        plausible.then(|| Self { nonce: *nonce, ciphertext: ciphertext.to_vec() })
    }

    pub fn to_text(&self) -> String {
        STANDARD.encode([&self.nonce, &self.ciphertext[..]].concat())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(master key)")
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(encrypted)")
    }
}
