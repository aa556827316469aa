//! The server's side of connections, with the real broker and a journal in memory. Time is virtual; nothing waits.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what drives its connections")]

mod basics;
mod client;
mod connecting;
mod consumers;
mod consuming;
mod dead_letters;
mod declaring;
#[path = "../../../broker/tests/harness/guard.rs"]
mod guard;
mod lifetimes;
mod logins;
mod peer;
mod publishing;
mod rights;
mod routing;
mod soup;
mod transactions;
mod world;
