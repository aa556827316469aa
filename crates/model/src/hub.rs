use bytes::Bytes;

use crate::{Body, Header};

/// A message in the form that every encoding can be turned into and made from: AMQP 1.0's sections (3.2).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hub {
    pub header: Header,
    pub annotations: Vec<(String, Value)>,
    pub properties: HubProperties,
    pub application_properties: Vec<(String, Value)>,
    pub body: HubBody,
}

/// AMQP 1.0, 3.2.4.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HubProperties {
    pub message_id: Option<Value>,
    pub user_id: Option<Bytes>,
    pub to: Option<String>,
    pub subject: Option<String>,
    pub reply_to: Option<String>,
    pub correlation_id: Option<Value>,
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    /// Milliseconds since the epoch.
    pub creation_time: Option<i64>,
    pub group_id: Option<String>,
    pub group_sequence: Option<u32>,
    pub reply_to_group_id: Option<String>,
}

/// AMQP 1.0, 3.2.6–3.2.8.
#[derive(Clone, Debug, PartialEq)]
pub enum HubBody {
    Data(Body),
    Value(Value),
    Sequence(Vec<Value>),
}

impl Default for HubBody {
    fn default() -> Self {
        Self::Data(Body::default())
    }
}

/// AMQP 1.0's types (1.6).
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
    Decimal32([u8; 4]),
    Decimal64([u8; 8]),
    Decimal128([u8; 16]),
    Char(char),
    /// Milliseconds since the epoch.
    Timestamp(i64),
    Uuid([u8; 16]),
    Binary(Bytes),
    String(String),
    Symbol(String),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Array(Vec<Self>),
    Described(Box<(Self, Self)>),
}
