//! What clients have in common that take from one queue and send to another, both in one transaction.

use crate::oracle::Id;
use crate::world::World;

/// Messages of one transaction.
const BATCH: usize = 50;

#[derive(Clone, Copy)]
pub(crate) struct Forward {
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
}

impl Forward {
    /// To be said before the first byte leaves.
    pub(crate) fn sent(self, world: &World, id: Id) {
        world.oracle().sent(Id { stream: self.to, ..id });
    }

    /// The broker has answered the commit.
    pub(crate) fn committed(self, world: &World, ids: &[Id]) {
        let mut oracle = world.oracle();
        for id in ids {
            oracle.confirmed(Id { stream: self.to, ..*id });
            oracle.settled(*id);
        }
    }
}

/// Whether to commit: enough is staged, or nothing more has come so far.
pub(crate) fn is_time(staged: &[Id], has_more: bool) -> bool {
    !staged.is_empty() && (staged.len() >= BATCH || !has_more)
}
