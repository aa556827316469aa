//! What becomes of what a user may not do, with the real broker.

use amqp10::codec::{Attach, Performative, Source, Symbol, TerminusDurability, TerminusExpiry, Transfer};
use model::{CloseReason, Command};

use crate::client::{credit, data, durable, receives, sends, transfer};
use crate::guard::Except;
use crate::peer::Said;
use crate::world::{Client, World};

const DENIED: &str = "amqp:unauthorized-access";

/// A world with the queue `q`, and a client with a session for which these rights are missing.
fn world(missing: &[&str]) -> (World, Client) {
    let mut world = World::new();
    world.declare("q", model::QueueSettings::default());
    world.guard = Some(Except::of(missing));
    let bob = world.join();
    (world, bob)
}

fn dynamic() -> Attach {
    let source = Source { dynamic: true, ..Source::default() };
    Attach { source: Some(source), ..receives(0, "") }
}

fn durable_subscription(topic: &str) -> Attach {
    let mut attach = receives(0, topic);
    if let Some(source) = &mut attach.source {
        (source.durable, source.expiry_policy) = (TerminusDurability::UnsettledState, TerminusExpiry::Never);
    }
    attach
}

#[test]
fn each_attach_that_is_denied_is_answered_by_a_detach() {
    let copies = |mut attach: Attach| {
        if let Some(source) = &mut attach.source {
            source.distribution_mode = Some(amqp10::codec::DistributionMode::Copy);
        }
        attach
    };
    let rows = [
        ("read queue q", receives(0, "queue://q"), "user \"bob\" may not read queue \"q\""),
        ("read queue q", copies(receives(0, "queue://q")), "user \"bob\" may not read queue \"q\""),
        ("see queue q", receives(0, "queue://q"), "user \"bob\" may not see queue \"q\""),
        ("configure queue new", receives(0, "queue://new"), "user \"bob\" may not configure queue \"new\""),
        ("read topic t", receives(0, "topic://t"), "user \"bob\" may not read topic \"t\""),
        ("read topic t", durable_subscription("topic://t"), "user \"bob\" may not read topic \"t\""),
        ("configure temporary queue", dynamic(), "user \"bob\" may not configure the temporary queue"),
        ("see queue q", sends(0, "queue://q"), "user \"bob\" may not see queue \"q\""),
        ("configure queue new", sends(0, "queue://new"), "user \"bob\" may not configure queue \"new\""),
        ("see exchange x", sends(0, "/exchanges/x/k"), "user \"bob\" may not see exchange \"x\""),
    ];
    for (missing, attach, text) in rows {
        let (mut world, bob) = world(&[missing]);
        world.send(bob, 0, Performative::Attach(Box::new(attach)));
        let read = world.read(bob);
        let [Said::Frame(0, Performative::Attach(answer), _), Said::Frame(0, Performative::Detach(detach), _)] =
            &read[..]
        else {
            panic!("without {missing:?}: {read:?}")
        };
        let own = match answer.role {
            amqp10::codec::Role::Sender => answer.source.is_none(),
            amqp10::codec::Role::Receiver => answer.target.is_none(),
        };
        let error = detach.error.as_ref().unwrap();
        assert!(own && detach.closed && error.condition == *DENIED, "without {missing:?}: {read:?}");
        assert_eq!(error.description.as_ref().unwrap().as_str(), text);
        let subscriptions: Vec<_> = world.queues().into_iter().filter(|name| name.starts_with("amqp.")).collect();
        assert!(subscriptions.is_empty(), "nothing is left of it: {subscriptions:?}");
    }
}

#[test]
fn each_message_that_is_denied_is_rejected() {
    let rows = [
        ("write queue q", "queue://q"),
        ("write topic t", "topic://t"),
        ("write topic t", "/exchanges/amq.topic/t"),
        ("write queue q", "/queues/q"),
    ];
    for (missing, address) in rows {
        let (mut world, bob) = world(&[missing]);
        world.attach(bob, sends(0, address));
        world.publish(bob, 0, 0, &data(b"x"));
        let line = format!("receiver 0 settled rejected {DENIED}");
        assert_eq!(world.lines(bob), [line], "{address}");
        // Who waits for nothing is told by the end of the link.
        world.transfer(bob, Transfer { settled: Some(true), ..transfer(0, 1) }, &data(b"x"));
        assert_eq!(world.lines(bob), [format!("detach 0 closed {DENIED}")], "{address}");
        assert_eq!(world.tally("q"), (0, 0));
    }
}

#[test]
fn a_message_over_the_relay_is_rejected_by_itself() {
    let to = |address: &str| {
        let mut message = bytes::BytesMut::new();
        amqp10::codec::Properties { to: Some(address.into()), ..Default::default() }.encode(&mut message);
        [&message[..], &data(b"x")].concat()
    };
    let (mut world, bob) = world(&["write queue q"]);
    let mut relay = sends(0, "");
    relay.target = Some(amqp10::codec::Target::Node(Default::default()));
    world.attach(bob, relay);
    world.publish(bob, 0, 0, &to("queue://q"));
    world.publish(bob, 0, 1, &to("queue://p"));
    assert_eq!(world.lines(bob), [&format!("receiver 0 settled rejected {DENIED}"), "receiver 1 settled accepted"]);
    world.transfer(bob, Transfer { settled: Some(true), ..transfer(0, 2) }, &to("queue://q"));
    assert_eq!(world.lines(bob), [format!("detach 0 closed {DENIED}")]);
}

#[test]
fn who_may_configure_no_queue_has_subscriptions_all_the_same() {
    let (mut world, _) = world(&[]);
    let queues = ["amqp.subscription.client:in-0", "amqp.subscriber.", "amqp.shared.client:in-0"];
    let missing = queues.map(|name| format!("configure queue {name}"));
    world.guard = Some(Except::of(&missing.each_ref().map(String::as_str)));
    let shared = || {
        let mut attach = receives(0, "topic://t");
        if let Some(source) = &mut attach.source {
            source.capabilities = vec![Symbol::from_static("shared"), Symbol::from_static("topic")];
        }
        attach
    };
    for attach in [receives(0, "topic://t"), durable_subscription("topic://t"), shared()] {
        let carl = world.join();
        world.attach(carl, attach);
        world.flow(carl, credit(0, 0, 10));
        world.attach(carl, sends(1, "topic://t"));
        world.lines(carl);
        world.publish(carl, 1, 0, &durable(b"x"));
        assert!(world.lines(carl).iter().any(|line| line.starts_with("transfer 0 0 x")));
        world.detach(carl, 0, true);
        assert_eq!(world.lines(carl), ["detach 0 closed"]);
    }
    assert_eq!(world.queues(), ["q"]);
}

#[test]
fn a_right_that_is_taken_away_ends_its_link() {
    let (mut world, _) = world(&[]);
    let rights = Except::of(&[]);
    world.guard = Some(rights.clone());
    let carl = world.join();
    world.attach(carl, receives(0, "queue://q"));
    rights.and("read queue q");
    world.tell(Command::Reconsider);
    assert_eq!(world.lines(carl), [format!("detach 0 closed {DENIED}")]);
    assert!(world.is_open(carl));
}

#[test]
fn a_user_who_is_gone_is_sent_away() {
    let (mut world, _) = world(&[]);
    let rights = Except::of(&[]);
    world.guard = Some(rights.clone());
    let carl = world.join();
    rights.end();
    world.tell(Command::Reconsider);
    assert_eq!(world.lines(carl), [format!("close {DENIED}")]);
    assert_eq!(world.peer(carl).closed, Some(CloseReason::Revoked));
}
