//! A value seen where it lies: nothing is copied, compounds are not entered.

use super::error::Malformed;
use super::format;
use super::value::Kind;

/// One value, borrowed from its bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    Null,
    Bool(bool),
    Ubyte(u8),
    Ushort(u16),
    Uint(u32),
    Ulong(u64),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Decimal32([u8; 4]),
    Decimal64([u8; 8]),
    Decimal128([u8; 16]),
    Char(char),
    /// Milliseconds since the epoch.
    Timestamp(i64),
    Uuid([u8; 16]),
    Binary(&'a [u8]),
    String(&'a str),
    Symbol(&'a str),
    List(Compound<'a>),
    Map(Compound<'a>),
    Array(Compound<'a>),
    Described(DescribedRef<'a>),
}

/// The elements of a list or map, or the constructor and the elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compound<'a> {
    /// Of a map: keys and values together.
    pub count: u32,
    pub bytes: &'a [u8],
}

/// A described value, both halves with their format codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescribedRef<'a> {
    pub descriptor: &'a [u8],
    pub value: &'a [u8],
}

/// What an array consists of (1.6.24).
#[derive(Clone, Debug)]
pub struct ArrayRef<'a> {
    /// If the elements are described: their descriptors, the outermost first.
    pub descriptors: Vec<ValueRef<'a>>,
    pub kind: Kind,
    code: u8,
    count: u32,
    rest: &'a [u8],
}

impl<'a> ValueRef<'a> {
    /// Takes one value off the front of `rest`. What lies inside of a list, map, array or descriptor is not checked.
    ///
    /// # Errors
    /// Whatever is wrong with the value itself.
    #[inline]
    pub fn take(rest: &mut &'a [u8]) -> Result<Self, Malformed> {
        match take_byte(rest)? {
            format::DESCRIBED => {
                let descriptor = take_whole(rest)?;
                let value = take_whole(rest)?;
                Ok(Self::Described(DescribedRef { descriptor, value }))
            }
            code => Self::take_as(code, rest),
        }
    }

    /// Takes a primitive value with the format code `code`, which has been read, off the front of `rest`.
    #[inline]
    pub(super) fn take_as(code: u8, rest: &mut &'a [u8]) -> Result<Self, Malformed> {
        Ok(match code {
            format::NULL => Self::Null,
            format::TRUE => Self::Bool(true),
            format::FALSE => Self::Bool(false),
            format::BOOLEAN => Self::Bool(boolean(take_byte(rest)?)?),
            format::UBYTE => Self::Ubyte(take_byte(rest)?),
            format::USHORT => Self::Ushort(u16::from_be_bytes(take_fixed(rest)?)),
            format::UINT_0 => Self::Uint(0),
            format::SMALL_UINT => Self::Uint(take_byte(rest)?.into()),
            format::UINT => Self::Uint(u32::from_be_bytes(take_fixed(rest)?)),
            format::ULONG_0 => Self::Ulong(0),
            format::SMALL_ULONG => Self::Ulong(take_byte(rest)?.into()),
            format::ULONG => Self::Ulong(u64::from_be_bytes(take_fixed(rest)?)),
            format::BYTE => Self::Byte(i8::from_be_bytes(take_fixed(rest)?)),
            format::SHORT => Self::Short(i16::from_be_bytes(take_fixed(rest)?)),
            format::SMALL_INT => Self::Int(i8::from_be_bytes(take_fixed(rest)?).into()),
            format::INT => Self::Int(i32::from_be_bytes(take_fixed(rest)?)),
            format::SMALL_LONG => Self::Long(i8::from_be_bytes(take_fixed(rest)?).into()),
            format::LONG => Self::Long(i64::from_be_bytes(take_fixed(rest)?)),
            format::FLOAT => Self::Float(f32::from_be_bytes(take_fixed(rest)?)),
            format::DOUBLE => Self::Double(f64::from_be_bytes(take_fixed(rest)?)),
            format::DECIMAL32 => Self::Decimal32(take_fixed(rest)?),
            format::DECIMAL64 => Self::Decimal64(take_fixed(rest)?),
            format::DECIMAL128 => Self::Decimal128(take_fixed(rest)?),
            format::CHAR => {
                let code = u32::from_be_bytes(take_fixed(rest)?);
                Self::Char(char::from_u32(code).ok_or(Malformed::Char(code))?)
            }
            format::TIMESTAMP => Self::Timestamp(i64::from_be_bytes(take_fixed(rest)?)),
            format::UUID => Self::Uuid(take_fixed(rest)?),
            format::BINARY_8 | format::BINARY_32 => Self::Binary(take_sized(code, rest)?),
            format::STRING_8 | format::STRING_32 => Self::String(utf8(take_sized(code, rest)?)?),
            format::SYMBOL_8 | format::SYMBOL_32 => Self::Symbol(ascii(take_sized(code, rest)?)?),
            format::LIST_0 => Self::List(Compound { count: 0, bytes: &[] }),
            format::LIST_8 | format::LIST_32 => Self::List(take_compound(code, rest)?),
            format::MAP_8 | format::MAP_32 => Self::Map(take_compound(code, rest)?.of_pairs()?),
            format::ARRAY_8 | format::ARRAY_32 => Self::Array(take_compound(code, rest)?),
            code => return Err(Malformed::FormatCode(code)),
        })
    }

    /// The text of a string or symbol.
    pub const fn text(self) -> Option<&'a str> {
        match self {
            Self::String(text) | Self::Symbol(text) => Some(text),
            _ => None,
        }
    }
}

impl<'a> Compound<'a> {
    fn of_pairs(self) -> Result<Self, Malformed> {
        if self.count.is_multiple_of(2) { Ok(self) } else { Err(Malformed::OddMap) }
    }

    /// The elements of a list, or the keys and values of a map, until the first that is malformed.
    pub fn elements(self) -> impl Iterator<Item = ValueRef<'a>> {
        let mut rest = self.bytes;
        (0..self.count).map_while(move |_| ValueRef::take(&mut rest).ok())
    }

    /// The keys and values of a map, until the first that is malformed.
    pub fn pairs(self) -> impl Iterator<Item = (ValueRef<'a>, ValueRef<'a>)> {
        let mut elements = self.elements();
        std::iter::from_fn(move || elements.next().zip(elements.next()))
    }

    /// What stands in an array; `None` if its constructor is malformed.
    pub fn array(self) -> Option<ArrayRef<'a>> {
        let mut rest = self.bytes;
        let mut descriptors = Vec::new();
        let code = loop {
            match take_byte(&mut rest).ok()? {
                format::DESCRIBED => descriptors.push(ValueRef::take(&mut rest).ok()?),
                code => break code,
            }
        };
        Some(ArrayRef { descriptors, kind: kind_of(code)?, code, count: self.count, rest })
    }

    /// The value of the first key in a map that is the string or symbol `name`.
    pub fn get(self, name: &str) -> Option<ValueRef<'a>> {
        let mut rest = self.bytes;
        for _ in 0..self.count / 2 {
            if is_text(rest, name) {
                skip(&mut rest).ok()?;
                return ValueRef::take(&mut rest).ok();
            }
            skip(&mut rest).ok()?;
            skip(&mut rest).ok()?;
        }
        None
    }
}

impl<'a> DescribedRef<'a> {
    /// The descriptor and the value; `None` if one is malformed.
    pub fn parts(self) -> Option<(ValueRef<'a>, ValueRef<'a>)> {
        Some((ValueRef::take(&mut { self.descriptor }).ok()?, ValueRef::take(&mut { self.value }).ok()?))
    }
}

impl<'a> ArrayRef<'a> {
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The elements without their descriptors, until the first that is malformed.
    pub fn items(&self) -> impl Iterator<Item = ValueRef<'a>> {
        let (code, mut rest) = (self.code, self.rest);
        (0..self.count).map_while(move |_| ValueRef::take_as(code, &mut rest).ok())
    }
}

/// Takes one value off the front of `rest` and only looks at how long it is. Never recurses.
#[inline]
pub(super) fn skip(rest: &mut &[u8]) -> Result<(), Malformed> {
    // A descriptor and its value are two values in the place of one.
    let mut values = 1_usize;
    while values > 0 {
        match take_byte(rest)? {
            format::DESCRIBED => values += 1,
            code => {
                skip_as(code, rest)?;
                values -= 1;
            }
        }
    }
    Ok(())
}

/// Takes one value off the front of `rest`, whole, with its format code.
pub(super) fn take_whole<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let before = *rest;
    skip(rest)?;
    Ok(&before[..before.len() - rest.len()])
}

pub(super) fn skip_as(code: u8, rest: &mut &[u8]) -> Result<(), Malformed> {
    let len = match code >> 4 {
        0xa | 0xc | 0xe => take_byte(rest)?.into(),
        0xb | 0xd | 0xf => u32::from_be_bytes(take_fixed(rest)?) as usize,
        _ => fixed_width(code).ok_or(Malformed::FormatCode(code))?,
    };
    take(rest, len).map(|_| ())
}

/// How many bytes follow a format code of the ranges 0x4_ to 0x9_.
pub(super) const fn fixed_width(code: u8) -> Option<usize> {
    match code >> 4 {
        0x4 => Some(0),
        width @ 0x5..=0x9 => Some(1 << (width - 5)),
        _ => None,
    }
}

/// The type that a format code stands for.
#[inline]
pub(super) fn kind_of(code: u8) -> Option<Kind> {
    static KINDS: [Option<Kind>; 256] = {
        let mut kinds = [None; 256];
        let mut code = 0;
        while code < kinds.len() {
            kinds[code] = kind_by_code(code as u8);
            code += 1;
        }
        kinds
    };
    KINDS[usize::from(code)]
}

const fn kind_by_code(code: u8) -> Option<Kind> {
    Some(match code {
        format::NULL => Kind::Null,
        format::TRUE | format::FALSE | format::BOOLEAN => Kind::Bool,
        format::UBYTE => Kind::Ubyte,
        format::USHORT => Kind::Ushort,
        format::UINT | format::SMALL_UINT | format::UINT_0 => Kind::Uint,
        format::ULONG | format::SMALL_ULONG | format::ULONG_0 => Kind::Ulong,
        format::BYTE => Kind::Byte,
        format::SHORT => Kind::Short,
        format::INT | format::SMALL_INT => Kind::Int,
        format::LONG | format::SMALL_LONG => Kind::Long,
        format::FLOAT => Kind::Float,
        format::DOUBLE => Kind::Double,
        format::DECIMAL32 => Kind::Decimal32,
        format::DECIMAL64 => Kind::Decimal64,
        format::DECIMAL128 => Kind::Decimal128,
        format::CHAR => Kind::Char,
        format::TIMESTAMP => Kind::Timestamp,
        format::UUID => Kind::Uuid,
        format::BINARY_8 | format::BINARY_32 => Kind::Binary,
        format::STRING_8 | format::STRING_32 => Kind::String,
        format::SYMBOL_8 | format::SYMBOL_32 => Kind::Symbol,
        format::LIST_0 | format::LIST_8 | format::LIST_32 => Kind::List,
        format::MAP_8 | format::MAP_32 => Kind::Map,
        format::ARRAY_8 | format::ARRAY_32 => Kind::Array,
        _ => return None,
    })
}

#[inline]
pub(super) fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], Malformed> {
    let (taken, left) = rest.split_at_checked(len).ok_or(Malformed::Truncated)?;
    *rest = left;
    Ok(taken)
}

#[inline]
pub(super) fn take_byte(rest: &mut &[u8]) -> Result<u8, Malformed> {
    let (first, left) = rest.split_first().ok_or(Malformed::Truncated)?;
    *rest = left;
    Ok(*first)
}

#[inline]
pub(super) fn take_fixed<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (first, left) = rest.split_first_chunk::<N>().ok_or(Malformed::Truncated)?;
    *rest = left;
    Ok(*first)
}

/// A size, of one byte in the codes with an even high half and of four in the odd ones, and as many bytes.
#[inline]
pub(super) fn take_sized<'a>(code: u8, rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let len = if code & 0x10 == 0 { take_byte(rest)?.into() } else { u32::from_be_bytes(take_fixed(rest)?) as usize };
    take(rest, len)
}

#[inline]
fn take_compound<'a>(code: u8, rest: &mut &'a [u8]) -> Result<Compound<'a>, Malformed> {
    let mut inside = take_sized(code, rest)?;
    let count = if code & 0x10 == 0 {
        take_byte(&mut inside).map(u32::from)
    } else {
        take_fixed(&mut inside).map(u32::from_be_bytes)
    };
    Ok(Compound { count: count.map_err(|_| Malformed::CompoundSize)?, bytes: inside })
}

/// Whether the value at the front of `rest` is the string or symbol `text`.
fn is_text(rest: &[u8], text: &str) -> bool {
    let mut rest = rest;
    match take_byte(&mut rest) {
        Ok(code @ (format::STRING_8 | format::STRING_32 | format::SYMBOL_8 | format::SYMBOL_32)) => {
            take_sized(code, &mut rest) == Ok(text.as_bytes())
        }
        _ => false,
    }
}

const fn boolean(byte: u8) -> Result<bool, Malformed> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        byte => Err(Malformed::Boolean(byte)),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    str::from_utf8(bytes).map_err(|_| Malformed::Utf8)
}

fn ascii(bytes: &[u8]) -> Result<&str, Malformed> {
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Ok(text),
        _ => Err(Malformed::Ascii),
    }
}
