//! Many commands in one step, which meet each other's settlements before those are written. There is no model here:
//! what the journal says must be what the broker knows, after every step and after every record.

use model::{Binding, Command, ConnectionId, CreditMode, Delivery, Exchange, Lease, Lsn, Mode, Outcome, Settlement};
use proptest::prelude::*;

use crate::harness::World;
use crate::harness::commands::*;

const NAMES: [&str; 4] = ["a", "b", "dead", "memory"];

/// A command, in numbers.
#[derive(Clone, Copy, Debug)]
struct Quick {
    what: u8,
    who: u8,
    queue: u8,
    other: u8,
    flag: bool,
}

fn quick() -> impl Strategy<Value = Quick> {
    (0..26u8, 0..3u8, 0..4u8, 0..12u8, any::<bool>()).prop_map(|(what, who, queue, other, flag)| Quick {
        what,
        who,
        queue,
        other,
        flag,
    })
}

struct Batches {
    world: World,
    connections: [ConnectionId; 3],
    next: u32,
}

impl Batches {
    fn new(kind: u8) -> Self {
        let mut world = World::of_kind(kind).with_checkpoints();
        let connections = [(); 3].map(|()| world.open());
        for (index, name) in NAMES.iter().enumerate() {
            world.run(connections[0], declare_as_before(index, name));
        }
        Self { world, connections, next: 0 }
    }

    fn command(&mut self, quick: Quick) -> Vec<Command> {
        let Quick { what, queue: q, other, flag, .. } = quick;
        let name = NAMES[usize::from(q)];
        let seq = u64::from(other);
        let delivery = |attempt| Delivery { queue: queue(q.into()), seq, attempt };
        let now = self.world.now;
        self.next += 1;
        match what {
            0..5 => vec![if flag { publish(name, "x") } else { transient(name, "x") }],
            5 | 6 => vec![topic("t.a", "x")],
            7 => vec![self.consumer(name, other)],
            8 => vec![get(name, self.next, 1 + u32::from(other))],
            9 => vec![receive(name, self.next, 1 + u32::from(other), flag.then(|| now.plus(9)))],
            10..13 => vec![settle_range(q.into(), seq.saturating_sub(3), seq, outcome(other, now))],
            13 => vec![settle_receipt(delivery(1 + u32::from(flag)), outcome(other, now))],
            14 => vec![decide(delivery(1), 3)],
            15 => vec![purge(name, flag)],
            16 => vec![move_to(name, NAMES[usize::from(other % 4)], 3)],
            17 if flag => vec![delete(name), declare_as_before(q.into(), name)],
            17 => {
                let ttl = (other > 5).then_some(20);
                vec![alter(name, model::Alteration { ttl: Some(ttl), ..model::Alteration::default() })]
            }
            18 => vec![subscribe_replay(name, "t.#", other.into())],
            19 => vec![retain(if flag { "t.a" } else { "t.b" }, if other > 3 { "kept" } else { "" })],
            20 => vec![begin(u32::from(other % 2)), staged(name, "s", u32::from(other % 2))],
            21 => vec![settle_in(delivery(1), u32::from(flag))],
            22 => vec![commit(u32::from(flag))],
            23 if other > 8 => vec![prepare(u32::from(flag), ["x", "y"][usize::from(other % 2)])],
            23 => vec![rollback(u32::from(flag))],
            24 if flag => vec![commit_prepared(["x", "y"][usize::from(other % 2)])],
            24 => vec![rollback_prepared(["x", "y"][usize::from(other % 2)])],
            _ if flag => vec![held(name, "held", (0, u32::from(other % 3)))],
            _ => vec![unbind(name, Binding { key: "t.#".into(), exchange: Exchange::Topic, ..Binding::default() })],
        }
    }

    fn consumer(&self, name: &str, other: u8) -> Command {
        consume_with(name, self.next, u32::from(other), |it| {
            let settlement =
                [Settlement::Explicit, Settlement::Presettled, Settlement::ByMessage][usize::from(other % 3)];
            it.mode = Mode::Leasing { settlement, lease: Lease::Connection };
            it.credit_mode = if other > 6 { CreditMode::Window } else { CreditMode::Explicit };
            it.selector = (other == 5).then(|| "JMSDeliveryMode = 'PERSISTENT'".into());
        })
    }

    fn step(&mut self, batch: &[Quick], wait: u64) {
        let mut commands = Vec::new();
        for quick in batch {
            let who = self.connections[usize::from(quick.who)];
            commands.extend(self.command(*quick).into_iter().map(|command| (who, command)));
        }
        self.world.batch(commands);
        self.world.compare();
        if let Some(quick) = batch.first().filter(|it| it.what == 25 && it.other == 0) {
            self.world.run(self.connections[usize::from(quick.who)], Command::Close);
            self.connections[usize::from(quick.who)] = self.world.open();
        }
        self.world.advance(wait);
        self.world.compare();
    }
}

/// Each of the four queues has its own character.
fn declare_as_before(index: usize, name: &str) -> Command {
    declare_with(name, |it| {
        it.durable = index != 3;
        it.ttl = (index == 1).then_some(40);
        it.max_length = (index == 1).then_some(6);
        it.overflow = model::Overflow::DeadLetter;
        let to = model::DeadLetter::to_queue("dead".into(), (index == 0).then_some(2));
        it.dead_letter = (index != 2).then_some(to);
    })
}

fn outcome(number: u8, now: model::Time) -> Outcome {
    match number % 6 {
        0..3 => Outcome::Accepted,
        3 => Outcome::Rejected,
        4 => Outcome::Released,
        _ => Outcome::Modified { failed: true, not_before: Some(now.plus(5)) },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_journal_says_what_the_broker_knows(
        batches in prop::collection::vec((prop::collection::vec(quick(), 1..12), 0..15u64), 1..12),
        kind in 0..4u8,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut run = Batches::new(kind);
        for (batch, wait) in &batches {
            run.step(batch, *wait);
        }
        // A restart in the midst of life, and then at earlier and earlier records.
        run.world.restart();
        run.connections = [(); 3].map(|()| run.world.open());
        run.step(&batches[0].0, 1);
        for cut in cuts {
            let durable = cut.index(run.world.last().0 as usize + 1) as u64;
            run.world.crash(Lsn(durable));
            run.world.broker.audit().expect("no contradictions");
            run.world.compare();
        }
    }
}
