use std::borrow::Cow;

use memchr::memchr;

use super::Version;
use super::escape::unescape;

/// The header lines of a frame as they came, with their line ends and without the blank line. Reading them copies
/// nothing unless a value has escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    block: &'a [u8],
    version: Version,
}

/// One header, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Names that the specification knows need no escapes, so this can be compared with those.
    pub raw_name: &'a [u8],
    pub raw_value: &'a [u8],
    /// Both and what stands between them, without the line end.
    pub line: &'a [u8],
    version: Version,
}

impl<'a> Headers<'a> {
    /// `version` says how names and values are escaped.
    pub const fn new(block: &'a [u8], version: Version) -> Self {
        Self { block, version }
    }

    pub const fn version(self) -> Version {
        self.version
    }

    /// The first header of this name: where one is repeated, the first counts (1.2, "Repeated Header Entries").
    pub fn get(self, name: &str) -> Option<Cow<'a, str>> {
        self.into_iter().find(|header| header.raw_name == name.as_bytes()).map(|header| header.value())
    }
}

impl<'a> IntoIterator for Headers<'a> {
    type Item = Header<'a>;
    type IntoIter = Lines<'a>;

    fn into_iter(self) -> Lines<'a> {
        Lines { rest: self.block, version: self.version }
    }
}

/// The headers of a frame in their order, repeated ones too.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
    version: Version,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        while !self.rest.is_empty() {
            let end = memchr(b'\n', self.rest).unwrap_or(self.rest.len());
            let line = &self.rest[..end];
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            if let Some(header) = Header::of(line, self.version) {
                return Some(header);
            }
        }
        None
    }
}

impl<'a> Header<'a> {
    /// `None` if there is no colon.
    pub(super) fn of(line: &'a [u8], version: Version) -> Option<Self> {
        let line = match line {
            [line @ .., b'\r'] if version != Version::V11 => line,
            line => line,
        };
        let colon = memchr(b':', line)?;
        let (mut raw_name, mut raw_value) = (&line[..colon], &line[colon + 1..]);
        if version == Version::V10 {
            (raw_name, raw_value) = (raw_name.trim_ascii(), raw_value.trim_ascii());
        }
        Some(Self { raw_name, raw_value, line, version })
    }

    /// Its value ends with a CR that is not escaped and, said again, would be a part of the line end (1.2, "Value Encoding").
    pub(super) fn has_stray_return(&self) -> bool {
        self.version == Version::V12 && self.line.ends_with(b"\r")
    }

    pub const fn version(&self) -> Version {
        self.version
    }

    pub fn name(&self) -> Cow<'a, str> {
        text(unescape(self.raw_name, self.version))
    }

    pub fn value(&self) -> Cow<'a, str> {
        text(unescape(self.raw_value, self.version))
    }
}

fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}
