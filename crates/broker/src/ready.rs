use std::collections::{BTreeSet, VecDeque};

/// Sequence numbers of a queue in the order in which they are to be handed out. A key may be stale: whoever takes one
/// checks that the entry is still ready.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// Keys that came in order, as nearly all do.
    fifo: VecDeque<Key>,
    /// Those that did not: returned ones, and higher priorities.
    sorted: BTreeSet<Key>,
}

/// Priority (inverted, 4 bits) and sequence number: smaller goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u64);

const SEQ_BITS: u32 = 60;
/// Room for keys that an empty list keeps.
const SPARE_KEYS: usize = 64;

impl Key {
    pub(crate) const FIRST: Self = Self(0);

    pub(crate) fn new(priority: u8, seq: u64) -> Self {
        Self(u64::from(model::limits::PRIORITIES.saturating_sub(priority)) << SEQ_BITS | seq)
    }

    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn seq(self) -> u64 {
        self.0 & ((1 << SEQ_BITS) - 1)
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Ready {
    pub(crate) fn insert(&mut self, key: Key) {
        if self.fifo.back().is_none_or(|last| *last < key) {
            self.fifo.push_back(key);
        } else {
            self.sorted.insert(key);
        }
    }

    pub(crate) fn first(&self) -> Option<Key> {
        match (self.fifo.front(), self.sorted.first()) {
            (Some(a), Some(b)) => Some(*a.min(b)),
            (a, b) => a.or(b).copied(),
        }
    }

    /// Removes `first()`.
    pub(crate) fn pop(&mut self) {
        match (self.fifo.front(), self.sorted.first()) {
            (Some(a), Some(b)) if b < a => drop(self.sorted.pop_first()),
            (None, _) => drop(self.sorted.pop_first()),
            (Some(_), _) => drop(self.fifo.pop_front()),
        }
    }

    /// How many there are, stale ones too.
    pub(crate) fn len(&self) -> usize {
        self.fifo.len() + self.sorted.len()
    }

    /// The first key at or after `from`.
    pub(crate) fn at_or_after(&self, from: Key) -> Option<Key> {
        let in_order = self.fifo.get(self.fifo.partition_point(|key| *key < from)).copied();
        let other = self.sorted.range(from..).next().copied();
        match (in_order, other) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Removes the keys of sequence numbers `first..end`, of all priorities.
    pub(crate) fn remove_range(&mut self, first: u64, end: u64) {
        for priority in 0..=model::limits::PRIORITIES {
            let (first, end) = (Key::new(priority, first), Key::new(priority, end));
            let from = self.fifo.partition_point(|key| *key < first);
            let to = self.fifo.partition_point(|key| *key < end);
            if from < to {
                self.fifo.drain(from..to);
            }
            while let Some(key) = self.sorted.range(first..end).next().copied() {
                self.sorted.remove(&key);
            }
        }
        if self.fifo.capacity() > 4 * self.fifo.len().max(SPARE_KEYS) {
            self.fifo.shrink_to(2 * self.fifo.len());
        }
    }

    pub(crate) fn clear(&mut self) {
        self.fifo.clear();
        self.sorted.clear();
        self.fifo.shrink_to(SPARE_KEYS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn higher_priorities_and_returned_ones_go_first() {
        let mut ready = Ready::default();
        for (priority, seq) in [(0, 5), (0, 6), (0, 2), (9, 7), (0, 8)] {
            ready.insert(Key::new(priority, seq));
        }
        assert_eq!(ready.at_or_after(Key::new(0, 6)).map(Key::seq), Some(6));
        let mut order = Vec::new();
        while let Some(key) = ready.first() {
            order.push(key.seq());
            ready.pop();
        }
        assert_eq!(order, [7, 2, 5, 6, 8]);
    }
}
