//! Memory and disk that run short: who is told, and whom it is put down to.

use model::{Command, ConnectionId, Resource, Space};

use crate::harness::commands::*;
use crate::harness::{Happened, World};

const ROOM: Space = Space { used: 700, live: 500, free: 300, short: false, stalled: false };

/// Who says how much room there is.
const SHELL: ConnectionId = ConnectionId { thread: 9, slot: 0, generation: 0 };

fn measured(world: &mut World, space: Space) -> Happened {
    world.run(SHELL, Command::Measured(space))
}

fn throttles(happened: &Happened) -> Vec<&str> {
    happened.lines.iter().map(String::as_str).filter(|line| line.contains("Throttle")).collect()
}

#[test]
fn what_was_measured_is_told() {
    let mut world = World::new();
    assert_eq!(world.broker.status(world.now).space, None);
    measured(&mut world, ROOM).expect(&[]);
    let status = world.broker.status(world.now);
    assert_eq!((status.space, status.alarm), (Some(ROOM), None));
}

#[test]
fn a_full_disk_stops_publishers_until_there_is_room() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.run(a, declare("empty"));
    for (queue, body) in [("big", "one"), ("big", "two"), ("small", "three")] {
        world.run(a, publish(queue, body));
    }
    let short = Space { short: true, free: 0, ..ROOM };
    let told = "Throttle short of disk; queue big holds most: 2 messages, 6 bytes";
    measured(&mut world, short).expect(&[&format!("a@0 {told}"), &format!("b@0 {told}")]);
    measured(&mut world, Space { used: 701, ..short }).expect(&[]);
    // Everybody else goes on, which is what makes room; and what a later client hears does not change with it.
    let happened = world.run(b, consume("big", 0, 10));
    assert_eq!(happened.bodies(), ["one", "two"]);
    world.run(b, accept(happened.delivered()[0].delivery));
    let (_, happened) = world.open_and_see();
    assert_eq!(throttles(&happened), [format!("c@0 {told}")]);
    let alarm = world.broker.status(world.now).alarm.unwrap();
    assert_eq!((alarm.short_of, alarm.culprit.unwrap().messages), (Resource::Disk, 2));
    measured(&mut world, ROOM).expect(&["a@0 Throttle no longer", "b@0 Throttle no longer", "c@0 Throttle no longer"]);
    assert_eq!(world.broker.status(world.now).alarm, None);
}

#[test]
fn a_store_that_stands_still_is_an_alarm_and_nobody_need_be_the_culprit() {
    let mut world = World::new();
    world.open();
    measured(&mut world, Space { stalled: true, ..ROOM }).expect(&["a@0 Throttle short of disk"]);
    measured(&mut world, ROOM).expect(&["a@0 Throttle no longer"]);
}

#[test]
fn a_full_disk_is_told_before_full_memory_and_memory_after_it() {
    let mut world = World::cramped();
    let a = world.open();
    world.run(a, declare("q"));
    let culprit = "queue q holds most: 1 messages, 21 bytes";
    let happened = world.run(a, transient("q", "more than eight bytes"));
    assert_eq!(throttles(&happened), [format!("a@0 Throttle short of memory; {culprit}")]);
    measured(&mut world, Space { short: true, ..ROOM }).expect(&[&format!("a@0 Throttle short of disk; {culprit}")]);
    measured(&mut world, ROOM).expect(&[&format!("a@0 Throttle short of memory; {culprit}")]);
    measured(&mut world, Space { short: true, ..ROOM });
    assert!(throttles(&world.run(a, purge("q", false))).is_empty(), "the disk is still full");
    measured(&mut world, ROOM).expect(&["a@0 Throttle no longer"]);
}
