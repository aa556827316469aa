//! One monotonic clock for every thread, so that a sender's stamp and a receiver's reading can be subtracted.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

static START: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds since the first call in this process.
pub fn nanos() -> u64 {
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// The measured part of a run: `[from, until)` on [`nanos`], opened and closed while the workers run.
#[derive(Debug)]
pub struct Span {
    from: AtomicU64,
    until: AtomicU64,
}

impl Span {
    pub fn open(&self) {
        self.from.store(nanos(), Ordering::Relaxed);
    }

    pub fn close(&self) {
        self.until.store(nanos(), Ordering::Relaxed);
    }

    pub fn is_closed(&self) -> bool {
        self.until.load(Ordering::Relaxed) != u64::MAX
    }

    /// The bounds, to be loaded once per batch rather than once per message.
    pub fn bounds(&self) -> std::ops::Range<u64> {
        self.from.load(Ordering::Relaxed)..self.until.load(Ordering::Relaxed)
    }
}

/// A span that contains nothing until [`Span::open`].
impl Default for Span {
    fn default() -> Self {
        Self { from: AtomicU64::new(u64::MAX), until: AtomicU64::new(u64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_contains_only_what_lies_between_open_and_close() {
        let span = Span::default();
        assert!(!span.bounds().contains(&nanos()));
        span.open();
        let inside = nanos();
        assert!(span.bounds().contains(&inside) && !span.is_closed());
        span.close();
        assert!(span.is_closed());
        assert!(!span.bounds().contains(&(nanos() + 1)));
    }
}
