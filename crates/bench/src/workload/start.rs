//! From starting a program to its first accepted connection, and its memory at rest.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde::Serialize;

use crate::child::Child;
use crate::process::{self, Usage};

const PATIENCE: Duration = Duration::from_secs(60);
/// Often enough for a start of some milliseconds, seldom enough not to take the core away from it.
const KNOCK: Duration = Duration::from_micros(500);

#[derive(Clone, Debug, Serialize)]
pub struct Started {
    pub accepts_after_millis: f64,
    /// CPU from the start to the end of the rest.
    pub cpu_millis: f64,
    /// Anonymous memory after the rest.
    pub anonymous_kib: u64,
}

/// # Errors
/// If something else already listens on `address`, so that its answer would be taken for the program's.
pub fn check_free(address: SocketAddr) -> Result<()> {
    ensure!(TcpStream::connect(address).is_err(), "something listens on {address} already");
    Ok(())
}

/// Waits until `address` accepts a connection; the time since `start`.
///
/// # Errors
/// If the child ends first, or nothing accepts within a minute.
pub fn wait_for_accept(child: &Child, address: SocketAddr, start: Instant) -> Result<Duration> {
    loop {
        if TcpStream::connect(address).is_ok() {
            return Ok(start.elapsed());
        }
        if let Some(status) = child.has_ended()? {
            bail!("the program ended with {status} before it accepted a connection");
        }
        ensure!(start.elapsed() < PATIENCE, "nothing accepts connections on {address} after {PATIENCE:?}");
        thread::sleep(KNOCK);
    }
}

/// Memory and CPU of a program started at about now, after a rest.
pub fn settle(child: &Child, accepts_after: Duration, rest: Duration) -> Result<Started> {
    thread::sleep(rest);
    Ok(Started {
        accepts_after_millis: accepts_after.as_secs_f64() * 1e3,
        cpu_millis: Usage::of(child.pid())?.total_micros() / 1e3,
        anonymous_kib: process::anonymous_kib(child.pid())?,
    })
}
