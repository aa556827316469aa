//! Who has made how many queues.

use std::collections::BTreeMap;

use model::{ConnectionId, Name, Refusal};

use crate::broker::Broker;
use crate::rights::Rights;

/// Queues by the users who made them, since the start.
#[derive(Debug, Default)]
pub(crate) struct Makers {
    counts: BTreeMap<Name, usize>,
}

impl Makers {
    pub(crate) fn add(&mut self, user: &Name) {
        *self.counts.entry(user.clone()).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, user: &Name) {
        if let Some(count) = self.counts.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(user);
            }
        }
    }
}

impl Broker {
    /// Whether there may be one more queue, made by this connection; and which user it counts for.
    pub(crate) fn may_make(&self, id: ConnectionId) -> Result<Option<Name>, Refusal> {
        let most = self.options.max_queues;
        if self.registry.len() >= most {
            return Err(Refusal::Limit("queues", most as u64));
        }
        let rights = self.connections.get(id).map(|connection| &connection.rights);
        let Some(user) = rights.filter(|rights| rights.guarded().is_some()).map(Rights::user) else { return Ok(None) };
        let count = self.makers.counts.get(&user).copied().unwrap_or_default();
        match self.options.max_queues_per_user {
            Some(most) if count >= most => Err(Refusal::Limit("queues of a user", most as u64)),
            _ => Ok(Some(user.detached())),
        }
    }

    /// A queue counts for a user until it is deleted.
    pub(crate) fn note_maker(&mut self, n: u32, user: Option<Name>) {
        if let (Some(user), Some(queue)) = (user, self.registry.queue_mut(n)) {
            self.makers.add(&user);
            queue.maker = Some(user);
        }
    }
}
