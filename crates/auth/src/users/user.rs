use std::collections::BTreeSet;

use super::Wrong;
use super::mapping::normal;
use super::names::{MAX_GROUPS, check_name};
use crate::hash::Hash;
use crate::identity::{Identity, Source};
use crate::scram::ScramSecret;

/// Names of certificates of one user.
pub(super) const MAX_CERTIFICATES: usize = 64;
/// Bytes of one.
const MAX_CERTIFICATE: usize = 1_024;

/// One user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub name: String,
    /// `None`: nobody logs in with this name and a password.
    pub hash: Option<Hash>,
    pub groups: BTreeSet<String>,
    pub administrator: bool,
    pub monitor: bool,
    /// Made of the same password as `hash`.
    pub scram: Option<ScramSecret>,
    /// Whose client certificate is the user's: distinguished names (RFC 4514), common names, or alternative names.
    pub certificates: Vec<String>,
}

impl User {
    /// Somebody who cannot log in yet and may do nothing of their own.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub fn identity(&self, source: Source) -> Identity {
        Identity {
            administrator: self.administrator,
            monitor: self.monitor,
            ..Identity::new(self.name.clone(), self.groups.clone(), source)
        }
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        check_name(&self.name)?;
        self.groups.iter().try_for_each(|group| check_name(group))?;
        if self.groups.len() > MAX_GROUPS {
            return Err(Wrong::Groups);
        }
        if self.scram.is_some() && self.hash.is_none() {
            return Err(Wrong::ScramAlone);
        }
        if self.certificates.len() > MAX_CERTIFICATES {
            return Err(Wrong::Certificates);
        }
        let odd = |name: &&String| {
            name.trim().is_empty() || name.len() > MAX_CERTIFICATE || name.chars().any(char::is_control)
        };
        match self.certificates.iter().find(odd) {
            Some(name) => Err(Wrong::Certificate(name.chars().take(MAX_CERTIFICATE).collect())),
            None => Ok(()),
        }
    }

    /// In the form that names are compared in.
    pub(super) fn certificate_names(&self) -> impl Iterator<Item = String> {
        self.certificates.iter().map(|name| normal(name))
    }
}
