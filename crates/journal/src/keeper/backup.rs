//! Backups of a store while it is written.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use super::{Desk, Keeper};
use crate::batch::Lsn;
use crate::checkpoint;
use crate::crypt::KEY_FILES;
use crate::disk::{Disk, failed};
use crate::error::Error;
use crate::events::Events;
use crate::identity;
use crate::manifest::{Manifest, Progress, copy, prepare};

/// Gives the keeper errands, from any thread.
#[derive(Clone)]
pub struct KeeperHandle {
    pub(super) desk: Arc<Desk>,
}

/// A backup to be made.
pub(crate) struct Errand {
    to: Arc<dyn Disk>,
    progress: Box<dyn FnMut(Progress) + Send>,
    answer: Sender<Result<Backup, Error>>,
}

/// A backup that was made.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The last record in it.
    pub last: Lsn,
    /// Of all files.
    pub bytes: u64,
}

impl KeeperHandle {
    /// Copies the store, as it is when the keeper comes to it, to an empty disk. Waits for that; commits go on meanwhile.
    pub fn backup(&self, to: Arc<dyn Disk>, progress: impl FnMut(Progress) + Send + 'static) -> Result<Backup, Error> {
        let (answer, answers) = channel();
        let ended = closed(&*to);
        match self.desk.errand(Errand { to, progress: Box::new(progress), answer }) {
            Ok(()) => answers.recv().unwrap_or(Err(ended)),
            Err(_) => Err(ended),
        }
    }
}

impl Keeper {
    /// Does an errand. That it fails is no fault of the store.
    pub(super) fn run_errand(&self, mut errand: Errand, on: &mut dyn Events) {
        let made = self.back_up(&errand.to, &mut errand.progress, on);
        // Who does not wait for the answer does not want it.
        let _ = errand.answer.send(made);
    }

    fn back_up(
        &self,
        to: &Arc<dyn Disk>,
        progress: &mut dyn FnMut(Progress),
        on: &mut dyn Events,
    ) -> Result<Backup, Error> {
        prepare(&**to)?;
        let (files, last) = self.files_to_copy()?;
        let (mut done, total) = (0, files.iter().map(|(_, bytes)| bytes).sum());
        let mut manifest = Manifest { last, files: Vec::new() };
        for (name, bytes) in files {
            let copied = copy(&*self.disk, &**to, &name, bytes, &mut |more| {
                done += more;
                progress(Progress { done, total });
                if self.desk.is_closed() {
                    return Err(closed(&**to));
                }
                // The writer does not wait for a backup.
                self.make_spare(on)
            })?;
            manifest.files.push(copied);
        }
        manifest.save(&**to)?;
        Ok(Backup { last, bytes: manifest.bytes() })
    }

    /// All files of the store and how much of each is to be copied: the last segment up to the last durable frame.
    fn files_to_copy(&self) -> Result<(Vec<(String, u64)>, Lsn), Error> {
        let index = self.shared.index();
        let (end, next) = index.end();
        let mut files: Vec<(String, u64)> =
            index.files().iter().map(|entry| (entry.file.name(), entry.bytes)).collect();
        drop(index);
        if let Some((_, bytes)) = files.last_mut() {
            *bytes = end;
        }
        let mut small = vec![identity::NAME];
        small.extend(KEY_FILES.iter().filter(|_| self.vault.has_key()));
        if self.durable.is_some() {
            small.extend(checkpoint::FILES);
        }
        for name in small {
            let file = match self.disk.open(name) {
                // If the disk was full, there is only one checkpoint; the other is made where the backup is opened.
                Err(error) if error.kind() == ErrorKind::NotFound && checkpoint::FILES.contains(&name) => continue,
                other => other.map_err(failed(&*self.disk, "open", name))?,
            };
            files.push((name.to_owned(), file.size().map_err(failed(&*self.disk, "read", name))?));
        }
        Ok((files, Lsn(next.0 - 1)))
    }
}

fn closed(to: &dyn Disk) -> Error {
    Error::Backup { path: to.path(""), reason: "was not filled: the store is closed" }
}
