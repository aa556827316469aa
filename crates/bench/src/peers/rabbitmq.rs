//! RabbitMQ with its plugins for STOMP and AMQP 1.0, as Debian packages it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Face, Launch, free_address, on_path};

/// The package's inner script: the one on `PATH` insists on a user of its own.
const SCRIPT: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

pub(super) fn program() -> Option<PathBuf> {
    Some(PathBuf::from(SCRIPT)).filter(|script| script.is_file() && on_path("epmd").is_some())
}

pub(super) fn launch(program: &Path, folder: &Path) -> Result<Launch> {
    let (amqp, stomp) = (free_address()?, free_address()?);
    let (names, distribution) = (free_address()?.port().to_string(), free_address()?.port().to_string());
    let (config, plugins) = (folder.join("rabbitmq.conf"), folder.join("plugins"));
    fs::write(&config, format!("listeners.tcp.1 = {amqp}\nstomp.listeners.tcp.1 = {stomp}\n"))?;
    fs::write(&plugins, "[rabbitmq_amqp1_0,rabbitmq_stomp].\n")?;
    // RabbitMQ would start this one too, and leave it behind.
    let mut epmd = Command::new(on_path("epmd").context("no epmd")?);
    epmd.args(["-address", "127.0.0.1", "-port", &names]);
    let mut command = Command::new(program);
    command.env("HOME", folder);
    command.env("RABBITMQ_NODENAME", "bench@localhost");
    command.env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"));
    command.env("RABBITMQ_LOG_BASE", folder.join("logs"));
    command.env("RABBITMQ_CONFIG_FILE", config);
    command.env("RABBITMQ_ENABLED_PLUGINS_FILE", plugins);
    command.env("RABBITMQ_DIST_PORT", distribution);
    command.env("ERL_EPMD_PORT", names);
    command.env("ERL_EPMD_ADDRESS", "127.0.0.1");
    // With this the script becomes the virtual machine, so that its process is the one to measure and to end.
    command.env("RABBITMQ_ALLOW_INPUT", "true");
    let loopback = "-noinput -kernel inet_dist_use_interface {127,0,0,1}";
    command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", loopback);
    let addresses = vec![(Face::Amqp091, amqp), (Face::Amqp10, amqp), (Face::Stomp, stomp)];
    Ok(Launch { helper: Some(epmd), ..Launch::new(command, addresses) })
}
