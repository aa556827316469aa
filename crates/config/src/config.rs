use std::path::PathBuf;
use std::time::Duration;

use crate::binding::{Binding, Exchange};
use crate::directory::{Ldap, Oauth};
use crate::error::Errors;
use crate::flags::Flags;
use crate::key_source::{KeySource, key};
use crate::listener::Listener;
use crate::load;
use crate::machine::Machine;
use crate::queue::Queue;
use crate::secret::Secret;
use crate::topic::{Subscription, Topic};
use crate::value::Table;
use crate::virtual_host::VirtualHost;
use crate::words::{CertificateUser, Durability, Encryption};

/// The whole configuration, checked. What each field means stands in `REFERENCE.md`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub data: PathBuf,
    pub ephemeral: bool,
    pub durability: Durability,
    /// Bytes; `None`: as much as there is.
    pub disk_limit: Option<u64>,
    /// Bytes.
    pub segment_size: u64,
    /// Bytes.
    pub checkpoint_size: u64,
    pub repair: bool,
    /// Bytes.
    pub memory_limit: u64,
    pub dev: bool,
    pub region: String,
    pub auto_create: bool,
    pub io_threads: usize,
    pub log: String,
    /// Bytes.
    pub max_message_size: usize,
    pub allow_plaintext: bool,
    pub permissions_file: Option<PathBuf>,
    pub audit_log: Option<PathBuf>,
    pub max_connections: usize,
    pub max_connections_per_user: Option<usize>,
    /// Zero: for ever.
    pub slow_consumer_timeout: Duration,
    pub max_keep_alive: Option<Duration>,
    pub max_queues: usize,
    pub max_queues_per_user: Option<usize>,
    pub login_timeout: Duration,
    /// Zero: nothing is remembered.
    pub login_cache: Duration,
    /// Bytes.
    pub password_memory: u64,
    pub password_passes: u32,
    pub users_file: PathBuf,
    /// `None`: who shows nothing is refused.
    pub anonymous: Option<String>,
    pub certificate_user: CertificateUser,
    /// `None`: the store makes one and keeps it.
    pub secret_key: Option<Secret<[u8; 32]>>,
    /// `None`: it is in a file in `data`, which is made once.
    pub master_key: Option<Secret<[u8; 32]>>,
    /// `None`: as the store is.
    pub encryption: Option<Encryption>,
    /// There if the store is to be encrypted.
    pub encryption_key: Option<KeySource>,
    /// What the store's key is to be changed to.
    pub encryption_new_key: Option<Secret<[u8; 32]>>,
    /// Those that are enabled, by face.
    pub listeners: Vec<Listener>,
    pub queues: Vec<Queue>,
    pub topics: Vec<Topic>,
    pub exchanges: Vec<Exchange>,
    pub bindings: Vec<Binding>,
    pub subscriptions: Vec<Subscription>,
    pub virtual_hosts: Vec<VirtualHost>,
    pub ldap: Vec<Ldap>,
    pub oauth: Vec<Oauth>,
    /// What the fields were made of, with its origins.
    pub(crate) effective: Table,
}

/// Where the settings come from; a later field overrides an earlier one.
#[derive(Debug)]
pub struct Sources<E> {
    /// The path, as it is to stand in errors, and the text of the configuration file.
    pub file: Option<(PathBuf, String)>,
    /// All variables; those that do not begin with `CAUSEWAY_` are passed over.
    pub environment: E,
    pub flags: Flags,
    /// What defaults depend on.
    pub machine: Machine,
}

/// Which address space a name belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Namespace {
    /// 12 digits.
    pub account: String,
    pub region: String,
}

impl Config {
    /// Puts the sources together and checks them. Reads no file but those that hold secrets.
    ///
    /// # Errors
    /// Every mistake in every source, not only the first.
    pub fn load<E>(sources: Sources<E>) -> Result<Self, Errors>
    where
        E: Iterator<Item = (String, String)>,
    {
        load::load(sources).map(Self::new)
    }

    /// Of a table that is complete and without errors.
    fn new(effective: Table) -> Self {
        let data = PathBuf::from(effective.text("data"));
        Self {
            users_file: effective.text_of("users_file").map_or_else(|| data.join("users.toml"), PathBuf::from),
            data,
            ephemeral: effective.bool("ephemeral"),
            durability: effective.word("durability", Durability::from_name),
            disk_limit: effective.optional_number("disk_limit"),
            segment_size: effective.number("segment_size"),
            checkpoint_size: effective.number("checkpoint_size"),
            repair: effective.bool("repair"),
            memory_limit: effective.number("memory_limit"),
            dev: effective.bool("dev"),
            region: effective.text("region"),
            auto_create: effective.bool("auto_create"),
            io_threads: effective.number("io_threads"),
            log: effective.text("log"),
            max_message_size: effective.number("max_message_size"),
            allow_plaintext: effective.bool("allow_plaintext"),
            permissions_file: effective.optional_text("permissions_file").map(PathBuf::from),
            audit_log: effective.optional_text("audit_log").map(PathBuf::from),
            max_connections: effective.number("max_connections"),
            max_connections_per_user: effective.optional_number("max_connections_per_user"),
            slow_consumer_timeout: effective.duration("slow_consumer_timeout"),
            max_keep_alive: effective.optional_duration("max_keep_alive"),
            max_queues: effective.number("max_queues"),
            max_queues_per_user: effective.optional_number("max_queues_per_user"),
            login_timeout: effective.duration("login_timeout"),
            login_cache: effective.duration("login_cache"),
            password_memory: effective.number("password_memory"),
            password_passes: effective.number("password_passes"),
            anonymous: effective.optional_text("anonymous"),
            certificate_user: effective.word("certificate_user", CertificateUser::from_name),
            secret_key: key(&effective, "secret_key"),
            master_key: key(&effective, "master_key"),
            listeners: listeners(&effective),
            encryption: effective.optional_text("encryption").and_then(|word| Encryption::from_name(&word)),
            encryption_key: KeySource::new(&effective),
            encryption_new_key: key(&effective, "encryption_new_key"),
            queues: effective.tables("queue").iter().map(Queue::new).collect(),
            topics: effective.tables("topic").iter().map(Topic::new).collect(),
            exchanges: effective.tables("exchange").iter().map(Exchange::new).collect(),
            bindings: effective.tables("binding").iter().map(Binding::new).collect(),
            subscriptions: effective.tables("subscription").iter().map(Subscription::new).collect(),
            virtual_hosts: effective.tables("virtual_host").iter().map(VirtualHost::new).collect(),
            ldap: effective.tables("ldap").iter().map(Ldap::new).collect(),
            oauth: effective.tables("oauth").iter().map(Oauth::new).collect(),
            effective,
        }
    }
}

fn listeners(effective: &Table) -> Vec<Listener> {
    let folder = effective.optional_text("tls_dir").map(PathBuf::from);
    let enabled = effective.tables("listener").iter().filter(|table| table.bool("enabled"));
    enabled.map(|table| Listener::new(table, folder.clone())).collect()
}
