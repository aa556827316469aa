/// A property's value as a selector sees it. `Null` is an absent property as well as one without a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    /// byte, short, int and long.
    Int(i64),
    /// float and double.
    Float(f64),
    Text(&'a str),
}

/// The view of one message: its properties by name, case-sensitive.
///
/// Of the header fields a selector may name `JMSDeliveryMode` (text, `PERSISTENT` or `NON_PERSISTENT`),
/// `JMSPriority` (0–9), `JMSMessageID`, `JMSTimestamp` (milliseconds), `JMSCorrelationID` and `JMSType`
/// (Jakarta Messaging 3.1, 3.8.1.1 and 3.8.1.3); an implementation may know more.
pub trait Properties {
    fn get(&self, name: &str) -> Value<'_>;
}

/// A value that a binding keeps.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedValue {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
}

impl OwnedValue {
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Text(value) => Value::Text(value),
        }
    }
}
