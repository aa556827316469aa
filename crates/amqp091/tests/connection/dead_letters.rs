//! What a message's headers say after it has died.

use amqp091::codec::method::{basic, queue};
use amqp091::codec::{FieldValue, Properties};

use crate::client::*;
use crate::world::{Client, World};

/// A queue `q` with these arguments, whose dead letters go through `amq.direct` to `dead`.
fn mortal(arguments: &[(&str, FieldValue<'_>)]) -> (World, Client) {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "dead");
    world.expect(a, 1, bind("dead", "amq.direct", "q"), "queue.bind-ok");
    world.expect(a, 1, bind("dead", "amq.direct", "other"), "queue.bind-ok");
    let mut all = vec![("x-dead-letter-exchange", text("amq.direct"))];
    all.extend(arguments);
    let declare = queue::Declare { arguments: table(&all), ..durable("q") };
    world.expect(a, 1, declare, "queue.declare-ok q 0 0");
    (world, a)
}

#[track_caller]
fn dead(world: &mut World, client: Client) -> Message {
    world.tell(client, 1, basic::Get { queue: s("dead"), no_ack: true });
    world.messages(client).remove(0)
}

#[test]
fn a_rejected_message_says_where_it_died() {
    let (mut world, a) = mortal(&[]);
    let headers = table(&[("mine", text("stays")), ("x-death", text("forged"))]);
    let properties = Properties { headers: Some(headers.view()), content_type: Some(b"t"), ..PERSISTENT };
    world.publish_with(a, to("", "q"), &properties, b"x");
    world.tell(a, 1, get("q"));
    world.lines(a);
    world.tell(a, 1, nack(1, false));
    world.tell(a, 1, basic::Get { queue: s("dead"), no_ack: true });
    let time = world.now.0 / 1000;
    assert_eq!(world.peer(a).inbox.len(), 3);
    let message = world.messages(a).remove(0);
    let death = format!("[{{count=1, reason=rejected, queue=q, time=T{time}, exchange=, routing-keys=[q]}}]");
    assert_eq!(message.header("x-death"), Some(death));
    let is = |name: &str, value: &str| assert_eq!(message.header(name).as_deref(), Some(value), "{name}");
    is("x-first-death-queue", "q");
    is("x-first-death-reason", "rejected");
    is("x-first-death-exchange", "");
    is("x-last-death-queue", "q");
    is("x-last-death-reason", "rejected");
    is("x-last-death-exchange", "");
    is("mine", "stays");
    assert_eq!(message.properties().content_type, Some(&b"t"[..]));
    assert_eq!(message.properties().delivery_mode, Some(2));
    assert_eq!(message.body, "x");
}

#[test]
fn a_dead_letter_is_delivered_from_where_it_was_sent_to() {
    let (mut world, a) = mortal(&[("x-dead-letter-routing-key", text("other"))]);
    world.publish(a, to("", "q"), "x");
    world.tell(a, 1, get("q"));
    world.tell(a, 1, nack(1, false));
    world.lines(a);
    world.expect(a, 1, get("dead"), "got 2 amq.direct/other x, 0 left");
}

#[test]
fn an_expired_message_does_not_expire_again() {
    let (mut world, a) = mortal(&[]);
    world.publish_with(a, to("", "q"), &Properties { expiration: Some(b"100"), ..PERSISTENT }, b"x");
    world.advance(100);
    let message = dead(&mut world, a);
    assert_eq!(message.properties().expiration, None);
    assert_eq!(message.header("x-first-death-reason").as_deref(), Some("expired"));
    assert!(message.header("x-death").unwrap().contains("original-expiration=100"));
}

#[test]
fn a_queues_own_time_to_live_counts_too() {
    let (mut world, a) = mortal(&[("x-message-ttl", FieldValue::Int(50))]);
    world.publish(a, to("", "q"), "x");
    world.advance(50);
    assert_eq!(dead(&mut world, a).header("x-last-death-reason").as_deref(), Some("expired"));
}

#[test]
fn what_has_no_room_dies_first() {
    let (mut world, a) = mortal(&[("x-max-length", FieldValue::Int(1))]);
    world.publish(a, to("", "q"), "old");
    world.publish(a, to("", "q"), "new");
    let message = dead(&mut world, a);
    assert_eq!(message.body, "old");
    assert_eq!(message.header("x-first-death-reason").as_deref(), Some("maxlen"));
}

#[test]
fn what_comes_back_too_often_dies() {
    let (mut world, a) = mortal(&[("x-delivery-limit", FieldValue::Int(2)), ("x-queue-type", text("quorum"))]);
    world.publish(a, to("", "q"), "x");
    world.tell(a, 1, consume("q", "ct"));
    assert_eq!(world.messages(a)[0].header("x-delivery-count"), None);
    for (tag, count) in [(1, "1"), (2, "2")] {
        world.tell(a, 1, nack(tag, true));
        assert_eq!(world.messages(a)[0].header("x-delivery-count").as_deref(), Some(count));
    }
    world.tell(a, 1, nack(3, true));
    assert!(world.lines(a).is_empty());
    let message = dead(&mut world, a);
    assert_eq!(message.header("x-first-death-reason").as_deref(), Some("delivery_limit"));
}

#[test]
fn without_an_exchange_for_dead_letters_they_are_dropped() {
    let mut world = World::new();
    let a = world.join();
    let arguments = table(&[("x-delivery-limit", FieldValue::Int(0))]);
    world.expect(a, 1, queue::Declare { arguments, ..durable("q") }, "queue.declare-ok q 0 0");
    world.declare(a, "p");
    for queue in ["q", "p"] {
        world.publish(a, to("", queue), "x");
    }
    world.tell(a, 1, consume("q", "ct"));
    world.tell(a, 1, consume("p", "cp"));
    world.tell(a, 1, nack(1, true));
    world.tell(a, 1, nack(2, false));
    assert_eq!((world.tally("q"), world.tally("p")), ((0, 0), (0, 0)));
}
