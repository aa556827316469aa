//! Sessions that outlive their connection, and the broker.

use model::{CloseReason, Lsn};
use mqtt::codec::{Packet, Publish, Version};

use crate::packets::{
    Q0, Q1, Q2, again, clean, connack, kept, puback, pubcomp, publish, pubrec, pubrel, suback, subscribe, unsubscribe,
};
use crate::world::{Client, World, line};

/// A kept session with a subscription, and somebody who publishes.
fn world() -> (World, Client, Client) {
    let mut world = World::new();
    let client = world.join(kept("device"), false);
    world.send(client, subscribe(1, &[("t/#", Q2)]));
    assert_eq!(world.read_one(client), suback(1, &[2]));
    let publisher = world.join(clean("publisher"), false);
    (world, client, publisher)
}

fn lines(packets: &[Packet]) -> Vec<String> {
    let line = |packet: &Packet| match packet {
        Packet::Publish(publish) => line(publish),
        other => format!("{other:?}"),
    };
    packets.iter().map(line).collect()
}

fn ids(messages: &[Publish]) -> Vec<u16> {
    messages.iter().map(|message| message.id.unwrap().get()).collect()
}

#[test]
fn messages_wait_for_an_absent_client() {
    for restart in [false, true] {
        let (mut world, client, publisher) = world();
        world.send(client, Packet::Disconnect);
        for (qos, payload) in [(Q0, "0"), (Q1, "1"), (Q2, "2")] {
            world.send(publisher, publish("t/a", qos, 3, payload));
        }
        if restart {
            world.crash();
        }
        let client = world.join(kept("device"), true);
        let payloads: Vec<_> = world.messages(client).into_iter().map(|it| it.payload).collect();
        assert_eq!(payloads, ["1", "2"], "QoS 0 does not wait");
    }
}

#[test]
fn what_was_not_acknowledged_comes_again_with_dup_and_its_id() {
    for restart in [false, true] {
        let (mut world, client, publisher) = world();
        for n in 0..6 {
            world.send(publisher, publish("t/a", if n % 2 == 0 { Q1 } else { Q2 }, 3, format!("{n}")));
            world.send(publisher, pubrel(3));
        }
        let first = world.messages(client);
        assert!(first.iter().all(|message| !message.dup));
        world.send(client, puback(ids(&first)[2]));
        if restart {
            world.crash()
        } else {
            world.cut(client)
        }
        let client = world.join(kept("device"), true);
        let second = world.messages(client);
        assert_eq!(
            second.iter().map(line).collect::<Vec<_>>(),
            ["t/a 1d 0", "t/a 2d 1", "t/a 2d 3", "t/a 1d 4", "t/a 2d 5"]
        );
        let mut expected = ids(&first);
        expected.remove(2);
        assert_eq!(ids(&second), expected, "restart: {restart}");
    }
}

#[test]
fn what_was_received_comes_again_as_pubrel() {
    for restart in [false, true] {
        let (mut world, client, publisher) = world();
        for n in 0..4 {
            world.send(publisher, publish("t/a", Q2, 3, format!("{n}")));
            world.send(publisher, pubrel(3));
        }
        let ids = ids(&world.messages(client));
        for id in [ids[1], ids[2]] {
            world.send(client, pubrec(id));
            assert_eq!(world.read_one(client), pubrel(id));
        }
        world.send(client, pubcomp(ids[1]));
        for _ in 0..2 {
            if restart {
                world.crash()
            } else {
                world.cut(client)
            }
            let client = world.join(kept("device"), true);
            let read = world.read(client);
            assert_eq!(read[0], pubrel(ids[2]), "restart: {restart}");
            assert_eq!(lines(&read[1..]), ["t/a 2d 0", "t/a 2d 3"]);
        }
        let client = world.peers().len() - 1;
        world.send(client, pubcomp(ids[2]));
        for id in [ids[0], ids[3]] {
            world.send(client, pubrec(id));
            world.send(client, pubcomp(id));
        }
        world.cut(client);
        let client = world.join(kept("device"), true);
        assert_eq!(world.read(client), []);
        assert_eq!(world.tally("mqtt.session.device"), (0, 0));
    }
}

#[test]
fn pubrel_waits_for_the_disk() {
    let (mut world, client, publisher) = world();
    world.send(publisher, publish("t/a", Q2, 3, "x"));
    let id = ids(&world.messages(client))[0];
    world.syncs = false;
    world.send(client, pubrec(id));
    world.send(client, pubrec(id));
    assert_eq!(world.read(client), []);
    // PUBREC is lost with the power, and so the message comes again.
    world.crash();
    world.syncs = true;
    let client = world.join(kept("device"), true);
    assert_eq!(world.lines(client), ["t/a 2d x"]);
    world.syncs = false;
    world.send(client, pubrec(id));
    let last = world.last();
    world.sync(last);
    assert_eq!(world.read_one(client), {
        world.peer(client).flush();
        pubrel(id)
    });
}

#[test]
fn a_publisher_finishes_what_it_began() {
    for restart in [false, true] {
        let (mut world, client, _) = world();
        let publisher = world.join(kept("publisher-2"), false);
        world.send(publisher, publish("t/a", Q2, 9, "once"));
        assert_eq!(world.read_one(publisher), pubrec(9));
        assert_eq!(world.lines(client), ["t/a 2 once"]);
        if restart {
            world.crash()
        } else {
            world.cut(publisher)
        }
        let publisher = world.join(kept("publisher-2"), true);
        world.send(publisher, again("t/a", Q2, 9, "once"));
        assert_eq!(world.read_one(publisher), pubrec(9), "PUBREC was lost");
        if restart {
            world.crash()
        } else {
            world.cut(publisher)
        }
        let publisher = world.join(kept("publisher-2"), true);
        for _ in 0..2 {
            world.send(publisher, pubrel(9));
            assert_eq!(world.read_one(publisher), pubcomp(9));
        }
        world.send(publisher, publish("t/a", Q2, 9, "twice"));
        assert_eq!(world.read_one(publisher), pubrec(9));
        let client = if restart { world.join(kept("device"), true) } else { client };
        let payloads: Vec<_> = world.messages(client).iter().map(|it| it.payload.clone()).collect();
        let expected: &[&str] = if restart { &["once", "twice"] } else { &["twice"] };
        assert_eq!(payloads, expected);
    }
}

#[test]
fn subscriptions_last_as_long_as_the_session() {
    let (mut world, client, _) = world();
    world.send(client, subscribe(2, &[("u", Q0), ("v", Q1), ("w", Q1)]));
    world.send(client, subscribe(3, &[("w", Q0)]));
    world.send(client, unsubscribe(4, &["v"]));
    world.send(client, Packet::Disconnect);
    for restart in [false, true] {
        if restart {
            world.crash();
        }
        let publisher = world.join(clean("publisher"), false);
        let client = world.join(kept("device"), true);
        for topic in ["t/x", "u", "v", "w"] {
            world.send(publisher, publish(topic, Q1, 1, "x"));
        }
        let messages = world.messages(client);
        let got: Vec<_> = messages.iter().map(|it| format!("{} {}", it.topic.as_str(), it.qos as u8)).collect();
        assert_eq!(got, ["t/x 1", "u 0", "w 0"]);
        world.send(client, puback(ids(&messages[..1])[0]));
        world.cut(client);
    }
}

#[test]
fn a_clean_connect_drops_the_session() {
    let (mut world, client, publisher) = world();
    world.send(client, Packet::Disconnect);
    world.send(publisher, publish("t/a", Q1, 3, "x"));
    let client = world.join(clean("device"), false);
    assert_eq!(world.read(client), []);
    assert!(world.info("mqtt.session.device").is_none());
    world.send(client, subscribe(1, &[("c", Q1)]));
    assert!(world.info("mqtt.session.device").is_some_and(|info| !info.settings.durable));
    world.cut(client);
    assert!(world.info("mqtt.session.device").is_none());
    let client = world.join(kept("device"), false);
    world.send(publisher, publish("t/a", Q1, 3, "x"));
    world.send(publisher, publish("c", Q1, 3, "x"));
    assert_eq!(world.read(client), []);
}

#[test]
fn connack_waits_until_the_old_session_is_gone_from_disk() {
    let (mut world, client, _) = world();
    world.send(client, Packet::Disconnect);
    world.syncs = false;
    let client = world.connect(clean("device"));
    assert_eq!(world.read(client), []);
    world.crash();
    world.syncs = true;
    world.join(kept("device"), true);
    world.syncs = false;
    let client = world.connect(clean("device"));
    let last = world.last();
    world.sync(last);
    world.peer(client).flush();
    assert_eq!(world.read_one(client), connack(false));
    world.crash();
    world.syncs = true;
    world.join(kept("device"), false);
}

#[test]
fn a_new_session_is_on_disk_before_connack() {
    let mut world = World::new();
    world.rest();
    world.syncs = false;
    let client = world.connect(kept("device"));
    assert_eq!(world.read(client), []);
    world.sync(Lsn(1_000));
    world.peer(client).flush();
    assert_eq!(world.read_one(client), connack(false));
    world.durable = world.last();
    world.crash();
    world.syncs = true;
    world.join(kept("device"), true);
}

#[test]
fn a_second_connection_takes_the_session_over() {
    let (mut world, first, publisher) = world();
    world.send(publisher, publish("t/a", Q1, 3, "x"));
    let before = world.messages(first);
    let second = world.join(kept("device"), true);
    assert_eq!(world.peer(first).closed, Some(CloseReason::TakenOver));
    let after = world.messages(second);
    assert_eq!((ids(&before), after[0].dup), (ids(&after), true));
    // What the first one still says changes nothing.
    world.send(second, puback(ids(&after)[0]));
    let third = world.join(kept("device"), true);
    assert_eq!((world.read(third), world.is_open(second)), (vec![], false));
}

#[test]
fn a_clean_session_may_be_taken_over_too() {
    let mut world = World::new();
    let first = world.join(clean("device"), false);
    world.send(first, subscribe(1, &[("a", Q1)]));
    let second = world.join(clean("device"), false);
    assert_eq!(world.peer(first).closed, Some(CloseReason::TakenOver));
    world.send(second, publish("a", Q0, 0, "x"));
    assert_eq!(world.read(second), [], "the subscription was the first one's");
    world.send(second, subscribe(1, &[("a", Q1)]));
    assert_eq!(world.read_one(second), suback(1, &[1]));
}

#[test]
fn a_deleted_session_ends_its_connection() {
    let (mut world, client, publisher) = world();
    world.delete("mqtt.session.device");
    assert!(!world.is_open(client), "it would wait for messages for ever");
    world.send(publisher, publish("t/a", Q1, 3, "x"));
    let client = world.join(kept("device"), false);
    assert_eq!(world.read(client), []);
}

#[test]
fn mqtt_3_1_keeps_sessions_without_saying_so() {
    let mut world = World::new();
    let connect = || mqtt::codec::Connect { version: Version::V31, ..kept("old") };
    let client = world.join(connect(), false);
    world.send(client, subscribe(1, &[("a", Q1)]));
    world.cut(client);
    let publisher = world.join(clean("publisher"), false);
    world.send(publisher, publish("a", Q1, 3, "x"));
    let client = world.join(connect(), false);
    assert_eq!(world.lines(client), ["a 1 x"]);
}

#[test]
fn redelivery_keeps_the_order() {
    let (mut world, client, publisher) = world();
    world.send(client, Packet::Disconnect);
    let mut sent = Vec::new();
    for n in 0..2_500_u32 {
        world.say(publisher, publish("t/a", Q1, 3, n.to_string()));
        sent.push(n.to_string());
    }
    world.rest();
    // Each connection sees a window; it acknowledges some of it.
    let (mut seen, mut rounds) = (0, 0);
    while seen < sent.len() {
        let client = world.join(kept("device"), true);
        let messages = world.messages(client);
        let payloads: Vec<_> = messages.iter().map(|it| String::from_utf8_lossy(&it.payload).into_owned()).collect();
        assert_eq!(payloads, sent[seen..(seen + 1_000).min(sent.len())]);
        let take = ids(&messages).into_iter().take(700).collect::<Vec<_>>();
        take.iter().for_each(|id| world.say(client, puback(*id)));
        world.rest();
        seen += take.len();
        rounds += 1;
        if rounds % 2 == 0 { world.crash() } else { world.cut(client) }
    }
    assert_eq!(rounds, 4);
}

#[test]
fn a_session_that_is_full_drops_what_comes() {
    let mut world = World::with(|options| options.kept_length = Some(5));
    let client = world.join(kept("device"), false);
    world.send(client, subscribe(1, &[("t", Q1)]));
    world.cut(client);
    let publisher = world.join(clean("publisher"), false);
    for n in 0..8 {
        world.send(publisher, publish("t", Q1, 1, n.to_string()));
    }
    assert_eq!(world.read(publisher), vec![puback(1); 8], "the publisher is not told");
    let client = world.join(kept("device"), true);
    assert_eq!(world.messages(client).len(), 5);
}

#[test]
fn qos_0_is_not_resent() {
    let (mut world, client, publisher) = world();
    world.peer(client).is_stalled = true;
    world.send(publisher, publish("t/a", Q0, 0, "x"));
    world.cut(client);
    let client = world.join(kept("device"), true);
    assert_eq!(world.read(client), []);
}
