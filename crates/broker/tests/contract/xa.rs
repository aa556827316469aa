//! Transactions, and branches that are prepared, survive everything, and end either way (X/Open XA).

use model::{Command, ConnectionId, Inspect, Refusal, Reply};

use crate::harness::World;
use crate::harness::commands::*;

/// A branch `x` prepared by `a`, which accepted "in" of q0 and publishes "out 1" and "out 2" to q1.
fn prepared() -> (World, ConnectionId) {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("in")), (a, declare("out")), (a, publish("in", "in"))]);
    let delivery = world.run(a, window("in", 0, 1)).delivery();
    world.run(a, begin(5));
    world.expect(a, staged("out", "out 1", 5), &["6: Staged t0 #2 out \"out 1\" -> q1", "a@6 Confirm #2"]);
    world.expect(a, staged("out", "out 2", 5), &["7: Staged t0 #3 out \"out 2\" -> q1", "a@7 Confirm #3"]);
    world.expect(a, settle_in(delivery, 5), &["a@7 Reply Count 1"]);
    // What a transaction holds is nobody else's.
    assert!(world.run(a, accept(delivery)).reply().is_err());
    world.expect(a, prepare(5, "x"), &["8: Prepared t0 as b\"x\" settles q0@1", "a@8 Reply Done"]);
    assert_eq!(world.browse("out"), Vec::<String>::new());
    world.compare();
    (world, a)
}

#[test]
fn a_prepared_branch_survives_its_connection_and_a_restart_and_is_committed() {
    for restarts in [false, true] {
        let (mut world, a) = prepared();
        world.run(a, Command::Close);
        assert_eq!(world.tally("in"), (0, 1, 0));
        if restarts {
            world.restart();
            world.compare();
            assert_eq!(world.tally("in"), (0, 1, 0), "still held by the branch");
        }
        let b = world.open();
        assert!(world.run(b, inspect(Inspect::Prepared)).has("Prepared [b\"x\"]"));
        assert!(world.run(b, consume("in", 0, 9)).delivered().is_empty());
        let happened = world.run(b, commit_prepared("x"));
        assert!(happened.has("9: Committed t0 -> q1@1 settles q0@1"), "{happened:?}");
        assert_eq!(world.browse("out"), ["out 1", "out 2"]);
        assert_eq!(world.tally("in"), (0, 0, 0));
        assert_eq!(world.run(b, commit_prepared("x")).refusal(), Refusal::NoSuchTransaction);
        world.compare();
        world.restart();
        assert_eq!(world.browse("out"), ["out 1", "out 2"]);
        assert_eq!(world.tally("in"), (0, 0, 0));
    }
}

#[test]
fn a_prepared_branch_survives_its_connection_and_a_restart_and_is_rolled_back() {
    for restarts in [false, true] {
        let (mut world, a) = prepared();
        world.run(a, Command::Close);
        if restarts {
            world.restart();
        }
        let b = world.open();
        let happened = world.run(b, rollback_prepared("x"));
        assert!(happened.has("9: RolledBack t0"), "{happened:?}");
        assert_eq!(world.tally("in"), (1, 0, 0));
        assert_eq!(world.browse("out"), Vec::<String>::new());
        world.compare();
        let happened = world.run(b, consume("in", 0, 9));
        assert_eq!(happened.bodies(), ["in"]);
        assert!(happened.delivered()[0].redelivered);
        world.restart();
        assert_eq!((world.tally("in"), world.tally("out")), ((1, 0, 0), (0, 0, 0)));
        assert_eq!(world.broker.status(world.now).memory, 2);
    }
}

#[test]
fn a_branch_rolled_back_while_its_connection_lives_goes_back_to_the_queue() {
    let (mut world, a) = prepared();
    let happened = world.run(a, rollback_prepared("x"));
    // Preparing gave the window back, so the consumer gets it anew.
    assert_eq!(happened.delivered_to(a), ["in"]);
    assert!(happened.delivered()[0].redelivered);
    world.run(a, Command::Close);
    assert_eq!(world.tally("in"), (1, 0, 0));
}

#[test]
fn what_was_not_prepared_did_not_happen() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("in")), (a, declare("out")), (a, publish("in", "in"))]);
    let delivery = world.run(a, window("in", 0, 1)).delivery();
    world.batch([(a, begin(1)), (a, staged("out", "never", 1)), (a, settle_in(delivery, 1))]);
    let staged = world.last();
    world.restart();
    assert_eq!((world.browse("in"), world.browse("out")), (vec!["in".to_owned()], vec![]));
    // The journal still has what was staged; a new transaction must not revive it.
    let b = world.open();
    world.batch([(b, begin(1)), (b, self::staged("out", "this one", 1)), (b, commit(1))]);
    assert_eq!(world.browse("out"), ["this one"]);
    world.restart();
    assert_eq!(world.browse("out"), ["this one"]);
    assert!(staged < world.last());
    assert_eq!(world.broker.status(world.now).memory, 10);
}

#[test]
fn a_connection_that_goes_rolls_back() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("in")), (a, declare("out")), (a, publish("in", "in"))]);
    let delivery = world.run(a, window("in", 0, 1)).delivery();
    world.batch([(a, begin(1)), (a, staged("out", "never", 1)), (a, settle_in(delivery, 1))]);
    assert!(world.run(a, Command::Close).has("RolledBack t0"));
    assert_eq!((world.tally("in"), world.tally("out")), ((1, 0, 0), (0, 0, 0)));
    assert_eq!(world.broker.status(world.now).memory, 2);
    world.compare();
}

#[test]
fn a_rollback_leaves_the_deliveries_with_who_has_them() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("in")), (a, publish("in", "in"))]);
    let delivery = world.run(a, window("in", 0, 1)).delivery();
    world.batch([(a, begin(1)), (a, settle_in(delivery, 1))]);
    world.expect(a, rollback(1), &["a@4 Reply Done"]);
    assert_eq!(world.tally("in"), (0, 1, 0));
    assert_eq!(world.run(a, accept(delivery)).count(), 1);
}

#[test]
fn a_transaction_with_something_that_cannot_be_done_is_not_committed() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("full", |it| it.max_length = Some(0)));
    world.run(a, declare("out"));
    world.run(a, begin(1));
    world.run(a, staged("out", "one", 1));
    assert_eq!(world.run(a, staged("full", "two", 1)).refusal(), Refusal::Full("full".into()));
    assert!(world.run(a, prepare(1, "x")).reply().is_err());
    assert_eq!(world.run(a, commit(1)).refusal(), Refusal::Full("full".into()));
    assert_eq!(world.browse("out"), Vec::<String>::new());
    assert_eq!(world.run(a, commit(1)).refusal(), Refusal::NoSuchTransaction);
    assert_eq!(world.run(a, staged("out", "three", 1)).refusal(), Refusal::NoSuchTransaction);
}

#[test]
fn a_transaction_in_memory_needs_no_disk() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("q", |it| it.durable = false));
    world.run(a, publish("q", "first number"));
    world.batch([(a, begin(1)), (a, staged("q", "one", 1))]);
    world.expect(a, commit(1), &["a@1 Reply Done"]);
    assert_eq!(world.browse("q"), ["first number", "one"]);
}

#[test]
fn a_queue_that_is_deleted_takes_its_part_of_a_transaction_with_it() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("in")), (a, declare("out")), (a, publish("in", "in"))]);
    let delivery = world.run(a, window("in", 0, 1)).delivery();
    world.batch([(a, begin(1)), (a, staged("out", "gone", 1)), (a, staged("kept", "kept", 1))]);
    world.run(a, settle_in(delivery, 1));
    world.batch([(a, delete("in")), (a, delete("out"))]);
    assert_eq!(world.run(a, commit(1)).reply().ok().map(|it| matches!(it, Reply::Done)), Some(true));
    assert_eq!(world.browse("kept"), ["kept"]);
    world.run(a, Command::Close);
    world.compare();
    assert_eq!(world.broker.status(world.now).consumers, 0);
}
