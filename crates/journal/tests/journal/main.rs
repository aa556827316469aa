//! The journal from outside: a reference model, power cuts, damage, real folders, group commit.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backup;
mod cleaning;
mod commit;
mod crash;
mod damage;
mod durability;
mod encryption;
mod format;
mod histories;
mod model;
mod nonces;
mod offline;
mod owner;
mod pair;
mod real;
mod repair;
mod room;
mod seen;
mod skipped;
mod support;
mod threads;
