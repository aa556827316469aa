use model::Time;

/// Heartbeats of both sides, every so many milliseconds.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: u64,
    heard: Time,
    /// When to send the next one, whatever else was said: it is eight bytes.
    beat: Time,
}

impl Heartbeat {
    /// `None` for 0 seconds, "none".
    pub(crate) fn new(seconds: u16, now: Time) -> Option<Self> {
        let interval = u64::from(seconds) * 1_000;
        (interval > 0).then(|| Self { interval, heard: now, beat: now.plus(interval / 2) })
    }

    pub(crate) fn heard(&mut self, now: Time) {
        self.heard = now;
    }

    pub(crate) fn next(&self) -> Time {
        self.beat.min(self.end())
    }

    /// Two were missed.
    pub(crate) fn is_over(&self, now: Time) -> bool {
        now >= self.end()
    }

    /// Whether a heartbeat is to be sent now.
    pub(crate) fn is_due(&mut self, now: Time) -> bool {
        let due = now >= self.beat;
        if due {
            self.beat = now.plus(self.interval / 2);
        }
        due
    }

    fn end(&self) -> Time {
        self.heard.plus(self.interval * 2)
    }
}
