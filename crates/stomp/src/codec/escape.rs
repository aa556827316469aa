//! Escapes in header names and values (STOMP 1.2, "Value Encoding").

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use memchr::memchr;

use super::Version;

/// The escapes of a version, for people.
pub(super) const fn known(version: Version) -> &'static str {
    match version {
        Version::V10 => "none",
        Version::V11 => "\\n, \\c and \\\\",
        Version::V12 => "\\r, \\n, \\c and \\\\",
    }
}

/// Whether all escapes in `raw` are of this version.
pub(super) fn is_valid(raw: &[u8], version: Version) -> bool {
    if version == Version::V10 {
        return true;
    }
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        match rest.get(at + 1).and_then(|letter| meaning(*letter, version)) {
            Some(_) => rest = &rest[at + 2..],
            None => return false,
        }
    }
    true
}

/// The text behind `raw`. What is no escape of this version stands for itself.
pub(super) fn unescape(raw: &[u8], version: Version) -> Cow<'_, [u8]> {
    if version == Version::V10 || memchr(b'\\', raw).is_none() {
        return raw.into();
    }
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        match rest.get(at + 1).and_then(|letter| meaning(*letter, version)) {
            Some(byte) => {
                text.push(byte);
                rest = &rest[at + 2..];
            }
            None => {
                text.push(b'\\');
                rest = &rest[at + 1..];
            }
        }
    }
    text.extend_from_slice(rest);
    text.into()
}

/// Header lines whose values have their colons unescaped; `None` if they have none that is escaped. Other escapes stay,
/// and so do those in names.
pub fn with_plain_colons(block: &[u8], version: Version) -> Option<Vec<u8>> {
    if version == Version::V10 || memchr::memmem::find(block, b"\\c").is_none() {
        return None;
    }
    let mut lines = Vec::with_capacity(block.len());
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        let name = memchr(b':', line).map_or(line.len(), |colon| colon + 1);
        lines.extend_from_slice(&line[..name]);
        let mut rest = &line[name..];
        while let Some(at) = memchr(b'\\', rest) {
            lines.extend_from_slice(&rest[..at]);
            let (escape, after) = rest[at..].split_at(2.min(rest.len() - at));
            lines.extend_from_slice(if escape == b"\\c" { b":" } else { escape });
            rest = after;
        }
        lines.extend_from_slice(rest);
    }
    Some(lines)
}

const fn meaning(letter: u8, version: Version) -> Option<u8> {
    Some(match letter {
        b'n' => b'\n',
        b'c' => b':',
        b'\\' => b'\\',
        b'r' if matches!(version, Version::V12) => b'\r',
        _ => return None,
    })
}

/// Which half of a header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Name,
    Value,
}

/// Writes `text` so that a peer of this version reads it again. STOMP 1.0 cannot say a line end, nor a colon in a name:
/// those are written as 1.1 would. No version can say NUL: it becomes a space.
pub(super) fn escape(text: &[u8], version: Version, half: Half, out: &mut BytesMut) {
    for &byte in text {
        let letter = match byte {
            0 => {
                out.put_u8(b' ');
                continue;
            }
            b'\n' => b'n',
            b':' if version != Version::V10 || half == Half::Name => b'c',
            b'\\' if version != Version::V10 => b'\\',
            b'\r' if version != Version::V11 => b'r',
            _ => {
                out.put_u8(byte);
                continue;
            }
        };
        out.put_slice(&[b'\\', letter]);
    }
}

/// Whether `escape` copies `text` as it is, in every version.
pub(super) fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| !matches!(byte, 0 | b'\n' | b'\r' | b':' | b'\\'))
}
