//! What can be asked of a broker, and what is known afterwards.

pub mod amqp091;
pub mod amqp10;
pub mod batch;
pub mod dialect;
pub mod fsync;
pub mod http;
pub mod idle;
pub mod mqtt;
pub mod publisher;
pub mod queue;
pub mod signer;
pub mod sqs;
pub mod stamp;
pub mod start;
pub mod stomp;
pub mod subscriber;
pub mod traffic;
pub mod window;
pub mod worker;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ledger::Account;
use crate::process::Spent;
use crate::statistics::Latency;

/// The figures of one run. A unit is a delivered message, or a request.
#[derive(Clone, Debug, Serialize)]
pub struct Measurement {
    pub units: u64,
    pub seconds: f64,
    pub per_second: f64,
    /// Broker CPU of all its threads; absent when no process was named.
    pub cpu_micros_per_unit: Option<f64>,
    pub thread_micros_per_unit: BTreeMap<String, f64>,
    pub written_per_unit: Option<f64>,
    /// Of the whole machine.
    pub disk_flushes_per_second: Option<f64>,
    /// Cores kept busy by anybody but the broker and this program: how much to trust the rest.
    pub others_cores: Option<f64>,
    pub anonymous_kib: Option<u64>,
    /// By what was timed: `delivery`, or the name of a request.
    pub latency: BTreeMap<String, Latency>,
    /// Over the whole run, warm-up and drain included.
    pub account: Account,
}

impl Measurement {
    pub fn new(units: u64, seconds: f64, spent: Option<Spent>, account: Account) -> Self {
        let per_unit = |micros: f64| micros / units.max(1) as f64;
        let threads = spent.iter().flat_map(|spent| &spent.threads);
        Self {
            units,
            seconds,
            per_second: units as f64 / seconds,
            cpu_micros_per_unit: spent.as_ref().map(|spent| per_unit(spent.cpu_micros)),
            thread_micros_per_unit: threads.map(|(name, micros)| (name.clone(), per_unit(*micros))).collect(),
            written_per_unit: spent.as_ref().and_then(|spent| spent.written).map(|bytes| per_unit(bytes as f64)),
            disk_flushes_per_second: spent.as_ref().map(|spent| spent.flushes as f64 / seconds),
            others_cores: spent.as_ref().map(|spent| spent.others_micros / 1e6 / seconds),
            anonymous_kib: None,
            latency: BTreeMap::new(),
            account,
        }
    }
}
