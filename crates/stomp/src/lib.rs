//! STOMP 1.0, 1.1 and 1.2: the [`codec`], the server's side of a connection, and the translation of messages.
//!
//! A `/queue/NAME` subscription is a consumer of that queue, a `/topic/KEY` subscription a consumer of a queue of its own
//! that is bound to the topic; see `destination.rs` for all names, `subscribe.rs` for the queues. Where ActiveMQ and
//! RabbitMQ contradict each other, this is ActiveMQ.
//!
//! Under a memory alarm the shell parks publishes, and so their receipts come late; everything else passes.

mod acknowledge;
pub mod codec;
mod connect;
mod connection;
mod convert;
mod deliver;
mod destination;
mod durable;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod heart_beat;
mod login;
mod receipt;
mod send;
mod session;
mod subscribe;
mod subscription;
mod token;
mod transaction;
mod unsubscribe;

pub use connection::{Stomp, StompOptions};
pub use convert::StompEncoding;
