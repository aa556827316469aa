//! Hub values as text and bytes, the same for every protocol that has nothing else.

use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::{Body, HubBody, Value};

/// What a body became when it was made bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flat {
    Bytes,
    /// UTF-8.
    Text,
    /// A typed value, as JSON.
    Json,
}

impl HubBody {
    /// The body for a protocol that knows bytes only.
    pub fn flattened(&self) -> (Body, Flat) {
        match self {
            Self::Data(body) => (body.clone(), Flat::Bytes),
            Self::Value(Value::Null) => (Body::default(), Flat::Bytes),
            Self::Value(Value::Binary(bytes)) => (bytes.clone().into(), Flat::Bytes),
            Self::Value(Value::String(text)) => (Bytes::copy_from_slice(text.as_bytes()).into(), Flat::Text),
            Self::Value(value) => {
                let mut json = String::new();
                value.json(&mut json);
                (Bytes::from(json).into(), Flat::Json)
            }
            Self::Sequence(values) => {
                let mut json = String::new();
                put_list(values, &mut json);
                (Bytes::from(json).into(), Flat::Json)
            }
        }
    }
}

impl Value {
    /// A scalar as text: numbers in their shortest form, timestamps in milliseconds, UUIDs with hyphens, binary as
    /// base64. `None` for null, lists, maps, arrays, decimals and described values.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Bool(value) => if *value { "true" } else { "false" }.into(),
            Self::Ubyte(value) => value.to_string().into(),
            Self::Ushort(value) => value.to_string().into(),
            Self::Uint(value) => value.to_string().into(),
            Self::Ulong(value) => value.to_string().into(),
            Self::Byte(value) => value.to_string().into(),
            Self::Short(value) => value.to_string().into(),
            Self::Int(value) => value.to_string().into(),
            Self::Long(value) | Self::Timestamp(value) => value.to_string().into(),
            Self::Float(value) => value.to_string().into(),
            Self::Double(value) => value.to_string().into(),
            Self::Char(value) => value.to_string().into(),
            Self::Uuid(bytes) => uuid(bytes).into(),
            Self::Binary(bytes) => STANDARD.encode(bytes).into(),
            Self::String(text) | Self::Symbol(text) => text.as_str().into(),
            Self::Null
            | Self::Decimal32(_)
            | Self::Decimal64(_)
            | Self::Decimal128(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::Array(_)
            | Self::Described(_) => return None,
        })
    }

    /// An id (message-id, correlation-id; AMQP 1.0, 3.2.11–3.2.14) as text, and whether it can be told from a string
    /// that looks the same.
    pub fn id_text(&self) -> (Cow<'_, str>, bool) {
        match self {
            Self::String(text) => (text.as_str().into(), true),
            Self::Uuid(bytes) => (format!("urn:uuid:{}", uuid(bytes)).into(), true),
            Self::Binary(bytes) => (STANDARD.encode(bytes).into(), false),
            other => (other.text().unwrap_or_default(), true),
        }
    }

    /// Appends the value as JSON. What JSON has no word for is a string; a described value is its value; not-a-number
    /// and infinities are strings too.
    pub fn json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Float(value) if value.is_finite() => write_number(out, value),
            Self::Double(value) if value.is_finite() => write_number(out, value),
            Self::Bool(_)
            | Self::Ubyte(_)
            | Self::Ushort(_)
            | Self::Uint(_)
            | Self::Ulong(_)
            | Self::Byte(_)
            | Self::Short(_)
            | Self::Int(_)
            | Self::Long(_)
            | Self::Timestamp(_) => out.push_str(&self.text().unwrap_or_default()),
            Self::List(values) | Self::Array(values) => put_list(values, out),
            Self::Map(pairs) => put_map(pairs, out),
            Self::Described(pair) => pair.1.json(out),
            Self::Decimal32(bytes) => put_string(&STANDARD.encode(bytes), out),
            Self::Decimal64(bytes) => put_string(&STANDARD.encode(bytes), out),
            Self::Decimal128(bytes) => put_string(&STANDARD.encode(bytes), out),
            _ => put_string(&self.text().unwrap_or_default(), out),
        }
    }
}

fn write_number(out: &mut String, number: &dyn std::fmt::Display) {
    write!(out, "{number}").expect("a string takes any text");
}

fn put_list(values: &[Value], out: &mut String) {
    out.push('[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        value.json(out);
    }
    out.push(']');
}

/// Keys are strings in JSON: a key of another type is its text.
fn put_map(pairs: &[(Value, Value)], out: &mut String) {
    out.push('{');
    for (at, (key, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match key.text() {
            Some(text) => put_string(&text, out),
            None => {
                let mut json = String::new();
                key.json(&mut json);
                put_string(&json, out);
            }
        }
        out.push(':');
        value.json(out);
    }
    out.push('}');
}

fn put_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if u32::from(c) < 0x20 => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("a string takes any text");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// RFC 4122, 3: hexadecimal digits in five groups.
fn uuid(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{byte:02x}").expect("a string takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_bodies_become_json() {
        let map = Value::Map(vec![
            (Value::String("a\"b".into()), Value::List(vec![Value::Int(-1), Value::Null, Value::Double(1.5)])),
            (Value::Ulong(7), Value::Binary(Bytes::from_static(b"\0\xff"))),
            (Value::Symbol("nan".into()), Value::Float(f32::NAN)),
        ]);
        let (body, flat) = HubBody::Value(map).flattened();
        assert_eq!(flat, Flat::Json);
        assert_eq!(body.joined(), r#"{"a\"b":[-1,null,1.5],"7":"AP8=","nan":"NaN"}"#.as_bytes());
        assert_eq!(HubBody::Sequence(vec![Value::Bool(true)]).flattened().0.joined(), "[true]".as_bytes());
    }

    #[test]
    fn bytes_and_text_stay_what_they_are() {
        let flat = |body: HubBody| body.flattened();
        assert_eq!(flat(HubBody::Value(Value::String("ä".into()))), (Bytes::from("ä").into(), Flat::Text));
        assert_eq!(flat(HubBody::Value(Value::Null)), (Body::default(), Flat::Bytes));
        assert_eq!(
            flat(HubBody::Data(Bytes::from_static(b"\0").into())),
            (Bytes::from_static(b"\0").into(), Flat::Bytes)
        );
    }

    #[test]
    fn ids_are_text_that_tells_their_type_where_it_can() {
        let uuid = Value::Uuid([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(uuid.id_text(), ("urn:uuid:12345678-9abc-def0-0102-030405060708".into(), true));
        assert_eq!(uuid.text().as_deref(), Some("12345678-9abc-def0-0102-030405060708"));
        assert_eq!(Value::Ulong(5).id_text(), ("5".into(), true));
        assert_eq!(Value::Binary(Bytes::from_static(b"\x01")).id_text(), ("AQ==".into(), false));
    }
}
