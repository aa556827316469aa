//! Writes JSON straight into one buffer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::characters::json_clean;

/// An object being written: `{` is there, `end` writes `}`.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(crate) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes `"name":` and lends the buffer for the value. `name` needs no escapes.
    pub(crate) fn field(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// The same for a name that a client chose.
    pub(crate) fn named(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        string(self.out, name);
        self.out.push(b':');
        self.out
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        string(self.field(name), value);
    }

    /// The buffer itself, for the rest of a value that was begun.
    pub(crate) fn raw(&mut self) -> &mut Vec<u8> {
        self.out
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// A string with its quotes.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escaped(out, text.as_bytes());
    out.push(b'"');
}

/// The inside of a string. `bytes` is UTF-8, or a piece of it cut anywhere.
pub(crate) fn escaped(out: &mut Vec<u8>, mut bytes: &[u8]) {
    loop {
        let clean = json_clean(bytes);
        out.extend_from_slice(&bytes[..clean]);
        let Some(byte) = bytes.get(clean) else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        bytes = &bytes[clean + 1..];
    }
}

/// Base64 in quotes.
pub(crate) fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).expect("room for four characters each three bytes");
    out.truncate(start + written);
    out.push(b'"');
}

/// A number in quotes, as AWS writes most of its numbers.
pub(crate) fn quoted_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).expect("a digit");
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.push(b'"');
    out.extend_from_slice(&digits[start..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in "\\PC{0,12}|[\u{0}-\u{2f}]{0,9}", bytes: Vec<u8>, number: u64) {
            let mut out = Vec::new();
            let mut object = Object::begin(&mut out);
            string(object.named(&name), &name);
            binary(object.field("!binary"), &bytes);
            quoted_number(object.field("!number"), number);
            object.end();
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(value[&name].as_str(), Some(name.as_str()));
            prop_assert_eq!(STANDARD.decode(value["!binary"].as_str().unwrap()).unwrap(), bytes);
            let number = number.to_string();
            prop_assert_eq!(value["!number"].as_str(), Some(number.as_str()));
        }
    }
}
