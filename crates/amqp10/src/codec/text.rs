//! Strings and symbols: bytes that have been checked once.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use super::error::Malformed;

/// A `string`: UTF-8 (1.6.20).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Bytes);

/// A `symbol`: ASCII (1.6.21).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(Bytes);

impl Text {
    /// Takes `bytes` over without copying them.
    ///
    /// # Errors
    /// [`Malformed::Utf8`].
    pub fn new(bytes: Bytes) -> Result<Self, Malformed> {
        match str::from_utf8(&bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(_) => Err(Malformed::Utf8),
        }
    }

    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// For bytes that have been seen as a `str`.
    pub(super) const fn checked(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The text as `str`; this walks over the bytes again.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("checked when it was made")
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Symbol {
    /// Takes `bytes` over without copying them.
    ///
    /// # Errors
    /// [`Malformed::Ascii`].
    pub fn new(bytes: Bytes) -> Result<Self, Malformed> {
        if bytes.is_ascii() { Ok(Self(bytes)) } else { Err(Malformed::Ascii) }
    }

    /// # Panics
    /// If `text` is not ASCII; at compile time, where it is used in a constant.
    pub const fn from_static(text: &'static str) -> Self {
        assert!(text.is_ascii(), "symbols are ASCII");
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// For bytes that have been seen as ASCII.
    pub(super) const fn checked(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The symbol as `str`; this walks over the bytes again.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("checked when it was made")
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl TryFrom<String> for Symbol {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        Self::new(text.into_bytes().into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Deref for Symbol {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<str> for Symbol {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Symbol {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ":{}", self.as_str())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
