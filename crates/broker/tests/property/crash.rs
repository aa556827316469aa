//! What must be there after a restart, what must not, and what may.

use broker::Content;
use model::{Lsn, Time};

use crate::harness::World;
use crate::model::{Entry, Gone, Ledger, Queue, State, Transaction};

/// Whether a record that a command wrote somewhere in `span`, at the latest at `promised`, is among the first `durable`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Survives {
    Yes,
    No,
    Maybe,
}

fn survives(span: (u64, u64), promised: u64, durable: u64) -> Survives {
    if span.1 <= durable || promised <= durable {
        Survives::Yes
    } else if span.0 >= durable {
        Survives::No
    } else {
        Survives::Maybe
    }
}

impl Ledger {
    /// Judges what a broker has restored from the first `durable` records, and goes on from there.
    pub(crate) fn restored(&mut self, world: &World, durable: u64, now: Time) {
        let in_two: Vec<(u64, usize)> = self.moves_cut(durable);
        self.forget_transactions(world, durable);
        let transactions = std::mem::take(&mut self.transactions);
        for index in 0..self.queues.len() {
            let queue = std::mem::take(&mut self.queues[index]);
            let found = world.contents(queue.id);
            if !queue.durable {
                assert!(found.is_empty(), "a queue in memory came back");
                self.queues[index] = Queue { id: queue.id, most: queue.most, ..Queue::default() };
                continue;
            }
            let holder = |number| {
                let holds = |it: &Transaction| it.settles.contains(&(index, number));
                transactions.iter().find(|(_, it)| holds(it)).map(|(uid, _)| *uid)
            };
            self.queues[index] = judge(queue, &found, &holder, durable, now.0);
        }
        for (number, count) in in_two {
            let there = self.queues.iter().flat_map(|it| &it.entries).filter(|it| it.number == number).count();
            assert_eq!(there, count, "message {number} was moved: it is in one of two queues");
        }
        self.consumers.clear();
        self.transactions = transactions;
        self.holds = holds(&world.durable_state());
    }

    /// Durable messages that were moved once, from a durable queue to another: wherever the journal ends, they are
    /// somewhere.
    fn moves_cut(&self, durable: u64) -> Vec<(u64, usize)> {
        let mut found = Vec::new();
        for (index, queue) in self.queues.iter().enumerate() {
            for gone in queue.gone.iter().filter(|it| it.told.is_none() && it.entry.durable) {
                let number = gone.entry.number;
                let Some((other, to)) = self.queues.iter().enumerate().find_map(|(other, queue)| {
                    let to = queue.entries.iter().find(|it| it.number == number && it.durable)?;
                    (other != index && to.added == gone.removed).then_some((other, to))
                }) else {
                    continue;
                };
                let elsewhere = self.queues.iter().enumerate().any(|(i, queue)| {
                    let mut all = queue.entries.iter().chain(queue.gone.iter().map(|it| &it.entry));
                    i != index && i != other && all.any(|it| it.number == number)
                });
                let once = queue.gone.iter().filter(|it| it.entry.number == number).count() == 1
                    && !queue.entries.iter().any(|it| it.number == number)
                    && !self.queues[other].gone.iter().any(|it| it.entry.number == number);
                if once && !elsewhere && survives(gone.entry.added, gone.entry.confirmed, durable) == Survives::Yes {
                    assert!(to.durable);
                    found.push((number, 1));
                }
            }
        }
        found
    }

    fn forget_transactions(&mut self, world: &World, durable: u64) {
        let state = world.durable_state();
        self.transactions.retain(|uid, transaction| {
            let there = state.lines().any(|line| line == format!("prepared b\"x{uid}\""));
            let Some(prepared) = transaction.prepared else { return false };
            let ended = transaction.ended.map_or(Survives::No, |span| survives(span, u64::MAX, durable));
            match (survives(prepared, u64::MAX, durable), ended) {
                (Survives::Yes, Survives::No) => assert!(there, "branch {uid} was prepared and is lost"),
                (Survives::No, _) | (_, Survives::Yes) => assert!(!there, "branch {uid} came back"),
                _ => {}
            }
            transaction.prepared = Some((0, 0));
            transaction.ended = None;
            transaction.staged.retain(|(to, _)| self.queues[*to].durable);
            there
        });
    }
}

fn judge(queue: Queue, found: &[Content], holder: &dyn Fn(u64) -> Option<usize>, durable: u64, now: u64) -> Queue {
    let Queue { id, most, entries, gone, .. } = queue;
    let there = |entry: &Entry| found.iter().any(|it| it.number == entry.number);
    // One that was here twice, because it was moved away and back, is left to the other checks.
    let all = || entries.iter().chain(gone.iter().map(|it| &it.entry));
    let once = |entry: &Entry| all().filter(|it| it.number == entry.number).count() == 1;
    for entry in entries.iter().filter(|it| once(it)) {
        match survives(entry.added, entry.confirmed, durable) {
            Survives::Yes if entry.durable => assert!(there(entry), "lost: {entry:?} of {id:?}"),
            Survives::No => assert!(!there(entry), "from nowhere: {entry:?}"),
            _ => assert!(entry.durable || !there(entry), "transient, and came back: {entry:?}"),
        }
    }
    for Gone { entry, removed, told } in gone.iter().filter(|it| once(&it.entry)) {
        match (survives(entry.added, entry.confirmed, durable), survives(*removed, told.unwrap_or(u64::MAX), durable)) {
            (_, Survives::Yes) => assert!(!there(entry), "was settled: {entry:?} {removed:?} of {id:?}"),
            (Survives::Yes, Survives::No) if entry.durable => assert!(there(entry), "lost: {entry:?} of {id:?}"),
            (Survives::No, _) => assert!(!there(entry), "from nowhere: {entry:?}"),
            _ => {}
        }
    }
    let known = || entries.iter().chain(gone.iter().rev().map(|it| &it.entry));
    let mut left = Vec::new();
    for Content { seq, number, durable: is_durable, attempts, state } in found {
        assert!(is_durable, "a transient message came back");
        // One that was moved away and back was here twice.
        let same = |it: &&Entry| it.number == *number && it.seq == *seq;
        let old = known()
            .find(same)
            .or_else(|| known().find(|it| it.number == *number))
            .unwrap_or_else(|| panic!("unknown message {number}"));
        // A move that did not happen leaves what was known before it.
        let most = known().filter(|it| it.number == *number).map(|it| it.attempts).max();
        assert!(Some(*attempts) <= most, "{attempts} attempts of {old:?}");
        let seen = old.seen.filter(|after| *after <= durable);
        left.push(Entry {
            seq: *seq,
            state: state_of(state, now, holder(*number)),
            attempts: *attempts,
            seen,
            added: (0, 0),
            confirmed: 0,
            moved: false,
            ..old.clone()
        });
    }
    // In the order in which they were; what had left and is back may stand between.
    let order: Vec<u64> = entries.iter().filter(|it| !it.moved && once(it)).map(|it| it.number).collect();
    let kept: Vec<u64> = left.iter().map(|it| it.number).filter(|it| order.contains(it)).collect();
    let mut expected = order;
    expected.retain(|it| kept.contains(it));
    assert_eq!(kept, expected, "the order of queue {id:?}");
    Queue { id, durable: true, most, entries: left, gone: Vec::new() }
}

fn state_of(text: &str, now: u64, holder: Option<usize>) -> State {
    match text.split_once(' ') {
        Some(("delayed", at)) => {
            let at = at.parse().expect("a time");
            if at > now { State::Delayed(at) } else { State::Ready }
        }
        Some(("decided", mark)) => State::Decided(mark.parse().expect("a mark")),
        None if text == "ready" => State::Ready,
        None if text == "held" => State::Held(holder.expect("a branch that holds it"), None),
        _ => panic!("a lease that survived: {text}"),
    }
}

/// The numbers held in queue 0.
fn holds(durable_state: &str) -> std::collections::BTreeSet<u32> {
    let line = durable_state.lines().find(|line| line.starts_with("queue 0 ")).expect("the first queue");
    let (_, list) = line.rsplit_once("holds {").expect("every queue has holds");
    list.trim_end_matches('}').split(", ").filter(|text| !text.is_empty()).map(|it| it.parse().expect("one")).collect()
}

/// The journal's position as a number.
pub(crate) fn last(world: &World) -> u64 {
    let Lsn(last) = world.last();
    last
}
