//! Recovery: the same `apply` as the live path, fed from the journal.

use bytes::Bytes;
use model::{Lsn, MessageNumber, QueueCounts, Time};

use crate::broker::{Broker, Totals};
use crate::entry::Located;
use crate::holds::Holds;
use crate::loading::complete;
use crate::record::{Parsed, Record};
use crate::resting::{Pages, Wanted};
use crate::step::Step;
use crate::wire::BadRecord;

impl Broker {
    /// Applies record `lsn`, written at `time`. Records come in order, without gaps, from the beginning of a checkpoint
    /// or of the journal. `pages` reads earlier records; what is needed from here on, or not any more, is added to
    /// `holds`.
    pub fn restore(
        &mut self,
        lsn: Lsn,
        time: Time,
        record: &[u8],
        pages: &mut Pages<'_>,
        holds: &mut Holds,
    ) -> Result<(), BadRecord> {
        let is_first = !std::mem::replace(&mut self.checkpoints.restored, true);
        self.checkpoints.since += record.len() as u64;
        let length = record.len() as u32;
        let Parsed { record, pieces } = Parsed::from_bytes(Bytes::copy_from_slice(record))?;
        self.checkpoints.reading |= is_first && matches!(record, Record::Begun { .. });
        if matches!(record, Record::Checkpoint { .. }) {
            (self.checkpoints.since, self.checkpoints.freed) = (0, 0);
        }
        self.next_lsn = lsn.0 + 1;
        match record {
            Record::Piece(piece) => self.pieces.push(piece),
            Record::Page(written) => {
                let (n, no) = (written.queue, written.block);
                self.apply_page(*written, lsn.0, length);
                self.rest_written(n, no);
            }
            record => {
                let mut before = std::mem::take(&mut self.pieces);
                // Others are of a message whose own record was lost in a crash.
                let Some(others) = before.len().checked_sub(pieces as usize) else {
                    return Err(BadRecord("pieces of a body are missing"));
                };
                let record = complete(record, before.split_off(others));
                self.wake_touched(&record, pages)?;
                let places: Vec<(u32, u64)> = match &record {
                    Record::Published(published) => published.routes.iter().map(|it| (it.queue, it.seq)).collect(),
                    _ => Vec::new(),
                };
                self.apply(time, record, Some(Located { lsn: lsn.0, pieces }));
                for (queue, seq) in places {
                    self.let_rest(queue, seq);
                }
                while self.commit_one().is_some() {}
            }
        }
        self.checkpoints.freed += self.memory.holds.bytes_released();
        self.memory.holds.append_to(holds);
        Ok(())
    }

    /// Reads the blocks that a record changes; one of which it settles all goes unread.
    fn wake_touched(&mut self, record: &Record, pages: &mut Pages<'_>) -> Result<(), BadRecord> {
        match record {
            Record::Published(published) => {
                published.routes.iter().try_for_each(|it| self.wake_at(it.queue, it.seq, pages))
            }
            Record::Copied(copied) => self.wake_at(copied.route.queue, copied.route.seq, pages),
            Record::Settled { queue, ranges } => {
                ranges.iter().try_for_each(|(first, last)| self.wake_or_forget(*queue, *first, *last, pages))
            }
            Record::Returned { queue, seq, .. } | Record::Decided { queue, seq, .. } => {
                self.wake_at(*queue, *seq, pages)
            }
            Record::Moved { from, seq, to, to_seq } => {
                self.wake_at(*from, *seq, pages)?;
                self.wake_at(*to, *to_seq, pages)
            }
            Record::Died(died) => {
                self.wake_at(died.from, died.seq, pages)?;
                died.places.iter().try_for_each(|(n, seq)| self.wake_at(*n, *seq, pages))
            }
            Record::Purged { queue, below, except } => {
                self.wake_at(*queue, below.saturating_sub(1), pages)?;
                except.iter().try_for_each(|seq| self.wake_at(*queue, *seq, pages))
            }
            Record::Prepared { settles, .. } => settles.iter().try_for_each(|(n, seq)| self.wake_at(*n, *seq, pages)),
            Record::Committed { firsts, settles, .. } => {
                firsts.iter().chain(settles).try_for_each(|(n, seq)| self.wake_at(*n, *seq, pages))
            }
            _ => Ok(()),
        }
    }

    fn wake_at(&mut self, n: u32, seq: u64, pages: &mut Pages<'_>) -> Result<(), BadRecord> {
        let Some(queue) = self.registry.queue(n) else { return Ok(()) };
        let no = queue.entries.block_of(seq);
        self.wake_now(n, no, pages)
    }

    fn wake_or_forget(&mut self, n: u32, first: u64, last: u64, pages: &mut Pages<'_>) -> Result<(), BadRecord> {
        let Some(queue) = self.registry.queue(n) else { return Ok(()) };
        let (from, to) = (queue.entries.block_of(first), queue.entries.block_of(last));
        let resting = queue.entries.blocks_from(from).take_while(|block| block.no <= to).filter(|block| block.rests());
        for no in resting.map(|block| block.no).collect::<Vec<_>>() {
            let Some(queue) = self.registry.queue_mut(n) else { return Ok(()) };
            let bounds = queue.entries.bounds(no);
            if first <= bounds.0 && bounds.1 <= last.saturating_add(1) {
                if let Some(page) = queue.forget(no) {
                    self.doom(&page);
                }
            } else {
                self.wake_now(n, no, pages)?;
            }
        }
        Ok(())
    }

    /// After the last record: what was open is given up, leases are over, and everything is ready to be asked. `holds`
    /// go to the store with the first records that are written.
    pub fn finish_restore(&mut self, pages: &mut Pages<'_>, holds: &mut Holds) -> Result<(), BadRecord> {
        self.forget_unprepared();
        self.checkpoints.reading = false;
        for loose in std::mem::take(&mut self.checkpoints.loose) {
            self.memory.holds.release(loose.located, loose.size);
        }
        self.next_number = self.next_number.max(self.numbers_below);
        self.pieces.clear();
        self.registry.next = self.registry.next.max(self.registry.announced);
        self.totals = Totals::default();
        let queues: Vec<u32> = self.registry.all().map(|queue| queue.n).collect();
        for n in queues {
            self.finish_queue(n, pages)?;
        }
        self.checkpoints.freed += self.memory.holds.bytes_released();
        self.memory.holds.append_to(holds);
        Ok(())
    }

    fn finish_queue(&mut self, n: u32, pages: &mut Pages<'_>) -> Result<(), BadRecord> {
        let Some(queue) = self.registry.queue(n) else { return Ok(()) };
        // Subscribers ask for what was decided as soon as they are back, and the positions of a log have no gaps.
        let last = queue.entries.block_of(queue.next_seq());
        let wanted = |block: &&crate::entries::Block| {
            block.page.as_ref().is_some_and(|page| page.decided > 0) || queue.is_log() && block.no == last
        };
        for no in queue.resting_blocks().filter(wanted).map(|block| block.no).collect::<Vec<_>>() {
            self.wake_now(n, no, pages)?;
        }
        let Some(queue) = self.registry.queue_mut(n) else { return Ok(()) };
        queue.seen_before = queue.mark;
        queue.used = None;
        // Receipts name what was below, and nothing comes into a block that rests.
        queue.entries.skip_to(queue.mark);
        let last = queue.entries.block_of(queue.next_seq());
        if queue.entries.block(last).is_some_and(|block| block.rests()) {
            let end = queue.entries.bounds(last).1;
            queue.entries.skip_to(end);
        }
        let QueueCounts { ready, leased, delayed, bytes, .. } = queue.counts;
        queue.counts = QueueCounts { ready, leased, delayed, bytes, ..QueueCounts::default() };
        if let Some(due) = queue.next_due() {
            self.arm(n, due);
        }
        Ok(())
    }

    /// What `Step::loads` asked for. Returns the queue to go on with.
    pub(crate) fn loaded(&mut self, now: Time, load: u64, records: Option<Vec<Bytes>>, step: &mut Step) -> Option<u32> {
        let one = |records: Option<Vec<Bytes>>| records.and_then(|mut records| records.pop());
        match self.loading.remove(&load)? {
            Wanted::Bodies { queue, places } => {
                self.bodies_came(queue, &places, records, step);
                Some(queue)
            }
            Wanted::Page { queue, block } => {
                self.page_came(now, queue, block, one(records), step);
                Some(queue)
            }
            Wanted::Doomed(doomed) => {
                self.doomed_came(doomed, one(records));
                None
            }
        }
    }
}

impl Broker {
    pub(crate) fn note_number(&mut self, number: MessageNumber) {
        self.next_number = self.next_number.max(number.0 + 1);
    }
}
