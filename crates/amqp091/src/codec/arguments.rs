//! The arguments of methods: one type of Rust for each type of the protocol (4.2.5).

use bytes::{BufMut, Bytes, BytesMut};

use super::error::{Syntax, Unencodable};
use super::table::{FieldTable, TableView};
use super::text::{ShortString, long_len};

/// Walks over the arguments of one method.
pub(super) struct Reader<'a> {
    frame: &'a Bytes,
    at: usize,
    end: usize,
    bits: Bits,
}

/// Appends the arguments of one method.
pub(super) struct Writer<'a> {
    out: &'a mut BytesMut,
    bits: Bits,
}

/// Neighbouring bits share an octet, the first one in its lowest bit (4.2.5.2).
#[derive(Default)]
struct Bits {
    octet: u8,
    used: u8,
}

pub(super) trait Argument: Sized {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Syntax>;

    /// # Errors
    /// Some of the bytes may have been appended then.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Unencodable>;
}

impl<'a> Reader<'a> {
    /// Reads `frame[at..end]`.
    pub(super) fn new(frame: &'a Bytes, at: usize, end: usize) -> Self {
        Self { frame, at, end, bits: Bits::default() }
    }

    pub(super) fn finish(self) -> Result<(), Syntax> {
        if self.at == self.end { Ok(()) } else { Err(Syntax::TrailingBytes) }
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], Syntax> {
        self.bits = Bits::default();
        let chunk = *self.frame[self.at..self.end].first_chunk().ok_or(Syntax::Truncated)?;
        self.at += N;
        Ok(chunk)
    }

    fn slice(&mut self, len: usize) -> Result<Bytes, Syntax> {
        if len > self.end - self.at {
            return Err(Syntax::Truncated);
        }
        let begin = self.at;
        self.at += len;
        Ok(if len == 0 { Bytes::new() } else { self.frame.slice(begin..begin + len) })
    }

    fn bit(&mut self) -> Result<bool, Syntax> {
        if self.bits.used.is_multiple_of(8) {
            let [octet] = self.chunk()?;
            self.bits = Bits { octet, used: 0 };
        }
        let bit = self.bits.octet >> self.bits.used & 1;
        self.bits.used += 1;
        Ok(bit != 0)
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut BytesMut) -> Self {
        Self { out, bits: Bits::default() }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.bits = Bits::default();
        self.out.put_slice(bytes);
    }

    fn bit(&mut self, bit: bool) {
        if self.bits.used.is_multiple_of(8) {
            self.out.put_u8(0);
            self.bits.used = 0;
        }
        let last = self.out.len() - 1;
        self.out[last] |= u8::from(bit) << self.bits.used;
        self.bits.used += 1;
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Argument for $integer {
            fn read(reader: &mut Reader<'_>) -> Result<Self, Syntax> {
                reader.chunk().map(Self::from_be_bytes)
            }

            fn write(&self, writer: &mut Writer<'_>) -> Result<(), Unencodable> {
                writer.bytes(&self.to_be_bytes());
                Ok(())
            }
        }
    )*};
}

integers!(u8, u16, u32, u64);

impl Argument for bool {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Syntax> {
        reader.bit()
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Unencodable> {
        writer.bit(*self);
        Ok(())
    }
}

impl Argument for ShortString {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Syntax> {
        let [len] = reader.chunk()?;
        reader.slice(len.into()).map(Self::checked)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Unencodable> {
        writer.bytes(&[self.len() as u8]);
        writer.bytes(self);
        Ok(())
    }
}

/// A long string.
impl Argument for Bytes {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Syntax> {
        let len = reader.chunk().map(u32::from_be_bytes)?;
        reader.slice(len as usize)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Unencodable> {
        let len = long_len(self)?;
        writer.bytes(&len.to_be_bytes());
        writer.bytes(self);
        Ok(())
    }
}

impl Argument for FieldTable {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Syntax> {
        let fields = Bytes::read(reader)?;
        TableView::new(&fields)?;
        Ok(Self::checked(fields))
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Unencodable> {
        let len = long_len(self.as_bytes())?;
        writer.bytes(&len.to_be_bytes());
        writer.bytes(self.as_bytes());
        Ok(())
    }
}
