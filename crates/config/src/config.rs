use std::path::PathBuf;
use std::time::Duration;

use crate::binding::{Binding, Exchange};
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
use crate::words::{Durability, Encryption};

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
    pub max_connections: usize,
    pub login_timeout: Duration,
    /// `None`: the store makes one and keeps it.
    pub secret_key: Option<Secret<[u8; 32]>>,
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
        Self {
            data: effective.text("data").into(),
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
            max_connections: effective.number("max_connections"),
            login_timeout: effective.duration("login_timeout"),
            secret_key: key(&effective, "secret_key"),
            encryption: effective.optional_text("encryption").and_then(|word| Encryption::from_name(&word)),
            encryption_key: KeySource::new(&effective),
            encryption_new_key: key(&effective, "encryption_new_key"),
            listeners: effective.tables("listener").iter().filter(|t| t.bool("enabled")).map(Listener::new).collect(),
            queues: effective.tables("queue").iter().map(Queue::new).collect(),
            topics: effective.tables("topic").iter().map(Topic::new).collect(),
            exchanges: effective.tables("exchange").iter().map(Exchange::new).collect(),
            bindings: effective.tables("binding").iter().map(Binding::new).collect(),
            subscriptions: effective.tables("subscription").iter().map(Subscription::new).collect(),
            virtual_hosts: effective.tables("virtual_host").iter().map(VirtualHost::new).collect(),
            effective,
        }
    }
}
