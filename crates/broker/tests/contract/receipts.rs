//! Receipts of leases with a deadline: they outlive connections and restarts (SQS).

use model::{Command, Outcome, Refusal, Time};

use crate::harness::World;
use crate::harness::commands::*;

#[test]
fn a_receipt_deletes_after_a_restart_and_renews_no_lease_that_is_gone() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("q")), (a, publish("q", "one")), (a, publish("q", "two"))]);
    let happened = world.run(a, receive("q", 0, 10, None));
    let receipts: Vec<_> = happened.delivered().iter().map(|it| it.delivery).collect();
    world.run(a, Command::Close);
    assert_eq!(world.tally("q"), (0, 2, 0), "a lease with a deadline does not end with its connection");
    world.restart();
    assert_eq!(world.tally("q"), (2, 0, 0));
    let b = world.open();
    let until = Time(world.now.0 + 60_000);
    assert_eq!(world.run(b, settle_receipt(receipts[0], Outcome::Renew(until))).refusal(), Refusal::NotLeased);
    assert_eq!(world.run(b, settle_receipt(receipts[0], Outcome::Released)).refusal(), Refusal::NotLeased);
    assert_eq!(world.run(b, settle_receipt(receipts[0], Outcome::Accepted)).count(), 1);
    let happened = world.run(b, receive("q", 0, 10, None));
    assert_eq!(happened.bodies(), ["two"]);
    assert!(happened.delivered()[0].redelivered);
    world.compare();
    world.restart();
    assert_eq!(world.browse("q"), ["two"]);
}

#[test]
fn a_receipt_of_an_earlier_attempt_deletes_and_does_nothing_else() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("q")), (a, publish("q", "one"))]);
    let first = world.run(a, receive("q", 0, 1, None)).delivery();
    world.advance(5_000);
    let second = world.run(a, receive("q", 0, 1, None)).delivery();
    assert_eq!((first.attempt, second.attempt), (1, 2));
    let later = Outcome::Renew(Time(world.now.0 + 60_000));
    assert_eq!(world.run(a, settle_receipt(first, later)).refusal(), Refusal::NotLeased);
    assert_eq!(world.run(a, settle_receipt(second, later)).count(), 1);
    world.advance(10_000);
    assert_eq!(world.tally("q"), (0, 1, 0));
    assert_eq!(world.run(a, settle_receipt(first, Outcome::Accepted)).count(), 1);
    assert_eq!(world.tally("q"), (0, 0, 0));
}

#[test]
fn a_receipt_from_before_a_crash_does_not_name_a_new_message() {
    let sends: [fn(&'static str) -> Command; 2] = [|body| publish("q", body), |body| transient("q", body)];
    for send in sends {
        let mut world = World::new();
        let (a, b) = (world.open(), world.open());
        world.run(a, declare("q"));
        world.run(a, send("first"));
        // From here on the journal knows that hand-outs happen.
        let first = world.run(b, receive("q", 0, 1, None));
        let durable = first.effects.last().expect("a delivery").after;
        world.run(a, send("lost"));
        let happened = world.run(b, receive("q", 0, 1, None));
        assert!(happened.effects.iter().all(|it| it.after <= durable), "handed out at once: {happened:?}");
        world.crash(durable);
        let b = world.open();
        world.run(b, send("new"));
        let stale = settle_receipt(happened.delivery(), Outcome::Accepted);
        assert_eq!(world.run(b, stale).refusal(), Refusal::NotLeased);
        let found = world.run(b, receive("q", 0, 10, None));
        let new = found.delivered().into_iter().last().expect("the new one");
        assert!(new.message.body.joined() == "new" && !new.redelivered, "{found:?}");
    }
}

#[test]
fn that_it_is_gone_is_said_when_its_end_is_on_disk() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.batch([(a, declare("q")), (a, publish("q", "one"))]);
    let receipt = world.run(a, receive("q", 0, 1, None)).delivery();
    let happened =
        world.batch([(a, settle_receipt(receipt, Outcome::Accepted)), (b, settle_receipt(receipt, Outcome::Accepted))]);
    let last = world.last().0;
    happened.expect(&[
        &format!("{last}: Settled q0 1"),
        &format!("a@{last} Reply Count 1"),
        &format!("b@{last} Refused: this delivery is not leased to the caller"),
    ]);
}
