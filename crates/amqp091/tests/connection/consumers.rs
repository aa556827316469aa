//! Consumers come and go.

use amqp091::codec::method::{basic, channel, queue};
use amqp091::codec::{FieldTable, FieldValue, Properties};

use crate::client::*;
use crate::world::{Client, World};

/// A queue with the messages `1`, `2`, … .
fn filled(count: u32) -> (World, Client) {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    for i in 1..=count {
        world.publish(a, to("", "q"), &i.to_string());
    }
    (world, a)
}

fn open(world: &mut World, client: Client, number: u16) {
    world.expect(client, number, channel::Open {}, "channel.open-ok");
}

#[test]
fn what_is_held_back_for_a_consumer_goes_back_with_it() {
    let (mut world, a) = filled(4);
    world.expect(a, 1, qos(1, true), "basic.qos-ok");
    world.call(a, 1, consume("q", "a"));
    world.expect(a, 1, consume("q", "b"), "basic.consume-ok b");
    assert_eq!(world.tally("q"), (2, 2));
    world.expect(a, 1, basic::Cancel { consumer_tag: s("b"), no_wait: false }, "basic.cancel-ok b");
    assert_eq!(world.tally("q"), (3, 1));
    world.expect(a, 1, ack(1), "a 2r /q 2");
}

#[test]
fn a_cancelled_consumer_is_given_no_credit() {
    let mut world = World::new();
    let (a, b) = (world.join(), world.join());
    world.declare(a, "q");
    world.expect(b, 1, consume_no_ack("q", "ct"), "basic.consume-ok ct");
    world.peer(b).is_stalled = true;
    for _ in 0..40 {
        world.publish(a, to("", "q"), &"x".repeat(10_000));
    }
    world.say_frames(b, &[frame(1, basic::Cancel { consumer_tag: s("ct"), no_wait: true })]);
    world.peer(b).is_stalled = false;
    let given = world.commands_of(b, |peer| peer.flush_bytes(usize::MAX));
    assert!(given.is_empty(), "{given:?}");
    assert_eq!(world.messages(b).len(), 40);
}

#[test]
fn consumer_tags_are_unique_in_their_channel() {
    let (mut world, a) = filled(0);
    world.expect(a, 1, consume("q", "ct"), "basic.consume-ok ct");
    open(&mut world, a, 2);
    world.expect(a, 2, consume("q", "ct"), "basic.consume-ok ct");
    let names: Vec<String> = (0..2).flat_map(|_| world.call(a, 1, consume("q", ""))).collect();
    assert!(names.iter().all(|name| name.starts_with("1: basic.consume-ok amq.ctag-")), "{names:?}");
    assert_ne!(names[0], names[1]);
    let found = world.call(a, 1, consume("q", "ct"));
    assert_eq!(found, ["0: connection.close 530 NOT_ALLOWED - attempt to reuse consumer tag 'ct' (basic.consume)"]);
}

#[test]
fn an_exclusive_consumer_is_alone() {
    let (mut world, a) = filled(0);
    let b = world.join();
    world.expect(a, 1, basic::Consume { exclusive: true, ..consume("q", "a") }, "basic.consume-ok a");
    let refused = "channel.close 403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use";
    world.expect(b, 1, consume("q", "b"), &format!("{refused} (basic.consume)"));
    let c = world.join();
    world.expect(c, 1, get("q"), &format!("{refused} (basic.get)"));
    world.expect(a, 1, basic::Cancel { consumer_tag: s("a"), no_wait: false }, "basic.cancel-ok a");
    let d = world.join();
    world.expect(d, 1, consume("q", "d"), "basic.consume-ok d");
    world.expect(a, 1, basic::Consume { exclusive: true, ..consume("q", "a") }, &format!("{refused} (basic.consume)"));
}

#[test]
fn a_cancelled_consumer_gets_nothing_more() {
    let (mut world, a) = filled(1);
    assert_eq!(world.call(a, 1, consume("q", "ct")), ["1: basic.consume-ok ct", "1: ct 1 /q 1"]);
    let cancel = || basic::Cancel { consumer_tag: s("ct"), no_wait: false };
    world.expect(a, 1, cancel(), "basic.cancel-ok ct");
    world.publish(a, to("", "q"), "2");
    assert!(world.lines(a).is_empty());
    assert_eq!(world.tally("q"), (1, 1), "what it has stays with the channel");
    world.tell(a, 1, ack(1));
    assert_eq!(world.tally("q"), (1, 0));
    world.expect(a, 1, cancel(), "basic.cancel-ok ct");
    assert_eq!(world.call(a, 1, consume("q", "ct")), ["1: basic.consume-ok ct", "1: ct 2 /q 2"]);
}

#[test]
fn a_consumer_hears_that_its_queue_is_gone() {
    let (mut world, a) = filled(0);
    let (b, old) = (world.join(), world.join_as(FieldTable::EMPTY, 0));
    for client in [b, old] {
        world.expect(client, 1, consume("q", "ct"), "basic.consume-ok ct");
    }
    world.expect(a, 1, queue::Delete { queue: s("q"), ..Default::default() }, "queue.delete-ok 0");
    assert_eq!(world.lines(b), ["1: basic.cancel ct"]);
    assert!(world.lines(old).is_empty(), "it could not read that");
    world.declare(a, "q");
    for client in [b, old] {
        world.expect(client, 1, consume("q", "ct"), "basic.consume-ok ct");
    }
}

#[test]
fn a_cancellation_may_cross_the_end_of_the_queue() {
    let (mut world, a) = filled(0);
    world.expect(a, 1, consume("q", "ct"), "basic.consume-ok ct");
    let b = world.join();
    world.say_frames(b, &[frame(1, queue::Delete { queue: s("q"), ..Default::default() })]);
    world.say_frames(a, &[frame(1, basic::Cancel { consumer_tag: s("ct"), no_wait: false })]);
    world.rest();
    assert_eq!(world.lines(a), ["1: basic.cancel-ok ct"]);
}

#[test]
fn a_channel_gives_back_what_it_has() {
    let (mut world, a) = filled(3);
    open(&mut world, a, 2);
    world.expect(a, 2, qos(1, false), "basic.qos-ok");
    world.tell(a, 1, basic::Get { no_ack: false, ..get("q") });
    world.tell(a, 2, consume("q", "ct"));
    world.lines(a);
    assert_eq!(world.tally("q"), (1, 2));
    world.expect(a, 2, close_channel(), "channel.close-ok");
    assert_eq!(world.tally("q"), (2, 1));
    open(&mut world, a, 2);
    assert_eq!(
        world.call(a, 2, consume("q", "ct")),
        ["2: basic.consume-ok ct", "2: ct 1r /q 2", "2: ct 2 /q 3"],
        "a new channel begins anew"
    );
    world.cut(a);
    assert_eq!(world.tally("q"), (3, 0));
}

#[test]
fn what_is_on_its_way_to_a_closed_channel_goes_back() {
    let (mut world, a) = filled(0);
    world.expect(a, 1, consume("q", "ct"), "basic.consume-ok ct");
    let b = world.join();
    world.say_frames(b, &message_frames(1, to("", "q"), &Properties::default(), b"x"));
    world.say_frames(a, &[frame(1, close_channel()), frame(1, channel::Open {}), frame(1, consume("q", "other"))]);
    world.rest();
    let lines = world.lines(a);
    let expected = ["1: channel.close-ok", "1: channel.open-ok", "1: basic.consume-ok other", "1: other 1r /q x"];
    assert_eq!(lines, expected);
    // The same with a get.
    let (mut world, a) = filled(1);
    world.say_frames(a, &[frame(1, get("q")), frame(1, close_channel())]);
    world.rest();
    assert_eq!(world.lines(a), ["1: channel.close-ok"]);
    assert_eq!(world.tally("q"), (1, 0));
}

#[test]
fn what_is_on_its_way_to_a_cancelled_consumer_still_arrives() {
    let (mut world, a) = filled(0);
    world.expect(a, 1, consume_no_ack("q", "ct"), "basic.consume-ok ct");
    let b = world.join();
    world.say_frames(b, &message_frames(1, to("", "q"), &Properties::default(), b"x"));
    world.say_frames(a, &[frame(1, basic::Cancel { consumer_tag: s("ct"), no_wait: false })]);
    world.rest();
    assert_eq!(world.lines(a), ["1: ct 1 /q x", "1: basic.cancel-ok ct"]);
}

#[test]
fn answers_take_the_quick_way() {
    let mut world = World::new();
    let (client, server) = (world.join(), world.join());
    world.declare(server, "rpc");
    world.tell(server, 1, consume_no_ack("rpc", "srv"));
    world.lines(server);
    let pseudo = "amq.rabbitmq.reply-to";
    world.expect(client, 1, consume_no_ack(pseudo, "me"), "basic.consume-ok me");
    let asks = Properties { reply_to: Some(pseudo.as_bytes()), correlation_id: Some(b"7"), ..Properties::default() };
    world.publish_with(client, to("", "rpc"), &asks, b"question");
    let question = world.messages(server).remove(0);
    let reply_to = String::from_utf8(question.properties().reply_to.unwrap().to_vec()).unwrap();
    assert!(reply_to.starts_with("amq.rabbitmq.reply-to."), "{reply_to}");
    assert_eq!(question.properties().correlation_id, Some(&b"7"[..]));
    world.expect(server, 1, passive(&reply_to), &format!("queue.declare-ok {reply_to} 0 1"));
    world.publish(server, to("", &reply_to), "answer");
    assert_eq!(world.lines(client), [format!("1: me 1 /{reply_to} answer")]);
    world.expect(client, 1, basic::Cancel { consumer_tag: s("me"), no_wait: false }, "basic.cancel-ok me");
    let gone = format!("channel.close 404 NOT_FOUND - no queue '{reply_to}' in vhost '/' (queue.declare)");
    world.expect(server, 1, passive(&reply_to), &gone);
    world.publish_with(client, to("", "rpc"), &asks, b"question");
    let text = "1: channel.close 406 PRECONDITION_FAILED - fast reply consumer does not exist (basic.publish)";
    assert_eq!(world.lines(client), [text]);
    let a = world.join();
    let text = "channel.close 406 PRECONDITION_FAILED - reply consumer cannot acknowledge (basic.consume)";
    world.expect(a, 1, consume(pseudo, "me"), text);
}

#[test]
fn consumers_of_a_higher_priority_come_first() {
    let (mut world, a) = filled(0);
    let with = |tag: &str, priority: i32| {
        let arguments = table(&[("x-priority", FieldValue::Int(priority))]);
        basic::Consume { arguments, ..consume("q", tag) }
    };
    world.expect(a, 1, qos(1, false), "basic.qos-ok");
    world.expect(a, 1, with("low", -1), "basic.consume-ok low");
    world.expect(a, 1, consume("q", "plain"), "basic.consume-ok plain");
    world.expect(a, 1, with("high", 5), "basic.consume-ok high");
    for body in ["1", "2", "3"] {
        world.publish(a, to("", "q"), body);
    }
    assert_eq!(world.lines(a), ["1: high 1 /q 1", "1: plain 2 /q 2", "1: low 3 /q 3"]);
    let arguments = table(&[("x-priority", text("high"))]);
    let found = world.call(a, 1, basic::Consume { arguments, ..consume("q", "x") });
    assert!(found[0].starts_with("1: channel.close 406 PRECONDITION_FAILED - invalid arg 'x-priority'"), "{found:?}");
}

#[test]
fn one_consumer_may_be_active_at_a_time() {
    let mut world = World::new();
    let (a, b) = (world.join(), world.join());
    let arguments = table(&[("x-single-active-consumer", FieldValue::Bool(true))]);
    world.expect(a, 1, queue::Declare { arguments, ..durable("q") }, "queue.declare-ok q 0 0");
    world.expect(a, 1, consume("q", "a"), "basic.consume-ok a");
    world.expect(b, 1, consume("q", "b"), "basic.consume-ok b");
    for body in ["1", "2"] {
        world.publish(a, to("", "q"), body);
    }
    assert_eq!(world.lines(a), ["1: a 1 /q 1", "1: a 2 /q 2"]);
    world.cut(a);
    assert_eq!(world.lines(b), ["1: b 1r /q 1", "1: b 2r /q 2"]);
}
