//! Consumers that want some messages only.

use std::sync::Arc;

use broker::Options;
use model::{ConnectionId, Outcome};

use crate::harness::World;
use crate::harness::commands::*;
use crate::harness::properties::{Lines, publish_having};

fn world() -> (World, Arc<Lines>, ConnectionId) {
    let (lines, encodings) = Lines::registered();
    let mut world = World::with(Options {
        encodings,
        auto_create: true,
        memory_limit: 1 << 30,
        evicts: true,
        ..Options::default()
    });
    let a = world.open();
    (world, lines, a)
}

#[test]
fn each_consumer_gets_what_it_selects_and_the_rest_stays() {
    let (mut world, _, a) = world();
    world.run(a, declare("q"));
    for (body, color) in [("1", "red"), ("2", "blue"), ("3", "red"), ("4", "green")] {
        world.run(a, publish_having("q", body, &format!("color={color}")));
    }
    assert_eq!(world.run(a, select("q", 0, 9, "color = 'red'")).bodies(), ["1", "3"]);
    assert_eq!(world.run(a, select("q", 1, 9, "color = 'blue'")).bodies(), ["2"]);
    assert_eq!(world.browse("q"), ["4"]);
    assert!(world.run(a, select("q", 2, 9, "color = ")).reply().is_err());
    assert_eq!(world.run(a, publish_having("q", "5", "color=blue")).bodies(), ["5"]);
    // A plain one takes what is left.
    assert_eq!(world.run(a, consume("q", 3, 9)).bodies(), ["4"]);
}

#[test]
fn what_comes_back_is_offered_again_to_those_who_had_passed_it() {
    let (mut world, _, a) = world();
    let b = world.open();
    world.run(a, declare("q"));
    let happened = world.run(a, publish_having("q", "1", "n=1"));
    assert!(happened.delivered().is_empty());
    let delivery = world.run(a, consume("q", 0, 1)).delivery();
    world.run(a, publish_having("q", "2", "n=2"));
    assert_eq!(world.run(b, select("q", 0, 1, "n = 2")).bodies(), ["2"]);
    assert!(world.run(b, select("q", 1, 1, "n = 1")).delivered().is_empty());
    let happened = world.run(a, settle(delivery, Outcome::Released));
    assert_eq!(happened.delivered_to(b), ["1"]);
}

#[test]
fn what_is_delayed_or_of_higher_priority_is_not_passed_over() {
    let (mut world, _, a) = world();
    world.run(a, declare_with("q", |it| it.max_priority = 9));
    world.run(a, publish_having("q", "other", "n=0"));
    world.run(a, select("q", 0, 9, "n = 1"));
    let having = |body: &'static str, priority, delay: Option<u64>, now: model::Time| {
        publish_with("q", body, |message, _| {
            crate::harness::properties::having(message, "n=1");
            message.header.priority = priority;
            message.header.not_before = delay.map(|delay| now.plus(delay));
        })
    };
    let now = world.now;
    assert_eq!(world.run(a, having("high", 9, None, now)).bodies(), ["high"]);
    assert!(world.run(a, having("late", 9, Some(50), now)).delivered().is_empty());
    assert_eq!(world.advance(50).bodies(), ["late"]);
    assert_eq!(world.run(a, having("low", 0, None, now)).bodies(), ["low"]);
}

#[test]
fn an_expired_message_is_not_delivered_though_it_is_not_the_first() {
    let (mut world, _, a) = world();
    world.run(a, declare("q"));
    world.run(a, publish_having("q", "first", "n=0"));
    let expires = world.now.plus(10);
    world.run(
        a,
        publish_with("q", "second", |message, _| {
            crate::harness::properties::having(message, "n=1");
            message.header.expires = Some(expires);
        }),
    );
    world.now = expires;
    let happened = world.run(a, select("q", 0, 9, "n = 1"));
    assert!(happened.delivered().is_empty(), "{happened:?}");
    assert_eq!(world.counts("q").expired, 1);
}

#[test]
fn a_drain_ends_only_when_everything_was_looked_at() {
    let (mut world, _, a) = world();
    world.audits = false;
    world.run(a, declare("q"));
    for _ in 0..10 {
        world.batch((0..1_000).map(|_| (a, publish_having("q", "x", "n=0"))));
    }
    world.run(a, publish_having("q", "wanted", "n=1"));
    world.run(a, select("q", 0, 0, "n = 1"));
    let happened = world.run(a, drain(0, 5));
    assert_eq!((happened.bodies(), happened.drained()), (vec!["wanted".to_owned()], 1));
}

#[test]
fn a_selector_looks_at_bodies_on_disk() {
    let (_, encodings) = Lines::registered();
    let mut world =
        World::with(Options { encodings, auto_create: true, memory_limit: 64, evicts: true, ..Options::default() });
    let a = world.open();
    world.run(a, declare("q"));
    for n in 0..200 {
        world.run(a, publish_having("q", n.to_string(), &format!("n={}", n % 10)));
    }
    let happened = world.run(a, select("q", 0, 1_000, "n = 7"));
    assert_eq!(happened.bodies().len(), 20);
    assert!(world.broker.status(world.now).memory <= 64);
}

/// With 200,000 messages, or as many as `CAUSEWAY_MESSAGES` says.
#[test]
fn a_selector_that_matches_nothing_costs_a_new_message_one_look() {
    let (mut world, lines, a) = world();
    world.audits = false;
    world.run(a, declare("q"));
    let count = super::million::messages();
    for _ in 0..count / 1_000 {
        world.batch((0..1_000).map(|_| (a, publish_having("q", "x", "n=0"))));
    }
    assert_eq!(lines.looked_up(), 0);
    world.run(a, select("q", 0, 100, "n = 1"));
    assert_eq!(lines.looked_up() as u64, count);
    for _ in 0..100 {
        let happened = world.run(a, publish_having("q", "x", "n=0"));
        assert!(happened.delivered().is_empty());
        assert_eq!(lines.looked_up(), 1);
    }
    // Nor does credit, or a look at an unchanged queue, begin anew.
    world.run(a, credit(0, 5));
    assert_eq!(lines.looked_up(), 0);
    assert_eq!(world.run(a, publish_having("q", "wanted", "n=1")).bodies(), ["wanted"]);
    assert_eq!(lines.looked_up(), 1);
}
