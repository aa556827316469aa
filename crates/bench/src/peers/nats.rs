//! nats-server with its MQTT gateway, which needs a server name and JetStream.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Face, Launch, free_address};

pub(super) fn launch(program: &Path, folder: &Path) -> Result<Launch> {
    let (native, mqtt) = (free_address()?, free_address()?);
    let config = folder.join("nats.conf");
    let text = format!(
        "server_name: bench\nlisten: \"{native}\"\njetstream {{ store_dir: \"{}\" }}\nmqtt {{ listen: \"{mqtt}\" }}\n",
        folder.join("store").display()
    );
    fs::write(&config, text)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(config);
    Ok(Launch::new(command, vec![(Face::Mqtt, mqtt)]))
}
