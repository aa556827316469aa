//! Publishes and outcomes that become visible by one record, or not at all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::limits;
use model::{
    ConnectionId, Lsn, Message, MessageNumber, Outcome, Publish, Refusal, Reply, Settle, Time, TransactionIndex, Xid,
};

use crate::broker::Broker;
use crate::consumer::ConsumerKey;
use crate::entry::{Located, Owner, State};
use crate::publish::size_of;
use crate::record::{Published, Record};
use crate::routing::Routes;
use crate::step::Step;

/// Bodies of one transaction that stay in memory until the commit; the rest is read back from the journal.
const BODIES_IN_MEMORY: u64 = 4 << 20;

/// The number of a transaction in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TransactionNumber(pub(crate) u64);

#[derive(Debug, Default)]
pub(crate) struct Transactions {
    pub(crate) open: BTreeMap<TransactionNumber, Transaction>,
    pub(crate) prepared: BTreeMap<Xid, TransactionNumber>,
    /// Committed, and still being put into the queues, a part in each step.
    pub(crate) committing: VecDeque<Committing>,
    pub(crate) next: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) staged: Vec<Staged>,
    pub(crate) settles: Vec<Staging>,
    in_memory: u64,
    /// Something in it could not be done: only a rollback is possible.
    pub(crate) broken: Option<Refusal>,
}

/// A message that waits for its commit.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) message: Option<Arc<Message>>,
    pub(crate) header: model::Header,
    pub(crate) number: MessageNumber,
    pub(crate) located: Option<Located>,
    pub(crate) size: u32,
    pub(crate) routes: Routes,
}

/// A delivery whose outcome waits for a commit, and who has it if there is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Staging {
    pub(crate) queue: u32,
    pub(crate) seq: u64,
    pub(crate) owner: Option<Owner>,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) struct Committing {
    /// When it was committed, which is when its messages arrived.
    pub(crate) at: Time,
    pub(crate) staged: std::vec::IntoIter<Staged>,
    /// Each queue's next sequence number of this transaction.
    pub(crate) next: BTreeMap<u32, u64>,
}

impl Transactions {
    /// Bytes of bodies that wait in memory for a commit or for their place.
    pub(crate) fn bytes_in_memory(&self) -> u64 {
        let open = self.open.values().flat_map(|it| &it.staged);
        open.chain(self.committing.iter().flat_map(|it| it.staged.as_slice())).map(Staged::bytes_in_memory).sum()
    }

    /// Takes out of an open transaction the outcomes that no record carries: those that are no acceptance.
    pub(crate) fn take_unaccepted(&mut self, number: TransactionNumber) -> Vec<Staging> {
        let Some(transaction) = self.open.get_mut(&number) else { return Vec::new() };
        transaction.settles.extract_if(.., |it| it.outcome != Outcome::Accepted).collect()
    }

    /// The consumers whose leases transactions hold, once for each.
    pub(crate) fn owners(&self) -> impl Iterator<Item = ConsumerKey> {
        self.open.values().flat_map(|it| &it.settles).filter_map(|it| match it.owner {
            Some(Owner::Consumer(key)) => Some(key),
            _ => None,
        })
    }

    /// Forgets outcomes for a queue that is gone, and tells whose leases they were.
    pub(crate) fn forget_queue(&mut self, n: u32) -> Vec<Owner> {
        let mut owners = Vec::new();
        for transaction in self.open.values_mut() {
            owners.extend(transaction.settles.iter().filter(|it| it.queue == n).filter_map(|it| it.owner));
            transaction.settles.retain(|it| it.queue != n);
        }
        owners
    }

    pub(crate) fn is_prepared(&self, number: TransactionNumber) -> bool {
        self.prepared.values().any(|other| *other == number)
    }

    /// Whether the journal has heard of this transaction.
    pub(crate) fn is_known(&self, number: TransactionNumber) -> bool {
        let on_disk = |it: &Transaction| it.staged.iter().any(|staged| staged.located.is_some());
        self.is_prepared(number) || self.open.get(&number).is_some_and(on_disk)
    }
}

impl Staged {
    pub(crate) fn bytes_in_memory(&self) -> u64 {
        if self.message.is_some() { u64::from(self.size) } else { 0 }
    }
}

impl Broker {
    pub(crate) fn begin(&mut self, id: ConnectionId, index: TransactionIndex) {
        let number = TransactionNumber(self.transactions.next);
        let Some(connection) = self.connections.get_mut(id) else { return };
        if index.0 >= limits::CONSUMERS_PER_CONNECTION {
            return;
        }
        if connection.transactions.insert(index, number).is_none() {
            self.transactions.next += 1;
            self.transactions.open.insert(number, Transaction::default());
        }
    }

    /// Takes a publish into a transaction: on disk at once if it is durable, in no queue yet.
    pub(crate) fn stage(
        &mut self,
        now: Time,
        id: ConnectionId,
        index: TransactionIndex,
        publish: Publish,
        step: &mut Step,
    ) {
        let number = self.connections.get(id).and_then(|it| it.transactions.get(&index).copied());
        let Some(number) = number else {
            if let Some(token) = publish.token {
                self.refuse(id, token, Refusal::NoSuchTransaction, step);
            }
            return;
        };
        let routes = match self.all_routes(now, id, &publish, step) {
            Err(Refusal::NoSuchQueue(_)) if publish.mandatory => Ok(Routes::new()),
            // A quiet publisher takes this for "nobody is there", and goes on.
            Err(refusal @ Refusal::NoSuchQueue(_)) if !publish.create && publish.quiet => {
                if let Some(token) = publish.token {
                    self.refuse(id, token, refusal, step);
                }
                return;
            }
            other => other,
        };
        let message_number = self.number(now, step);
        let mut routes = match routes {
            Ok(routes) => routes,
            Err(refusal) => {
                if let Some(transaction) = self.transactions.open.get_mut(&number) {
                    transaction.broken = Some(refusal.clone());
                }
                if let Some(token) = publish.token {
                    self.refuse(id, token, refusal, step);
                }
                return;
            }
        };
        let routed = !routes.is_empty();
        if !routed {
            self.totals.unrouted += 1;
            if publish.mandatory {
                let effect = model::Effect::Returned { token: publish.token, message: publish.message.clone() };
                self.answer(id, Lsn(0), effect, step);
            }
        }
        // All or none of a transaction's messages in a durable queue are in the journal: they share one range of
        // sequence numbers there.
        for route in &mut routes {
            route.durable = self.registry.queue(route.queue).is_some_and(|queue| queue.settings.durable);
        }
        let durable = routes.iter().any(|route| route.durable);
        let published = Published { number: message_number, message: publish.message.clone(), hold: None, routes };
        let record = Record::Staged { transaction: number, published };
        let located = durable.then(|| step.write(&record, &mut self.next_lsn));
        self.apply(now, record, located);
        if let Some(token) = publish.token.filter(|_| !publish.quiet) {
            let after = located.map_or(Lsn(0), |located| Lsn(located.lsn));
            let effect = model::Effect::Confirm { token, message: message_number, routed };
            self.answer(id, after, effect, step);
        }
    }

    pub(crate) fn apply_staged(&mut self, number: TransactionNumber, published: Published, located: Option<Located>) {
        self.transactions.next = self.transactions.next.max(number.0 + 1);
        let transaction = self.transactions.open.entry(number).or_default();
        let size = size_of(&published.message);
        let may_rest = located.is_some() && self.memory.evicts;
        if let Some(located) = located {
            self.memory.holds.add(located, size);
        }
        let keep = !may_rest || (transaction.in_memory < BODIES_IN_MEMORY && !self.memory.is_tight());
        if keep {
            transaction.in_memory += u64::from(size);
            self.memory.used += u64::from(size);
        } else {
            self.memory.left_on_disk();
        }
        transaction.staged.push(Staged {
            header: published.message.header,
            message: keep.then_some(published.message),
            number: published.number,
            located,
            size,
            routes: published.routes,
        });
    }

    /// Takes outcomes into a transaction: they wait for the commit.
    pub(crate) fn stage_settle(&mut self, id: ConnectionId, index: TransactionIndex, settle: Settle, step: &mut Step) {
        let number = self.connections.get(id).and_then(|it| it.transactions.get(&index).copied());
        let Some(number) = number else {
            if let Some(token) = settle.token {
                self.refuse(id, token, Refusal::NoSuchTransaction, step);
            }
            return;
        };
        if matches!(settle.outcome, Outcome::Renew(_)) {
            let refusal = Refusal::Invalid("a lease cannot be renewed in a transaction".into());
            if let Some(token) = settle.token {
                self.refuse(id, token, refusal, step);
            }
            return;
        }
        let n = settle.queue.n;
        let bounds = self.registry.queue(n).map(|queue| (queue.first_seq(), queue.next_seq().saturating_sub(1)));
        let mut count = 0;
        if let Some((first, last)) = bounds {
            for seq in settle.first.max(first)..=settle.last.min(last) {
                if self.may_settle(id, n, seq, &settle) {
                    self.hold_for(number, n, seq, settle.outcome);
                    count += 1;
                }
            }
        }
        if let Some(token) = settle.token {
            if count == 0 {
                self.refuse(id, token, Refusal::NotLeased, step);
            } else {
                self.reply(id, token, Reply::Count(count), step);
            }
        }
    }

    pub(crate) fn hold_for(&mut self, number: TransactionNumber, n: u32, seq: u64, outcome: Outcome) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        let owner = match queue.entry(seq).map(|entry| entry.state) {
            Some(State::Leased(owner)) => Some(owner),
            _ => None,
        };
        queue.set_state(seq, State::Leased(Owner::Transaction(number)));
        let transaction = self.transactions.open.entry(number).or_default();
        transaction.settles.push(Staging { queue: n, seq, owner, outcome });
    }
}
