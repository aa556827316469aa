//! Queues and exchanges come and go.

use amqp091::codec::FieldValue;
use amqp091::codec::method::{channel, exchange, queue};
use model::{DeadLetter, Exchange, Overflow};

use crate::client::*;
use crate::world::{Client, World};

/// A soft error: the channel is closed, and then opened again.
#[track_caller]
fn refused(world: &mut World, client: Client, method: impl Into<amqp091::codec::Method>, text: &str) {
    world.expect(client, 1, method, &format!("channel.close {text}"));
    world.tell(client, 1, channel::CloseOk {});
    world.expect(client, 1, channel::Open {}, "channel.open-ok");
}

fn with(arguments: &[(&str, FieldValue<'_>)]) -> queue::Declare {
    queue::Declare { arguments: table(arguments), ..durable("q") }
}

fn exchange_of(name: &str, kind: &str) -> exchange::Declare {
    exchange::Declare { exchange: s(name), kind: s(kind), ..Default::default() }
}

#[test]
fn a_queue_is_declared_again_if_it_is_the_same() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.publish(a, to("", "q"), "x");
    world.expect(a, 1, durable("q"), "queue.declare-ok q 1 0");
    world.expect(a, 1, passive("q"), "queue.declare-ok q 1 0");
    world.tell(a, 1, queue::Declare { no_wait: true, ..durable("q") });
    let what = "406 PRECONDITION_FAILED - inequivalent arg";
    refused(
        &mut world,
        a,
        transient("q"),
        &format!("{what} 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true' (queue.declare)"),
    );
    refused(
        &mut world,
        a,
        queue::Declare { auto_delete: true, ..durable("q") },
        &format!(
            "{what} 'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false' (queue.declare)"
        ),
    );
    refused(
        &mut world,
        a,
        with(&[("x-message-ttl", FieldValue::Int(60_000))]),
        &format!(
            "{what} 'x-message-ttl' for queue 'q' in vhost '/': received the value '60000' of type 'signedint' but \
             current is none (queue.declare)"
        ),
    );
    refused(
        &mut world,
        a,
        with(&[("x-queue-type", text("quorum"))]),
        &format!(
            "{what} 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but \
             current is the value 'classic' of type 'longstr' (queue.declare)"
        ),
    );
}

#[test]
fn arguments_are_part_of_a_queue() {
    let mut world = World::new();
    let a = world.join();
    let all = [
        ("x-message-ttl", FieldValue::Int(1000)),
        ("x-max-length", FieldValue::Long(5)),
        ("x-max-length-bytes", FieldValue::UnsignedInt(500)),
        ("x-max-priority", FieldValue::Byte(10)),
        ("x-dead-letter-exchange", text("amq.fanout")),
        ("x-dead-letter-routing-key", text("k")),
        ("x-delivery-limit", FieldValue::Short(3)),
        ("x-queue-type", text("quorum")),
        ("x-whatever", FieldValue::Void),
    ];
    world.expect(a, 1, with(&all), "queue.declare-ok q 0 0");
    let settings = world.info("q").unwrap().settings;
    assert_eq!((settings.ttl, settings.max_length, settings.max_bytes), (Some(1000), Some(5), Some(500)));
    assert_eq!((settings.max_priority, settings.overflow), (10, Overflow::DeadLetter));
    let dead_letter = DeadLetter { exchange: Exchange::Fanout, key: Some("k".into()), max_deliveries: Some(4) };
    assert_eq!(settings.dead_letter, Some(dead_letter));
    // In other types, and without what is no part of it.
    let again = [
        ("x-max-length", FieldValue::Byte(5)),
        ("x-message-ttl", FieldValue::Long(1000)),
        ("x-max-length-bytes", FieldValue::Int(500)),
        ("x-max-priority", FieldValue::Int(10)),
        ("x-dead-letter-exchange", text("amq.fanout")),
        ("x-dead-letter-routing-key", text("k")),
        ("x-delivery-limit", FieldValue::Int(3)),
        ("x-queue-type", text("quorum")),
    ];
    world.expect(a, 1, with(&again), "queue.declare-ok q 0 0");
    refused(
        &mut world,
        a,
        with(&again[1..]),
        "406 PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received none but \
         current is the value '5' of type 'long' (queue.declare)",
    );
}

#[test]
fn arguments_have_types_and_limits() {
    let mut world = World::new();
    let a = world.join();
    let cases = [
        ("x-message-ttl", text("1000"), "{unacceptable_type,longstr}"),
        ("x-message-ttl", FieldValue::Int(-1), "{value_negative,-1}"),
        ("x-expires", FieldValue::Int(0), "{value_zero,0}"),
        ("x-max-length", FieldValue::Bool(true), "{unacceptable_type,bool}"),
        ("x-max-priority", FieldValue::Int(256), "max_value_exceeded"),
        ("x-dead-letter-exchange", FieldValue::Int(1), "{unacceptable_type,signedint}"),
        ("x-dead-letter-routing-key", text("k"), "routing_key_but_no_dlx_defined"),
        ("x-overflow", text("sometimes"), "invalid_overflow"),
        ("x-queue-type", text("round"), "invalid_queue_type"),
    ];
    for (name, value, why) in cases {
        let text =
            format!("406 PRECONDITION_FAILED - invalid arg '{name}' for queue 'q' in vhost '/': {why} (queue.declare)");
        refused(&mut world, a, with(&[(name, value)]), &text);
    }
    assert!(world.info("q").is_none());
}

#[test]
fn a_queue_of_another_protocol_is_taken_as_it_is() {
    let mut world = World::new();
    let a = world.join();
    world
        .ask(|token| {
            let settings = model::QueueSettings { ttl: Some(345_600_000), max_length: Some(7), ..Default::default() };
            let (namespace, name, mode) = (model::Namespace(0), "q".into(), model::DeclareMode::Same);
            model::Command::Declare(Box::new(model::Declare {
                token,
                namespace,
                name,
                settings,
                mode,
                own: model::Own::No,
            }))
        })
        .unwrap();
    world.expect(a, 1, durable("q"), "queue.declare-ok q 0 0");
    world.expect(a, 1, with(&[("x-max-length", FieldValue::Int(7))]), "queue.declare-ok q 0 0");
    refused(
        &mut world,
        a,
        with(&[("x-max-length", FieldValue::Int(8))]),
        "406 PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received the value '8' \
         of type 'signedint' but current is the value '7' of type 'long' (queue.declare)",
    );
    refused(
        &mut world,
        a,
        with(&[("x-dead-letter-exchange", text("dlx"))]),
        "406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'q' in vhost '/': received the \
         value 'dlx' of type 'longstr' but current is none (queue.declare)",
    );
}

#[test]
fn names_are_given_and_reserved() {
    let mut world = World::new();
    let a = world.join();
    let line = world.call(a, 1, transient("")).remove(0);
    let name = line.strip_prefix("1: queue.declare-ok ").unwrap().split(' ').next().unwrap().to_owned();
    assert!(name.starts_with("amq.gen-"), "{name}");
    // The queue declared last is meant where none is named.
    world.expect(a, 1, bind("", "amq.direct", ""), "queue.bind-ok");
    world.publish(a, to("amq.direct", &name), "x");
    world.expect(a, 1, get(""), &format!("got 1 amq.direct/{name} x, 0 left"));
    world.expect(a, 1, transient(&name), &format!("queue.declare-ok {name} 0 0"));
    let reserved = "contains reserved prefix 'amq.*'";
    refused(
        &mut world,
        a,
        transient("amq.mine"),
        &format!("403 ACCESS_REFUSED - queue name 'amq.mine' {reserved} (queue.declare)"),
    );
    refused(
        &mut world,
        a,
        exchange_of("amq.mine", "direct"),
        &format!("403 ACCESS_REFUSED - exchange name 'amq.mine' {reserved} (exchange.declare)"),
    );
    refused(
        &mut world,
        a,
        exchange::Delete { exchange: s("amq.topic"), ..Default::default() },
        &format!("403 ACCESS_REFUSED - exchange name 'amq.topic' {reserved} (exchange.delete)"),
    );
    refused(&mut world, a, get(""), "404 NOT_FOUND - no previously declared queue (basic.get)");
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut world = World::new();
    let a = world.join();
    let no_queue = "404 NOT_FOUND - no queue 'none' in vhost '/'";
    let no_exchange = "404 NOT_FOUND - no exchange 'none' in vhost '/'";
    world.declare(a, "q");
    refused(&mut world, a, passive("none"), &format!("{no_queue} (queue.declare)"));
    refused(&mut world, a, get("none"), &format!("{no_queue} (basic.get)"));
    refused(&mut world, a, consume("none", "ct"), &format!("{no_queue} (basic.consume)"));
    refused(&mut world, a, bind("none", "amq.topic", "k"), &format!("{no_queue} (queue.bind)"));
    refused(&mut world, a, bind("q", "none", "k"), &format!("{no_exchange} (queue.bind)"));
    let purge = queue::Purge { queue: s("none"), no_wait: false };
    refused(&mut world, a, purge, &format!("{no_queue} (queue.purge)"));
    let passive = exchange::Declare { passive: true, ..exchange_of("none", "direct") };
    refused(&mut world, a, passive, &format!("{no_exchange} (exchange.declare)"));
    // What is to be gone may be gone.
    world.expect(a, 1, queue::Delete { queue: s("none"), ..Default::default() }, "queue.delete-ok 0");
    world.expect(a, 1, exchange::Delete { exchange: s("none"), ..Default::default() }, "exchange.delete-ok");
    let unbind = queue::Unbind { queue: s("q"), exchange: s("none"), ..Default::default() };
    world.expect(a, 1, unbind, "queue.unbind-ok");
}

#[test]
fn queues_are_purged_and_deleted() {
    let mut world = World::new();
    let (a, b) = (world.join(), world.join());
    world.declare(a, "q");
    for _ in 0..3 {
        world.publish(a, to("", "q"), "x");
    }
    let if_empty = queue::Delete { queue: s("q"), if_empty: true, ..Default::default() };
    let text = "406 PRECONDITION_FAILED - queue 'q' in vhost '/' not empty (queue.delete)";
    refused(&mut world, a, if_empty.clone(), text);
    world.expect(a, 1, queue::Purge { queue: s("q"), no_wait: false }, "queue.purge-ok 3");
    world.expect(b, 1, consume("q", "ct"), "basic.consume-ok ct");
    let if_unused = queue::Delete { queue: s("q"), if_unused: true, ..Default::default() };
    let text = "406 PRECONDITION_FAILED - queue 'q' in vhost '/' in use (queue.delete)";
    refused(&mut world, a, if_unused, text);
    world.publish(a, to("", "q"), "x");
    world.expect(a, 1, queue::Delete { queue: s("q"), ..Default::default() }, "queue.delete-ok 1");
    assert_eq!(world.lines(b), ["1: ct 1 /q x", "1: basic.cancel ct"]);
    // An acknowledgement for what is gone is no fault.
    world.tell(b, 1, ack(1));
    assert!(world.lines(b).is_empty());
}

#[test]
fn exchanges_are_declared_again_if_they_are_the_same() {
    let mut world = World::new();
    let a = world.join();
    for kind in ["direct", "fanout", "topic", "headers"] {
        world.expect(a, 1, exchange_of(kind, kind), "exchange.declare-ok");
        world.expect(a, 1, exchange_of(kind, kind), "exchange.declare-ok");
        let standing = exchange::Declare { durable: true, ..exchange_of(&format!("amq.{kind}"), kind) };
        world.expect(a, 1, standing, "exchange.declare-ok");
    }
    let what = "406 PRECONDITION_FAILED - inequivalent arg";
    let cases = [
        (exchange_of("direct", "fanout"), "'type'", "'fanout' but current is 'direct'"),
        (
            exchange::Declare { durable: true, ..exchange_of("direct", "direct") },
            "'durable'",
            "'true' but current is 'false'",
        ),
        (
            exchange::Declare { auto_delete: true, ..exchange_of("direct", "direct") },
            "'auto_delete'",
            "'true' but current is 'false'",
        ),
    ];
    for (declare, arg, received) in cases {
        let text = format!("{what} {arg} for exchange 'direct' in vhost '/': received {received} (exchange.declare)");
        refused(&mut world, a, declare, &text);
    }
    let alternate = table(&[("alternate-exchange", text("amq.fanout"))]);
    let with_alternate = exchange::Declare { arguments: alternate, ..exchange_of("alt", "direct") };
    world.expect(a, 1, with_alternate.clone(), "exchange.declare-ok");
    let value = "the value 'amq.fanout' of type 'longstr'";
    let arg = "'alternate-exchange' for exchange";
    let text_of = |name, received, current| {
        format!("{what} {arg} '{name}' in vhost '/': received {received} but current is {current} (exchange.declare)")
    };
    refused(&mut world, a, exchange_of("alt", "direct"), &text_of("alt", "none", value));
    let other = exchange::Declare { exchange: s("direct"), ..with_alternate };
    refused(&mut world, a, other, &text_of("direct", value, "none"));
    let delayed = table(&[("x-delayed-type", text("topic"))]);
    let delayed = exchange::Declare { arguments: delayed, ..exchange_of("late", "x-delayed-message") };
    world.expect(a, 1, delayed, "exchange.declare-ok");
    world.expect(a, 1, exchange_of("late", "topic"), "exchange.declare-ok");
    refused(
        &mut world,
        a,
        exchange_of("", "direct"),
        "403 ACCESS_REFUSED - operation not permitted on the default exchange (exchange.declare)",
    );
    let found = world.call(a, 1, exchange_of("x", "x-random"));
    assert_eq!(
        found,
        ["0: connection.close 503 COMMAND_INVALID - unknown exchange type 'x-random' (exchange.declare)"]
    );
}

#[test]
fn an_exchange_in_use_stays_if_asked() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.expect(a, 1, exchange_of("x", "direct"), "exchange.declare-ok");
    world.expect(a, 1, bind("q", "x", "k"), "queue.bind-ok");
    let delete = exchange::Delete { exchange: s("x"), if_unused: true, no_wait: false };
    let text = "406 PRECONDITION_FAILED - exchange 'x' in vhost '/' in use (exchange.delete)";
    refused(&mut world, a, delete.clone(), text);
    let unbind = queue::Unbind { queue: s("q"), exchange: s("x"), routing_key: s("k"), ..Default::default() };
    world.expect(a, 1, unbind, "queue.unbind-ok");
    world.expect(a, 1, delete, "exchange.delete-ok");
}

#[test]
fn what_is_not_built_says_so() {
    let mut world = World::new();
    let cases = [
        (with(&[("x-queue-type", text("stream"))]), "x-queue-type=stream"),
        (with(&[("x-overflow", text("reject-publish-dlx"))]), "x-overflow=reject-publish-dlx"),
    ];
    for (declare, text) in cases {
        let a = world.join();
        let found = world.call(a, 1, declare);
        assert_eq!(found, [format!("0: connection.close 540 NOT_IMPLEMENTED - {text} (queue.declare)")]);
    }
}

#[test]
fn without_waiting_nothing_is_answered() {
    let mut world = World::new();
    let a = world.join();
    world.tell(a, 1, queue::Declare { no_wait: true, ..durable("q") });
    world.tell(a, 1, exchange::Declare { no_wait: true, ..exchange_of("x", "direct") });
    world.tell(a, 1, queue::Bind { no_wait: true, ..bind("q", "x", "k") });
    world.tell(a, 1, amqp091::codec::method::basic::Consume { no_wait: true, ..consume("q", "ct") });
    world.tell(a, 1, amqp091::codec::method::confirm::Select { no_wait: true });
    assert!(world.lines(a).is_empty());
    world.publish(a, to("x", "k"), "x");
    let mut lines = world.lines(a);
    lines.sort();
    assert_eq!(lines, ["1: ack 1", "1: ct 1 x/k x"]);
    world.tell(a, 1, amqp091::codec::method::basic::Cancel { consumer_tag: s("ct"), no_wait: true });
    world.tell(a, 1, queue::Purge { queue: s("q"), no_wait: true });
    world.tell(a, 1, exchange::Delete { exchange: s("x"), no_wait: true, if_unused: false });
    world.tell(a, 1, queue::Delete { queue: s("q"), no_wait: true, ..Default::default() });
    assert!(world.lines(a).is_empty());
    assert!(world.info("q").is_none());
    // An error is said all the same.
    let text = "channel.close 404 NOT_FOUND - no queue 'q' in vhost '/' (queue.bind)";
    world.expect(a, 1, queue::Bind { no_wait: true, ..bind("q", "amq.topic", "k") }, text);
}
