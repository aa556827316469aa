//! Black-box tests of the binary `causeway`: the harness that the chapters in `tests/` share.
//!
//! A chapter starts its own [`Broker`] on free loopback ports and talks to it through real client libraries
//! ([`clients`]) or, where the exact bytes matter, through the deliberately naive [`wire`] and [`device`] modules,
//! which can also say what a good client never would.

#![allow(clippy::print_stdout, reason = "the named sub-cases of a suite are this crate's output")]

pub mod amqp;
pub mod amqp091_wire;
pub mod amqp1;
pub mod amqp10_wire;
pub mod authority;
pub mod broker;
pub mod clients;
pub mod device;
pub mod golden;
pub mod memory;
pub mod poll;
pub mod process;
pub mod security;
pub mod sqs;
pub mod stomp;
pub mod stomp_wire;
pub mod wire;

pub use authority::Authority;
pub use broker::{Broker, Face, Options};
pub use device::Device;
pub use memory::MemoryWatch;
pub use security::Security;
pub use stomp::Stomper;
