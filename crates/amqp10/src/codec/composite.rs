//! Reading the fields of a described list (1.4).

use bytes::Bytes;

use super::descriptor;
use super::error::Malformed;
use super::format;
use super::read::{Budget, Origin, check_elements, take_value, to_value};
use super::text::{Symbol, Text};
use super::value::{Fields, Map, Value};
use super::value_ref::{Compound, ValueRef, take_byte, take_fixed, take_sized};

/// Takes fields off the front of a list, in their order. A field that is null and one behind the list's end are alike.
pub(super) struct Composite<'a, 'b> {
    what: &'static str,
    rest: &'a [u8],
    left: u32,
    origin: Origin<'a>,
    budget: &'b mut Budget,
}

/// The fields of a composite type; `what` is its name in errors.
pub(super) fn open<'a, 'b>(
    what: &'static str,
    list: ValueRef<'a>,
    origin: Origin<'a>,
    budget: &'b mut Budget,
) -> Result<Composite<'a, 'b>, Malformed> {
    match list {
        ValueRef::List(Compound { count, bytes }) => Ok(Composite { what, rest: bytes, left: count, origin, budget }),
        _ => Err(Malformed::Type(what)),
    }
}

/// Takes a value that must be described off the front of `rest`: the code of its descriptor (`None` if unknown) and what
/// is described.
#[inline]
pub(super) fn take_described<'a>(
    what: &'static str,
    rest: &mut &'a [u8],
) -> Result<(Option<u8>, ValueRef<'a>), Malformed> {
    Ok((descriptor::take(what, rest)?, ValueRef::take(rest)?))
}

impl<'a> Composite<'a, '_> {
    /// The next field; `None` if it is null or missing.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<ValueRef<'a>>, Malformed> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        match ValueRef::take(&mut self.rest)? {
            ValueRef::Null => Ok(None),
            value => Ok(Some(value)),
        }
    }

    /// The first byte of the next field, which is taken off; `None` if it is null or missing.
    #[inline]
    fn code(&mut self) -> Result<Option<u8>, Malformed> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        Ok(Some(take_byte(&mut self.rest)?).filter(|code| *code != format::NULL))
    }

    /// A field that is a composite type or a choice of such itself; `read` takes it off the front of what it is given.
    #[inline]
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut &'a [u8], Origin<'a>, &mut Budget) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        let mut before = self.rest;
        if self.code()?.is_none() {
            return Ok(None);
        }
        let value = read(&mut before, self.origin, self.budget)?;
        self.rest = before;
        Ok(Some(value))
    }

    #[inline]
    pub(super) fn bool(&mut self, name: &'static str) -> Result<Option<bool>, Malformed> {
        match self.code()? {
            None => Ok(None),
            Some(format::TRUE) => Ok(Some(true)),
            Some(format::FALSE) => Ok(Some(false)),
            Some(code) => match ValueRef::take_as(code, &mut self.rest)? {
                ValueRef::Bool(value) => Ok(Some(value)),
                _ => Err(Malformed::Type(name)),
            },
        }
    }

    /// A boolean whose default is false.
    #[inline]
    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, Malformed> {
        Ok(self.bool(name)?.unwrap_or(false))
    }

    pub(super) fn ubyte(&mut self, name: &'static str) -> Result<Option<u8>, Malformed> {
        match self.next()? {
            None => Ok(None),
            Some(ValueRef::Ubyte(value)) => Ok(Some(value)),
            Some(_) => Err(Malformed::Type(name)),
        }
    }

    pub(super) fn ushort(&mut self, name: &'static str) -> Result<Option<u16>, Malformed> {
        match self.next()? {
            None => Ok(None),
            Some(ValueRef::Ushort(value)) => Ok(Some(value)),
            Some(_) => Err(Malformed::Type(name)),
        }
    }

    #[inline]
    pub(super) fn uint(&mut self, name: &'static str) -> Result<Option<u32>, Malformed> {
        match self.code()? {
            None => Ok(None),
            Some(format::UINT_0) => Ok(Some(0)),
            Some(format::SMALL_UINT) => take_byte(&mut self.rest).map(|value| Some(value.into())),
            Some(format::UINT) => take_fixed(&mut self.rest).map(|value| Some(u32::from_be_bytes(value))),
            Some(_) => Err(Malformed::Type(name)),
        }
    }

    pub(super) fn ulong(&mut self, name: &'static str) -> Result<Option<u64>, Malformed> {
        match self.next()? {
            None => Ok(None),
            Some(ValueRef::Ulong(value)) => Ok(Some(value)),
            Some(_) => Err(Malformed::Type(name)),
        }
    }

    #[inline]
    pub(super) fn binary(&mut self, name: &'static str) -> Result<Option<Bytes>, Malformed> {
        match self.code()? {
            None => Ok(None),
            Some(code @ (format::BINARY_8 | format::BINARY_32)) => {
                take_sized(code, &mut self.rest).map(|value| Some(self.origin.bytes(value)))
            }
            Some(_) => Err(Malformed::Type(name)),
        }
    }

    pub(super) fn string(&mut self, name: &'static str) -> Result<Option<Text>, Malformed> {
        match self.next()? {
            None => Ok(None),
            Some(ValueRef::String(value)) => Ok(Some(self.origin.text(value))),
            Some(_) => Err(Malformed::Type(name)),
        }
    }

    pub(super) fn symbol(&mut self, name: &'static str) -> Result<Option<Symbol>, Malformed> {
        match self.next()? {
            None => Ok(None),
            Some(ValueRef::Symbol(value)) => Ok(Some(self.origin.symbol(value))),
            Some(_) => Err(Malformed::Type(name)),
        }
    }

    /// A `multiple` field (1.4): null, one symbol, or an array of symbols.
    pub(super) fn symbols(&mut self, name: &'static str) -> Result<Vec<Symbol>, Malformed> {
        match self.next()? {
            None => Ok(Vec::new()),
            Some(ValueRef::Symbol(value)) => Ok(vec![self.origin.symbol(value)]),
            Some(array @ ValueRef::Array(_)) => match to_value(array, self.origin, self.budget)? {
                Value::Array(array) if array.descriptors.is_empty() => {
                    let symbols = array.items.into_iter().map(|item| match item {
                        Value::Symbol(symbol) => Ok(symbol),
                        _ => Err(Malformed::Type(name)),
                    });
                    symbols.collect()
                }
                _ => Err(Malformed::Type(name)),
            },
            Some(_) => Err(Malformed::Type(name)),
        }
    }

    /// A map whose keys are symbols (2.8.13).
    pub(super) fn fields(&mut self, name: &'static str) -> Result<Fields, Malformed> {
        let pairs = self.map(name)?.into_iter().map(|(key, value)| match key {
            Value::Symbol(key) => Ok((key, value)),
            _ => Err(Malformed::Type(name)),
        });
        pairs.collect::<Result<Vec<_>, _>>().map(Fields)
    }

    pub(super) fn map(&mut self, name: &'static str) -> Result<Map, Malformed> {
        match self.next()? {
            None => Ok(Map::new()),
            Some(map @ ValueRef::Map(_)) => match to_value(map, self.origin, self.budget)? {
                Value::Map(map) => Ok(map),
                _ => Err(Malformed::Type(name)),
            },
            Some(_) => Err(Malformed::Type(name)),
        }
    }

    /// A map of which `pair` takes each key and value off the front of what it is given.
    pub(super) fn pairs<T>(
        &mut self,
        name: &'static str,
        mut pair: impl FnMut(&mut &'a [u8], Origin<'a>, &mut Budget) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let map = match self.next()? {
            None => return Ok(Vec::new()),
            Some(ValueRef::Map(map)) => map,
            Some(_) => return Err(Malformed::Type(name)),
        };
        check_elements(map, self.budget)?;
        let mut rest = map.bytes;
        let mut pairs = Vec::with_capacity(map.count as usize / 2);
        for _ in 0..map.count / 2 {
            pairs.push(pair(&mut rest, self.origin, self.budget)?);
        }
        Ok(pairs)
    }

    /// A field of any type.
    pub(super) fn value(&mut self) -> Result<Option<Value>, Malformed> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let value = take_value(&mut self.rest, self.origin, self.budget)?;
        Ok(Some(value).filter(|value| *value != Value::Null))
    }

    /// To be called behind the last field that the type has.
    #[inline]
    pub(super) fn finish(self) -> Result<(), Malformed> {
        if self.left > 0 {
            return Err(Malformed::TooManyFields(self.what));
        }
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::CompoundSize) }
    }
}

/// For mandatory fields.
#[inline]
pub(super) fn required<T>(name: &'static str, field: Option<T>) -> Result<T, Malformed> {
    field.ok_or(Malformed::Missing(name))
}
