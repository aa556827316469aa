use model::Time;

/// Milliseconds of the shortest interval that we promise or expect.
const SHORTEST: u64 = 100;
/// A peer is given up after so many intervals of silence: its clock and its network may be late.
const GRACE: u64 = 2;

/// Heart-beats in both directions (1.2, "Heart-beating"), and when something was last said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeartBeats {
    /// Milliseconds after which we say something.
    send: Option<u64>,
    /// Milliseconds after which the peer says something.
    expect: Option<u64>,
    said: Time,
    heard: Time,
}

impl HeartBeats {
    /// Takes the client's `heart-beat` header as it is: we can send as often as it wants, and want what it can send,
    /// as ActiveMQ and RabbitMQ do. `None` if it is no pair of numbers.
    pub(crate) fn negotiate(header: &str, now: Time) -> Option<Self> {
        let (can, wants) = header.split_once(',')?;
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let interval = |milliseconds: u64| (milliseconds > 0).then(|| milliseconds.max(SHORTEST));
        Some(Self { send: interval(number(wants)?), expect: interval(number(can)?), said: now, heard: now })
    }

    pub(crate) fn starting(now: Time) -> Self {
        Self { said: now, heard: now, ..Self::default() }
    }

    /// Our own header: what we can send, what we want.
    pub(crate) fn header(&self) -> String {
        format!("{},{}", self.send.unwrap_or(0), self.expect.unwrap_or(0))
    }

    pub(crate) fn heard(&mut self, now: Time) {
        self.heard = now;
    }

    pub(crate) fn said(&mut self, now: Time) {
        self.said = now;
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        let next = self.send.map(|interval| self.said.plus(early(interval)));
        let last = self.expect.map(|interval| self.heard.plus(interval.saturating_mul(GRACE)));
        next.into_iter().chain(last).min()
    }

    /// Whether it is time to say something.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.send.is_some_and(|interval| self.said.plus(early(interval)) <= now)
    }

    /// The interval that the peer has missed, if it has.
    pub(crate) fn missed(&self, now: Time) -> Option<u64> {
        self.expect.filter(|interval| self.heard.plus(interval.saturating_mul(GRACE)) <= now)
    }
}

/// What is promised every so many milliseconds is sent somewhat earlier, so that it is there in time.
fn early(interval: u64) -> u64 {
    interval - interval / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree() {
        for (header, ours, next) in [
            ("0,0", "0,0", None),
            ("10000,0", "0,10000", Some(20_000)),
            ("0,10000", "10000,0", Some(7_500)),
            ("1,1", "100,100", Some(75)),
            ("500, 1000", "1000,500", Some(750)),
        ] {
            let beats = HeartBeats::negotiate(header, Time(0)).unwrap();
            assert_eq!(beats.header(), ours, "{header}");
            assert_eq!(beats.deadline(), next.map(Time), "{header}");
        }
        let endless = HeartBeats::negotiate("18446744073709551615,0", Time(5)).unwrap();
        assert_eq!(endless.deadline(), Some(Time(u64::MAX)));
        for header in ["", "1", "a,b", "1,", "-1,0", "1,2,3"] {
            assert!(HeartBeats::negotiate(header, Time(0)).is_none(), "{header}");
        }
    }
}
