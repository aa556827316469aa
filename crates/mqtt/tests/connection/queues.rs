//! `$queue/NAME`.

use std::sync::Arc;

use model::{
    Address, CloseReason, Command, ConsumerIndex, Deliver, Effect, Message, Namespace, Outcome, Refusal, Settlement,
};
use mqtt::codec::{Connect, Packet, Publish};

use crate::lone::{Lone, accepted, deliver, message, queue};
use crate::packets::{Q0, Q1, Q2, clean, kept, puback, publish, pubrec, suback, subscribe, unsuback, unsubscribe};
use crate::world::{Client, World};

const ORDERS: &str = "$queue/orders";

fn consumer(world: &mut World, connect: Connect) -> Client {
    let client = world.join(connect, false);
    world.send(client, subscribe(1, &[(ORDERS, Q1)]));
    assert_eq!(world.read_one(client), suback(1, &[1]));
    client
}

fn ids(messages: &[Publish]) -> Vec<u16> {
    messages.iter().map(|message| message.id.unwrap().get()).collect()
}

/// What it has read, without all that is no message.
fn messages(world: &mut World, client: Client) -> Vec<Publish> {
    let message = |packet| if let Packet::Publish(publish) = packet { Some(publish) } else { None };
    world.read(client).into_iter().filter_map(message).collect()
}

fn payloads(messages: &[Publish]) -> Vec<&[u8]> {
    messages.iter().map(|message| &message.payload[..]).collect()
}

#[test]
fn a_queue_keeps_what_is_published_to_it() {
    let mut world = World::new();
    let producer = world.join(clean("producer"), false);
    for (qos, payload, answer) in [(Q0, "0", None), (Q1, "1", Some(puback(3))), (Q2, "2", Some(pubrec(3)))] {
        world.send(producer, publish(ORDERS, qos, 3, payload));
        assert_eq!(world.read(producer).pop(), answer);
    }
    assert_eq!(world.tally("orders"), (3, 0));
    for round in ["", "d"] {
        let client = world.join(clean("a"), false);
        world.send(client, subscribe(1, &[(ORDERS, Q1)]));
        assert_eq!(world.tally("orders"), (0, 3));
        let messages = messages(&mut world, client);
        let lines: Vec<_> = messages.iter().map(crate::world::line).collect();
        assert_eq!(lines, ["0", "1", "2"].map(|payload| format!("$queue/orders 1{round} {payload}")));
        if round == "d" {
            ids(&messages).into_iter().for_each(|id| world.send(client, puback(id)));
        }
        world.cut(client);
    }
    assert_eq!(world.tally("orders"), (0, 0));
}

#[test]
fn consumers_share_and_nobody_is_told_twice() {
    let mut world = World::new();
    let (a, b) = (consumer(&mut world, clean("a")), consumer(&mut world, kept("b")));
    let producer = world.join(clean("producer"), false);
    for n in 0..10 {
        world.send(producer, publish(ORDERS, Q1, 3, vec![n]));
    }
    let (one, two) = (world.messages(a), world.messages(b));
    assert_eq!((one.len(), two.len()), (5, 5));
    let mut all = [payloads(&one), payloads(&two)].concat();
    all.sort_unstable();
    assert_eq!(all.concat(), (0..10).collect::<Vec<u8>>());
    // The one that stays gets what the other one had.
    world.send(a, puback(ids(&one)[0]));
    world.cut(a);
    assert_eq!(payloads(&world.messages(b)), payloads(&one[1..]));
}

#[test]
fn the_highest_qos_is_1_and_the_lowest_takes_for_good() {
    let mut world = World::new();
    let client = world.join(clean("a"), false);
    world.send(client, subscribe(1, &[(ORDERS, Q2), ("$queue/quick", Q0)]));
    assert_eq!(world.read_one(client), suback(1, &[1, 0]));
    world.send(client, publish(ORDERS, Q2, 3, "x"));
    world.send(client, publish("$queue/quick", Q1, 4, "y"));
    let qos: Vec<_> = messages(&mut world, client).iter().map(|it| it.qos).collect();
    assert_eq!(qos, [Q1, Q0]);
    assert_eq!((world.tally("orders"), world.tally("quick")), ((0, 1), (0, 0)));
}

#[test]
fn unsubscribe_leaves_the_rest_to_others() {
    for connect in [clean("a"), kept("a")] {
        let mut world = World::new();
        let client = consumer(&mut world, connect);
        world.send(client, publish(ORDERS, Q1, 3, "mine"));
        world.read(client);
        world.send(client, unsubscribe(2, &[ORDERS, "$queue/never"]));
        assert_eq!(world.read_one(client), unsuback(2));
        world.send(client, publish(ORDERS, Q1, 3, "others'"));
        assert_eq!(world.read_one(client), puback(3));
        assert_eq!(world.tally("orders"), (1, 1), "what it has it keeps");
        world.cut(client);
        assert_eq!(world.tally("orders"), (2, 0));
    }
}

#[test]
fn a_kept_session_remembers_its_queues() {
    let mut world = World::new();
    let client = world.join(kept("a"), false);
    let odd = ["$queue/b", "$queue/a\nb", "$queue/0 x", "$queue/ä", "$queue/a.b*"];
    let filters: Vec<_> = odd.iter().enumerate().map(|(n, name)| (*name, if n == 0 { Q0 } else { Q1 })).collect();
    world.send(client, subscribe(1, &filters));
    world.send(client, subscribe(2, &[("$queue/gone", Q1), ("$queue/b", Q1), ("$queue/0 x", Q0)]));
    world.send(client, unsubscribe(3, &["$queue/gone"]));
    world.cut(client);
    for restart in [false, true] {
        if restart {
            world.crash();
        }
        let client = world.join(kept("a"), true);
        let producer = world.join(clean("producer"), false);
        for topic in odd.iter().chain(&["$queue/gone"]) {
            world.send(producer, publish(topic, Q1, 3, "x"));
        }
        let messages = world.messages(client);
        let mut got: Vec<_> = messages.iter().map(|it| (it.topic.as_str(), it.qos)).collect();
        got.sort_unstable();
        let mut expected: Vec<_> =
            odd.iter().map(|name| (*name, if *name == "$queue/0 x" { Q0 } else { Q1 })).collect();
        expected.sort_unstable();
        assert_eq!(got, expected);
        messages.iter().filter_map(|it| it.id).for_each(|id| world.say(client, Packet::PubAck(id)));
        world.rest();
        world.cut(client);
    }
    let client = world.join(kept("a"), true);
    world.send(client, unsubscribe(4, &odd));
    assert_eq!(world.read_one(client), unsuback(4));
    assert_eq!(world.info("mqtt.session.a").unwrap().settings.extras, [], "nothing is left of them");
    world.crash();
    let client = world.join(kept("a"), true);
    assert_eq!(world.read(client), []);
}

#[test]
fn suback_waits_until_the_session_remembers() {
    let mut world = World::new();
    let client = world.join(kept("a"), false);
    world.syncs = false;
    world.send(client, subscribe(1, &[(ORDERS, Q1)]));
    while world.read(client).is_empty() {
        assert!(world.durable < world.last(), "SUBACK never comes");
        let next = model::Lsn(world.durable.0 + 1);
        world.sync(next);
        world.rest();
    }
    world.crash();
    world.syncs = true;
    let client = world.join(kept("a"), true);
    world.send(client, publish(ORDERS, Q1, 3, "x"));
    assert_eq!(world.read(client).len(), 2, "PUBACK and the message");
}

#[test]
fn a_deleted_queue_ends_its_subscription() {
    let mut world = World::new();
    let client = consumer(&mut world, kept("a"));
    world.send(client, publish(ORDERS, Q1, 3, "x"));
    let message = messages(&mut world, client).remove(0);
    world.delete("orders");
    assert!(world.is_open(client));
    world.send(client, Packet::PubAck(message.id.unwrap()));
    world.send(client, publish(ORDERS, Q1, 3, "y"));
    assert_eq!(world.read_one(client), puback(3));
    // Asked for again, it is there again.
    world.send(client, subscribe(2, &[(ORDERS, Q1)]));
    assert_eq!(world.read(client).len(), 2);
    world.delete("orders");
    world.send(client, unsubscribe(3, &[ORDERS]));
    world.send(client, publish(ORDERS, Q1, 3, "z"));
    world.cut(client);
    let client = world.join(kept("a"), true);
    assert_eq!(world.read(client), [], "it is not taken up again");
}

#[test]
fn the_same_filter_twice_is_one_subscription() {
    let mut world = World::new();
    let client = world.join(clean("a"), false);
    world.send(client, subscribe(1, &[(ORDERS, Q1), (ORDERS, Q0), (ORDERS, Q1), (ORDERS, Q1)]));
    assert_eq!(world.read_one(client), suback(1, &[1, 0, 1, 1]));
    world.say(client, subscribe(2, &[(ORDERS, Q0)]));
    world.say(client, unsubscribe(3, &[ORDERS]));
    world.say(client, subscribe(4, &[(ORDERS, Q1)]));
    world.rest();
    let read = world.read(client);
    assert!([suback(2, &[0]), unsuback(3), suback(4, &[1])].iter().all(|it| read.contains(it)), "{read:?}");
    for n in 0..4 {
        world.send(client, publish(ORDERS, Q1, 3, vec![n]));
        assert_eq!(world.read(client).len(), 2, "PUBACK and one message");
    }
    assert_eq!(world.info("orders").unwrap().counts.consumers, 1);
}

#[test]
fn another_protocols_rules_do_not_matter() {
    let mut world = World::new();
    let client = world.join(clean("a"), false);
    world.send(client, subscribe(1, &[("orders", Q1), ("#", Q1), ("+/orders", Q1)]));
    world.read(client);
    world.send(client, publish(ORDERS, Q0, 0, "to the queue"));
    world.send(client, publish("$queue/", Q0, 0, "to a topic, hidden from #"));
    assert_eq!(world.read(client), []);
    world.send(client, subscribe(2, &[("$queue/", Q0), ("$queue", Q0)]));
    assert_eq!(world.read_one(client), suback(2, &[0, 0]));
    world.send(client, publish("$queue/", Q0, 0, "x"));
    world.send(client, publish("$queue", Q0, 0, "y"));
    assert_eq!(world.lines(client), ["$queue/ 0 x", "$queue 0 y"]);
}

fn from_queue(consumer: u32, seq: u64, settled: bool) -> Deliver {
    let address = Address::queue(Namespace(0), "anything".into());
    let message = Arc::new(Message { address, ..message("", 1, "x") });
    let it = deliver(seq, self::message("", 0, ""), 1);
    let delivery = model::Delivery { queue: queue(consumer), seq, attempt: 1 };
    Deliver { consumer: ConsumerIndex(consumer), delivery, message, settled, tags: Default::default(), ..it }
}

#[test]
fn what_is_on_its_way_keeps_its_topic() {
    let mut lone = Lone::connected(clean("a"));
    let commands = lone.send(subscribe(1, &[("$queue/a", Q1), ("$queue/b", Q0)]));
    lone.accept(&commands);
    lone.said();
    let cancel = lone.send(unsubscribe(2, &["$queue/a", "$queue/b"]));
    assert_eq!(lone.said(), [unsuback(2)]);
    let consume = lone.send(subscribe(3, &[("$queue/c", Q1)]));
    let [_, Command::Consume(made)] = &consume[..] else { panic!("{consume:?}") };
    assert_eq!(made.consumer, ConsumerIndex(3), "the index is not free yet");
    lone.apply(Effect::Deliver(from_queue(1, 1, false)));
    lone.apply(Effect::Deliver(from_queue(2, 1, true)));
    let said: Vec<_> = lone.said().iter().map(|packet| format!("{packet:?}")).collect();
    assert!(said[0].contains("$queue/a") && said[1].contains("$queue/b"), "{said:?}");
    lone.accept(&cancel);
    lone.accept(&consume);
    lone.said();
    let consume = lone.send(subscribe(4, &[("$queue/d", Q1)]));
    assert!(matches!(&consume[..], [_, Command::Consume(made)] if made.consumer == ConsumerIndex(1)));
    // Against all rules: it goes back to where it came from.
    let commands = lone.apply(Effect::Deliver(from_queue(2, 7, false)));
    assert!(matches!(commands[..], [Command::Settle(settle)] if settle.outcome == Outcome::Released), "{commands:?}");
    assert_eq!(lone.said(), []);
}

#[test]
fn a_refused_consumer_is_not_remembered() {
    let mut lone = Lone::connected(kept("a"));
    let commands = lone.send(subscribe(1, &[(ORDERS, Q1)]));
    let [_, Command::Consume(consume)] = &commands[..] else { panic!("{commands:?}") };
    let commands = lone.reply(consume.token, Err(Refusal::InUse("orders".into())));
    let [Command::Alter { alteration, .. }] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!(alteration.extras, [("mqtt.queue.orders".into(), String::new())]);
    assert_eq!(lone.said(), [suback(1, &[0x80])]);
    // Said twice, it is refused for good too.
    let commands = lone.send(subscribe(2, &[(ORDERS, Q1), (ORDERS, Q1)]));
    for command in &commands {
        let effect = match command {
            Command::Consume(it) => Effect::Reply { token: it.token, reply: Err(Refusal::InUse("orders".into())) },
            other => accepted(other).unwrap_or(Effect::Throttle { reason: None }),
        };
        lone.apply(effect);
    }
    assert_eq!(lone.said(), [suback(2, &[1, 0x80])], "the second stands for both");
    // The place is free.
    let commands = lone.send(subscribe(2, &[(ORDERS, Q0)]));
    let [_, Command::Consume(consume)] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!(consume.consumer, ConsumerIndex(1));
    assert!(matches!(consume.mode, model::Mode::Leasing { settlement: Settlement::Presettled, .. }));
}

#[test]
fn a_thousand_subscriptions_have_packet_ids_for_all_their_windows() {
    let mut lone = Lone::connected(clean("a"));
    let names: Vec<String> = (0..1_001).map(|n| format!("$queue/{n}")).collect();
    let filters: Vec<_> = names.iter().map(|name| (name.as_str(), Q1)).collect();
    let commands = lone.send(subscribe(1, &filters));
    let window = |command: &Command| match command {
        Command::Consume(consume) => Some(consume.credit.messages),
        _ => None,
    };
    let windows: Vec<u32> = commands.iter().filter_map(window).collect();
    assert_eq!((windows.len(), windows[0], windows[999]), (1_000, 1_000, 16));
    assert!(windows.iter().sum::<u32>() <= 32_767);
    lone.accept(&commands);
    assert_eq!(lone.said(), [suback(1, &[&[1; 1_000][..], &[0x80]].concat())]);
    let commands = lone.send(subscribe(2, &[("$queue/one more", Q0)]));
    assert!(commands.is_empty());
}

#[test]
fn packet_ids_never_run_out() {
    let mut lone = Lone::connected(clean("a"));
    let (mut sent, mut granted) = (0, 0);
    for n in 0..1_100_u32 {
        let name = format!("$queue/{n}");
        let commands = lone.send(subscribe(1, &[(&name, Q1)]));
        let Some(Command::Consume(consume)) = commands.get(1) else {
            assert_eq!(lone.said(), [suback(1, &[0x80])]);
            continue;
        };
        granted += 1;
        let (index, window) = (consume.consumer.0, consume.credit.messages);
        assert!(window > 0, "it would never get anything");
        lone.accept(&commands);
        // As many as it may be given, and none is acknowledged.
        for _ in 0..window {
            lone.apply(Effect::Deliver(from_queue(index, sent, false)));
            sent += 1;
        }
        if n % 3 == 0 {
            let commands = lone.send(unsubscribe(2, &[&name]));
            commands.iter().filter_map(accepted).for_each(|effect| drop(lone.apply(effect)));
        }
        let said = lone.said();
        assert_eq!(said.iter().filter(|packet| matches!(packet, Packet::Publish(_))).count(), window as usize);
    }
    assert!(granted > 100, "{granted}");
    assert!((15_000..=32_767).contains(&sent), "{sent}");
    assert_eq!(lone.closed(), None::<CloseReason>);
}
