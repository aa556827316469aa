//! Link credit and drain (AMQP 1.0, 2.6.7).

use model::{Command, ConnectionId, ConsumerIndex, Credit};

use crate::harness::World;
use crate::harness::commands::*;

/// A queue `q` with these messages, and a connection that has consumer 0 on it, without credit.
fn with_messages(bodies: &[&str]) -> (World, ConnectionId) {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    for body in bodies {
        world.run(a, publish("q", *body));
    }
    world.run(a, consume("q", 0, 0));
    (world, a)
}

#[test]
fn drain_with_fewer_messages_than_credit_hands_them_out_then_says_drained_once() {
    let (mut world, a) = with_messages(&["one", "two"]);
    world.expect(
        a,
        drain(0, 5),
        &["5: Marked q0 below 17", "a@5 Deliver c0 q0@1.1 \"one\"", "a@5 Deliver c0 q0@2.1 \"two\"", "a@5 Drained c0"],
    );
    // The rest of the credit is gone.
    world.expect(a, publish("q", "three"), &["6: Published #3 q \"three\" -> q0@3", "a@6 Confirm #3"]);
}

#[test]
fn drain_with_more_messages_than_credit_ends_with_the_credit() {
    let (mut world, a) = with_messages(&["one", "two", "three"]);
    let happened = world.run(a, drain(0, 2));
    assert_eq!(happened.bodies(), ["one", "two"]);
    assert_eq!(happened.lines.last().map(String::as_str), Some("a@6 Drained c0"));
    assert_eq!(happened.drained(), 1);
    world.expect(a, credit(0, 1), &["a@6 Deliver c0 q0@3.1 \"three\""]);
}

#[test]
fn drain_on_an_empty_queue_says_drained_at_once_and_once() {
    let (mut world, a) = with_messages(&[]);
    world.expect(a, drain(0, 3), &["a@1 Drained c0"]);
    world.expect(a, credit(0, 1), &[]);
    world.expect(a, drain(0, 0), &["a@1 Drained c0"]);
}

#[test]
fn drain_without_any_credit_says_drained_though_there_are_messages() {
    let (mut world, a) = with_messages(&["one"]);
    world.expect(a, drain(0, 0), &["a@3 Drained c0"]);
}

#[test]
fn drain_of_one_consumer_leaves_the_others_credit_alone() {
    let (mut world, a) = with_messages(&[]);
    let b = world.open();
    world.run(b, consume("q", 0, 1));
    assert_eq!(world.run(a, drain(0, 9)).drained(), 1);
    assert_eq!(world.run(a, publish("q", "one")).delivered_to(b), ["one"]);
}

#[test]
fn a_window_moves_with_every_outcome() {
    let (mut world, a) = with_messages(&["one", "two", "three", "four"]);
    world.run(a, cancel(0));
    let first = world.run(a, window("q", 1, 2));
    assert_eq!(first.bodies(), ["one", "two"]);
    let [one, two] = [0, 1].map(|i| first.delivered()[i].delivery);
    assert_eq!(world.run(a, accept(one)).bodies(), ["three"]);
    // Released: it comes back, and takes the place it had.
    assert_eq!(world.run(a, settle(two, model::Outcome::Released)).bodies(), ["two"]);
    assert_eq!(world.tally("q"), (1, 2, 0));
}

#[test]
fn deliveries_to_several_consumers_go_in_turns() {
    let (mut world, a) = with_messages(&[]);
    let b = world.open();
    world.run(a, credit(0, 10));
    world.run(b, consume("q", 0, 10));
    for body in ["one", "two", "three", "four"] {
        world.run(a, publish("q", body));
    }
    assert_eq!(world.tally("q"), (0, 4, 0));
    let happened = world.batch([(a, publish("q", "five")), (a, publish("q", "six"))]);
    assert_eq!((happened.delivered_to(a).len(), happened.delivered_to(b).len()), (1, 1));
}

#[test]
fn bytes_of_credit_may_be_overdrawn_by_one_message_and_are_paid_before_the_next() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    for body in ["x".repeat(100), "y".into(), "z".into()] {
        world.run(a, publish("q", body));
    }
    let happened = world.run(a, consume_with("q", 0, 9, |consume| consume.credit = Credit { messages: 9, bytes: 10 }));
    assert_eq!(happened.bodies().len(), 1, "one message may overdraw");
    let pay = |bytes| Command::Credit { consumer: ConsumerIndex(0), add: Credit { messages: 0, bytes }, drain: false };
    assert!(world.run(a, pay(90)).bodies().is_empty(), "it only pays");
    assert_eq!(world.run(a, pay(1)).bodies(), ["y"]);
    assert_eq!(world.run(a, pay(1)).bodies(), ["z"]);
}
