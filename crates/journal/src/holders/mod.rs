//! Which records are held, and by how many holders.

mod block;
mod encoding;

use std::collections::BTreeMap;
use std::ops::Range;

use self::block::{Block, LSNS};
use crate::batch::{Hold, Lsn};

/// The holders of all records, and what that keeps alive in each segment.
///
/// A clone is a snapshot: it shares the counts until they change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// By number of the block; those without a holder are absent.
    blocks: BTreeMap<u64, Slot>,
    /// By first record.
    segments: BTreeMap<u64, Live>,
    total: Live,
}

#[derive(Clone, Debug)]
struct Slot {
    block: Block,
    /// How many of its records have a holder.
    live: u16,
}

/// Records that have a holder, and their bytes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Table {
    /// Records from `first` on are counted apart.
    pub(crate) fn begin_segment(&mut self, first: Lsn) {
        self.segments.entry(first.0).or_default();
    }

    /// Adds holders. A record that had none must be of a segment that was begun.
    pub(crate) fn hold(&mut self, hold: &Hold) {
        if hold.count == 0 {
            return;
        }
        let (number, at) = place(hold.lsn);
        let slot = self.blocks.entry(number).or_insert_with(|| Slot { block: Block::empty(), live: 0 });
        let before = slot.block.get(at);
        slot.block.set(at, before.saturating_add(hold.count));
        if before > 0 {
            return;
        }
        slot.live += 1;
        let more = Live { count: 1, bytes: hold.bytes.into() };
        self.total.add(more);
        if let Some((_, live)) = self.segments.range_mut(..=hold.lsn.0).next_back() {
            live.add(more);
        }
    }

    /// Takes holders away. To take more than there are is a bug of the owner.
    pub(crate) fn release(&mut self, hold: &Hold) {
        let (number, at) = place(hold.lsn);
        let Some(slot) = self.blocks.get_mut(&number) else {
            debug_assert!(hold.count == 0, "record {} is released, but not held", hold.lsn.0);
            return;
        };
        let before = slot.block.get(at);
        debug_assert!(before >= hold.count, "record {} has {before} holders, not {}", hold.lsn.0, hold.count);
        let after = before.saturating_sub(hold.count);
        if before == after {
            return;
        }
        slot.block.set(at, after);
        if after > 0 {
            return;
        }
        slot.live -= 1;
        if slot.live == 0 {
            self.blocks.remove(&number);
        }
        let gone = Live { count: 1, bytes: hold.bytes.into() };
        self.total.take(gone);
        if let Some((_, live)) = self.segments.range_mut(..=hold.lsn.0).next_back() {
            live.take(gone);
        }
    }

    /// How many holders a record has.
    pub(crate) fn holders(&self, lsn: Lsn) -> u32 {
        let (number, at) = place(lsn);
        self.blocks.get(&number).map_or(0, |slot| slot.block.get(at))
    }

    /// Whether one of these records is held.
    pub(crate) fn any(&self, lsns: Range<Lsn>) -> bool {
        if lsns.is_empty() {
            return false;
        }
        let (first, last) = (lsns.start.0 / LSNS as u64, (lsns.end.0 - 1) / LSNS as u64);
        self.blocks.range(first..=last).any(|(&number, slot)| {
            let base = number * LSNS as u64;
            let from = lsns.start.0.saturating_sub(base) as usize;
            let to = (lsns.end.0 - base).min(LSNS as u64) as usize;
            slot.block.any(from, to)
        })
    }

    /// What is alive in the segments that begin with one of these records.
    pub(crate) fn live(&self, lsns: Range<Lsn>) -> Live {
        let mut sum = Live::default();
        if lsns.start < lsns.end {
            self.segments.range(lsns.start.0..lsns.end.0).for_each(|(_, live)| sum.add(*live));
        }
        sum
    }

    pub(crate) fn total(&self) -> Live {
        self.total
    }

    /// Gives back memory that is not needed any more; segments before `before` that are dead get no holder again.
    pub(crate) fn settle(&mut self, before: Lsn) {
        self.blocks.values_mut().for_each(|slot| slot.block.narrow());
        self.segments.retain(|&first, live| live.count > 0 || first >= before.0);
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

impl Live {
    fn add(&mut self, more: Self) {
        self.count = self.count.saturating_add(more.count);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }

    fn take(&mut self, gone: Self) {
        self.count = self.count.saturating_sub(gone.count);
        self.bytes = self.bytes.saturating_sub(gone.bytes);
    }
}

/// The block of a record and its place there.
fn place(lsn: Lsn) -> (u64, usize) {
    (lsn.0 / LSNS as u64, (lsn.0 % LSNS as u64) as usize)
}

#[cfg(test)]
mod tests;
