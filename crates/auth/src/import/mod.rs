//! Users of other brokers, from the files that those keep them in.

mod mosquitto;
mod rabbitmq;
#[cfg(test)]
mod tests;

use crate::hash::HashError;
use crate::users::{MAX_NAME, User};

/// Of a file as text.
const MAX_FILE: usize = 64 << 20;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub users: Vec<User>,
    /// What could not be taken over as it was, one sentence each, for people.
    pub notes: Vec<String>,
}

/// Why nothing was imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("the file is larger than {MAX_FILE} bytes")]
    TooLarge,
    #[error("this is neither RabbitMQ's definitions in JSON nor a password file of mosquitto: it names no user")]
    Unknown,
    #[error("RabbitMQ's definitions cannot be read: {0}")]
    Json(String),
    #[error("line {line}: {wrong}")]
    Line { line: usize, wrong: String },
    #[error("user {user:?}: {wrong}")]
    Hash { user: String, wrong: HashError },
    #[error("user {0:?}: passwords hashed with {1:?} are not taken over")]
    Algorithm(String, String),
}

impl Imported {
    /// Reads RabbitMQ's definitions (`rabbitmqctl export_definitions`) or a password file of mosquitto, whichever it is.
    /// Passwords stay as they were hashed, until their users log in.
    ///
    /// # Errors
    /// The first thing that cannot be read: nothing is passed over.
    pub fn parse(text: &str) -> Result<Self, ImportError> {
        if text.len() > MAX_FILE {
            return Err(ImportError::TooLarge);
        }
        let imported =
            if text.trim_start().starts_with('{') { rabbitmq::parse(text)? } else { mosquitto::parse(text)? };
        if imported.users.is_empty() { Err(ImportError::Unknown) } else { Ok(imported) }
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}
