//! Field values and the hub's values: every type of a table has one of AMQP 1.0's that says the same.

use bytes::Bytes;
use model::{Scalar, Value};

use crate::codec::{ArrayBuilder, ArrayView, FieldTable, FieldValue, MAX_NESTING, TableBuilder};

/// Described values with these descriptors are what AMQP 1.0 has no type for.
const DECIMAL: &str = "amqp091:decimal";
/// A time whose milliseconds do not fit a signed 64-bit integer, in seconds.
const TIMESTAMP: &str = "amqp091:timestamp";

pub(crate) fn to_hub(value: FieldValue<'_>) -> Value {
    match value {
        FieldValue::Void => Value::Null,
        FieldValue::Bool(value) => Value::Bool(value),
        FieldValue::Byte(value) => Value::Byte(value),
        FieldValue::UnsignedByte(value) => Value::Ubyte(value),
        FieldValue::Short(value) => Value::Short(value),
        FieldValue::UnsignedShort(value) => Value::Ushort(value),
        FieldValue::Int(value) => Value::Int(value),
        FieldValue::UnsignedInt(value) => Value::Uint(value),
        FieldValue::Long(value) => Value::Long(value),
        FieldValue::Float(value) => Value::Float(value),
        FieldValue::Double(value) => Value::Double(value),
        FieldValue::Decimal { scale, value } => {
            described(DECIMAL, Value::List(vec![Value::Ubyte(scale), Value::Uint(value)]))
        }
        FieldValue::LongString(bytes) => text_or_binary(bytes),
        FieldValue::ByteArray(bytes) => Value::Binary(Bytes::copy_from_slice(bytes)),
        FieldValue::Timestamp(seconds) => match milliseconds(seconds) {
            Some(milliseconds) => Value::Timestamp(milliseconds),
            None => described(TIMESTAMP, Value::Ulong(seconds)),
        },
        FieldValue::Array(values) => Value::List(values.iter().map(to_hub).collect()),
        FieldValue::Table(fields) => {
            Value::Map(fields.iter().map(|(name, value)| (text_or_binary(name), to_hub(value))).collect())
        }
    }
}

/// What selectors and headers exchanges compare; `Null` for what has no order and no equal there.
pub(crate) fn to_scalar(value: FieldValue<'_>) -> Scalar<'_> {
    match value {
        FieldValue::Bool(value) => Scalar::Bool(value),
        FieldValue::Byte(value) => Scalar::Int(value.into()),
        FieldValue::UnsignedByte(value) => Scalar::Int(value.into()),
        FieldValue::Short(value) => Scalar::Int(value.into()),
        FieldValue::UnsignedShort(value) => Scalar::Int(value.into()),
        FieldValue::Int(value) => Scalar::Int(value.into()),
        FieldValue::UnsignedInt(value) => Scalar::Int(value.into()),
        FieldValue::Long(value) => Scalar::Int(value),
        FieldValue::Float(value) => Scalar::Float(value.into()),
        FieldValue::Double(value) => Scalar::Float(value),
        FieldValue::Decimal { scale, value } => Scalar::Float(f64::from(value) / 10f64.powi(scale.into())),
        FieldValue::LongString(bytes) => str::from_utf8(bytes).map_or(Scalar::Null, Scalar::Text),
        FieldValue::Timestamp(seconds) => milliseconds(seconds).map_or(Scalar::Null, Scalar::Int),
        FieldValue::Void | FieldValue::ByteArray(_) | FieldValue::Array(_) | FieldValue::Table(_) => Scalar::Null,
    }
}

/// A string, or binary if it is not UTF-8.
pub(crate) fn text_or_binary(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => Value::Binary(Bytes::copy_from_slice(bytes)),
    }
}

pub(crate) fn milliseconds(seconds: u64) -> Option<i64> {
    seconds.checked_mul(1000).and_then(|milliseconds| i64::try_from(milliseconds).ok())
}

/// Whole seconds; `None` before the epoch.
pub(crate) fn seconds(milliseconds: i64) -> Option<u64> {
    u64::try_from(milliseconds).ok().map(|milliseconds| milliseconds / 1000)
}

/// Fields on their way into a table, and how many of their values cannot be said there.
#[derive(Default)]
pub(crate) struct Headers {
    builder: TableBuilder,
    fields: u32,
    lost: u32,
}

impl Headers {
    /// Of a time only the seconds remain, which is not counted as a loss; of a char, symbol or UUID the text.
    pub(crate) fn push(&mut self, name: &[u8], value: &Value) {
        let Self { builder, fields, lost } = self;
        push_field(name, value, 1, lost, &mut |name, value| {
            *fields += 1;
            builder.push(name, value);
        });
    }

    /// A long string.
    pub(crate) fn push_text(&mut self, name: &str, text: &str) {
        self.fields += 1;
        self.builder.push(name.as_bytes(), FieldValue::LongString(text.as_bytes()));
    }

    /// The table, if there is any field, and how many values are lost.
    pub(crate) fn finish(self) -> (Option<FieldTable>, u32) {
        match self.builder.finish() {
            Ok(table) => ((self.fields > 0).then_some(table), self.lost),
            Err(_) => (None, self.lost + self.fields),
        }
    }
}

fn described(descriptor: &str, value: Value) -> Value {
    Value::Described(Box::new((Value::Symbol(descriptor.to_owned()), value)))
}

/// `depth` is that of the table the field is for; it bounds the recursion.
fn push_field(name: &[u8], value: &Value, depth: usize, lost: &mut u32, push: &mut dyn FnMut(&[u8], FieldValue<'_>)) {
    if name.len() > usize::from(u8::MAX) {
        *lost += 1;
        return;
    }
    push_value(value, depth, lost, &mut |value| push(name, value));
}

/// Calls `push` once, or not at all.
fn push_value(value: &Value, depth: usize, lost: &mut u32, push: &mut dyn FnMut(FieldValue<'_>)) {
    match value {
        Value::Null => push(FieldValue::Void),
        Value::Bool(value) => push(FieldValue::Bool(*value)),
        Value::Ubyte(value) => push(FieldValue::UnsignedByte(*value)),
        Value::Ushort(value) => push(FieldValue::UnsignedShort(*value)),
        Value::Uint(value) => push(FieldValue::UnsignedInt(*value)),
        Value::Ulong(value) => match i64::try_from(*value) {
            Ok(value) => push(FieldValue::Long(value)),
            Err(_) => push(FieldValue::LongString(value.to_string().as_bytes())),
        },
        Value::Byte(value) => push(FieldValue::Byte(*value)),
        Value::Short(value) => push(FieldValue::Short(*value)),
        Value::Int(value) => push(FieldValue::Int(*value)),
        Value::Long(value) => push(FieldValue::Long(*value)),
        Value::Float(value) => push(FieldValue::Float(*value)),
        Value::Double(value) => push(FieldValue::Double(*value)),
        Value::Timestamp(at) => match seconds(*at) {
            Some(seconds) => push(FieldValue::Timestamp(seconds)),
            None => *lost += 1,
        },
        Value::Binary(bytes) => push(FieldValue::ByteArray(bytes)),
        Value::String(text) | Value::Symbol(text) => push(FieldValue::LongString(text.as_bytes())),
        Value::Char(_) | Value::Uuid(_) => {
            push(FieldValue::LongString(value.text().unwrap_or_default().as_bytes()));
        }
        Value::Decimal32(_) | Value::Decimal64(_) | Value::Decimal128(_) => *lost += 1,
        Value::Described(pair) => push_described(pair, depth, lost, push),
        Value::List(_) | Value::Array(_) | Value::Map(_) if depth == MAX_NESTING => *lost += 1,
        Value::List(values) | Value::Array(values) => push_array(values, depth + 1, lost, push),
        Value::Map(pairs) => push_table(pairs, depth + 1, lost, push),
    }
}

/// Without a descriptor that is one of ours, only the value itself is left. Descriptions do not nest in sound data, so
/// a description of a description counts as a level.
fn push_described(pair: &(Value, Value), depth: usize, lost: &mut u32, push: &mut dyn FnMut(FieldValue<'_>)) {
    match pair {
        (Value::Symbol(descriptor), Value::List(parts)) if descriptor == DECIMAL => {
            if let [Value::Ubyte(scale), Value::Uint(value)] = parts[..] {
                return push(FieldValue::Decimal { scale, value });
            }
        }
        (Value::Symbol(descriptor), Value::Ulong(seconds)) if descriptor == TIMESTAMP => {
            return push(FieldValue::Timestamp(*seconds));
        }
        _ => {}
    }
    *lost += 1;
    if depth < MAX_NESTING {
        push_value(&pair.1, depth + 1, lost, push);
    }
}

/// A void stands for a value that cannot be said, so that the others keep their places.
fn push_array(values: &[Value], depth: usize, lost: &mut u32, push: &mut dyn FnMut(FieldValue<'_>)) {
    let mut builder = ArrayBuilder::new();
    for value in values {
        let mut is_pushed = false;
        push_value(value, depth, lost, &mut |value| {
            is_pushed = true;
            builder.push(value);
        });
        if !is_pushed {
            builder.push(FieldValue::Void);
        }
    }
    let values = builder.finish();
    match values.as_deref().map(ArrayView::new) {
        Ok(Ok(values)) => push(FieldValue::Array(values)),
        _ => *lost += 1,
    }
}

fn push_table(pairs: &[(Value, Value)], depth: usize, lost: &mut u32, push: &mut dyn FnMut(FieldValue<'_>)) {
    let mut builder = TableBuilder::new();
    for (key, value) in pairs {
        let name = match key {
            Value::String(text) | Value::Symbol(text) => text.as_bytes(),
            Value::Binary(bytes) => bytes,
            other => {
                // The key's type is lost even where its text is not.
                *lost += 1;
                if let Some(text) = other.text() {
                    push_field(text.as_bytes(), value, depth, lost, &mut |name, value| builder.push(name, value));
                }
                continue;
            }
        };
        push_field(name, value, depth, lost, &mut |name, value| builder.push(name, value));
    }
    match builder.finish() {
        Ok(table) => push(FieldValue::Table(table.view())),
        Err(_) => *lost += 1,
    }
}
