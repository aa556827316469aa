//! The server's side of connections: alone, with hand-made effects, and several of them with the real broker and a
//! journal in memory. Time is virtual; nothing waits.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what drives its connections")]

mod clients;
mod connecting;
mod conversions;
mod credit;
mod exactly_once;
#[path = "../codec/generate.rs"]
mod generate;
#[path = "../../../broker/tests/harness/guard.rs"]
mod guard;
mod handshakes;
mod logins;
mod lone;
mod packets;
mod peer;
mod queues;
mod rights;
mod sessions;
mod soup;
mod topics;
mod wills;
mod world;
