//! What a store would keep.

use std::collections::BTreeMap;

use broker::Holds;
use model::Lsn;

/// What a store keeps: records that somebody holds, and everything from the last checkpoint on.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) holders: BTreeMap<u64, u64>,
    /// Told by steps that had no records.
    pub(crate) waiting: Holds,
    pub(crate) checkpoints: Vec<Checkpoint>,
}

pub(crate) struct Checkpoint {
    pub(crate) first: Lsn,
    pub(crate) last: Lsn,
    pub(crate) holders: BTreeMap<u64, u64>,
}

impl Store {
    pub(crate) fn note(&mut self, records: bool, mut holds: Holds, checkpoint: Option<Lsn>, last: Lsn) {
        self.waiting.added.append(&mut holds.added);
        self.waiting.released.append(&mut holds.released);
        if records {
            change(&mut self.holders, &std::mem::take(&mut self.waiting));
        }
        if let Some(first) = checkpoint {
            self.checkpoints.push(Checkpoint { first, last, holders: self.holders.clone() });
        }
    }

    /// Whether a record is there for a process that begins at the last checkpoint but `back`.
    pub(crate) fn has(&self, lsn: Lsn, back: usize) -> bool {
        let at = self.checkpoints.iter().rev().nth(back);
        at.is_none_or(|it| lsn >= it.first || it.holders.contains_key(&lsn.0))
    }
}

pub(crate) fn change(holders: &mut BTreeMap<u64, u64>, holds: &Holds) {
    for hold in &holds.added {
        *holders.entry(hold.lsn.0).or_default() += u64::from(hold.count);
    }
    for hold in &holds.released {
        let left = holders.get_mut(&hold.lsn.0).unwrap_or_else(|| panic!("{hold:?} was not held"));
        *left = left.checked_sub(u64::from(hold.count)).unwrap_or_else(|| panic!("{hold:?} was not held so often"));
        if *left == 0 {
            holders.remove(&hold.lsn.0);
        }
    }
}
