//! Tables, arrays and property lists: every type's bytes, and every way to break them.

use amqp091::codec::{
    ArrayBuilder, ArrayView, FieldTable, FieldValue, MAX_NESTING, NO_PROPERTIES, Properties, Syntax, TableBuilder,
    TableView, Unencodable,
};
use bytes::{Bytes, BytesMut};

use crate::table;

/// What pika 1.4 writes for one value of each type it knows.
const PIKA: &[u8] = b"\x01bt\x01\x01iI\xff\xff\xff\xfb\x01ll\x00\x00\x01\x00\x00\x00\x00\x00\x01sS\x00\x00\x00\x04text\
    \x01xx\x00\x00\x00\x01\xff\x01vV\x01tT\x00\x00\x00\x00^\x0b\xe1\x00\x01dD\x02\x00\x00\x00}\
    \x01FF\x00\x00\x00\x17\x01kA\x00\x00\x00\x10I\x00\x00\x00\x01S\x00\x00\x00\x01xA\x00\x00\x00\x00";

/// The properties of a Celery task, as py-amqp 5 writes them.
const CELERY: &[u8] = b"\xfe\x00\x10application/json\x05utf-8\x00\x00\x00>\x04langS\x00\x00\x00\x02py\
    \x04taskS\x00\x00\x00\x05t.add\x07retriesI\x00\x00\x00\x00\x09timelimitA\x00\x00\x00\x02VV\x03etaV\
    \x02\x00\x01c\x01r";

#[test]
fn every_type_has_its_bytes() {
    let nested = table(&[("k", FieldValue::Void)]);
    let rows: &[(FieldValue<'_>, &[u8])] = &[
        (FieldValue::Void, b"V"),
        (FieldValue::Bool(true), b"t\x01"),
        (FieldValue::Bool(false), b"t\x00"),
        (FieldValue::Byte(-2), b"b\xfe"),
        (FieldValue::UnsignedByte(254), b"B\xfe"),
        (FieldValue::Short(-2), b"s\xff\xfe"),
        (FieldValue::UnsignedShort(65534), b"u\xff\xfe"),
        (FieldValue::Int(-2), b"I\xff\xff\xff\xfe"),
        (FieldValue::UnsignedInt(0xffff_fffe), b"i\xff\xff\xff\xfe"),
        (FieldValue::Long(-2), b"l\xff\xff\xff\xff\xff\xff\xff\xfe"),
        (FieldValue::Float(1.5), b"f\x3f\xc0\x00\x00"),
        (FieldValue::Double(1.5), b"d\x3f\xf8\x00\x00\x00\x00\x00\x00"),
        (FieldValue::Decimal { scale: 2, value: 125 }, b"D\x02\x00\x00\x00\x7d"),
        (FieldValue::LongString(b"ab"), b"S\x00\x00\x00\x02ab"),
        (FieldValue::ByteArray(b"\x00"), b"x\x00\x00\x00\x01\x00"),
        (FieldValue::Timestamp(1), b"T\x00\x00\x00\x00\x00\x00\x00\x01"),
        (FieldValue::Array(ArrayView::new(b"Vt\x01").unwrap()), b"A\x00\x00\x00\x03Vt\x01"),
        (FieldValue::Table(nested.view()), b"F\x00\x00\x00\x03\x01kV"),
    ];
    for (value, bytes) in rows {
        let expected = [b"\x01n", *bytes].concat();
        assert_eq!(table(&[("n", *value)]).as_bytes(), expected);
        let read = FieldTable::new(expected.into()).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), [(&b"n"[..], *value)]);
        assert_eq!(ArrayView::new(bytes).unwrap().iter().collect::<Vec<_>>(), [*value]);
        for cut in 1..bytes.len() {
            assert_eq!(ArrayView::new(&bytes[..cut]), Err(Syntax::Truncated), "{value:?}");
        }
    }
}

#[test]
fn other_spellings_are_read() {
    assert_eq!(ArrayView::new(b"t\x02").unwrap().iter().next(), Some(FieldValue::Bool(true)));
    let long = ArrayView::new(b"L\xff\xff\xff\xff\xff\xff\xff\xfe").unwrap();
    assert_eq!(long.iter().next(), Some(FieldValue::Long(-2)));
}

#[test]
fn what_other_implementations_write_is_understood() {
    let read = FieldTable::new(Bytes::from_static(PIKA)).unwrap();
    let values = ArrayView::new(b"I\x00\x00\x00\x01S\x00\x00\x00\x01xA\x00\x00\x00\x00").unwrap();
    let inner = table(&[("k", FieldValue::Array(values))]);
    let expected = table(&[
        ("b", FieldValue::Bool(true)),
        ("i", FieldValue::Int(-5)),
        ("l", FieldValue::Long(1 << 40)),
        ("s", FieldValue::LongString(b"text")),
        ("x", FieldValue::ByteArray(b"\xff")),
        ("v", FieldValue::Void),
        ("t", FieldValue::Timestamp(1_577_836_800)),
        ("d", FieldValue::Decimal { scale: 2, value: 125 }),
        ("F", FieldValue::Table(inner.view())),
    ]);
    assert_eq!(read, expected);
    assert_eq!(read.get("s"), Some(FieldValue::LongString(b"text")));
    assert_eq!(read.get("S"), None);

    let celery = Properties::read(CELERY).unwrap();
    assert_eq!(celery.content_type, Some(&b"application/json"[..]));
    assert_eq!((celery.delivery_mode, celery.priority), (Some(2), Some(0)));
    assert_eq!(celery.headers.unwrap().get("task"), Some(FieldValue::LongString(b"t.add")));
    assert_eq!((celery.reply_to, celery.message_id), (Some(&b"r"[..]), None));
}

#[test]
fn types_that_rabbitmq_does_not_know_are_refused() {
    for kind in (0..=255u8).filter(|kind| !b"tbBsuIilLfdDSxATFV".contains(kind)) {
        let bytes = [kind, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(ArrayView::new(&bytes), Err(Syntax::FieldType(kind)));
    }
}

#[test]
fn lengths_that_lie_are_found_however_deep() {
    for bytes in [
        &b"\x01"[..],
        b"\xffab",
        b"\x01a",
        b"\x01aS\xff\xff\xff\xff",
        b"\x01aF\x00\x00\x00\x04\x01bVV",
        b"\x01aF\x00\x00\x00\x01\x01bV",
        b"\x01aA\x00\x00\x00\x05F\x00\x00\x00\x01V",
        b"\x01aF\x00\x00\x00\x09\x01bS\x00\x00\x00\x09xy",
    ] {
        assert_eq!(TableView::new(bytes), Err(Syntax::Truncated), "{}", bytes.escape_ascii());
    }
}

/// Arrays inside each other.
fn arrays(levels: usize) -> Bytes {
    let mut values = Bytes::new();
    for _ in 1..levels {
        let mut outer = b"A".to_vec();
        outer.extend((values.len() as u32).to_be_bytes());
        outer.extend(&values);
        values = outer.into();
    }
    values
}

#[test]
fn nesting_has_an_end() {
    assert!(ArrayView::new(&arrays(MAX_NESTING)).is_ok());
    for levels in [MAX_NESTING + 1, 20_000] {
        assert_eq!(ArrayView::new(&arrays(levels)), Err(Syntax::TooDeep));
    }
    let deepest = arrays(MAX_NESTING);
    let mut builder = ArrayBuilder::new();
    builder.push(FieldValue::Array(ArrayView::new(&deepest).unwrap()));
    assert_eq!(builder.finish(), Err(Unencodable::TooDeep));
    let builder = TableBuilder::new().field("a", FieldValue::Array(ArrayView::new(&deepest).unwrap()));
    assert_eq!(builder.finish(), Err(Unencodable::TooDeep));
}

#[test]
fn a_name_has_at_most_255_bytes() {
    let name = "n".repeat(256);
    assert!(TableBuilder::new().field(&name[1..], FieldValue::Void).finish().is_ok());
    let builder = TableBuilder::new().field(&name, FieldValue::Void).text("k", "v");
    assert_eq!(builder.finish(), Err(Unencodable::ShortStringTooLong(256)));
}

#[test]
fn properties_have_the_bytes_of_other_implementations() {
    let v = Some(&b"v"[..]);
    let none = Properties::default();
    let rows = [
        (none, &NO_PROPERTIES[..]),
        (Properties { content_type: v, ..none }, b"\x80\x00\x01v"),
        (Properties { content_encoding: v, ..none }, b"@\x00\x01v"),
        (Properties { headers: Some(TableView::default()), ..none }, b" \x00\x00\x00\x00\x00"),
        (Properties { delivery_mode: Some(1), ..none }, b"\x10\x00\x01"),
        (Properties { priority: Some(9), ..none }, b"\x08\x00\x09"),
        (Properties { correlation_id: v, ..none }, b"\x04\x00\x01v"),
        (Properties { reply_to: v, ..none }, b"\x02\x00\x01v"),
        (Properties { expiration: v, ..none }, b"\x01\x00\x01v"),
        (Properties { message_id: v, ..none }, b"\x00\x80\x01v"),
        (Properties { timestamp: Some(1), ..none }, b"\x00@\x00\x00\x00\x00\x00\x00\x00\x01"),
        (Properties { kind: v, ..none }, b"\x00 \x01v"),
        (Properties { user_id: v, ..none }, b"\x00\x10\x01v"),
        (Properties { app_id: v, ..none }, b"\x00\x08\x01v"),
        (Properties { cluster_id: v, ..none }, b"\x00\x04\x01v"),
    ];
    for (properties, raw) in rows {
        let mut written = BytesMut::new();
        properties.write(&mut written).unwrap();
        assert_eq!(written, raw, "{properties:?}");
        assert_eq!(Properties::read(raw), Ok(properties));
        assert_eq!(Properties::of_checked(raw), properties);
        for cut in 0..raw.len() {
            assert_eq!(Properties::read(&raw[..cut]), Err(Syntax::Truncated), "{properties:?}");
        }
    }
}

#[test]
fn a_property_that_is_too_long_leaves_nothing_behind() {
    let long = [b'x'; 256];
    let mut out = BytesMut::from(&b"before"[..]);
    let properties = Properties { content_type: Some(b"text/plain"), message_id: Some(&long), ..Properties::default() };
    assert_eq!(properties.write(&mut out), Err(Unencodable::ShortStringTooLong(256)));
    assert_eq!(out, b"before"[..]);
}
