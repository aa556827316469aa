use std::collections::{BTreeMap, VecDeque};

use model::{Delivery, TransactionIndex};

/// Deliveries of a session that the peer has not settled, by delivery id.
///
/// Ids are given in order, so the list is an array with a moving front. Deliveries that stay while many others come and
/// go move out of it, so that it is never much longer than it has entries.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    /// The id of the list's front.
    base: u64,
    list: VecDeque<Option<Sent>>,
    /// Entries of the list.
    count: usize,
    stray: BTreeMap<u64, Sent>,
}

/// A delivery that waits for its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The link's place.
    pub(crate) link: u16,
    pub(crate) delivery: Delivery,
    /// Its outcome waits for this transaction.
    pub(crate) staged: Option<TransactionIndex>,
}

/// Below this length nothing moves out of the list.
const SHORT: usize = 1_024;

impl Unsettled {
    /// The id of the next delivery, as many as there have been.
    pub(crate) fn next_id(&self) -> u64 {
        self.base + self.list.len() as u64
    }

    /// Gives the next id to a delivery; `None` if it is settled already.
    #[inline]
    pub(crate) fn push(&mut self, sent: Option<Sent>) {
        if sent.is_none() && self.list.is_empty() {
            self.base += 1;
            return;
        }
        self.count += usize::from(sent.is_some());
        self.list.push_back(sent);
        if self.list.len() > SHORT && self.count < self.list.len() / 4 {
            self.thin();
        }
    }

    /// Ids `first..=last` as the peer says them, in order, as far as they are unsettled.
    pub(crate) fn between(&self, first: u32, last: u32) -> impl Iterator<Item = u64> + use<> {
        let (first, last) = (self.id(first), self.id(last));
        let end = (last + 1).min(self.next_id());
        let strays: Vec<u64> = if self.stray.is_empty() || first > last {
            Vec::new()
        } else {
            self.stray.range(first..=last).map(|(id, _)| *id).collect()
        };
        strays.into_iter().chain(first.max(self.base)..end)
    }

    /// Which of the last 2³² ids ends in these bits.
    fn id(&self, low: u32) -> u64 {
        let next = self.next_id();
        let back = (next as u32).wrapping_sub(low);
        // An id that was not given yet is above all others.
        if back == 0 || back > u32::MAX / 2 { u64::MAX - 1 } else { next.saturating_sub(back.into()) }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Sent> {
        match id.checked_sub(self.base) {
            Some(at) => self.list.get_mut(at as usize)?.as_mut(),
            None => self.stray.get_mut(&id),
        }
    }

    #[inline]
    pub(crate) fn take(&mut self, id: u64) -> Option<Sent> {
        let Some(at) = id.checked_sub(self.base) else { return self.stray.remove(&id) };
        let sent = self.list.get_mut(at as usize)?.take()?;
        self.count -= 1;
        if at == 0 {
            self.trim();
        }
        Some(sent)
    }

    /// Takes out what `matches`, in order of id.
    pub(crate) fn take_all(&mut self, matches: impl Fn(&Sent) -> bool) -> Vec<Sent> {
        let mut taken: Vec<Sent> = self.stray.extract_if(.., |_, sent| matches(sent)).map(|(_, sent)| sent).collect();
        for slot in &mut self.list {
            if slot.as_ref().is_some_and(&matches) {
                taken.extend(slot.take());
                self.count -= 1;
            }
        }
        self.trim();
        taken
    }

    fn trim(&mut self) {
        while let Some(None) = self.list.front() {
            self.list.pop_front();
            self.base += 1;
        }
        if self.list.is_empty() && self.list.capacity() > SHORT {
            self.list.shrink_to(SHORT);
        }
    }

    /// Moves the older half of the list out of it.
    fn thin(&mut self) {
        for _ in 0..self.list.len() / 2 {
            let Some(slot) = self.list.pop_front() else { break };
            if let Some(sent) = slot {
                self.stray.insert(self.base, sent);
                self.count -= 1;
            }
            self.base += 1;
        }
        self.trim();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent(seq: u64) -> Sent {
        Sent { link: 1, delivery: Delivery { seq, ..Delivery::default() }, staged: None }
    }

    #[test]
    fn one_that_stays_does_not_keep_room_for_all_that_go() {
        let mut unsettled = Unsettled::default();
        for seq in 0..100_000 {
            unsettled.push((seq != 7).then(|| sent(seq)));
            if seq != 3 {
                unsettled.take(seq);
            }
        }
        assert!(unsettled.list.len() <= SHORT + 1, "{}", unsettled.list.len());
        assert_eq!(unsettled.between(0, 99_999).filter_map(|id| unsettled.take(id)).collect::<Vec<_>>(), [sent(3)]);
        assert_eq!(unsettled.next_id(), 100_000);
    }

    #[test]
    fn ids_go_round() {
        let mut unsettled = Unsettled { base: (1 << 32) - 2, ..Unsettled::default() };
        (0..4).for_each(|seq| unsettled.push(Some(sent(seq))));
        let ids: Vec<u64> = unsettled.between(u32::MAX, 0).collect();
        assert_eq!(
            ids.iter().filter_map(|id| unsettled.take(*id)).map(|it| it.delivery.seq).collect::<Vec<_>>(),
            [1, 2]
        );
        assert_eq!(unsettled.between(2, 2).count(), 0, "not given yet");
        assert_eq!(unsettled.between(5, 1 << 31).count(), 0);
    }

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0u8..4, any::<prop::sample::Index>()), 1..4000)) {
            let mut unsettled = Unsettled::default();
            let mut model = BTreeMap::new();
            for (step, index) in steps {
                let next = unsettled.next_id();
                match step {
                    0 => unsettled.push(None),
                    1 | 2 => {
                        unsettled.push(Some(sent(next)));
                        model.insert(next, sent(next));
                    }
                    _ if next > 0 => {
                        let id = index.index(next as usize) as u64;
                        prop_assert_eq!(unsettled.take(id), model.remove(&id));
                    }
                    _ => {}
                }
            }
            let last = (unsettled.next_id() as u32).wrapping_sub(1);
            let ids: Vec<u64> = unsettled.between(0, last).collect();
            let left: Vec<Sent> = ids.into_iter().filter_map(|id| unsettled.take(id)).collect();
            prop_assert_eq!(left, model.into_values().collect::<Vec<_>>());
        }
    }
}
