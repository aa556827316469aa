//! AMQP 1.0: the [`codec`], the server's side of a connection, and the translation of messages.
//!
//! What the specification allows and this crate does not do: links are not resumed (2.6.13: every attach is answered as
//! if nothing were unsettled, so peers send again what they were not told the outcome of); a receiver's annotations of
//! a modified outcome are forgotten (3.4.5); transactions are of one connection, and messages are not acquired in them
//! (4.4.2); the filter `no-local` is not applied, and the answer to an attach says so.

mod address;
mod attach;
pub mod codec;
mod connection;
mod convert;
mod convert_jms;
mod credit;
mod detach;
mod endpoint;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod grant;
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
