//! A message as selectors and headers exchanges see it.

use model::{Encodings, HeaderRule, HeaderValue, Message, Scalar};
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
    let mode = match (rule.all, rule.with_x) {
        (true, false) => MatchMode::All,
        (false, false) => MatchMode::Any,
        (true, true) => MatchMode::AllWithX,
        (false, true) => MatchMode::AnyWithX,
    };
    let pairs = rule.pairs.iter().map(|(name, value)| (name.as_str().into(), value.as_ref().map(owned)));
    HeaderMatch::new(mode, pairs)
}

fn owned(value: &HeaderValue) -> OwnedValue {
    match value {
        HeaderValue::Bool(value) => OwnedValue::Bool(*value),
        HeaderValue::Int(value) => OwnedValue::Int(*value),
        HeaderValue::Float(value) => OwnedValue::Float(*value),
        HeaderValue::Text(value) => OwnedValue::Text(value.as_str().into()),
    }
}
