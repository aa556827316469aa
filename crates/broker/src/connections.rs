use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{ConnectionId, ConsumerIndex, Lsn, Name, Namespace, Peer, Time, TransactionIndex};

use crate::consumer::ConsumerKey;
use crate::rights::Rights;
use crate::transaction::TransactionNumber;

/// What the broker remembers of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) peer: Arc<Peer>,
    pub(crate) client: Name,
    pub(crate) since: Time,
    /// By `ConsumerIndex`.
    pub(crate) consumers: Vec<Option<ConsumerKey>>,
    /// Cancelled ones that still lease something.
    pub(crate) lingering: BTreeSet<ConsumerKey>,
    pub(crate) transactions: BTreeMap<TransactionIndex, TransactionNumber>,
    /// Queues that live as long as this connection.
    pub(crate) queues: Vec<u32>,
    /// Queues of its protocol (sessions, subscriptions) that last longer, and that it has named itself.
    pub(crate) own: BTreeSet<u32>,
    pub(crate) rights: Rights,
    pub(crate) claims: Vec<(Namespace, Name)>,
    /// No answer leaves before this record is durable: answers keep their order.
    pub(crate) after: Lsn,
    /// Another one has taken its place; it was told to end.
    pub(crate) is_vacated: bool,
}

impl Connection {
    /// All that it has. What stays is who it is.
    pub(crate) fn vacated(&mut self) -> Self {
        self.is_vacated = true;
        Self {
            id: self.id,
            peer: self.peer.clone(),
            client: self.client.clone(),
            since: self.since,
            consumers: std::mem::take(&mut self.consumers),
            lingering: std::mem::take(&mut self.lingering),
            transactions: std::mem::take(&mut self.transactions),
            queues: std::mem::take(&mut self.queues),
            own: std::mem::take(&mut self.own),
            rights: Rights::Nothing,
            claims: std::mem::take(&mut self.claims),
            after: self.after,
            is_vacated: true,
        }
    }

    pub(crate) fn consumer(&self, index: ConsumerIndex) -> Option<ConsumerKey> {
        *self.consumers.get(index.0 as usize)?
    }
}

/// All connections, found by two array look-ups.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    threads: Vec<Vec<Option<Box<Connection>>>>,
    count: usize,
}

impl Connections {
    pub(crate) fn open(&mut self, id: ConnectionId, peer: Arc<Peer>, client: Name, rights: Rights, now: Time) {
        let thread = usize::from(id.thread);
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, Vec::new);
        }
        let slots = &mut self.threads[thread];
        let slot = id.slot as usize;
        if slots.len() <= slot {
            slots.resize_with(slot + 1, || None);
        }
        let before = slots[slot].replace(Box::new(Connection {
            id,
            peer,
            client,
            since: now,
            consumers: Vec::new(),
            lingering: BTreeSet::new(),
            transactions: BTreeMap::new(),
            queues: Vec::new(),
            own: BTreeSet::new(),
            rights,
            claims: Vec::new(),
            after: Lsn(0),
            is_vacated: false,
        }));
        debug_assert!(before.is_none(), "the shell closes a connection before it uses its slot again");
        self.count += usize::from(before.is_none());
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        let connection = self.threads.get(usize::from(id.thread))?.get(id.slot as usize)?.as_deref()?;
        (connection.id == id).then_some(connection)
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let slots = self.threads.get_mut(usize::from(id.thread))?;
        let connection = slots.get_mut(id.slot as usize)?.as_deref_mut()?;
        (connection.id == id).then_some(connection)
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Box<Connection>> {
        self.get(id)?;
        self.count -= 1;
        self.threads[usize::from(id.thread)][id.slot as usize].take()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.threads.iter().flatten().filter_map(Option::as_deref)
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }
}
