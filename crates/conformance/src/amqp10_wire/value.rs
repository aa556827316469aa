//! As much of the AMQP 1.0 type system (1.6) as the tests' client says and hears.

use std::io;

/// A value as it was read. Numbers lose their width, texts their kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// Any unsigned integer.
    Uint(u64),
    /// String or symbol.
    Text(String),
    Binary(Vec<u8>),
    List(Vec<Self>),
    /// A descriptor that is a number, and what it describes.
    Described(u64, Box<Self>),
    /// Whatever else, by its constructor.
    Other(u8),
}

impl Value {
    /// Takes the first value off `input`.
    pub(super) fn take(input: &mut &[u8]) -> io::Result<Self> {
        let constructor = byte(input)?;
        Ok(match constructor {
            0x00 => {
                let descriptor =
                    Self::take(input)?.uint().ok_or_else(|| malformed("a descriptor that is no number"))?;
                Self::Described(descriptor, Box::new(Self::take(input)?))
            }
            0x40 => Self::Null,
            0x41 | 0x42 => Self::Bool(constructor == 0x41),
            0x56 => Self::Bool(byte(input)? == 1),
            0x43 | 0x44 => Self::Uint(0),
            0x50 | 0x52 | 0x53 => Self::Uint(number(input, 1)?),
            0x60 => Self::Uint(number(input, 2)?),
            0x70 => Self::Uint(number(input, 4)?),
            0x80 => Self::Uint(number(input, 8)?),
            0xA0 | 0xB0 => Self::Binary(sized(input, constructor)?.to_vec()),
            0xA1 | 0xA3 | 0xB1 | 0xB3 => {
                let text = std::str::from_utf8(sized(input, constructor)?);
                Self::Text(text.map_err(|error| malformed(&error.to_string()))?.to_owned())
            }
            0x45 => Self::List(Vec::new()),
            0xC0 | 0xD0 => {
                let mut inside = sized(input, constructor)?;
                let count = number(&mut inside, if constructor == 0xC0 { 1 } else { 4 })?;
                Self::List((0..count).map(|_| Self::take(&mut inside)).collect::<io::Result<_>>()?)
            }
            other => {
                skip(input, other)?;
                Self::Other(other)
            }
        })
    }

    pub(super) fn uint(&self) -> Option<u64> {
        if let Self::Uint(number) = self { Some(*number) } else { None }
    }

    pub(super) fn is_true(&self) -> bool {
        *self == Self::Bool(true)
    }

    /// The fields of a list; of anything else none.
    pub(super) fn fields(&self) -> &[Self] {
        if let Self::List(fields) = self { fields } else { &[] }
    }
}

/// Of the fields of a composite: missing ones are null.
pub(super) fn field(fields: &[Value], place: usize) -> &Value {
    fields.get(place).unwrap_or(&Value::Null)
}

pub(super) const NULL: &[u8] = &[0x40];
pub(super) const TRUE: &[u8] = &[0x41];
pub(super) const FALSE: &[u8] = &[0x42];

pub(super) fn uint(value: u32) -> Vec<u8> {
    [&[0x70], &value.to_be_bytes()[..]].concat()
}

pub(super) fn ubyte(value: u8) -> Vec<u8> {
    vec![0x50, value]
}

pub(super) fn string(text: &str) -> Vec<u8> {
    long(0xB1, text.as_bytes())
}

pub(super) fn symbol(text: &str) -> Vec<u8> {
    long(0xB3, text.as_bytes())
}

pub(super) fn binary(bytes: &[u8]) -> Vec<u8> {
    long(0xB0, bytes)
}

/// A value with a number for its descriptor.
pub(super) fn described(code: u8, value: &[u8]) -> Vec<u8> {
    [&[0x00, 0x53, code], value].concat()
}

/// A described list of encoded fields.
pub(super) fn composite(code: u8, fields: &[&[u8]]) -> Vec<u8> {
    let body = [&(fields.len() as u32).to_be_bytes()[..], &fields.concat()].concat();
    described(code, &long(0xD0, &body))
}

fn long(constructor: u8, bytes: &[u8]) -> Vec<u8> {
    [&[constructor], &(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

/// The bytes of a value that says its size in 1 or 4 bytes, as its constructor says.
fn sized<'a>(input: &mut &'a [u8], constructor: u8) -> io::Result<&'a [u8]> {
    let width = if (constructor >> 4) & 1 == 0 { 1 } else { 4 };
    let size = number(input, width)? as usize;
    bytes(input, size)
}

fn skip(input: &mut &[u8], constructor: u8) -> io::Result<()> {
    match constructor >> 4 {
        4 => Ok(()),
        kind @ 5..=9 => bytes(input, 1 << (kind - 5)).map(drop),
        0xA..=0xF => sized(input, constructor).map(drop),
        _ => Err(malformed(&format!("constructor {constructor:#04x}"))),
    }
}

fn number(input: &mut &[u8], width: usize) -> io::Result<u64> {
    Ok(bytes(input, width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn byte(input: &mut &[u8]) -> io::Result<u8> {
    Ok(bytes(input, 1)?[0])
}

fn bytes<'a>(input: &mut &'a [u8], count: usize) -> io::Result<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(count).ok_or_else(|| malformed("a value goes beyond its frame"))?;
    *input = rest;
    Ok(taken)
}

fn malformed(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_back() {
        let inner = composite(0x24, &[]);
        let bytes = composite(0x14, &[&uint(70_000), &ubyte(3), NULL, TRUE, &string("ü"), &binary(b"\0"), &inner]);
        let fields = vec![
            Value::Uint(70_000),
            Value::Uint(3),
            Value::Null,
            Value::Bool(true),
            Value::Text("ü".to_owned()),
            Value::Binary(vec![0]),
            Value::Described(0x24, Box::new(Value::List(Vec::new()))),
        ];
        let mut input = &bytes[..];
        assert_eq!(Value::take(&mut input).ok(), Some(Value::Described(0x14, Box::new(Value::List(fields)))));
        assert!(input.is_empty());
        for cut in 0..bytes.len() {
            assert!(Value::take(&mut &bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        // A timestamp, a map and an array, a decimal128; then a short list.
        let bytes = [&[0x83, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0xC1, 1, 0], &[0xE0, 2, 0, 0x40], &[0x94; 17], &[0x45]];
        let bytes = bytes.concat();
        let mut input = &bytes[..];
        for constructor in [0x83, 0xC1, 0xE0, 0x94] {
            assert_eq!(Value::take(&mut input).ok(), Some(Value::Other(constructor)));
        }
        assert_eq!(Value::take(&mut input).ok(), Some(Value::List(Vec::new())));
    }
}
