//! Wills, in every kind of end.

use model::CloseReason;
use mqtt::codec::{Connect, Packet, Version};

use crate::packets::{Q0, Q1, Q2, clean, kept, publish, pubrec, retained, subscribe, will};
use crate::world::{Client, World};

/// A world with a client that hears of wills, and one that has a will.
fn world() -> (World, Client, Client) {
    let mut world = World::new();
    let witness = world.join(clean("witness"), false);
    world.send(witness, subscribe(1, &[("will/#", Q1)]));
    world.read(witness);
    let mortal = world.join(Connect { will: will("will/a", "gone", Q1, false), keep_alive: 10, ..clean("a") }, false);
    (world, witness, mortal)
}

#[test]
fn disconnect_takes_the_will_with_it() {
    let (mut world, witness, mortal) = world();
    world.send(mortal, Packet::Disconnect);
    assert_eq!(world.peer(mortal).closed, Some(CloseReason::Finished));
    assert!(world.lines(witness).is_empty());
}

#[test]
fn every_other_end_publishes_it_once() {
    type End = fn(&mut World, Client);
    let ends: [(&str, End); 8] = [
        ("socket loss", |world, mortal| world.cut(mortal)),
        ("keep-alive", |world, _| world.advance(15_000)),
        ("malformed packet", |world, mortal| world.send_bytes(mortal, &[0xF0, 0])),
        ("wrong direction", |world, mortal| world.send_bytes(mortal, &[0x20, 2, 0, 0])),
        ("second CONNECT", |world, mortal| world.send(mortal, Packet::Connect(Box::new(clean("a"))))),
        ("take-over", |world, _| {
            world.join(clean("a"), false);
        }),
        ("an administrator", |world, mortal| {
            world.end(mortal, CloseReason::Ended);
            world.rest();
        }),
        ("refused publish", |world, mortal| {
            let name = "$queue/".to_owned() + &"x".repeat(2_000);
            world.send(mortal, publish(&name, Q1, 1, "x"));
        }),
    ];
    for (what, end) in ends {
        let (mut world, witness, mortal) = world();
        end(&mut world, mortal);
        assert!(!world.is_open(mortal), "{what}");
        assert_eq!(world.lines(witness), ["will/a 1 gone"], "{what}");
    }
}

#[test]
fn a_stop_publishes_it_for_those_who_come_later() {
    let mut world = World::new();
    let late = world.join(kept("late"), false);
    world.send(late, subscribe(1, &[("will/#", Q1)]));
    world.send(late, Packet::Disconnect);
    let mortal = world.join(Connect { will: will("will/a", "gone", Q1, true), ..clean("a") }, false);
    world.end(mortal, CloseReason::ShuttingDown);
    world.rest();
    world.crash();
    let late = world.join(kept("late"), true);
    assert_eq!(world.lines(late), ["will/a 1 gone"]);
}

#[test]
fn one_that_was_not_let_in_leaves_none() {
    let mut world = World::new();
    let witness = world.join(clean("witness"), false);
    world.send(witness, subscribe(1, &[("#", Q1)]));
    world.read(witness);
    let refused = world.connect(Connect { will: will("will", "gone", Q1, false), ..kept("") });
    assert!(!world.is_open(refused));
    let waiting = world.open();
    let connect = Connect { will: will("will", "gone", Q1, false), ..kept("a") };
    world.say(waiting, Packet::Connect(Box::new(connect)));
    world.cut(waiting);
    assert!(world.lines(witness).is_empty());
}

#[test]
fn it_has_its_qos_and_is_retained() {
    let mut world = World::new();
    let witness = world.join(clean("witness"), false);
    world.send(witness, subscribe(1, &[("#", Q2)]));
    world.read(witness);
    for (version, qos, retain) in
        [(Version::V31, Q0, false), (Version::V311, Q1, true), (Version::V31, Q2, true), (Version::V311, Q2, false)]
    {
        let topic = format!("w/{}{retain}", qos as u8);
        let connect = Connect { version, will: will(&topic, "", qos, retain), ..clean("mortal") };
        let empty = world.join(connect.clone(), false);
        world.cut(empty);
        let full = world.join(Connect { will: will(&topic, "said", qos, retain), ..connect }, false);
        world.cut(full);
        let lines = world.lines(witness);
        assert_eq!(lines, [format!("{topic} {} ", qos as u8), format!("{topic} {} said", qos as u8)]);
        let late = world.join(clean("late"), false);
        world.send(late, subscribe(1, &[(&topic, Q2)]));
        let read = world.read(late).len();
        assert_eq!(read, 1 + usize::from(retain), "SUBACK, and the will if it is retained");
        world.send(late, Packet::Disconnect);
    }
}

#[test]
fn it_may_go_to_a_queue_but_not_to_the_system() {
    let mut world = World::new();
    let consumer = world.join(clean("consumer"), false);
    world.send(consumer, subscribe(1, &[("$queue/wills", Q1), ("$SYS/#", Q1)]));
    world.read(consumer);
    for topic in ["$queue/wills", "$SYS/broker/lies"] {
        let mortal = world.join(Connect { will: will(topic, "gone", Q2, true), ..clean("a") }, false);
        world.cut(mortal);
    }
    assert_eq!(world.lines(consumer), ["$queue/wills 1 gone"]);
}

#[test]
fn the_new_owner_of_an_id_may_hear_the_will_of_the_old_one() {
    let mut world = World::new();
    let connect = Connect { will: will("will", "gone", Q1, false), ..kept("a") };
    let first = world.join(connect.clone(), false);
    world.send(first, subscribe(1, &[("will", Q1)]));
    world.read(first);
    let second = world.join(connect, true);
    assert_eq!(world.peer(first).closed, Some(CloseReason::TakenOver));
    assert_eq!(world.lines(second), ["will 1 gone"]);
    assert!(world.read(first).is_empty());
}

#[test]
fn a_retained_status_is_what_the_will_says_last() {
    let mut world = World::new();
    let device = world.join(Connect { will: will("status", "offline", Q1, true), ..clean("device") }, false);
    world.send(device, retained("status", Q1, 1, "online"));
    let watcher = |world: &mut World| {
        let client = world.join(clean("watcher"), false);
        world.send(client, subscribe(1, &[("status", Q1)]));
        let read = world.read(client);
        world.send(client, pubrec(1));
        world.send(client, Packet::Disconnect);
        match &read[..] {
            [Packet::SubAck(_), Packet::Publish(publish)] | [Packet::Publish(publish), Packet::SubAck(_)] => {
                String::from_utf8(publish.payload.to_vec()).unwrap()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(watcher(&mut world), "online");
    world.cut(device);
    assert_eq!(watcher(&mut world), "offline");
    world.crash();
    assert_eq!(watcher(&mut world), "offline");
}
