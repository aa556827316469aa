//! Every type with each of its format codes (part 1, 1.6), and the examples of part 1.

use amqp10::codec::{Array, Kind, Malformed, Symbol, Text, Value};
use bytes::Bytes;

use crate::hex::bytes;
use crate::{bytes_of, value_of};

/// Bytes that become the value, and whether the value is written as these bytes.
const fn row(table: &'static str, value: Value, written: bool) -> (&'static str, Value, bool) {
    (table, value, written)
}

fn string(text: &'static str) -> Value {
    Value::string(text)
}

fn array(kind: Kind, items: Vec<Value>) -> Value {
    Value::Array(Box::new(Array { descriptors: Vec::new(), kind, items }))
}

fn fixed() -> Vec<(&'static str, Value, bool)> {
    vec![
        row("40", Value::Null, true),
        row("41", Value::Bool(true), true),
        row("42", Value::Bool(false), true),
        row("56 01", Value::Bool(true), false),
        row("56 00", Value::Bool(false), false),
        row("50 00", Value::Ubyte(0), true),
        row("50 ff", Value::Ubyte(255), true),
        row("60 12 34", Value::Ushort(0x1234), true),
        row("43", Value::Uint(0), true),
        row("52 01", Value::Uint(1), true),
        row("52 ff", Value::Uint(255), true),
        row("70 00 00 00 00", Value::Uint(0), false),
        row("70 00 00 01 00", Value::Uint(256), true),
        row("70 ff ff ff ff", Value::Uint(u32::MAX), true),
        row("44", Value::Ulong(0), true),
        row("53 80", Value::Ulong(128), true),
        row("80 00 00 00 00 00 00 00 05", Value::Ulong(5), false),
        row("80 00 00 00 00 00 00 01 00", Value::Ulong(256), true),
        row("80 ff ff ff ff ff ff ff ff", Value::Ulong(u64::MAX), true),
        row("51 80", Value::Byte(-128), true),
        row("61 ff fe", Value::Short(-2), true),
        row("54 ff", Value::Int(-1), true),
        row("54 7f", Value::Int(127), true),
        row("71 ff ff ff ff", Value::Int(-1), false),
        row("71 00 00 00 80", Value::Int(128), true),
        row("71 80 00 00 00", Value::Int(i32::MIN), true),
        row("55 80", Value::Long(-128), true),
        row("81 00 00 00 00 00 00 00 01", Value::Long(1), false),
        row("81 ff ff ff ff ff ff ff 7f", Value::Long(-129), true),
        row("72 3f 80 00 00", Value::Float(1.0), true),
        row("72 ff 80 00 00", Value::Float(f32::NEG_INFINITY), true),
        row("82 40 09 21 fb 54 44 2d 18", Value::Double(std::f64::consts::PI), true),
        row("74 22 50 00 01", Value::Decimal32([0x22, 0x50, 0, 1]), true),
        row("84 22 34 00 00 00 00 00 01", Value::Decimal64([0x22, 0x34, 0, 0, 0, 0, 0, 1]), true),
        row(
            "94 22 08 00 00 00 00 00 00 00 00 00 00 00 00 00 01",
            Value::Decimal128([0x22, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            true,
        ),
        row("73 00 00 00 41", Value::Char('A'), true),
        row("73 00 01 f4 09", Value::Char('🐉'), true),
        row("83 00 00 01 13 81 3f 6c 00", Value::Timestamp(0x0113_813f_6c00), true),
        row("83 ff ff ff ff ff ff ff ff", Value::Timestamp(-1), true),
        row("98 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f", Value::Uuid(std::array::from_fn(|i| i as u8)), true),
    ]
}

fn variable() -> Vec<(&'static str, Value, bool)> {
    vec![
        row("a0 00", Value::Binary(Bytes::new()), true),
        row("a0 02 00 ff", Value::Binary(Bytes::from_static(&[0, 255])), true),
        row("b0 00 00 00 01 07", Value::Binary(Bytes::from_static(&[7])), false),
        row("a1 00", string(""), true),
        row("a1 1e 'Hello Glorious Messaging World'", string("Hello Glorious Messaging World"), true),
        row("b1 00 00 00 1e 'Hello Glorious Messaging World'", string("Hello Glorious Messaging World"), false),
        row("a1 04 f0 9f 90 89", string("🐉"), true),
        row("a3 03 'amq'", Value::symbol("amq"), true),
        row("b3 00 00 00 03 'amq'", Value::symbol("amq"), false),
    ]
}

fn compound() -> Vec<(&'static str, Value, bool)> {
    let pair = vec![Value::Uint(1), string("a")];
    let map = vec![(Value::symbol("k"), Value::Null), (Value::Ulong(3), Value::List(vec![]))];
    let wide_text = vec![string("ab"), string("")];
    vec![
        row("45", Value::List(vec![]), true),
        row("c0 01 00", Value::List(vec![]), false),
        row("d0 00 00 00 04 00 00 00 00", Value::List(vec![]), false),
        row("c0 06 02 52 01 a1 01 'a'", Value::List(pair.clone()), true),
        row("d0 00 00 00 09 00 00 00 02 52 01 a1 01 'a'", Value::List(pair), false),
        row("c1 01 00", Value::Map(vec![]), true),
        row("c1 08 04 a3 01 'k' 40 53 03 45", Value::Map(map.clone()), true),
        row("d1 00 00 00 0b 00 00 00 04 a3 01 'k' 40 53 03 45", Value::Map(map), false),
        row("e0 02 00 70", array(Kind::Uint, vec![]), true),
        row("e0 0a 02 70 00 00 00 01 00 00 01 00", array(Kind::Uint, vec![Value::Uint(1), Value::Uint(256)]), true),
        row("e0 04 02 52 01 ff", array(Kind::Uint, vec![Value::Uint(1), Value::Uint(255)]), false),
        row("f0 00 00 00 07 00 00 00 02 50 01 02", array(Kind::Ubyte, vec![Value::Ubyte(1), Value::Ubyte(2)]), false),
        row("e0 02 03 40", array(Kind::Null, vec![Value::Null; 3]), true),
        row("e0 02 02 41", array(Kind::Bool, vec![Value::Bool(true); 2]), false),
        row("e0 04 02 56 01 00", array(Kind::Bool, vec![Value::Bool(true), Value::Bool(false)]), true),
        row("e0 06 02 a1 02 'ab' 00", array(Kind::String, wide_text.clone()), false),
        row("e0 0c 02 b1 00 00 00 02 'ab' 00 00 00 00", array(Kind::String, wide_text), true),
        row("e0 02 02 45", array(Kind::List, vec![Value::List(vec![]); 2]), false),
        row("e0 06 02 c0 01 00 01 00", array(Kind::List, vec![Value::List(vec![]); 2]), false),
        row("e0 05 01 e0 02 00 50", array(Kind::Array, vec![array(Kind::Ubyte, vec![])]), false),
    ]
}

#[test]
fn every_format_code_is_read_and_the_most_compact_one_is_written() {
    for (table, value, written) in [fixed(), variable(), compound()].concat() {
        let bytes = bytes(table);
        assert_eq!(value_of(&bytes), Ok(value.clone()), "{table}");
        let again = bytes_of(&value);
        assert_eq!(value_of(&again), Ok(value), "{table}");
        assert_eq!(again == bytes, written, "{table} is written as {again:02x?}");
    }
}

#[test]
fn long_values_take_the_wide_forms() {
    let text = "x".repeat(256);
    let cases = [
        (Value::Binary(Bytes::from(text.clone())), "b0 00 00 01 00"),
        (Value::String(Text::from(text.as_str())), "b1 00 00 01 00"),
        (Value::Symbol(Symbol::try_from(text.clone()).unwrap()), "b3 00 00 01 00"),
        (Value::List(vec![Value::Null; 255]), "d0 00 00 01 03 00 00 00 ff 40"),
        (Value::List(vec![Value::Null; 254]), "c0 ff fe 40"),
        (Value::Map(vec![(Value::Null, Value::Null); 127]), "c1 ff fe 40"),
        (Value::Map(vec![(Value::Null, Value::Null); 128]), "d1 00 00 01 04 00 00 01 00 40"),
        (array(Kind::Null, vec![Value::Null; 256]), "f0 00 00 00 05 00 00 01 00 40"),
        (array(Kind::Ubyte, vec![Value::Ubyte(9); 253]), "e0 ff fd 50 09"),
        (array(Kind::Ubyte, vec![Value::Ubyte(9); 254]), "f0 00 00 01 03 00 00 00 fe 50 09"),
    ];
    for (value, start) in cases {
        let written = bytes_of(&value);
        assert!(written.starts_with(&bytes(start)), "{start}: {:02x?}", &written[..12]);
        assert_eq!(value_of(&written), Ok(value));
    }
}

/// Figure 1.2 (a described string) and the book of 1.4.
#[test]
fn the_examples_of_the_specification() {
    let url = bytes("00 a1 03 'URL' a1 1e 'http://example.org/hello-world'");
    let value = Value::described(string("URL"), string("http://example.org/hello-world"));
    assert_eq!(value_of(&url), Ok(value.clone()));
    assert_eq!(bytes_of(&value), url);

    let book = bytes(
        "00 a3 11 'example:book:list' c0 40 03 a1 15 'AMQP for & by Dummies' \
         e0 25 02 a1 0e 'Rob J. Godfrey' 13 'Rafael H. Schloming' 40",
    );
    let authors = array(Kind::String, vec![string("Rob J. Godfrey"), string("Rafael H. Schloming")]);
    let fields = Value::List(vec![string("AMQP for & by Dummies"), authors, Value::Null]);
    assert_eq!(value_of(&book), Ok(Value::described(Value::symbol("example:book:list"), fields)));
}

#[test]
fn elements_of_arrays_may_be_described_more_than_once() {
    // Two elements: a ulong descriptor 1, around it a symbol descriptor, around a ubyte.
    let bytes = bytes("e0 0b 02 00 53 01 00 a3 01 'd' 50 07 08");
    let Ok(Value::Array(array)) = value_of(&bytes) else { panic!("an array") };
    assert_eq!(array.descriptors, [Value::Ulong(1), Value::symbol("d")]);
    assert_eq!((array.kind, array.items.as_slice()), (Kind::Ubyte, &[Value::Ubyte(7), Value::Ubyte(8)][..]));
    assert_eq!(bytes_of(&Value::Array(array)), bytes);
}

#[test]
fn descriptors_may_be_described() {
    let bytes = bytes("00 00 53 01 a3 01 'd' 54 05");
    let descriptor = Value::described(Value::Ulong(1), Value::symbol("d"));
    let value = Value::described(descriptor, Value::Int(5));
    assert_eq!(value_of(&bytes), Ok(value.clone()));
    assert_eq!(bytes_of(&value), bytes);
}

#[test]
fn malformed_values_are_named() {
    let cases = [
        ("", Malformed::Truncated),
        ("00", Malformed::Truncated),
        ("00 53 01", Malformed::Truncated),
        ("70 00 00 00", Malformed::Truncated),
        ("a1 05 'four'", Malformed::Truncated),
        ("b0 ff ff ff ff 00", Malformed::Truncated),
        ("3f", Malformed::FormatCode(0x3f)),
        ("46", Malformed::FormatCode(0x46)),
        ("a2 01 00", Malformed::FormatCode(0xa2)),
        ("c2 01 00", Malformed::FormatCode(0xc2)),
        ("ff 01 00", Malformed::FormatCode(0xff)),
        ("56 02", Malformed::Boolean(2)),
        ("73 00 00 d8 00", Malformed::Char(0xd800)),
        ("73 00 11 00 00", Malformed::Char(0x11_0000)),
        ("a1 02 c3 28", Malformed::Utf8),
        ("a1 03 ed a0 80", Malformed::Utf8),
        ("a3 02 c3 a4", Malformed::Ascii),
        ("a3 01 ff", Malformed::Ascii),
        ("c0 00", Malformed::CompoundSize),
        ("d0 00 00 00 03 00 00 00", Malformed::CompoundSize),
        ("c0 02 00 40", Malformed::CompoundSize),
        ("c0 02 02 40", Malformed::Count(2)),
        ("c0 03 02 52 01", Malformed::Truncated),
        ("c0 03 01 40 40", Malformed::CompoundSize),
        ("c1 02 01 40", Malformed::OddMap),
        ("e0 01 00", Malformed::Truncated),
        ("e0 02 00 46", Malformed::FormatCode(0x46)),
        ("e0 03 02 70 00", Malformed::Count(2)),
        ("e0 03 01 40 40", Malformed::CompoundSize),
        ("e0 04 02 a1 01 'a'", Malformed::Truncated),
        ("40 40", Malformed::TrailingBytes("a value")),
    ];
    for (table, error) in cases {
        assert_eq!(value_of(&bytes(table)), Err(error), "{table}");
    }
}
