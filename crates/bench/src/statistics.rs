//! A histogram for latencies, and medians over rounds.

use serde::Serialize;

/// Linear steps within each power of two: values are kept to within 1/64.
const STEPS_LOG2: u32 = 6;
const STEPS: u64 = 1 << STEPS_LOG2;
const BUCKETS: usize = ((64 - STEPS_LOG2 as usize) + 1) << STEPS_LOG2;

/// Counts of nanosecond values in log-linear buckets; recording never allocates.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    pub samples: u64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Histogram {
    pub fn record(&mut self, nanos: u64) {
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The value in nanoseconds that `fraction` (0..=1) of the samples do not exceed; `None` without samples.
    pub fn quantile(&self, fraction: f64) -> Option<u64> {
        let rank = ((self.total as f64 * fraction).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(middle(index).min(self.max));
            }
        }
        None
    }

    /// `None` without samples.
    pub fn latency(&self) -> Option<Latency> {
        let micros = |fraction| self.quantile(fraction).map(|nanos| nanos as f64 / 1e3);
        Some(Latency {
            samples: self.total,
            p50: micros(0.5)?,
            p90: micros(0.9)?,
            p99: micros(0.99)?,
            p999: micros(0.999)?,
            max: self.max as f64 / 1e3,
        })
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max: 0 }
    }
}

/// The middle of the values, the mean of the two middle ones for an even count; `None` for an empty slice.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}

fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let exponent = value.ilog2() - STEPS_LOG2;
    let step = (value >> exponent) - STEPS;
    (((u64::from(exponent) + 1) << STEPS_LOG2) + step) as usize
}

fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let exponent = (bucket >> STEPS_LOG2) - 1;
    let low = (STEPS + (bucket & (STEPS - 1))) << exponent;
    low + ((1 << exponent) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_is_within_a_sixty_fourth_of_its_values() {
        for shift in 0..63 {
            for offset in [0, 1, 3] {
                let value = (1_u64 << shift) + (offset << shift.max(2) >> 2);
                let back = middle(bucket(value));
                assert!(back.abs_diff(value) <= value / 64 + 1, "{value} came back as {back}");
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_a_uniform_ramp() {
        let mut histogram = Histogram::default();
        for micros in 1..=1000 {
            histogram.record(micros * 1000);
        }
        let latency = histogram.latency().unwrap();
        assert_eq!(latency.samples, 1000);
        assert!((latency.p50 - 500.0).abs() < 10.0, "{latency:?}");
        assert!((latency.p99 - 990.0).abs() < 20.0, "{latency:?}");
        assert!((latency.max - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn merging_adds_counts_and_keeps_the_greater_maximum() {
        let (mut left, mut right) = (Histogram::default(), Histogram::default());
        left.record(10);
        right.record(1_000_000);
        right.record(20);
        left.merge(&right);
        assert_eq!(left.quantile(0.5), Some(20));
        assert_eq!(left.latency().unwrap().samples, 3);
        assert!((left.latency().unwrap().max - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn an_empty_histogram_has_no_percentiles() {
        assert!(Histogram::default().latency().is_none());
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
