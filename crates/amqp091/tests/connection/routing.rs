//! From exchanges to queues.

use amqp091::codec::method::{exchange, queue};
use amqp091::codec::{FieldValue, Properties};

use crate::client::*;
use crate::world::{Client, World};

fn exchange_of(name: &str, kind: &str) -> exchange::Declare {
    exchange::Declare { exchange: s(name), kind: s(kind), ..Default::default() }
}

/// How many messages are in each of these queues, which are emptied.
fn taken(world: &mut World, client: Client, queues: &[&str]) -> Vec<u64> {
    let counts = queues.iter().map(|name| world.tally(name).0).collect();
    for name in queues {
        world.tell(client, 1, queue::Purge { queue: s(name), no_wait: true });
    }
    counts
}

#[test]
fn each_kind_of_exchange_has_its_rule() {
    let mut world = World::new();
    let a = world.join();
    let queues = ["1", "2"];
    queues.iter().for_each(|name| world.declare(a, name));
    for kind in ["direct", "fanout", "topic"] {
        world.expect(a, 1, exchange_of(kind, kind), "exchange.declare-ok");
        world.expect(a, 1, bind("1", kind, "a.b"), "queue.bind-ok");
        world.expect(a, 1, bind("2", kind, "a.*"), "queue.bind-ok");
    }
    for (kind, key, expected) in [
        ("direct", "a.b", [1, 0]),
        ("direct", "a.*", [0, 1]),
        ("direct", "a.c", [0, 0]),
        ("fanout", "whatever", [1, 1]),
        ("topic", "a.b", [1, 1]),
        ("topic", "a.c", [0, 1]),
        ("topic", "a", [0, 0]),
    ] {
        world.publish(a, to(kind, key), "x");
        assert_eq!(taken(&mut world, a, &queues), expected, "{kind} {key}");
    }
    let unbind = queue::Unbind { queue: s("2"), exchange: s("topic"), routing_key: s("a.*"), ..Default::default() };
    world.expect(a, 1, unbind, "queue.unbind-ok");
    world.publish(a, to("topic", "a.b"), "x");
    assert_eq!(taken(&mut world, a, &queues), [1, 0]);
    let found = world.call(a, 1, bind("1", "", "k"));
    let text = "1: channel.close 403 ACCESS_REFUSED - operation not permitted on the default exchange (queue.bind)";
    assert_eq!(found, [text]);
}

#[test]
fn headers_are_matched_with_their_types() {
    let mut world = World::new();
    let a = world.join();
    let queues = ["all", "any", "there", "x", "none"];
    let (one, yes) = (FieldValue::Int(1), FieldValue::Bool(true));
    let arguments = [
        table(&[("x-match", text("all")), ("a", one), ("b", yes)]),
        table(&[("x-match", text("any")), ("a", one), ("b", yes)]),
        table(&[("c", FieldValue::Void)]),
        table(&[("x-match", text("all-with-x")), ("x-tenant", text("t"))]),
        table(&[]),
    ];
    for (name, arguments) in queues.iter().zip(arguments) {
        world.declare(a, name);
        let bind = queue::Bind { arguments, ..bind(name, "amq.headers", "") };
        world.expect(a, 1, bind, "queue.bind-ok");
    }
    type Fields<'a> = &'a [(&'a str, FieldValue<'a>)];
    let cases: [(Fields<'_>, [u64; 5]); 5] = [
        (&[("a", FieldValue::Long(1)), ("b", yes)], [1, 1, 0, 0, 1]),
        (&[("a", text("1"))], [0, 0, 0, 0, 1]),
        (&[("b", yes), ("c", text("here"))], [0, 1, 1, 0, 1]),
        (&[("x-tenant", text("t"))], [0, 0, 0, 1, 1]),
        (&[], [0, 0, 0, 0, 1]),
    ];
    for (headers, expected) in cases {
        let headers = table(headers);
        let properties = Properties { headers: Some(headers.view()), ..Properties::default() };
        world.publish_with(a, to("amq.headers", ""), &properties, b"x");
        assert_eq!(taken(&mut world, a, &queues), expected, "{headers:?}");
    }
    let arguments = table(&[("x-match", text("some"))]);
    let found = world.call(a, 1, queue::Bind { arguments, ..bind("all", "amq.headers", "") });
    assert!(found[0].starts_with("1: channel.close 406 PRECONDITION_FAILED - Invalid x-match"), "{found:?}");
}

#[test]
fn arguments_mean_nothing_to_other_exchanges() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    let arguments = table(&[("note", text("x"))]);
    world.expect(a, 1, exchange_of("x", "direct"), "exchange.declare-ok");
    for (exchange, key) in [("amq.topic", "#"), ("x", "k")] {
        let arguments = arguments.clone();
        world.expect(a, 1, queue::Bind { arguments, ..bind("q", exchange, key) }, "queue.bind-ok");
        world.publish(a, to(exchange, "k"), "x");
        assert_eq!(taken(&mut world, a, &["q"]), [1], "{exchange}");
    }
}

#[test]
fn exchanges_are_bound_to_exchanges() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.expect(a, 1, exchange_of("from", "topic"), "exchange.declare-ok");
    world.expect(a, 1, exchange_of("to", "fanout"), "exchange.declare-ok");
    world.expect(a, 1, bind("q", "to", ""), "queue.bind-ok");
    let tie = exchange::Bind { destination: s("to"), source: s("from"), routing_key: s("a.#"), ..Default::default() };
    world.expect(a, 1, tie.clone(), "exchange.bind-ok");
    world.publish(a, to("from", "a.b"), "x");
    world.publish(a, to("from", "b"), "x");
    assert_eq!(taken(&mut world, a, &["q"]), [1]);
    let untie =
        exchange::Unbind { destination: s("to"), source: s("from"), routing_key: s("a.#"), ..Default::default() };
    world.expect(a, 1, untie, "exchange.unbind-ok");
    world.publish(a, to("from", "a.b"), "x");
    assert_eq!(world.tally("q"), (0, 0));
    let text = "channel.close 404 NOT_FOUND - no exchange 'none' in vhost '/' (exchange.bind)";
    world.expect(a, 1, exchange::Bind { source: s("none"), ..tie }, text);
    let b = world.join();
    let text = "channel.close 403 ACCESS_REFUSED - operation not permitted on the default exchange (exchange.bind)";
    world.expect(b, 1, exchange::Bind { destination: s("to"), ..Default::default() }, text);
}

#[test]
fn an_alternate_exchange_takes_the_rest() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "rest");
    world.expect(a, 1, bind("rest", "amq.fanout", ""), "queue.bind-ok");
    let arguments = table(&[("alternate-exchange", text("amq.fanout"))]);
    let declare = exchange::Declare { arguments, ..exchange_of("x", "direct") };
    world.expect(a, 1, declare, "exchange.declare-ok");
    world.publish(a, mandatory("x", "nobody"), "x");
    assert_eq!(world.tally("rest"), (1, 0));
    assert!(world.lines(a).is_empty());
}

#[test]
fn an_exchange_may_go_with_its_last_binding() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    let declare = exchange::Declare { auto_delete: true, ..exchange_of("x", "direct") };
    world.expect(a, 1, declare, "exchange.declare-ok");
    world.expect(a, 1, bind("q", "x", "k"), "queue.bind-ok");
    world.expect(a, 1, queue::Delete { queue: s("q"), ..Default::default() }, "queue.delete-ok 0");
    let passive = exchange::Declare { passive: true, ..exchange_of("x", "direct") };
    let text = "channel.close 404 NOT_FOUND - no exchange 'x' in vhost '/' (exchange.declare)";
    world.expect(a, 1, passive, text);
}
