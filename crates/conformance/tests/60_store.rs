//! The store under loads that do not fit into memory or on the disk: what rests, what is given back, what happens when there
//! is no room, and what a copy is worth.

#![expect(clippy::print_stdout, reason = "a test that skips something says so")]

#[path = "store/backlog.rs"]
mod backlog;
#[path = "store/copies.rs"]
mod copies;
#[path = "store/full.rs"]
mod full;
#[path = "store/load.rs"]
mod load;
#[path = "store/retention.rs"]
mod retention;
#[path = "store/stuck.rs"]
mod stuck;
