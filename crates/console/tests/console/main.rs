//! The console against a real broker, against hand-made effects, and against nonsense.

mod admin;
mod command_line;
mod harness;
mod hostile;
mod management;
mod scripted;
mod tail;
