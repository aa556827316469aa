//! SUBSCRIBE, UNSUBSCRIBE and what comes of them.

use model::CloseReason;
use mqtt::codec::{Packet, Version};

use crate::lone::Lone;
use crate::packets::{
    Q0, Q1, Q2, bytes_of, clean, kept, puback, publish, retained, suback, subscribe, unsuback, unsubscribe,
};
use crate::world::{Client, World, line};

fn subscriber(world: &mut World, filters: &[(&str, mqtt::codec::Qos)]) -> Client {
    let client = world.join(clean("subscriber"), false);
    world.send(client, subscribe(1, filters));
    let codes: Vec<u8> = filters.iter().map(|(_, qos)| *qos as u8).collect();
    assert_eq!(world.read(client)[0], suback(1, &codes));
    client
}

#[test]
fn filters_match_as_the_specification_says() {
    for (filter, topics, others) in [
        (
            "sport/tennis/player1/#",
            &["sport/tennis/player1", "sport/tennis/player1/score/wimbledon"][..],
            &["sport/tennis/player10"][..],
        ),
        ("sport/#", &["sport", "sport/", "sport/a"], &["sports", "/sport"]),
        ("#", &["a", "/", "a/b/c", "/finance"], &["$SYS/a", "$internal"]),
        (
            "sport/tennis/+",
            &["sport/tennis/player1", "sport/tennis/"],
            &["sport/tennis/player1/ranking", "sport/tennis"],
        ),
        ("+/+", &["/finance", "a/b"], &["finance", "a/b/c", "$a/b"]),
        ("/+", &["/finance"], &["finance", "a/finance"]),
        ("+", &["finance", "a.b", "a*b"], &["/finance", "$dollar"]),
        ("$dollar/+", &["$dollar/a"], &["dollar/a"]),
        ("$dollar/#", &["$dollar/a/b", "$dollar"], &["dollar/a"]),
        ("+/a.b/*", &["x/a.b/*", "x.y/a.b/*"], &["x/a/b/*", "x/a.b/y", "x/a.b/y*"]),
        ("a/*/c", &["a/*/c"], &["a/b/c"]),
        ("a.b", &["a.b"], &["a/b"]),
        ("a/>", &["a/>"], &["a/b"]),
        ("a//c", &["a//c"], &["a/c", "a/b/c"]),
        ("ä/+/日", &["ä/ö/日"], &["ä/日"]),
        ("A", &["A"], &["a"]),
        (" ", &[" "], &["", "  "]),
    ] {
        let mut world = World::new();
        let client = subscriber(&mut world, &[(filter, Q0)]);
        let publisher = world.join(clean("publisher"), false);
        for topic in topics.iter().chain(others).filter(|topic| !topic.is_empty()) {
            world.send(publisher, publish(topic, Q0, 0, "x"));
        }
        let got: Vec<_> = world.messages(client).iter().map(|it| it.topic.as_str().to_owned()).collect();
        assert_eq!(got, topics, "{filter}");
    }
}

#[test]
fn overlapping_subscriptions_deliver_once_with_the_highest_qos() {
    let mut world = World::new();
    let client = subscriber(&mut world, &[("a/#", Q0), ("a/+", Q2), ("+/b", Q1), ("a/b", Q0)]);
    for (qos, line) in [(Q0, "a/b 0 x"), (Q1, "a/b 1 x"), (Q2, "a/b 2 x")] {
        world.send(client, publish("a/b", qos, 7, "x"));
        let messages: Vec<_> = world.read(client).into_iter().filter_map(message).collect();
        assert_eq!(messages, [line]);
    }
}

fn message(packet: Packet) -> Option<String> {
    match packet {
        Packet::Publish(publish) => Some(line(&publish)),
        _ => None,
    }
}

#[test]
fn subscribing_again_replaces_the_qos() {
    let mut world = World::new();
    let client = subscriber(&mut world, &[("a", Q2)]);
    for qos in [Q0, Q2, Q1] {
        world.send(client, subscribe(2, &[("a", qos)]));
        assert_eq!(world.read_one(client), suback(2, &[qos as u8]));
        world.send(client, publish("a", Q2, 3, "x"));
        let messages: Vec<_> = world.read(client).into_iter().filter_map(message).collect();
        assert_eq!(messages, [format!("a {} x", qos as u8)], "one message, with the new QoS");
        world.send(client, Packet::PubRel(crate::packets::id(3)));
        world.read(client);
    }
}

#[test]
fn unsubscribe_ends_just_the_named_ones() {
    let mut world = World::new();
    let client = subscriber(&mut world, &[("a", Q0), ("b", Q0), ("+", Q1), ("#", Q2)]);
    world.send(client, unsubscribe(2, &["a", "+", "never", "#", "a/#"]));
    assert_eq!(world.read_one(client), unsuback(2));
    world.send(client, publish("a", Q0, 0, "x"));
    world.send(client, publish("b", Q0, 0, "y"));
    assert_eq!(world.lines(client), ["b 0 y"]);
}

#[test]
fn unsubscribe_is_answered_without_any_subscription() {
    let mut world = World::new();
    let client = world.join(clean("a"), false);
    world.send(client, unsubscribe(9, &["a", "$queue/a"]));
    assert_eq!(world.read_one(client), unsuback(9));
}

#[test]
fn each_filter_has_its_own_answer() {
    let mut world = World::new();
    let client = world.join(clean("a"), false);
    let deep = "x/".repeat(200);
    let long = format!("$queue/{}", "q".repeat(1_025));
    world.send(
        client,
        subscribe(
            5,
            &[
                ("a", Q0),
                (&deep, Q1),
                ("$queue/+", Q1),
                ("b", Q1),
                ("$queue/q", Q2),
                (&long, Q1),
                ("$queue/mqtt.session.b", Q1),
                ("c", Q2),
            ],
        ),
    );
    assert_eq!(world.read_one(client), suback(5, &[0, 0x80, 0x80, 1, 1, 0x80, 0x80, 2]));
    world.send(client, publish("c", Q0, 0, "x"));
    assert_eq!(world.lines(client), ["c 0 x"]);
}

#[test]
fn so_many_filters_and_no_more() {
    let names = vec!["a"; 65_537];
    let filters: Vec<_> = names.iter().map(|name| (*name, Q0)).collect();
    for (most, too_many, answer) in [
        (subscribe(1, &filters[..65_536]), subscribe(2, &filters), suback(1, &[0; 65_536])),
        (unsubscribe(1, &names[..65_536]), unsubscribe(2, &names), unsuback(1)),
    ] {
        let mut lone = Lone::connected(kept("a"));
        let commands = lone.send(most);
        assert_eq!(commands.len(), 65_536);
        lone.accept(&commands);
        assert_eq!(lone.said(), [answer]);
        lone.send(too_many);
        assert_eq!((lone.said(), lone.closed()), (vec![], Some(CloseReason::Misbehaved)));
    }
}

#[test]
fn answers_keep_the_order_of_their_questions() {
    let mut world = World::new();
    let client = world.join(kept("a"), false);
    world.syncs = false;
    for packet in [
        subscribe(1, &[("a", Q1)]),
        publish("a", Q1, 10, "x"),
        publish("b", Q1, 11, "y"),
        subscribe(2, &[("b", Q1), ("$queue/q", Q1)]),
        publish("b", Q0, 0, "z"),
        publish("c", Q1, 12, "z"),
        subscribe(3, &[("c", Q1)]),
    ] {
        world.say(client, packet);
    }
    world.rest();
    assert!(!world.read(client).iter().any(|it| matches!(it, Packet::SubAck(_))), "SUBACK before it is on disk");
    while world.durable < world.last() {
        let next = model::Lsn(world.durable.0 + 1);
        world.sync(next);
        world.rest();
    }
    let answers = world.read(client);
    let subacks: Vec<_> = answers.iter().filter(|it| matches!(it, Packet::SubAck(_))).collect();
    assert_eq!(subacks, [&suback(1, &[1]), &suback(2, &[1, 1]), &suback(3, &[1])]);
    let pubacks: Vec<_> = answers.iter().filter(|it| matches!(it, Packet::PubAck(_))).collect();
    assert_eq!(pubacks, [&puback(10), &puback(11), &puback(12)]);
}

#[test]
fn retained_messages_come_with_a_subscription_and_with_each_new_one() {
    let mut world = World::new();
    let publisher = world.join(clean("publisher"), false);
    for (topic, qos, payload) in [
        ("s/a", Q0, "zero"),
        ("s/b", Q1, "one"),
        ("s/c", Q2, "two"),
        ("s/a", Q0, "new"),
        ("s/d", Q1, "x"),
        ("$s/x", Q1, "hidden"),
    ] {
        world.send(publisher, retained(topic, qos, 3, payload));
        world.send(publisher, Packet::PubRel(crate::packets::id(3)));
    }
    world.send(publisher, retained("s/d", Q0, 0, ""));
    let client = world.join(clean("late"), false);
    for id in 1..=2 {
        world.send(client, subscribe(id, &[("s/+", Q1), ("+/x", Q1)]));
        let messages: Vec<_> = world.read(client).into_iter().filter_map(message).collect();
        assert_eq!(messages, ["s/a 0r new", "s/b 1r one", "s/c 1r two"], "SUBSCRIBE {id}");
    }
    world.send(publisher, retained("s/b", Q1, 4, "one"));
    let live: Vec<_> = world.read(client).into_iter().filter_map(message).collect();
    assert_eq!(live, ["s/b 1 one"], "RETAIN is for those who come late [MQTT-3.3.1-9]");
    world.crash();
    let client = world.join(clean("late"), false);
    world.send(client, subscribe(1, &[("s/+", Q2)]));
    let messages: Vec<_> = world.read(client).into_iter().filter_map(message).collect();
    assert_eq!(messages, ["s/a 0r new", "s/b 1r one", "s/c 2r two"], "after a restart");
}

#[test]
fn an_empty_payload_is_a_message() {
    let mut world = World::new();
    let client = subscriber(&mut world, &[("a", Q1)]);
    for qos in [Q0, Q1, Q2] {
        world.send(client, publish("a", qos, 2, ""));
    }
    world.send(client, retained("a", Q1, 3, ""));
    let messages: Vec<_> = world.read(client).into_iter().filter_map(message).collect();
    assert_eq!(messages, ["a 0 ", "a 1 ", "a 1 ", "a 1 "]);
}

#[test]
fn a_mebibyte_may_come_in_pieces() {
    let payload: Vec<u8> = (0..1 << 20).map(|n: u32| (n % 251) as u8).collect();
    let mut world = World::new();
    let client = subscriber(&mut world, &[("big", Q2)]);
    for (qos, piece) in [(Q0, 1 << 20), (Q1, 1_460), (Q2, 65_537)] {
        let bytes = bytes_of(&publish("big", qos, 2, &payload[..]), Version::V311);
        for piece in bytes.chunks(piece) {
            world.send_bytes(client, piece);
        }
        let read = world.read(client);
        let message = read.iter().find_map(|packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        });
        assert!(message.unwrap().payload == payload);
        assert_eq!(message.unwrap().qos, qos);
    }
}

#[test]
fn a_packet_over_the_limit_is_not_waited_for() {
    let mut world = World::with(|options| options.max_packet = 1_000);
    let client = world.join(clean("a"), false);
    let fits = publish("a", Q1, 1, vec![0; 1_000 - 3 - 5]);
    assert_eq!(bytes_of(&fits, Version::V311).len(), 1_000);
    world.send(client, fits);
    assert_eq!(world.read_one(client), puback(1));
    world.send_bytes(client, &bytes_of(&publish("a", Q1, 1, vec![0; 1_000 - 3 - 4]), Version::V311)[..5]);
    assert_eq!(world.peer(client).closed, Some(CloseReason::Misbehaved));
}
