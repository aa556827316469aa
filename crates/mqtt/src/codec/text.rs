//! Text, topic names and topic filters: bytes that have been checked once.

use std::fmt;

use bytes::Bytes;

use super::error::Malformed;

/// UTF-8 without U+0000, at most 65,535 bytes (1.5.3).
///
/// Control characters, non-characters and U+FEFF are allowed and kept as they are \[MQTT-1.5.3-3\].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Bytes);

impl Text {
    /// Takes `bytes` over without copying them.
    ///
    /// # Errors
    /// [`Malformed::TextTooLong`], [`Malformed::InvalidUtf8`], [`Malformed::NulCharacter`].
    pub fn new(bytes: Bytes) -> Result<Self, Malformed> {
        check_length(&bytes)?;
        if !is_plain(&bytes) {
            check_text(&bytes)?;
        }
        Ok(Self(bytes))
    }

    /// The text as `str`; this walks over the bytes again, so hot paths use [`Self::as_bytes`].
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

/// What a PUBLISH or a will is addressed to: a [`Text`] of at least one character and without wildcards
/// \[MQTT-4.7.3-1\], \[MQTT-3.3.2-2\].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Text);

impl TopicName {
    /// Takes `bytes` over without copying them.
    ///
    /// # Errors
    /// Those of [`Text::new`], [`Malformed::EmptyTopic`], [`Malformed::TopicWildcard`].
    pub fn new(bytes: Bytes) -> Result<Self, Malformed> {
        Self::check(&bytes)?;
        Ok(Self(Text(bytes)))
    }

    /// Whether [`Self::new`] would take these bytes.
    ///
    /// # Errors
    /// As [`Self::new`].
    #[inline]
    pub fn check(bytes: &[u8]) -> Result<(), Malformed> {
        check_length(bytes)?;
        check_topic_name(bytes)
    }

    /// For bytes that have passed [`check_topic_name`] inside a packet.
    pub(super) fn checked(bytes: Bytes) -> Self {
        Self(Text(bytes))
    }

    /// See [`Text::as_str`].
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }
}

/// What a SUBSCRIBE asks for: a [`Text`] of at least one character with `+` and `#` only where they may
/// stand \[MQTT-4.7.1-2\], \[MQTT-4.7.1-3\]. `$share/…` is not looked into.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter(Text);

impl TopicFilter {
    /// Takes `bytes` over without copying them.
    ///
    /// # Errors
    /// Those of [`Text::new`], [`Malformed::EmptyTopic`], [`Malformed::MisplacedHash`],
    /// [`Malformed::MisplacedPlus`].
    pub fn new(bytes: Bytes) -> Result<Self, Malformed> {
        check_length(&bytes)?;
        check_topic_filter(&bytes)?;
        Ok(Self(Text(bytes)))
    }

    /// For bytes that have passed [`check_topic_filter`] inside a packet.
    pub(super) fn checked(bytes: Bytes) -> Self {
        Self(Text(bytes))
    }

    /// See [`Text::as_str`].
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// Whether the filter may match more than one topic name.
    pub fn has_wildcards(&self) -> bool {
        memchr::memchr2(b'+', b'#', self.as_bytes()).is_some()
    }
}

/// Checks a topic name of at most 65,535 bytes.
#[inline]
pub(super) fn check_topic_name(bytes: &[u8]) -> Result<(), Malformed> {
    if is_plain(bytes) && !bytes.is_empty() {
        return Ok(());
    }
    check_unusual_topic_name(bytes)
}

/// Checks a topic filter of at most 65,535 bytes, in one pass however many levels it has.
pub(super) fn check_topic_filter(bytes: &[u8]) -> Result<(), Malformed> {
    if bytes.is_empty() {
        return Err(Malformed::EmptyTopic);
    }
    if is_plain(bytes) {
        return Ok(());
    }
    check_text(bytes)?;
    for at in memchr::memchr2_iter(b'+', b'#', bytes) {
        let opens_level = at == 0 || bytes[at - 1] == b'/';
        match (bytes[at], bytes.get(at + 1)) {
            (b'#', None) | (b'+', None | Some(b'/')) if opens_level => {}
            (b'#', _) => return Err(Malformed::MisplacedHash),
            _ => return Err(Malformed::MisplacedPlus),
        }
    }
    Ok(())
}

#[cold]
fn check_unusual_topic_name(bytes: &[u8]) -> Result<(), Malformed> {
    if bytes.is_empty() {
        return Err(Malformed::EmptyTopic);
    }
    check_text(bytes)?;
    match memchr::memchr2(b'+', b'#', bytes) {
        Some(_) => Err(Malformed::TopicWildcard),
        None => Ok(()),
    }
}

fn check_length(bytes: &[u8]) -> Result<(), Malformed> {
    match u16::try_from(bytes.len()) {
        Ok(_) => Ok(()),
        Err(_) => Err(Malformed::TextTooLong(bytes.len())),
    }
}

fn check_text(bytes: &[u8]) -> Result<(), Malformed> {
    str::from_utf8(bytes).map_err(|_| Malformed::InvalidUtf8)?;
    match memchr::memchr(0, bytes) {
        Some(_) => Err(Malformed::NulCharacter),
        None => Ok(()),
    }
}

/// Whether `bytes` are ASCII without NUL, `+` and `#`, which every check above lets pass: eight bytes at a
/// time, because this is most of what decoding a small PUBLISH costs.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    let (words, _) = bytes.as_chunks::<8>();
    let tail = match bytes.last_chunk::<8>() {
        Some(tail) => *tail,
        None => {
            let mut padded = [b'-'; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            padded
        }
    };
    words.iter().chain([&tail]).fold(0, |found, word| found | unusual(u64::from_ne_bytes(*word))) == 0
}

/// Not zero if one of the eight bytes is above 0x7f, NUL, `#` or `+`.
#[inline]
const fn unusual(word: u64) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // `#` and `+` differ in bit 3 only; with the bit cleared one comparison finds both.
    const HASH: u64 = u64::from_ne_bytes([b'#'; 8]);
    const PLUS_TO_HASH: u64 = u64::from_ne_bytes([!(b'#' ^ b'+'); 8]);
    let wildcard = (word & PLUS_TO_HASH) ^ HASH;
    (word | word.wrapping_sub(LOW) | wildcard.wrapping_sub(LOW)) & HIGH
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
