//! The server's side of connections: several of them with the real broker and a journal in memory. Time is virtual;
//! nothing waits.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what drives its connections")]

mod client;
mod credit;
mod foreign;
#[path = "../../../broker/tests/harness/guard.rs"]
mod guard;
mod logins;
mod nodes;
mod opening;
mod peer;
mod receiving;
mod rights;
mod sending;
mod soup;
mod subscriptions;
mod transactions;
mod windows;
mod world;
mod wrongs;
