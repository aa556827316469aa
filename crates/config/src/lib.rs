//! File, environment and command line become one checked [`Config`].
//!
//! One table, [`SETTINGS`], says which settings exist; every source is read against it, so that an unknown name is an
//! error everywhere, with the nearest known one. Every mistake is found in one go and told in one line each.

mod binding;
mod check;
mod config;
mod directory;
mod directory_check;
mod directory_settings;
mod document;
mod environment;
mod error;
mod fill;
mod flags;
mod key_source;
mod layer;
mod listener;
mod listener_settings;
mod load;
mod machine;
mod origin;
mod queue;
mod reference;
mod secret;
mod setting;
mod settings;
mod show;
mod table;
mod text_file;
mod topic;
mod units;
mod value;
mod virtual_host;
mod words;

#[cfg(test)]
mod tests;

pub use binding::{Binding, Exchange, HeaderValue};
pub use config::{Config, Namespace, Sources};
pub use directory::{Jwks, Ldap, Oauth};
pub use environment::{DISK_VARIABLE, FILE_VARIABLE};
pub use error::{Cause, Error, Errors};
pub use flags::Flags;
pub use key_source::KeySource;
pub use listener::{Certificates, Listener};
pub use machine::Machine;
pub use origin::Origin;
pub use queue::Queue;
pub use reference::reference;
pub use secret::Secret;
pub use setting::{Form, Kind, PREFIX, Preset, Rule, Setting};
pub use settings::SETTINGS;
pub use show::show;
pub use text_file::read_file;
pub use topic::{Subscription, Topic};
pub use virtual_host::VirtualHost;
pub use words::{
    Algorithm, CertificateUser, ClientCertificate, Dialect, Durability, Encryption, ExchangeKind, Face, Match,
    Overflow, TlsMode, TlsVersion,
};
