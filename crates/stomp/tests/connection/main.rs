//! STOMP connections over the real broker, with a journal in memory and a clock that the tests turn.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod acknowledging;
mod connecting;
mod peer;
mod sending;
mod world;

use world::World;
