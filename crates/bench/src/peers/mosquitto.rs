//! Eclipse mosquitto without persistence: as it comes, and tuned for latency and room.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Face, Launch, free_address};

/// Less delay and longer queues, at more CPU per message: both are measured, the better one counts.
const TUNING: &str = "max_inflight_messages 1000\nmax_queued_messages 0\nset_tcp_nodelay true\n";

pub(super) fn launch_default(program: &Path, folder: &Path) -> Result<Launch> {
    launch(program, folder, "")
}

pub(super) fn launch_tuned(program: &Path, folder: &Path) -> Result<Launch> {
    launch(program, folder, TUNING)
}

fn launch(program: &Path, folder: &Path, tuning: &str) -> Result<Launch> {
    let address = free_address()?;
    let (ip, port) = (address.ip(), address.port());
    let config = folder.join("mosquitto.conf");
    let common = format!("listener {port} {ip}\nallow_anonymous true\npersistence false\nlog_type error\n");
    fs::write(&config, common + tuning)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(config);
    Ok(Launch::new(command, vec![(Face::Mqtt, address)]))
}
