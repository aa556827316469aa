//! Drives the service's connections with requests and hand-made effects: what a client sees, and what the broker is
//! asked.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its harness")]

mod corpus;
mod harness;
mod protocol;
mod queues;
mod receive;
mod rights;
mod send;
mod settle;
mod signatures;
