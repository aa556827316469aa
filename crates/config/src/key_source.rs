//! Where the master key of the store comes from.

use crate::secret::Secret;
use crate::value::{Table, Value};

/// The settings that name one; at most one of them is set.
pub(crate) const NAMES: [&str; 3] = ["encryption_key", "encryption_key_credential", "encryption_key_command"];

/// Where a master key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    Given(Secret<[u8; 32]>),
    /// The name of a credential of systemd.
    Credential(String),
    /// A line for the shell, which prints it.
    Command(String),
}

impl KeySource {
    /// Of a table that is complete and without errors.
    pub(crate) fn new(effective: &Table) -> Option<Self> {
        let [given, credential, command] = NAMES;
        let text = |name| effective.optional_text(name);
        key(effective, given)
            .map(Self::Given)
            .or_else(|| text(credential).map(Self::Credential))
            .or_else(|| text(command).map(Self::Command))
    }
}

/// The setting `name`, if it is a key of 32 bytes.
pub(crate) fn key(effective: &Table, name: &str) -> Option<Secret<[u8; 32]>> {
    match effective.value(name)? {
        Value::Bytes(bytes) => bytes.as_slice().try_into().ok().map(Secret::new),
        _ => None,
    }
}
