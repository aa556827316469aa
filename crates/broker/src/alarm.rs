//! What the broker is short of, and who is told.

use std::sync::Arc;

use model::{Alarm, Culprit, Effect, Lsn, Resource};

use crate::broker::Broker;
use crate::memory::Memory;
use crate::queue::Queue;
use crate::step::{Outgoing, Step};

/// The alarm that publishers wait for.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Raised at the limit, over at three quarters of it.
    short_of_memory: bool,
    alarm: Option<Alarm>,
}

impl Broker {
    pub(crate) fn alarm(&self) -> Option<&Alarm> {
        self.watch.alarm.as_ref()
    }

    /// At the end of a step: raises an alarm or ends it, and tells everybody.
    pub(crate) fn watch_room(&mut self, step: &mut Step) {
        let Memory { used, limit, .. } = self.memory;
        let before = self.watch.short_of_memory;
        self.watch.short_of_memory = if before { used > limit / 4 * 3 } else { used >= limit && limit > 0 };
        let short_of = match self.space {
            Some(space) if space.short || space.stalled => Some(Resource::Disk),
            _ => self.watch.short_of_memory.then_some(Resource::Memory),
        };
        if short_of == self.watch.alarm.as_ref().map(|alarm| alarm.short_of) {
            return;
        }
        self.watch.alarm = short_of.map(|short_of| Alarm { short_of, culprit: self.culprit() });
        for connection in self.connections.iter().filter(|it| !it.is_vacated) {
            let effect = Effect::Throttle { reason: self.watch.alarm.clone() };
            step.effects.push(Outgoing { connection: connection.id, after: Lsn(0), effect });
        }
    }

    /// The queue that holds most, if any holds anything.
    fn culprit(&self) -> Option<Arc<Culprit>> {
        // Of several that hold the same, the first in order of name.
        let most = |best, queue| if holds(queue) > holds(best) { queue } else { best };
        let queue = self.registry.all().reduce(most).filter(|queue| holds(queue) > 0)?;
        Some(Arc::new(Culprit { queue: queue.name.clone(), messages: queue.len(), bytes: queue.counts.bytes }))
    }
}

fn holds(queue: &Queue) -> u64 {
    queue.counts.bytes
}
