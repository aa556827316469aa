//! Full queues, and priorities.

use model::{ConnectionId, DeadLetter, Message, Overflow, Publish, Refusal, TransactionIndex};

use crate::harness::World;
use crate::harness::commands::*;

/// A queue that is full with "1" and "2".
fn full(overflow: Overflow, by_bytes: bool) -> (World, ConnectionId) {
    let mut world = World::new();
    let a = world.open();
    world.run(
        a,
        declare_with("q", |it| {
            it.overflow = overflow;
            (it.max_length, it.max_bytes) = if by_bytes { (None, Some(2)) } else { (Some(2), None) };
            it.dead_letter = Some(DeadLetter::to_queue("dead".into(), None));
        }),
    );
    world.batch([(a, publish("q", "1")), (a, publish("q", "2"))]);
    (world, a)
}

#[test]
fn each_overflow_does_what_it_says() {
    for by_bytes in [false, true] {
        let (mut world, a) = full(Overflow::Reject, by_bytes);
        assert_eq!(world.run(a, publish("q", "3")).refusal(), Refusal::Full("q".into()));
        assert_eq!(world.browse("q"), ["1", "2"]);
        world.compare();

        let (mut world, a) = full(Overflow::DropNew, by_bytes);
        assert!(world.run(a, publish("q", "3")).has("Confirm #3 unrouted"));
        assert_eq!((world.browse("q"), world.counts("q").dropped), (vec!["1".to_owned(), "2".to_owned()], 1));
        world.compare();

        let (mut world, a) = full(Overflow::DropHead, by_bytes);
        world.run(a, publish("q", "3"));
        assert_eq!((world.browse("q"), world.counts("q").dropped), (vec!["2".to_owned(), "3".to_owned()], 1));
        world.compare();

        let (mut world, a) = full(Overflow::DeadLetter, by_bytes);
        world.run(a, publish("q", "3"));
        assert_eq!((world.browse("q"), world.browse("dead")), (vec!["2".into(), "3".into()], vec!["1".to_owned()]));
        world.compare();
        world.restart();
        assert_eq!((world.browse("q"), world.browse("dead")), (vec!["2".into(), "3".into()], vec!["1".to_owned()]));
    }
}

#[test]
fn room_comes_back_when_messages_go() {
    let (mut world, a) = full(Overflow::Reject, false);
    let one = world.run(a, get("q", 0, 1)).delivery();
    assert!(world.run(a, publish("q", "3")).has("Confirm"), "one that a receiver has does not wait");
    assert!(world.run(a, publish("q", "4")).reply().is_err());
    world.run(a, settle(one, model::Outcome::Released));
    assert!(world.run(a, publish("q", "4")).reply().is_err(), "it waits again");
    world.batch([(a, get("q", 0, 2)), (a, settle_range(0, 1, 3, model::Outcome::Accepted))]);
    assert!(world.run(a, publish("q", "4")).has("Confirm"));
}

#[test]
fn of_several_queues_a_full_one_does_not_take_the_message_from_the_others() {
    let (mut world, a) = full(Overflow::Reject, false);
    world.run(a, declare("before"));
    world.run(a, declare("z"));
    world.run(a, subscribe("q", "t", 0));
    assert_eq!(world.run(a, topic("t", "nobody")).refusal(), Refusal::Full("q".into()));
    world.run(a, subscribe("z", "t", 0));
    assert!(world.run(a, topic("t", "z")).has("Confirm"));
    assert_eq!(world.browse("z"), ["z"]);
    // One that does not match changes nothing.
    world.run(a, unbind("z", binding(&model::Exchange::Topic, "t", 0)));
    let never = model::Binding { selector: Some("a = 1".into()), ..binding(&model::Exchange::Topic, "t", 0) };
    world.run(a, bind("z", never));
    assert_eq!(world.run(a, topic("t", "nobody")).refusal(), Refusal::Full("q".into()));
}

#[test]
fn a_commit_keeps_to_the_limits_of_a_queue_that_drops() {
    let (mut world, a) = full(Overflow::DropHead, false);
    world.run(a, begin(1));
    for n in 3..=6 {
        world.run(a, staged("q", n.to_string(), 1));
    }
    world.run(a, commit(1));
    assert_eq!(world.browse("q"), ["5", "6"]);
    world.compare();
}

#[test]
fn one_message_larger_than_the_queue_may_be_dropped_but_not_loop() {
    for overflow in [Overflow::DropHead, Overflow::DeadLetter] {
        let (mut world, a) = full(overflow, true);
        world.run(a, publish("q", "a long one"));
        assert_eq!(world.browse("q"), ["a long one"]);
        world.run(a, publish("q", "x"));
        assert_eq!(world.browse("q"), ["x"]);
        world.compare();
    }
}

#[test]
fn a_queue_that_drops_keeps_to_its_limit_whatever_is_moved_into_it() {
    let (mut world, a) = full(Overflow::DropHead, false);
    let to = DeadLetter::to_queue("q".into(), None);
    world.run(a, declare_with("r", |it| it.dead_letter = Some(to)));
    world.batch((3..=6).map(|n| (a, publish("r", n.to_string()))));
    let delivery = world.run(a, get("r", 0, 1)).delivery();
    world.run(a, settle(delivery, model::Outcome::Rejected));
    assert_eq!(world.browse("q"), ["2", "3"]);
    assert_eq!(world.run(a, move_to("r", "q", 9)).count(), 3);
    assert_eq!(world.browse("q"), ["5", "6"]);
    world.compare();
}

#[test]
fn two_full_queues_that_are_each_others_dead_letter_queue_come_to_rest() {
    let mut world = World::new();
    let a = world.open();
    for (name, other) in [("q", "r"), ("r", "q")] {
        let to = DeadLetter::to_queue(other.into(), Some(1));
        world.run(
            a,
            declare_with(name, |it| {
                (it.max_length, it.overflow, it.dead_letter) = (Some(2), Overflow::DeadLetter, Some(to));
            }),
        );
    }
    for n in 0..6 {
        world.run(a, publish(if n % 2 == 0 { "q" } else { "r" }, n.to_string()));
    }
    let counts = (world.tally("q").0, world.tally("r").0);
    assert_eq!(counts.0 + counts.1, 6, "nothing is lost");
    world.compare();
}

#[test]
fn a_subscriber_that_lags_gets_nothing_more_that_memory_alone_could_keep() {
    let options = |memory_limit| broker::Options { memory_limit, auto_create: true, ..broker::Options::default() };
    // No limit is none.
    for (limit, kept) in [(20, vec!["eleven bytes"]), (0, vec!["eleven bytes", "dropped"])] {
        let mut world = World::with(options(limit));
        let a = world.open();
        world.run(a, declare_with("q", |it| it.overflow = Overflow::DropNew));
        world.run(a, transient("q", "eleven bytes"));
        world.run(a, transient("q", "dropped"));
        assert_eq!(world.browse("q"), kept);
        assert_eq!(world.counts("q").dropped, 2 - kept.len() as u64);
    }
}

/// So that the store can keep at hand what it will be asked for.
#[test]
fn bodies_that_do_not_stay_in_memory_are_announced_to_the_store() {
    let options = broker::Options { memory_limit: 1000, evicts: true, auto_create: true, ..broker::Options::default() };
    let mut world = World::with(options);
    let a = world.open();
    world.run(a, declare("q"));
    assert!(!world.run(a, publish("q", vec![b'a'; 450])).reread, "it stays");
    assert!(world.run(a, publish("q", vec![b'b'; 100])).reread, "this would be more than half");
    world.run(a, purge("q", false));
    let mut written = 0;
    while world.run(a, publish("r", vec![b'c'; 50])).reread {
        world.run(a, purge("r", false));
        written += 50;
        assert!(written < 500, "so much later nothing is short any more");
    }
    assert!(written > 100, "it might have been short again");
    world.run(a, begin(1));
    let staged = |_: &mut Message, it: &mut Publish| it.transaction = Some(TransactionIndex(1));
    assert!(!world.run(a, publish_with("q", vec![b'd'; 50], staged)).reread, "a small transaction stays");
    world.run(a, publish("q", vec![b'e'; 450]));
    assert!(world.run(a, publish_with("q", vec![b'f'; 50], staged)).reread);
}

#[test]
fn priorities_order_what_is_ready_and_equals_keep_their_order() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("q", |it| it.max_priority = 9));
    world.run(a, declare_with("capped", |it| it.max_priority = 4));
    world.run(a, declare("plain"));
    for name in ["q", "capped", "plain"] {
        for priority in (0..=9).chain([9, 4, 0, 200]) {
            let body = priority.to_string();
            world.run(a, publish_with(name, body, |message, _| message.header.priority = priority));
        }
    }
    let q = world.run(a, consume("q", 0, 20)).bodies();
    assert_eq!(q, ["9", "9", "200", "8", "7", "6", "5", "4", "4", "3", "2", "1", "0", "0"]);
    let capped = world.run(a, consume("capped", 1, 20)).bodies();
    assert_eq!(capped, ["4", "5", "6", "7", "8", "9", "9", "4", "200", "3", "2", "1", "0", "0"]);
    let plain = world.run(a, consume("plain", 2, 20)).bodies();
    assert_eq!(plain[..3], ["0", "1", "2"]);
    world.compare();
    world.restart();
    let b = world.open();
    assert_eq!(world.run(b, consume("q", 0, 20)).bodies(), q);
}

#[test]
fn what_came_back_goes_before_its_equals() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("q", |it| it.max_priority = 9));
    for (body, priority) in [("low", 1), ("high", 8)] {
        world.run(a, publish_with("q", body, |message, _| message.header.priority = priority));
    }
    let high = world.run(a, get("q", 0, 1)).delivery();
    world.run(a, publish_with("q", "high 2", |message, _| message.header.priority = 8));
    world.run(a, settle(high, model::Outcome::Released));
    assert_eq!(world.run(a, consume("q", 1, 9)).bodies(), ["high", "high 2", "low"]);
}
