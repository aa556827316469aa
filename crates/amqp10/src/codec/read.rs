//! Bytes to [`Value`]s, and the check that they would become some.

use bytes::Bytes;

use super::error::Malformed;
use super::format;
use super::limits::{MAX_DEPTH, MAX_VALUES, MAX_ZERO_WIDTH};
use super::text::{Symbol, Text};
use super::value::{Array, Described, Kind, Value};
use super::value_ref::{Compound, ValueRef, fixed_width, kind_of, skip_as, take_byte, take_sized, take_whole};

/// Where the bytes of binaries, strings and symbols come from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// They are slices of this.
    Shared(&'a Bytes),
    /// They are copied.
    Borrowed,
}

/// How many values may still be met, and how much deeper.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    values: usize,
    zero_width: usize,
    depth: usize,
}

/// Decodes `bytes`, which are one value and nothing else.
///
/// # Errors
/// Whatever is wrong with it, [`Malformed::TrailingBytes`] included.
pub fn decode_value(bytes: &Bytes) -> Result<Value, Malformed> {
    let mut rest = &bytes[..];
    let value = take_value(&mut rest, Origin::Shared(bytes), &mut { Budget::MESSAGE })?;
    if rest.is_empty() { Ok(value) } else { Err(Malformed::TrailingBytes("a value")) }
}

/// Whether `bytes` are one value that holds at most `limit` others, however they are nested.
pub fn holds_at_most(bytes: &[u8], limit: usize) -> bool {
    let mut rest = bytes;
    let checked = check_value(&mut rest, &mut Budget { values: limit, ..Budget::MESSAGE });
    checked.is_ok() && rest.is_empty()
}

impl Budget {
    /// For the fields of one performative.
    pub(super) const PERFORMATIVE: Self = Self { values: MAX_VALUES, zero_width: MAX_ZERO_WIDTH, depth: MAX_DEPTH };

    /// For all that stands before a message's body together.
    pub(super) const PROPERTIES: Self = Self::PERFORMATIVE;

    /// For bodies, whose reader is ready to hold a value for each byte: the bytes themselves are the limit.
    pub(super) const MESSAGE: Self = Self { values: usize::MAX, ..Self::PERFORMATIVE };

    fn take(&mut self, count: u32) -> Result<(), Malformed> {
        self.values = self.values.checked_sub(count as usize).ok_or(Malformed::TooManyValues)?;
        Ok(())
    }

    fn take_zero_width(&mut self, count: u32) -> Result<(), Malformed> {
        self.zero_width = self.zero_width.checked_sub(count as usize).ok_or(Malformed::Count(count))?;
        Ok(())
    }

    /// Runs `inside` one level deeper, or more if it says so itself.
    fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T, Malformed>) -> Result<T, Malformed> {
        let depth = self.depth;
        self.descend()?;
        let result = inside(self);
        self.depth = depth;
        result
    }

    fn descend(&mut self) -> Result<(), Malformed> {
        self.depth = self.depth.checked_sub(1).ok_or(Malformed::Depth)?;
        Ok(())
    }
}

impl Origin<'_> {
    pub(super) fn bytes(self, part: &[u8]) -> Bytes {
        match self {
            Self::Shared(whole) => whole.slice_ref(part),
            Self::Borrowed => Bytes::copy_from_slice(part),
        }
    }

    pub(super) fn text(self, part: &str) -> Text {
        Text::checked(self.bytes(part.as_bytes()))
    }

    pub(super) fn symbol(self, part: &str) -> Symbol {
        Symbol::checked(self.bytes(part.as_bytes()))
    }
}

/// Takes one value off the front of `rest`.
pub(super) fn take_value(rest: &mut &[u8], origin: Origin<'_>, budget: &mut Budget) -> Result<Value, Malformed> {
    let value = ValueRef::take(rest)?;
    to_value(value, origin, budget)
}

/// The value that `value` is a look at.
pub(super) fn to_value(value: ValueRef<'_>, origin: Origin<'_>, budget: &mut Budget) -> Result<Value, Malformed> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Bool(value) => Value::Bool(value),
        ValueRef::Ubyte(value) => Value::Ubyte(value),
        ValueRef::Ushort(value) => Value::Ushort(value),
        ValueRef::Uint(value) => Value::Uint(value),
        ValueRef::Ulong(value) => Value::Ulong(value),
        ValueRef::Byte(value) => Value::Byte(value),
        ValueRef::Short(value) => Value::Short(value),
        ValueRef::Int(value) => Value::Int(value),
        ValueRef::Long(value) => Value::Long(value),
        ValueRef::Float(value) => Value::Float(value),
        ValueRef::Double(value) => Value::Double(value),
        ValueRef::Decimal32(value) => Value::Decimal32(value),
        ValueRef::Decimal64(value) => Value::Decimal64(value),
        ValueRef::Decimal128(value) => Value::Decimal128(value),
        ValueRef::Char(value) => Value::Char(value),
        ValueRef::Timestamp(value) => Value::Timestamp(value),
        ValueRef::Uuid(value) => Value::Uuid(value),
        ValueRef::Binary(value) => Value::Binary(origin.bytes(value)),
        ValueRef::String(value) => Value::String(origin.text(value)),
        ValueRef::Symbol(value) => Value::Symbol(origin.symbol(value)),
        ValueRef::List(list) => Value::List(elements(list, origin, budget)?),
        ValueRef::Map(map) => {
            let mut elements = elements(map, origin, budget)?.into_iter();
            let pairs = std::iter::from_fn(|| elements.next().zip(elements.next()));
            Value::Map(pairs.collect())
        }
        ValueRef::Array(array) => {
            Value::Array(Box::new(budget.deeper(|budget| elements_alike(array, origin, budget))?))
        }
        ValueRef::Described(parts) => budget.deeper(|budget| {
            budget.take(2)?;
            let descriptor = take_value(&mut { parts.descriptor }, origin, budget)?;
            let value = take_value(&mut { parts.value }, origin, budget)?;
            Ok(Value::Described(Box::new(Described { descriptor, value })))
        })?,
    })
}

/// Takes one value off the front of `rest` and checks it with everything in it, without building anything: bytes that
/// pass become a value under the same budget.
pub(super) fn check_value(rest: &mut &[u8], budget: &mut Budget) -> Result<(), Malformed> {
    match take_byte(rest)? {
        format::DESCRIBED => {
            let descriptor = take_whole(rest)?;
            let value = take_whole(rest)?;
            budget.deeper(|budget| {
                budget.take(2)?;
                check_value(&mut { descriptor }, budget)?;
                check_value(&mut { value }, budget)
            })
        }
        code => check_as(code, rest, budget),
    }
}

/// As [`check_value`], for a primitive value whose format code has been read.
fn check_as(code: u8, rest: &mut &[u8], budget: &mut Budget) -> Result<(), Malformed> {
    match code {
        format::STRING_8 | format::STRING_32 => match str::from_utf8(take_sized(code, rest)?) {
            Ok(_) => Ok(()),
            Err(_) => Err(Malformed::Utf8),
        },
        format::SYMBOL_8 | format::SYMBOL_32 => {
            if take_sized(code, rest)?.is_ascii() {
                Ok(())
            } else {
                Err(Malformed::Ascii)
            }
        }
        format::BOOLEAN | format::CHAR => ValueRef::take_as(code, rest).map(|_| ()),
        _ if code >> 4 < 0xc && code != format::LIST_0 => {
            kind_of(code).ok_or(Malformed::FormatCode(code))?;
            skip_as(code, rest)
        }
        _ => match ValueRef::take_as(code, rest)? {
            ValueRef::Array(array) => budget.deeper(|budget| check_elements_alike(array, budget)),
            ValueRef::List(inside) | ValueRef::Map(inside) => check_elements(inside, budget),
            _ => Ok(()),
        },
    }
}

/// Checks the elements of a list or map.
pub(super) fn check_elements(compound: Compound<'_>, budget: &mut Budget) -> Result<(), Malformed> {
    open(compound, budget)?;
    budget.deeper(|budget| {
        let mut rest = compound.bytes;
        for _ in 0..compound.count {
            check_value(&mut rest, budget)?;
        }
        exhausted(rest)
    })
}

fn elements(compound: Compound<'_>, origin: Origin<'_>, budget: &mut Budget) -> Result<Vec<Value>, Malformed> {
    open(compound, budget)?;
    budget.deeper(|budget| {
        let mut rest = compound.bytes;
        let mut elements = Vec::with_capacity(compound.count as usize);
        for _ in 0..compound.count {
            elements.push(take_value(&mut rest, origin, budget)?);
        }
        exhausted(rest)?;
        Ok(elements)
    })
}

/// Pays for the elements of a list or map before there is room for them. Each has at least its format code.
fn open(compound: Compound<'_>, budget: &mut Budget) -> Result<(), Malformed> {
    if compound.count as usize > compound.bytes.len() {
        return Err(Malformed::Count(compound.count));
    }
    budget.take(compound.count)
}

fn elements_alike(array: Compound<'_>, origin: Origin<'_>, budget: &mut Budget) -> Result<Array, Malformed> {
    let mut rest = array.bytes;
    let mut descriptors = Vec::new();
    let code = constructor(&mut rest, budget, |rest, budget| {
        descriptors.push(take_value(rest, origin, budget)?);
        Ok(())
    })?;
    let kind = open_alike(array.count, code, rest, budget)?;
    let mut items = Vec::with_capacity(array.count as usize);
    for _ in 0..array.count {
        items.push(to_value(ValueRef::take_as(code, &mut rest)?, origin, budget)?);
    }
    exhausted(rest)?;
    Ok(Array { descriptors, kind, items })
}

fn check_elements_alike(array: Compound<'_>, budget: &mut Budget) -> Result<(), Malformed> {
    let mut rest = array.bytes;
    let code = constructor(&mut rest, budget, check_value)?;
    open_alike(array.count, code, rest, budget)?;
    for _ in 0..array.count {
        check_as(code, &mut rest, budget)?;
    }
    exhausted(rest)
}

/// The format code of an array's elements; `descriptor` takes each descriptor that stands before it.
fn constructor<'a>(
    rest: &mut &'a [u8],
    budget: &mut Budget,
    mut descriptor: impl FnMut(&mut &'a [u8], &mut Budget) -> Result<(), Malformed>,
) -> Result<u8, Malformed> {
    loop {
        match take_byte(rest)? {
            format::DESCRIBED => {
                budget.descend()?;
                budget.take(1)?;
                descriptor(rest, budget)?;
            }
            code => return Ok(code),
        }
    }
}

/// Pays for the elements of an array before there is room for them: those that take bytes must have them, of those that
/// take none there are [`MAX_ZERO_WIDTH`].
fn open_alike(count: u32, code: u8, rest: &[u8], budget: &mut Budget) -> Result<Kind, Malformed> {
    let kind = kind_of(code).ok_or(Malformed::FormatCode(code))?;
    // Sizes and counts of the variable and compound forms take at least a byte.
    let width = fixed_width(code).unwrap_or(1);
    if (count as usize).checked_mul(width).is_none_or(|bytes| bytes > rest.len()) {
        return Err(Malformed::Count(count));
    }
    if width == 0 {
        budget.take_zero_width(count)?;
    }
    budget.take(count)?;
    Ok(kind)
}

fn exhausted(rest: &[u8]) -> Result<(), Malformed> {
    if rest.is_empty() { Ok(()) } else { Err(Malformed::CompoundSize) }
}
