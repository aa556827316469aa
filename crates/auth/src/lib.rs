//! Who somebody is. Without sockets, files, clocks, threads or randomness of its own: texts, the time and salts are
//! arguments.

mod identity;

pub use identity::{Identity, Source};
