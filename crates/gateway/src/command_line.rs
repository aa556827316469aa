use clap::{Args, Parser, Subcommand};
use console::CliCommand;

use crate::offline::StoreCommand;

/// A message broker: MQTT devices and AWS SDK programs on one ledger of queues and topics.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, about)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    /// One JSON object a line, for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Subcommands>,
}

/// Settings that can be given as flags; `causeway config reference` explains each.
#[derive(Args, Debug)]
pub(crate) struct SettingFlags {
    /// Configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE", env = "CAUSEWAY_CONFIG")]
    pub(crate) config: Option<std::path::PathBuf>,
    /// Folder of the store and the admin socket
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// Keep nothing on disk
    #[arg(long, global = true)]
    ephemeral: bool,
    /// Bytes of memory, as "512MiB"
    #[arg(long, global = true, value_name = "SIZE")]
    memory_limit: Option<String>,
    /// Let everybody in, on any address
    #[arg(long, global = true)]
    dev: bool,
    /// What is logged, as "info" or "net=debug"
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// Threads that serve connections
    #[arg(long, global = true, value_name = "NUMBER")]
    io_threads: Option<String>,
    /// Region of account 000000000000
    #[arg(long, global = true)]
    region: Option<String>,
    /// File with 64 hexadecimal digits, the key of receipt handles and message ids
    #[arg(long, global = true, value_name = "FILE")]
    secret_key_file: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    mqtt_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    amqp_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    stomp_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    aws_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    console_port: Option<String>,
    #[arg(long, global = true, value_name = "IP")]
    mqtt_address: Option<String>,
    #[arg(long, global = true, value_name = "IP")]
    amqp_address: Option<String>,
    #[arg(long, global = true, value_name = "IP")]
    stomp_address: Option<String>,
    #[arg(long, global = true, value_name = "IP")]
    aws_address: Option<String>,
    #[arg(long, global = true, value_name = "IP")]
    console_address: Option<String>,
}

impl SettingFlags {
    pub(crate) fn flags(&self) -> config::Flags {
        config::Flags {
            data: self.data.clone(),
            ephemeral: self.ephemeral.then_some(true),
            memory_limit: self.memory_limit.clone(),
            dev: self.dev.then_some(true),
            log: self.log.clone(),
            io_threads: self.io_threads.clone(),
            region: self.region.clone(),
            secret_key_file: self.secret_key_file.clone(),
            mqtt_port: self.mqtt_port.clone(),
            amqp_port: self.amqp_port.clone(),
            stomp_port: self.stomp_port.clone(),
            aws_port: self.aws_port.clone(),
            console_port: self.console_port.clone(),
            mqtt_address: self.mqtt_address.clone(),
            amqp_address: self.amqp_address.clone(),
            stomp_address: self.stomp_address.clone(),
            aws_address: self.aws_address.clone(),
            console_address: self.console_address.clone(),
            ..config::Flags::default()
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Subcommands {
    /// Check, show or explain the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at a store that no broker has open, tidy it up, or make it of a backup
    #[command(subcommand)]
    Store(StoreCommand),
    #[command(flatten)]
    Admin(CliCommand),
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read file, environment and flags, and say what is wrong
    Check,
    /// Print the configuration in effect and where each value comes from
    Show,
    /// Print the reference page of all settings
    Reference,
}
