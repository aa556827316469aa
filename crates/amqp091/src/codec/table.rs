//! Field tables and arrays as raw bytes: checked once, walked when somebody asks.
//!
//! ```text
//!  table  = u32 length, { u8 length, name, value }        array = u32 length, { value }
//!  value  = type octet, data
//!
//!  t  bool, 1 byte       s  i16     u  u16       f  f32        S  long string     F  table
//!  b  i8                 I  i32     i  u32       d  f64        x  byte array      A  array
//!  B  u8                 l  i64     L  i64       D  decimal    T  u64, seconds    V  void
//! ```
//!
//! These are the types as RabbitMQ uses them, which is not what the specification says in 4.2.1. `L` is the
//! specification's signed 64-bit integer, which py-amqp writes.

use std::fmt;

use bytes::Bytes;

use super::error::Syntax;

/// How deep tables and arrays may lie in each other, the outermost one included.
pub const MAX_NESTING: usize = 64;

/// A valid table, without its length.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FieldTable(Bytes);

impl FieldTable {
    pub const EMPTY: Self = Self(Bytes::new());

    /// Takes the fields over without copying them.
    ///
    /// # Errors
    /// The first fault in them.
    pub fn new(fields: Bytes) -> Result<Self, Syntax> {
        TableView::new(&fields)?;
        Ok(Self(fields))
    }

    /// For fields that have been checked or were written by [`super::TableBuilder`].
    pub(super) fn checked(fields: Bytes) -> Self {
        Self(fields)
    }

    pub fn view(&self) -> TableView<'_> {
        TableView(&self.0)
    }

    pub fn iter(&self) -> Fields<'_> {
        self.view().iter()
    }

    /// The first field of that name.
    pub fn get(&self, name: &str) -> Option<FieldValue<'_>> {
        self.view().get(name)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields, without the table's length.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A copy that pins no read buffer.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl<'a> IntoIterator for &'a FieldTable {
    type Item = (&'a [u8], FieldValue<'a>);
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

impl fmt::Debug for FieldTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

/// A valid table in somebody else's bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct TableView<'a>(&'a [u8]);

impl<'a> TableView<'a> {
    /// Checks `fields`, a table without its length, all the way down.
    ///
    /// # Errors
    /// The first fault in them.
    pub fn new(fields: &'a [u8]) -> Result<Self, Syntax> {
        check_table(fields, 1)?;
        Ok(Self(fields))
    }

    /// For fields that have been checked, or are about to be.
    pub(super) fn unchecked(fields: &'a [u8]) -> Self {
        Self(fields)
    }

    /// The fields, without the table's length.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(self) -> Fields<'a> {
        Fields(self.0)
    }

    /// The first field of that name.
    pub fn get(self, name: &str) -> Option<FieldValue<'a>> {
        self.iter().find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value)
    }

    pub fn to_table(self) -> FieldTable {
        FieldTable(Bytes::copy_from_slice(self.0))
    }
}

impl<'a> IntoIterator for TableView<'a> {
    type Item = (&'a [u8], FieldValue<'a>);
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

impl fmt::Debug for TableView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (String::from_utf8_lossy(name), value))).finish()
    }
}

/// A valid array in somebody else's bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ArrayView<'a>(&'a [u8]);

impl<'a> ArrayView<'a> {
    /// Checks `values`, an array without its length, all the way down.
    ///
    /// # Errors
    /// The first fault in them.
    pub fn new(values: &'a [u8]) -> Result<Self, Syntax> {
        check_array(values, 1)?;
        Ok(Self(values))
    }

    /// The values, without the array's length.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub fn iter(self) -> Values<'a> {
        Values(self.0)
    }
}

impl<'a> IntoIterator for ArrayView<'a> {
    type Item = FieldValue<'a>;
    type IntoIter = Values<'a>;

    fn into_iter(self) -> Values<'a> {
        self.iter()
    }
}

impl fmt::Debug for ArrayView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// One value of a table or an array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    /// `V`.
    Void,
    /// `t`; any octet but 0 is true.
    Bool(bool),
    /// `b`.
    Byte(i8),
    /// `B`.
    UnsignedByte(u8),
    /// `s`.
    Short(i16),
    /// `u`.
    UnsignedShort(u16),
    /// `I`.
    Int(i32),
    /// `i`.
    UnsignedInt(u32),
    /// `l`, and `L` when read.
    Long(i64),
    /// `f`.
    Float(f32),
    /// `d`.
    Double(f64),
    /// `D`: `value` × 10^-`scale`.
    Decimal { scale: u8, value: u32 },
    /// `S`: by custom UTF-8, but nobody checks.
    LongString(&'a [u8]),
    /// `x`.
    ByteArray(&'a [u8]),
    /// `T`: seconds since the epoch.
    Timestamp(u64),
    /// `A`.
    Array(ArrayView<'a>),
    /// `F`.
    Table(TableView<'a>),
}

impl FieldValue<'_> {
    /// The octet that says the type.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Void => b'V',
            Self::Bool(_) => b't',
            Self::Byte(_) => b'b',
            Self::UnsignedByte(_) => b'B',
            Self::Short(_) => b's',
            Self::UnsignedShort(_) => b'u',
            Self::Int(_) => b'I',
            Self::UnsignedInt(_) => b'i',
            Self::Long(_) => b'l',
            Self::Float(_) => b'f',
            Self::Double(_) => b'd',
            Self::Decimal { .. } => b'D',
            Self::LongString(_) => b'S',
            Self::ByteArray(_) => b'x',
            Self::Timestamp(_) => b'T',
            Self::Array(_) => b'A',
            Self::Table(_) => b'F',
        }
    }
}

/// The fields of a table, in its order.
#[derive(Debug, Clone)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], FieldValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (name, rest) = split_short(self.0).expect("checked when the table was made");
        let (value, rest) = split_value(rest).expect("checked when the table was made");
        self.0 = rest;
        Some((name, value))
    }
}

/// The values of an array.
#[derive(Debug, Clone)]
pub struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = FieldValue<'a>;

    fn next(&mut self) -> Option<FieldValue<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let (value, rest) = split_value(self.0).expect("checked when the array was made");
        self.0 = rest;
        Some(value)
    }
}

/// `depth` is that of this table; it bounds the recursion.
fn check_table(mut fields: &[u8], depth: usize) -> Result<(), Syntax> {
    if depth > MAX_NESTING {
        return Err(Syntax::TooDeep);
    }
    while !fields.is_empty() {
        (_, fields) = split_short(fields)?;
        fields = check_value(fields, depth)?;
    }
    Ok(())
}

fn check_array(mut values: &[u8], depth: usize) -> Result<(), Syntax> {
    if depth > MAX_NESTING {
        return Err(Syntax::TooDeep);
    }
    while !values.is_empty() {
        values = check_value(values, depth)?;
    }
    Ok(())
}

fn check_value(bytes: &[u8], depth: usize) -> Result<&[u8], Syntax> {
    let (value, rest) = split_value(bytes)?;
    match value {
        FieldValue::Table(table) => check_table(table.0, depth + 1)?,
        FieldValue::Array(array) => check_array(array.0, depth + 1)?,
        _ => {}
    }
    Ok(rest)
}

/// One value and what follows it; what a table or array holds is not looked into.
fn split_value(bytes: &[u8]) -> Result<(FieldValue<'_>, &[u8]), Syntax> {
    let (&kind, rest) = bytes.split_first().ok_or(Syntax::Truncated)?;
    let value = match kind {
        b'S' | b'x' | b'F' | b'A' => {
            let (data, rest) = split_long(rest)?;
            let value = match kind {
                b'S' => FieldValue::LongString(data),
                b'x' => FieldValue::ByteArray(data),
                b'F' => FieldValue::Table(TableView(data)),
                _ => FieldValue::Array(ArrayView(data)),
            };
            return Ok((value, rest));
        }
        b'V' => return Ok((FieldValue::Void, rest)),
        b't' => split(rest, |[byte]| FieldValue::Bool(byte != 0)),
        b'b' => split(rest, |data| FieldValue::Byte(i8::from_be_bytes(data))),
        b'B' => split(rest, |[byte]| FieldValue::UnsignedByte(byte)),
        b's' => split(rest, |data| FieldValue::Short(i16::from_be_bytes(data))),
        b'u' => split(rest, |data| FieldValue::UnsignedShort(u16::from_be_bytes(data))),
        b'I' => split(rest, |data| FieldValue::Int(i32::from_be_bytes(data))),
        b'i' => split(rest, |data| FieldValue::UnsignedInt(u32::from_be_bytes(data))),
        b'l' | b'L' => split(rest, |data| FieldValue::Long(i64::from_be_bytes(data))),
        b'f' => split(rest, |data| FieldValue::Float(f32::from_be_bytes(data))),
        b'd' => split(rest, |data| FieldValue::Double(f64::from_be_bytes(data))),
        b'D' => {
            split(rest, |[scale, value @ ..]: [u8; 5]| FieldValue::Decimal { scale, value: u32::from_be_bytes(value) })
        }
        b'T' => split(rest, |data| FieldValue::Timestamp(u64::from_be_bytes(data))),
        unknown => return Err(Syntax::FieldType(unknown)),
    };
    value.ok_or(Syntax::Truncated)
}

fn split<'a, const N: usize>(
    bytes: &'a [u8],
    value: impl FnOnce([u8; N]) -> FieldValue<'a>,
) -> Option<(FieldValue<'a>, &'a [u8])> {
    let (data, rest) = bytes.split_first_chunk::<N>()?;
    Some((value(*data), rest))
}

/// A short string's bytes, and what follows it.
#[inline]
pub(super) fn split_short(bytes: &[u8]) -> Result<(&[u8], &[u8]), Syntax> {
    let (&len, rest) = bytes.split_first().ok_or(Syntax::Truncated)?;
    rest.split_at_checked(len.into()).ok_or(Syntax::Truncated)
}

/// The bytes of a long string, table or array, and what follows it.
#[inline]
pub(super) fn split_long(bytes: &[u8]) -> Result<(&[u8], &[u8]), Syntax> {
    let (len, rest) = bytes.split_first_chunk::<4>().ok_or(Syntax::Truncated)?;
    rest.split_at_checked(u32::from_be_bytes(*len) as usize).ok_or(Syntax::Truncated)
}
