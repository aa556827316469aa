//! Everything measured in a comparison, and its medians.

use serde::Serialize;

use crate::statistics::{Latency, median};
use crate::workload::Measurement;
use crate::workload::idle::Idle;
use crate::workload::start::Started;

/// Name of the thread whose CPU is the journal's.
const JOURNAL: &str = "journal";

#[derive(Debug, Default, Serialize)]
pub struct Sheet {
    pub runs: Vec<Run>,
    /// The disk's 4 KiB overwrite and fdatasync, once a round.
    pub fsync: Vec<Latency>,
}

#[derive(Debug, Serialize)]
pub struct Run {
    pub round: u32,
    pub workload: &'static str,
    pub broker: &'static str,
    pub outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Measured(Measurement),
    Idle(Idle),
    Started(Started),
    Failed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    PerSecond,
    CpuMicros,
    /// CPU of the journal thread alone.
    JournalMicros,
    /// Of deliveries, or of SendMessage.
    P50Micros,
    P99Micros,
    FlushesPerSecond,
    /// Of the whole machine, so at most this many units shared one of the broker's own; infinite without flushes.
    UnitsPerFlush,
    OthersCores,
    KibPerConnection,
    KibPerSubscribed,
    CpuMicrosPerConnect,
    StartMillis,
    IdleKib,
}

/// Median, least and greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Sheet {
    /// Over the rounds in which it was measured.
    pub fn spread(&self, workload: &str, broker: &str, metric: Metric) -> Option<Spread> {
        let runs = self.runs.iter().filter(|run| run.workload == workload && run.broker == broker);
        let values: Vec<f64> = runs.filter_map(|run| run.outcome.metric(metric)).collect();
        Some(Spread {
            median: median(&values)?,
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            greatest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    pub fn median(&self, workload: &str, broker: &str, metric: Metric) -> Option<f64> {
        self.spread(workload, broker, metric).map(|spread| spread.median)
    }

    pub fn fsync_p50(&self) -> Option<f64> {
        median(&self.fsync.iter().map(|latency| latency.p50).collect::<Vec<f64>>())
    }

    /// Brokers with an outcome for the workload, in order of first appearance.
    pub fn brokers(&self, workload: &str) -> Vec<&'static str> {
        let mut brokers = Vec::new();
        for run in self.runs.iter().filter(|run| run.workload == workload) {
            if !brokers.contains(&run.broker) {
                brokers.push(run.broker);
            }
        }
        brokers
    }

    /// Messages lost and duplicated by a broker in all rounds of a workload.
    pub fn faults(&self, workload: &str, broker: &str) -> (u64, u64) {
        let runs = self.runs.iter().filter(|run| run.workload == workload && run.broker == broker);
        let accounts = runs.filter_map(|run| match &run.outcome {
            Outcome::Measured(found) => Some(found.account),
            _ => None,
        });
        accounts.fold((0, 0), |(lost, twice), account| (lost + account.lost, twice + account.duplicated))
    }
}

impl Outcome {
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        match self {
            Self::Measured(found) => measured(found, metric),
            Self::Idle(found) => match metric {
                Metric::PerSecond => Some(found.connects_per_second),
                Metric::KibPerConnection => Some(found.kib_per_connection),
                Metric::KibPerSubscribed => found.kib_per_subscribed,
                Metric::CpuMicrosPerConnect => Some(found.cpu_micros_per_connect),
                _ => None,
            },
            Self::Started(found) => match metric {
                Metric::StartMillis => Some(found.accepts_after_millis),
                Metric::IdleKib => Some(found.anonymous_kib as f64),
                _ => None,
            },
            Self::Failed(_) => None,
        }
    }
}

fn measured(found: &Measurement, metric: Metric) -> Option<f64> {
    let timed = ["delivery", "send", "receive"].iter().find_map(|action| found.latency.get(*action));
    match metric {
        Metric::PerSecond => Some(found.per_second),
        // A broker that did nothing has no cost per unit.
        Metric::CpuMicros => found.cpu_micros_per_unit.filter(|_| found.units > 0),
        Metric::JournalMicros => found.thread_micros_per_unit.get(JOURNAL).copied().filter(|_| found.units > 0),
        Metric::P50Micros => timed.map(|latency| latency.p50),
        Metric::P99Micros => timed.map(|latency| latency.p99),
        Metric::FlushesPerSecond => found.disk_flushes_per_second,
        Metric::UnitsPerFlush => found.disk_flushes_per_second.map(|flushes| found.per_second / flushes),
        Metric::OthersCores => found.others_cores,
        _ => None,
    }
}
