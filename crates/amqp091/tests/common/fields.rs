//! Any table and any strings, for property tests.

use amqp091::codec::{ArrayBuilder, ArrayView, FieldTable, FieldValue, ShortString, TableBuilder};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

/// Names are any bytes, and so are texts.
pub(crate) fn table() -> impl Strategy<Value = FieldTable> {
    table_of(short().prop_map(ShortString::into_bytes).boxed(), bytes(40).boxed())
}

pub(crate) fn table_of(name: BoxedStrategy<Bytes>, text: BoxedStrategy<Bytes>) -> impl Strategy<Value = FieldTable> {
    vec((name.clone(), field(name, text)), 0..6).prop_map(|fields| {
        let mut builder = TableBuilder::new();
        for (name, value) in &fields {
            value.push(|value| builder.push(name, value));
        }
        builder.finish().unwrap()
    })
}

/// A [`FieldValue`] that owns what it holds.
#[derive(Debug, Clone)]
enum Field {
    Scalar(FieldValue<'static>),
    Text(Bytes),
    Binary(Bytes),
    Array(Bytes),
    Table(FieldTable),
}

impl Field {
    fn push(&self, push: impl FnOnce(FieldValue<'_>)) {
        match self {
            Self::Scalar(value) => push(*value),
            Self::Text(bytes) => push(FieldValue::LongString(bytes)),
            Self::Binary(bytes) => push(FieldValue::ByteArray(bytes)),
            Self::Array(values) => push(FieldValue::Array(ArrayView::new(values).unwrap())),
            Self::Table(table) => push(FieldValue::Table(table.view())),
        }
    }
}

fn field(name: BoxedStrategy<Bytes>, text: BoxedStrategy<Bytes>) -> impl Strategy<Value = Field> {
    let scalar = prop_oneof![
        Just(FieldValue::Void),
        any::<bool>().prop_map(FieldValue::Bool),
        any::<i8>().prop_map(FieldValue::Byte),
        any::<u8>().prop_map(FieldValue::UnsignedByte),
        any::<i16>().prop_map(FieldValue::Short),
        any::<u16>().prop_map(FieldValue::UnsignedShort),
        any::<i32>().prop_map(FieldValue::Int),
        any::<u32>().prop_map(FieldValue::UnsignedInt),
        any::<i64>().prop_map(FieldValue::Long),
        any::<f32>().prop_map(FieldValue::Float),
        any::<f64>().prop_map(FieldValue::Double),
        (any::<u8>(), any::<u32>()).prop_map(|(scale, value)| FieldValue::Decimal { scale, value }),
        any::<u64>().prop_map(FieldValue::Timestamp),
    ];
    let leaf = prop_oneof![
        4 => scalar.prop_map(Field::Scalar),
        1 => text.prop_map(Field::Text),
        1 => bytes(40).prop_map(Field::Binary),
    ];
    leaf.prop_recursive(4, 16, 4, move |inner| {
        let array = vec(inner.clone(), 0..4).prop_map(|values| {
            let mut builder = ArrayBuilder::new();
            for value in &values {
                value.push(|value| builder.push(value));
            }
            Field::Array(builder.finish().unwrap())
        });
        let table = vec((name.clone(), inner), 0..4).prop_map(|fields| {
            let mut builder = TableBuilder::new();
            for (name, value) in &fields {
                value.push(|value| builder.push(name, value));
            }
            Field::Table(builder.finish().unwrap())
        });
        prop_oneof![array, table]
    })
}

pub(crate) fn short() -> impl Strategy<Value = ShortString> {
    prop_oneof![8 => bytes(20), 1 => bytes(256)].prop_map(|bytes| ShortString::new(bytes).unwrap())
}

/// Fewer than `end` bytes.
pub(crate) fn bytes(end: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..end).prop_map(Bytes::from)
}
