//! What falls due: leases, delays, lives, waits.

use model::{Command, Outcome, Time};

use crate::harness::World;
use crate::harness::commands::*;

fn expiring(key: &str, body: &'static str, at: Time) -> Command {
    publish_with(key, body, |message, _| message.header.expires = Some(at))
}

fn delayed(key: &str, body: &'static str, until: Time) -> Command {
    publish_with(key, body, |message, _| message.header.not_before = Some(until))
}

#[test]
fn a_lease_with_a_deadline_ends_by_the_clock_and_counts_a_failure() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("q", |it| it.lease = 200));
    world.run(a, publish("q", "one"));
    world.run(a, fetch_with("q", 0, 1, |it| it.lease = model::Lease::Deadline(None)));
    world.run(a, consume("q", 1, 1));
    world.advance(199).expect(&[]);
    let happened = world.advance(1);
    assert!(happened.has("Returned q0@1 attempts 1 failed 1"), "{happened:?}");
    let again = happened.delivered()[0];
    assert_eq!((again.delivery.attempt, again.failed, again.redelivered), (2, 1, true));
    world.compare();
}

#[test]
fn a_lease_that_is_renewed_ends_when_it_says() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("q")), (a, publish("q", "one")), (a, publish("q", "two"))]);
    let happened = world.run(a, receive("q", 0, 2, None));
    let [one, two] = [0, 1].map(|i| happened.delivered()[i].delivery);
    let now = world.now;
    // One earlier, one later than the lease that it had.
    world.run(a, settle_receipt(one, Outcome::Renew(now.plus(1_000))));
    world.run(a, settle_receipt(two, Outcome::Renew(now.plus(9_000))));
    world.advance(1_000);
    assert_eq!(world.tally("q"), (1, 1, 0));
    world.advance(7_999);
    assert_eq!(world.tally("q"), (1, 1, 0));
    world.advance(1);
    assert_eq!(world.tally("q"), (2, 0, 0));
}

#[test]
fn a_message_expires_in_the_queue_and_not_with_who_has_it() {
    let mut world = World::new();
    let a = world.open();
    let at = world.now.plus(100);
    world.run(a, declare("q"));
    for body in ["leased", "ready"] {
        world.run(a, expiring("q", body, at));
    }
    world.run(a, delayed("q", "delayed", at.plus(900)));
    let leased = world.run(a, get("q", 0, 1)).delivery();
    world.advance(99);
    assert_eq!(world.tally("q"), (1, 1, 1));
    world.advance(1);
    assert_eq!(world.tally("q"), (0, 1, 1));
    assert_eq!(world.counts("q").expired, 1);
    // It comes back too late.
    world.run(a, settle(leased, Outcome::Released));
    assert_eq!(world.tally("q"), (0, 0, 1));
    assert_eq!(world.counts("q").expired, 2);
    world.compare();
}

#[test]
fn what_expires_while_delayed_never_becomes_ready() {
    let mut world = World::new();
    let a = world.open();
    let at = world.now.plus(100);
    world.run(a, declare("q"));
    world.run(
        a,
        publish_with("q", "one", |message, _| {
            (message.header.expires, message.header.not_before) = (Some(at), Some(at.plus(50)));
        }),
    );
    world.advance(100);
    assert_eq!((world.tally("q"), world.counts("q").expired), ((0, 0, 0), 1));
}

#[test]
fn a_queues_time_to_live_holds_for_each_message_whatever_stands_before_it() {
    for dead in [false, true] {
        let mut world = World::new();
        let a = world.open();
        let to = model::DeadLetter::to_queue("dead".into(), None);
        world.run(
            a,
            declare_with("q", |it| {
                it.ttl = Some(1_000);
                it.dead_letter = dead.then_some(to);
            }),
        );
        world.run(a, publish("q", "first"));
        let first = world.run(a, get("q", 0, 1)).delivery();
        world.advance(300);
        world.run(a, publish("q", "second"));
        world.advance(300);
        world.run(a, publish("q", "third"));
        // The first is leased for long, and what is behind it still expires in time.
        world.advance(700);
        assert_eq!(world.tally("q"), (1, 1, 0));
        assert_eq!(world.counts("q").expired, 1);
        world.run(a, accept(first));
        world.advance(300);
        assert_eq!(world.tally("q"), (0, 0, 0));
        assert_eq!(world.counts("q").expired, 2);
        let buried = if dead { world.browse("dead") } else { Vec::new() };
        assert_eq!(buried, if dead { vec!["second", "third"] } else { vec![] });
        world.compare();
    }
}

#[test]
fn the_shorter_of_both_lives_counts() {
    let mut world = World::new();
    let a = world.open();
    let now = world.now;
    world.run(a, declare_with("q", |it| it.ttl = Some(1_000)));
    world.run(a, expiring("q", "long", now.plus(5_000)));
    world.run(a, expiring("q", "short", now.plus(500)));
    world.run(a, publish("q", "queue's own"));
    world.advance(500);
    assert_eq!(world.browse("q"), ["long", "queue's own"]);
    world.advance(500);
    assert_eq!(world.browse("q"), Vec::<String>::new());
}

#[test]
fn a_time_to_live_that_is_set_or_unset_later_leaves_no_alarm_behind() {
    let mut world = World::new();
    let a = world.open();
    let now = world.now;
    let ttl = |ttl| model::Alteration { ttl: Some(ttl), ..model::Alteration::default() };
    world.run(a, declare("q"));
    world.run(a, expiring("q", "own", now.plus(100)));
    world.run(a, alter("q", ttl(Some(50))));
    world.run(a, publish("q", "spared"));
    world.run(a, alter("q", ttl(None)));
    world.run(a, publish("q", "for ever"));
    let taken = world.run(a, get("q", 0, 1));
    assert_eq!(taken.bodies(), ["own"]);
    world.run(a, accept(taken.delivery()));
    world.advance(1_000);
    assert_eq!(world.browse("q"), ["spared", "for ever"]);
    assert_eq!(world.broker.poll_timeout(), None);
    // Set again, it counts from when they came.
    world.run(a, alter("q", ttl(Some(1_500))));
    world.advance(500);
    assert_eq!((world.browse("q"), world.counts("q").expired), (vec![], 2));
    world.compare();
}

#[test]
fn thousands_that_expire_at_once_are_spread_over_steps() {
    let mut world = World::new();
    let a = world.open();
    world.audits = false;
    let to = model::DeadLetter::to_queue("dead".into(), None);
    world.run(a, declare_with("q", |it| (it.ttl, it.dead_letter) = (Some(1_000), Some(to.clone()))));
    world.run(a, declare_with("r", |it| it.dead_letter = Some(to)));
    let at = world.now.plus(1_000);
    world.batch((0..10_000).flat_map(|_| [(a, publish("q", "x")), (a, expiring("r", "x", at))]));
    world.most_records = 0;
    world.advance(999);
    assert_eq!((world.tally("q").0, world.tally("r").0, world.most_records), (10_000, 10_000, 0));
    world.advance(100);
    assert_eq!((world.tally("q").0, world.tally("r").0, world.tally("dead").0), (0, 0, 20_000));
    assert!(world.most_records <= 2 * model::limits::STEP_BUDGET + 2, "{}", world.most_records);
}

#[test]
fn a_delay_is_the_messages_own_or_its_queues() {
    let mut world = World::new();
    let a = world.open();
    let now = world.now;
    world.run(a, declare_with("q", |it| it.delay = 100));
    world.run(a, consume("q", 0, 10));
    world.run(a, publish("q", "queue's"));
    world.run(a, delayed("q", "own", now.plus(50)));
    world.run(a, delayed("q", "none", now));
    assert_eq!(world.tally("q"), (0, 1, 2));
    world.compare();
    assert_eq!(world.advance(50).bodies(), ["own"]);
    assert_eq!(world.advance(50).bodies(), ["queue's"]);
}

#[test]
fn delays_go_on_after_a_restart() {
    let mut world = World::new();
    let a = world.open();
    let now = world.now;
    world.run(a, declare("q"));
    world.run(a, delayed("q", "early", now.plus(50)));
    world.run(a, delayed("q", "late", now.plus(500)));
    let back = Outcome::Modified { failed: true, not_before: Some(now.plus(300)) };
    world.run(a, publish("q", "back"));
    let delivery = world.run(a, get("q", 0, 1)).delivery();
    world.run(a, settle(delivery, back));
    world.now = now.plus(100);
    world.restart();
    world.compare();
    let b = world.open();
    assert_eq!(world.tally("q"), (1, 0, 2));
    assert_eq!(world.run(b, consume("q", 0, 10)).bodies(), ["early"]);
    assert_eq!(world.advance(200).bodies(), ["back"]);
    assert_eq!(world.advance(200).bodies(), ["late"]);
}

#[test]
fn a_fetch_waits_for_a_first_message_and_no_longer() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.run(a, declare("q"));
    let until = Some(world.now.plus(1_000));
    world.expect(b, receive("q", 0, 10, until), &["b@0 Reply Fetching q0"]);
    let happened = world.run(a, publish("q", "one"));
    assert_eq!((happened.delivered_to(b), happened.drained()), (vec!["one".to_owned()], 1));
    // Nothing comes.
    let until = Some(world.now.plus(1_000));
    world.run(b, receive("q", 0, 10, until));
    world.advance(999).expect(&[]);
    let happened = world.advance(1);
    assert_eq!((happened.delivered().len(), happened.drained()), (0, 1));
    // The alarm of the first one, which ended early, disturbs nobody.
    world.advance(5_000);
    assert_eq!(world.broker.poll_timeout(), None);
    // Too late already: as if it did not wait.
    let past = Some(world.now);
    assert!(world.run(b, receive("empty", 0, 1, None)).reply().is_err());
    assert_eq!(world.run(b, receive("q", 0, 1, past)).bodies(), ["one"]);
    assert_eq!(world.run(b, receive("q", 0, 1, past)).drained(), 1);
}

#[test]
fn several_waiting_fetches_are_served_in_turns_and_one_each() {
    let mut world = World::new();
    let (a, b, c) = (world.open(), world.open(), world.open());
    world.run(a, declare("q"));
    let until = Some(world.now.plus(1_000));
    world.run(b, receive("q", 0, 1, until));
    world.run(c, receive("q", 0, 1, until));
    assert_eq!(world.run(a, publish("q", "one")).delivered_to(b), ["one"]);
    assert_eq!(world.run(a, publish("q", "two")).delivered_to(c), ["two"]);
    assert_eq!(world.tally("q"), (0, 2, 0));
}

#[test]
fn a_fetch_takes_no_more_than_its_most_and_a_thousand() {
    let mut world = World::new();
    let a = world.open();
    world.audits = false;
    world.run(a, declare("q"));
    world.batch((0..1_500).map(|_| (a, publish("q", "x"))));
    assert_eq!(world.run(a, receive("q", 0, 10, None)).bodies().len(), 10);
    assert_eq!(world.run(a, receive("q", 1, 5_000, None)).bodies().len(), 1_000);
}

#[test]
fn a_fetch_that_waits_is_cancelled_with_its_queue_and_its_alarm_forgotten() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.run(a, declare("q"));
    let until = Some(world.now.plus(1_000));
    world.run(b, receive("q", 0, 1, until));
    let happened = world.run(a, delete("q"));
    assert!(happened.has("b@0 Cancelled c0: no queue \"q\""), "{happened:?}");
    world.run(a, declare("q"));
    world.run(b, consume("q", 0, 1));
    world.advance(2_000).expect(&[]);
    assert_eq!(world.run(a, publish("q", "one")).delivered_to(b), ["one"]);
}

#[test]
fn alarms_do_not_pile_up() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    world.run(a, publish("q", "x"));
    let mut delivery = world.run(a, receive("q", 0, 1, None)).delivery();
    for round in 0..50 {
        let now = world.now;
        world.run(a, settle_receipt(delivery, Outcome::Renew(now.plus(1_000 - round))));
        world.run(a, settle_receipt(delivery, Outcome::Renew(now)));
        delivery = world.run(a, receive("q", 0, 1, None)).delivery();
    }
    world.run(a, settle_receipt(delivery, Outcome::Accepted));
    world.advance(100_000);
    let steps = world.steps;
    world.advance(100_000);
    assert_eq!(world.steps - steps, 1, "nothing wakes it up");
}
