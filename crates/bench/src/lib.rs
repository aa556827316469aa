//! A load generator for brokers, and a comparison of brokers on one machine.
//!
//! Standard threads, blocking sockets and frames written beforehand, so that as much as possible of the machine is
//! left to the broker; only what needs TLS, or a task for each of thousands of devices, is on tokio. What a broker costs is read from `/proc`, so this runs on Linux only.

pub mod arguments;
pub mod child;
pub mod clock;
pub mod compare;
pub mod ledger;
pub mod peers;
pub mod process;
pub mod relay;
pub mod report;
pub mod statistics;
pub mod storm;
pub mod tunnel;
pub mod workload;
