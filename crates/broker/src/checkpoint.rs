//! What bounds recovery: now and then everything that a restart must know is written again, entries as pages, and the
//! restart begins there. Of what is older only records are kept that somebody holds.

use model::{Lsn, Namespace, Time};

use crate::broker::Broker;
use crate::page::Page;
use crate::record::{Declared, Loose, Published, Record, RestingPage, StagedAgain, Tie};
use crate::router::Target;
use crate::step::Step;
use crate::transaction::{Staged, TransactionNumber};

/// Pages, and messages of a transaction, that one record names.
const NAMED_AT_A_TIME: usize = 1_024;
/// Milliseconds between checkpoints while the disk is short.
const SHORT_INTERVAL: u64 = 1_000;
/// A checkpoint is at most this part of what is written.
const SHARE: u64 = 4;

/// When the last checkpoint was, and when the next is due.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    /// Recovery is in the checkpoint that it began with: what that says of entries is news.
    pub(crate) reading: bool,
    /// A record was restored.
    pub(crate) restored: bool,
    /// What was held for entries that are gone since the restart.
    pub(crate) loose: Vec<Loose>,
    /// Bytes of records since the last one.
    pub(crate) since: u64,
    /// Bytes of records that somebody needs no more since the last one: it is what gives them back.
    pub(crate) freed: u64,
    /// Bytes of the last one.
    size: u64,
    /// By time.
    pub(crate) due: Option<Time>,
}

impl Broker {
    /// At the end of a step that wrote `written` bytes of records.
    pub(crate) fn keep_journal_short(&mut self, now: Time, written: usize, step: &mut Step) {
        let (most, interval) = (self.options.checkpoint_bytes, self.options.checkpoint_interval);
        self.checkpoints.since = self.checkpoints.since.saturating_add(written as u64);
        self.checkpoints.freed += self.memory.holds.bytes_released();
        let Checkpoints { since, freed, size, .. } = self.checkpoints;
        if most == 0 || since == 0 && freed == 0 {
            return;
        }
        // While the disk is short, what was consumed is given back soon.
        let interval =
            if self.space.is_some_and(|space| space.short) { interval.min(SHORT_INTERVAL) } else { interval };
        let due = self.checkpoints.due.map_or(now.plus(interval), |due| due.min(now.plus(interval)));
        self.checkpoints.due = (interval > 0).then_some(due);
        let by_time = interval > 0 && due <= now;
        if by_time {
            self.checkpoints.due = Some(now.plus(interval));
        }
        // It is not most of what is written, or gives back more than it takes.
        let share = size.max(self.retained.bytes());
        let due = since >= most.max(SHARE * share) || by_time && since.max(freed) >= share;
        // A commit that goes on would be in it by halves.
        if due && !self.has_commits() {
            self.checkpoint(now, step);
        }
    }

    /// The files before the next checkpoint should go soon: it is made in the next step, whatever was written.
    pub fn want_checkpoint(&mut self) {
        self.checkpoints.since = u64::MAX;
    }

    /// Nothing more will come: the last checkpoint, if anything was written since the one before.
    pub fn finish(&mut self, now: Time, step: &mut Step) {
        if self.options.checkpoint_bytes > 0 && self.checkpoints.since > 0 && !self.has_commits() {
            self.checkpoint(now, step);
        }
        self.memory.holds.append_to(&mut step.holds);
    }

    /// Writes a checkpoint.
    pub(crate) fn checkpoint(&mut self, now: Time, step: &mut Step) {
        let (first, before) = (self.next_lsn, step.records.len());
        self.write(Record::Begun { transactions: self.transactions.next }, step);
        self.write(Record::Numbered { below: self.numbers_below }, step);
        self.write(Record::QueuesNumbered { below: self.registry.announced }, step);
        let mut records = Vec::new();
        for (name, namespace) in self.registry.namespaces() {
            records.push(Record::Entered { namespace, name: name.clone() });
        }
        self.checkpoint_exchanges(&mut records);
        for (namespace, name) in self.registry.topics() {
            records.push(Record::TopicDeclared { namespace: *namespace, name: name.clone() });
        }
        for record in records {
            self.write(record, step);
        }
        let durable = self.registry.all().filter(|queue| queue.settings.durable);
        for n in durable.map(|queue| queue.n).collect::<Vec<_>>() {
            self.checkpoint_queue(n, first, step);
        }
        self.checkpoint_transactions(step);
        let doomed: Vec<(u64, u32)> = self.doomed.iter().map(|it| (it.lsn, it.len)).collect();
        for pages in doomed.chunks(NAMED_AT_A_TIME) {
            self.write(Record::Doomed { pages: pages.to_vec() }, step);
        }
        self.checkpoint_loose(step);
        // These are read from their new places from now on.
        for kept in self.retained.all() {
            let published =
                Published { number: kept.number, message: kept.message, hold: None, routes: Default::default() };
            let record = Record::Published(published);
            let located = step.write(&record, &mut self.next_lsn);
            self.apply(now, record, Some(located));
        }
        self.write(Record::Checkpoint { first }, step);
        step.checkpoint = Some(Lsn(first));
        self.checkpoints.size = (step.records.len() - before) as u64;
        self.checkpoints.since = 0;
        self.checkpoints.freed = 0;
        self.checkpoints.due = None;
    }

    fn write(&mut self, record: Record, step: &mut Step) {
        step.write(&record, &mut self.next_lsn);
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

    /// All of one queue: blocks that the journal does not have as they are, as pages, and where the others are.
    fn checkpoint_queue(&mut self, n: u32, first: u64, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        let mut records = vec![
            Record::Declared(Box::new(Declared {
                queue: n,
                namespace: queue.namespace,
                name: queue.name.clone(),
                alias: queue.alias.clone(),
                settings: queue.settings.clone(),
            })),
            Record::Advanced { queue: n, next: queue.next_seq(), created: queue.created, altered: queue.altered },
        ];
        if queue.mark > 1 {
            records.push(Record::Marked { queue: n, below: queue.mark });
        }
        records.extend(queue.holds.iter().map(|number| Record::Held { queue: n, number: *number }));
        let bindings = self.router.bindings_to(queue.namespace, &Target::Queue(n));
        records.extend(bindings.iter().map(|it| Record::Bound { queue: n, binding: Box::new(it.as_ref().clone()) }));
        let awake: Vec<u64> = queue.entries.awake().map(|it| it.no).collect();
        for record in records {
            self.write(record, step);
        }
        for no in awake {
            self.write_page(n, no, step);
        }
        let Some(queue) = self.registry.queue(n) else { return };
        let before = |page: &&Page| page.lsn < first;
        let known: Vec<RestingPage> = queue
            .entries
            .blocks_from(0)
            .filter_map(|block| Some((block.no, block.page.as_deref().filter(before)?)))
            .map(|(block, page)| RestingPage { block, lsn: page.lsn, len: page.len, summary: page.summary.clone() })
            .collect();
        for pages in known.chunks(NAMED_AT_A_TIME) {
            self.write(Record::Resting { queue: n, pages: pages.to_vec() }, step);
        }
    }

    /// What holds a record and will not be there after a restart.
    fn checkpoint_loose(&mut self, step: &mut Step) {
        let queues = self.registry.all().filter(|queue| queue.loose > 0);
        let entries = queues.flat_map(|queue| queue.entries_from(0)).filter(|(_, entry)| entry.is_loose());
        let bodies: Vec<Loose> =
            entries.filter_map(|(_, entry)| Some(Loose { located: entry.located?, size: entry.size })).collect();
        for bodies in bodies.chunks(NAMED_AT_A_TIME) {
            self.write(Record::Loose { bodies: bodies.to_vec() }, step);
        }
    }

    /// What is staged, and which of it is prepared.
    fn checkpoint_transactions(&mut self, step: &mut Step) {
        let mut records = Vec::new();
        for (number, transaction) in &self.transactions.open {
            let staged = transaction.staged.iter().filter_map(|staged| staged.again(*number));
            records.extend(staged.map(|it| Record::StagedAgain(Box::new(it))));
        }
        for (xid, number) in &self.transactions.prepared {
            let settles = self.durable_settles(*number);
            records.push(Record::Prepared { transaction: *number, xid: xid.clone(), settles });
        }
        for record in records {
            self.write(record, step);
        }
    }

    /// What the checkpoint says that recovery begins with, and is no news to a broker that came by it.
    pub(crate) fn apply_said_again(&mut self, record: Record) {
        match record {
            Record::Resting { queue: n, pages } => {
                let Some(queue) = self.registry.queue_mut(n) else { return };
                for RestingPage { block, lsn, len, summary } in pages {
                    let page = Page { lsn, len, summary, coming: false, damaged: false };
                    queue.adopt(block, page, &mut self.memory);
                }
            }
            Record::Doomed { pages } => {
                self.doomed.extend(pages.into_iter().map(|(lsn, len)| crate::resting::Doomed { lsn, len }));
            }
            Record::Begun { transactions } => self.transactions.next = transactions,
            Record::Loose { bodies } => self.checkpoints.loose.extend(bodies),
            Record::StagedAgain(staged) => {
                let StagedAgain { transaction, number, located, size, header, routes } = *staged;
                self.memory.holds.add(located, size);
                self.transactions.next = self.transactions.next.max(transaction.0 + 1);
                let open = self.transactions.open.entry(transaction).or_default();
                open.staged.push(Staged { message: None, header, number, located: Some(located), size, routes });
            }
            _ => {}
        }
    }

    pub(crate) fn apply_advanced(&mut self, n: u32, next: u64, created: Time, altered: Time) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        queue.created = created;
        queue.altered = altered;
        queue.entries.skip_to(next);
    }
}

impl Staged {
    fn again(&self, transaction: TransactionNumber) -> Option<StagedAgain> {
        let Self { number, size, header, .. } = self;
        let routes = self.routes.iter().filter(|route| route.durable).cloned().collect();
        let located = self.located?;
        Some(StagedAgain { transaction, number: *number, located, size: *size, header: *header, routes })
    }
}
