//! Which queues hold most, and who has not settled what. Counts only: no entry is looked at but the oldest one's block.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use model::{ConnectionId, Holding};

use crate::broker::Broker;
use crate::connections::Connection;
use crate::queue::Queue;

/// Queues of one answer.
const QUEUES: usize = 1_000;
/// Consumers of each that are named, those with most unsettled.
const CONSUMERS: usize = 16;

impl Broker {
    /// The queues with most bytes, internal ones too.
    pub(crate) fn holdings(&self, most: usize) -> Vec<Holding> {
        let mut queues: Vec<&Queue> = self.registry.all().filter(|queue| queue.len() > 0).collect();
        // Stable: those that hold the same stay in order of name.
        queues.sort_by_key(|queue| Reverse((queue.counts.bytes, queue.len())));
        queues.truncate(most.min(QUEUES));
        let mut consumers: BTreeMap<u32, BTreeMap<ConnectionId, u64>> =
            queues.iter().map(|queue| (queue.n, BTreeMap::new())).collect();
        for (_, consumer) in self.consumers.iter().filter(|(_, consumer)| !consumer.is_cursor()) {
            if let Some(of_queue) = consumers.get_mut(&consumer.queue) {
                *of_queue.entry(consumer.connection).or_default() += u64::from(consumer.leased);
            }
        }
        let mut holding = |queue: &Queue| Holding {
            queue: queue.id(),
            namespace: queue.namespace,
            name: queue.name.clone(),
            messages: queue.len(),
            bytes: queue.counts.bytes,
            in_memory: queue.entries.blocks_from(0).map(|block| u64::from(block.count())).sum(),
            oldest: queue.oldest().map(|(arrived, _)| arrived),
            leased: queue.counts.leased,
            consumers: self.named(consumers.remove(&queue.n).unwrap_or_default()),
        };
        queues.into_iter().map(&mut holding).collect()
    }

    fn named(&self, unsettled: BTreeMap<ConnectionId, u64>) -> Vec<(String, u64)> {
        let mut unsettled: Vec<(ConnectionId, u64)> = unsettled.into_iter().collect();
        unsettled.sort_by_key(|(_, count)| Reverse(*count));
        unsettled.truncate(CONSUMERS);
        unsettled.into_iter().filter_map(|(id, count)| Some((name(self.connections.get(id)?), count))).collect()
    }
}

/// Its client id, else the address it comes from, else how the broker calls it.
fn name(connection: &Connection) -> String {
    if !connection.client.as_bytes().is_empty() {
        return connection.client.to_text().into_owned();
    }
    let ConnectionId { thread, slot, generation } = connection.id;
    let own = || format!("{} {thread}.{slot}.{generation}", connection.peer.protocol);
    connection.peer.address.map_or_else(own, |address| address.to_string())
}
