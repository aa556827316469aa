use std::collections::BTreeSet;
use std::sync::Arc;

use model::{ConnectionId, ConsumerIndex, Credit, CreditMode, Lsn, Mode, Time};
use selector::Selector;

use crate::ready::Key;

/// Names a consumer inside the broker. Not used again while a delivery is leased to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConsumerKey(pub(crate) u32);

#[derive(Debug)]
pub(crate) struct Consumer {
    pub(crate) connection: ConnectionId,
    pub(crate) index: ConsumerIndex,
    pub(crate) queue: u32,
    pub(crate) mode: Mode,
    pub(crate) credit: Credit,
    /// Bytes that the last message took beyond the credit: paid before any are given.
    pub(crate) overdrawn: u64,
    pub(crate) credit_mode: CreditMode,
    pub(crate) selector: Option<Arc<Selector>>,
    /// With a selector: everything ready before this key was looked at and does not match.
    pub(crate) scanned: Key,
    /// Keys before `scanned` that came back and match.
    pub(crate) hits: BTreeSet<Key>,
    /// A cursor's next sequence number.
    pub(crate) next: u64,
    /// A cursor passes what came before.
    pub(crate) since: Time,
    pub(crate) drain: bool,
    pub(crate) fetch: Option<Fetching>,
    /// Deliveries that end with this consumer's connection.
    pub(crate) leased: u32,
    /// Gets nothing more; stays for its leases.
    pub(crate) cancelled: bool,
    /// Nothing for this consumer leaves before this record is durable, so nothing overtakes what created it.
    pub(crate) after: Lsn,
    pub(crate) exclusive: bool,
    pub(crate) priority: i32,
    /// It reads a subscription of somebody who may not see everything.
    pub(crate) filtered: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetching {
    pub(crate) until: Option<Time>,
    pub(crate) delivered: u32,
    /// Tells this fetch from others that used its key.
    pub(crate) number: u64,
}

impl Consumer {
    pub(crate) fn wants(&self) -> bool {
        self.credit.messages > 0 && self.credit.bytes > 0 && !self.cancelled
    }

    pub(crate) fn spend(&mut self, bytes: u64) {
        self.credit.messages -= 1;
        self.overdrawn += bytes.saturating_sub(self.credit.bytes);
        self.credit.bytes = self.credit.bytes.saturating_sub(bytes);
    }

    pub(crate) fn earn(&mut self, add: Credit) {
        let paid = self.overdrawn.min(add.bytes);
        self.overdrawn -= paid;
        self.credit.messages = self.credit.messages.saturating_add(add.messages);
        self.credit.bytes = self.credit.bytes.saturating_add(add.bytes - paid).min(u64::MAX >> 1);
    }

    /// A delivery was settled.
    pub(crate) fn settled(&mut self) {
        self.leased -= 1;
        if self.credit_mode == CreditMode::Window && !self.cancelled {
            self.credit.messages = self.credit.messages.saturating_add(1);
        }
    }

    pub(crate) fn is_cursor(&self) -> bool {
        matches!(self.mode, Mode::Cursor { .. })
    }
}

/// All consumers, by key.
#[derive(Debug, Default)]
pub(crate) struct Consumers {
    slots: Vec<Option<Box<Consumer>>>,
    free: Vec<ConsumerKey>,
    count: usize,
}

impl Consumers {
    pub(crate) fn insert(&mut self, consumer: Consumer) -> ConsumerKey {
        self.count += 1;
        if let Some(key) = self.free.pop() {
            self.slots[key.0 as usize] = Some(Box::new(consumer));
            return key;
        }
        self.slots.push(Some(Box::new(consumer)));
        ConsumerKey((self.slots.len() - 1) as u32)
    }

    pub(crate) fn remove(&mut self, key: ConsumerKey) {
        if self.slots[key.0 as usize].take().is_some() {
            self.count -= 1;
            self.free.push(key);
        }
    }

    pub(crate) fn get(&self, key: ConsumerKey) -> Option<&Consumer> {
        self.slots.get(key.0 as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, key: ConsumerKey) -> Option<&mut Consumer> {
        self.slots.get_mut(key.0 as usize)?.as_deref_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConsumerKey, &Consumer)> {
        self.slots.iter().enumerate().filter_map(|(i, slot)| Some((ConsumerKey(i as u32), slot.as_deref()?)))
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }
}
