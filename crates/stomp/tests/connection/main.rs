//! STOMP connections over the real broker, with a journal in memory and a clock that the tests turn.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod acknowledging;
mod browsing;
mod connecting;
mod delivering;
mod durable;
mod foreign;
#[path = "../../../broker/tests/harness/guard.rs"]
mod guard;
mod logins;
mod peer;
mod private;
mod refusing;
mod rights;
mod sending;
mod soup;
mod temporary;
mod topics;
mod transactions;
mod unsubscribing;
mod world;

use world::World;
