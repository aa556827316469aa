//! Waiting for a condition outside the process: always with a deadline, never for a fixed time.

use std::thread;
use std::time::{Duration, Instant};

/// Generous, because test machines are shared; a passing test never waits this long.
pub const DEADLINE: Duration = Duration::from_secs(30);

const INTERVAL: Duration = Duration::from_millis(2);

/// Calls `probe` until it answers, at most for `deadline`; `None` when the deadline passed first.
pub fn poll<T>(deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::park_timeout(INTERVAL);
    }
}

/// As [`poll`], with [`DEADLINE`]; panics with `what` when nothing came.
pub fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    poll(DEADLINE, probe).unwrap_or_else(|| panic!("not within {DEADLINE:?}: {what}"))
}
