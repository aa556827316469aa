//! Many MQTT connections that do nothing: what each costs in memory, and what opening it costs in CPU.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use super::mqtt::session::{self, Kept};
use crate::process::{self, Usage};

/// Descriptors kept for everything but the idle connections.
const SPARE_FILES: u64 = 64;

#[derive(Clone, Debug)]
pub struct Plan {
    pub address: SocketAddr,
    pub pid: u32,
    pub connections: usize,
    /// Whether each connection then subscribes to a topic of its own.
    pub subscribe: bool,
    /// Rest before each look at the memory.
    pub settle: Duration,
}

#[derive(Clone, Debug, Serialize)]
pub struct Idle {
    pub connections: usize,
    pub connects_per_second: f64,
    pub cpu_micros_per_connect: f64,
    /// Anonymous memory.
    pub kib_per_connection: f64,
    pub cpu_micros_per_subscribe: Option<f64>,
    /// Anonymous memory of a connection with its subscription.
    pub kib_per_subscribed: Option<f64>,
    /// Cores that the broker keeps busy while all connections rest.
    pub resting_cores: f64,
}

/// Lifts the limit of open files to the most this user may have; programs started afterwards inherit it.
pub fn raise_file_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where this is refused the old limit stands, and too many connections are an error of their own.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// # Errors
/// If the broker refuses or drops a connection, or the limit of open files is too low.
pub fn run(plan: &Plan) -> Result<Idle> {
    ensure!(plan.connections > 0, "at least one connection");
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        let most = limit.saturating_sub(SPARE_FILES);
        ensure!(plan.connections as u64 <= most, "at most {most} connections: the limit of open files is {limit}");
    }
    let base = process::anonymous_kib(plan.pid)?;
    let grown = || process::anonymous_kib(plan.pid).map(|kib| (kib as f64 - base as f64) / plan.connections as f64);
    let name = format!("idle-{}", std::process::id());

    let (before, start) = (Usage::of(plan.pid)?, Instant::now());
    let mut streams: Vec<TcpStream> = Vec::with_capacity(plan.connections);
    for index in 0..plan.connections {
        let stream = session::open(plan.address, &format!("{name}-{index}"), Kept::No);
        streams.push(stream.with_context(|| format!("connection {index}"))?);
    }
    let (elapsed, spent) = (start.elapsed(), Usage::of(plan.pid)?.since(&before));
    let resting_cores = rest(plan)?;
    let kib_per_connection = grown()?;

    let mut idle = Idle {
        connections: plan.connections,
        connects_per_second: plan.connections as f64 / elapsed.as_secs_f64(),
        cpu_micros_per_connect: spent.cpu_micros / plan.connections as f64,
        kib_per_connection,
        cpu_micros_per_subscribe: None,
        kib_per_subscribed: None,
        resting_cores,
    };
    if plan.subscribe {
        let before = Usage::of(plan.pid)?;
        for (index, stream) in streams.iter_mut().enumerate() {
            session::subscribe(stream, &format!("{name}/{index}"), 0).with_context(|| format!("connection {index}"))?;
        }
        let spent = Usage::of(plan.pid)?.since(&before);
        idle.cpu_micros_per_subscribe = Some(spent.cpu_micros / plan.connections as f64);
        idle.resting_cores = rest(plan)?;
        idle.kib_per_subscribed = Some(grown()?);
    }
    Ok(idle)
}

fn rest(plan: &Plan) -> Result<f64> {
    let before = Usage::of(plan.pid)?;
    thread::sleep(plan.settle);
    Ok(Usage::of(plan.pid)?.since(&before).cpu_micros / 1e6 / plan.settle.as_secs_f64().max(1e-3))
}
