//! Sealing and opening under one key.

use std::ops::Range;

use ring::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{Algorithm, KEY};

/// Bytes behind every sealed content.
pub(crate) const TAG: usize = 16;
/// Bytes that a sealed frame is longer by: its nonce and its tag.
pub(crate) const FRAME_SEAL: usize = NONCE_LEN + TAG;

/// A key in use.
pub(crate) struct DataKey {
    pub(crate) algorithm: Algorithm,
    key: LessSafeKey,
}

/// The nonces of the frames that one writer adds to one segment.
pub(crate) struct Nonces {
    salt: [u8; 8],
    used: u32,
}

impl DataKey {
    pub(super) fn new(algorithm: Algorithm, bytes: &[u8; KEY]) -> Self {
        let with = match algorithm {
            Algorithm::Aes256Gcm => &AES_256_GCM,
            Algorithm::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        };
        let key = UnboundKey::new(with, bytes).expect("both algorithms have keys of 32 bytes");
        Self { algorithm, key: LessSafeKey::new(key) }
    }

    /// Seals `content` from `from` on, in place, and appends the tag. `header` is authenticated with it.
    pub(crate) fn seal(&self, nonce: [u8; NONCE_LEN], header: &[u8], content: &mut Vec<u8>, from: usize) {
        let tag = self.seal_in_place(nonce, header, &mut content[from..]);
        content.extend_from_slice(&tag);
    }

    /// Seals `content`; its tag.
    fn seal_in_place(&self, nonce: [u8; NONCE_LEN], header: &[u8], content: &mut [u8]) -> [u8; TAG] {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.key.seal_in_place_separate_tag(nonce, Aad::from(header), content);
        let mut tag = [0; TAG];
        tag.copy_from_slice(sealed.expect("no content is longer than the algorithms allow").as_ref());
        tag
    }

    /// Opens `sealed`, its tag behind it, in place. `None` if it or `header` is not what was sealed.
    pub(crate) fn open<'a>(&self, nonce: [u8; NONCE_LEN], header: &[u8], sealed: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.open_in_place(nonce, Aad::from(header), sealed).ok()
    }

    /// Where in the payload of a sealed frame, which is `len` bytes long, the content lies.
    pub(crate) fn content(len: usize) -> Range<usize> {
        NONCE_LEN..len - TAG
    }

    /// Seals the payload of a frame in place: its content, with a nonce before it and a tag behind it.
    pub(crate) fn seal_frame(&self, nonces: &mut Nonces, header: &[u8], payload: &mut [u8]) {
        let (nonce, content) = (nonces.next(), Self::content(payload.len()));
        payload[..content.start].copy_from_slice(&nonce);
        let tag = self.seal_in_place(nonce, header, &mut payload[content.clone()]);
        payload[content.end..].copy_from_slice(&tag);
    }

    /// Opens what [`DataKey::seal_frame`] made, in place; where in it the content then is.
    pub(crate) fn open_frame(&self, header: &[u8], payload: &mut [u8]) -> Option<Range<usize>> {
        let (nonce, sealed) = payload.split_first_chunk_mut::<NONCE_LEN>()?;
        let length = self.open(*nonce, header, sealed)?.len();
        Some(NONCE_LEN..NONCE_LEN + length)
    }

    /// Seals 32 bytes of a key, with its nonce before it.
    pub(super) fn wrap(&self, nonce: [u8; NONCE_LEN], header: &[u8], key: &[u8; KEY]) -> Vec<u8> {
        let mut out = Vec::with_capacity(NONCE_LEN + KEY + TAG);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(key);
        self.seal(nonce, header, &mut out, NONCE_LEN);
        out
    }

    /// Opens what [`DataKey::wrap`] made.
    pub(super) fn unwrap(&self, header: &[u8], wrapped: &[u8]) -> Option<Zeroizing<[u8; KEY]>> {
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let mut key = Zeroizing::new([0; KEY]);
        let opened = self.open(*nonce, header, &mut sealed)?;
        if opened.len() != KEY {
            return None;
        }
        key.copy_from_slice(opened);
        Some(key)
    }
}

impl Nonces {
    /// `salt` is random.
    pub(crate) fn new(salt: [u8; 8]) -> Self {
        Self { salt, used: 0 }
    }

    /// For another segment, which has another key.
    pub(crate) fn restart(&mut self) {
        self.used = 0;
    }

    fn next(&mut self) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&self.salt);
        nonce[8..].copy_from_slice(&self.used.to_le_bytes());
        self.used = self.used.checked_add(1).expect("a segment has fewer than 2^32 frames");
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(algorithm: Algorithm) -> DataKey {
        DataKey::new(algorithm, &[7; KEY])
    }

    #[test]
    fn what_was_sealed_comes_back_and_nothing_else() {
        for algorithm in [Algorithm::Aes256Gcm, Algorithm::ChaCha20Poly1305] {
            let (key, mut nonces, mut sealed) = (key(algorithm), Nonces::new([1; 8]), vec![0; 8 + FRAME_SEAL]);
            sealed[DataKey::content(8 + FRAME_SEAL)].copy_from_slice(b"a secret");
            key.seal_frame(&mut nonces, b"header", &mut sealed);
            assert!(!sealed.windows(6).any(|window| window == b"secret"));
            let mut opened = sealed.clone();
            let range = key.open_frame(b"header", &mut opened).unwrap();
            assert_eq!(&opened[range], b"a secret");
            assert!(key.open_frame(b"Header", &mut sealed.clone()).is_none());
            for bit in 0..sealed.len() * 8 {
                let mut damaged = sealed.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(key.open_frame(b"header", &mut damaged).is_none(), "bit {bit}");
            }
            (0..sealed.len()).for_each(|len| assert!(key.open_frame(b"header", &mut sealed[..len].to_vec()).is_none()));
        }
    }

    #[test]
    fn nonces_differ() {
        let (mut one, mut other) = (Nonces::new([1; 8]), Nonces::new([2; 8]));
        let mut seen: Vec<_> = (0..100).flat_map(|_| [one.next(), other.next()]).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 200);
    }

    /// The first test case of RFC 8439 (2.8.2) and one of NIST's for AES-256-GCM: it is the algorithm that it says.
    #[test]
    fn the_algorithms_are_what_they_say() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let mut content = vec![0; 16];
        DataKey::new(Algorithm::Aes256Gcm, &[0; KEY]).seal([0; NONCE_LEN], b"", &mut content, 0);
        assert_eq!(content, hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"));
        let key: [u8; KEY] = std::array::from_fn(|index| 0x80 + index as u8);
        let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
        let header = hex("50515253c0c1c2c3c4c5c6c7");
        let text = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let mut content = text.as_bytes().to_vec();
        DataKey::new(Algorithm::ChaCha20Poly1305, &key).seal(nonce, &header, &mut content, 0);
        assert_eq!(content[..8], hex("d31a8d34648e60db"));
        assert_eq!(content[text.len()..], hex("1ae10b594f09e26a7e902ecbd0600691"));
    }
}
