//! A message as selectors and headers exchanges see it.

use model::{Encodings, HeaderRule, Message, Scalar};
use selector::{HeaderMatch, MatchMode, OwnedValue, Properties, Value};

use crate::router::Condition;

pub(crate) struct View<'a> {
    pub(crate) message: &'a Message,
    pub(crate) encodings: &'a Encodings,
}

impl Properties for View<'_> {
    fn get(&self, name: &str) -> Value<'_> {
        // Jakarta Messaging 3.1, 3.8.1.1: the headers that the core itself knows.
        match name {
            "JMSPriority" => return Value::Int(self.message.header.priority.into()),
            "JMSDeliveryMode" if self.message.header.durable => return Value::Text("PERSISTENT"),
            "JMSDeliveryMode" => return Value::Text("NON_PERSISTENT"),
            _ => {}
        }
        match self.encodings.property(self.message, name) {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Int(value) => Value::Int(value),
            Scalar::Float(value) => Value::Float(value),
            Scalar::Text(value) => Value::Text(value),
        }
    }
}

impl Condition {
    pub(crate) fn holds(&self, view: &View<'_>) -> bool {
        match self {
            Self::Selector(selector) => selector.matches(view),
            Self::Headers(rule) => rule.matches(view),
            Self::Both(selector, rule) => rule.matches(view) && selector.matches(view),
            Self::All(all) => all.iter().all(|condition| condition.holds(view)),
        }
    }
}

pub(crate) fn header_match(rule: &HeaderRule) -> HeaderMatch {
    let mode = if rule.all { MatchMode::All } else { MatchMode::Any };
    let pairs = rule
        .pairs
        .iter()
        .map(|(name, value)| (name.as_str().into(), value.as_deref().map(|text| OwnedValue::Text(text.into()))));
    HeaderMatch::new(mode, pairs)
}
