//! MQTT 3.1 and 3.1.1: the [`codec`], the server's side of a connection, and the translation of topics and messages.

pub mod codec;
mod connect;
mod connection;
mod convert;
mod error;
mod flights;
#[doc(hidden)]
pub mod fuzz;
mod inbound;
mod login;
mod outbound;
mod queues;
mod session;
mod subscribe;
mod token;
pub mod topic;

pub use connection::{Mqtt, MqttOptions};
pub use convert::MqttEncoding;
