//! The users file and the permissions file are read anew when they change. What is wrong changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use crate::access::Access;

/// How often the files are looked at: a right that is taken away counts within a second.
const LOOK: Duration = Duration::from_millis(400);

/// A file, and how it looked when it was read last.
#[derive(Debug)]
pub(crate) struct Watched {
    path: PathBuf,
    seen: Option<Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    bytes: u64,
    inode: u64,
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Same,
    Changed,
    /// It was there before.
    Gone,
}

impl Watched {
    /// As it is now.
    pub(crate) fn new(path: PathBuf) -> Self {
        let seen = stamp(&path);
        Self { path, seen }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn look(&mut self) -> Look {
        let now = stamp(&self.path);
        let before = std::mem::replace(&mut self.seen, now);
        match (before, now) {
            (before, now) if before == now => Look::Same,
            (_, Some(_)) => Look::Changed,
            (_, None) => Look::Gone,
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp { modified: metadata.modified().ok()?, bytes: metadata.len(), inode: metadata.ino() })
}

/// Looks after the files until the other end of `stop` is gone. `changed` is called after each change that counts.
pub(crate) fn watch(access: &Arc<Access>, mut files: Files, stop: &Receiver<()>, changed: impl Fn()) {
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(LOOK) {
        access.write_outdated();
        let users = match files.users.look() {
            Look::Changed => report(access.reload_users(), "users file", files.users.path()),
            Look::Gone => gone("users file", files.users.path()),
            Look::Same => false,
        };
        let permissions = match files.permissions.look() {
            Look::Changed => report(access.reload_permissions(), "permissions file", files.permissions.path()),
            Look::Gone => gone("permissions file", files.permissions.path()),
            Look::Same => false,
        };
        if users || permissions || access.passes_time() {
            changed();
        }
    }
}

pub(crate) struct Files {
    pub(crate) users: Watched,
    pub(crate) permissions: Watched,
}

fn report(result: Result<(), String>, what: &str, path: &Path) -> bool {
    match result {
        Ok(()) => {
            tracing::info!("the {what} {} was read anew", path.display());
            true
        }
        Err(error) => {
            tracing::error!("the {what} {} stays as it was: {error}", path.display());
            false
        }
    }
}

/// Nobody gets more rights because a file was lost.
fn gone(what: &str, path: &Path) -> bool {
    tracing::error!("the {what} {} is gone: what it said counts until there is another", path.display());
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_until_it_is_written_replaced_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        let mut watched = Watched::new(path.clone());
        assert_eq!(watched.look(), Look::Same);
        std::fs::write(&path, "one").unwrap();
        assert_eq!((watched.look(), watched.look()), (Look::Changed, Look::Same));
        let other = folder.path().join("other");
        std::fs::write(&other, "two").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!((watched.look(), watched.look()), (Look::Changed, Look::Same));
        std::fs::remove_file(&path).unwrap();
        assert_eq!((watched.look(), watched.look()), (Look::Gone, Look::Same));
    }
}
