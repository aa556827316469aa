//! CONNECT and CONNACK, and the two clocks of a connection.

use bytes::Bytes;
use model::{Alarm, CloseReason, Command, Delivery, Effect, Lifetime, Refusal, Reply, Resource, Time};
use mqtt::MqttOptions;
use mqtt::codec::{Connect, ConnectReturnCode, Packet, Text, Version};

use crate::lone::{Lone, SESSION, accepted, declared};
use crate::packets::{
    Q0, Q1, Q2, bytes_of, clean, connack, kept, puback, pubcomp, publish, pubrel, refusal, suback, subscribe,
};
use crate::world::World;

const SHORT_OF_MEMORY: Alarm = Alarm { short_of: Resource::Memory, culprit: None };

fn connect(connect: Connect) -> Packet {
    Packet::Connect(Box::new(connect))
}

#[test]
fn a_clean_session_is_there_when_the_old_one_is_gone() {
    let mut lone = Lone::new();
    let commands = lone.send(connect(clean("a")));
    let [claim @ Command::Claim(_), find @ Command::Declare(_)] = &commands[..] else { panic!("{commands:?}") };
    lone.apply(accepted(claim).unwrap());
    let commands = lone.apply(accepted(find).unwrap());
    let [delete @ Command::Delete { .. }] = &commands[..] else { panic!("{commands:?}") };
    assert!(lone.said().is_empty(), "the old session may come back");
    lone.apply(accepted(delete).unwrap());
    assert_eq!(lone.said(), [connack(false)]);
}

#[test]
fn a_clean_session_is_there_when_there_was_no_other() {
    let mut lone = Lone::new();
    let commands = lone.send(connect(clean("a")));
    let [claim, Command::Declare(find)] = &commands[..] else { panic!("{commands:?}") };
    lone.apply(accepted(claim).unwrap());
    assert!(lone.reply(find.token, Err(Refusal::NoSuchQueue("mqtt.session.a".into()))).is_empty());
    assert_eq!(lone.said(), [connack(false)]);
}

#[test]
fn a_kept_session_is_there_when_it_can_be_consumed() {
    let mut lone = Lone::new();
    let commands = lone.send(connect(kept("a")));
    let [claim, Command::Declare(declare), Command::Consume(consume)] = &commands[..] else { panic!("{commands:?}") };
    assert!(declare.settings.durable && declare.settings.lifetime == Lifetime::Permanent);
    lone.apply(accepted(claim).unwrap());
    lone.reply(declare.token, Ok(declared(&declare.name, true, &[])));
    assert!(lone.said().is_empty());
    let delivery = Delivery { queue: SESSION, seq: 4, attempt: 1 };
    lone.reply(consume.token, Ok(Reply::Consuming { queue: SESSION, decided: vec![(delivery, 5)] }));
    assert_eq!(lone.said(), [connack(true), pubrel(5)]);
    let settles = lone.send(pubcomp(5));
    assert!(matches!(settles[..], [Command::Settle(settle)] if (settle.first, settle.last) == (4, 4)), "{settles:?}");
}

#[test]
fn what_the_core_refuses_is_told_in_connack() {
    let refused = |connect_: Connect, at: usize| {
        let mut lone = Lone::new();
        let mut commands = lone.send(connect(connect_));
        for command in &commands[..at.min(commands.len())] {
            lone.apply(accepted(command).unwrap());
        }
        if at == commands.len() {
            let find = accepted(commands.last().unwrap());
            commands.extend(lone.apply(find.unwrap()));
        }
        let token = match &commands[at] {
            Command::Claim(claim) => claim.token,
            Command::Declare(declare) => declare.token,
            Command::Consume(consume) => consume.token,
            Command::Delete { token, .. } => *token,
            other => panic!("{other:?}"),
        };
        lone.reply(token, Err(Refusal::InUse("a".into())));
        assert_eq!(lone.said(), [refusal(ConnectReturnCode::ServerUnavailable)]);
        assert!(lone.closed().is_some());
    };
    (0..3).for_each(|at| refused(kept("a"), at));
    [0, 2].into_iter().for_each(|at| refused(clean("a"), at));
}

#[test]
fn ids_that_are_none_are_rejected() {
    for (connect_, ok) in [
        (kept(""), false),
        (clean(""), true),
        (Connect { version: Version::V31, ..clean("") }, false),
        (Connect { version: Version::V31, ..clean("1234567890123456789012345") }, true),
        (kept(&"i".repeat(1_011)), true),
        (kept(&"i".repeat(1_012)), false),
        (clean(&"i".repeat(65_535)), false),
    ] {
        let mut world = World::new();
        let client = world.connect(connect_);
        match ok {
            true => assert_eq!(world.read_one(client), connack(false)),
            false => {
                assert_eq!(world.read_one(client), refusal(ConnectReturnCode::IdentifierRejected));
                assert_eq!(world.peer(client).closed, Some(CloseReason::Misbehaved));
            }
        }
    }
}

#[test]
fn every_id_is_its_own_session() {
    let mut world = World::new();
    let ids = ["a", "A", "a b", "a.b", "a/b", "a\\", "a'", "\\x61", "ä", "日本", "a\n", "\u{1}", "#", "*", "\u{feff}a"];
    let clients: Vec<_> = ids.iter().map(|id| world.join(kept(id), false)).collect();
    for (client, id) in clients.iter().zip(ids) {
        world.send(*client, subscribe(1, &[("t", Q1)]));
        assert_eq!(world.read_one(*client), suback(1, &[1]), "{id:?}");
    }
    assert!(clients.iter().all(|client| world.is_open(*client)), "nobody took another one's id");
    clients.into_iter().for_each(|client| world.cut(client));
    for id in ids {
        world.join(kept(id), true);
    }
}

#[test]
fn clients_without_an_id_are_told_apart() {
    let mut world = World::new();
    let clients = [(); 3].map(|()| world.join(clean(""), false));
    assert!(clients.iter().all(|client| world.is_open(*client)));
}

#[test]
fn an_unknown_level_is_told_so() {
    let mut lone = Lone::new();
    let mut bytes = bytes_of(&connect(clean("a")), Version::V311);
    bytes[8] = 5;
    assert!(lone.bytes(&bytes).iter().all(|command| matches!(command, Command::Close)));
    assert_eq!(lone.said(), [refusal(ConnectReturnCode::UnacceptableProtocolVersion)]);
    assert_eq!(lone.closed(), Some(CloseReason::Misbehaved));
}

#[test]
fn nobody_says_anything_before_connect() {
    for packet in [Packet::PingReq, publish("a", Q0, 0, "x"), Packet::Disconnect] {
        let mut lone = Lone::new();
        lone.send(packet);
        assert_eq!((lone.said(), lone.closed()), (vec![], Some(CloseReason::Misbehaved)));
    }
}

#[test]
fn a_second_connect_ends_it() {
    let mut world = World::new();
    let client = world.join(clean("a"), false);
    world.send(client, connect(clean("a")));
    assert_eq!(world.peer(client).closed, Some(CloseReason::Misbehaved));
    assert_eq!(world.read(client), []);
}

#[test]
fn what_comes_behind_connect_is_read_after_connack() {
    let packets = [
        connect(clean("eager")),
        subscribe(1, &[("t", Q1)]),
        publish("t", Q1, 2, "x"),
        Packet::PingReq,
        publish("t", Q2, 3, vec![7; 100_000]),
        Packet::Disconnect,
        publish("t", Q1, 4, "after the end"),
    ];
    let bytes: Vec<u8> = packets.iter().flat_map(|packet| bytes_of(packet, Version::V311)).collect();
    let cuts = [bytes.len(), 5, 20, 30, 33, 40, 60, 5_000, bytes.len() - 10];
    for (cut, waits) in cuts.into_iter().flat_map(|cut| [(cut, false), (cut, true)]) {
        let mut world = World::new();
        let witness = world.join(clean("witness"), false);
        world.send(witness, subscribe(1, &[("t", Q0)]));
        world.read(witness);
        let client = world.open();
        let (first, second) = bytes.split_at(cut);
        // The broker may hear of CONNECT only when the rest was sent.
        let commands = world.peer(client).send_bytes(Time(1_000_000), first);
        world.give(commands);
        if waits {
            world.rest();
        }
        world.send_bytes(client, second);
        assert_eq!(world.read(client).first(), Some(&connack(false)), "cut at {cut}");
        assert_eq!(world.peer(client).closed, Some(CloseReason::Finished), "cut at {cut}");
        let payloads: Vec<_> = world.messages(witness).iter().map(|it| it.payload.len()).collect();
        assert_eq!(payloads, [1, 100_000], "cut at {cut}");
    }
}

#[test]
fn a_window_that_makes_no_sense_is_put_right() {
    for (asked, got) in [(0, 1), (1, 1), (5, 5), (1_000_000, 16_383)] {
        let options = MqttOptions { window: asked, ..MqttOptions::new(model::Encodings::default()) };
        let mut lone = Lone::with(options);
        let commands = lone.send(connect(kept("a")));
        let Command::Consume(consume) = &commands[2] else { panic!("{commands:?}") };
        assert_eq!((consume.credit.messages, consume.exclusive), (got, true));
    }
}

#[test]
fn early_packets_are_bounded() {
    let mut lone = Lone::new();
    lone.send(connect(clean("a")));
    let piece = bytes_of(&publish("a", Q0, 0, vec![0; 1 << 20]), Version::V311);
    let sent = (1..).find(|_| {
        lone.bytes(&piece);
        lone.closed().is_some()
    });
    assert_eq!((sent, lone.closed()), (Some(4), Some(CloseReason::Misbehaved)));
}

#[test]
fn an_endless_connect_is_not_collected() {
    let mut lone = Lone::new();
    // A remaining length of 1 MiB.
    lone.bytes(&[0x10, 0x80, 0x80, 0x40]);
    assert_eq!(lone.closed(), Some(CloseReason::Misbehaved));
    let long = |length: usize| Text::new(Bytes::from(vec![b'x'; length])).unwrap();
    let longest = Connect {
        user_name: Some(long(65_535)),
        password: Some(Bytes::from(vec![0; 65_535])),
        will: crate::packets::will(&"w".repeat(65_535), &"p".repeat(65_535), Q1, false),
        ..clean("a")
    };
    Lone::connected(longest);
}

#[test]
fn a_silent_socket_is_closed_after_the_login_timeout() {
    let mut world = World::with(|options| options.login_timeout = 700);
    let (silent, halfway) = (world.open(), world.open());
    world.send_bytes(halfway, &[0x10]);
    world.advance(699);
    assert!(world.is_open(silent) && world.is_open(halfway));
    world.advance(1);
    assert!(!world.is_open(silent) && !world.is_open(halfway));
    assert_eq!(world.read(silent), []);
}

#[test]
fn a_core_that_does_not_answer_in_time_is_unavailable() {
    let mut lone = Lone::with(MqttOptions { login_timeout: 700, ..MqttOptions::new(model::Encodings::default()) });
    lone.send(connect(kept("a")));
    assert_eq!(lone.peer.poll_timeout(), Some(Time(1_000_700)));
    lone.advance_to(Time(1_000_700));
    assert_eq!(lone.said(), [refusal(ConnectReturnCode::ServerUnavailable)]);
}

#[test]
fn silence_of_one_and_a_half_keep_alives_ends_it() {
    for version in [Version::V31, Version::V311] {
        let mut world = World::new();
        let client = world.join(Connect { version, keep_alive: 10, ..clean("a") }, false);
        let heard = world.now;
        assert_eq!(world.peer(client).poll_timeout(), Some(heard.plus(15_000)));
        world.advance(14_999);
        world.send(client, Packet::PingReq);
        assert_eq!(world.read_one(client), Packet::PingResp);
        world.advance(14_999);
        assert!(world.is_open(client));
        world.advance(1);
        assert_eq!(world.peer(client).closed, Some(CloseReason::Misbehaved));
        assert!(world.peer(client).misbehaviour.as_ref().unwrap().contains("keep-alive"));
    }
}

#[test]
fn only_what_the_client_sends_keeps_it_alive() {
    let mut world = World::new();
    let client = world.join(Connect { keep_alive: 10, ..clean("a") }, false);
    let other = world.join(Connect { keep_alive: 0, ..clean("b") }, false);
    world.send(client, subscribe(1, &[("t", Q0)]));
    world.advance(10_000);
    world.send(other, publish("t", Q0, 0, "x"));
    assert_eq!(world.read(client).len(), 2, "SUBACK and the message");
    // The first byte of a packet counts as a sign of life.
    world.send_bytes(client, &[0xC0]);
    world.advance(14_999);
    assert!(world.is_open(client));
    world.send(other, publish("t", Q0, 0, "x"));
    world.advance(1);
    assert!(!world.is_open(client), "its own messages kept it alive");
    world.advance(1 << 40);
    assert!(world.is_open(other), "without keep-alive it is patient");
}

#[test]
fn pings_and_acknowledgements_need_no_session() {
    let mut lone = Lone::connected(clean("a"));
    assert!(lone.send(Packet::PingReq).is_empty());
    assert!(lone.send(puback(77)).is_empty());
    assert!(lone.apply(Effect::Throttle { reason: Some(SHORT_OF_MEMORY) }).is_empty());
    assert_eq!(lone.said(), [Packet::PingResp]);
    assert!(lone.close(CloseReason::Disconnected).is_empty());
}
