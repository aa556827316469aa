use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use console::CliCommand;

use crate::accounts::{KeyCommand, UserCommand};
use crate::certs::CertsArguments;
use crate::permissions::PermissionsCommand;

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
    pub(crate) config: Option<PathBuf>,
    /// Folder of the store and the admin socket
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// Keep nothing on disk
    #[arg(long, global = true)]
    ephemeral: bool,
    /// What confirmed messages survive: "fsync" a power cut, "os" a crash of the process, "none" an orderly stop
    #[arg(long, global = true, value_name = "WORD")]
    durability: Option<String>,
    /// Bytes that the store may take on disk, as "100GiB"
    #[arg(long, global = true, value_name = "SIZE")]
    disk_limit: Option<String>,
    /// Bytes of a file of the log
    #[arg(long, global = true, value_name = "SIZE")]
    segment_size: Option<String>,
    /// Bytes of the log after which there is a checkpoint
    #[arg(long, global = true, value_name = "SIZE")]
    checkpoint_size: Option<String>,
    /// Start although the log is damaged, cutting it there
    #[arg(long, global = true)]
    repair: bool,
    /// Bytes of memory, as "512MiB"
    #[arg(long, global = true, value_name = "SIZE")]
    memory_limit: Option<String>,
    /// Let everybody in, on any address
    #[arg(long, global = true)]
    dev: bool,
    /// Let listeners without TLS be open to the network
    #[arg(long, global = true)]
    allow_plaintext: bool,
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
    /// File with users and access keys
    #[arg(long, global = true, value_name = "FILE")]
    users_file: Option<String>,
    /// File with 64 hexadecimal digits, the key that secrets of access keys are encrypted with
    #[arg(long, global = true, value_name = "FILE")]
    master_key_file: Option<String>,
    /// Folder with certificates and keys: the TLS ports open beside the others
    #[arg(long, global = true, value_name = "DIR")]
    tls_dir: Option<String>,
    /// Open no port without TLS
    #[arg(long, global = true)]
    tls_only: bool,
    /// The oldest version of TLS that is spoken: "1.2" or "1.3"
    #[arg(long, global = true, value_name = "VERSION")]
    tls_min_version: Option<String>,
    /// Whether TLS clients are asked for a certificate: "none", "optional", "required"
    #[arg(long, global = true, value_name = "WORD")]
    client_certificate: Option<String>,
    /// How the store is encrypted: "off", "aes-256-gcm" or "chacha20-poly1305"
    #[arg(long, global = true, value_name = "WORD")]
    encryption: Option<String>,
    /// File with 64 hexadecimal digits, the master key of an encrypted store
    #[arg(long, global = true, value_name = "FILE")]
    encryption_key_file: Option<String>,
    /// Name of a systemd credential that holds the master key
    #[arg(long, global = true, value_name = "NAME")]
    encryption_key_credential: Option<String>,
    /// Command of the shell that prints the master key
    #[arg(long, global = true, value_name = "COMMAND")]
    encryption_key_command: Option<String>,
    /// File with 64 hexadecimal digits, the new master key for `store rekey`
    #[arg(long, global = true, value_name = "FILE")]
    encryption_new_key_file: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    mqtt_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    mqtt_tls_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    amqp_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    amqp_tls_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    stomp_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    stomp_tls_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    aws_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    console_port: Option<String>,
    #[arg(long, global = true, value_name = "PORT")]
    console_tls_port: Option<String>,
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
            durability: self.durability.clone(),
            disk_limit: self.disk_limit.clone(),
            segment_size: self.segment_size.clone(),
            checkpoint_size: self.checkpoint_size.clone(),
            repair: self.repair.then_some(true),
            memory_limit: self.memory_limit.clone(),
            dev: self.dev.then_some(true),
            allow_plaintext: self.allow_plaintext.then_some(true),
            log: self.log.clone(),
            io_threads: self.io_threads.clone(),
            region: self.region.clone(),
            secret_key_file: self.secret_key_file.clone(),
            users_file: self.users_file.clone(),
            master_key_file: self.master_key_file.clone(),
            tls_dir: self.tls_dir.clone(),
            tls_only: self.tls_only.then_some(true),
            tls_min_version: self.tls_min_version.clone(),
            client_certificate: self.client_certificate.clone(),
            encryption: self.encryption.clone(),
            encryption_key_file: self.encryption_key_file.clone(),
            encryption_key_credential: self.encryption_key_credential.clone(),
            encryption_key_command: self.encryption_key_command.clone(),
            encryption_new_key_file: self.encryption_new_key_file.clone(),
            mqtt_port: self.mqtt_port.clone(),
            mqtt_tls_port: self.mqtt_tls_port.clone(),
            amqp_tls_port: self.amqp_tls_port.clone(),
            stomp_tls_port: self.stomp_tls_port.clone(),
            console_tls_port: self.console_tls_port.clone(),
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
    /// Check, show or compact the store of a broker that is stopped
    #[command(subcommand)]
    Store(StoreCommand),
    /// Make a store of a backup, in a data folder that is empty or new
    Restore {
        /// Folder of the backup
        backup: PathBuf,
    },
    /// Add, change, remove, list or import users, whether a broker runs or not
    #[command(subcommand)]
    User(UserCommand),
    /// Add, change, remove or list access keys of users, for AWS SDKs
    #[command(subcommand)]
    Key(KeyCommand),
    /// Check the permissions file, explain what it decides, or make one of another broker's
    #[command(subcommand)]
    Permissions(PermissionsCommand),
    /// Make a development authority, and certificates of it for the broker and for clients
    Certs(CertsArguments),
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

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Read everything and name each damage; exit code 1 if there is any
    Check,
    /// Show the files, and how much of them is still needed
    Stats,
    /// Print the records, one a line
    Dump {
        /// Number of the first one
        #[arg(long, value_name = "LSN", default_value_t = 1)]
        from: u64,
        /// How many at most
        #[arg(long, value_name = "N")]
        max: Option<u64>,
    },
    /// Give back the space of what is not needed any more
    Compact,
    /// Change the master key of an encrypted store; nothing else is rewritten
    Rekey,
    /// Change the store to the newest format, which older programs cannot read
    Finalize,
}
