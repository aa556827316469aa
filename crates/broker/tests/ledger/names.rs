//! Namespaces, names and aliases.

use model::{
    Address, Command, ConnectionId, Declare, DeclareMode, Inspect, Lifetime, Name, Namespace, QueueRef, QueueSettings,
    Refusal, Reply, Token,
};

use crate::harness::World;
use crate::harness::commands::*;

fn entered(world: &mut World, a: ConnectionId, name: &str) -> Namespace {
    match world.run(a, enter(name)).reply() {
        Ok(Reply::Namespace(namespace)) => namespace,
        other => panic!("{other:?}"),
    }
}

fn declare_in(namespace: Namespace, name: &str) -> Command {
    let (settings, mode) = (QueueSettings::default(), DeclareMode::IfAbsent);
    Command::Declare(Box::new(Declare {
        token: Token(0),
        namespace,
        name: name.into(),
        settings,
        mode,
        own: model::Own::No,
    }))
}

fn publish_in(namespace: Namespace, name: &str, body: &str) -> Command {
    publish_with(name, body, |message, _| message.address = Address::queue(namespace, name.into()))
}

#[test]
fn the_same_name_in_two_namespaces_is_two_queues() {
    let mut world = World::new();
    let a = world.open();
    let one = entered(&mut world, a, "111/eu");
    let two = entered(&mut world, a, "222/eu");
    assert!(one != two && one != ROOT && two != ROOT);
    assert_eq!(entered(&mut world, a, "111/eu"), one);
    for namespace in [ROOT, one, two] {
        world.run(a, declare_in(namespace, "q"));
        world.run(a, publish_in(namespace, "q", &format!("in {}", namespace.0)));
    }
    world.compare();
    world.restart();
    let a = world.open();
    assert_eq!(entered(&mut world, a, "222/eu"), two);
    for (index, namespace) in [ROOT, one, two].into_iter().enumerate() {
        let happened =
            world.run(a, fetch_with("q", index as u32, 9, |it| it.queue = QueueRef::Named(namespace, "q".into())));
        assert_eq!(happened.bodies(), [format!("in {}", namespace.0)]);
    }
    let happened =
        world.run(a, inspect(Inspect::Queues { namespace: Some(one), prefix: Name::default(), internal: false }));
    let Ok(Reply::Queues(queues)) = happened.reply() else { panic!("{happened:?}") };
    assert_eq!(queues.len(), 1);
}

#[test]
fn topics_of_namespaces_are_apart() {
    let mut world = World::new();
    let a = world.open();
    let other = entered(&mut world, a, "111/eu");
    world.run(a, declare_in(other, "q"));
    let queue = QueueRef::Named(other, "q".into());
    let pattern = binding(&model::Exchange::Topic, "#", 0);
    world.run(a, Command::Bind { token: Token(0), queue, binding: pattern.into(), replay: false });
    assert!(world.run(a, topic("t", "x")).has("unrouted"));
    let there = publish_with("t", "x", |message, _| message.address = Address::topic(other, "t".into()));
    assert!(world.run(a, there).has("-> q0@1"));
}

#[test]
fn aliases_are_given_once_and_never_collide() {
    let mut world = World::new();
    let a = world.open();
    // Two names that AWS would spell the same, then one that is spelt like an alias, then one with its own name.
    for name in ["orders.eu", "orders/eu", "orders-eu", "plain", "fifo.x.fifo"] {
        world.run(a, declare(name));
    }
    let alias = |world: &mut World, name: &str| world.info(name).alias;
    let first = alias(&mut world, "orders.eu").expect("one");
    let second = alias(&mut world, "orders/eu").expect("one");
    let third = alias(&mut world, "orders-eu").expect("its own name is taken as an alias");
    assert_eq!(first, "orders-eu");
    assert!(second.starts_with("orders-eu-") && third.starts_with("orders-eu-") && second != third);
    assert_eq!(alias(&mut world, "plain"), None);
    assert_eq!(alias(&mut world, "fifo.x.fifo").as_deref(), Some("fifo-x.fifo"));
    world.compare();
    world.restart();
    assert_eq!(alias(&mut world, "orders/eu").as_ref(), Some(&second));
    assert_eq!(world.info(&second).name, Name::from("orders/eu"));
    // A queue in between does not show up, and gets no alias.
    let a = world.open();
    world.run(a, declare_with("hidden.one", |it| it.internal = true));
    assert_eq!(alias(&mut world, "hidden.one"), None);
    let all = |internal| inspect(Inspect::Queues { namespace: Some(ROOT), prefix: "hidden".into(), internal });
    let happened = world.run(a, all(false));
    assert!(matches!(happened.reply(), Ok(Reply::Queues(queues)) if queues.is_empty()));
    let happened = world.run(a, all(true));
    assert!(matches!(happened.reply(), Ok(Reply::Queues(queues)) if queues.len() == 1));
    // Gone, its alias is free again.
    world.run(a, delete("orders.eu"));
    assert_eq!(world.info("orders-eu").alias.as_ref(), Some(&third));
    world.compare();
}

#[test]
fn a_queue_behind_a_subscription_is_not_reached_by_its_name() {
    let mut world = World::new();
    let a = world.open();
    let own = || QueueSettings { internal: true, ..QueueSettings::default() };
    world.run(a, declare_as("session", own(), DeclareMode::IfAbsent));
    assert!(world.run(a, declare_as("session", own(), DeclareMode::IfAbsent)).reply().is_ok(), "its owner may");
    for mode in [DeclareMode::IfAbsent, DeclareMode::Passive, DeclareMode::Same] {
        let refusal = world.run(a, declare_as("session", QueueSettings::default(), mode)).refusal();
        assert_eq!(refusal, Refusal::Exclusive("session".into()));
    }
    for _ in 0..2 {
        assert_eq!(world.run(a, publish("session", "x")).refusal(), Refusal::Exclusive("session".into()));
    }
    world.run(a, subscribe("session", "t", 0));
    assert!(world.run(a, topic("t", "x")).has("Confirm"));
    assert_eq!(world.browse("session"), ["x"]);
    // A temporary one takes answers from everybody.
    let temporary = QueueSettings { lifetime: Lifetime::Connection, ..own() };
    world.run(a, declare_as("replies", temporary, DeclareMode::IfAbsent));
    let b = world.open();
    assert!(world.run(b, publish("replies", "x")).has("Confirm"));
    world.compare();
}
