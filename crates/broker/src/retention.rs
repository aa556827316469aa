//! What goes without being consumed: the oldest of a queue that is over its limits, and what has outlived its time.

use model::{DeathReason, Overflow, Time};

use crate::backlog::Head;
use crate::broker::Broker;
use crate::queue::Queue;
use crate::record::{Ranges, Record};
use crate::step::Step;

/// What is to go next.
enum Oldest {
    Entry(u64),
    /// It rests in this block.
    Rests(u64),
}

impl Broker {
    /// Drops or dead-letters the oldest ready ones of a queue that is over its limits.
    pub(crate) fn make_room(&mut self, now: Time, n: u32, step: &mut Step) {
        loop {
            let Some(queue) = self.registry.queue_mut(n) else { return };
            if !queue.is_over() || !matches!(queue.settings.overflow, Overflow::DropHead | Overflow::DeadLetter) {
                return;
            }
            match queue.next_to_go() {
                None => return,
                Some(Oldest::Rests(block)) => {
                    if !queue.drops_whole(block) {
                        return self.want_page(n, block, step);
                    }
                    let count = self.drop_block(n, block, step);
                    if let Some(queue) = self.registry.queue_mut(n) {
                        queue.counts.dropped += count;
                    }
                }
                Some(Oldest::Entry(seq)) => {
                    queue.counts.dropped += 1;
                    if queue.settings.overflow == Overflow::DeadLetter {
                        self.dead_letter(now, n, seq, DeathReason::MaxLength.into(), step);
                    } else {
                        self.discard(n, seq);
                    }
                }
            }
        }
    }

    /// Ends up to `most` entries that have outlived the queue's time to live, in the order in which they came.
    pub(crate) fn outlive(&mut self, now: Time, n: u32, most: usize, step: &mut Step) {
        let mut left = most as u64;
        while left > 0 {
            let Some(queue) = self.registry.queue(n) else { return };
            let Some(ttl) = queue.settings.ttl else { return };
            let Some((_, block)) = queue.oldest().filter(|(arrived, _)| arrived.plus(ttl) <= now) else { return };
            let no = block.no;
            if let Some(page) = block.page.as_ref().filter(|_| block.rests()) {
                let all = page.youngest.plus(ttl) <= now && page.decided == 0 && queue.settings.dead_letter.is_none();
                if !all {
                    return self.want_page(n, no, step);
                }
                let count = self.drop_block(n, no, step);
                if let Some(queue) = self.registry.queue_mut(n) {
                    queue.counts.expired += count;
                }
                left = left.saturating_sub(count);
                continue;
            }
            let waiting = block.from(0).filter(|(_, entry)| entry.waits());
            let late = waiting.take_while(|(_, entry)| entry.arrived.plus(ttl) <= now).map(|(seq, _)| seq);
            let late: Vec<u64> = late.take(left as usize).collect();
            left -= late.len() as u64;
            for seq in late {
                self.expire(now, n, seq, step);
            }
        }
    }

    /// Drops a whole block that rests, unread; returns how many entries that were.
    fn drop_block(&mut self, n: u32, no: u64, step: &mut Step) -> u64 {
        let Some(queue) = self.registry.queue_mut(n) else { return 0 };
        let (first, end) = queue.entries.bounds(no);
        let Some(page) = queue.forget(no) else { return 0 };
        let mut ranges = Ranges::new();
        ranges.push((first, end - 1));
        step.write(&Record::Settled { queue: n, ranges }, &mut self.next_lsn);
        self.doom(&page);
        page.count()
    }
}

impl Queue {
    pub(crate) fn is_over(&self) -> bool {
        self.settings.max_length.is_some_and(|most| self.waiting() > most)
            || self.settings.max_bytes.is_some_and(|most| self.counts.bytes > most && self.len() > 1)
    }

    fn next_to_go(&mut self) -> Option<Oldest> {
        if !self.is_log() {
            return match self.head() {
                Head::Entry(key) => Some(Oldest::Entry(key.seq())),
                Head::Rests(block) => Some(Oldest::Rests(block)),
                Head::Nothing => None,
            };
        }
        let damaged = |block: &&crate::entries::Block| block.page.as_ref().is_some_and(|page| page.damaged);
        let block = self.entries.blocks_from(0).find(|block| !(block.rests() && damaged(block)))?;
        if block.rests() {
            return Some(Oldest::Rests(block.no));
        }
        block.from(0).next().map(|(seq, _)| Oldest::Entry(seq))
    }

    /// Whether all of a block may be dropped without the queue falling below its limits.
    fn drops_whole(&self, no: u64) -> bool {
        let Some(page) = self.entries.block(no).and_then(|block| block.page.as_ref()) else { return false };
        let length = self.settings.max_length.is_some_and(|most| self.waiting() >= most + page.count());
        let bytes = self.settings.max_bytes.is_some_and(|most| self.counts.bytes >= most + page.bytes);
        self.settings.overflow == Overflow::DropHead && page.decided == 0 && (length || bytes)
    }
}
