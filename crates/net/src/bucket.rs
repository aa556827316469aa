use model::Time;

/// Thousandths: milliseconds times things a second give these.
const WHOLE: u64 = 1_000;

/// A token bucket: so many things a second, and as many at once after a pause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    per_second: u32,
    /// In thousandths.
    tokens: u64,
    filled: Time,
}

impl Bucket {
    /// Full; of `per_second` at least 1.
    pub(crate) fn new(per_second: u32, now: Time) -> Self {
        let per_second = per_second.max(1);
        Self { per_second, tokens: u64::from(per_second) * WHOLE, filled: now }
    }

    /// Whether one could be taken now.
    pub(crate) fn has_one(&mut self, now: Time) -> bool {
        self.fill(now);
        self.tokens >= WHOLE
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, now: Time) -> bool {
        let has_one = self.has_one(now);
        if has_one {
            self.tokens -= WHOLE;
        }
        has_one
    }

    pub(crate) fn is_full(&mut self, now: Time) -> bool {
        self.fill(now);
        self.tokens == self.capacity()
    }

    fn fill(&mut self, now: Time) {
        let more = now.since(self.filled).saturating_mul(u64::from(self.per_second));
        self.tokens = self.tokens.saturating_add(more).min(self.capacity());
        self.filled = self.filled.max(now);
    }

    fn capacity(&self) -> u64 {
        u64::from(self.per_second) * WHOLE
    }
}

/// Keeps a flood of log lines short: says which may be written, and how many were not since the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quiet {
    bucket: Bucket,
    kept_back: u64,
}

impl Quiet {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { bucket: Bucket::new(per_second, Time::ZERO), kept_back: 0 }
    }

    /// How many lines were kept back before this one; `None`: this one is, too.
    pub(crate) fn may_say(&mut self, now: Time) -> Option<u64> {
        if self.bucket.take(now) {
            return Some(std::mem::take(&mut self.kept_back));
        }
        self.kept_back += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut Bucket, now: u64) -> usize {
        std::iter::repeat_with(|| bucket.take(Time(now))).take_while(|taken| *taken).count()
    }

    #[test]
    fn a_second_gives_what_it_says_and_a_pause_no_more() {
        let mut bucket = Bucket::new(10, Time(5_000));
        assert_eq!(taken(&mut bucket, 5_000), 10);
        assert_eq!(taken(&mut bucket, 5_099), 0);
        assert_eq!(taken(&mut bucket, 5_100), 1);
        assert_eq!(taken(&mut bucket, 5_650), 5);
        assert_eq!(taken(&mut bucket, 5_700), 1, "parts are kept");
        assert_eq!(taken(&mut bucket, 60_000), 10);
        assert!(!bucket.is_full(Time(60_999)) && bucket.is_full(Time(61_000)));
    }

    #[test]
    fn a_clock_that_stands_still_or_leaps_gives_nothing_away() {
        let mut bucket = Bucket::new(1, Time(1_000));
        assert_eq!(taken(&mut bucket, 1_000), 1);
        assert_eq!(taken(&mut bucket, 0), 0);
        assert_eq!(taken(&mut bucket, 1_999), 0);
        assert_eq!(taken(&mut bucket, u64::MAX), 1);
    }

    #[test]
    fn lines_are_kept_back_and_counted() {
        let mut quiet = Quiet::new(1);
        assert_eq!(quiet.may_say(Time(1_000)), Some(0));
        assert_eq!((quiet.may_say(Time(1_001)), quiet.may_say(Time(1_999))), (None, None));
        assert_eq!(quiet.may_say(Time(2_000)), Some(2));
        assert_eq!(quiet.may_say(Time(9_000)), Some(0));
    }
}
