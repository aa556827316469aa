//! Link credit and drain (AMQP 1.0, 2.6.7).

use crate::harness::World;
use crate::harness::commands::*;

/// A queue `q` with these messages, and a connection that has consumer 0 on it.
fn with_messages(bodies: &[&str]) -> (World, model::ConnectionId) {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    for body in bodies {
        world.run(a, publish("q", *body));
    }
    world.run(a, consume("q", 0, 0));
    (world, a)
}

#[test]
fn drain_with_fewer_messages_than_credit_hands_them_out_then_says_drained_once() {
    let (mut world, a) = with_messages(&["one", "two"]);
    world.expect(
        a,
        drain(0, 5),
        &[
            "5: Marked q0 below 4097",
            "a@5 Deliver c0 q0@1.1 \"one\"",
            "a@5 Deliver c0 q0@2.1 \"two\"",
            "a@5 Drained c0",
        ],
    );
    // The rest of the credit is gone.
    world.expect(a, publish("q", "three"), &["6: Published #3 q \"three\" -> q0@3", "a@6 Confirm #3"]);
}
