//! A backlog leaves memory: blocks of entries are written into pages and rest in the journal until somebody comes near.

use bytes::Bytes;
use model::{ConnectionId, Lsn, Settle, Time};

use crate::broker::Broker;
use crate::entries::Block;
use crate::entry::{Entry, Located, State};
use crate::loading::Place;
use crate::page::{self, Page};
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
        self.memory.left_on_disk();
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
        let is_news = |block: &&Block| !block.rests() && (block.changed || block.page.is_none());
        if queue.entries.block(no).filter(is_news).is_none() {
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
