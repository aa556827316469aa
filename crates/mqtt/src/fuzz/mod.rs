//! What fuzzing and the replay of its corpus run, and what tests watch connections with.

mod watch;

pub use watch::Watch;
