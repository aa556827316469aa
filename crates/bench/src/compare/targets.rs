//! What Causeway promises in figures, and whether a comparison bears it out.

use serde::Serialize;

use super::matrix::{IDLE, START};
use super::sheet::{Metric, Sheet};
use crate::peers::{CAUSEWAY, FAUXQS, MOSQUITTO, MOSQUITTO_TUNED, MOTO, RABBITMQ, RELAY};

/// Both ways to run mosquitto: the better one counts.
const ANY_MOSQUITTO: &[&str] = &[MOSQUITTO, MOSQUITTO_TUNED];

pub struct Target {
    workload: &'static str,
    metric: Metric,
    limit: Limit,
    weight: Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    Promise,
    /// What would be good, on a machine like the one it was set on: for information.
    Goal,
}

enum Limit {
    /// A share of the best of these peers.
    Share(f64, &'static [&'static str]),
    AtMost(f64),
    /// Times what Causeway itself needs for another workload.
    Own(f64, &'static str),
    /// Microseconds more than the disk's fdatasync.
    BeyondFsync(f64),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub target: String,
    pub measured: Option<f64>,
    pub limit: Option<f64>,
    pub weight: Weight,
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
    let new = |workload, metric, limit| Target { workload, metric, limit, weight: Weight::Promise };
    let mut targets = vec![
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
    ];
    targets.extend(queues());
    targets
}

/// Of the protocols that are measured on a queue.
fn queues() -> Vec<Target> {
    use Limit::{AtMost, Own, Share};
    use Metric::{CpuMicros, UnitsPerFlush};
    let new = |workload, metric, limit| Target { workload, metric, limit, weight: Weight::Promise };
    let cpu = |workload, limit| new(workload, CpuMicros, limit);
    let goal = |workload, micros| Target { weight: Weight::Goal, ..cpu(workload, AtMost(micros)) };
    let eighth = || Share(1.0 / 8.0, &[RABBITMQ]);
    let relayed = || Share(2.0, &[RELAY]);
    vec![
        cpu("amqp091 transient 1:1 100", eighth()),
        cpu("amqp091 transient 1:1 1024", eighth()),
        cpu("amqp091 transient 1:1 16384", relayed()),
        cpu("amqp091 persistent 1:1 1024", eighth()),
        new("amqp091 persistent 1:1 1024", UnitsPerFlush, AtMost(200.0)),
        cpu("amqp091 persistent 1:1 16384", relayed()),
        new("amqp091 persistent 1:1 16384", UnitsPerFlush, AtMost(100.0)),
        cpu("amqp10 settled 1:1 100", Own(1.5, "amqp091 transient 1:1 100")),
        cpu("amqp10 settled 1:1 1024", Own(1.5, "amqp091 transient 1:1 1024")),
        cpu("amqp10 settled 1:1 16384", Own(1.5, "amqp091 transient 1:1 16384")),
        cpu("amqp10 unsettled 1:1 1024", Own(1.5, "amqp091 persistent 1:1 1024")),
        new("amqp10 unsettled 1:1 1024", UnitsPerFlush, AtMost(200.0)),
        cpu("amqp10 unsettled 1:1 16384", Own(1.5, "amqp091 persistent 1:1 16384")),
        cpu("stomp auto 1:1 100", eighth()),
        cpu("stomp auto 1:1 16384", relayed()),
        cpu("stomp persistent 1:1 1024", Share(1.0 / 10.0, &[RABBITMQ])),
        new("stomp persistent 1:1 1024", UnitsPerFlush, AtMost(200.0)),
        goal("amqp091 transient 1:1 100", 1.5),
        goal("amqp091 persistent 1:1 1024", 5.0),
        goal("stomp auto 1:1 100", 2.0),
        goal("stomp persistent 1:1 1024", 7.0),
    ]
}

impl Target {
    pub fn judge(&self, sheet: &Sheet) -> Verdict {
        let measured = sheet.median(self.workload, CAUSEWAY, self.metric);
        let limit = match &self.limit {
            Limit::AtMost(limit) => Some(*limit),
            Limit::Own(times, workload) => sheet.median(workload, CAUSEWAY, self.metric).map(|median| median * times),
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
        Verdict { target: self.text(), measured, limit, weight: self.weight, state }
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
            Limit::Own(times, workload) => format!("{times} × {workload}"),
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
