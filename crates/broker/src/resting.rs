//! A backlog leaves memory: blocks of entries are written into pages and rest in the journal until somebody comes near.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use model::{ConnectionId, Lsn, Settle, Time};

use crate::broker::Broker;
use crate::entries::Block;
use crate::entry::{Entry, Located, State};
use crate::loading::Place;
use crate::page::{self, Page, Summary};
use crate::queue::{Memory, Queue};
use crate::record::{Record, WrittenPage};
use crate::step::{Load, Step};
use crate::wire::BadRecord;

/// The length of a record stands before it.
const RECORD_PREFIX: u32 = 4;
/// Blocks that one step may send to rest.
const BLOCKS_PER_STEP: usize = 16;
/// Queues that one step looks at for them.
const QUEUES_PER_STEP: usize = 256;
/// Milliseconds for which a block that was read stays in memory.
const KEEP_AWAKE: u64 = 250;
/// Milliseconds after which a queue's last block is closed, and rests too, if memory is very short. Closing many that are
/// not full would leave little of what resting saves.
const LEFT_AFTER: u64 = 1_000;
/// Pages of queues that are gone, asked for at a time.
const DOOMED_AT_A_TIME: usize = 2;

/// What a load is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Bodies {
        queue: u32,
        places: Vec<Place>,
    },
    Page {
        queue: u32,
        block: u64,
    },
    /// To learn which records its entries needed.
    Doomed(Doomed),
}

/// A page whose entries are gone, and still hold their bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doomed {
    pub(crate) lsn: u64,
    pub(crate) len: u32,
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
    /// The durable entries of a block that is in memory, to be written.
    fn page_of(&self, no: u64) -> Option<WrittenPage> {
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
    fn may_rest(&self, block: &Block) -> bool {
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
    fn is_full_block(&self, block: &Block) -> bool {
        self.entries.bounds(block.no).1 <= self.next_seq()
    }

    /// Nothing has come into the block for a while.
    fn is_left(&self, block: &Block, now: Time) -> bool {
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
    fn rest(&mut self, no: u64, memory: &mut Memory) {
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
    fn wake(&mut self, now: Time, no: u64, entries: Vec<(u64, Entry)>, memory: &mut Memory) {
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
    fn give_up(&mut self, no: u64) {
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

impl Broker {
    /// Asks for the page of a block that rests.
    pub(crate) fn want_page(&mut self, n: u32, no: u64, step: &mut Step) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        let Some(block) = queue.entries.block_mut(no).filter(|block| block.rests()) else { return };
        let Some(page) = block.page.as_mut().filter(|page| !page.coming && !page.damaged) else { return };
        page.coming = true;
        let lsn = Lsn(page.lsn);
        queue.loading += 1;
        self.ask(Wanted::Page { queue: n, block: no }, lsn, lsn, step);
    }

    /// Asks the shell for records.
    pub(crate) fn ask(&mut self, wanted: Wanted, first: Lsn, last: Lsn, step: &mut Step) {
        let load = self.next_load;
        self.next_load += 1;
        self.loading.insert(load, wanted);
        step.loads.push(Load { load, first, last });
    }

    /// While a queue's entries in memory are handed out, the next block comes.
    pub(crate) fn read_ahead(&mut self, n: u32, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        let Some(no) = queue.next_resting() else { return };
        let here = queue.ready.len() as u64;
        if here < queue.entries.block_len() {
            self.want_page(n, no, step);
        }
    }

    /// The page of a block, or that it cannot be read.
    pub(crate) fn page_came(&mut self, now: Time, n: u32, no: u64, record: Option<Bytes>, step: &mut Step) {
        let Some(queue) = self.registry.queue_mut(n) else { return self.settle_postponed(now, n, no, step) };
        queue.loading = queue.loading.saturating_sub(1);
        let is_due = queue.awaited.contains(&no);
        match record.map(page::of_record) {
            Some(Ok(entries)) => queue.wake(now, no, entries, &mut self.memory),
            // The journal has said where and why.
            Some(Err(_)) | None => queue.give_up(no),
        }
        if let Some(due) = queue.next_due() {
            self.arm(n, due);
        }
        self.make_room(now, n, step);
        self.settle_postponed(now, n, no, step);
        if is_due {
            self.fall_due(now, n, step);
        }
    }

    /// A settlement by receipt whose message rests waits until it is here.
    pub(crate) fn postpone(&mut self, id: ConnectionId, settle: Settle, no: u64, step: &mut Step) {
        let n = settle.queue.n;
        self.want_page(n, no, step);
        self.postponed.push((n, no, id, settle));
    }

    fn settle_postponed(&mut self, now: Time, n: u32, no: u64, step: &mut Step) {
        let ready: Vec<_> = self.postponed.extract_if(.., |it| (it.0, it.1) == (n, no)).collect();
        for (_, _, id, settle) in ready {
            self.settle(now, id, settle, step);
        }
    }

    /// At the end of a step: what nobody will want soon goes, as long as memory is tight.
    pub(crate) fn rest_some(&mut self, now: Time, step: &mut Step) {
        if !self.options.rests || !self.memory.is_tight() {
            return;
        }
        let mut budget = BLOCKS_PER_STEP;
        for _ in 0..QUEUES_PER_STEP.min(self.registry.len()) {
            let Some(n) = self.registry.next_in_turn(&mut self.resting_turn) else { return };
            budget -= self.rest_queue(now, n, budget, step);
            if budget == 0 || !self.memory.is_tight() {
                return;
            }
        }
    }

    /// Sends blocks of one queue to rest, the farthest from its consumers first; returns how many.
    fn rest_queue(&mut self, now: Time, n: u32, budget: usize, step: &mut Step) -> usize {
        let Some(queue) = self.registry.queue(n).filter(|queue| queue.settings.durable) else { return 0 };
        // Consumers work at the first block in memory, publishers at the last one.
        let busy = usize::from(!queue.consumers.is_empty() || !queue.cursors.is_empty());
        let awake = queue.entries.awake().filter(|block| block.count() > 0);
        let idle = |block: &&Block| block.woken.is_none_or(|woken| woken.plus(KEEP_AWAKE) <= now);
        let hard = self.memory.is_hard();
        let full = |block: &&Block| queue.is_full_block(block) || hard && queue.is_left(block, now);
        let able = awake.skip(busy).filter(idle).filter(full).filter(|block| queue.may_rest(block));
        let able: Vec<u64> = able.map(|block| block.no).take(budget).collect();
        for no in &able {
            self.rest_block(n, *no, step);
        }
        able.len()
    }

    fn rest_block(&mut self, n: u32, no: u64, step: &mut Step) {
        self.write_page(n, no, step);
        let Some(queue) = self.registry.queue_mut(n) else { return };
        queue.rest(no, &mut self.memory);
        // Nothing comes into a block that rests.
        let end = queue.entries.bounds(no).1;
        queue.entries.skip_to(end);
        if let Some(due) = queue.next_due() {
            self.arm(n, due);
        }
    }

    /// Writes a block's entries if the journal has them otherwise, or not at all.
    pub(crate) fn write_page(&mut self, n: u32, no: u64, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        let Some(block) = queue.entries.block(no).filter(|block| block.changed || block.page.is_none()) else { return };
        if block.rests() {
            return;
        }
        match queue.page_of(no) {
            Some(written) => {
                let before = step.records.len();
                let record = Record::Page(Box::new(written));
                let lsn = step.write(&record, &mut self.next_lsn).lsn;
                let len = (step.records.len() - before) as u32 - RECORD_PREFIX;
                if let Record::Page(written) = record {
                    self.apply_page(*written, lsn, len);
                }
            }
            // Only entries that the journal need not have are left.
            None => {
                let page = self.registry.queue_mut(n).and_then(|queue| queue.entries.block_mut(no)?.page.take());
                if let Some(page) = page {
                    self.memory.release_page(&page);
                }
            }
        }
    }

    pub(crate) fn apply_page(&mut self, written: WrittenPage, lsn: u64, len: u32) {
        let Some(queue) = self.registry.queue_mut(written.queue) else { return };
        let page = Page { lsn, len, summary: written.summary, coming: false, damaged: false };
        queue.adopt(written.block, page, &mut self.memory);
    }

    /// All entries of a page are gone; what they need is found out and released in turn.
    pub(crate) fn doom(&mut self, page: &Page) {
        self.doomed.push_back(Doomed { lsn: page.lsn, len: page.len });
    }

    /// Asks for the next pages of which nothing is left.
    pub(crate) fn continue_dooms(&mut self, step: &mut Step) {
        while self.dooming < DOOMED_AT_A_TIME {
            let Some(doomed) = self.doomed.get(self.dooming).copied() else { return };
            self.dooming += 1;
            let lsn = Lsn(doomed.lsn);
            self.ask(Wanted::Doomed(doomed), lsn, lsn, step);
        }
    }

    pub(crate) fn doomed_came(&mut self, doomed: Doomed, record: Option<Bytes>) {
        let Some(at) = self.doomed.iter().position(|other| *other == doomed) else { return };
        self.doomed.remove(at);
        self.dooming -= 1;
        // What a page that cannot be read held stays on disk: nobody knows what it was.
        let Some(Ok(entries)) = record.map(page::of_record) else { return };
        for (_, entry) in entries {
            if let Some(located) = entry.located {
                self.memory.holds.release(located, entry.size);
            }
        }
        self.memory.holds.release(Located { lsn: doomed.lsn, pieces: 0 }, doomed.len);
    }

    /// During recovery: reads the page of a block at once.
    pub(crate) fn wake_now(&mut self, n: u32, no: u64, pages: &mut Pages<'_>) -> Result<(), BadRecord> {
        let Some(queue) = self.registry.queue_mut(n) else { return Ok(()) };
        let Some(page) = queue.entries.block(no).filter(|block| block.rests()).and_then(|it| it.page.as_ref()) else {
            return Ok(());
        };
        let record = pages(Lsn(page.lsn)).ok_or(BadRecord("a page cannot be read"))?;
        queue.wake(Time::ZERO, no, page::of_record(record)?, &mut self.memory);
        Ok(())
    }

    /// During recovery, what was written as a page rests from there on.
    pub(crate) fn rest_written(&mut self, n: u32, no: u64) {
        let Some(queue) = self.registry.queue_mut(n) else { return };
        let able = queue.entries.block(no).is_some_and(|block| {
            let decided = |(_, entry): (u64, &Entry)| matches!(entry.state, State::Decided { .. });
            !block.rests()
                && !block.changed
                && block.count() > 0
                && !block.from(0).any(decided)
                && queue.may_rest(block)
        });
        if able {
            queue.rest(no, &mut self.memory);
        } else if let Some(block) = queue.entries.block_mut(no).filter(|block| !block.rests()) {
            // The page may know of attempts that this life of the broker does not.
            block.changed = true;
        }
    }
}

/// Reads a record during recovery.
pub type Pages<'a> = dyn FnMut(Lsn) -> Option<Bytes> + 'a;
