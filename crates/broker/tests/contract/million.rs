//! A very large transaction: bounded memory, bounded steps.

use model::limits::STEP_BUDGET;

use crate::harness::World;
use crate::harness::commands::*;

/// 200,000, or as many as `CAUSEWAY_MESSAGES` says; a million in builds with optimisation.
pub(crate) fn messages() -> u64 {
    let default = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
    std::env::var("CAUSEWAY_MESSAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn a_transaction_of_very_many_messages_is_bounded_in_memory_and_in_every_step() {
    const BODY: usize = 40;
    let mut world = World::new();
    world.audits = false;
    let (a, count) = (world.open(), messages());
    world.run(a, declare("q"));
    world.run(a, begin(0));
    for batch in 0..count / 1_000 {
        let body = |n: u64| format!("{:0BODY$}", batch * 1_000 + n);
        world.batch((0..1_000).map(|n| (a, staged("q", body(n), 0))));
        assert!(world.broker.status(world.now).memory <= (4 << 20) + BODY as u64);
    }
    assert_eq!(world.tally("q"), (0, 0, 0));

    (world.most_records, world.most_effects) = (0, 0);
    let before = world.steps;
    // What comes after the commit in the same batch is after it in the queue.
    world.batch([(a, commit(0)), (a, publish("q", "the last"))]);
    assert!((world.steps - before) as u64 >= count / (STEP_BUDGET as u64));
    assert!(world.most_records <= 8 && world.most_effects <= 8, "{} {}", world.most_records, world.most_effects);
    assert_eq!(world.tally("q"), (count + 1, 0, 0));
    assert!(world.broker.status(world.now).memory <= (4 << 20) + 2 * BODY as u64);

    let happened = world.run(
        a,
        consume_with("q", 0, u32::MAX, |it| {
            it.mode =
                model::Mode::Leasing { settlement: model::Settlement::Presettled, lease: model::Lease::Connection };
        }),
    );
    let limit = 2 * STEP_BUDGET + 8;
    assert!(world.most_records <= limit && world.most_effects <= limit, "{}", world.most_effects);
    let delivered = happened.delivered();
    assert_eq!(delivered.len() as u64, count + 1);
    for (n, deliver) in delivered.iter().take(count as usize).enumerate() {
        assert_eq!(deliver.message.body.joined(), format!("{n:0BODY$}"));
    }
    assert_eq!(delivered.last().map(|it| it.message.body.joined()).as_deref(), Some(b"the last".as_slice()));
    assert_eq!(world.broker.status(world.now).memory, 0);
}

#[test]
fn a_consumer_that_is_there_gets_a_commit_in_order_with_what_follows_it() {
    let mut world = World::new();
    let a = world.open();
    world.audits = false;
    world.batch([(a, declare("q")), (a, declare("r")), (a, consume("q", 0, u32::MAX))]);
    world.run(a, begin(0));
    for _ in 0..10 {
        // A step's share of the commit is less for each queue than what it may hand out.
        world.batch((0..1_000).flat_map(|_| [(a, staged("q", "t", 0)), (a, staged("r", "t", 0))]));
    }
    let happened = world.batch([(a, commit(0)), (a, publish("q", "later")), (a, drain(0, 0))]);
    let bodies = happened.bodies();
    assert_eq!((bodies.len(), bodies.last().map(String::as_str)), (10_001, Some("later")));
    assert_eq!(happened.drained(), 1);
}

#[test]
fn a_purge_during_a_commit_means_the_same_after_a_restart() {
    let mut world = World::new();
    let a = world.open();
    world.audits = false;
    world.run(a, declare("q"));
    world.run(a, begin(0));
    for _ in 0..10 {
        world.batch((0..1_000).map(|_| (a, staged("q", "t", 0))));
    }
    let happened = world.batch([(a, commit(0)), (a, publish("q", "later")), (a, purge("q", false))]);
    assert_eq!(world.tally("q").0, 10_001 - happened.count());
    world.compare();
}

#[test]
fn a_queue_may_be_used_moved_into_and_deleted_during_a_commit() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.audits = false;
    world.batch(["q", "r", "s"].map(|name| (a, declare(name))));
    world.batch(["1", "2", "3"].map(|body| (a, publish("s", body))));
    world.run(a, begin(0));
    for _ in 0..10 {
        world.batch((0..1_000).flat_map(|_| [(a, staged("q", "t", 0)), (a, staged("r", "t", 0))]));
    }
    let happened = world.batch([
        (a, commit(0)),
        (a, begin(1)),
        (a, staged("q", "second", 1)),
        (a, commit(1)),
        (a, move_to("s", "q", 2)),
        (b, get("q", 0, 5)),
        (b, settle_range(0, 1, 5, model::Outcome::Accepted)),
        (a, delete("r")),
        (a, purge("s", false)),
    ]);
    assert_eq!(happened.delivered_to(b).len(), 5);
    let left = world.tally("q");
    world.compare();
    world.restart();
    assert_eq!(world.tally("q").0, left.0 + left.1);
    let c = world.open();
    let bodies = world.run(c, consume("q", 0, u32::MAX)).bodies();
    assert_eq!(bodies[bodies.len() - 3..], ["second", "1", "2"]);
}
