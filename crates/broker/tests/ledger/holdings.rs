//! Which queues hold the store's space, and who has what of them.

use model::{Holding, Inspect, Reply};

use crate::harness::World;
use crate::harness::commands::*;

fn holdings(world: &mut World, most: usize) -> Vec<Holding> {
    let who = world.open();
    match world.run(who, inspect(Inspect::Holdings { most })).reply() {
        Ok(Reply::Holdings(holdings)) => holdings,
        other => panic!("{other:?}"),
    }
}

fn names(holdings: &[Holding]) -> Vec<&str> {
    holdings.iter().map(|it| std::str::from_utf8(it.name.as_bytes()).expect("a name of a test")).collect()
}

#[test]
fn the_queue_with_most_bytes_comes_first_and_empty_ones_not_at_all() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("empty"));
    for (queue, body) in [("b", "12345"), ("a", "12345"), ("big", "123456"), ("big", "1"), ("many", ""), ("many", "")] {
        world.run(a, publish(queue, body));
    }
    assert_eq!(names(&holdings(&mut world, 10)), ["big", "a", "b", "many"]);
    assert_eq!(names(&holdings(&mut world, 2)), ["big", "a"]);
    assert!(holdings(&mut world, 0).is_empty());
    let big = &holdings(&mut world, 1)[0];
    assert_eq!((big.messages, big.bytes, big.in_memory, big.leased), (2, 7, 2, 0));
    assert_eq!((big.oldest, big.consumers.len()), (Some(world.now), 0));
}

#[test]
fn who_has_most_unsettled_is_named_first_and_what_it_has_does_not_wait() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    let first = world.now;
    world.run(a, publish("q", "one"));
    world.advance(1_000);
    for body in ["two", "three", "four"] {
        world.run(a, publish("q", body));
    }
    world.run(a, consume("q", 0, 1));
    world.run(b, consume("q", 0, 1));
    world.run(b, consume("q", 1, 1));
    world.run(b, browse("q"));
    let held = &holdings(&mut world, 1)[0];
    assert_eq!(held.consumers, [("test 0.1.1".to_owned(), 2), ("test 0.0.1".to_owned(), 1)]);
    assert_eq!((held.messages, held.leased, held.oldest), (4, 3, Some(first.plus(1_000))));
    // One that is cancelled keeps what it has.
    world.run(b, cancel(0));
    assert_eq!(holdings(&mut world, 1)[0].consumers[0].1, 2);
}

#[test]
fn what_rests_on_disk_is_not_in_memory() {
    let mut world = World::resting();
    let a = world.open();
    let first = world.now;
    for n in 0..20 {
        world.run(a, publish("q", format!("body {n}")));
        world.advance(10);
    }
    let held = &holdings(&mut world, 1)[0];
    assert_eq!((held.messages, held.oldest), (20, Some(first)));
    assert!(held.in_memory < 20, "{held:?}");
    assert!(world.loads.is_empty(), "nothing was read for it");
}
