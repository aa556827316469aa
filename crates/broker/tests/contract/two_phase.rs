//! Exactly-once hand-over in both directions across restarts (MQTT QoS 2).

use model::{Outcome, Reply};

use crate::harness::World;
use crate::harness::commands::*;

#[test]
fn a_publish_that_is_held_is_not_taken_twice_across_a_restart() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("session")), (a, declare("q")), (a, subscribe("q", "t", 0))]);
    let publish = || {
        let mut command = held("t", "once", (0, 7));
        if let model::Command::Publish(publish) = &mut command {
            let mut message = publish.message.as_ref().clone();
            message.address.exchange = model::Exchange::Topic;
            publish.message = message.into();
        }
        command
    };
    world.expect(
        a,
        publish(),
        &["4: Numbered below 1048577", "5: Published #1 amq.topic/t \"once\" hold q0 7 -> q1@1", "a@5 Confirm #1"],
    );
    world.expect(a, publish(), &["a@5 Confirm #0"]);
    world.restart();
    let a = world.open();
    world.expect(a, publish(), &["b@5 Confirm #0"]);
    assert_eq!(world.browse("q"), ["once"]);
    // Released, and with it forgotten: the number is free again.
    world.expect(a, unhold(0, 7), &["6: Unheld q0 7", "b@6 Reply Done"]);
    world.expect(a, unhold(0, 7), &["b@6 Reply Done"]);
    world.restart();
    let a = world.open();
    assert!(world.run(a, publish()).has("Published"));
    assert_eq!(world.browse("q"), ["once", "once"]);
    world.compare();
}

#[test]
fn what_must_come_once_is_handed_out_when_its_record_is_on_disk() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.batch([(a, declare("session")), (a, declare("q")), (a, publish("q", "first"))]);
    world.run(b, consume("q", 0, 9));
    // An ordinary one does not wait for its record ...
    let happened = world.run(a, publish("q", "ordinary"));
    let last = world.last();
    assert!(happened.effects.iter().any(|it| it.connection == b && it.after < last), "{happened:?}");
    // ... and one that its publisher sends again after a crash does.
    let happened = world.run(a, held("q", "once", (0, 1)));
    let last = world.last();
    assert!(happened.effects.iter().any(|it| it.connection == b && it.after == last), "{happened:?}");
}

#[test]
fn a_hold_is_taken_though_no_queue_takes_the_message() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("session"));
    let mut command = held("nobody.listens", "x", (0, 1));
    if let model::Command::Publish(publish) = &mut command {
        let mut message = publish.message.as_ref().clone();
        message.address.exchange = model::Exchange::Topic;
        publish.message = message.into();
    }
    let happened = world.run(a, command.clone());
    assert!(happened.has("hold q0 1") && happened.has("Confirm #1 unrouted"), "{happened:?}");
    world.restart();
    let a = world.open();
    assert!(world.run(a, command).has("Confirm #0"));
}

#[test]
fn a_hold_of_a_session_in_memory_needs_no_disk() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("session", |it| it.durable = false));
    world.run(a, declare_with("q", |it| it.durable = false));
    world.run(a, publish("q", "first number"));
    world.expect(a, held("q", "x", (0, 1)), &["a@1 Confirm #2"]);
    world.expect(a, held("q", "x", (0, 1)), &["a@2 Confirm #0"]);
}

#[test]
fn a_decided_delivery_survives_a_restart_with_its_mark_and_is_not_sent_again() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("session"));
    world.run(a, publish("session", "one"));
    world.run(a, publish("session", "two"));
    let happened = world.run(a, window("session", 0, 1));
    let one = happened.delivery();
    // Deciding gives the window back: the next message follows.
    world.expect(a, decide(one, 42), &["6: Decided q0@1 mark 42", "a@6 Reply Done", "a@5 Deliver c0 q0@2.1 \"two\""]);
    // Said again with the same mark: done already. With another: not his.
    world.expect(a, decide(one, 42), &["a@6 Reply Done"]);
    assert!(world.run(a, decide(one, 43)).reply().is_err());
    world.compare();
    world.restart();

    let b = world.open();
    let happened = world.run(b, window("session", 0, 5));
    let Ok(Reply::Consuming { decided, .. }) = happened.reply() else { panic!("{happened:?}") };
    assert_eq!(decided.iter().map(|(it, mark)| (it.seq, *mark)).collect::<Vec<_>>(), [(1, 42)]);
    assert_eq!(happened.bodies(), ["two"]);
    assert!(happened.delivered()[0].redelivered);
    world.expect(b, accept(decided[0].0), &["7: Settled q0 1", "b@7 Reply Count 1"]);
    assert!(world.run(b, accept(decided[0].0)).reply().is_err());
    world.compare();
    world.restart();
    assert_eq!(world.browse("session"), ["two"]);
}

#[test]
fn only_the_sessions_owner_may_settle_what_is_decided_and_only_by_accepting() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.run(a, declare("session"));
    world.run(a, publish("session", "one"));
    let one = world.run(a, window("session", 0, 1)).delivery();
    world.run(a, decide(one, 1));
    assert!(world.run(b, accept(one)).reply().is_err(), "another connection");
    for outcome in [Outcome::Released, Outcome::Rejected, Outcome::Modified { failed: true, not_before: None }] {
        assert!(world.run(a, settle(one, outcome)).reply().is_err(), "{outcome:?}: the message may be gone");
    }
    assert!(world.run(b, settle_receipt(one, Outcome::Accepted)).reply().is_err());
    world.run(a, begin(1));
    assert!(world.run(a, settle_in(one, 1)).reply().is_err());
    assert_eq!(world.run(a, accept(one)).count(), 1);
}

#[test]
fn what_is_decided_stays_when_its_connection_goes() {
    for durable in [true, false] {
        let mut world = World::new();
        let a = world.open();
        world.run(a, declare_with("session", |it| it.durable = durable));
        world.run(a, publish("session", "one"));
        let one = world.run(a, window("session", 0, 1)).delivery();
        world.run(a, decide(one, 9));
        world.run(a, model::Command::Close);
        assert_eq!(world.tally("session"), (0, 1, 0));
        let b = world.open();
        let happened = world.run(b, window("session", 3, 1));
        assert!(happened.has("Reply Consuming q0 decided 1 mark 9"), "{happened:?}");
        assert!(happened.delivered().is_empty());
        assert_eq!(world.run(b, accept(one)).count(), 1);
        assert_eq!(world.tally("session"), (0, 0, 0));
    }
}
