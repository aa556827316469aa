//! What a queue knows of its blocks that rest: how they go and come, and what in them is next.

use std::collections::{BTreeSet, VecDeque};

use model::Time;

use crate::entries::Block;
use crate::entry::{Entry, Located, State};
use crate::memory::Memory;
use crate::page::{self, Page};
use crate::queue::Queue;
use crate::ready::Key;
use crate::record::WrittenPage;
use crate::resting::Doomed;
use crate::summary::Summary;

/// Milliseconds after which a queue's last block is closed, and rests too, if memory is very short. Closing many that are
/// not full would leave little of what resting saves.
const LEFT_AFTER: u64 = 1_000;

/// What is to be handed out next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    Entry(Key),
    /// It is in this block, which rests.
    Rests(u64),
    Nothing,
}

impl Memory {
    pub(crate) fn hold_page(&mut self, page: &Page) {
        self.holds.add(Located { lsn: page.lsn, pieces: 0 }, page.len);
    }

    pub(crate) fn release_page(&mut self, page: &Page) {
        self.holds.release(Located { lsn: page.lsn, pieces: 0 }, page.len);
    }
}

impl Queue {
    /// What is to be handed out next; without the stale keys before it.
    pub(crate) fn head(&mut self) -> Head {
        if let Some(block) = self.awaited.first() {
            return Head::Rests(*block);
        }
        let first = loop {
            let Some(key) = self.ready.first() else { break None };
            if self.entry(key.seq()).is_some_and(|entry| entry.state == State::Ready) {
                break Some(key);
            }
            self.ready.pop();
        };
        match (first, self.resting.first()) {
            (Some(key), Some((before, block))) if *before < key => Head::Rests(*block),
            (Some(key), _) => Head::Entry(key),
            (None, Some((_, block))) => Head::Rests(*block),
            (None, None) => Head::Nothing,
        }
    }

    /// What a search through the ready ones finds at or after `from`, in memory or not.
    pub(crate) fn ready_from(&self, from: Key) -> Head {
        if let Some(block) = self.awaited.first() {
            return Head::Rests(*block);
        }
        let here = self.ready.at_or_after(from);
        let rests = |block: u64| self.entries.block(block).and_then(|block| block.page.as_ref());
        let before = self.resting.range(..(from, 0)).rev();
        // Without priorities blocks lie one behind the other.
        let most = if self.settings.max_priority == 0 { 1 } else { usize::MAX };
        let around = before.take(most).find(|(_, block)| rests(*block).is_some_and(|page| page.tail >= from));
        match (here, around.or_else(|| self.resting.range((from, 0)..).next())) {
            (Some(key), Some((first, block))) if *first.max(&from) <= key => Head::Rests(*block),
            (Some(key), _) => Head::Entry(key),
            (None, Some((_, block))) => Head::Rests(*block),
            (None, None) => Head::Nothing,
        }
    }

    /// The block that is wanted next once those in memory are used up, if it is not asked for yet.
    pub(crate) fn next_resting(&self) -> Option<u64> {
        let (_, block) = self.resting.first()?;
        let page = self.entries.block(*block)?.page.as_ref()?;
        (!page.coming).then_some(*block)
    }

    /// Takes a block that rests and has an entry that is due.
    pub(crate) fn pop_due_block(&mut self, now: Time) -> Option<u64> {
        let (at, block) = self.resting_due.first().copied().filter(|(at, _)| *at <= now)?;
        self.resting_due.remove(&(at, block));
        self.awaited.insert(block);
        Some(block)
    }

    /// When the first one that waits came: what outlives the queue's time to live does so in this order.
    pub(crate) fn oldest(&self) -> Option<(Time, &Block)> {
        self.entries.blocks_from(0).find_map(|block| {
            let page = block.page.as_ref().filter(|_| block.rests());
            let oldest = match page {
                Some(page) => page.oldest.filter(|_| !page.damaged),
                None => block.from(0).find(|(_, entry)| entry.waits()).map(|(_, entry)| entry.arrived),
            };
            Some((oldest?, block))
        })
    }

    /// The durable entries of a block that is in memory, to be written.
    pub(crate) fn page_of(&self, no: u64) -> Option<WrittenPage> {
        let block = self.entries.block(no).filter(|block| !block.rests())?;
        let (mut writer, mut summary) = (page::Writer::default(), Summary::default());
        for (seq, entry) in block.from(0) {
            if let Some(located) = entry.kept() {
                writer.add(seq, entry, located);
                summary.add(seq, self.key(entry, seq), entry);
            }
        }
        (summary.count() > 0).then(|| WrittenPage { queue: self.n, block: no, summary, entries: writer.finish() })
    }

    /// Whether all of a block's entries wait, and are in the journal.
    pub(crate) fn may_rest(&self, block: &Block) -> bool {
        let end = self.entries.bounds(block.no).1;
        let at_rest = |entry: &Entry| entry.waits() && entry.kept().is_some();
        !block.rests()
            && block.count() > 0
            && self.promised.is_none_or(|promised| end <= promised)
            // The positions of a log have no gaps.
            && !(self.is_log() && end > self.next_seq())
            && block.from(0).all(|(_, entry)| at_rest(entry))
    }

    /// Nothing more comes into the block.
    pub(crate) fn is_full_block(&self, block: &Block) -> bool {
        self.entries.bounds(block.no).1 <= self.next_seq()
    }

    /// Nothing has come into the block for a while.
    pub(crate) fn is_left(&self, block: &Block, now: Time) -> bool {
        block.last().is_none_or(|entry| entry.arrived.plus(LEFT_AFTER) <= now)
    }

    /// The journal has the block's durable entries as they are, in this page.
    pub(crate) fn adopt(&mut self, no: u64, page: Page, memory: &mut Memory) {
        memory.hold_page(&page);
        if self.entries.block(no).is_some_and(|block| block.rests())
            && let Some(before) = self.forget(no)
        {
            memory.release_page(&before);
        }
        let is_new = self.entries.block(no).is_none();
        let block = self.entries.block_or_new(no);
        block.changed = false;
        if let Some(before) = block.page.replace(Box::new(page)) {
            memory.release_page(&before);
        }
        if is_new {
            self.entries.set_rests(no, true);
            self.note_resting(no);
        }
    }

    /// Sends a block to rest whose page says all of it.
    pub(crate) fn rest(&mut self, no: u64, memory: &mut Memory) {
        let (first, end) = self.entries.bounds(no);
        let Some(block) = self.entries.block_mut(no) else { return };
        debug_assert!(!block.changed && block.page.is_some(), "its page says all of it");
        let entries = block.empty();
        self.entries.set_rests(no, true);
        for (seq, entry) in entries {
            self.counts.bytes -= u64::from(entry.size);
            self.note_out(seq, &entry, memory);
        }
        self.ready.remove_range(first, end);
        self.note_resting(no);
    }

    fn note_resting(&mut self, no: u64) {
        let Some(summary) = self.entries.block(no).and_then(|block| Some(block.page.as_ref()?.summary.clone())) else {
            return;
        };
        self.counts.ready += u64::from(summary.ready);
        self.counts.delayed += u64::from(summary.delayed);
        self.counts.leased += u64::from(summary.decided);
        self.counts.bytes += summary.bytes;
        if summary.ready > 0 && !self.is_log() {
            self.resting.insert((summary.head, no));
        }
        if let Some(at) = summary.due {
            self.resting_due.insert((at, no));
        }
    }

    fn note_awake(&mut self, no: u64, summary: &Summary) {
        self.awaited.remove(&no);
        self.counts.ready -= u64::from(summary.ready);
        self.counts.delayed -= u64::from(summary.delayed);
        self.counts.leased -= u64::from(summary.decided);
        self.counts.bytes -= summary.bytes;
        self.resting.remove(&(summary.head, no));
        if let Some(at) = summary.due {
            self.resting_due.remove(&(at, no));
        }
    }

    /// A block's page was read: its entries are in memory again.
    pub(crate) fn wake(&mut self, now: Time, no: u64, entries: Vec<(u64, Entry)>, memory: &mut Memory) {
        let Some(block) = self.entries.block_mut(no).filter(|block| block.rests()) else { return };
        block.woken = Some(now);
        let Some(page) = &mut block.page else { return };
        page.coming = false;
        let summary = page.summary.clone();
        self.entries.set_rests(no, false);
        self.note_awake(no, &summary);
        for (seq, entry) in entries {
            self.counts.bytes += u64::from(entry.size);
            self.note_in(seq, &entry, memory);
            if let Some(block) = self.entries.block_mut(no) {
                block.put(seq, entry);
            }
        }
    }

    /// Takes a block out that rests, unread; what its entries need is released by whoever gets the page.
    pub(crate) fn forget(&mut self, no: u64) -> Option<Box<Page>> {
        if !self.entries.block(no)?.rests() {
            return None;
        }
        let page = self.entries.take_block(no)?.page?;
        self.note_awake(no, &page.summary);
        Some(page)
    }

    /// Takes out all entries below `below` but for some, blocks that rest as a whole; returns the states of those that
    /// were in memory.
    pub(crate) fn empty(
        &mut self,
        below: u64,
        except: &BTreeSet<u64>,
        memory: &mut Memory,
        doomed: &mut VecDeque<Doomed>,
    ) -> Vec<State> {
        let before = |no: &u64| self.entries.bounds(*no).0 < below;
        let resting: Vec<u64> = self.resting_blocks().map(|block| block.no).take_while(before).collect();
        let pages: Vec<Box<Page>> = resting.into_iter().filter_map(|no| self.forget(no)).collect();
        doomed.extend(pages.iter().map(|page| Doomed { lsn: page.lsn, len: page.len }));
        let gone = self.entries_from(0).map(|(seq, _)| seq).take_while(|seq| *seq < below);
        let gone: Vec<u64> = gone.filter(|seq| !except.contains(seq)).collect();
        let ended = gone.into_iter().filter_map(|seq| Some(self.remove(seq, memory)?.state)).collect();
        if self.counts.ready == 0 {
            self.ready.clear();
        }
        ended
    }

    /// A block that rests and cannot be read: nobody is kept waiting for it.
    pub(crate) fn give_up(&mut self, no: u64) {
        let Some(page) = self.entries.block_mut(no).and_then(|block| block.page.as_mut()) else { return };
        (page.coming, page.damaged) = (false, true);
        self.awaited.remove(&no);
        let (head, due) = (page.head, page.due);
        self.resting.remove(&(head, no));
        if let Some(at) = due {
            self.resting_due.remove(&(at, no));
        }
    }

    /// Blocks that rest now.
    pub(crate) fn resting_blocks(&self) -> impl Iterator<Item = &Block> {
        self.entries.blocks_from(0).filter(|block| block.rests())
    }
}
