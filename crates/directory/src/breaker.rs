use std::time::{Duration, Instant};

/// Keeps a server that does not answer from taking everybody's time: after a failure nobody asks it for a while, then
/// one login tries, and the while doubles if that fails, too.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// In a row.
    failures: u32,
    until: Option<Instant>,
    /// Somebody is trying.
    trying: bool,
}

/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// How often it doubles.
const DOUBLINGS: u32 = 5;

impl Breaker {
    /// Whether the server may be asked; whoever gets a yes tells how it went.
    pub(crate) fn enter(&mut self, now: Instant) -> bool {
        match self.until {
            None => true,
            Some(until) if now < until || self.trying => false,
            Some(_) => {
                self.trying = true;
                true
            }
        }
    }

    pub(crate) fn succeed(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn fail(&mut self, now: Instant) {
        // Those that were on their way when it broke fail all at once, and count as one.
        if self.until.is_none_or(|until| now >= until) || self.trying {
            self.until = Some(now + FIRST * (1 << self.failures.min(DOUBLINGS)));
            self.failures = self.failures.saturating_add(1);
        }
        self.trying = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tries_when_the_while_is_over() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut breaker = Breaker::default();
        assert!(breaker.enter(start) && breaker.enter(start));
        breaker.fail(at(0));
        breaker.fail(at(1));
        assert!(!breaker.enter(at(999)));
        assert!(breaker.enter(at(1_000)) && !breaker.enter(at(1_000)));
        breaker.fail(at(1_001));
        assert!(!breaker.enter(at(3_000)));
        assert!(breaker.enter(at(3_001)));
        breaker.succeed();
        assert!(breaker.enter(at(3_002)) && breaker.enter(at(3_002)));
    }

    #[test]
    fn the_while_has_an_end() {
        let mut breaker = Breaker::default();
        let mut now = Instant::now();
        for _ in 0..40 {
            assert!(breaker.enter(now));
            breaker.fail(now);
            now += FIRST * (1 << DOUBLINGS);
        }
    }
}
