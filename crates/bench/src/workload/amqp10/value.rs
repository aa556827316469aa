//! As much of the AMQP 1.0 type system as the generator meets: values are skipped, and only small ones read.

use thiserror::Error;

/// Descriptors of descriptors are legal, and nothing sends them.
const DESCRIBED_LIMIT: usize = 4;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    #[error("a frame of {0} bytes")]
    Size(usize),
    #[error("a value goes beyond its frame")]
    Cut,
    #[error("the constructor {0:#04x} is not one of the standard")]
    Constructor(u8),
    #[error("a performative is no described list")]
    Performative,
    #[error("a field has another type than the standard says")]
    Field,
    #[error("a message has no data section")]
    NoData,
}

pub const NULL: u8 = 0x40;
pub const TRUE: u8 = 0x41;
pub const FALSE: u8 = 0x42;

/// A described list: its descriptor, and its fields one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described<'a> {
    pub code: u64,
    pub fields: Fields<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// The first value of `input`, constructor included, and what follows it.
pub fn split(input: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let len = length(input)?;
    input.split_at_checked(len).ok_or(Malformed::Cut)
}

/// A described list at the start of `input`, and what follows it.
pub fn described(input: &[u8]) -> Result<(Described<'_>, &[u8]), Malformed> {
    let (code, rest) = descriptor(input)?;
    let (list, rest) = split(rest)?;
    let fields = match list {
        [0x45] => &[],
        [0xc0, _, _, fields @ ..] | [0xd0, _, _, _, _, _, _, _, _, fields @ ..] => fields,
        _ => return Err(Malformed::Performative),
    };
    Ok((Described { code, fields: Fields { rest: fields } }, rest))
}

/// The payload of the data section among the sections of a bare or annotated message (3.2).
pub fn data(mut sections: &[u8]) -> Result<&[u8], Malformed> {
    const DATA: u64 = 0x75;
    while !sections.is_empty() {
        let (code, value) = descriptor(sections)?;
        if code == DATA {
            return match value {
                // The rest may be in a frame still to come.
                [0xa0, _, payload @ ..] | [0xb0, _, _, _, _, payload @ ..] => Ok(payload),
                _ => Err(Malformed::Field),
            };
        }
        sections = split(value)?.1;
    }
    Err(Malformed::NoData)
}

impl<'a> Fields<'a> {
    /// The next field, a null if the list has ended.
    pub fn take(&mut self) -> Result<&'a [u8], Malformed> {
        if self.rest.is_empty() {
            return Ok(&[NULL]);
        }
        let (value, rest) = split(self.rest)?;
        self.rest = rest;
        Ok(value)
    }

    pub fn skip(&mut self, count: usize) -> Result<(), Malformed> {
        (0..count).try_for_each(|_| self.take().map(drop))
    }

    /// An unsigned integer of up to 32 bits; `None` for null.
    pub fn uint(&mut self) -> Result<Option<u32>, Malformed> {
        match *self.take()? {
            [NULL] => Ok(None),
            [0x43] => Ok(Some(0)),
            [0x50 | 0x52, byte] => Ok(Some(u32::from(byte))),
            [0x60, a, b] => Ok(Some(u32::from_be_bytes([0, 0, a, b]))),
            [0x70, a, b, c, d] => Ok(Some(u32::from_be_bytes([a, b, c, d]))),
            _ => Err(Malformed::Field),
        }
    }

    /// Null is false, which is the default of every flag read here.
    pub fn flag(&mut self) -> Result<bool, Malformed> {
        match *self.take()? {
            [TRUE] | [0x56, 1] => Ok(true),
            [NULL | FALSE] | [0x56, 0] => Ok(false),
            _ => Err(Malformed::Field),
        }
    }
}

pub fn uint(value: u32) -> Vec<u8> {
    [&[0x70], &value.to_be_bytes()[..]].concat()
}

pub fn ushort(value: u16) -> Vec<u8> {
    [&[0x60], &value.to_be_bytes()[..]].concat()
}

/// At most 255 bytes.
pub fn string(text: &str) -> Vec<u8> {
    short(0xa1, text.as_bytes())
}

/// At most 255 bytes.
pub fn symbol(text: &str) -> Vec<u8> {
    short(0xa3, text.as_bytes())
}

/// At most 255 bytes.
pub fn binary(bytes: &[u8]) -> Vec<u8> {
    short(0xa0, bytes)
}

/// A described list of encoded fields, in as few bytes as it can be.
pub fn list(code: u8, fields: &[&[u8]]) -> Vec<u8> {
    let body = fields.concat();
    let head = match u8::try_from(body.len() + 1) {
        Ok(size) => vec![0xc0, size, fields.len() as u8],
        Err(_) => {
            let numbers = [body.len() as u32 + 4, fields.len() as u32].map(u32::to_be_bytes);
            [&[0xd0], &numbers.concat()[..]].concat()
        }
    };
    [&[0, 0x53, code], &head[..], &body].concat()
}

fn short(constructor: u8, bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len()).expect("what is made here is short");
    [&[constructor, len], bytes].concat()
}

fn descriptor(input: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    match input {
        [0, 0x44, rest @ ..] => Ok((0, rest)),
        [0, 0x53, code, rest @ ..] => Ok((u64::from(*code), rest)),
        [0, 0x80, rest @ ..] => {
            let (code, rest) = rest.split_first_chunk().ok_or(Malformed::Cut)?;
            Ok((u64::from_be_bytes(*code), rest))
        }
        _ => Err(Malformed::Performative),
    }
}

/// Bytes of the first value, which may be more than there are (1.6).
fn length(input: &[u8]) -> Result<usize, Malformed> {
    let mut at = 0;
    for _ in 0..DESCRIBED_LIMIT {
        let rest = input.get(at..).ok_or(Malformed::Cut)?;
        let [constructor, rest @ ..] = rest else { return Err(Malformed::Cut) };
        if *constructor == 0 {
            at += 1 + plain(rest)?;
            continue;
        }
        return Ok(at + plain(&input[at..])?);
    }
    Err(Malformed::Performative)
}

fn plain(input: &[u8]) -> Result<usize, Malformed> {
    let [constructor, rest @ ..] = input else { return Err(Malformed::Cut) };
    let counted = match constructor >> 4 {
        4 => 0,
        5 => 1,
        6 => 2,
        7 => 4,
        8 => 8,
        9 => 16,
        0xa | 0xc | 0xe => 1 + usize::from(*rest.first().ok_or(Malformed::Cut)?),
        0xb | 0xd | 0xf => 4 + u32::from_be_bytes(*rest.first_chunk().ok_or(Malformed::Cut)?) as usize,
        _ => return Err(Malformed::Constructor(*constructor)),
    };
    Ok(1 + counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_missing_ones_are_null() {
        let bytes = list(0x14, &[&[0x43], &[0x52, 7], &uint(70_000), &[NULL], &[TRUE], &[0x56, 1], &string("x")]);
        let (found, rest) = described(&bytes).unwrap();
        assert_eq!((found.code, rest), (0x14, &[][..]));
        let mut fields = found.fields;
        assert_eq!([(); 4].map(|()| fields.uint().unwrap()), [Some(0), Some(7), Some(70_000), None]);
        assert_eq!([(); 2].map(|()| fields.flag().unwrap()), [true, true]);
        assert_eq!(fields.uint(), Err(Malformed::Field));
        assert_eq!((fields.uint(), fields.flag()), (Ok(None), Ok(false)));
    }

    #[test]
    fn short_lists_and_long_descriptors() {
        let (found, rest) = described(&[0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x24, 0x45, 9]).unwrap();
        assert_eq!((found.code, rest), (0x24, &[9][..]));
        let (mut found, _) = described(&[0, 0x53, 0x13, 0xc0, 3, 1, 0x52, 5]).unwrap();
        assert_eq!(found.fields.uint(), Ok(Some(5)));
    }

    #[test]
    fn data_is_found_behind_other_sections() {
        let header = list(0x70, &[&[TRUE]]);
        let annotations = [0, 0x53, 0x72, 0xc1, 1, 0];
        let message = [&header[..], &annotations, &[0, 0x53, 0x75, 0xb0, 0, 0, 0, 9], b"part"].concat();
        assert_eq!(data(&message), Ok(&b"part"[..]));
        assert_eq!(data(&header), Err(Malformed::NoData));
        assert_eq!(data(&[0, 0x53, 0x77, 0xa1, 9]), Err(Malformed::Cut));
    }

    #[test]
    fn hostile_values_are_refused() {
        assert_eq!(split(&[0xb0, 0xff, 0xff, 0xff, 0xff, 1]), Err(Malformed::Cut));
        assert_eq!(split(&[0x30]), Err(Malformed::Constructor(0x30)));
        assert_eq!(split(&[0; 100]), Err(Malformed::Constructor(0)));
        assert_eq!(split(&[0, 0x53, 1].repeat(9)), Err(Malformed::Performative));
        assert_eq!(described(&[0, 0x53, 0x10, 0xa1, 0]), Err(Malformed::Performative));
    }
}
