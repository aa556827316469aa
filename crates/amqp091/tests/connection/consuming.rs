//! Deliveries and what becomes of them.

use amqp091::codec::Properties;
use amqp091::codec::method::{basic, queue};
use bytes::Bytes;

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

#[test]
fn prefetch_is_for_each_new_consumer() {
    let (mut world, a) = filled(6);
    world.expect(a, 1, qos(2, false), "basic.qos-ok");
    assert_eq!(world.call(a, 1, consume("q", "a")), ["1: basic.consume-ok a", "1: a 1 /q 1", "1: a 2 /q 2"]);
    world.expect(a, 1, qos(1, false), "basic.qos-ok");
    assert_eq!(world.call(a, 1, consume("q", "b")), ["1: basic.consume-ok b", "1: b 3 /q 3"]);
    world.expect(a, 1, ack(3), "b 4 /q 4");
    assert_eq!(world.call(a, 1, ack_through(2)), ["1: a 5 /q 5", "1: a 6 /q 6"]);
}

#[test]
fn a_global_prefetch_is_shared() {
    let (mut world, a) = filled(6);
    world.expect(a, 1, qos(3, true), "basic.qos-ok");
    let lines = world.call(a, 1, consume("q", "a"));
    assert_eq!(lines, ["1: basic.consume-ok a", "1: a 1 /q 1", "1: a 2 /q 2", "1: a 3 /q 3"]);
    world.expect(a, 1, consume("q", "b"), "basic.consume-ok b");
    let lines = world.call(a, 1, ack_through(2));
    assert_eq!(lines.len(), 2, "{lines:?}");
    let lines = world.call(a, 1, ack(3));
    assert_eq!(lines.len(), 1, "{lines:?}");
    // More room.
    let lines = world.call(a, 1, qos(0, true));
    assert_eq!(lines.len(), 1, "all are out: {lines:?}");
    let b = world.join();
    world.expect(b, 1, get("q"), "basic.get-empty");
    world.cut(a);
    assert_eq!(world.tally("q"), (3, 0));
}

#[test]
fn kombu_means_its_channel_when_it_asks_for_prefetch() {
    let mut world = World::new();
    let a = world.join_as(table(&[("product", text("py-amqp"))]), 0);
    world.declare(a, "q");
    for i in 1..=3 {
        world.publish(a, to("", "q"), &i.to_string());
    }
    world.expect(a, 1, qos(1, false), "basic.qos-ok");
    assert_eq!(world.call(a, 1, consume("q", "a")), ["1: basic.consume-ok a", "1: a 1 /q 1"]);
    // It counts for consumers that are there already. Their own window stays, so this one is sent one more.
    world.expect(a, 1, qos(3, false), "basic.qos-ok");
    world.expect(a, 1, ack(1), "a 2 /q 2");
}

#[test]
fn acknowledgements_come_in_any_order_and_in_ranges() {
    let (mut world, a) = filled(10);
    world.tell(a, 1, consume("q", "ct"));
    world.lines(a);
    for tag in [3, 10, 1] {
        world.tell(a, 1, ack(tag));
    }
    assert_eq!(world.tally("q"), (0, 7));
    world.tell(a, 1, ack_through(5));
    assert_eq!(world.tally("q"), (0, 4));
    world.tell(a, 1, basic::Nack { delivery_tag: 7, multiple: true, requeue: false });
    assert_eq!(world.tally("q"), (0, 2));
    world.tell(a, 1, ack_through(0));
    assert_eq!(world.tally("q"), (0, 0));
    world.tell(a, 1, ack_through(0));
    assert!(world.lines(a).is_empty());
}

#[test]
fn an_unknown_delivery_tag_closes_the_channel() {
    let cases: [(amqp091::codec::Method, &str); 5] = [
        (ack(1).into(), "1 (basic.ack)"),
        (ack(0).into(), "0 (basic.ack)"),
        (ack(4).into(), "4 (basic.ack)"),
        (ack_through(9).into(), "9 (basic.ack)"),
        (basic::Reject { delivery_tag: 1, requeue: true }.into(), "1 (basic.reject)"),
    ];
    for (method, text) in cases {
        let (mut world, a) = filled(3);
        world.tell(a, 1, consume("q", "ct"));
        world.tell(a, 1, ack(1));
        world.lines(a);
        let text = format!("1: channel.close 406 PRECONDITION_FAILED - unknown delivery tag {text}");
        assert_eq!(world.call(a, 1, method), [text]);
        assert_eq!(world.tally("q"), (2, 0), "what was not acknowledged is there again");
    }
}

#[test]
fn what_is_requeued_comes_again_in_its_place() {
    let (mut world, a) = filled(4);
    world.expect(a, 1, qos(3, false), "basic.qos-ok");
    world.tell(a, 1, consume("q", "ct"));
    assert_eq!(world.lines(a).len(), 4);
    world.expect(a, 1, nack(2, true), "ct 4r /q 2");
    let all = basic::Nack { delivery_tag: 0, multiple: true, requeue: true };
    assert_eq!(world.call(a, 1, all), ["1: ct 5r /q 1", "1: ct 6r /q 2", "1: ct 7r /q 3"]);
    assert_eq!(
        world.call(a, 1, basic::Recover { requeue: true }),
        ["1: basic.recover-ok", "1: ct 8r /q 1", "1: ct 9r /q 2", "1: ct 10r /q 3"]
    );
    world.expect(a, 1, basic::Reject { delivery_tag: 8, requeue: false }, "ct 11 /q 4");
    assert_eq!(world.tally("q"), (0, 3));
}

#[test]
fn without_acknowledgements_messages_are_gone_when_sent() {
    let (mut world, a) = filled(3);
    world.tell(a, 1, consume_no_ack("q", "ct"));
    assert_eq!(world.lines(a).len(), 4);
    assert_eq!(world.tally("q"), (0, 0));
    // They have numbers all the same.
    world.publish(a, to("", "q"), "4");
    assert_eq!(world.lines(a), ["1: ct 4 /q 4"]);
}

#[test]
fn who_does_not_read_is_not_sent_everything() {
    let mut world = World::new();
    let (a, b) = (world.join(), world.join());
    world.declare(a, "q");
    world.expect(b, 1, consume_no_ack("q", "ct"), "basic.consume-ok ct");
    world.peer(b).is_stalled = true;
    let body = "x".repeat(1000);
    for _ in 0..3000 {
        world.publish(a, to("", "q"), &body);
    }
    let waiting = world.peer(b).unwritten();
    assert!((1_000_000..1_200_000).contains(&waiting), "{waiting}");
    world.peer(b).is_stalled = false;
    world.flush_bytes(b, usize::MAX);
    assert_eq!(world.messages(b).len(), 3000);
    assert_eq!(world.tally("q"), (0, 0));
}

#[test]
fn what_is_written_gives_back_bytes_and_what_is_settled_gives_back_messages() {
    let (mut world, a) = filled(0);
    world.expect(a, 1, qos(2, false), "basic.qos-ok");
    world.expect(a, 1, consume("q", "ct"), "basic.consume-ok ct");
    for _ in 0..10 {
        world.publish(a, to("", "q"), &"x".repeat(600_000));
    }
    assert_eq!(world.lines(a).len(), 2);
    for tag in 1..=8 {
        world.expect(a, 1, ack(tag), &format!("ct {} /q 600000 bytes", tag + 2));
    }
}

#[test]
fn so_many_empty_messages_are_on_their_way_and_no_more() {
    let mut world = World::new();
    let (a, b) = (world.join(), world.join());
    world.declare(a, "q");
    world.expect(b, 1, consume_no_ack("q", "ct"), "basic.consume-ok ct");
    world.peer(b).is_stalled = true;
    let frames: Vec<_> =
        (0..20_000).flat_map(|_| message_frames(1, to("", "q"), &Properties::default(), b"")).collect();
    world.send_frames(a, &frames);
    assert_eq!(world.tally("q").0, 20_000 - 16_384);
    world.peer(b).is_stalled = false;
    world.flush_bytes(b, usize::MAX);
    assert_eq!(world.messages(b).len(), 20_000);
}

#[test]
fn redelivered_is_remembered_across_a_crash() {
    let (mut world, a) = filled(0);
    world.publish_with(a, to("", "q"), &PERSISTENT, b"seen");
    world.call(a, 1, get("q"));
    world.crash();
    let b = world.join();
    world.expect(b, 1, get("q"), "got 1r /q seen, 0 left");
}

#[test]
fn a_delivery_says_how_it_was_published() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.expect(a, 1, bind("q", "amq.topic", "a.*"), "queue.bind-ok");
    world.tell(a, 1, consume_no_ack("q", "ct"));
    world.lines(a);
    world.publish(a, to("amq.topic", "a.b"), "x");
    assert_eq!(world.lines(a), ["1: ct 1 amq.topic/a.b x"]);
}

#[test]
fn other_protocols_messages_are_translated() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    let header =
        model::Header { durable: true, priority: 7, expires: Some(world.now.plus(5000)), ..Default::default() };
    let message = model::Message {
        address: model::Address::queue(model::Namespace(0), "q".into()),
        header,
        encoding: model::EncodingId::PLAIN,
        properties: Bytes::new(),
        body: Bytes::from_static(b"plain").into(),
    };
    world.publish_raw(message);
    world.tell(a, 1, get("q"));
    let message = world.messages(a).remove(0);
    let properties = message.properties();
    assert_eq!(message.body, "plain");
    assert_eq!((properties.delivery_mode, properties.priority), (Some(2), Some(7)));
    assert_eq!(properties.expiration, Some(&b"5000"[..]));
}

#[test]
fn a_key_that_is_too_long_is_a_dead_letter() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.expect(a, 1, bind("q", "amq.topic", "#"), "queue.bind-ok");
    world.tell(a, 1, consume("q", "ct"));
    world.lines(a);
    let message = model::Message {
        address: model::Address::topic(model::Namespace(0), "k".repeat(256).into()),
        header: model::Header::default(),
        encoding: model::EncodingId::MQTT,
        properties: Bytes::new(),
        body: Bytes::new().into(),
    };
    world.publish_raw(message);
    world.publish(a, to("", "q"), "next");
    assert_eq!(world.lines(a), ["1: ct 1 /q next"], "it blocks nobody");
    assert_eq!(world.tally("q"), (0, 1));
    assert_eq!(world.tally("ActiveMQ.DLQ"), (1, 0));
    assert_eq!(world.status().conversions.undeliverable, 1);
}

#[test]
fn a_redelivery_says_how_often_it_came_before() {
    let (mut world, a) = filled(1);
    for count in [None, Some("1"), Some("2")] {
        world.tell(a, 1, get("q"));
        assert_eq!(world.messages(a)[0].header("x-delivery-count").as_deref(), count);
        world.tell(a, 1, basic::Nack { delivery_tag: 0, multiple: true, requeue: true });
    }
    let old = table(&[("x-delivery-count", text("mine")), ("a", text("b"))]);
    world.expect(a, 1, queue::Purge { queue: s("q"), no_wait: false }, "queue.purge-ok 1");
    world.publish_with(a, to("", "q"), &Properties { headers: Some(old.view()), ..PERSISTENT }, b"x");
    world.tell(a, 1, get("q"));
    assert_eq!(world.messages(a)[0].properties().headers, Some(old.view()), "the publisher's own, the first time");
    world.tell(a, 1, nack(4, true));
    world.tell(a, 1, get("q"));
    let message = world.messages(a).remove(0);
    assert_eq!(message.header("x-delivery-count").as_deref(), Some("1"));
    assert_eq!(message.header("a").as_deref(), Some("b"));
}

#[test]
fn headers_without_room_come_as_they_are() {
    let (mut world, a) = filled(0);
    let long = "x".repeat(131_072 - 20 - 2 - 4 - 2 - 1 - 4);
    let headers = table(&[("h", text(&long))]);
    let properties = Properties { headers: Some(headers.view()), ..Properties::default() };
    world.publish_with(a, to("", "q"), &properties, b"x");
    for _ in 0..2 {
        world.tell(a, 1, get("q"));
        assert_eq!(world.messages(a)[0].properties(), properties);
        world.tell(a, 1, basic::Nack { delivery_tag: 0, multiple: true, requeue: true });
    }
}
