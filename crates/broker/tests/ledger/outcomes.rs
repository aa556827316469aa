//! Every outcome under every kind of lease, and what becomes of leases that end without one.

use model::{Command, ConnectionId, DeadLetter, Delivery, Lease, Mode, Outcome, Settlement, Time};

use crate::harness::World;
use crate::harness::commands::*;

/// A queue with a dead-letter queue, one message in it, leased by `a`.
fn leased(lease: Lease) -> (World, ConnectionId, Delivery) {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("q", |it| it.dead_letter = dead(None)));
    world.run(a, publish("q", "one"));
    let happened = world.run(a, fetch_with("q", 0, 1, |it| it.lease = lease));
    (world, a, happened.delivery())
}

fn dead(max_deliveries: Option<u32>) -> Option<DeadLetter> {
    Some(DeadLetter::to_queue("dead".into(), max_deliveries))
}

const LEASES: [Lease; 3] = [Lease::Connection, Lease::Deadline(Some(5_000)), Lease::Deadline(None)];

#[test]
fn each_outcome_under_each_lease() {
    let later = Time(1_000_500);
    // Outcome, then (ready, leased, delayed) of the queue, messages in the dead-letter queue, attempts that failed.
    let table = [
        (Outcome::Accepted, (0, 0, 0), 0, 0),
        (Outcome::Rejected, (0, 0, 0), 1, 0),
        (Outcome::Released, (1, 0, 0), 0, 0),
        (Outcome::Modified { failed: false, not_before: None }, (1, 0, 0), 0, 0),
        (Outcome::Modified { failed: true, not_before: None }, (1, 0, 0), 0, 1),
        (Outcome::Modified { failed: true, not_before: Some(later) }, (0, 0, 1), 0, 1),
        (Outcome::Modified { failed: false, not_before: Some(Time(1)) }, (1, 0, 0), 0, 0),
        (Outcome::Renew(Time(1_060_000)), (0, 1, 0), 0, 0),
        (Outcome::Renew(Time(1_000_000)), (1, 0, 0), 0, 0),
    ];
    for lease in LEASES {
        for (outcome, tally, dead, failed) in table {
            let case = format!("{outcome:?} under {lease:?}");
            let (mut world, a, delivery) = leased(lease);
            let settle = if lease == Lease::Connection { settle } else { settle_receipt };
            assert_eq!(world.run(a, settle(delivery, outcome)).count(), 1, "{case}");
            assert_eq!(world.tally("q"), tally, "{case}");
            let found = if world.exists("dead") { world.tally("dead").0 } else { 0 };
            assert_eq!(found, dead, "{case}");
            world.compare();
            world.now = later;
            if tally.0 + tally.2 > 0 {
                let happened = world.run(a, get("q", 1, 1));
                let again = happened.delivered()[0];
                assert_eq!((again.failed, again.delivery.attempt, again.redelivered), (failed, 2, true), "{case}");
                assert_eq!(again.first_acquired, Time(1_000_000), "{case}");
            }
            world.restart();
            world.compare();
        }
    }
}

#[test]
fn rejected_without_a_dead_letter_queue_is_gone_for_good_when_the_answer_leaves() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("q")), (a, publish("q", "one"))]);
    let delivery = world.run(a, get("q", 0, 1)).delivery();
    world.expect(a, settle(delivery, Outcome::Rejected), &["5: Settled q0 1", "a@5 Reply Count 1"]);
}

#[test]
fn many_outcomes_at_once_make_one_record() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    for n in 0..5 {
        world.run(a, publish("q", n.to_string()));
    }
    world.run(a, consume("q", 0, 3));
    // 4 and 5 are nobody's: they are not settled.
    world.expect(a, settle_range(0, 0, u64::MAX, Outcome::Accepted), &["9: Settled q0 1-3", "a@9 Reply Count 3"]);
    assert_eq!(world.tally("q"), (2, 0, 0));
}

#[test]
fn only_who_leases_may_settle() {
    let (mut world, _, delivery) = leased(Lease::Connection);
    let b = world.open();
    for outcome in [Outcome::Accepted, Outcome::Rejected, Outcome::Released] {
        assert!(world.run(b, settle(delivery, outcome)).reply().is_err());
    }
    let (mut world, a, delivery) = leased(Lease::Deadline(None));
    assert!(world.run(a, settle(delivery, Outcome::Accepted)).reply().is_err(), "a receipt must be shown");
    let wrong = Delivery { attempt: 2, ..delivery };
    assert!(world.run(a, settle_receipt(wrong, Outcome::Released)).reply().is_err());
    let nowhere = Delivery { queue: queue(77), ..delivery };
    assert!(world.run(a, settle_receipt(nowhere, Outcome::Accepted)).reply().is_err());
}

#[test]
fn a_message_that_came_back_too_often_is_dead_whatever_brought_it_back() {
    type Back = fn(&mut World, ConnectionId, Delivery);
    let backs: [(Lease, Back); 4] = [
        (Lease::Connection, |world, a, it| drop(world.run(a, settle(it, Outcome::Released)))),
        (Lease::Connection, |world, a, _| drop(world.run(a, Command::Close))),
        (Lease::Deadline(Some(100)), |world, _, _| drop(world.advance(100))),
        (Lease::Deadline(Some(100)), |world, a, it| {
            let now = world.now;
            drop(world.run(a, settle_receipt(it, Outcome::Renew(now))));
        }),
    ];
    for (i, (lease, back)) in backs.into_iter().enumerate() {
        let mut world = World::new();
        let a = world.open();
        world.run(a, declare_with("q", |it| it.dead_letter = dead(Some(3))));
        world.run(a, publish("q", "one"));
        for attempt in 1..=3 {
            let id = world.open();
            let happened = world.run(id, fetch_with("q", 0, 1, |it| it.lease = lease));
            assert_eq!(happened.delivery().attempt, attempt, "case {i}");
            back(&mut world, id, happened.delivery());
            if attempt == 2 {
                // What was counted stays counted.
                world.compare();
                world.restart();
            }
        }
        assert_eq!(world.tally("q"), (0, 0, 0), "case {i}");
        assert_eq!(world.browse("dead"), ["one"], "case {i}");
        assert_eq!(world.counts("q").dead_lettered, 1, "case {i}");
        world.compare();
    }
}

#[test]
fn dead_letters_keep_their_number_and_start_anew() {
    let (mut world, a, delivery) = leased(Lease::Connection);
    let happened = world.run(a, settle(delivery, Outcome::Rejected));
    happened.expect(&[
        "5: Declared q1 \"dead\"",
        "6: Died q0@1 by \"\" q rejected  -> \"\" dead [(1, 1)]",
        "a@6 Reply Count 1",
    ]);
    let happened = world.run(a, get("dead", 1, 1));
    let letter = happened.delivered()[0];
    assert_eq!((letter.number.0, letter.delivery.attempt, letter.redelivered, letter.failed), (1, 1, false, 0));
    let history = letter.history.as_deref().expect("it was dead-lettered");
    assert_eq!(history.deaths.iter().map(|it| (it.queue.to_text(), it.count)).collect::<Vec<_>>(), [("q".into(), 1)]);
    // The dead-letter queue has none of its own: there it ends.
    let delivery = letter.delivery;
    world.run(a, settle(delivery, Outcome::Rejected));
    assert_eq!(world.tally("dead"), (0, 0, 0));
}

#[test]
fn a_queue_that_is_its_own_dead_letter_queue_drops() {
    let mut world = World::new();
    let a = world.open();
    let own = Some(DeadLetter::to_queue("q".into(), Some(1)));
    world.run(a, declare_with("q", |it| it.dead_letter = own));
    world.run(a, publish("q", "one"));
    let delivery = world.run(a, get("q", 0, 1)).delivery();
    world.run(a, settle(delivery, Outcome::Released));
    assert_eq!(world.tally("q"), (0, 0, 0));
    world.compare();
}

#[test]
fn settlement_by_message_asks_for_outcomes_only_where_they_matter() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    let by_message = |it: &mut model::Consume| {
        it.mode = Mode::Leasing { settlement: Settlement::ByMessage, lease: Lease::Connection };
    };
    world.run(a, consume_with("q", 0, 10, by_message));
    assert!(!world.run(a, publish("q", "durable")).delivered()[0].settled);
    assert!(world.run(a, transient("q", "transient")).delivered()[0].settled);
    let low = model::Binding { at_most_once: true, ..binding(&model::Exchange::Topic, "t", 0) };
    world.run(a, bind("q", low));
    let happened = world.run(a, topic("t", "durable through a binding that is not"));
    assert!(happened.delivered()[0].settled && !happened.has("Published"), "{happened:?}");
    assert_eq!(world.tally("q"), (0, 1, 0));
}

#[test]
fn what_is_settled_when_it_is_sent_is_published_and_settled_in_one_step() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    let presettled = |it: &mut model::Consume| {
        it.mode = Mode::Leasing { settlement: Settlement::Presettled, lease: Lease::Connection };
    };
    world.run(a, consume_with("q", 0, 2, presettled));
    world.expect(
        a,
        publish("q", "one"),
        &[
            "2: Numbered below 1048577",
            "3: Published #1 q \"one\" -> q0@1",
            "4: Marked q0 below 17",
            "5: Settled q0 1",
            "a@4 Deliver c0 q0@1.1 \"one\" settled",
            "a@3 Confirm #1",
        ],
    );
    let commands = [(a, publish("q", "two")), (a, publish("q", "three")), (a, purge("q", false))];
    world.batch(commands);
    assert_eq!(world.counts("q").settled, 2);
    world.compare();
    world.restart();
    assert_eq!(world.tally("q"), (0, 0, 0));
}

#[test]
fn a_connection_that_closes_gives_its_leases_back_in_order() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.run(a, declare("q"));
    for n in 1..=6 {
        world.run(a, publish("q", n.to_string()));
    }
    world.run(a, consume("q", 0, 2));
    world.run(b, consume("q", 0, 1));
    world.run(a, get("q", 7, 1));
    world.run(a, cancel(0));
    world.run(a, consume("q", 0, 1));
    assert_eq!(world.tally("q"), (1, 5, 0));
    let c = world.open();
    world.run(a, Command::Close);
    assert_eq!(world.tally("q"), (5, 1, 0));
    let happened = world.run(c, consume("q", 0, 10));
    assert_eq!(happened.bodies(), ["1", "2", "4", "5", "6"]);
    let flags: Vec<bool> = happened.delivered().iter().map(|it| it.redelivered).collect();
    assert_eq!(flags, [true, true, true, true, false]);
}

#[test]
fn what_a_cancelled_consumer_leases_is_still_its_connections() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("q")), (a, publish("q", "one")), (a, publish("q", "two"))]);
    let one = world.run(a, window("q", 0, 1)).delivery();
    world.run(a, cancel(0));
    // Its index serves another one meanwhile.
    let two = world.run(a, window("q", 0, 1)).delivery();
    assert_eq!(world.run(a, accept(one)).bodies(), Vec::<String>::new());
    assert_eq!(world.tally("q"), (0, 1, 0));
    assert_eq!(world.run(a, accept(two)).count(), 1);
    assert!(world.run(a, accept(one)).reply().is_err());
    world.run(a, cancel(0));
    world.run(a, cancel(9));
    assert_eq!(world.broker.status(world.now).consumers, 0);
}

#[test]
fn indexes_of_consumers_are_used_once_at_a_time_and_bounded() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    world.run(a, consume("q", 3, 1));
    assert!(world.run(a, consume("q", 3, 1)).reply().is_err());
    assert!(world.run(a, get("q", 3, 1)).reply().is_err());
    let over = model::limits::CONSUMERS_PER_CONNECTION;
    assert!(matches!(world.run(a, consume("q", over, 1)).refusal(), model::Refusal::Limit(..)));
    assert!(world.run(a, consume("q", over - 1, 1)).reply().is_ok());
}

#[test]
fn an_exclusive_consumer_is_alone() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.run(a, declare("q"));
    world.run(a, consume_with("q", 0, 1, |it| it.exclusive = true));
    assert!(matches!(world.run(b, consume("q", 0, 1)).refusal(), model::Refusal::InUse(_)));
    assert!(matches!(world.run(b, get("q", 0, 1)).refusal(), model::Refusal::InUse(_)));
    assert!(world.run(b, browse("q")).reply().is_ok(), "who only looks may");
    world.run(a, cancel(0));
    assert!(world.run(b, consume("q", 1, 1)).reply().is_ok());
    assert!(world.run(a, consume_with("q", 0, 1, |it| it.exclusive = true)).reply().is_err());
}
