//! The journal from outside: a reference model, power cuts, damage, real folders, group commit.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commit;
mod crash;
mod damage;
mod format;
mod model;
mod real;
mod support;
