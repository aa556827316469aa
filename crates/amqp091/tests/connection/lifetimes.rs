//! Queues that belong to somebody or something.

use amqp091::codec::FieldValue;
use amqp091::codec::method::{basic, channel, queue};

use crate::client::*;
use crate::world::World;

fn exclusive(name: &str) -> queue::Declare {
    queue::Declare { exclusive: true, ..transient(name) }
}

fn auto_delete(name: &str) -> queue::Declare {
    queue::Declare { auto_delete: true, ..transient(name) }
}

fn cancel(tag: &str) -> basic::Cancel {
    basic::Cancel { consumer_tag: s(tag), no_wait: false }
}

#[test]
fn an_exclusive_queue_belongs_to_its_connection() {
    let mut world = World::new();
    let (a, b) = (world.join(), world.join());
    world.expect(a, 1, exclusive("mine"), "queue.declare-ok mine 0 0");
    world.expect(a, 1, exclusive("mine"), "queue.declare-ok mine 0 0");
    let locked = "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. It could \
                  be originally declared on another connection or the exclusive property value does not match that \
                  of the original declaration.";
    let methods: [(amqp091::codec::Method, &str); 7] = [
        (exclusive("mine").into(), "queue.declare"),
        (passive("mine").into(), "queue.declare"),
        (consume("mine", "ct").into(), "basic.consume"),
        (get("mine").into(), "basic.get"),
        (bind("mine", "amq.topic", "k").into(), "queue.bind"),
        (queue::Purge { queue: s("mine"), no_wait: false }.into(), "queue.purge"),
        (queue::Delete { queue: s("mine"), ..Default::default() }.into(), "queue.delete"),
    ];
    for (method, name) in methods {
        world.expect(b, 1, method, &format!("channel.close {locked} ({name})"));
        world.tell(b, 1, channel::CloseOk {});
        world.expect(b, 1, channel::Open {}, "channel.open-ok");
    }
    // Anybody may publish to it.
    world.publish(b, to("", "mine"), "x");
    world.expect(a, 1, get("mine"), "got 1 /mine x, 0 left");
    world.expect(a, 1, transient("mine"), &format!("channel.close {locked} (queue.declare)"));
    world.cut(a);
    assert!(world.info("mine").is_none());
    world.declare(b, "theirs");
    world.expect(
        b,
        1,
        exclusive("theirs"),
        &format!("channel.close {} (queue.declare)", locked.replace("mine", "theirs")),
    );
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer() {
    let mut world = World::new();
    let (a, b) = (world.join(), world.join());
    world.expect(a, 1, auto_delete("q"), "queue.declare-ok q 0 0");
    world.publish(a, to("", "q"), "x");
    world.expect(a, 1, basic::Get { no_ack: true, ..get("q") }, "got 1 /q x, 0 left");
    assert!(world.info("q").is_some(), "it has had no consumer");
    world.expect(a, 1, consume("q", "a"), "basic.consume-ok a");
    world.expect(b, 1, consume("q", "b"), "basic.consume-ok b");
    world.expect(a, 1, cancel("a"), "basic.cancel-ok a");
    assert!(world.info("q").is_some());
    world.cut(b);
    assert!(world.info("q").is_none());
}

#[test]
fn a_channel_that_closes_ends_its_consumers() {
    let mut world = World::new();
    let a = world.join();
    world.expect(a, 1, auto_delete("q"), "queue.declare-ok q 0 0");
    world.expect(a, 1, consume("q", "a"), "basic.consume-ok a");
    world.expect(a, 1, close_channel(), "channel.close-ok");
    assert!(world.info("q").is_none());
}

#[test]
fn an_exclusive_queue_may_go_earlier_with_its_last_consumer() {
    let mut world = World::new();
    let a = world.join();
    let both = |name: &str| queue::Declare { auto_delete: true, ..exclusive(name) };
    world.expect(a, 1, both("q"), "queue.declare-ok q 0 0");
    world.expect(a, 1, both("q"), "queue.declare-ok q 0 0");
    world.expect(a, 1, consume("q", "a"), "basic.consume-ok a");
    world.expect(a, 1, consume("q", "b"), "basic.consume-ok b");
    world.expect(a, 1, cancel("a"), "basic.cancel-ok a");
    assert!(world.info("q").is_some());
    world.expect(a, 1, cancel("b"), "basic.cancel-ok b");
    assert!(world.info("q").is_none());
    world.expect(a, 1, both("q"), "queue.declare-ok q 0 0");
    world.expect(a, 1, consume("q", "a"), "basic.consume-ok a");
    world.expect(a, 1, close_channel(), "channel.close-ok");
    assert!(world.info("q").is_none());
}

#[test]
fn a_name_is_not_remembered_beyond_its_queue() {
    let mut world = World::new();
    let a = world.join();
    world.expect(a, 1, queue::Declare { auto_delete: true, ..exclusive("q") }, "queue.declare-ok q 0 0");
    world.expect(a, 1, queue::Delete { queue: s("q"), ..Default::default() }, "queue.delete-ok 0");
    world.expect(a, 1, exclusive("q"), "queue.declare-ok q 0 0");
    world.expect(a, 1, consume("q", "ct"), "basic.consume-ok ct");
    world.expect(a, 1, cancel("ct"), "basic.cancel-ok ct");
    assert!(world.info("q").is_some());
}

#[test]
fn durable_queues_survive_a_restart_and_others_do_not() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "stays");
    world.expect(a, 1, transient("goes"), "queue.declare-ok goes 0 0");
    world.publish_with(a, to("", "stays"), &PERSISTENT, b"stays");
    world.publish(a, to("", "stays"), "goes");
    world.crash();
    let b = world.join();
    world.expect(b, 1, get("stays"), "got 1 /stays stays, 0 left");
    assert!(world.info("goes").is_none());
    world.expect(b, 1, durable("stays"), "queue.declare-ok stays 0 0");
}

#[test]
fn a_queue_that_nobody_uses_expires() {
    let mut world = World::new();
    let a = world.join();
    let arguments = table(&[("x-expires", FieldValue::Int(1000))]);
    world.expect(a, 1, queue::Declare { arguments, ..transient("q") }, "queue.declare-ok q 0 0");
    world.advance(900);
    world.expect(a, 1, get("q"), "basic.get-empty");
    world.advance(900);
    world.expect(a, 1, consume("q", "ct"), "basic.consume-ok ct");
    world.advance(5000);
    world.expect(a, 1, cancel("ct"), "basic.cancel-ok ct");
    world.advance(999);
    assert!(world.info("q").is_some());
    world.advance(2);
    assert!(world.info("q").is_none());
}
