//! Which consumer of several gets a message, and queues that go when nobody uses them.

use model::{Command, ConsumerIndex, DeclareMode, Name, Publish, QueueSettings};

use crate::harness::World;
use crate::harness::commands::*;

fn ranked(index: u32, credit: u32, priority: i32) -> Command {
    consume_with("q", index, credit, |it| it.priority = priority)
}

/// Bodies, by the consumer that got them.
fn taken(happened: &crate::harness::Happened) -> Vec<(u32, String)> {
    let bodies = happened.bodies();
    happened.delivered().iter().zip(bodies).map(|(it, body)| (it.consumer.0, body)).collect()
}

#[test]
fn a_consumer_of_higher_priority_comes_first_while_it_has_credit() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    for (index, credit, priority) in [(0, 9, 0), (1, 2, 5), (2, 1, 10), (3, 9, 0), (4, 1, -1)] {
        world.run(a, ranked(index, credit, priority));
    }
    let happened = world.batch((1..=6).map(|n| (a, publish("q", n.to_string()))));
    let by: Vec<u32> = taken(&happened).iter().map(|(index, _)| *index).collect();
    assert_eq!(by, [2, 1, 1, 0, 3, 0], "the highest first, then those of none in turns");
    world.compare();
}

#[test]
fn only_one_consumer_is_active_until_it_goes() {
    let mut world = World::new();
    let a = world.open();
    let b = world.open();
    world.run(a, declare_with("q", |it| it.single_active = true));
    world.run(a, consume("q", 0, 9));
    world.run(b, consume("q", 0, 9));
    world.batch((1..=2).map(|n| (a, publish("q", n.to_string()))));
    let happened = world.run(a, publish("q", "3"));
    assert_eq!((happened.delivered_to(a), happened.delivered_to(b)), (vec!["3".to_owned()], vec![]));
    // What the first had and did not settle comes to the second, in order.
    let happened = world.run(a, Command::Close);
    assert_eq!(happened.delivered_to(b), ["1", "2", "3"]);
    let c = world.open();
    world.run(c, consume("q", 0, 9));
    world.run(c, publish("q", "4"));
    let happened = world.run(b, Command::Cancel { consumer: ConsumerIndex(0) });
    assert!(happened.delivered_to(c).is_empty(), "a cancelled consumer keeps what it has");
    let happened = world.run(c, publish("q", "5"));
    assert_eq!(happened.delivered_to(c), ["5"]);
    world.compare();
}

#[test]
fn a_fetch_takes_from_a_queue_whose_active_consumer_is_full() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("q", |it| it.single_active = true));
    world.run(a, consume("q", 0, 1));
    world.batch((1..=2).map(|n| (a, publish("q", n.to_string()))));
    assert_eq!(world.run(a, get("q", 1, 1)).bodies(), ["2"]);
}

#[test]
fn a_queue_goes_when_nobody_has_used_it_for_long_enough() {
    let expiring = || QueueSettings { expires: Some(1_000), ..QueueSettings::default() };
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_as("q", expiring(), DeclareMode::IfAbsent));
    world.advance(999);
    // Declarations and fetches are uses; publishing is none.
    world.run(a, declare_as("q", expiring(), DeclareMode::Passive));
    world.advance(600);
    world.run(a, publish("q", "kept no longer than its queue"));
    world.run(a, get("q", 7, 1));
    world.advance(999);
    assert!(world.exists("q"));
    world.run(a, consume("q", 0, 1));
    world.advance(5_000);
    assert!(world.exists("q"), "a consumer uses it as long as it is there");
    world.run(a, Command::Cancel { consumer: ConsumerIndex(0) });
    world.advance(999);
    assert!(world.exists("q"));
    world.compare();
    // After a restart it counts from there.
    world.restart();
    world.advance(999);
    assert!(world.exists("q"));
    world.advance(2);
    assert!(!world.exists("q"));
    world.compare();
}

#[test]
fn a_queue_gets_a_message_once_however_many_of_its_keys_lead_there() {
    let mut world = World::new();
    let a = world.open();
    for name in ["q", "r", "s"] {
        world.run(a, declare(name));
        world.run(a, subscribe(name, name, 0));
    }
    world.run(a, subscribe("q", "r", 0));
    let also = |command, keys: &[&str]| match command {
        Command::Publish(publish) => {
            Command::Publish(Publish { also: keys.iter().map(|key| Name::from(*key)).collect(), ..publish })
        }
        other => other,
    };
    assert!(world.run(a, also(topic("q", "copies"), &["r", "nobody"])).has("Confirm"));
    assert_eq!(
        (world.browse("q"), world.browse("r"), world.tally("s")),
        (vec!["copies".into()], vec!["copies".into()], (0, 0, 0))
    );
    let mut default = also(publish("nobody", "default"), &["s"]);
    if let Command::Publish(publish) = &mut default {
        publish.create = false;
    }
    assert!(world.run(a, default).has("Confirm"));
    assert_eq!((world.browse("s"), world.exists("nobody")), (vec!["default".to_owned()], false));
    world.compare();
}
