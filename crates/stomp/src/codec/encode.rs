use bytes::{BufMut, BytesMut};

use super::escape::{Half, escape, is_plain};
use super::{Command, Header, Version};

/// Writes one frame: the command, then headers in the order of calls, then the body.
#[derive(Debug)]
pub struct FrameWriter<'a> {
    out: &'a mut BytesMut,
    version: Version,
}

impl<'a> FrameWriter<'a> {
    /// `version` is that of the connection.
    pub fn new(command: Command, version: Version, out: &'a mut BytesMut) -> Self {
        out.put_slice(command.name().as_bytes());
        out.put_u8(b'\n');
        Self { out, version: if command.is_unescaped() { Version::V10 } else { version } }
    }

    /// Writes header lines alone, as they stand in a frame whose headers are escaped.
    pub fn lines(version: Version, out: &'a mut BytesMut) -> Self {
        Self { out, version }
    }

    /// A header whose name needs no escapes.
    pub fn header(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.out.put_slice(name.as_bytes());
        self.out.put_u8(b':');
        self.put(value, Half::Value);
        self.out.put_u8(b'\n');
        self
    }

    /// A header whose name is anybody's.
    pub fn any_header(&mut self, name: &[u8], value: &[u8]) -> &mut Self {
        self.put(name, Half::Name);
        self.out.put_u8(b':');
        self.put(value, Half::Value);
        self.out.put_u8(b'\n');
        self
    }

    pub fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.out.put_slice(name.as_bytes());
        self.out.put_u8(b':');
        put_number(self.out, value);
        self.out.put_u8(b'\n');
        self
    }

    /// A header as its publisher wrote it, byte for byte; written anew only where this version escapes in another way.
    pub fn forward(&mut self, header: &Header<'_>) -> &mut Self {
        if header.version() == self.version {
            self.out.put_slice(header.line);
            self.out.put_u8(b'\n');
            return self;
        }
        let (name, value) = (header.name(), header.value());
        self.any_header(name.as_bytes(), value.as_bytes())
    }

    /// A header out of [`super::with_plain_colons`], as its publisher wrote it.
    pub fn forward_colons(&mut self, header: &Header<'_>) -> &mut Self {
        if header.version() != self.version {
            return self.forward(header);
        }
        self.out.put_slice(header.raw_name);
        for (place, part) in header.raw_value.split(|byte| *byte == b':').enumerate() {
            self.out.put_slice(if place == 0 { b":" } else { b"\\c" });
            self.out.put_slice(part);
        }
        self.out.put_u8(b'\n');
        self
    }

    /// Where to write the value of a header that needs no escapes or has them already; then `end_line`.
    pub fn begin(&mut self, name: &str) -> &mut BytesMut {
        self.out.put_slice(name.as_bytes());
        self.out.put_u8(b':');
        self.out
    }

    pub fn end_line(&mut self) {
        self.out.put_u8(b'\n');
    }

    /// The blank line after the headers. The body and a NUL must follow.
    pub fn end_headers(self) {
        self.out.put_u8(b'\n');
    }

    /// The body, after its length, and the end of the frame.
    pub fn body(mut self, body: &[u8]) {
        if !body.is_empty() {
            self.number("content-length", body.len() as u64);
        }
        self.body_without_length(body);
    }

    /// The body, which must have no NUL, and the end of the frame.
    pub fn body_without_length(self, body: &[u8]) {
        let out = self.out;
        out.reserve(body.len() + 2);
        out.put_u8(b'\n');
        out.put_slice(body);
        out.put_u8(0);
    }

    fn put(&mut self, text: &[u8], half: Half) {
        if is_plain(text) {
            self.out.put_slice(text);
        } else {
            escape(text, self.version, half, self.out);
        }
    }
}

/// A number in decimal digits.
pub(crate) fn put_number(out: &mut BytesMut, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.put_slice(&digits[at..]);
}
