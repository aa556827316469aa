//! Permissions of other brokers, as a permissions file.
//!
//! Nothing that is not understood becomes a right: it is left out, and said.

mod activemq;
mod mosquitto;
mod rabbitmq;
mod writer;

/// Bytes of a file of another broker.
const MAX_FILE: usize = 64 << 20;
/// What rules, and these brokers too, take for more than a name.
const SPECIAL: [&str; 2] = ["*", "$anonymous"];

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `activemq.xml` of ActiveMQ, with its `<authorizationMap>`.
    ActiveMq,
    /// `definitions.json` of RabbitMQ.
    RabbitMq,
    /// The `acl_file` of mosquitto.
    Mosquitto,
}

/// A permissions file that says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub toml: String,
    /// Virtual hosts that the configuration must give a namespace.
    pub hosts: Vec<String>,
    /// Entries that it has.
    pub entries: usize,
    /// What it does not say: a line each. They are comments of the file, too.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("larger than {MAX_FILE} bytes")]
    TooLarge,
    #[error("not XML: {0}")]
    Xml(String),
    /// Nothing that a file may define on its own is expanded.
    #[error("a document type (<!DOCTYPE) is not accepted")]
    DocumentType,
    #[error("no <authorizationMap> in it")]
    NoAuthorizationMap,
    /// What would be allowed without it is not known.
    #[error("{0}: this denial cannot be said here: change it first")]
    Denial(String),
    #[error("not JSON, or no definitions of RabbitMQ: {0}")]
    Json(String),
}

impl Origin {
    /// By the first character: XML, JSON, or lines.
    pub fn guess(text: &str) -> Self {
        match text.trim_start_matches('\u{feff}').trim_start().chars().next() {
            Some('<') => Self::ActiveMq,
            Some('{') => Self::RabbitMq,
            _ => Self::Mosquitto,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::ActiveMq => "ActiveMQ",
            Self::RabbitMq => "RabbitMQ",
            Self::Mosquitto => "mosquitto",
        }
    }
}

/// Reads the permissions of another broker.
///
/// # Errors
/// If it is not such a file. Single entries that cannot be said are notes.
pub fn import(text: &str, origin: Origin) -> Result<Imported, ImportError> {
    if text.len() > MAX_FILE {
        return Err(ImportError::TooLarge);
    }
    let text = text.trim_start_matches('\u{feff}');
    match origin {
        Origin::ActiveMq => activemq::import(text),
        Origin::RabbitMq => rabbitmq::import(text),
        Origin::Mosquitto => mosquitto::import(text),
    }
}
