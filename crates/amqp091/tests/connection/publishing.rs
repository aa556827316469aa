//! What becomes of a publish.

use amqp091::codec::method::{basic, channel, exchange};
use amqp091::codec::{ContentHeader, FieldValue, Frame, NO_PROPERTIES, Properties};
use bytes::Bytes;

use crate::client::*;
use crate::world::{Client, World};

fn hard(world: &mut World, client: Client, frames: &[Frame], text: &str) {
    world.send_frames(client, frames);
    assert_eq!(world.lines(client), [format!("0: connection.close {text}")]);
}

fn expiring(text: &str) -> Properties<'_> {
    Properties { expiration: Some(text.as_bytes()), ..Properties::default() }
}

#[test]
fn what_nobody_takes_is_returned_if_it_is_mandatory() {
    let mut world = World::new();
    let a = world.join();
    world.publish(a, to("", "none"), "dropped");
    world.publish(a, to("amq.topic", "none"), "dropped");
    world.publish(a, to("amq.direct", "none"), "dropped");
    assert!(world.lines(a).is_empty());
    assert!(world.info("none").is_none(), "publishing makes no queue");
    world.publish_with(a, mandatory("", "none"), &PERSISTENT, b"back");
    let messages = world.messages(a);
    assert_eq!((messages[0].properties(), &messages[0].body[..]), (PERSISTENT, &b"back"[..]));
    world.publish(a, mandatory("amq.fanout", "k"), &"x".repeat(200_000));
    assert_eq!(world.lines(a), ["1: returned 312 NO_ROUTE amq.fanout/k 200000 bytes"]);
}

#[test]
fn a_return_comes_before_its_confirm() {
    let mut world = World::new();
    let a = world.join();
    world.expect(a, 1, confirms(), "confirm.select-ok");
    world.publish(a, to("", "none"), "x");
    world.publish(a, mandatory("", "none"), "y");
    assert_eq!(world.lines(a), ["1: ack 1", "1: returned 312 NO_ROUTE /none y", "1: ack 2"]);
    world.declare(a, "q");
    world.publish(a, mandatory("", "q"), "z");
    assert_eq!(world.lines(a), ["1: ack 3"]);
}

#[test]
fn an_unknown_exchange_closes_the_channel() {
    let mut world = World::new();
    let text = "1: channel.close 404 NOT_FOUND - no exchange 'none' in vhost '/' (basic.publish)";
    for confirming in [false, true] {
        let a = world.join();
        world.declare(a, if confirming { "q1" } else { "q2" });
        if confirming {
            world.expect(a, 1, confirms(), "confirm.select-ok");
        }
        world.publish(a, to("none", "k"), "x");
        assert_eq!(world.lines(a), [text]);
        world.publish(a, to("", "q"), "dropped with the channel");
        assert!(world.call(a, 1, channel::CloseOk {}).is_empty());
    }
}

#[test]
fn an_internal_exchange_takes_nothing_from_publishers() {
    let mut world = World::new();
    let a = world.join();
    let declare = exchange::Declare { exchange: s("x"), kind: s("fanout"), internal: true, ..Default::default() };
    world.expect(a, 1, declare, "exchange.declare-ok");
    world.publish(a, to("x", ""), "x");
    let text = "1: channel.close 403 ACCESS_REFUSED - cannot publish to internal exchange 'x' in vhost '/' \
                (basic.publish)";
    assert_eq!(world.lines(a), [text]);
}

#[test]
fn a_full_queue_says_no_if_it_is_to_reject() {
    let mut world = World::new();
    let a = world.join();
    let arguments = table(&[("x-max-length", FieldValue::Int(1)), ("x-overflow", text("reject-publish"))]);
    let declare = amqp091::codec::method::queue::Declare { arguments, ..durable("q") };
    world.expect(a, 1, declare, "queue.declare-ok q 0 0");
    world.publish(a, to("", "q"), "kept");
    world.publish(a, to("", "q"), "dropped without a word");
    world.expect(a, 1, confirms(), "confirm.select-ok");
    let mut frames = message_frames(1, to("", "q"), &Properties::default(), b"refused");
    frames.extend(message_frames(1, to("", "none"), &Properties::default(), b"x"));
    world.send_frames(a, &frames);
    assert_eq!(world.lines(a), ["1: nack 1", "1: ack 2"]);
    world.expect(a, 1, get("q"), "got 1 /q kept, 0 left");
}

#[test]
fn a_queue_drops_its_head_by_default() {
    let mut world = World::new();
    let a = world.join();
    let arguments = table(&[("x-max-length", FieldValue::Int(2))]);
    let declare = amqp091::codec::method::queue::Declare { arguments, ..durable("q") };
    world.expect(a, 1, declare, "queue.declare-ok q 0 0");
    for body in ["1", "2", "3"] {
        world.publish(a, to("", "q"), body);
    }
    world.expect(a, 1, get("q"), "got 1 /q 2, 1 left");
}

#[test]
fn bodies_come_in_any_pieces() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    let header = |size| Frame::Header(1, ContentHeader::new(size, Bytes::from_static(&NO_PROPERTIES)).unwrap());
    let part = |text: &'static str| Frame::Body(1, Bytes::from_static(text.as_bytes()));
    world.send_frames(a, &[frame(1, to("", "q")), header(0)]);
    world.expect(a, 1, get("q"), "got 1 /q , 0 left");
    let pieces = [frame(1, to("", "q")), header(6), part("a"), part(""), part("bcd"), Frame::Heartbeat, part("ef")];
    for piece in pieces {
        world.send_frames(a, &[piece]);
    }
    world.expect(a, 1, get("q"), "got 2 /q abcdef, 0 left");
    // Other channels go on in between.
    world.tell(a, 2, channel::Open {});
    world.send_frames(a, &[frame(1, to("", "q")), header(2), part("x")]);
    world.send_frames(a, &message_frames(2, to("", "q"), &Properties::default(), b"first"));
    world.send_frames(a, &[part("y")]);
    assert_eq!(world.lines(a), ["2: channel.open-ok"]);
    world.expect(a, 1, get("q"), "got 3 /q first, 1 left");
    world.expect(a, 1, get("q"), "got 4 /q xy, 0 left");
    let long: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
    world.publish_with(a, to("", "q"), &Properties::default(), &long);
    world.tell(a, 1, get("q"));
    assert_eq!(world.messages(a)[0].body, long);
    assert_eq!(world.peer(a).longest_frame, 131_072);
    let small: Vec<u8> = (0..10_000_u32).map(|i| (i % 251) as u8).collect();
    world.send_frames(a, &[frame(1, to("", "q")), header(10_000)]);
    let frames: Vec<Frame> = small.chunks(3).map(|part| Frame::Body(1, Bytes::copy_from_slice(part))).collect();
    world.send_frames(a, &frames);
    world.tell(a, 1, get("q"));
    assert_eq!(world.messages(a)[0].body, small);
}

#[test]
fn content_has_its_order() {
    let mut world = World::new();
    let header = |size| Frame::Header(1, ContentHeader::new(size, Bytes::from_static(&NO_PROPERTIES)).unwrap());
    let part = || Frame::Body(1, Bytes::from_static(b"xyz"));
    let unexpected = "505 UNEXPECTED_FRAME - expected";
    let publish = || frame(1, to("", "q"));
    let cases = [
        (vec![header(3)], format!("{unexpected} 'method', got content header instead (basic.publish)")),
        (vec![part()], format!("{unexpected} 'method', got content body instead (basic.publish)")),
        (vec![publish(), part()], format!("{unexpected} 'content header', got content body instead (basic.publish)")),
        (
            vec![publish(), header(3), header(3)],
            format!("{unexpected} 'content body', got content header instead (basic.publish)"),
        ),
        (
            vec![publish(), publish()],
            format!("{unexpected} 'content header', got basic.publish instead (basic.publish)"),
        ),
        (
            vec![publish(), header(4), frame(1, get("q"))],
            format!("{unexpected} 'content body', got basic.get instead (basic.get)"),
        ),
        (
            vec![publish(), header(2), part()],
            "501 FRAME_ERROR - a body of more than 2 bytes, as its header promised (basic.publish)".to_owned(),
        ),
        (
            vec![Frame::Header(7, ContentHeader::new(0, Bytes::from_static(&NO_PROPERTIES)).unwrap())],
            "504 CHANNEL_ERROR - expected 'channel.open' (basic.publish)".to_owned(),
        ),
    ];
    for (frames, text) in cases {
        let a = world.join();
        hard(&mut world, a, &frames, &text);
    }
    let a = world.join();
    let immediate = basic::Publish { immediate: true, ..to("", "q") };
    let frames = message_frames(1, immediate, &Properties::default(), b"x");
    hard(&mut world, a, &frames, "540 NOT_IMPLEMENTED - immediate=true (basic.publish)");
}

#[test]
fn a_message_may_be_too_large() {
    let mut world = World::with(|options| options.max_message = 1000);
    let a = world.join();
    world.declare(a, "q");
    let text = "1: channel.close 406 PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000 \
                (basic.publish)";
    world.publish(a, to("", "q"), &"x".repeat(1001));
    assert_eq!(world.lines(a), [text]);
    world.tell(a, 1, channel::CloseOk {});
    world.expect(a, 1, channel::Open {}, "channel.open-ok");
    world.publish(a, to("", "q"), &"x".repeat(1000));
    world.expect(a, 1, get("q"), "got 1 /q 1000 bytes, 0 left");
    let header = ContentHeader::new(1000, Bytes::from_static(&NO_PROPERTIES)).unwrap();
    let unfinished = |channel| {
        let part = Frame::Body(channel, Bytes::from(vec![0; 999]));
        [frame(channel, to("", "q")), Frame::Header(channel, header.clone()), part]
    };
    // One that never ends is forgotten with its channel.
    for _ in 0..10 {
        world.tell(a, 2, channel::Open {});
        world.send_frames(a, &unfinished(2));
        world.tell(a, 2, close_channel());
    }
    assert_eq!(world.lines(a).len(), 20);
    // Many that never end.
    for channel in 2..7 {
        world.tell(a, channel, channel::Open {});
        world.lines(a);
        world.send_frames(a, &unfinished(channel));
    }
    assert_eq!(
        world.lines(a),
        ["0: connection.close 506 RESOURCE_ERROR - over 4000 bytes of incomplete messages (basic.publish)"]
    );
}

#[test]
fn messages_expire() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.publish_with(a, to("", "q"), &expiring("1000"), b"x");
    world.publish_with(a, to("", "q"), &expiring("0"), b"y");
    world.advance(999);
    assert_eq!(world.tally("q"), (1, 0));
    world.advance(1);
    assert_eq!(world.tally("q"), (0, 0));
    world.expect(a, 1, consume("q", "ct"), "basic.consume-ok ct");
    world.publish_with(a, to("", "q"), &expiring("0"), b"at once");
    assert_eq!(world.lines(a), ["1: ct 1 /q at once"]);
    for wrong in ["", "soon", "-1", "1.5", "4294967296", "99999999999999999999"] {
        let a = world.join();
        world.publish_with(a, to("", "q"), &expiring(wrong), b"x");
        let text = format!("1: channel.close 406 PRECONDITION_FAILED - invalid expiration '{wrong}' (basic.publish)");
        assert_eq!(world.lines(a), [text]);
    }
}

#[test]
fn a_delay_is_kept() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    let headers = table(&[("x-delay", FieldValue::Int(500))]);
    let late = Properties { headers: Some(headers.view()), ..Properties::default() };
    world.publish_with(a, to("", "q"), &late, b"late");
    world.expect(a, 1, get("q"), "basic.get-empty");
    world.advance(500);
    world.expect(a, 1, get("q"), "got 1 /q late, 0 left");
}

#[test]
fn nobody_publishes_in_anothers_name() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    let by = |user: &'static [u8]| Properties { user_id: Some(user), ..Properties::default() };
    world.publish_with(a, to("", "q"), &by(b"guest"), b"x");
    assert_eq!(world.tally("q"), (1, 0));
    world.publish_with(a, to("", "q"), &by(b"root"), b"x");
    let text = "1: channel.close 406 PRECONDITION_FAILED - user_id property set to 'root' but authenticated user was \
                'guest' (basic.publish)";
    assert_eq!(world.lines(a), [text]);
}

#[test]
fn copies_go_to_further_keys() {
    let mut world = World::new();
    let a = world.join();
    ["q", "copy", "hidden"].iter().for_each(|name| world.declare(a, name));
    let array = |keys: &[&str]| {
        let mut array = amqp091::codec::ArrayBuilder::new();
        keys.iter().for_each(|key| array.push(text(key)));
        array.finish().unwrap()
    };
    let (cc, bcc) = (array(&["copy", "q", "none"]), array(&["hidden"]));
    let view = |array| FieldValue::Array(amqp091::codec::ArrayView::new(array).unwrap());
    let headers = table(&[("CC", view(&cc)), ("BCC", view(&bcc)), ("k", text("v"))]);
    let properties = Properties { headers: Some(headers.view()), ..PERSISTENT };
    world.publish_with(a, mandatory("", "q"), &properties, b"x");
    for queue in ["q", "copy", "hidden"] {
        assert_eq!(world.tally(queue), (1, 0), "{queue}");
        world.tell(a, 1, get(queue));
        let message = world.messages(a).remove(0);
        assert_eq!(message.header("CC").as_deref(), Some("[copy, q, none]"));
        assert_eq!((message.header("BCC"), message.header("k").as_deref()), (None, Some("v")));
    }
    let wrong = table(&[("CC", text("copy"))]);
    world.publish_with(a, to("", "q"), &Properties { headers: Some(wrong.view()), ..PERSISTENT }, b"x");
    let text = "1: channel.close 406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,CC} \
                (basic.publish)";
    assert_eq!(world.lines(a), [text]);
}

#[test]
fn priorities_go_first_where_a_queue_has_them() {
    let mut world = World::new();
    let a = world.join();
    let arguments = table(&[("x-max-priority", FieldValue::Int(10))]);
    let declare = amqp091::codec::method::queue::Declare { arguments, ..durable("q") };
    world.expect(a, 1, declare, "queue.declare-ok q 0 0");
    for (body, priority) in [("none", None), ("5", Some(5)), ("10", Some(10)), ("9", Some(9)), ("1", Some(1))] {
        world.publish_with(a, to("", "q"), &Properties { priority, ..Properties::default() }, body.as_bytes());
    }
    world.tell(a, 1, consume_no_ack("q", "ct"));
    let bodies: Vec<Bytes> = world.messages(a).into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["10", "9", "5", "1", "none"]);
}

#[test]
fn confirms_and_transactions_exclude_each_other() {
    let mut world = World::new();
    let a = world.join();
    world.expect(a, 1, confirms(), "confirm.select-ok");
    world.expect(a, 1, confirms(), "confirm.select-ok");
    let text = "channel.close 406 PRECONDITION_FAILED - cannot switch from confirm to tx mode (tx.select)";
    world.expect(a, 1, transactions(), text);
    let b = world.join();
    world.expect(b, 1, transactions(), "tx.select-ok");
    let text = "channel.close 406 PRECONDITION_FAILED - cannot switch from tx to confirm mode (confirm.select)";
    world.expect(b, 1, confirms(), text);
}

#[test]
fn each_channel_counts_its_own_confirms() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.tell(a, 2, channel::Open {});
    world.lines(a);
    for channel in [1, 2] {
        world.expect(a, channel, confirms(), "confirm.select-ok");
    }
    let mut frames = Vec::new();
    for channel in [1, 1, 2, 1, 2, 2] {
        frames.extend(message_frames(channel, to("", "q"), &PERSISTENT, b"x"));
    }
    world.send_frames(a, &frames);
    assert_eq!(world.lines(a), ["1: ack 2*", "2: ack 1", "1: ack 3", "2: ack 3*"]);
}

#[test]
fn a_confirm_is_joined_only_with_the_one_right_before_it() {
    let mut world = World::new();
    let (a, b) = (world.join(), world.join());
    world.declare(a, "q");
    world.expect(a, 1, confirms(), "confirm.select-ok");
    world.expect(a, 1, consume_no_ack("q", "ct"), "basic.consume-ok ct");
    world.peer(a).is_stalled = true;
    world.publish(a, to("amq.direct", "nobody"), "");
    world.publish(b, to("", "q"), &"x".repeat(10_000));
    // With the end of the body's frame, as many bytes as a confirm has.
    world.tell(a, 1, basic::Cancel { consumer_tag: s("unknown"), no_wait: false });
    world.publish(a, to("amq.direct", "nobody"), "");
    world.peer(a).is_stalled = false;
    world.flush_bytes(a, usize::MAX);
    let expected = ["1: ack 1", "1: ct 1 /q 10000 bytes", "1: basic.cancel-ok unknown", "1: ack 2"];
    assert_eq!(world.lines(a), expected);
}

#[test]
fn names_are_text() {
    let wrong = || amqp091::codec::ShortString::new(Bytes::from_static(b"\xff\xfe")).unwrap();
    let cases: [(amqp091::codec::Method, &str); 6] = [
        (amqp091::codec::method::queue::Declare { queue: wrong(), ..Default::default() }.into(), "queue.declare"),
        (
            amqp091::codec::method::queue::Bind { routing_key: wrong(), ..bind("q", "amq.topic", "") }.into(),
            "queue.bind",
        ),
        (exchange::Declare { exchange: wrong(), kind: s("topic"), ..Default::default() }.into(), "exchange.declare"),
        (exchange::Delete { exchange: wrong(), ..Default::default() }.into(), "exchange.delete"),
        (basic::Get { queue: wrong(), no_ack: true }.into(), "basic.get"),
        (basic::Consume { consumer_tag: wrong(), ..consume("q", "") }.into(), "basic.consume"),
    ];
    for (method, name) in cases {
        let mut world = World::new();
        let a = world.join();
        let text = format!("0: connection.close 501 FRAME_ERROR - Malformed UTF-8 in shortstr ({name})");
        assert_eq!(world.call(a, 1, method), [text]);
    }
    let mut world = World::new();
    let a = world.join();
    let frames = message_frames(1, basic::Publish { routing_key: wrong(), ..to("", "") }, &Properties::default(), b"x");
    hard(&mut world, a, &frames, "501 FRAME_ERROR - Malformed UTF-8 in shortstr (basic.publish)");
}
