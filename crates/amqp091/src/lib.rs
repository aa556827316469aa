//! AMQP 0-9-1 as RabbitMQ speaks it: the [`codec`], the server's side of a connection, and the translation of messages.

pub mod codec;
mod convert;
mod hub_value;

pub use convert::Amqp091Encoding;
