//! Values of the hub ⇄ attributes with their types.
//!
//! | hub | data type | text |
//! |---|---|---|
//! | string | `String` | itself |
//! | byte, short, int, long, float, double | `Number.byte` … `Number.double` | shortest decimal; not-a-number and infinities are `String.float`, `String.double` |
//! | bool | `Number.Boolean` | `1`, `0` |
//! | ubyte, ushort, uint, ulong | `Number.ubyte` … `Number.ulong` | decimal |
//! | timestamp | `Number.timestamp` | milliseconds |
//! | char, symbol | `String.char`, `String.symbol` | itself |
//! | uuid | `String.uuid` | hyphenated |
//! | binary | `Binary` | bytes |
//! | list, map, array, null, described | `String.json` | JSON |
//!
//! The labels of Java's types are those of Amazon's JMS library for SQS. A plain `Number` is a long where it is whole,
//! else a double; one that neither holds as it is written stays text.

use std::borrow::Cow;

use bytes::Bytes;
use model::{Scalar, Value};

use crate::properties::{Attribute, Content};

/// The value of an attribute while it is made.
pub(crate) enum OwnedContent<'h> {
    Text(Cow<'h, str>),
    Binary(&'h [u8]),
}

impl OwnedContent<'_> {
    pub(crate) fn as_content(&self) -> Content<'_> {
        match self {
            Self::Text(text) => Content::Text(text),
            Self::Binary(bytes) => Content::Binary(bytes),
        }
    }
}

/// Data type and content for a value; `None` for decimals.
pub(crate) fn form_of(value: &Value) -> Option<(&'static str, OwnedContent<'_>)> {
    let data_type = match value {
        Value::Binary(bytes) => return Some(("Binary", OwnedContent::Binary(bytes))),
        Value::Bool(value) => {
            let digit = if *value { "1" } else { "0" };
            return Some(("Number.Boolean", OwnedContent::Text(digit.into())));
        }
        Value::List(_) | Value::Map(_) | Value::Array(_) | Value::Null | Value::Described(_) => {
            let mut json = String::new();
            value.json(&mut json);
            return Some(("String.json", OwnedContent::Text(json.into())));
        }
        Value::Decimal32(_) | Value::Decimal64(_) | Value::Decimal128(_) => return None,
        Value::String(_) => "String",
        Value::Byte(_) => "Number.byte",
        Value::Short(_) => "Number.short",
        Value::Int(_) => "Number.int",
        Value::Long(_) => "Number.long",
        Value::Float(number) => {
            if number.is_finite() {
                "Number.float"
            } else {
                "String.float"
            }
        }
        Value::Double(number) => {
            if number.is_finite() {
                "Number.double"
            } else {
                "String.double"
            }
        }
        Value::Ubyte(_) => "Number.ubyte",
        Value::Ushort(_) => "Number.ushort",
        Value::Uint(_) => "Number.uint",
        Value::Ulong(_) => "Number.ulong",
        Value::Timestamp(_) => "Number.timestamp",
        Value::Char(_) => "String.char",
        Value::Symbol(_) => "String.symbol",
        Value::Uuid(_) => "String.uuid",
    };
    Some((data_type, OwnedContent::Text(value.text()?)))
}

/// The value that an attribute says.
pub(crate) fn value_of(attribute: &Attribute<'_>) -> Value {
    let text = match attribute.content {
        Content::Binary(bytes) => return Value::Binary(Bytes::copy_from_slice(bytes)),
        Content::Text(text) => text,
    };
    if let Some(value) = attribute.data_type.split_once('.').and_then(|(kind, label)| labelled(kind, label, text)) {
        return value;
    }
    match scalar_of(attribute) {
        Scalar::Int(number) => Value::Long(number),
        Scalar::Float(number) => Value::Double(number),
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Text(_) | Scalar::Null => Value::String(text.to_owned()),
    }
}

fn labelled(kind: &str, label: &str, text: &str) -> Option<Value> {
    match (kind, label) {
        ("Number", "Boolean") => boolean(text).map(Value::Bool),
        ("Number", "byte") => text.parse().ok().map(Value::Byte),
        ("Number", "short") => text.parse().ok().map(Value::Short),
        ("Number", "int") => text.parse().ok().map(Value::Int),
        ("Number", "long") => text.parse().ok().map(Value::Long),
        ("Number", "float") => text.parse().ok().filter(|number: &f32| number.is_finite()).map(Value::Float),
        ("Number", "double") => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Double),
        ("Number", "ubyte") => text.parse().ok().map(Value::Ubyte),
        ("Number", "ushort") => text.parse().ok().map(Value::Ushort),
        ("Number", "uint") => text.parse().ok().map(Value::Uint),
        ("Number", "ulong") => text.parse().ok().map(Value::Ulong),
        ("Number", "timestamp") => text.parse().ok().map(Value::Timestamp),
        ("String", "float") => text.parse().ok().map(Value::Float),
        ("String", "double") => text.parse().ok().map(Value::Double),
        ("String", "char") => text.parse().ok().map(Value::Char),
        ("String", "symbol") => Some(Value::Symbol(text.to_owned())),
        ("String", "uuid") => uuid(text).map(Value::Uuid),
        _ => None,
    }
}

/// What a selector compares.
pub(crate) fn scalar_of<'a>(attribute: &Attribute<'a>) -> Scalar<'a> {
    let Content::Text(text) = attribute.content else { return Scalar::Null };
    let Some(label) = attribute.data_type.strip_prefix("Number") else { return Scalar::Text(text) };
    if label == ".Boolean"
        && let Some(value) = boolean(text)
    {
        return Scalar::Bool(value);
    }
    if !label.is_empty() && !label.starts_with('.') {
        return Scalar::Text(text);
    }
    if let Ok(number) = text.parse() {
        return Scalar::Int(number);
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let exact = text.parse().ok().filter(|number: &f64| number.is_finite() && digits <= EXACT_DIGITS);
    exact.map_or(Scalar::Text(text), Scalar::Float)
}

/// Decimal digits that no double needs more of.
const EXACT_DIGITS: usize = 17;

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// RFC 4122, 3.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let hyphens = [8, 13, 18, 23];
    if text.len() != 36 || !text.bytes().enumerate().all(|(at, byte)| (byte == b'-') == hyphens.contains(&at)) {
        return None;
    }
    let mut digits = text.bytes().filter(|byte| *byte != b'-').map(|byte| char::from(byte).to_digit(16));
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = u8::try_from(digits.next()?? << 4 | digits.next()??).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn back(value: &Value) -> Value {
        let (data_type, content) = form_of(value).unwrap();
        value_of(&Attribute { name: "x", data_type, content: content.as_content() })
    }

    proptest! {
        #[test]
        fn scalars_come_back_with_their_types(
            text in "\\PC*", c: char, flag: bool, uuid: [u8; 16], bytes: Vec<u8>, float: f32, double: f64,
            signed: i64, unsigned: u64,
        ) {
            let values = [
                Value::String(text.clone()), Value::Symbol(text), Value::Char(c), Value::Bool(flag), Value::Uuid(uuid),
                Value::Binary(bytes.into()), Value::Byte(signed as i8), Value::Short(signed as i16),
                Value::Int(signed as i32), Value::Long(signed), Value::Timestamp(signed), Value::Ubyte(unsigned as u8),
                Value::Ushort(unsigned as u16), Value::Uint(unsigned as u32), Value::Ulong(unsigned),
            ];
            for value in values {
                prop_assert_eq!(&back(&value), &value);
            }
            let bits = |value: &Value| match value {
                Value::Float(number) if !number.is_nan() => u64::from(number.to_bits()),
                Value::Double(number) if !number.is_nan() => number.to_bits(),
                Value::Float(_) => 32,
                Value::Double(_) => 64,
                other => panic!("{other:?}"),
            };
            for value in [Value::Float(float), Value::Double(double)] {
                prop_assert_eq!(bits(&back(&value)), bits(&value));
            }
        }
    }

    #[test]
    fn structures_are_json_and_decimals_nothing() {
        let map = Value::Map(vec![(Value::String("a".into()), Value::List(vec![Value::Null, Value::Int(1)]))]);
        let (data_type, content) = form_of(&map).unwrap();
        assert_eq!((data_type, content.as_content()), ("String.json", Content::Text(r#"{"a":[null,1]}"#)));
        assert_eq!(back(&map), Value::String(r#"{"a":[null,1]}"#.into()));
        assert!(form_of(&Value::Decimal64([0; 8])).is_none());
    }

    #[test]
    fn numbers_without_a_label_are_what_holds_them() {
        let of = |data_type, text| value_of(&Attribute { name: "x", data_type, content: Content::Text(text) });
        assert_eq!(of("Number", "-7"), Value::Long(-7));
        assert_eq!(of("Number", "3.25"), Value::Double(3.25));
        assert_eq!(of("Number", "123456789012345678901"), Value::String("123456789012345678901".into()));
        assert_eq!(of("Number.int", "3000000000"), Value::Long(3_000_000_000), "more than an int is a long");
        assert_eq!(of("Number.euro", "5"), Value::Long(5));
        assert_eq!(of("String.uuid", "no uuid"), Value::String("no uuid".into()));
    }
}
