//! Short and long strings: bytes, because AMQP 0-9-1 peers send what is no UTF-8, and RabbitMQ lets them.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use super::error::Unencodable;

/// At most 255 bytes (4.2.5.3).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortString(Bytes);

impl ShortString {
    pub const EMPTY: Self = Self(Bytes::new());

    /// Takes `bytes` over without copying them.
    ///
    /// # Errors
    /// [`Unencodable::ShortStringTooLong`].
    pub fn new(bytes: Bytes) -> Result<Self, Unencodable> {
        short_len(&bytes)?;
        Ok(Self(bytes))
    }

    /// # Panics
    /// If `text` is too long, at compile time in a constant.
    pub const fn from_static(text: &'static str) -> Self {
        assert!(text.len() <= 255, "a short string has at most 255 bytes");
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// As much of `text` as fits, cut between characters: for reply texts.
    #[must_use]
    pub fn truncated(text: &str) -> Self {
        let end = text.floor_char_boundary(255);
        Self(Bytes::copy_from_slice(&text.as_bytes()[..end]))
    }

    /// For at most 255 bytes, read with their length.
    pub(super) fn checked(bytes: Bytes) -> Self {
        debug_assert!(bytes.len() <= 255, "a short string of {} bytes", bytes.len());
        Self(bytes)
    }

    /// `None` if it is not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        str::from_utf8(&self.0).ok()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// A copy that pins no read buffer.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl Deref for ShortString {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&str> for ShortString {
    type Error = Unencodable;

    /// Copies `text`.
    fn try_from(text: &str) -> Result<Self, Unencodable> {
        short_len(text.as_bytes())?;
        Ok(Self(Bytes::copy_from_slice(text.as_bytes())))
    }
}

impl fmt::Debug for ShortString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Display for ShortString {
    /// What is not UTF-8 is shown as U+FFFD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

pub(super) fn short_len(bytes: &[u8]) -> Result<u8, Unencodable> {
    u8::try_from(bytes.len()).map_err(|_| Unencodable::ShortStringTooLong(bytes.len()))
}

pub(super) fn long_len(bytes: &[u8]) -> Result<u32, Unencodable> {
    u32::try_from(bytes.len()).map_err(|_| Unencodable::LongStringTooLong(bytes.len()))
}
