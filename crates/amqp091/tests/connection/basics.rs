//! A message's whole way, and the simplest things around it.

use amqp091::codec::method::{basic, channel, connection};
use amqp091::codec::{PROTOCOL_HEADER, Properties};

use crate::client::*;
use crate::world::World;

#[test]
fn a_message_goes_from_one_client_to_another() {
    let mut world = World::new();
    let (a, b) = (world.join(), world.join());
    world.declare(a, "q");
    world.expect(b, 1, consume("q", "ct"), "basic.consume-ok ct");
    let headers = table(&[("k", text("v"))]);
    let properties = Properties {
        content_type: Some(b"text/plain"),
        headers: Some(headers.view()),
        delivery_mode: Some(2),
        ..Properties::default()
    };
    world.publish_with(a, to("", "q"), &properties, b"hello");
    let messages = world.messages(b);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].body, "hello");
    assert_eq!(messages[0].properties(), properties);
    assert_eq!(world.tally("q"), (0, 1));
    world.tell(b, 1, ack(1));
    assert_eq!(world.tally("q"), (0, 0));
    assert!(world.lines(a).is_empty() && world.lines(b).is_empty());
}

#[test]
fn confirms_wait_until_the_message_is_on_disk() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.expect(a, 1, confirms(), "confirm.select-ok");
    world.syncs = false;
    for _ in 0..3 {
        world.publish_with(a, to("", "q"), &PERSISTENT, b"x");
    }
    assert!(world.lines(a).is_empty());
    let last = world.last();
    world.sync(last);
    assert_eq!(world.lines(a), ["1: ack 3*"]);
    world.publish(a, to("", "q"), "transient");
    assert_eq!(world.lines(a), ["1: ack 4"]);
}

#[test]
fn get_takes_one_message() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.expect(a, 1, get("q"), "basic.get-empty");
    world.publish(a, to("", "q"), "one");
    world.publish(a, to("", "q"), "two");
    world.expect(a, 1, get("q"), "got 1 /q one, 1 left");
    world.expect(a, 1, basic::Get { no_ack: true, ..get("q") }, "got 2 /q two, 0 left");
    assert_eq!(world.tally("q"), (0, 1));
    world.tell(a, 1, nack(1, true));
    world.expect(a, 1, get("q"), "got 3r /q one, 0 left");
}

#[test]
fn connection_close_is_confirmed() {
    let mut world = World::new();
    let a = world.join();
    world.expect(a, 0, connection::Close::default(), "connection.close-ok");
    assert!(!world.is_open(a));
    let b = world.join();
    world.expect(b, 1, close_channel(), "channel.close-ok");
    world.expect(b, 1, channel::Open {}, "channel.open-ok");
}

#[test]
fn another_protocol_is_answered_with_our_header() {
    let mut world = World::new();
    let a = world.open();
    world.send_bytes(a, b"AMQP\0\x01\0\0");
    assert_eq!(&world.peer(a).said[..], PROTOCOL_HEADER);
    assert!(!world.is_open(a));
}
