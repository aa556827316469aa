//! Backups: the shell makes them, and whoever asked is told.

use std::collections::BTreeMap;

use model::{Backup, ConnectionId, Effect, Lsn, Refusal, Reply, Token};

use crate::broker::Broker;
use crate::step::Step;

/// Backups that were asked for and have not ended.
#[derive(Debug, Default)]
pub(crate) struct Backups {
    next: u64,
    running: BTreeMap<u64, (ConnectionId, Token)>,
}

impl Backups {
    /// Nobody is there any more to be told.
    pub(crate) fn forget(&mut self, id: ConnectionId) {
        self.running.retain(|_, (connection, _)| *connection != id);
    }
}

impl Broker {
    pub(crate) fn back_up(&mut self, id: ConnectionId, token: Token, folder: String, step: &mut Step) {
        if !self.options.evicts {
            let refusal = Refusal::Invalid("this broker keeps nothing on disk that could be backed up".into());
            return self.refuse(id, token, refusal, step);
        }
        let job = self.backups.next;
        self.backups.next += 1;
        self.backups.running.insert(job, (id, token));
        step.backups.push((job, folder));
    }

    pub(crate) fn backing_up(&mut self, job: u64, progress: Backup, step: &mut Step) {
        let Some((id, token)) = self.backups.running.get(&job).copied() else { return };
        match progress {
            Backup::At(done, total) => {
                return self.answer(id, Lsn(0), Effect::Progress { token, done, total }, step);
            }
            Backup::Done(lsn, bytes) => self.reply(id, token, Reply::BackedUp { lsn, bytes }, step),
            Backup::Failed(text) => self.refuse(id, token, Refusal::Invalid(text), step),
        }
        self.backups.running.remove(&job);
    }
}
