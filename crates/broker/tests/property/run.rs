//! Carries out random commands on the broker and on the model.

use model::{Command, ConnectionId, CreditMode, Delivery, Effect, Lease, Mode, Outcome, Reply, Settlement, Time};

use crate::Op;
use crate::crash::last;
use crate::harness::commands::*;
use crate::harness::{Happened, World};
use crate::model::{Consumer, DEAD, Entry, Ledger, Queue, Span, State, entry};

const NAMES: [&str; 5] = ["plain", "work", "dead", "extra", "memory"];
const EXTRA: usize = 3;
const MEMORY: usize = 4;
/// Milliseconds of a lease with a deadline.
const LEASE: u64 = 20;

pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) ledger: Ledger,
    pub(crate) connections: [ConnectionId; 3],
    /// Each connection's open transaction.
    pub(crate) open: [Option<usize>; 3],
    pub(crate) receipts: Vec<Receipt>,
    /// What was durable at the last start stays so.
    pub(crate) floor: u64,
}

pub(crate) struct Receipt {
    queue: usize,
    number: u64,
    delivery: Delivery,
    after: u64,
}

impl Run {
    pub(crate) fn new(kind: u8) -> Self {
        let mut world = World::of_kind(kind).with_checkpoints();
        let connections = [(); 3].map(|()| world.open());
        let ledger = Ledger { queues: NAMES.iter().map(|_| Queue::default()).collect(), ..Ledger::default() };
        let mut run = Self { world, ledger, connections, open: [None; 3], receipts: Vec::new(), floor: 0 };
        (0..NAMES.len()).for_each(|index| run.declare(index));
        run.floor = last(&run.world);
        run
    }

    fn declare(&mut self, index: usize) {
        let (who, name) = (self.connections[0], NAMES[index]);
        let happened = self.world.run(
            who,
            declare_with(name, |it| {
                it.durable = index != MEMORY;
                let to = model::DeadLetter::to_queue(NAMES[DEAD].into(), Some(2));
                it.dead_letter = (index == 1).then_some(to);
            }),
        );
        let Ok(Reply::Declared { queue: id, .. }) = happened.reply() else { panic!("{happened:?}") };
        let most = (index == 1).then_some(2);
        self.ledger.queues[index] = Queue { id, durable: index != MEMORY, most, ..Queue::default() };
        match index {
            0 | MEMORY => drop(self.world.run(who, subscribe(name, "t.#", 1))),
            1 => drop(self.world.run(who, subscribe(name, "t.a", 2))),
            _ => {}
        }
    }

    pub(crate) fn perform(&mut self, op: Op) {
        match op {
            Op::Publish { .. } | Op::Held { .. } | Op::Unhold { .. } => self.publish(op),
            Op::Consume { .. } | Op::Credit { .. } | Op::Cancel { .. } | Op::Fetch { .. } => self.consume(op),
            Op::Settle { .. } | Op::Receipt { .. } | Op::Decide { .. } => self.settle(op),
            Op::Stage { .. } | Op::StageSettle { .. } | Op::End { .. } | Op::EndPrepared { .. } => self.transact(op),
            Op::Close { .. } | Op::Purge { .. } | Op::Move { .. } | Op::Delete { .. } => self.manage(op),
            Op::Wait { milliseconds } => self.wait(milliseconds.into()),
            Op::Restart => self.crash(0),
            Op::Crash { back } => self.crash(back.into()),
            Op::Compare => self.world.compare(),
        }
    }

    pub(crate) fn run(&mut self, who: ConnectionId, command: Command) -> (Happened, Span) {
        let before = last(&self.world);
        let happened = self.world.run(who, command);
        (happened, (before, last(&self.world)))
    }

    /// After the model knows of a command: what fell due, what was handed out, and whether both agree.
    pub(crate) fn conclude(&mut self, happened: &Happened, span: Span) {
        self.ledger.tick(self.world.now.0, span);
        self.ledger.observe(happened, self.world.now.0, span);
        for outgoing in &happened.effects {
            if let Effect::Deliver(deliver) = &outgoing.effect
                && let Some(queue) = self.ledger.queues.iter().position(|it| it.id == deliver.delivery.queue)
            {
                let (number, delivery, after) = (deliver.number.0, deliver.delivery, outgoing.after.0);
                let has_deadline = |entry: &Entry| entry.number == number && matches!(entry.state, State::Deadline(_));
                if self.ledger.queues[queue].entries.iter().any(has_deadline) {
                    self.receipts.push(Receipt { queue, number, delivery, after });
                }
            }
        }
        self.agree();
        self.ledger.check_nobody_waits();
    }

    fn agree(&mut self) {
        for (index, queue) in self.ledger.queues.iter_mut().enumerate() {
            let found = self.world.contents(queue.id);
            let order: Vec<u64> = found.iter().map(|it| it.number).collect();
            let settled: Vec<u64> = queue.entries.iter().filter(|it| !it.moved).map(|it| it.number).collect();
            let kept: Vec<u64> = order.iter().copied().filter(|it| settled.contains(it)).collect();
            assert_eq!(kept, settled, "order of {}", NAMES[index]);
            let mut mine: Vec<u64> = queue.entries.iter().map(|it| it.number).collect();
            let mut theirs = order.clone();
            mine.sort_unstable();
            theirs.sort_unstable();
            assert_eq!(mine, theirs, "what is in {}", NAMES[index]);
            queue.entries.sort_by_key(|entry| order.iter().position(|it| *it == entry.number));
            for (entry, content) in queue.entries.iter_mut().zip(&found) {
                assert_eq!(entry.in_words(), content.state, "{entry:?} of {}", NAMES[index]);
                assert_eq!((entry.durable, entry.attempts), (content.durable, content.attempts), "{entry:?}");
                entry.seq = content.seq;
                entry.moved = false;
            }
        }
    }

    fn publish(&mut self, op: Op) {
        match op {
            Op::Publish { who, to, durable, delay, expires } => {
                let due = delay.then(|| self.world.now.plus(10));
                let expires = expires.then(|| self.world.now.plus(30));
                let (mut command, queues) = target(to);
                edit(&mut command, |message, _| {
                    (message.header.durable, message.header.not_before, message.header.expires) =
                        (durable, due, expires);
                });
                let (happened, span) = self.run(self.connections[usize::from(who)], command);
                let state = due.map_or(State::Ready, |at| State::Delayed(at.0));
                let (number, confirmed) = confirmed(&happened);
                let mut new = entry(number, durable, state, expires, span);
                new.confirmed = confirmed;
                self.ledger.publish(queues, &new);
                self.conclude(&happened, span);
            }
            Op::Held { who, number: hold } => {
                let (happened, span) =
                    self.run(self.connections[usize::from(who)], held(NAMES[0], "held", (0, hold.into())));
                let (number, confirmed) = confirmed(&happened);
                assert_eq!(number == 0, !self.ledger.holds.insert(hold.into()), "a hold: {happened:?}");
                if number > 0 {
                    let mut new = entry(number, true, State::Ready, None, span);
                    new.confirmed = confirmed;
                    self.ledger.publish(&[0], &new);
                }
                self.conclude(&happened, span);
            }
            Op::Unhold { who, number } => {
                self.ledger.holds.remove(&number.into());
                self.world.run(self.connections[usize::from(who)], unhold(0, number.into()));
            }
            _ => unreachable!("perform() chooses"),
        }
    }

    fn consume(&mut self, op: Op) {
        let uid = self.ledger.next_uid;
        self.ledger.next_uid += 1;
        match op {
            Op::Consume { who, queue, credit, window, deadline } => {
                let (id, queue) = (self.connections[usize::from(who)], usize::from(queue));
                let lease = if deadline { Lease::Deadline(Some(LEASE)) } else { Lease::Connection };
                let window = window && !deadline;
                let command = consume_with(NAMES[queue], uid as u32, credit.into(), |it| {
                    it.mode = Mode::Leasing { settlement: Settlement::Explicit, lease };
                    it.credit_mode = if window { CreditMode::Window } else { CreditMode::Explicit };
                });
                let credit = credit.into();
                self.attach(
                    id,
                    Consumer { uid, queue, credit, window, deadline: deadline.then_some(LEASE), is_fetch: false },
                );
                let (happened, span) = self.run(id, command);
                self.conclude(&happened, span);
            }
            Op::Fetch { who, queue, max, deadline, presettled, waits } => {
                let (id, queue) = (self.connections[usize::from(who)], usize::from(queue));
                let until = waits.then(|| self.world.now.plus(15));
                let command = fetch_with(NAMES[queue], uid as u32, max.into(), |it| {
                    it.lease = if deadline { Lease::Deadline(Some(LEASE)) } else { Lease::Connection };
                    it.settlement = if presettled { Settlement::Presettled } else { Settlement::Explicit };
                    it.until = until;
                });
                let (credit, window) = (max.into(), false);
                self.attach(
                    id,
                    Consumer { uid, queue, credit, window, deadline: deadline.then_some(LEASE), is_fetch: true },
                );
                let (happened, span) = self.run(id, command);
                self.conclude(&happened, span);
            }
            Op::Credit { which, add, drain: drains } => {
                let Some((id, index)) = self.consumer(which) else { return };
                self.ledger.consumers.get_mut(&(id, index)).expect("chosen").credit += u64::from(add);
                let command = if drains { drain(index, add.into()) } else { credit(index, add.into()) };
                let (happened, span) = self.run(id, command);
                self.conclude(&happened, span);
                assert_eq!(happened.drained(), usize::from(drains), "{happened:?}");
            }
            Op::Cancel { which } => {
                let Some((id, index)) = self.consumer(which) else { return };
                self.ledger.consumers.remove(&(id, index));
                let (happened, span) = self.run(id, cancel(index));
                self.conclude(&happened, span);
            }
            _ => unreachable!("perform() chooses"),
        }
    }

    fn attach(&mut self, id: ConnectionId, consumer: Consumer) {
        self.ledger.consumers.insert((id, consumer.uid as u32), consumer);
    }

    /// One of the consumers that are no fetches.
    fn consumer(&self, which: u8) -> Option<(ConnectionId, u32)> {
        let all: Vec<_> = self.ledger.consumers.iter().filter(|(_, it)| !it.is_fetch).map(|(key, _)| *key).collect();
        choose(&all, which)
    }

    fn settle(&mut self, op: Op) {
        let now = self.world.now.0;
        match op {
            Op::Settle { who, which, outcome, range } => {
                let id = self.connections[usize::from(who)];
                let leased = self.ledger.leased_by(id);
                let Some((queue, number, seq, _)) = choose(&leased, which) else { return };
                let (outcome, first) = (outcome_of(outcome, now), if range { 0 } else { seq });
                let n = self.ledger.queues[queue].id.n;
                let (happened, span) = self.run(id, settle_range(n, first, seq, outcome));
                let covered: Vec<u64> = if range {
                    leased.iter().filter(|it| it.0 == queue && it.2 <= seq).map(|it| it.1).collect()
                } else {
                    vec![number]
                };
                assert_eq!(happened.count(), covered.len() as u64 + self.decided(id, queue, first, seq, outcome, span));
                let told = answered(&happened);
                covered.iter().for_each(|number| self.ledger.conclude(queue, *number, outcome, now, span, told));
                self.conclude(&happened, span);
            }
            Op::Receipt { who, which, outcome } => {
                let Some(receipt) = self.receipts.get(usize::from(which) % self.receipts.len().max(1)) else { return };
                let Receipt { queue, number, delivery, .. } = *receipt;
                let outcome = outcome_of(outcome, now);
                let id = self.connections[usize::from(who)];
                let (happened, span) = self.run(id, settle_receipt(delivery, outcome));
                let current = self.ledger.queues[queue].id == delivery.queue;
                let found = self.ledger.queues[queue].entries.iter().find(|it| current && it.number == number);
                let may = found.is_some_and(|entry| {
                    entry.seq == delivery.seq
                        && match entry.state {
                            State::Held(..) | State::Decided(_) => false,
                            State::Deadline(_) => outcome == Outcome::Accepted || entry.attempts == delivery.attempt,
                            _ => outcome == Outcome::Accepted,
                        }
                });
                assert_eq!(happened.reply().is_ok(), may, "{delivery:?} {found:?} {happened:?}");
                if may {
                    self.ledger.conclude(queue, number, outcome, now, span, answered(&happened));
                }
                self.conclude(&happened, span);
            }
            Op::Decide { who, which } => {
                let id = self.connections[usize::from(who)];
                let Some((queue, number, seq, attempt)) = choose(&self.ledger.leased_by(id), which) else { return };
                let delivery = Delivery { queue: self.ledger.queues[queue].id, seq, attempt };
                let (happened, span) = self.run(id, decide(delivery, 7));
                assert!(happened.reply().is_ok());
                self.ledger.decide(queue, number, 7);
                self.conclude(&happened, span);
            }
            _ => unreachable!("perform() chooses"),
        }
    }

    /// Accepts what is decided in a range, if the connection may: it has a consumer there.
    fn decided(&mut self, id: ConnectionId, queue: usize, first: u64, last: u64, outcome: Outcome, span: Span) -> u64 {
        let there = self.ledger.consumers.iter().any(|((owner, _), it)| *owner == id && it.queue == queue);
        if !there || outcome != Outcome::Accepted {
            return 0;
        }
        let decided = |entry: &&Entry| matches!(entry.state, State::Decided(_)) && (first..=last).contains(&entry.seq);
        let all = self.ledger.queues[queue].entries.iter().filter(decided);
        let numbers: Vec<u64> = all.map(|it| it.number).collect();
        numbers.iter().for_each(|number| self.ledger.remove(queue, *number, span, None));
        numbers.len() as u64
    }

    fn manage(&mut self, op: Op) {
        match op {
            Op::Close { who } => {
                let id = self.connections[usize::from(who)];
                let (happened, span) = self.run(id, Command::Close);
                self.ledger.close(id, self.open[usize::from(who)].take(), span);
                self.conclude(&happened, span);
                self.connections[usize::from(who)] = self.world.open();
            }
            Op::Purge { who, queue, leased } => {
                let queue = usize::from(queue);
                let (happened, span) = self.run(self.connections[usize::from(who)], purge(NAMES[queue], leased));
                let count = self.ledger.purge(queue, leased, span);
                assert_eq!(happened.count(), count);
                self.conclude(&happened, span);
            }
            Op::Move { who, from, to, max } if from != to => {
                let (from, to) = (usize::from(from), usize::from(to));
                let ready = self.ledger.queues[from].entries.iter().filter(|it| it.state == State::Ready);
                let numbers: Vec<u64> = ready.map(|it| it.number).take(max.into()).collect();
                if numbers.iter().any(|number| self.ledger.copies(*number) > 1) {
                    // Two of one number in one queue would be beyond the model.
                    return;
                }
                let command = move_to(NAMES[from], NAMES[to], max.into());
                let (happened, span) = self.run(self.connections[usize::from(who)], command);
                assert_eq!(happened.count(), numbers.len() as u64);
                numbers.iter().for_each(|number| self.ledger.shift(from, *number, to, span));
                self.conclude(&happened, span);
            }
            Op::Delete { who } => {
                let (happened, span) = self.run(self.connections[usize::from(who)], delete(NAMES[EXTRA]));
                self.ledger.delete(EXTRA);
                self.conclude(&happened, span);
                self.declare(EXTRA);
                // Which of the two queues a crash leaves is not followed.
                self.floor = last(&self.world);
            }
            _ => {}
        }
    }

    /// Lets time pass from one thing that falls due to the next.
    fn wait(&mut self, milliseconds: u64) {
        let until = self.world.now.plus(milliseconds);
        loop {
            let next = self.world.broker.poll_timeout().filter(|at| *at <= until);
            self.world.now = next.unwrap_or(until).max(self.world.now);
            let before = last(&self.world);
            let happened = self.world.batch([]);
            self.conclude(&happened, (before, last(&self.world)));
            if next.is_none() {
                return;
            }
        }
    }

    /// Ends the process; the last `back` records are lost, but none that was durable at the start.
    pub(crate) fn crash(&mut self, back: u64) {
        let durable = last(&self.world).saturating_sub(back).max(self.floor);
        self.world.crash(model::Lsn(durable));
        self.ledger.restored(&self.world, durable, self.world.now);
        self.world.compare();
        self.receipts.retain(|it| it.after <= durable);
        self.open = [None; 3];
        self.connections = [(); 3].map(|()| self.world.open());
        self.declare(MEMORY);
        self.floor = last(&self.world);
        self.wait(0);
    }
}

/// A publish, and the queues it goes to.
pub(crate) fn target(to: u8) -> (Command, &'static [usize]) {
    match to {
        0..5 => (publish(NAMES[usize::from(to)], "x"), &[&[0], &[1], &[2], &[3], &[4]][usize::from(to)][..]),
        5 => (topic("t.a", "x"), &[0, 1, 4]),
        _ => (topic("t.b", "x"), &[0, 4]),
    }
}

pub(crate) fn edit(command: &mut Command, change: impl FnOnce(&mut model::Message, &mut model::Publish)) {
    let Command::Publish(publish) = command else { return };
    let mut message = publish.message.as_ref().clone();
    change(&mut message, publish);
    publish.message = message.into();
}

pub(crate) fn choose<T: Copy>(all: &[T], which: u8) -> Option<T> {
    all.get(usize::from(which).checked_rem(all.len())?).copied()
}

fn outcome_of(number: u8, now: u64) -> Outcome {
    match number {
        0..3 => Outcome::Accepted,
        3 => Outcome::Rejected,
        4 => Outcome::Released,
        5 => Outcome::Modified { failed: true, not_before: Some(Time(now + 10)) },
        _ => Outcome::Renew(Time(now + 50)),
    }
}

/// The number of a message that was confirmed, and the record its confirmation waits for.
pub(crate) fn confirmed(happened: &Happened) -> (u64, u64) {
    let confirm = happened.effects.iter().find_map(|out| match out.effect {
        Effect::Confirm { message, .. } => Some((message.0, out.after.0)),
        _ => None,
    });
    confirm.unwrap_or_else(|| panic!("not confirmed: {happened:?}"))
}

/// The record the answer waits for.
pub(crate) fn answered(happened: &Happened) -> u64 {
    let reply = happened.effects.iter().find(|out| matches!(out.effect, Effect::Reply { .. }));
    reply.unwrap_or_else(|| panic!("not answered: {happened:?}")).after.0
}
