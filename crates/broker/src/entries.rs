//! The entries of a queue by sequence number, in blocks that are in memory or rest in the journal.

use std::collections::{BTreeSet, VecDeque};

use model::Time;

use crate::entry::Entry;
use crate::page::Page;

/// Blocks of `1 << bits` sequence numbers each, in order; one without entries is not there.
#[derive(Debug)]
pub(crate) struct Entries {
    bits: u32,
    blocks: VecDeque<Block>,
    /// The blocks that do not rest.
    awake: BTreeSet<u64>,
    next: u64,
    /// Slots of a block that is gone, for the next one.
    spare: VecDeque<Option<Entry>>,
}

/// Slots beyond this many are given back when there is nothing in them.
const SPARE_SLOTS: usize = 256;

/// The entries whose sequence numbers begin alike.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) no: u64,
    /// Sequence number of the first slot.
    first: u64,
    /// Entries in memory; there are none while the block rests.
    slots: VecDeque<Option<Entry>>,
    count: u32,
    /// What the journal has of the block's durable entries, as it was written last.
    pub(crate) page: Option<Box<Page>>,
    /// A durable entry is not as the page says.
    pub(crate) changed: bool,
    /// All of its entries are in the page only.
    rests: bool,
    /// When it was read.
    pub(crate) woken: Option<Time>,
}

impl Entries {
    pub(crate) fn new(bits: u32) -> Self {
        Self { bits, blocks: VecDeque::new(), awake: BTreeSet::new(), next: 1, spare: VecDeque::new() }
    }

    /// The sequence number of the next message.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Gives out no sequence number below `seq` any more.
    pub(crate) fn skip_to(&mut self, seq: u64) {
        self.next = self.next.max(seq);
    }

    /// The first entry's sequence number.
    pub(crate) fn first(&self) -> Option<u64> {
        let block = self.blocks.iter().find(|block| block.rests || block.count > 0)?;
        Some(block.page.as_ref().filter(|_| block.rests).map_or(block.first, |page| page.first))
    }

    pub(crate) fn block_of(&self, seq: u64) -> u64 {
        seq >> self.bits
    }

    /// Sequence numbers of a block: from, and up to but not including.
    pub(crate) fn bounds(&self, no: u64) -> (u64, u64) {
        (no << self.bits, (no + 1) << self.bits)
    }

    /// Entries that a block can have.
    pub(crate) fn block_len(&self) -> u64 {
        1 << self.bits
    }

    fn place(&self, no: u64) -> Result<usize, usize> {
        let front = self.blocks.front().map_or(no, |block| block.no);
        // Nearly always there are no gaps.
        let guess = usize::try_from(no.wrapping_sub(front)).unwrap_or(usize::MAX);
        if self.blocks.get(guess).is_some_and(|block| block.no == no) {
            return Ok(guess);
        }
        self.blocks.binary_search_by_key(&no, |block| block.no)
    }

    pub(crate) fn block(&self, no: u64) -> Option<&Block> {
        self.blocks.get(self.place(no).ok()?)
    }

    pub(crate) fn block_mut(&mut self, no: u64) -> Option<&mut Block> {
        let at = self.place(no).ok()?;
        self.blocks.get_mut(at)
    }

    /// The block, made if it is not there.
    pub(crate) fn block_or_new(&mut self, no: u64) -> &mut Block {
        let at = match self.place(no) {
            Ok(at) => at,
            Err(at) => {
                // The one before may have been kept for more that did not come.
                let empty = |block: &Block| !block.rests && block.count == 0 && block.page.is_none();
                let at = match at.checked_sub(1).filter(|before| empty(&self.blocks[*before])) {
                    Some(before) => {
                        if let Some(block) = self.blocks.remove(before) {
                            self.awake.remove(&block.no);
                            self.spare = block.slots;
                        }
                        before
                    }
                    None => at,
                };
                self.blocks.insert(at, Block::new(no, std::mem::take(&mut self.spare)));
                self.awake.insert(no);
                at
            }
        };
        &mut self.blocks[at]
    }

    /// Blocks in memory, in order.
    pub(crate) fn awake(&self) -> impl Iterator<Item = &Block> {
        self.awake.iter().filter_map(|no| self.block(*no))
    }

    /// Lets a block rest, or ends its rest.
    pub(crate) fn set_rests(&mut self, no: u64, rests: bool) {
        let Some(block) = self.block_mut(no) else { return };
        block.rests = rests;
        if rests {
            self.awake.remove(&no)
        } else {
            self.awake.insert(no)
        };
    }

    /// All blocks from `no` on.
    pub(crate) fn blocks_from(&self, no: u64) -> impl Iterator<Item = &Block> {
        let at = self.place(no).unwrap_or_else(|at| at);
        self.blocks.range(at..)
    }

    pub(crate) fn rests(&self, seq: u64) -> bool {
        self.block(self.block_of(seq)).is_some_and(|block| block.rests)
    }

    pub(crate) fn get(&self, seq: u64) -> Option<&Entry> {
        self.block(self.block_of(seq))?.get(seq)
    }

    /// For what the journal need not know.
    pub(crate) fn cached_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        self.block_mut(self.block_of(seq))?.get_mut(seq)
    }

    /// For what must be written when the block is.
    pub(crate) fn get_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        let block = self.block_mut(self.block_of(seq))?;
        block.changed |= block.get(seq).is_some_and(|entry| entry.durable);
        block.get_mut(seq)
    }

    /// Puts an entry into its free place, in a block that does not rest.
    pub(crate) fn insert(&mut self, seq: u64, entry: Entry) {
        self.next = self.next.max(seq + 1);
        let block = self.block_or_new(self.block_of(seq));
        block.changed |= entry.durable;
        block.put(seq, entry);
    }

    pub(crate) fn remove(&mut self, seq: u64) -> Option<Entry> {
        let no = self.block_of(seq);
        let at = self.place(no).ok()?;
        let block = &mut self.blocks[at];
        let entry = block.take(seq)?;
        block.changed |= entry.durable;
        Some(entry)
    }

    /// Takes the page of a block that has no entries any more, and the block itself unless more will come into it.
    pub(crate) fn drop_if_empty(&mut self, no: u64) -> Option<Box<Page>> {
        let at = self.place(no).ok()?;
        let block = &mut self.blocks[at];
        if block.rests || block.count > 0 {
            return None;
        }
        let page = block.page.take();
        block.changed = false;
        block.slots.clear();
        if block.slots.capacity() > SPARE_SLOTS {
            block.slots.shrink_to(SPARE_SLOTS);
        }
        if no != self.next >> self.bits
            && let Some(block) = self.blocks.remove(at)
        {
            self.awake.remove(&no);
            self.spare = block.slots;
        }
        page
    }

    /// Takes a whole block out.
    pub(crate) fn take_block(&mut self, no: u64) -> Option<Block> {
        let at = self.place(no).ok()?;
        self.awake.remove(&no);
        self.blocks.remove(at)
    }

    /// Entries in memory at or after `seq`, in order.
    pub(crate) fn from(&self, seq: u64) -> impl Iterator<Item = (u64, &Entry)> {
        let awake = self.awake.range(self.block_of(seq)..).filter_map(|no| self.block(*no));
        awake.flat_map(move |block| block.from(seq))
    }
}

impl Block {
    fn new(no: u64, slots: VecDeque<Option<Entry>>) -> Self {
        Self { no, first: 0, slots, count: 0, page: None, changed: false, rests: false, woken: None }
    }

    /// All of its entries are in the page only.
    pub(crate) fn rests(&self) -> bool {
        self.rests
    }

    /// Entries in memory.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn get(&self, seq: u64) -> Option<&Entry> {
        self.slots.get(usize::try_from(seq.checked_sub(self.first)?).ok()?)?.as_ref()
    }

    fn get_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        self.slots.get_mut(usize::try_from(seq.checked_sub(self.first)?).ok()?)?.as_mut()
    }

    /// Entries in memory at or after `seq`, in order.
    pub(crate) fn from(&self, seq: u64) -> impl Iterator<Item = (u64, &Entry)> {
        let skip = usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX).min(self.slots.len());
        let first = self.first + skip as u64;
        self.slots.range(skip..).enumerate().filter_map(move |(i, slot)| Some((first + i as u64, slot.as_ref()?)))
    }

    /// The last entry in memory.
    pub(crate) fn last(&self) -> Option<&Entry> {
        self.slots.iter().rev().find_map(Option::as_ref)
    }

    /// Puts an entry into its free place; whether the journal knows is the caller's to say.
    pub(crate) fn put(&mut self, seq: u64, entry: Entry) {
        if self.slots.is_empty() {
            self.first = seq;
        }
        while seq < self.first {
            self.slots.push_front(None);
            self.first -= 1;
        }
        while self.first + self.slots.len() as u64 <= seq {
            self.slots.push_back(None);
        }
        let slot = &mut self.slots[(seq - self.first) as usize];
        debug_assert!(slot.is_none(), "a sequence number is used once");
        *slot = Some(entry);
        self.count += 1;
    }

    /// Takes an entry out; what is empty in front goes too.
    pub(crate) fn take(&mut self, seq: u64) -> Option<Entry> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        let entry = self.slots.get_mut(at)?.take()?;
        self.count -= 1;
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
        Some(entry)
    }

    /// Takes all entries out.
    pub(crate) fn empty(&mut self) -> impl Iterator<Item = (u64, Entry)> + use<> {
        let (first, slots) = (self.first, std::mem::take(&mut self.slots));
        self.count = 0;
        slots.into_iter().enumerate().filter_map(move |(i, slot)| Some((first + i as u64, slot?)))
    }
}
