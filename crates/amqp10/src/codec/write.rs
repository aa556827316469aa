//! [`Value`]s to bytes, in the most compact form that each has.

use bytes::{BufMut, BytesMut};

use super::format;
use super::text::Symbol;
use super::value::{Array, Fields, Kind, Map, Value};

/// Appends `value` with its format code.
pub fn encode_value(value: &Value, out: &mut BytesMut) {
    match value {
        Value::Null => out.put_u8(format::NULL),
        Value::Bool(value) => put_bool(out, *value),
        Value::Uint(value) => put_uint(out, *value),
        Value::Ulong(value) => put_ulong(out, *value),
        Value::Int(value) => match i8::try_from(*value) {
            Ok(small) => put_fixed(out, format::SMALL_INT, small.to_be_bytes()),
            Err(_) => put_fixed(out, format::INT, value.to_be_bytes()),
        },
        Value::Long(value) => match i8::try_from(*value) {
            Ok(small) => put_fixed(out, format::SMALL_LONG, small.to_be_bytes()),
            Err(_) => put_fixed(out, format::LONG, value.to_be_bytes()),
        },
        Value::Binary(value) => put_binary(out, value),
        Value::String(value) => put_string(out, value.as_bytes()),
        Value::Symbol(value) => put_symbol(out, value.as_bytes()),
        Value::List(items) => put_list(out, items),
        Value::Map(map) => put_map(out, map),
        Value::Array(array) => put_array(out, array),
        Value::Described(described) => {
            out.put_u8(format::DESCRIBED);
            encode_value(&described.descriptor, out);
            encode_value(&described.value, out);
        }
        other => {
            out.put_u8(wide_code(other.kind().expect("only described values have no kind")));
            put_wide(out, other);
        }
    }
}

pub(super) fn put_null(out: &mut BytesMut) {
    out.put_u8(format::NULL);
}

#[inline]
pub(super) fn put_bool(out: &mut BytesMut, value: bool) {
    out.put_u8(if value { format::TRUE } else { format::FALSE });
}

#[inline]
pub(super) fn put_ubyte(out: &mut BytesMut, value: u8) {
    out.put_slice(&[format::UBYTE, value]);
}

#[inline]
pub(super) fn put_ushort(out: &mut BytesMut, value: u16) {
    put_fixed(out, format::USHORT, value.to_be_bytes());
}

#[inline]
pub(super) fn put_uint(out: &mut BytesMut, value: u32) {
    match u8::try_from(value) {
        Ok(0) => out.put_u8(format::UINT_0),
        Ok(small) => out.put_slice(&[format::SMALL_UINT, small]),
        Err(_) => put_fixed(out, format::UINT, value.to_be_bytes()),
    }
}

#[inline]
pub(super) fn put_ulong(out: &mut BytesMut, value: u64) {
    match u8::try_from(value) {
        Ok(0) => out.put_u8(format::ULONG_0),
        Ok(small) => out.put_slice(&[format::SMALL_ULONG, small]),
        Err(_) => put_fixed(out, format::ULONG, value.to_be_bytes()),
    }
}

pub(super) fn put_timestamp(out: &mut BytesMut, value: i64) {
    put_fixed(out, format::TIMESTAMP, value.to_be_bytes());
}

#[inline]
pub(super) fn put_binary(out: &mut BytesMut, value: &[u8]) {
    put_sized(out, format::BINARY_8, format::BINARY_32, value);
}

pub(super) fn put_string(out: &mut BytesMut, value: &[u8]) {
    put_sized(out, format::STRING_8, format::STRING_32, value);
}

pub(super) fn put_symbol(out: &mut BytesMut, value: &[u8]) {
    put_sized(out, format::SYMBOL_8, format::SYMBOL_32, value);
}

pub(super) fn put_list(out: &mut BytesMut, items: &[Value]) {
    let list = Open::list(out);
    items.iter().for_each(|item| encode_value(item, out));
    list.close(out, items.len());
}

pub(super) fn put_map(out: &mut BytesMut, map: &Map) {
    let open = Open::map(out);
    for (key, value) in map {
        encode_value(key, out);
        encode_value(value, out);
    }
    open.close(out, map.len() * 2);
}

pub(super) fn put_fields(out: &mut BytesMut, fields: &Fields) {
    let open = Open::map(out);
    for (key, value) in fields.iter() {
        put_symbol(out, key.as_bytes());
        encode_value(value, out);
    }
    open.close(out, fields.0.len() * 2);
}

/// An array of symbols, with the short form if all have it.
pub(super) fn put_symbols(out: &mut BytesMut, symbols: &[Symbol]) {
    let small = symbols.iter().all(|symbol| symbol.as_bytes().len() <= usize::from(u8::MAX));
    let open = Open::array(out);
    out.put_u8(if small { format::SYMBOL_8 } else { format::SYMBOL_32 });
    for symbol in symbols {
        if small {
            out.put_u8(symbol.as_bytes().len() as u8);
            out.put_slice(symbol.as_bytes());
        } else {
            put_counted(out, symbol.as_bytes());
        }
    }
    open.close(out, symbols.len());
}

/// A `0x00` and a descriptor of the specification's own.
#[inline]
pub(super) fn put_descriptor(out: &mut BytesMut, code: u8) {
    out.put_slice(&[format::DESCRIBED, format::SMALL_ULONG, code]);
}

/// A list, map or array that is being written. Its elements are appended to the buffer, and then its size and count
/// are filled in; where these need more than a byte, the elements move up.
#[derive(Clone, Copy)]
#[must_use]
pub(super) struct Open {
    start: usize,
    small: u8,
    wide: u8,
}

impl Open {
    pub(super) fn list(out: &mut BytesMut) -> Self {
        Self::new(out, format::LIST_8, format::LIST_32)
    }

    pub(super) fn map(out: &mut BytesMut) -> Self {
        Self::new(out, format::MAP_8, format::MAP_32)
    }

    fn array(out: &mut BytesMut) -> Self {
        Self::new(out, format::ARRAY_8, format::ARRAY_32)
    }

    #[inline]
    fn new(out: &mut BytesMut, small: u8, wide: u8) -> Self {
        let start = out.len();
        out.put_slice(&[small, 0, 0]);
        Self { start, small, wide }
    }

    #[inline]
    pub(super) fn close(self, out: &mut BytesMut, count: usize) {
        let elements = out.len() - self.start - 3;
        if count == 0 && self.small == format::LIST_8 {
            out.truncate(self.start);
            out.put_u8(format::LIST_0);
        } else if let (Ok(size), Ok(count)) = (u8::try_from(elements + 1), u8::try_from(count)) {
            out[self.start + 1] = size;
            out[self.start + 2] = count;
        } else {
            self.widen(out, elements, count);
        }
    }

    fn widen(self, out: &mut BytesMut, elements: usize, count: usize) {
        let at = self.start;
        out.put_bytes(0, 6);
        out.copy_within(at + 3..at + 3 + elements, at + 9);
        out[at] = self.wide;
        out[at + 1..at + 5].copy_from_slice(&wire_size(elements + 4).to_be_bytes());
        out[at + 5..at + 9].copy_from_slice(&wire_size(count).to_be_bytes());
    }
}

/// # Panics
/// If a value has 4 GiB: no frame and no message is that long.
fn wire_size(size: usize) -> u32 {
    u32::try_from(size).expect("a value of less than 4 GiB")
}

#[inline]
fn put_sized(out: &mut BytesMut, small: u8, wide: u8, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(len) => out.put_slice(&[small, len]),
        Err(_) => put_fixed(out, wide, wire_size(bytes.len()).to_be_bytes()),
    }
    out.put_slice(bytes);
}

#[inline]
fn put_fixed<const N: usize>(out: &mut BytesMut, code: u8, bytes: [u8; N]) {
    out.put_u8(code);
    out.put_slice(&bytes);
}

fn put_array(out: &mut BytesMut, array: &Array) {
    let open = Open::array(out);
    put_elements_alike(out, array);
    open.close(out, array.items.len());
}

/// One format code stands for all elements, so it is the wide one: all fit into it.
///
/// # Panics
/// If an element is not of the array's kind.
fn put_elements_alike(out: &mut BytesMut, array: &Array) {
    for descriptor in &array.descriptors {
        out.put_u8(format::DESCRIBED);
        encode_value(descriptor, out);
    }
    out.put_u8(wide_code(array.kind));
    for item in &array.items {
        assert_eq!(item.kind(), Some(array.kind), "the elements of an array are of its kind");
        put_wide(out, item);
    }
}

const fn wide_code(kind: Kind) -> u8 {
    match kind {
        Kind::Null => format::NULL,
        Kind::Bool => format::BOOLEAN,
        Kind::Ubyte => format::UBYTE,
        Kind::Ushort => format::USHORT,
        Kind::Uint => format::UINT,
        Kind::Ulong => format::ULONG,
        Kind::Byte => format::BYTE,
        Kind::Short => format::SHORT,
        Kind::Int => format::INT,
        Kind::Long => format::LONG,
        Kind::Float => format::FLOAT,
        Kind::Double => format::DOUBLE,
        Kind::Decimal32 => format::DECIMAL32,
        Kind::Decimal64 => format::DECIMAL64,
        Kind::Decimal128 => format::DECIMAL128,
        Kind::Char => format::CHAR,
        Kind::Timestamp => format::TIMESTAMP,
        Kind::Uuid => format::UUID,
        Kind::Binary => format::BINARY_32,
        Kind::String => format::STRING_32,
        Kind::Symbol => format::SYMBOL_32,
        Kind::List => format::LIST_32,
        Kind::Map => format::MAP_32,
        Kind::Array => format::ARRAY_32,
    }
}

/// Appends `value` as its wide format code, which stands elsewhere, has it.
fn put_wide(out: &mut BytesMut, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.put_u8((*value).into()),
        Value::Ubyte(value) => out.put_u8(*value),
        Value::Ushort(value) => out.put_u16(*value),
        Value::Uint(value) => out.put_u32(*value),
        Value::Ulong(value) => out.put_u64(*value),
        Value::Byte(value) => out.put_i8(*value),
        Value::Short(value) => out.put_i16(*value),
        Value::Int(value) => out.put_i32(*value),
        Value::Long(value) => out.put_i64(*value),
        Value::Float(value) => out.put_f32(*value),
        Value::Double(value) => out.put_f64(*value),
        Value::Decimal32(value) => out.put_slice(value),
        Value::Decimal64(value) => out.put_slice(value),
        Value::Decimal128(value) | Value::Uuid(value) => out.put_slice(value),
        Value::Char(value) => out.put_u32((*value).into()),
        Value::Timestamp(value) => out.put_i64(*value),
        Value::Binary(value) => put_counted(out, value),
        Value::String(value) => put_counted(out, value.as_bytes()),
        Value::Symbol(value) => put_counted(out, value.as_bytes()),
        Value::List(_) | Value::Map(_) | Value::Array(_) => put_wide_compound(out, value),
        Value::Described(_) => unreachable!("an array keeps the descriptors of its elements apart"),
    }
}

fn put_counted(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32(wire_size(bytes.len()));
    out.put_slice(bytes);
}

fn put_wide_compound(out: &mut BytesMut, value: &Value) {
    let start = out.len();
    out.put_u64(0);
    let count = match value {
        Value::List(items) => {
            items.iter().for_each(|item| encode_value(item, out));
            items.len()
        }
        Value::Map(map) => {
            for (key, value) in map {
                encode_value(key, out);
                encode_value(value, out);
            }
            map.len() * 2
        }
        Value::Array(array) => {
            put_elements_alike(out, array);
            array.items.len()
        }
        _ => unreachable!("called for compounds"),
    };
    let size = wire_size(out.len() - start - 4);
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
    out[start + 4..start + 8].copy_from_slice(&wire_size(count).to_be_bytes());
}
