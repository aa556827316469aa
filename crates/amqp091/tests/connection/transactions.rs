//! Class `tx`.

use amqp091::codec::method::{channel, queue, tx};
use amqp091::codec::{FieldValue, Properties};

use crate::client::*;
use crate::world::{Client, World};

/// A transactional channel, and a queue `q` with the messages `1` to `3`, all of which the client has.
fn started() -> (World, Client) {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.declare(a, "out");
    for i in 1..=3 {
        world.publish(a, to("", "q"), &i.to_string());
    }
    world.expect(a, 1, transactions(), "tx.select-ok");
    world.tell(a, 1, consume("q", "ct"));
    assert_eq!(world.lines(a).len(), 4);
    (world, a)
}

#[test]
fn nothing_happens_before_the_commit_and_then_everything() {
    let (mut world, a) = started();
    world.publish(a, to("", "out"), "x");
    world.tell(a, 1, ack(1));
    world.tell(a, 1, nack(2, true));
    world.tell(a, 1, nack(3, false));
    assert_eq!((world.tally("q"), world.tally("out")), ((0, 3), (0, 0)));
    assert!(world.lines(a).is_empty());
    let mut lines = world.call(a, 1, tx::Commit {});
    lines.sort();
    assert_eq!(lines, ["1: ct 4r /q 2", "1: tx.commit-ok"]);
    assert_eq!((world.tally("q"), world.tally("out")), ((0, 1), (1, 0)));
    // The next one begins by itself.
    world.tell(a, 1, ack(4));
    world.expect(a, 1, tx::Commit {}, "tx.commit-ok");
    world.expect(a, 1, tx::Commit {}, "tx.commit-ok");
    assert_eq!(world.tally("q"), (0, 0));
}

#[test]
fn a_rollback_makes_acknowledgements_undone() {
    let (mut world, a) = started();
    world.publish(a, to("", "out"), "x");
    world.tell(a, 1, ack_through(2));
    world.expect(a, 1, tx::Rollback {}, "tx.rollback-ok");
    assert_eq!((world.tally("q"), world.tally("out")), ((0, 3), (0, 0)));
    // They can be acknowledged again.
    world.tell(a, 1, ack_through(3));
    world.expect(a, 1, tx::Commit {}, "tx.commit-ok");
    assert_eq!(world.tally("q"), (0, 0));
}

#[test]
fn a_channel_that_closes_rolls_back() {
    let (mut world, a) = started();
    world.publish(a, to("", "out"), "x");
    world.tell(a, 1, ack_through(2));
    world.expect(a, 1, close_channel(), "channel.close-ok");
    assert_eq!((world.tally("q"), world.tally("out")), ((3, 0), (0, 0)));
    world.expect(a, 1, channel::Open {}, "channel.open-ok");
    world.expect(a, 1, transactions(), "tx.select-ok");
    world.publish(a, to("", "out"), "y");
    world.expect(a, 1, tx::Commit {}, "tx.commit-ok");
    world.expect(a, 1, get("out"), "got 1 /out y, 0 left");
}

#[test]
fn a_commit_waits_for_the_disk_and_survives_a_crash() {
    let (mut world, a) = started();
    world.syncs = false;
    world.publish_with(a, to("", "out"), &PERSISTENT, b"x");
    world.tell(a, 1, tx::Commit {});
    assert!(world.lines(a).is_empty());
    let last = world.last();
    world.sync(last);
    assert_eq!(world.lines(a), ["1: tx.commit-ok"]);
    world.syncs = true;
    world.crash();
    assert_eq!(world.tally("out"), (1, 0));
}

#[test]
fn an_unknown_exchange_ends_a_transaction_with_its_channel() {
    let (mut world, a) = started();
    world.publish(a, to("", "out"), "x");
    world.tell(a, 1, ack(1));
    world.publish(a, to("none", "k"), "x");
    let text = "1: channel.close 404 NOT_FOUND - no exchange 'none' in vhost '/' (basic.publish)";
    assert_eq!(world.lines(a), [text]);
    assert_eq!((world.tally("q"), world.tally("out")), ((3, 0), (0, 0)));
}

#[test]
fn what_nobody_takes_does_not_hinder_the_rest() {
    let (mut world, a) = started();
    world.publish(a, to("", "none"), "dropped");
    world.publish(a, to("amq.direct", "none"), "dropped");
    world.publish(a, mandatory("", "none"), "back");
    world.publish(a, mandatory("", "out"), "x");
    world.tell(a, 1, ack_through(3));
    let mut lines = world.call(a, 1, tx::Commit {});
    lines.sort();
    assert_eq!(lines, ["1: returned 312 NO_ROUTE /none back", "1: tx.commit-ok"]);
    assert_eq!((world.tally("q"), world.tally("out")), ((0, 0), (1, 0)));
}

#[test]
fn a_commit_that_fails_gives_back_what_it_was_to_settle() {
    let (mut world, a) = started();
    let arguments = table(&[("x-max-length", FieldValue::Int(0)), ("x-overflow", text("reject-publish"))]);
    world.expect(a, 1, queue::Declare { arguments, ..durable("full") }, "queue.declare-ok full 0 0");
    world.publish(a, to("", "full"), "x");
    world.tell(a, 1, ack_through(2));
    let text = "channel.close 406 PRECONDITION_FAILED - queue \"full\" is full (tx.commit)";
    world.expect(a, 1, tx::Commit {}, text);
    assert_eq!(world.tally("q"), (3, 0));
    // The same while the channel closes for another reason.
    let (mut world, a) = started();
    let mut frames = vec![frame(1, ack_through(2))];
    frames.extend(message_frames(1, to("none", "k"), &Properties::default(), b"x"));
    frames.push(frame(1, tx::Commit {}));
    world.send_frames(a, &frames);
    let text = "1: channel.close 404 NOT_FOUND - no exchange 'none' in vhost '/' (basic.publish)";
    assert_eq!(world.lines(a), [text]);
    assert_eq!(world.tally("q"), (3, 0));
}

#[test]
fn of_commits_in_a_row_each_that_fails_gives_back_its_own() {
    let (mut world, a) = started();
    let arguments = table(&[("x-max-length", FieldValue::Int(0)), ("x-overflow", text("reject-publish"))]);
    world.expect(a, 1, queue::Declare { arguments, ..durable("full") }, "queue.declare-ok full 0 0");
    let mut frames = vec![frame(1, ack(1)), frame(1, tx::Commit {}), frame(1, ack(2))];
    frames.extend(message_frames(1, to("", "full"), &Properties::default(), b"x"));
    frames.push(frame(1, tx::Commit {}));
    world.send_frames(a, &frames);
    let text = "1: channel.close 406 PRECONDITION_FAILED - queue \"full\" is full (tx.commit)";
    assert_eq!(world.lines(a), ["1: tx.commit-ok", text]);
    assert_eq!(world.tally("q"), (2, 0), "the first is settled, and nobody has the others");
}

#[test]
fn only_a_transactional_channel_commits() {
    let mut world = World::new();
    for (method, name) in
        [(amqp091::codec::Method::from(tx::Commit {}), "tx.commit"), (tx::Rollback {}.into(), "tx.rollback")]
    {
        let a = world.join();
        let text = format!("channel.close 406 PRECONDITION_FAILED - channel is not transactional ({name})");
        world.expect(a, 1, method, &text);
    }
}
