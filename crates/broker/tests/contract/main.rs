//! What protocols rely on, as scripts: commands, and the records and effects that must come of them.

#[path = "../harness/mod.rs"]
mod harness;

mod bodies;
mod checkpoints;
mod credit;
mod logs;
mod long_bodies;
mod million;
mod receipts;
mod resting;
mod selectors;
mod two_phase;
mod xa;
