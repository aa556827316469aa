//! What protocols rely on, as scripts: commands, and the records and effects that must come of them.

#[path = "../harness/mod.rs"]
mod harness;

mod credit;
