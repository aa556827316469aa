//! AMQP 0-9-1 as RabbitMQ speaks it: the [`codec`], the server's side of a connection, and the translation of messages.

mod acks;
mod arguments;
mod bindings;
mod channel;
pub mod codec;
mod confirms;
mod connection;
mod consume;
mod consumers;
mod content;
mod convert;
mod deliver;
mod effects;
mod error;
mod exchanges;
#[doc(hidden)]
pub mod fuzz;
mod handshake;
mod heartbeat;
mod hub_value;
mod overlay;
mod publish;
mod queues;
mod session;
mod shared;
mod token;
mod transaction;
mod unacked;

pub use connection::{Amqp091, Amqp091Options};
pub use convert::Amqp091Encoding;
