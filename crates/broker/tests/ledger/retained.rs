//! The last message of a topic (MQTT 3.3.1.3).

use model::{Binding, Command, ConnectionId, Exchange, Inspect, Reply, Token};

use crate::harness::World;
use crate::harness::commands::*;

fn replayed(world: &mut World, a: ConnectionId, pattern: &str) -> Vec<String> {
    world.run(a, declare("probe"));
    world.run(a, subscribe_replay("probe", pattern, 7));
    let happened = world.run(a, consume("probe", 0, 100));
    assert!(happened.delivered().iter().all(|it| it.retained && it.tags.as_slice() == [model::Tag(7)]));
    let bodies = happened.bodies();
    world.run(a, delete("probe"));
    bodies
}

#[test]
fn retained_messages_are_set_replaced_cleared_and_replayed() {
    let mut world = World::new();
    let a = world.open();
    for (key, body) in [("a.b", "old"), ("a.b", "ab"), ("a.c", "ac"), ("a", "a"), ("b", "b"), ("$s.x", "hidden")] {
        world.run(a, retain(key, body));
    }
    for round in 0..2 {
        let a = world.open();
        for (pattern, bodies) in [
            ("a.b", vec!["ab"]),
            ("a.*", vec!["ab", "ac"]),
            ("a.#", vec!["a", "ab", "ac"]),
            ("#", vec!["a", "ab", "ac", "b"]),
            ("*", vec!["a", "b"]),
            ("*.b", vec!["ab"]),
            ("$s.#", vec!["hidden"]),
            ("none", vec![]),
        ] {
            assert_eq!(replayed(&mut world, a, pattern), bodies, "{pattern}, round {round}");
        }
        world.compare();
        world.restart();
    }
    let a = world.open();
    world.run(a, retain("a.b", ""));
    assert_eq!(replayed(&mut world, a, "a.#"), ["a", "ac"]);
    world.restart();
    let a = world.open();
    assert_eq!(replayed(&mut world, a, "a.#"), ["a", "ac"]);
}

#[test]
fn subscribers_that_are_there_get_it_as_an_ordinary_message() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    world.run(a, subscribe("q", "t", 0));
    world.run(a, consume("q", 0, 9));
    let happened = world.run(a, retain("t", "x"));
    assert!(!happened.delivered()[0].retained);
    // An empty one is delivered too, and clears.
    assert_eq!(world.run(a, retain("t", "")).delivered().len(), 1);
    assert_eq!(replayed(&mut world, a, "t"), Vec::<String>::new());
}

#[test]
fn a_replayed_message_is_the_same_after_a_restart() {
    for cramped in [false, true] {
        let mut world = if cramped { World::cramped() } else { World::new() };
        let a = world.open();
        let expires = world.now.plus(10_000);
        world.run(
            a,
            publish_with("t", "x".repeat(50), |message, _| {
                message.address.exchange = Exchange::Topic;
                (message.header.retain, message.header.priority) = (true, 8);
                message.header.expires = Some(expires);
            }),
        );
        world.run(a, declare_with("q", |it| it.max_priority = 9));
        world.run(a, publish_with("q", "low", |message, _| message.header.priority = 0));
        world.now = world.now.plus(5);
        let happened = world.run(a, subscribe_replay("q", "#", 3));
        assert!(happened.has("Copied #1 from 2 -> q0@2 retained tag 3"), "{happened:?}");
        world.compare();
        assert_eq!(world.counts("q").bytes, 53);
        world.restart();
        world.compare();
        assert_eq!(world.counts("q").bytes, 53);
        let b = world.open();
        let happened = world.run(b, consume("q", 0, 9));
        assert_eq!(happened.bodies(), ["x".repeat(50), "low".into()]);
        world.run(b, Command::Close);
        world.advance(10_000);
        assert_eq!((world.browse("q"), world.counts("q").expired), (vec!["low".to_owned()], 1));
    }
}

#[test]
fn an_expired_one_and_one_that_a_selector_refuses_is_not_replayed() {
    let mut world = World::new();
    let a = world.open();
    let expires = world.now.plus(100);
    world.run(
        a,
        publish_with("t", "x", |message, _| {
            message.address.exchange = Exchange::Topic;
            (message.header.retain, message.header.expires) = (true, Some(expires));
        }),
    );
    assert_eq!(replayed(&mut world, a, "t"), ["x"]);
    world.run(a, declare("q"));
    let never = Binding { selector: Some("JMSPriority > 8".into()), ..binding(&Exchange::Topic, "t", 0) };
    world.run(a, Command::Bind { token: Token(0), queue: named("q"), binding: never.into(), replay: true });
    assert_eq!(world.tally("q"), (0, 0, 0));
    world.now = expires;
    assert_eq!(replayed(&mut world, a, "t"), Vec::<String>::new());
}

#[test]
fn a_replay_keeps_to_the_limit_of_its_queue() {
    let mut world = World::new();
    let a = world.open();
    for n in 0..5 {
        world.run(a, retain(&format!("t.{n}"), "x"));
    }
    for overflow in [model::Overflow::DropHead, model::Overflow::DropNew, model::Overflow::Reject] {
        world.run(a, declare_with("q", |it| (it.max_length, it.overflow) = (Some(2), overflow)));
        world.run(a, subscribe_replay("q", "t.#", 0));
        assert_eq!(world.tally("q"), (2, 0, 0), "{overflow:?}");
        world.compare();
        world.run(a, delete("q"));
    }
}

#[test]
fn transient_ones_are_retained_on_disk_and_replayed_in_memory() {
    let mut world = World::new();
    let a = world.open();
    world.run(
        a,
        publish_with("t", "x", |message, _| {
            message.address.exchange = Exchange::Topic;
            (message.header.retain, message.header.durable) = (true, false);
        }),
    );
    world.restart();
    let a = world.open();
    world.run(a, declare("q"));
    let happened = world.run(a, subscribe_replay("q", "t", 0));
    assert!(!happened.has("Copied"), "{happened:?}");
    assert_eq!(world.browse("q"), ["x"]);
    let happened = world.run(a, inspect(Inspect::Topics { namespace: None }));
    let Ok(Reply::Topics(topics)) = happened.reply() else { panic!("{happened:?}") };
    assert_eq!(topics.len(), 1);
    assert!(topics[0].retained && topics[0].bindings == 1);
    world.compare();
}
