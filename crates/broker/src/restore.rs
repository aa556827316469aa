//! Recovery: the same `apply` as the live path, fed from the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use model::{Body, Lsn, Message, MessageNumber, QueueCounts, Time};

use crate::broker::{Broker, Totals};
use crate::entry::{Located, State};
use crate::record::{Parsed, Record};
use crate::wire::BadRecord;

impl Broker {
    /// Applies record `lsn`, written at `time`. Records come in order, without gaps.
    pub fn restore(&mut self, lsn: Lsn, time: Time, record: &[u8]) -> Result<(), BadRecord> {
        if !std::mem::replace(&mut self.restored, true) {
            self.checkpoints = VecDeque::from([lsn.0]);
        }
        self.since_checkpoint += record.len() as u64;
        let Parsed { record, pieces } = Parsed::from_bytes(Bytes::copy_from_slice(record))?;
        if matches!(record, Record::Checkpoint { .. }) {
            self.since_checkpoint = 0;
        }
        self.next_lsn = lsn.0 + 1;
        match record {
            Record::Piece(piece) => self.pieces.push(piece),
            record => {
                let mut before = std::mem::take(&mut self.pieces);
                // Others are of a message whose own record was lost in a crash.
                let Some(others) = before.len().checked_sub(pieces as usize) else {
                    // Ahead of the first checkpoint of a trimmed journal there may be half of what nobody needs.
                    let is_ahead = self.checkpoints.len() == 1 && self.checkpoints[0] > 1;
                    return if is_ahead { Ok(()) } else { Err(BadRecord("pieces of a body are missing")) };
                };
                let record = complete(record, before.split_off(others));
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
        Ok(())
    }

    /// After the last record: what was open is given up, leases are over, and everything is ready to be asked.
    pub fn finish_restore(&mut self) {
        self.forget_unprepared();
        self.next_number = self.next_number.max(self.numbers_below);
        self.pieces.clear();
        self.registry.next = self.registry.next.max(self.registry.announced);
        self.totals = Totals::default();
        let queues: Vec<u32> = self.registry.all().map(|queue| queue.n).collect();
        for n in queues {
            let Some(queue) = self.registry.queue_mut(n) else { continue };
            queue.seen_before = queue.mark;
            queue.used = None;
            // Receipts name what was below.
            queue.skip_to(queue.mark);
            let QueueCounts { ready, leased, delayed, bytes, .. } = queue.counts;
            queue.counts = QueueCounts { ready, leased, delayed, bytes, ..QueueCounts::default() };
            if let Some(due) = queue.next_due() {
                self.arm(n, due);
            }
        }
    }

    /// Bodies that `Step::loads` asked for.
    pub(crate) fn loaded(&mut self, load: u64, records: Option<Vec<Bytes>>) -> Option<u32> {
        let (n, seq) = self.loading.remove(&load)?;
        let queue = self.registry.queue_mut(n)?;
        queue.loading = queue.loading.saturating_sub(1);
        let message = records.and_then(read_message);
        match message {
            Some(message) => {
                if let Some(entry) = queue.entry_mut(seq).filter(|entry| entry.message.is_none()) {
                    // It shares its body with no other queue any more.
                    entry.charge = entry.size;
                    queue.set_message(seq, Some(message), &mut self.memory);
                }
            }
            None => {
                // It cannot be delivered to anybody. The journal has said where and why.
                let waits = |state: State| matches!(state, State::Ready | State::Delayed(_));
                if queue.entry(seq).is_some_and(|entry| waits(entry.state)) {
                    queue.counts.dropped += 1;
                    self.discard(n, seq);
                }
            }
        }
        Some(n)
    }
}

/// The message in what the journal has read. Those are slices of whole frames; a message must not pin one.
fn read_message(mut records: Vec<Bytes>) -> Option<Arc<Message>> {
    records.iter_mut().for_each(|record| *record = Bytes::copy_from_slice(record));
    let last = records.pop()?;
    let pieces: Option<Vec<Bytes>> = records
        .into_iter()
        .map(|record| match Parsed::from_bytes(record).ok()?.record {
            Record::Piece(piece) => Some(piece),
            _ => None,
        })
        .collect();
    match complete(Parsed::from_bytes(last).ok()?.record, pieces?) {
        Record::Published(published) | Record::Staged { published, .. } => Some(published.message),
        _ => None,
    }
}

/// The record with its message's whole body.
fn complete(mut record: Record, pieces: Vec<Bytes>) -> Record {
    if let Record::Published(published) | Record::Staged { published, .. } = &mut record
        && !pieces.is_empty()
        && let Some(message) = Arc::get_mut(&mut published.message)
    {
        let last = message.body.joined();
        message.body = pieces.into_iter().chain([last]).collect::<Body>();
    }
    record
}

impl Broker {
    pub(crate) fn note_number(&mut self, number: MessageNumber) {
        self.next_number = self.next_number.max(number.0 + 1);
    }
}
