//! QoS 0, 1 and 2, packet by packet, with hand-made effects: every step repeated, lost, or out of turn.

use std::sync::Arc;

use model::{
    CloseReason, Command, Delivery, Effect, Exchange, Message, MessageNumber, Outcome, Publish, Refusal, Reply, Settle,
    Tally, Token,
};
use mqtt::codec::Packet;

use crate::lone::{Lone, SESSION, accepted, deliver, message};
use crate::packets::{
    Q0, Q1, Q2, again, clean, kept, puback, pubcomp, publish, pubrec, pubrel, retained, suback, subscribe,
};

fn only_publish(commands: &[Command]) -> &Publish {
    let [Command::Publish(publish)] = commands else { panic!("{commands:?}") };
    publish
}

fn confirm(token: Token) -> Effect {
    Effect::Confirm { token, message: MessageNumber(1), routed: true }
}

fn settles(commands: &[Command]) -> Vec<(u64, u64, Outcome)> {
    let settle = |command: &Command| match command {
        Command::Settle(Settle { queue, first, last, outcome, .. }) => {
            assert_eq!(*queue, SESSION);
            (*first, *last, *outcome)
        }
        other => panic!("{other:?}"),
    };
    commands.iter().map(settle).collect()
}

const UNDELIVERABLE: Tally = Tally { lossy: 0, lost: 0, undeliverable: 1 };

fn told(command: Option<Command>) -> Tally {
    let Some(Command::Tally(tally)) = command else { panic!("{command:?}") };
    tally
}

fn ids(packets: &[Packet]) -> Vec<u16> {
    let id = |packet: &Packet| match packet {
        Packet::Publish(publish) => publish.id.unwrap().get(),
        other => panic!("{other:?}"),
    };
    packets.iter().map(id).collect()
}

/// One with a session queue that takes everything.
fn subscriber() -> Lone {
    let mut lone = Lone::connected(kept("a"));
    let commands = lone.send(subscribe(1, &[("#", Q2)]));
    lone.accept(&commands);
    assert_eq!(lone.said(), [suback(1, &[2])]);
    lone
}

#[test]
fn qos_0_needs_no_answer() {
    let mut lone = Lone::connected(clean("a"));
    let commands = lone.send(publish("a/b", Q0, 0, "x"));
    let published = only_publish(&commands);
    assert!(published.token.is_none() && published.hold.is_none());
    let Message { address, header, body, .. } = &*published.message;
    assert_eq!((&address.exchange, address.key.as_bytes()), (&Exchange::Topic, &b"a.b"[..]));
    assert!(!header.durable && !header.retain);
    assert_eq!(body.joined(), "x");
    assert_eq!(lone.said(), []);
}

#[test]
fn puback_comes_when_the_message_is_confirmed() {
    let mut lone = Lone::connected(clean("a"));
    let first = only_publish(&lone.send(publish("a", Q1, 9, "x"))).token.unwrap();
    let second = only_publish(&lone.send(again("a", Q1, 9, "x"))).token.unwrap();
    assert_eq!(lone.said(), []);
    lone.apply(confirm(first));
    assert_eq!(lone.said(), [puback(9)]);
    lone.apply(confirm(second));
    assert_eq!(lone.said(), [puback(9)], "each PUBLISH of QoS 1 has its own");
}

#[test]
fn a_refused_publish_closes_without_an_answer() {
    for qos in [Q1, Q2] {
        for connect in [clean("a"), kept("a")] {
            let mut lone = Lone::connected(connect);
            let token = only_publish(&lone.send(publish("$queue/full", qos, 9, "x"))).token.unwrap();
            lone.reply(token, Err(Refusal::Full("full".into())));
            assert_eq!(lone.said(), []);
            assert_eq!(lone.closed(), Some(CloseReason::Finished));
        }
    }
}

#[test]
fn a_kept_session_holds_a_qos_2_id_until_pubrel() {
    let mut lone = Lone::connected(kept("a"));
    for packet in [publish("a", Q2, 9, "x"), again("a", Q2, 9, "x")] {
        let commands = lone.send(packet);
        let published = only_publish(&commands);
        assert_eq!(published.hold.map(|hold| (hold.queue, hold.number)), Some((SESSION, 9)));
        lone.apply(confirm(published.token.unwrap()));
        assert_eq!(lone.said(), [pubrec(9)]);
    }
    for _ in 0..2 {
        let commands = lone.send(pubrel(9));
        let [unhold @ Command::Unhold { hold, .. }] = &commands[..] else { panic!("{commands:?}") };
        assert_eq!((hold.queue, hold.number), (SESSION, 9));
        assert_eq!(lone.said(), [], "PUBCOMP before the hold is gone");
        lone.apply(accepted(unhold).unwrap());
        assert_eq!(lone.said(), [pubcomp(9)]);
    }
}

#[test]
fn a_clean_session_takes_a_qos_2_message_once() {
    let mut lone = Lone::connected(clean("a"));
    let commands = lone.send(publish("a", Q2, 9, "x"));
    let published = only_publish(&commands);
    assert!(published.hold.is_none());
    assert_eq!(lone.send(again("a", Q2, 9, "x")).len(), 0);
    assert_eq!(lone.said(), [], "PUBREC before the first one is confirmed");
    lone.apply(confirm(published.token.unwrap()));
    assert_eq!(lone.said(), [pubrec(9)]);
    assert_eq!(lone.send(again("a", Q2, 9, "x")).len(), 0);
    assert_eq!(lone.said(), [pubrec(9)]);
    lone.send(pubrel(9));
    lone.send(pubrel(9));
    lone.send(pubrel(10));
    assert_eq!(lone.said(), [pubcomp(9), pubcomp(9), pubcomp(10)]);
    assert!(only_publish(&lone.send(publish("a", Q2, 9, "y"))).token.is_some(), "the id is free again");
}

#[test]
fn acknowledgements_of_one_read_become_ranges() {
    let mut lone = subscriber();
    (1..=8).for_each(|seq| drop(lone.apply(Effect::Deliver(deliver(seq, message("k", 1, "x"), 1)))));
    let sent = ids(&lone.said());
    let mut bytes = Vec::new();
    for at in [0, 1, 2, 4, 5, 3] {
        bytes.extend(crate::packets::bytes_of(&puback(sent[at]), lone.peer.version));
    }
    let accepted = Outcome::Accepted;
    assert_eq!(settles(&lone.bytes(&bytes)), [(1, 3, accepted), (5, 6, accepted), (4, 4, accepted)]);
    assert_eq!(settles(&lone.send(puback(sent[0]))), [], "said again");
    assert_eq!(settles(&lone.send(puback(60_000))), [], "an id that nobody knows");
    assert_eq!(settles(&lone.send(puback(sent[7]))), [(8, 8, accepted)]);
    // With DISCONNECT right behind it.
    bytes = crate::packets::bytes_of(&puback(sent[6]), lone.peer.version).to_vec();
    bytes.extend([0xE0, 0]);
    let commands = lone.bytes(&bytes);
    assert!(matches!(commands[..], [Command::Settle(settle), Command::Close] if settle.first == 7), "{commands:?}");
}

#[test]
fn what_was_acknowledged_first_is_settled_first() {
    let mut lone = subscriber();
    lone.apply(Effect::Deliver(deliver(1, message("k", 1, "x"), 1)));
    let id = ids(&lone.said())[0];
    let mut bytes = crate::packets::bytes_of(&puback(id), lone.peer.version);
    bytes.extend_from_slice(&crate::packets::bytes_of(&publish("a", Q1, 3, "x"), lone.peer.version));
    let commands = lone.bytes(&bytes);
    assert!(matches!(commands[..], [Command::Settle(_), Command::Publish(_)]), "{commands:?}");
}

#[test]
fn qos_2_to_a_client_takes_four_packets() {
    let mut lone = subscriber();
    lone.apply(Effect::Deliver(deliver(5, message("a.b", 2, "x"), 2)));
    let said = lone.said();
    let id = ids(&said)[0];
    assert_eq!(said, [publish("a/b", Q2, id, "x")]);
    assert!(lone.send(puback(id)).is_empty(), "PUBACK is for QoS 1");
    assert!(lone.send(pubcomp(id)).is_empty(), "PUBCOMP without PUBREC");
    let commands = lone.send(pubrec(id));
    let [Command::Decide { token, delivery, mark }] = commands[..] else { panic!("{commands:?}") };
    assert_eq!((delivery, mark), (Delivery { queue: SESSION, seq: 5, attempt: 1 }, id.into()));
    assert!(lone.send(pubrec(id)).is_empty());
    assert!(lone.send(pubcomp(id)).is_empty(), "PUBCOMP before PUBREL");
    assert_eq!(lone.said(), [], "PUBREL before it is recorded");
    lone.reply(token, Ok(Reply::Done));
    assert_eq!(lone.said(), [pubrel(id)]);
    assert!(lone.send(pubrec(id)).is_empty());
    assert_eq!(lone.said(), [pubrel(id)], "PUBREC again, PUBREL again");
    assert_eq!(settles(&lone.send(pubcomp(id))), [(5, 5, Outcome::Accepted)]);
    assert!(lone.send(pubcomp(id)).is_empty());
    assert!(lone.send(pubrec(id)).is_empty());
    assert_eq!(lone.said(), [pubrel(id)], "of a delivery that nobody knows any more");
}

#[test]
fn a_delivery_that_is_gone_is_released_too() {
    let mut lone = subscriber();
    lone.apply(Effect::Deliver(deliver(5, message("a", 2, "x"), 2)));
    let id = ids(&lone.said())[0];
    let commands = lone.send(pubrec(id));
    let [Command::Decide { token, .. }] = commands[..] else { panic!("{commands:?}") };
    lone.reply(token, Err(Refusal::NotLeased));
    assert_eq!(lone.said(), [pubrel(id)], "or the client keeps the id for ever");
    assert_eq!(settles(&lone.send(pubcomp(id))).len(), 1);
}

#[test]
fn pubrec_for_qos_1_ends_nothing() {
    let mut lone = subscriber();
    lone.apply(Effect::Deliver(deliver(5, message("a", 1, "x"), 2)));
    let id = ids(&lone.said())[0];
    assert!(lone.send(pubrec(id)).is_empty());
    assert!(lone.send(pubcomp(id)).is_empty());
    assert_eq!(settles(&lone.send(puback(id))), [(5, 5, Outcome::Accepted)]);
}

#[test]
fn the_qos_is_the_least_of_publisher_and_subscription() {
    let mut lone = subscriber();
    for (published, subscribed, qos) in
        [(0, 2, 0), (1, 2, 1), (2, 2, 2), (0, 1, 0), (1, 1, 1), (2, 1, 1), (1, 0, 0), (2, 0, 0)]
    {
        let seq = u64::from(published * 3 + subscribed) + 1;
        lone.apply(Effect::Deliver(deliver(seq, message("a", published, "x"), subscribed)));
        let Packet::Publish(sent) = lone.said().remove(0) else { panic!("no PUBLISH") };
        assert_eq!(sent.qos as u8, qos, "published with {published}, subscribed with {subscribed}");
    }
}

#[test]
fn overlapping_subscriptions_give_the_highest_qos() {
    let mut lone = subscriber();
    let mut overlapping = deliver(1, message("a", 2, "x"), 1);
    overlapping.tags = [0, 2, 1].map(model::Tag).into_iter().collect();
    lone.apply(Effect::Deliver(overlapping));
    assert!(matches!(&lone.said()[..], [Packet::Publish(sent)] if sent.qos == Q2));
}

#[test]
fn dup_and_retain_say_what_the_core_knows() {
    let mut lone = subscriber();
    for (seq, qos, redelivered, retained, dup) in
        [(1, 0, true, false, false), (2, 1, true, false, true), (3, 2, true, true, true), (4, 1, false, true, false)]
    {
        let it = deliver(seq, message("a", qos, "x"), 2);
        lone.apply(Effect::Deliver(model::Deliver { redelivered, retained, ..it }));
        let Packet::Publish(sent) = lone.said().remove(0) else { panic!("no PUBLISH") };
        assert_eq!((sent.dup, sent.retain), (dup, retained));
    }
}

#[test]
fn a_connection_that_resumes_uses_the_same_ids() {
    let run = |seqs: &[u64]| {
        let mut lone = subscriber();
        seqs.iter().for_each(|seq| drop(lone.apply(Effect::Deliver(deliver(*seq, message("a", 1, "x"), 1)))));
        ids(&lone.said())
    };
    let all = run(&[3, 4, 5, 32_769, 32_770, 65_535, 65_536, 1 << 40]);
    assert!(run(&[5, 32_770, 65_536, 1 << 40]).iter().all(|id| all.contains(id)));
    assert_eq!(run(&[4])[0], all[1]);
}

#[test]
fn what_mqtt_cannot_say_is_dropped_and_costs_nothing() {
    let mut lone = subscriber();
    let long = "x".repeat(65_536);
    for (seq, key) in [(1, "a.*"), (2, "a.#"), (3, ""), (4, "a\0"), (5, &*long), (6, "$queue.orders")] {
        let mut commands = lone.apply(Effect::Deliver(deliver(seq, message(key, 1, "x"), 1)));
        assert_eq!(told(commands.pop()), UNDELIVERABLE);
        assert_eq!(settles(&commands), [(seq, seq, Outcome::Accepted)], "{key:.10?}");
        let mut commands = lone.apply(Effect::Deliver(deliver(9, message(key, 0, "x"), 1)));
        assert_eq!((told(commands.pop()), commands.len()), (UNDELIVERABLE, 0));
    }
    assert_eq!(lone.said(), []);
    lone.apply(Effect::Deliver(deliver(7, message("fine", 1, "x"), 1)));
    assert_eq!(lone.said().len(), 1);
}

#[test]
fn unsayable_messages_give_their_credit_back() {
    let mut lone = subscriber();
    let unsayable = Arc::new(message("a.*", 0, vec![0; 1000]));
    let (mut back, mut undeliverable) = (0, 0);
    for seq in 0..10_000 {
        let it = deliver(seq, message("", 0, ""), 1);
        // The watch sees to it that the connection takes no more than it has.
        for command in lone.apply(Effect::Deliver(model::Deliver { message: unsayable.clone(), ..it })) {
            match command {
                Command::Credit { add, .. } => back += add.messages,
                other => undeliverable += told(Some(other)).undeliverable,
            }
        }
    }
    assert!(back > 9_500, "{back}");
    assert_eq!(undeliverable, 10_000);
}

#[test]
fn system_topics_and_sessions_are_not_for_clients_to_fill() {
    let mut lone = Lone::connected(kept("a"));
    for topic in ["$SYS/broker/uptime", "$queue/mqtt.session.b"] {
        let commands = lone.send(retained(topic, Q2, 9, "lies"));
        let published = only_publish(&commands);
        assert_eq!(published.message.address.exchange, Exchange::Direct, "where nobody listens to {topic}");
        assert!(!published.message.header.retain);
        lone.apply(confirm(published.token.unwrap()));
        assert_eq!(lone.said(), [pubrec(9)], "but it is acknowledged");
    }
    let commands = lone.send(retained("$other/x", Q0, 0, "x"));
    assert_eq!(only_publish(&commands).message.address.exchange, Exchange::Topic);
    let commands = lone.send(retained("$queue/orders", Q0, 0, "x"));
    let Message { address, header, .. } = &*only_publish(&commands).message;
    assert_eq!((&address.exchange, address.key.as_bytes()), (&Exchange::Default, &b"orders"[..]));
    assert!(!header.retain, "a queue has no last message");
}

#[test]
fn an_endless_pubrec_without_pubcomp_stops_the_flow() {
    let mut lone = Lone::connected_with(
        kept("a"),
        mqtt::MqttOptions { window: 10, ..mqtt::MqttOptions::new(model::Encodings::default()) },
    );
    let mut decides = 0;
    let mut packet_ids = Vec::new();
    for seq in 1..=20 {
        lone.apply(Effect::Deliver(deliver(seq, message("a", 2, "x"), 2)));
        let id = ids(&lone.said())[0];
        packet_ids.push(id);
        let commands = lone.send(pubrec(id));
        decides += commands.len();
        lone.accept(&commands);
        lone.said();
    }
    assert_eq!(decides, 10, "the window of what is on its way does not open for more");
    let commands = lone.send(pubcomp(packet_ids[0]));
    let [Command::Decide { delivery, .. }, Command::Settle(_)] = commands[..] else { panic!("{commands:?}") };
    assert_eq!(delivery.seq, 11, "the next one's turn");
}
