//! What Causeway promises in figures, and whether a comparison bears it out.

use serde::Serialize;

use super::matrix::{IDLE, START};
use super::sheet::{Metric, Sheet};
use crate::peers::{CAUSEWAY, FAUXQS, MOSQUITTO, MOSQUITTO_TUNED, MOTO};

/// Both ways to run mosquitto: the better one counts.
const ANY_MOSQUITTO: &[&str] = &[MOSQUITTO, MOSQUITTO_TUNED];

pub struct Target {
    workload: &'static str,
    metric: Metric,
    limit: Limit,
}

enum Limit {
    /// A share of the best of these peers.
    Share(f64, &'static [&'static str]),
    AtMost(f64),
    /// Microseconds more than the disk's fdatasync.
    BeyondFsync(f64),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub target: String,
    pub measured: Option<f64>,
    pub limit: Option<f64>,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Holds,
    Missed,
    NotMeasured,
}

/// With every confirmation behind an fdatasync, no flush can confirm more than may be under way: the window, or one
/// request of each connection. That a broker stays below is no proof, but one that does not sync is found out.
pub fn targets() -> Vec<Target> {
    use Limit::{AtMost, BeyondFsync, Share};
    use Metric::{CpuMicros, IdleKib, JournalMicros, KibPerConnection, P50Micros, StartMillis, UnitsPerFlush};
    let new = |workload, metric, limit| Target { workload, metric, limit };
    vec![
        new("mqtt q0 1:1 100", CpuMicros, Share(1.0 / 4.0, ANY_MOSQUITTO)),
        new("mqtt q0 1:10 100", CpuMicros, Share(1.0 / 8.0, ANY_MOSQUITTO)),
        new("mqtt q1 1:1 100", CpuMicros, Share(1.0 / 3.0, ANY_MOSQUITTO)),
        new("mqtt q1 1:1 100 kept", CpuMicros, Share(1.0 / 3.0, ANY_MOSQUITTO)),
        new("mqtt q1 1:1 100 kept", UnitsPerFlush, AtMost(200.0)),
        new("mqtt q1 1:1 1024 kept", JournalMicros, AtMost(3.0)),
        new("mqtt q1 1:1 1024 kept", UnitsPerFlush, AtMost(200.0)),
        new("mqtt q0 5k/s 100", P50Micros, Share(1.5, ANY_MOSQUITTO)),
        new("mqtt q0 5k/s 100", CpuMicros, Share(2.0, ANY_MOSQUITTO)),
        new("sqs send c64", CpuMicros, Share(1.0 / 100.0, &[MOTO])),
        new("sqs send c64", CpuMicros, Share(1.0 / 4.0, &[FAUXQS])),
        new("sqs send c64", UnitsPerFlush, AtMost(64.0)),
        new("sqs receive c64", CpuMicros, Share(1.0 / 100.0, &[MOTO])),
        new("sqs receive c64", CpuMicros, Share(1.0 / 4.0, &[FAUXQS])),
        new("sqs mixed c64", CpuMicros, Share(1.0 / 100.0, &[MOTO])),
        new("sqs mixed c64", CpuMicros, Share(1.0 / 4.0, &[FAUXQS])),
        new("sqs send c1", P50Micros, BeyondFsync(100.0)),
        new(IDLE, KibPerConnection, AtMost(4.0)),
        new(START, IdleKib, AtMost(20.0 * 1024.0)),
        new(START, StartMillis, AtMost(100.0)),
    ]
}

impl Target {
    pub fn judge(&self, sheet: &Sheet) -> Verdict {
        let measured = sheet.median(self.workload, CAUSEWAY, self.metric);
        let limit = match &self.limit {
            Limit::AtMost(limit) => Some(*limit),
            Limit::BeyondFsync(micros) => sheet.fsync_p50().map(|fsync| fsync + micros),
            Limit::Share(share, peers) => {
                let medians = peers.iter().filter_map(|peer| sheet.median(self.workload, peer, self.metric));
                medians.min_by(f64::total_cmp).map(|best| best * share)
            }
        };
        let state = match measured.zip(limit) {
            None => State::NotMeasured,
            Some((measured, limit)) if measured <= limit => State::Holds,
            Some(_) => State::Missed,
        };
        Verdict { target: self.text(), measured, limit, state }
    }

    /// Whether the workload is part of this comparison.
    pub fn is_asked(&self, sheet: &Sheet) -> bool {
        !sheet.brokers(self.workload).is_empty()
    }

    fn text(&self) -> String {
        let metric = match self.metric {
            Metric::CpuMicros => "CPU µs",
            Metric::JournalMicros => "journal CPU µs",
            Metric::P50Micros => "p50 µs",
            Metric::UnitsPerFlush => "units/flush",
            Metric::KibPerConnection => "KiB/connection",
            Metric::IdleKib => "anonymous KiB",
            Metric::StartMillis => "ms to accept",
            other => return format!("{}: {other:?}", self.workload),
        };
        let limit = match &self.limit {
            Limit::AtMost(limit) => format!("{limit}"),
            Limit::BeyondFsync(micros) => format!("fdatasync + {micros}"),
            Limit::Share(share, peers) if *share < 1.0 => format!("1/{:.0} of {}", 1.0 / share, peers[0]),
            Limit::Share(share, peers) => format!("{share} × {}", peers[0]),
        };
        format!("{}: {metric} ≤ {limit}", self.workload)
    }
}

#[cfg(test)]
#[path = "targets_tests.rs"]
mod tests;
