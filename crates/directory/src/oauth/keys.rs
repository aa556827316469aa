//! The keys of a server, as new as they need to be.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use config::{Jwks, Oauth};
use tracing::{info, warn};

use super::fetch::Fetch;
use super::key::KeySet;
use crate::Error;
use crate::error::No;

/// Longest file that is read, in bytes.
const LONGEST_FILE: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Keys {
    source: Source,
    refresh: Duration,
    refresh_least: Duration,
    set: RwLock<Arc<KeySet>>,
    /// Whoever has it may read the source.
    attempts: Mutex<Attempts>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(Fetch),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(fetch) => f.write_str(fetch.url()),
        }
    }
}

#[derive(Debug, Default)]
struct Attempts {
    last: Option<Instant>,
    /// What was wrong with the last one.
    wrong: Option<String>,
    /// Of the file that was read last.
    stamp: Option<Stamp>,
}

/// What changes when a file does.
type Stamp = (SystemTime, u64);

impl Keys {
    /// Reads a file at once; what a URL has is found out later, because a broker starts without its token server, too.
    ///
    /// # Errors
    /// When the file has no keys.
    pub(super) fn new(settings: &Oauth) -> Result<Self, Error> {
        let source = match &settings.keys {
            Jwks::File(path) => Source::File(path.clone()),
            Jwks::Url(url) => Source::Url(Fetch::new(url, settings.ca_file.as_deref(), settings.timeout)?),
        };
        let keys = Self {
            source,
            refresh: settings.refresh,
            refresh_least: settings.refresh_least,
            set: RwLock::default(),
            attempts: Mutex::default(),
        };
        if let Source::File(path) = &keys.source {
            keys.attempt(&mut keys.attempts(), Instant::now());
            if let Some(reason) = keys.attempts().wrong.clone() {
                return Err(Error::Keys { path: path.clone(), reason });
            }
        }
        Ok(keys)
    }

    pub(super) fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// For a token whose key is not among them. May wait for the server, but no two at once, and seldom: anybody can
    /// name a key that does not exist.
    pub(super) fn renewed(&self, now: Instant) -> Result<Arc<KeySet>, No> {
        // Who cannot judge any token waits for the first keys; the others go on with what there is.
        let mut attempts = if *self.current() == KeySet::default() {
            self.attempts()
        } else {
            self.try_attempts().ok_or_else(|| No::Unavailable("the keys are just being read".to_owned()))?
        };
        // Time has passed for who had to wait.
        let recent = attempts.last.is_some_and(|last| now.saturating_duration_since(last) < self.refresh_least);
        let waited = attempts.last.is_some_and(|last| last > now);
        if !recent && !waited {
            self.attempt(&mut attempts, now);
        }
        match &attempts.wrong {
            None => Ok(self.current()),
            Some(_) => Err(No::Unavailable("the keys of the token server cannot be read".to_owned())),
        }
    }

    /// To be called now and then: reads a file that has changed, or a URL whose time has come.
    pub(super) fn tend(&self, now: Instant) {
        let Some(mut attempts) = self.try_attempts() else { return };
        let due = match &self.source {
            Source::File(path) => stamp(path).is_ok_and(|stamp| attempts.stamp != Some(stamp)),
            Source::Url(_) => {
                let wait = if attempts.wrong.is_some() { self.refresh_least.min(self.refresh) } else { self.refresh };
                attempts.last.is_none_or(|last| now.saturating_duration_since(last) >= wait)
            }
        };
        if due {
            self.attempt(&mut attempts, now);
        }
    }

    /// Keeps what there was if it goes wrong.
    fn attempt(&self, attempts: &mut Attempts, now: Instant) {
        let read = match &self.source {
            Source::File(path) => {
                attempts.stamp = stamp(path).ok();
                read(path).map_err(|error| error.to_string())
            }
            Source::Url(fetch) => fetch.get(),
        };
        attempts.last = Some(now.max(Instant::now()));
        match read.and_then(|text| KeySet::parse(&text)) {
            Ok(set) => {
                if *self.current() != set {
                    info!("new keys from {}", self.source);
                    *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
                }
                attempts.wrong = None;
            }
            Err(why) => {
                warn!("{} cannot be used, what was known before stays: {why}", self.source);
                attempts.wrong = Some(why);
            }
        }
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_attempts(&self) -> Option<MutexGuard<'_, Attempts>> {
        match self.attempts.try_lock() {
            Ok(attempts) => Some(attempts),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.modified()?, metadata.len()))
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(path)?.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > LONGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {LONGEST_FILE} bytes")));
    }
    Ok(text)
}
