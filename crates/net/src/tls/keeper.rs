use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;

use crate::tls::build::{Built, build};
use crate::tls::files::{Looks, Sources};
use crate::tls::{Error, Options};

/// What was made of a listener's files. Listeners of the same files may share it.
#[derive(Debug)]
pub struct Keeper {
    options: Options,
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    built: Built,
    /// What the files looked like just before they were read.
    looks: Looks,
}

/// How long something that TLS needs is good.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime {
    pub file: PathBuf,
    pub kind: Kind,
    /// The distinguished name (RFC 4514); empty for a revocation list.
    pub subject: String,
    /// Seconds since the Unix epoch.
    pub ends: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Certificate,
    Authority,
    Revocations,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Authority => "authority",
            Self::Revocations => "revocation list",
        }
    }
}

impl Lifetime {
    pub(super) fn new(file: &Path, kind: Kind, subject: String, ends: i64) -> Self {
        Self { file: file.to_owned(), kind, subject, ends }
    }
}

impl Keeper {
    /// Reads the files.
    ///
    /// # Errors
    /// One of them is missing, wrong, or does not fit another.
    pub fn load(options: Options) -> Result<Self, Error> {
        let current = Current::read(&options)?;
        Ok(Self { options, current: RwLock::new(current) })
    }

    /// Reads the files again; on an error what was read before stays.
    pub(super) fn reload(&self) -> Result<(), Error> {
        let current = Current::read(&self.options)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(())
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Of everything that is in use now.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        self.with(|current| current.built.lifetimes.clone())
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.with(|current| current.built.config.clone())
    }

    /// What the files looked like when they were read.
    pub(super) fn looks(&self) -> Looks {
        self.with(|current| current.looks.clone())
    }

    fn with<T>(&self, read: impl FnOnce(&Current) -> T) -> T {
        read(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Current {
    fn read(options: &Options) -> Result<Self, Error> {
        let looks = Sources::look(options);
        Ok(Self { built: build(options, &looks.0)?, looks })
    }
}
