//! Nobody gets more than he reads.

use model::{Command, ConsumerIndex, Credit, Effect};
use mqtt::codec::{Packet, Qos};

use crate::lone::{Lone, deliver, message};
use crate::packets::{Q0, Q1, clean, kept, puback, publish, subscribe, unsubscribe};
use crate::world::{Client, World};

/// Bytes of deliveries on their way to one client.
const CREDIT_BYTES: usize = 1 << 20;

/// A client that has stopped reading, and a publisher.
fn stalled(filter: &str, qos: Qos) -> (World, Client, Client) {
    let mut world = World::with(|options| options.window = 100);
    let client = world.join(kept("a"), false);
    world.send(client, subscribe(1, &[(filter, qos)]));
    world.read(client);
    world.peer(client).is_stalled = true;
    let publisher = world.join(clean("publisher"), false);
    (world, client, publisher)
}

fn messages(world: &mut World, client: Client) -> Vec<mqtt::codec::Publish> {
    world
        .read(client)
        .into_iter()
        .filter_map(|packet| if let Packet::Publish(publish) = packet { Some(publish) } else { None })
        .collect()
}

#[test]
fn a_client_that_does_not_read_gets_a_window() {
    for filter in ["t", "$queue/t"] {
        for qos in [Q0, Q1] {
            let (mut world, client, publisher) = stalled(filter, qos);
            for n in 0..300_u32 {
                world.send(publisher, publish(filter, Q1, 1, n.to_be_bytes()));
            }
            let name = if filter == "t" { "mqtt.session.a" } else { "t" };
            assert_eq!(world.tally(name), (200, if qos == Q0 { 0 } else { 100 }), "{filter} {qos:?}");
            world.flush_bytes(client, 1_000_000);
            let first = messages(&mut world, client);
            if qos == Q1 {
                assert_eq!(first.len(), 100, "PUBACK is what makes room");
                for message in &first[..40] {
                    world.say(client, Packet::PubAck(message.id.unwrap()));
                }
                world.rest();
                assert_eq!(world.tally(name), (160, 100));
                continue;
            }
            while world.peer(client).unwritten() > 0 {
                world.flush_bytes(client, 200);
            }
            let all: Vec<_> = first.into_iter().chain(messages(&mut world, client)).collect();
            let numbers: Vec<_> = all.iter().map(|it| u32::from_be_bytes(it.payload[..].try_into().unwrap())).collect();
            assert_eq!(numbers, (0..300).collect::<Vec<_>>(), "{filter}");
        }
    }
}

#[test]
fn long_messages_are_counted_by_their_bytes() {
    let (mut world, client, publisher) = stalled("t", Q0);
    for _ in 0..50 {
        world.send(publisher, publish("t", Q0, 1, vec![7; 100_000]));
    }
    let unwritten = world.peer(client).unwritten();
    assert!((CREDIT_BYTES..CREDIT_BYTES + 101_000).contains(&unwritten), "{unwritten}");
    assert_eq!(world.tally("mqtt.session.a").0, 39);
    // What stays unread gives nothing back, however much of it was written.
    world.flush_bytes(client, unwritten - 200_000);
    assert_eq!(world.tally("mqtt.session.a").0, 39);
    world.flush_bytes(client, 150_000);
    assert!(world.tally("mqtt.session.a").0 < 30);
    world.peer(client).is_stalled = false;
    world.flush_bytes(client, 1);
    assert_eq!(messages(&mut world, client).len(), 50);
}

#[test]
fn answers_that_are_written_are_no_deliveries() {
    let (mut world, client, publisher) = stalled("t", Q0);
    for _ in 0..50 {
        world.send(publisher, publish("t", Q0, 1, vec![7; 100_000]));
    }
    let before = world.peer(client).unwritten();
    for _ in 0..2_000 {
        world.say(client, Packet::PingReq);
        world.flush_bytes(client, 2);
    }
    let grown = world.peer(client).unwritten() - before;
    assert!(grown < 101_000, "{grown} bytes more for the price of 4,000");
}

#[test]
fn a_subscription_made_anew_has_no_credit_of_its_own() {
    let (mut world, client, publisher) = stalled("$queue/t", Q0);
    for _ in 0..3_000 {
        world.say(publisher, publish("$queue/t", Q1, 1, "x"));
    }
    world.rest();
    for n in 0..20 {
        world.send(client, unsubscribe(2, &["$queue/t"]));
        world.send(client, subscribe(3, &[("$queue/t", if n % 2 == 0 { Q1 } else { Q0 })]));
        world.send(client, subscribe(3, &[("$queue/t", Q0)]));
    }
    assert!(world.tally("t").0 >= 2_700, "{:?}", world.tally("t"));
    world.peer(client).is_stalled = false;
    world.flush_bytes(client, 1);
    let acks: Vec<_> = messages(&mut world, client).iter().filter_map(|it| it.id).collect();
    acks.into_iter().for_each(|id| world.say(client, Packet::PubAck(id)));
    world.rest();
    assert_eq!(world.tally("t"), (0, 0), "and it is not stuck either");
}

#[test]
fn credit_comes_back_in_portions() {
    let mut lone = Lone::connected(clean("a"));
    let commands = lone.send(subscribe(1, &[("t", Q0)]));
    lone.accept(&commands);
    lone.said();
    let mut given = Vec::new();
    for seq in 0..1_000 {
        lone.apply(Effect::Deliver(deliver(seq, message("t", 0, vec![0; 100]), 0)));
        given.extend(lone.peer.flush().into_iter().map(|envelope| envelope.command));
    }
    let add = Credit { messages: 250, bytes: 25_000 };
    assert_eq!(given.len(), 4);
    for command in given {
        let Command::Credit { consumer: ConsumerIndex(0), add: got, drain: false } = command else {
            panic!("{command:?}")
        };
        assert_eq!(got, add);
    }
}

#[test]
fn a_window_of_one_moves_one_by_one() {
    for qos in [Q0, Q1] {
        let mut world = World::with(|options| options.window = 1);
        let client = world.join(clean("a"), false);
        world.send(client, subscribe(1, &[("t", qos)]));
        world.read(client);
        let publisher = world.join(clean("publisher"), false);
        for n in 0..5 {
            world.send(publisher, publish("t", Q1, 1, vec![n]));
        }
        let mut got = Vec::new();
        loop {
            let messages = messages(&mut world, client);
            if messages.is_empty() {
                break;
            }
            assert!(qos == Q0 || messages.len() == 1);
            for message in messages {
                got.extend_from_slice(&message.payload);
                if let Some(id) = message.id {
                    world.send(client, puback(id.get()));
                }
            }
        }
        assert_eq!(got, [0, 1, 2, 3, 4]);
    }
}
