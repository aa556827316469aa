//! Bodies that are on disk only: `basic.get`, browsing and drains wait for them, and nothing else does.

use std::collections::BTreeSet;

use model::{Command, ConnectionId};

use crate::harness::World;
use crate::harness::commands::*;

/// Three messages whose bodies are on disk.
fn cramped() -> (World, ConnectionId) {
    let mut world = World::cramped();
    world.loads_at_once = false;
    let a = world.open();
    world.run(a, declare("q"));
    for body in ["first message", "second message", "third message"] {
        world.run(a, publish("q", body));
    }
    assert!(world.broker.status(world.now).memory <= 8);
    (world, a)
}

#[test]
fn get_waits_for_a_body_and_leases_by_the_connection() {
    let (mut world, a) = cramped();
    world.expect(a, get("q", 0, 1), &["a@5 Reply Fetching q0"]);
    let [load] = world.loads[..] else { panic!("one load for records that follow each other: {:?}", world.loads) };
    assert!(load.last > load.first, "the next ones are asked for too: {load:?}");
    let happened = world.answer_loads();
    happened.expect(&[
        "6: Marked q0 below 17",
        "a@6 Deliver c0 q0@1.1 \"first message\"",
        "a@6 Drained c0",
        // The bodies that were read are more than this broker may hold.
        "a@0 Throttle short of memory; queue q holds most: 3 messages, 40 bytes",
    ]);
    assert_eq!(world.tally("q"), (2, 1, 0));
    world.run(a, Command::Close);
    assert_eq!(world.tally("q"), (3, 0, 0));
}

#[test]
fn get_on_an_empty_queue_is_over_at_once() {
    let mut world = World::cramped();
    let a = world.open();
    world.run(a, declare("q"));
    world.expect(a, get("q", 0, 1), &["a@1 Reply Fetching q0", "a@1 Drained c0"]);
}

#[test]
fn a_drain_is_not_over_while_bodies_are_read() {
    let (mut world, a) = cramped();
    world.run(a, consume("q", 0, 0));
    assert_eq!(world.run(a, drain(0, 5)).drained(), 0);
    let mut happened = world.answer_loads();
    while !world.loads.is_empty() {
        happened.add(world.answer_loads());
    }
    assert_eq!(happened.bodies(), ["first message", "second message", "third message"]);
    assert_eq!(happened.drained(), 1);
    assert_eq!(happened.lines.last().map(String::as_str), Some("a@6 Drained c0"));
}

#[test]
fn a_browser_with_more_messages_than_credit_is_told_that_its_drain_is_over() {
    let (mut world, a) = cramped();
    world.run(a, browse("q"));
    let mut happened = world.run(a, drain(0, 2));
    assert_eq!(happened.drained(), 0);
    while !world.loads.is_empty() {
        happened.add(world.answer_loads());
    }
    assert_eq!(happened.bodies(), ["first message", "second message"]);
    assert_eq!(happened.drained(), 1);
    // The rest, and the end.
    let mut rest = world.run(a, drain(0, 2));
    while !world.loads.is_empty() {
        rest.add(world.answer_loads());
    }
    assert_eq!((rest.bodies(), rest.drained()), (vec!["third message".to_owned()], 1));
    assert!(rest.delivered().iter().all(|it| it.settled));
    assert_eq!(world.tally("q"), (3, 0, 0), "browsing takes nothing");
}

#[test]
fn a_connection_that_closes_while_bodies_are_read_leaves_them_to_others() {
    let (mut world, a) = cramped();
    world.run(a, get("q", 0, 1));
    let b = world.open();
    world.run(b, consume("q", 0, 10));
    world.run(a, Command::Close);
    let mut happened = world.answer_loads();
    while !world.loads.is_empty() {
        happened.add(world.answer_loads());
    }
    assert_eq!(happened.delivered_to(b), ["first message", "second message", "third message"]);
}

#[test]
fn a_queue_that_is_deleted_while_bodies_are_read_does_not_mind_the_answer() {
    let (mut world, a) = cramped();
    world.run(a, get("q", 0, 1));
    let happened = world.run(a, delete("q"));
    assert!(happened.has("Cancelled c0"), "{happened:?}");
    world.answer_loads().expect(&[]);
}

#[test]
fn a_body_that_cannot_be_read_holds_up_nobody() {
    let (mut world, a) = cramped();
    world.damaged = BTreeSet::from([3]);
    world.run(a, consume("q", 0, 10));
    let mut happened = world.answer_loads();
    while !world.loads.is_empty() {
        happened.add(world.answer_loads());
    }
    assert_eq!(happened.bodies(), ["second message", "third message"]);
    assert_eq!(world.counts("q").dropped, 1);
}

#[test]
fn leased_bodies_do_not_stay_in_memory_and_come_back_from_disk() {
    let (mut world, a) = cramped();
    world.loads_at_once = true;
    let happened = world.run(a, consume("q", 0, 10));
    assert_eq!(happened.bodies().len(), 3);
    assert!(world.broker.status(world.now).memory <= 8);
    world.run(a, Command::Close);
    let b = world.open();
    let again = world.run(b, consume("q", 0, 10));
    assert_eq!(again.bodies(), ["first message", "second message", "third message"]);
    assert!(again.delivered().iter().all(|it| it.redelivered));
}

#[test]
fn one_body_in_several_queues_is_charged_once_and_read_for_each() {
    let mut world = World::cramped();
    let a = world.open();
    for name in ["q", "r", "s"] {
        world.run(a, declare(name));
        world.run(a, subscribe(name, "t.#", 0));
    }
    world.run(a, topic("t.x", "a body that does not fit"));
    assert!(world.broker.status(world.now).memory <= 8);
    for (index, name) in ["q", "r", "s"].into_iter().enumerate() {
        let happened = world.run(a, consume(name, index as u32, 1));
        assert_eq!(happened.bodies(), ["a body that does not fit"]);
        world.run(a, accept(happened.delivery()));
    }
    assert_eq!(world.broker.status(world.now).memory, 0);
    world.compare();
}

#[test]
fn publishers_are_throttled_at_the_limit_and_later_ones_are_told_too() {
    let mut world = World::cramped();
    let a = world.open();
    world.run(a, declare("q"));
    let happened = world.run(a, transient("q", "more than eight bytes"));
    assert!(happened.has("a@0 Throttle short of memory; queue q holds most: 1 messages, 21 bytes"), "{happened:?}");
    let b = world.open();
    let alarm = world.broker.status(world.now).alarm.unwrap();
    assert_eq!(alarm.short_of, model::Resource::Memory);
    let happened = world.run(b, purge("q", false));
    assert!(happened.has("a@0 Throttle no longer") && happened.has("b@0 Throttle no longer"), "{happened:?}");
}
