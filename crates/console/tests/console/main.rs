//! The console against a real broker, against hand-made effects, and against nonsense.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin;
mod browser;
mod command_line;
mod harness;
mod hostile;
mod logins;
mod management;
mod scripted;
mod tail;
mod transfer;
