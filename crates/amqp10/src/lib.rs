//! AMQP 1.0: the [`codec`], the server's side of a connection, and the translation of messages.

mod address;
mod attach;
pub mod codec;
mod connection;
mod convert;
mod convert_jms;
mod detach;
mod endpoint;
mod error;
mod hub_value;
mod inbound;
mod links;
mod open;
mod outbound;
mod render;
mod sasl;
mod session;
mod settle;
mod source;
mod target;
mod token;
mod transactions;
mod unsettled;

pub use connection::{Amqp10, Amqp10Options};
pub use convert::Amqp10Encoding;
