use std::collections::VecDeque;

use model::{Command, Delivery, Io, Outcome, QueueId, Settle, TransactionIndex};

/// Ranges of other queues between which one still grows.
const OPEN_RANGES: usize = 8;
/// Settled entries behind one that is not, before they are cleared away.
const DEAD_ENTRIES: usize = 64;

/// A delivery that the client has and has not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsettled {
    pub(crate) tag: u64,
    pub(crate) queue: QueueId,
    pub(crate) seq: u64,
    /// Settled, and still in its place.
    dead: bool,
}

/// Deliveries of one channel that wait for an acknowledgement, by delivery tag.
#[derive(Debug, Default)]
pub(crate) struct Unacked {
    /// In order of tag.
    list: VecDeque<Unsettled>,
    dead: usize,
}

impl Unacked {
    pub(crate) fn len(&self) -> usize {
        self.list.len() - self.dead
    }

    /// `tag` is higher than all before.
    pub(crate) fn push(&mut self, tag: u64, delivery: Delivery) {
        self.list.push_back(Unsettled { tag, queue: delivery.queue, seq: delivery.seq, dead: false });
    }

    /// Takes out the delivery of this tag.
    pub(crate) fn take(&mut self, tag: u64) -> Option<Unsettled> {
        let at = self.position(tag)?;
        let taken = self.list[at];
        if at == 0 {
            self.list.pop_front();
            self.trim();
        } else {
            self.list[at].dead = true;
            self.dead += 1;
            self.clear_dead();
        }
        Some(taken)
    }

    /// Takes out all deliveries up to this tag, which must be there; 0 is all of them. False if it is not there.
    pub(crate) fn take_through(&mut self, tag: u64, mut each: impl FnMut(Unsettled)) -> bool {
        let count = match tag {
            0 => self.list.len(),
            tag => match self.position(tag) {
                Some(at) => at + 1,
                None => return false,
            },
        };
        for unsettled in self.list.drain(..count) {
            if unsettled.dead {
                self.dead -= 1;
            } else {
                each(unsettled);
            }
        }
        self.trim();
        true
    }

    /// Puts back what was taken out.
    pub(crate) fn restore(&mut self, taken: Vec<Unsettled>) {
        let mut all: Vec<Unsettled> = self.list.drain(..).filter(|it| !it.dead).chain(taken).collect();
        all.sort_unstable_by_key(|it| it.tag);
        self.list = all.into();
        self.dead = 0;
    }

    fn position(&self, tag: u64) -> Option<usize> {
        let first = self.list.front()?.tag;
        // Tags are consecutive but for those that needed no acknowledgement.
        let guess = usize::try_from(tag.checked_sub(first)?).ok()?;
        let at = match self.list.get(guess) {
            Some(there) if there.tag == tag => guess,
            _ => self.list.binary_search_by_key(&tag, |it| it.tag).ok()?,
        };
        (!self.list[at].dead).then_some(at)
    }

    fn trim(&mut self) {
        while self.list.front().is_some_and(|it| it.dead) {
            self.list.pop_front();
            self.dead -= 1;
        }
        if self.list.is_empty() && self.list.capacity() > 1024 {
            self.list.shrink_to(64);
        }
    }

    fn clear_dead(&mut self) {
        if self.dead > DEAD_ENTRIES && self.dead * 2 > self.list.len() {
            self.list.retain(|it| !it.dead);
            self.dead = 0;
        }
    }
}

/// Outcomes on their way to the broker, joined into ranges.
#[derive(Debug, Default)]
pub(crate) struct Settling(Vec<Settle>);

impl Settling {
    pub(crate) fn push(&mut self, unsettled: Unsettled, outcome: Outcome, transaction: Option<TransactionIndex>) {
        let Unsettled { queue, seq, .. } = unsettled;
        let open = self.0.len().saturating_sub(OPEN_RANGES);
        for range in self.0[open..].iter_mut().rev() {
            if range.queue == queue {
                if range.last + 1 == seq && range.outcome == outcome && range.transaction == transaction {
                    range.last = seq;
                    return;
                }
                break;
            }
        }
        self.0.push(Settle { token: None, queue, first: seq, last: seq, attempt: None, outcome, transaction });
    }

    pub(crate) fn flush(&mut self, io: &mut Io<'_>) {
        for settle in self.0.drain(..) {
            io.commands.push(Command::Settle(settle));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn delivery(seq: u64) -> Delivery {
        Delivery { queue: QueueId { shard: 0, n: 1 }, seq, attempt: 1 }
    }

    #[test]
    fn outcomes_of_neighbours_are_one_range() {
        let mut settling = Settling::default();
        let mut unacked = Unacked::default();
        for seq in 1..=6 {
            unacked.push(seq, delivery(seq));
        }
        unacked.take_through(3, |it| settling.push(it, Outcome::Accepted, None));
        let fifth = unacked.take(5).unwrap();
        settling.push(fifth, Outcome::Accepted, None);
        let sixth = unacked.take(6).unwrap();
        settling.push(sixth, Outcome::Released, None);
        let ranges: Vec<(u64, u64)> = settling.0.iter().map(|it| (it.first, it.last)).collect();
        assert_eq!(ranges, [(1, 3), (5, 5), (6, 6)]);
        assert_eq!(unacked.len(), 1);
    }

    proptest! {
        #[test]
        fn it_is_a_map_by_tag(steps in prop::collection::vec((0u8..4, any::<prop::sample::Index>()), 1..400)) {
            let mut unacked = Unacked::default();
            let mut model = BTreeMap::new();
            let mut tag = 0;
            for (kind, at) in steps {
                let some = at.index(tag as usize + 2) as u64;
                match kind {
                    0 | 1 => {
                        tag += 1 + u64::from(some.is_multiple_of(5));
                        unacked.push(tag, delivery(tag));
                        model.insert(tag, tag);
                    }
                    2 => {
                        let taken = unacked.take(some).map(|it| it.seq);
                        prop_assert_eq!(taken, model.remove(&some));
                    }
                    _ => {
                        let mut taken = Vec::new();
                        let there = unacked.take_through(some, |it| taken.push(it.tag));
                        prop_assert_eq!(there, some == 0 || model.contains_key(&some));
                        if there {
                            let later = if some == 0 { BTreeMap::new() } else { model.split_off(&(some + 1)) };
                            let expected: Vec<u64> = std::mem::replace(&mut model, later).into_keys().collect();
                            prop_assert_eq!(taken, expected);
                        }
                    }
                }
                prop_assert_eq!(unacked.len(), model.len());
            }
        }
    }
}
