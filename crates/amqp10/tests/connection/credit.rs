//! A receiver gets what it has credit for, and is told when there is no more.

use amqp10::codec::{Flow, Performative, SenderSettleMode};

use crate::client::{credit, data, receives, sends};
use crate::world::{Client, World};

/// A receiver on handle 0, and `count` messages, numbered, in its queue.
fn filled(count: u32) -> (World, Client) {
    let mut world = World::new();
    let sender = world.join();
    world.attach(sender, sends(0, "queue://a"));
    (0..count).for_each(|id| world.publish(sender, 0, id, &data(id.to_string().as_bytes())));
    let client = world.join();
    world.attach(client, receives(0, "queue://a"));
    (world, client)
}

fn more(world: &mut World, count: u32) {
    let sender = world.join();
    world.attach(sender, sends(0, "queue://a"));
    (0..count).for_each(|id| world.publish(sender, 0, id, &data(b"new")));
    world.cut(sender);
}

#[test]
fn nothing_comes_without_credit_and_no_more_than_it() {
    let (mut world, client) = filled(5);
    assert_eq!(world.lines(client), Vec::<String>::new());
    world.flow(client, credit(0, 0, 2));
    assert_eq!(world.lines(client), ["transfer 0 0 0", "transfer 0 1 1"]);
    // The same again says nothing new: two of it are on the way.
    world.flow(client, credit(0, 0, 2));
    assert_eq!(world.lines(client), Vec::<String>::new());
    world.flow(client, credit(0, 1, 2));
    assert_eq!(world.lines(client), ["transfer 0 2 2"]);
    world.flow(client, credit(0, 3, 1));
    assert_eq!(world.lines(client), ["transfer 0 3 3"]);
    assert_eq!(world.tally("a"), (1, 4));
}

#[test]
fn credit_that_waits_is_used_by_what_comes() {
    let (mut world, client) = filled(0);
    world.flow(client, credit(0, 0, 2));
    more(&mut world, 3);
    assert_eq!(world.lines(client), ["transfer 0 0 new", "transfer 0 1 new"]);
}

#[test]
fn a_drain_is_answered_when_all_is_sent() {
    let drain = |count, given| Flow { drain: true, ..credit(0, count, given) };
    let (mut world, client) = filled(3);
    world.flow(client, drain(0, 10));
    assert_eq!(world.lines(client), ["transfer 0 0 0", "transfer 0 1 1", "transfer 0 2 2", "flow 0 10+0 drain"]);
    more(&mut world, 1);
    assert_eq!(world.lines(client), Vec::<String>::new(), "its credit is gone");
    world.flow(client, drain(10, 1));
    assert_eq!(world.lines(client), ["transfer 0 3 new", "flow 0 11+0 drain"]);
    world.flow(client, drain(11, 0));
    assert_eq!(world.lines(client), ["flow 0 11+0 drain"], "nothing to drain");
    world.flow(client, credit(0, 11, 1));
    more(&mut world, 1);
    assert_eq!(world.lines(client), ["transfer 0 4 new"], "the drain is over");
}

#[test]
fn credit_given_before_is_drained() {
    let (mut world, client) = filled(1);
    world.flow(client, credit(0, 0, 5));
    assert_eq!(world.lines(client), ["transfer 0 0 0"]);
    world.flow(client, Flow { drain: true, ..credit(0, 1, 4) });
    assert_eq!(world.lines(client), ["flow 0 5+0 drain"]);
}

#[test]
fn credit_that_is_taken_back_is_not_used() {
    let (mut world, client) = filled(0);
    world.flow(client, credit(0, 0, 10));
    world.flow(client, credit(0, 0, 0));
    more(&mut world, 2);
    assert_eq!(world.lines(client), Vec::<String>::new());
    assert_eq!(world.tally("a"), (2, 0), "they are there for others");
    let other = world.join();
    world.attach(other, receives(0, "queue://a"));
    world.flow(other, credit(0, 0, 1));
    assert_eq!(world.lines(other), ["transfer 0 0 new"]);
    world.flow(client, credit(0, 0, 1));
    assert_eq!(world.lines(client), ["transfer 0 0 new"]);
}

#[test]
fn what_is_settled_beyond_credit_that_was_taken_back_is_not_lost() {
    let mut world = World::new();
    let client = world.join();
    let mut attach = receives(0, "queue://a");
    attach.snd_settle_mode = SenderSettleMode::Settled;
    world.attach(client, attach);
    world.flow(client, credit(0, 0, 2));
    world.flow(client, credit(0, 0, 0));
    more(&mut world, 3);
    assert_eq!(world.lines(client), Vec::<String>::new());
    world.flow(client, credit(0, 0, 10));
    assert_eq!(
        world.lines(client),
        ["transfer 0 0 settled new", "transfer 0 1 settled new", "transfer 0 2 settled new"]
    );
}

#[test]
fn credit_may_come_before_the_answer_to_the_attach() {
    let (mut world, _) = filled(2);
    let client = world.join();
    world.say(client, 0, Performative::Attach(Box::new(receives(4, "queue://a"))), &[]);
    world.say(client, 0, Performative::Flow(Box::new(Flow { delivery_count: None, ..credit(4, 0, 1) })), &[]);
    world.rest();
    assert_eq!(world.lines(client), ["attach 0 queue://a", "transfer 0 0 0"]);
    let topic = world.join();
    world.say(topic, 0, Performative::Attach(Box::new(receives(4, "topic://a"))), &[]);
    let drain = Flow { delivery_count: None, drain: true, ..credit(4, 0, 1) };
    world.say(topic, 0, Performative::Flow(Box::new(drain)), &[]);
    world.rest();
    assert_eq!(world.lines(topic), ["attach 0 topic://a", "flow 0 1+0 drain"]);
}

#[test]
fn an_echo_is_answered() {
    let (mut world, client) = filled(1);
    world.flow(client, Flow { echo: true, ..credit(0, 0, 3) });
    let lines = world.lines(client);
    assert!(lines.contains(&"transfer 0 0 0".into()) && lines.len() == 2, "{lines:?}");
    world.flow(client, Flow { echo: true, ..credit(0, 1, 2) });
    assert_eq!(world.lines(client), ["flow 0 1+2"]);
    world.flow(client, Flow { handle: None, echo: true, ..credit(0, 0, 0) });
    assert_eq!(world.lines(client), ["flow 0/4096"]);
    world.attach(client, sends(1, "queue://b"));
    world.flow(
        client,
        Flow { handle: Some(1), delivery_count: Some(0), link_credit: None, echo: true, ..credit(1, 0, 0) },
    );
    assert_eq!(world.lines(client), ["flow 1 0+1000"]);
}

#[test]
fn long_messages_wait_for_the_socket_and_a_drain_does_not_end_before_them() {
    let mut world = World::new();
    let sender = world.join();
    world.attach(sender, sends(0, "queue://a"));
    let body = vec![b'x'; 100_000];
    (0..40).for_each(|id| world.publish(sender, 0, id, &data(&body)));
    let client = world.join();
    world.attach(client, receives(0, "queue://a"));
    world.peer(client).is_stalled = true;
    world.flow(client, Flow { drain: true, ..credit(0, 0, 100) });
    let unwritten = world.peer(client).unwritten();
    assert!(unwritten > 1 << 20 && unwritten < (1 << 20) + 200_000, "{unwritten}");
    world.peer(client).is_stalled = false;
    world.rest();
    let lines = world.lines(client);
    assert_eq!(lines.len(), 41);
    assert_eq!(lines[40], "flow 0 100+0 drain");
}

#[test]
fn credit_is_taken_in_turns() {
    let (mut world, first) = filled(0);
    let second = world.join();
    world.attach(second, receives(0, "queue://a"));
    world.flow(first, credit(0, 0, 10));
    world.flow(second, credit(0, 0, 10));
    more(&mut world, 4);
    assert_eq!((world.lines(first).len(), world.lines(second).len()), (2, 2));
}

#[test]
fn a_higher_priority_comes_first() {
    for name in ["rabbitmq:priority", "priority"] {
        let (mut world, low) = filled(0);
        let high = world.join();
        let mut attach = receives(0, "queue://a");
        attach.properties.push(name, amqp10::codec::Value::Int(5));
        world.attach(high, attach);
        world.flow(low, credit(0, 0, 10));
        world.flow(high, credit(0, 0, 2));
        more(&mut world, 3);
        assert_eq!((world.lines(high).len(), world.lines(low).len()), (2, 1), "{name}");
    }
}
