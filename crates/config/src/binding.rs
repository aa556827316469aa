use std::collections::BTreeMap;

use crate::config::Namespace;
use crate::value::{Table, Value};
use crate::words::{ExchangeKind, Match};

/// An exchange that exists from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub namespace: Namespace,
    pub name: String,
    pub kind: ExchangeKind,
    pub durable: bool,
}

/// Which messages of an exchange a queue gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub namespace: Namespace,
    pub queue: String,
    pub exchange: String,
    /// Compared as the exchange's kind says.
    pub key: String,
    /// For headers exchanges.
    pub headers: BTreeMap<String, HeaderValue>,
    pub matching: Match,
}

/// What a header must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    Text(String),
    Integer(i64),
    Bool(bool),
}

impl Exchange {
    pub(crate) fn new(table: &Table) -> Self {
        Self {
            namespace: table.namespace(),
            name: table.text("name"),
            kind: table.word("type", ExchangeKind::from_name),
            durable: table.bool("durable"),
        }
    }
}

impl Binding {
    pub(crate) fn new(table: &Table) -> Self {
        let headers = match table.value("headers") {
            Some(Value::Headers(headers)) => headers.clone(),
            _ => BTreeMap::new(),
        };
        Self {
            namespace: table.namespace(),
            queue: table.text("queue"),
            exchange: table.text("exchange"),
            key: table.optional_text("key").unwrap_or_default(),
            headers,
            matching: table.word("match", Match::from_name),
        }
    }
}
