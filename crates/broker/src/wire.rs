//! Numbers and strings of a record: LEB128 varints and length-prefixed bytes. Reading trusts nothing.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A record does not say what its type promises. Only a program error or a damaged disk makes one, as frames are
/// checksummed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record is not in its format: {0}")]
pub struct BadRecord(pub &'static str);

pub(crate) fn put_number(out: &mut BytesMut, mut number: u64) {
    while number >= 0x80 {
        out.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

pub(crate) fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// 0 for `None`, else the number + 1: for times and limits, which never reach the top.
pub(crate) fn put_option(out: &mut BytesMut, number: Option<u64>) {
    put_number(out, number.map_or(0, |number| number.saturating_add(1)));
}

pub(crate) fn put_bool(out: &mut BytesMut, value: bool) {
    out.put_u8(u8::from(value));
}

/// Reads what the functions above wrote; byte strings are slices of the record.
pub(crate) struct Reader(pub(crate) Bytes);

impl Reader {
    pub(crate) fn byte(&mut self) -> Result<u8, BadRecord> {
        if self.0.is_empty() { Err(BadRecord("too short")) } else { Ok(self.0.get_u8()) }
    }

    pub(crate) fn bool(&mut self) -> Result<bool, BadRecord> {
        Ok(self.byte()? != 0)
    }

    pub(crate) fn number(&mut self) -> Result<u64, BadRecord> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BadRecord("number too long"))
    }

    /// Eight bytes, the most significant first.
    pub(crate) fn eight(&mut self) -> Result<u64, BadRecord> {
        if self.0.len() < 8 { Err(BadRecord("too short")) } else { Ok(self.0.get_u64()) }
    }

    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, BadRecord> {
        T::try_from(self.number()?).map_err(|_| BadRecord("number too large"))
    }

    pub(crate) fn option(&mut self) -> Result<Option<u64>, BadRecord> {
        Ok(self.number()?.checked_sub(1))
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes, BadRecord> {
        let length: usize = self.small()?;
        if length > self.0.len() {
            return Err(BadRecord("a string is longer than the record"));
        }
        Ok(self.0.split_to(length))
    }

    pub(crate) fn text(&mut self) -> Result<String, BadRecord> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| BadRecord("text is no UTF-8"))
    }

    /// A count of items that take at least one byte each, so it cannot ask for more memory than the record has bytes.
    pub(crate) fn count(&mut self) -> Result<usize, BadRecord> {
        let count: usize = self.small()?;
        if count > self.0.len() { Err(BadRecord("a list is longer than the record")) } else { Ok(count) }
    }
}
