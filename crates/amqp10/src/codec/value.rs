//! AMQP 1.0's type system as values (part 1).

use bytes::Bytes;

use super::text::{Symbol, Text};

/// Any value (1.6). Compact and wide forms of the same value are the same.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Ubyte(u8),
    Ushort(u16),
    Uint(u32),
    Ulong(u64),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    /// IEEE 754-2008 decimals, binary integer decimal encoding; carried, never calculated with.
    Decimal32([u8; 4]),
    Decimal64([u8; 8]),
    Decimal128([u8; 16]),
    Char(char),
    /// Milliseconds since the epoch.
    Timestamp(i64),
    Uuid([u8; 16]),
    Binary(Bytes),
    String(Text),
    Symbol(Symbol),
    List(Vec<Self>),
    Map(Map),
    Array(Box<Array>),
    Described(Box<Described>),
}

/// Key and value pairs in the order in which they were sent, which has a meaning (1.6.23).
pub type Map = Vec<(Value, Value)>;

/// A value and what its descriptor says it is (1.3).
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// A ulong or a symbol; other types are reserved and carried as they are.
    pub descriptor: Value,
    pub value: Value,
}

/// Elements of one type (1.6.24): one constructor stands for all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// If the elements are described: their descriptors, the outermost first.
    pub descriptors: Vec<Value>,
    pub kind: Kind,
    /// Without their descriptors, all of `kind`.
    pub items: Vec<Value>,
}

/// The primitive types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Ubyte,
    Ushort,
    Uint,
    Ulong,
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    Decimal32,
    Decimal64,
    Decimal128,
    Char,
    Timestamp,
    Uuid,
    Binary,
    String,
    Symbol,
    List,
    Map,
    Array,
}

/// A map from symbols (`fields`, 2.8.13): properties, capabilities' details, filter sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub Vec<(Symbol, Value)>);

impl Fields {
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(key, _)| key.as_bytes() == name.as_bytes()).map(|(_, value)| value)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &(Symbol, Value)> {
        self.0.iter()
    }

    pub fn push(&mut self, name: &'static str, value: Value) {
        self.0.push((Symbol::from_static(name), value));
    }
}

impl Value {
    pub const fn string(text: &'static str) -> Self {
        Self::String(Text::from_static(text))
    }

    pub const fn symbol(text: &'static str) -> Self {
        Self::Symbol(Symbol::from_static(text))
    }

    pub fn described(descriptor: Self, value: Self) -> Self {
        Self::Described(Box::new(Described { descriptor, value }))
    }

    /// The type, if it is a primitive one.
    pub const fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Ubyte(_) => Kind::Ubyte,
            Self::Ushort(_) => Kind::Ushort,
            Self::Uint(_) => Kind::Uint,
            Self::Ulong(_) => Kind::Ulong,
            Self::Byte(_) => Kind::Byte,
            Self::Short(_) => Kind::Short,
            Self::Int(_) => Kind::Int,
            Self::Long(_) => Kind::Long,
            Self::Float(_) => Kind::Float,
            Self::Double(_) => Kind::Double,
            Self::Decimal32(_) => Kind::Decimal32,
            Self::Decimal64(_) => Kind::Decimal64,
            Self::Decimal128(_) => Kind::Decimal128,
            Self::Char(_) => Kind::Char,
            Self::Timestamp(_) => Kind::Timestamp,
            Self::Uuid(_) => Kind::Uuid,
            Self::Binary(_) => Kind::Binary,
            Self::String(_) => Kind::String,
            Self::Symbol(_) => Kind::Symbol,
            Self::List(_) => Kind::List,
            Self::Map(_) => Kind::Map,
            Self::Array(_) => Kind::Array,
            Self::Described(_) => return None,
        })
    }
}
