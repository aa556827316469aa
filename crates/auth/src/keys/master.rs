use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};

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
        let payload = Payload { msg: secret.as_bytes(), aad: id.as_bytes() };
        let ciphertext = self.cipher().encrypt(Nonce::from_slice(&nonce), payload);
        Sealed { nonce, ciphertext: ciphertext.expect("a secret is much shorter than what the cipher takes") }
    }

    /// `None`: it was encrypted with another key or for another id, or was changed.
    pub fn open(&self, id: &str, sealed: &Sealed) -> Option<String> {
        let payload = Payload { msg: &sealed.ciphertext, aad: id.as_bytes() };
        let secret = self.cipher().decrypt(Nonce::from_slice(&sealed.nonce), payload).ok()?;
        String::from_utf8(secret).ok()
    }

    /// A key for another purpose, from which this one cannot be found.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        code(&self.0, &[purpose.as_bytes()])
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&self.0.into())
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
