//! What becomes of what a user may not do, with the real broker.

use model::CloseReason;
use mqtt::codec::{Connect, Packet};

use crate::guard::Except;
use crate::packets::{
    Q0, Q1, Q2, clean, kept, puback, pubcomp, publish, pubrec, pubrel, suback, subscribe, unsuback, unsubscribe, will,
};
use crate::world::{Client, World};

/// A world with a client that sees all topics and the queue `q`, and one for which the rights on the list are missing.
fn world(missing: &[&str]) -> (World, Client, Client) {
    let mut world = World::new();
    let witness = world.join(clean("witness"), false);
    world.send(witness, subscribe(1, &[("#", Q1), ("$queue/q", Q1)]));
    world.read(witness);
    world.guard = Some(Except::of(missing));
    let bob = world.join(clean("bob"), false);
    (world, witness, bob)
}

#[test]
fn each_operation_that_is_denied_has_its_answer() {
    let rows: [(&str, Packet, &[Packet]); 9] = [
        ("write topic a", publish("a", Q0, 0, "x"), &[]),
        ("write topic a", publish("a", Q1, 7, "x"), &[puback(7)]),
        ("write topic a", publish("a", Q2, 7, "x"), &[pubrec(7)]),
        ("write queue q", publish("$queue/q", Q0, 0, "x"), &[]),
        ("write queue q", publish("$queue/q", Q1, 7, "x"), &[puback(7)]),
        ("read topic b", subscribe(7, &[("a", Q2), ("b", Q1), ("c", Q0)]), &[suback(7, &[2, 0x80, 0])]),
        ("read queue q", subscribe(7, &[("$queue/q", Q1)]), &[suback(7, &[0x80])]),
        // It is there: nothing needs to be made.
        ("configure queue q", subscribe(7, &[("$queue/q", Q1)]), &[suback(7, &[1])]),
        ("configure queue new", subscribe(7, &[("$queue/new", Q1)]), &[suback(7, &[0x80])]),
    ];
    for (missing, packet, answers) in rows {
        let (mut world, witness, bob) = world(&[missing]);
        world.send(bob, packet);
        assert_eq!(world.read(bob), answers, "without {missing:?}");
        assert!(world.is_open(bob) && world.lines(witness).is_empty(), "without {missing:?}");
        // The connection is as good as before.
        world.send(bob, publish("other", Q1, 8, "y"));
        assert_eq!(world.read_one(bob), puback(8));
        assert_eq!(world.lines(witness), ["other 1 y"]);
    }
}

#[test]
fn a_denied_message_of_qos_2_goes_all_its_way() {
    let (mut world, witness, _) = world(&[]);
    world.guard = Some(Except::of(&["write topic a"]));
    for connect in [clean("carl"), kept("carl")] {
        let carl = world.join(connect, false);
        for packet in [publish("a", Q2, 7, "x"), publish("a", Q2, 7, "x")] {
            world.send(carl, packet);
            assert_eq!(world.read_one(carl), pubrec(7));
        }
        world.send(carl, pubrel(7));
        assert_eq!(world.read_one(carl), pubcomp(7));
        assert!(world.lines(witness).is_empty());
    }
}

#[test]
fn a_denied_will_is_not_published() {
    let (mut world, witness, _) = world(&[]);
    world.guard = Some(Except::of(&["write topic w"]));
    for topic in ["w", "v"] {
        let mortal = world.join(Connect { will: will(topic, "gone", Q1, false), ..clean("mortal") }, false);
        world.cut(mortal);
    }
    assert_eq!(world.lines(witness), ["v 1 gone"]);
}

#[test]
fn who_may_configure_no_queue_has_its_sessions_all_the_same() {
    let missing = ["", " mqtt.session.carl"].map(|name| format!("configure queue{name}"));
    let mut world = World::new();
    world.guard = Some(Except::of(&missing.each_ref().map(String::as_str)));
    for connect in [clean("carl"), kept("carl"), kept("carl"), clean("carl"), clean("carl")] {
        let carl = world.connect(connect);
        assert!(matches!(world.read_one(carl), Packet::ConnAck(_)));
        assert!(world.is_open(carl));
        world.send(carl, unsubscribe(1, &["t"]));
        world.send(carl, subscribe(2, &[("t", Q1)]));
        world.send(carl, unsubscribe(3, &["t"]));
        assert_eq!(world.read(carl), [unsuback(1), suback(2, &[1]), unsuback(3)]);
        world.send(carl, Packet::Disconnect);
    }
}

#[test]
fn a_right_that_is_taken_away_ends_what_it_allowed() {
    let (mut world, _, _) = world(&[]);
    let rights = Except::of(&[]);
    world.guard = Some(rights.clone());
    let carl = world.join(kept("carl"), false);
    world.send(carl, subscribe(1, &[("$queue/r", Q1), ("t", Q1)]));
    world.read(carl);
    rights.and("read queue r");
    rights.and("read topic t");
    world.reconsider();
    assert!(world.is_open(carl) && world.read(carl).is_empty(), "MQTT has no word for it");
    world.send(carl, publish("$queue/r", Q1, 1, "x"));
    world.send(carl, publish("t", Q1, 2, "x"));
    assert_eq!(world.read(carl), [puback(1), puback(2)]);
    assert_eq!(world.tally("r"), (1, 0));
    // Nor does it come back with the session.
    world.cut(carl);
    let carl = world.join(kept("carl"), true);
    world.send(carl, publish("t", Q1, 2, "x"));
    assert_eq!(world.read(carl), [puback(2)]);
    assert_eq!(world.tally("r"), (1, 0));
}

#[test]
fn a_user_who_is_gone_goes_without_a_will() {
    let (mut world, witness, _) = world(&[]);
    let rights = Except::of(&[]);
    world.guard = Some(rights.clone());
    let carl = world.join(Connect { will: will("w", "gone", Q1, false), ..clean("carl") }, false);
    rights.end();
    world.reconsider();
    assert_eq!(world.peer(carl).closed, Some(CloseReason::Revoked));
    assert!(world.lines(witness).is_empty());
}
