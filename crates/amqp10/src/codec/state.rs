//! Delivery states and outcomes (3.4, 4.5), and the error that a peer is told (2.8.14).

use bytes::Bytes;

use super::text::{Symbol, Text};
use super::value::{Fields, Map};

/// What a transfer or a disposition says of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum DeliveryState {
    /// 3.4.1, for resuming a link.
    Received(Received),
    Outcome(Outcome),
    /// 4.5.8.
    Transactional(Transactional),
}

/// A terminal delivery state.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// 3.4.2.
    Accepted,
    /// 3.4.3.
    Rejected(Option<Box<AmqpError>>),
    /// 3.4.4.
    Released,
    /// 3.4.5.
    Modified(Modified),
    /// 4.5.5: the transaction that a declare has made.
    Declared(Bytes),
}

/// 3.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    pub section_number: u32,
    pub section_offset: u64,
}

/// 3.4.5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modified {
    pub delivery_failed: bool,
    pub undeliverable_here: bool,
    pub message_annotations: Map,
}

/// 4.5.8: an outcome, or for a transfer the sending itself, that belongs to a transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Transactional {
    pub txn_id: Bytes,
    pub outcome: Option<Outcome>,
}

/// 2.8.14, the type `error`.
#[derive(Clone, Debug, PartialEq)]
pub struct AmqpError {
    /// One of [`super::condition`], or any other symbol.
    pub condition: Symbol,
    pub description: Option<Text>,
    pub info: Fields,
}

impl AmqpError {
    pub fn new(condition: Symbol, description: impl Into<Text>) -> Self {
        Self { condition, description: Some(description.into()), info: Fields::default() }
    }
}

impl DeliveryState {
    pub const ACCEPTED: Self = Self::Outcome(Outcome::Accepted);
    pub const RELEASED: Self = Self::Outcome(Outcome::Released);
}
