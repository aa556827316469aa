//! What lets the journal be trimmed: now and then everything that is not a message is written again, and once all
//! messages recorded before that are gone, so may the records be.
//!
//! The journal always begins with a checkpoint (or with the store's first record). One old message keeps everything
//! since the checkpoint before it; an open or prepared transaction keeps the next checkpoint from being written.

use std::collections::BTreeMap;

use model::{Lsn, Namespace, Time};

use crate::broker::Broker;
use crate::record::{Declared, Published, Record, Tie};
use crate::router::Target;
use crate::step::Step;

/// Records of one bucket are counted together.
const BUCKET_BITS: u32 = 8;

/// How many entries need which part of the journal.
#[derive(Debug, Default)]
pub(crate) struct Live(BTreeMap<u64, u64>);

impl Live {
    pub(crate) fn add(&mut self, lsn: u64) {
        *self.0.entry(lsn >> BUCKET_BITS).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, lsn: u64) {
        let bucket = lsn >> BUCKET_BITS;
        let Some(count) = self.0.get_mut(&bucket) else { return };
        *count -= 1;
        if *count == 0 {
            self.0.remove(&bucket);
        }
    }

    /// No entry needs a record before this one; `None`: none needs any.
    fn first(&self) -> Option<u64> {
        self.0.first_key_value().map(|(bucket, _)| bucket << BUCKET_BITS)
    }
}

impl Broker {
    /// At the end of a step that wrote `written` bytes of records.
    pub(crate) fn keep_journal_short(&mut self, now: Time, written: usize, step: &mut Step) {
        self.since_checkpoint += written as u64;
        let most = self.options.checkpoint_bytes;
        // Retained messages are written again too; not so often that they are most of what is written.
        let due = most > 0 && self.since_checkpoint >= most.max(4 * self.retained.bytes());
        if due && !self.transactions.is_any_under_way() {
            self.checkpoint(now, step);
        }
        let needed = self.memory.live.first().unwrap_or(u64::MAX);
        while self.checkpoints.get(1).is_some_and(|next| *next <= needed) {
            self.checkpoints.pop_front();
            step.trim = self.checkpoints.front().map(|first| Lsn(*first));
        }
    }

    fn checkpoint(&mut self, now: Time, step: &mut Step) {
        self.since_checkpoint = 0;
        let first = self.next_lsn;
        let mut records = vec![
            Record::Numbered { below: self.numbers_below },
            Record::QueuesNumbered { below: self.registry.announced },
        ];
        for (name, namespace) in self.registry.namespaces() {
            records.push(Record::Entered { namespace, name: name.clone() });
        }
        self.checkpoint_exchanges(&mut records);
        for (namespace, name) in self.registry.topics() {
            records.push(Record::TopicDeclared { namespace: *namespace, name: name.clone() });
        }
        self.checkpoint_queues(&mut records);
        for record in &records {
            step.write(record, &mut self.next_lsn);
        }
        // These are read from their new places from now on.
        for kept in self.retained.all() {
            let published =
                Published { number: kept.number, message: kept.message, hold: None, routes: Default::default() };
            let record = Record::Published(published);
            let located = step.write(&record, &mut self.next_lsn);
            self.apply(now, record, Some(located));
        }
        let record = Record::Checkpoint { first };
        step.write(&record, &mut self.next_lsn);
        self.apply(now, record, None);
    }

    fn checkpoint_exchanges(&self, records: &mut Vec<Record>) {
        let mut namespaces: Vec<Namespace> = self.registry.namespaces().map(|(_, namespace)| namespace).collect();
        namespaces.push(Namespace(0));
        for (namespace, name, settings) in self.router.declared().filter(|(_, _, settings)| settings.durable) {
            let settings = Box::new(settings.clone());
            records.push(Record::ExchangeDeclared { namespace, name: name.clone(), settings });
        }
        for namespace in namespaces {
            for (destination, binding) in self.router.between_exchanges(namespace) {
                if self.lasts(namespace, &destination) && self.lasts(namespace, &binding.exchange) {
                    let binding = binding.as_ref().clone();
                    records.push(Record::Tied(Box::new(Tie { namespace, destination, binding })));
                }
            }
        }
    }

    fn checkpoint_queues(&self, records: &mut Vec<Record>) {
        for queue in self.registry.all().filter(|queue| queue.settings.durable) {
            let n = queue.n;
            records.push(Record::Declared(Box::new(Declared {
                queue: n,
                namespace: queue.namespace,
                name: queue.name.clone(),
                alias: queue.alias.clone(),
                settings: queue.settings.clone(),
            })));
            let (created, altered) = (queue.created, queue.altered);
            records.push(Record::Advanced { queue: n, next: queue.next_seq(), created, altered });
            if queue.mark > 1 {
                records.push(Record::Marked { queue: n, below: queue.mark });
            }
            records.extend(queue.holds.iter().map(|number| Record::Held { queue: n, number: *number }));
            let bindings = self.router.bindings_to(queue.namespace, &Target::Queue(n));
            records
                .extend(bindings.iter().map(|it| Record::Bound { queue: n, binding: Box::new(it.as_ref().clone()) }));
        }
    }

    pub(crate) fn apply_advanced(&mut self, n: u32, next: u64, created: Time, altered: Time) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        queue.created = created;
        queue.altered = altered;
        queue.skip_to(next);
    }
}
