use std::time::Duration;

use crate::config::Namespace;
use crate::value::Table;
use crate::words::Overflow;

/// A queue that exists from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    pub namespace: Namespace,
    pub name: String,
    pub durable: bool,
    /// Messages, ready and leased together.
    pub max_length: Option<u64>,
    /// Bytes of bodies and properties.
    pub max_bytes: Option<u64>,
    pub overflow: Overflow,
    /// How long a message may wait here, whatever its own expiry.
    pub ttl: Option<Duration>,
    pub delay: Duration,
    /// Of a lease with a deadline that names none.
    pub lease: Duration,
    /// 0–9; 0 keeps the order of arrival.
    pub max_priority: u8,
    /// A queue of the same namespace; there whenever `max_deliveries` is.
    pub dead_letter: Option<String>,
    pub max_deliveries: Option<u32>,
}

impl Queue {
    pub(crate) fn new(table: &Table) -> Self {
        Self {
            namespace: table.namespace(),
            name: table.text("name"),
            durable: table.bool("durable"),
            max_length: table.optional_number("max_length"),
            max_bytes: table.optional_number("max_bytes"),
            overflow: table.word("overflow", Overflow::from_name),
            ttl: table.duration_of("ttl"),
            delay: table.duration("delay"),
            lease: table.duration("lease"),
            max_priority: table.number("max_priority"),
            dead_letter: table.optional_text("dead_letter"),
            max_deliveries: table.optional_number("max_deliveries"),
        }
    }
}
