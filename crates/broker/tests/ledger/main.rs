//! The rules of the ledger, by table: what each outcome, limit, timer and definition does.

#[path = "../harness/mod.rs"]
mod harness;

mod backups;
mod dead_letters;
mod exchanges;
mod holdings;
mod limits;
mod names;
mod outcomes;
mod queues;
mod restart;
mod retained;
mod rights;
mod room;
mod routing;
mod sharing;
mod time;
