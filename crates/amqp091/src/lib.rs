//! AMQP 0-9-1 as RabbitMQ speaks it: the [`codec`], the server's side of a connection, and the translation of messages.
//!
//! Its users' clients connect unchanged: methods, arguments, reply codes and texts are RabbitMQ's, with its extensions:
//! confirms, `basic.nack`, consumer cancel notify, `connection.blocked`, consumer priorities, prefetch per consumer,
//! direct reply-to, exchange to exchange bindings, alternate exchanges, `CC` and `BCC`, `x-delay` (on every exchange).
//!
//! What is different here:
//!
//! - Streams (`x-queue-type: stream`) and `x-overflow: reject-publish-dlx` are refused with 540, as `immediate`,
//!   `prefetch_size` and `channel.flow` off are by RabbitMQ. Unknown arguments are taken and mean nothing.
//! - Quorum queues are queues like others: `x-delivery-limit` works in both, and every redelivery says in
//!   `x-delivery-count` how often it came before.
//! - Priorities order up to 10; higher ones count as 10.
//! - A limit for a whole channel (`basic.qos` with `global`) holds messages back here: others do not get them
//!   meanwhile.
//! - Transactions are atomic over all their queues.
//! - A queue that another protocol made can be declared with any arguments that fit what it is.

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
mod login;
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
