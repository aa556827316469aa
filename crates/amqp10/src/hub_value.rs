//! AMQP 1.0's values and the hub's: the same types, but for two things. The hub's arrays have no type of their own, so an
//! empty one comes back as an array of nulls; and their elements carry their descriptors each by itself.

use bytes::Bytes;
use model::{Scalar, Value};

use crate::codec::limits::MAX_DEPTH;
use crate::codec::{self, Array, ArrayRef, Compound, Kind, Symbol, Text, ValueRef};

/// How many bytes the names of an array's descriptors may take when they are repeated for each element.
const MAX_REPEATED: usize = 64 * 1024;

/// The hub's form of a value that has been checked. What is nested deeper than such a value can be becomes null.
pub(crate) fn to_hub(value: ValueRef<'_>) -> Value {
    nested(value, MAX_DEPTH)
}

/// What selectors and headers exchanges compare; `Null` for what has no order and no equal there.
pub(crate) fn to_scalar(value: ValueRef<'_>) -> Scalar<'_> {
    match value {
        ValueRef::Bool(value) => Scalar::Bool(value),
        ValueRef::Ubyte(value) => Scalar::Int(value.into()),
        ValueRef::Ushort(value) => Scalar::Int(value.into()),
        ValueRef::Uint(value) => Scalar::Int(value.into()),
        ValueRef::Ulong(value) => i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Int),
        ValueRef::Byte(value) => Scalar::Int(value.into()),
        ValueRef::Short(value) => Scalar::Int(value.into()),
        ValueRef::Int(value) => Scalar::Int(value.into()),
        ValueRef::Long(value) | ValueRef::Timestamp(value) => Scalar::Int(value),
        ValueRef::Float(value) => Scalar::Float(value.into()),
        ValueRef::Double(value) => Scalar::Float(value),
        ValueRef::String(text) | ValueRef::Symbol(text) => Scalar::Text(text),
        _ => Scalar::Null,
    }
}

/// The value of AMQP 1.0 that a hub's value is. A symbol that is not ASCII becomes a string, and an array whose elements
/// are of several types a list.
pub(crate) fn of_hub(value: &Value) -> codec::Value {
    match value {
        Value::Null => codec::Value::Null,
        Value::Bool(value) => codec::Value::Bool(*value),
        Value::Ubyte(value) => codec::Value::Ubyte(*value),
        Value::Ushort(value) => codec::Value::Ushort(*value),
        Value::Uint(value) => codec::Value::Uint(*value),
        Value::Ulong(value) => codec::Value::Ulong(*value),
        Value::Byte(value) => codec::Value::Byte(*value),
        Value::Short(value) => codec::Value::Short(*value),
        Value::Int(value) => codec::Value::Int(*value),
        Value::Long(value) => codec::Value::Long(*value),
        Value::Float(value) => codec::Value::Float(*value),
        Value::Double(value) => codec::Value::Double(*value),
        Value::Decimal32(value) => codec::Value::Decimal32(*value),
        Value::Decimal64(value) => codec::Value::Decimal64(*value),
        Value::Decimal128(value) => codec::Value::Decimal128(*value),
        Value::Char(value) => codec::Value::Char(*value),
        Value::Timestamp(value) => codec::Value::Timestamp(*value),
        Value::Uuid(value) => codec::Value::Uuid(*value),
        Value::Binary(value) => codec::Value::Binary(value.clone()),
        Value::String(text) => codec::Value::String(Text::from(text.as_str())),
        Value::Symbol(text) => match symbol(text) {
            Some(symbol) => codec::Value::Symbol(symbol),
            None => codec::Value::String(Text::from(text.as_str())),
        },
        Value::List(items) => codec::Value::List(items.iter().map(of_hub).collect()),
        Value::Map(pairs) => codec::Value::Map(pairs.iter().map(|(key, value)| (of_hub(key), of_hub(value))).collect()),
        Value::Array(items) => array_of_hub(items),
        Value::Described(pair) => codec::Value::described(of_hub(&pair.0), of_hub(&pair.1)),
    }
}

/// Text as a symbol, if it is one.
pub(crate) fn symbol(text: &str) -> Option<Symbol> {
    Symbol::new(Bytes::copy_from_slice(text.as_bytes())).ok()
}

fn nested(value: ValueRef<'_>, depth: usize) -> Value {
    let inside = |list: Compound<'_>| list.elements().map(|item| nested(item, depth - 1)).collect();
    match value {
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
        ValueRef::Binary(value) => Value::Binary(Bytes::copy_from_slice(value)),
        ValueRef::String(value) => Value::String(value.to_owned()),
        ValueRef::Symbol(value) => Value::Symbol(value.to_owned()),
        _ if depth == 0 => Value::Null,
        ValueRef::List(list) => Value::List(inside(list)),
        ValueRef::Map(map) => {
            Value::Map(map.pairs().map(|(key, value)| (nested(key, depth - 1), nested(value, depth - 1))).collect())
        }
        ValueRef::Array(array) => array.array().map_or(Value::Null, |array| array_to_hub(&array, depth)),
        ValueRef::Described(described) => match described.parts() {
            Some((descriptor, value)) => {
                Value::Described(Box::new((nested(descriptor, depth - 1), nested(value, depth - 1))))
            }
            None => Value::Null,
        },
    }
}

fn array_to_hub(array: &ArrayRef<'_>, depth: usize) -> Value {
    let longest = MAX_REPEATED / array.len().max(1);
    let descriptors = array.descriptors.iter().rev();
    let descriptors = descriptors.filter_map(|descriptor| repeatable(descriptor, longest)).collect::<Vec<_>>();
    let items = array.items().map(|item| {
        let bare = nested(item, depth - 1);
        descriptors.iter().fold(bare, |value, descriptor| Value::Described(Box::new((descriptor.clone(), value))))
    });
    Value::Array(items.collect())
}

/// A descriptor that may be repeated. Those that the specification allows are numbers and names; others could be of any
/// size, and are left out.
fn repeatable(descriptor: &ValueRef<'_>, longest: usize) -> Option<Value> {
    match *descriptor {
        ValueRef::Ulong(code) => Some(Value::Ulong(code)),
        ValueRef::Symbol(name) if name.len() <= longest => Some(Value::Symbol(name.to_owned())),
        _ => None,
    }
}

fn array_of_hub(items: &[Value]) -> codec::Value {
    let all = items.iter().map(of_hub).collect::<Vec<_>>();
    let Some(first) = all.first() else {
        return codec::Value::Array(Box::new(Array { descriptors: Vec::new(), kind: Kind::Null, items: Vec::new() }));
    };
    let (descriptors, kind) = constructor(first);
    let Some(kind) = kind.filter(|_| all.iter().all(|item| constructor(item) == (descriptors.clone(), kind))) else {
        return codec::Value::List(all);
    };
    let descriptors = descriptors.into_iter().cloned().collect();
    let items = all.iter().cloned().map(bare).collect();
    codec::Value::Array(Box::new(Array { descriptors, kind, items }))
}

/// What all elements of an array must have in common.
fn constructor(value: &codec::Value) -> (Vec<&codec::Value>, Option<Kind>) {
    let mut descriptors = Vec::new();
    let mut value = value;
    while let codec::Value::Described(described) = value {
        descriptors.push(&described.descriptor);
        value = &described.value;
    }
    (descriptors, value.kind())
}

fn bare(mut value: codec::Value) -> codec::Value {
    while let codec::Value::Described(described) = value {
        value = described.value;
    }
    value
}
