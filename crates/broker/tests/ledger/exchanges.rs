//! Exchanges of exchanges: bound to each other, alternates, and those that go by themselves.

use model::{Binding, Command, Exchange, ExchangeKind, ExchangeSettings, Refusal, Token};

use super::routing::{arrived, world};
use crate::harness::World;
use crate::harness::commands::*;

fn exchange(name: &str) -> Exchange {
    Exchange::Named(name.into())
}

fn declared_as(name: &str, settings: ExchangeSettings) -> Command {
    Command::DeclareExchange { token: Token(0), namespace: ROOT, name: name.into(), settings, passive: false }
}

fn tie(destination: &str, binding: Binding) -> Command {
    let (destination, binding) = (exchange(destination), Box::new(binding));
    Command::BindExchange { token: Token(0), namespace: ROOT, destination, binding }
}

fn untie(destination: &str, binding: Binding) -> Command {
    let (destination, binding) = (exchange(destination), Box::new(binding));
    Command::UnbindExchange { token: Token(0), namespace: ROOT, destination, binding }
}

#[test]
fn messages_pass_from_exchange_to_exchange_under_their_own_key() {
    let (mut world, a) = world(&["q", "r", "s"]);
    for (name, kind) in [("all", ExchangeKind::Fanout), ("some", ExchangeKind::Topic), ("back", ExchangeKind::Fanout)] {
        world.run(a, declared_as(name, ExchangeSettings::new(kind)));
    }
    world.run(a, tie("some", binding(&exchange("all"), "", 0)));
    world.run(a, bind("q", binding(&exchange("all"), "", 0)));
    world.run(a, bind("r", binding(&exchange("some"), "a.*", 0)));
    // A circle, and a second way to the same queue: nobody gets a message twice.
    world.run(a, tie("back", binding(&exchange("some"), "#", 0)));
    world.run(a, tie("all", binding(&exchange("back"), "", 0)));
    world.run(a, bind("q", binding(&exchange("back"), "", 0)));
    for restarts in [false, true] {
        if restarts {
            world.compare();
            world.restart();
        }
        let a = world.open();
        for (from, key, to) in [("all", "a.b", "qr"), ("all", "b", "q"), ("some", "a.b", "qr"), ("back", "x", "q")] {
            world.run(a, publish_to(&exchange(from), key, "x"));
            assert_eq!(arrived(&mut world, a, &["q", "r", "s"]), to, "{from} {key}, restarted: {restarts}");
        }
    }
    let a = world.open();
    world.run(a, untie("some", binding(&exchange("all"), "", 0)));
    world.run(a, publish_to(&exchange("all"), "a.b", "x"));
    assert_eq!(arrived(&mut world, a, &["q", "r", "s"]), "q");
    world.compare();
}

#[test]
fn every_condition_on_the_way_must_hold() {
    let (mut world, a) = world(&["q"]);
    for name in ["first", "second"] {
        world.run(a, declared_as(name, ExchangeSettings::new(ExchangeKind::Fanout)));
    }
    let when =
        |from: &str, selector: &str| Binding { selector: Some(selector.into()), ..binding(&exchange(from), "", 0) };
    world.run(a, tie("second", when("first", "JMSPriority > 3")));
    world.run(a, bind("q", when("second", "JMSPriority < 6")));
    for (priority, to) in [(3, ""), (4, "q"), (5, "q"), (6, "")] {
        let urgent = publish_with("k", "x", |message, _| {
            message.address.exchange = exchange("first");
            message.header.priority = priority;
        });
        world.run(a, urgent);
        assert_eq!(arrived(&mut world, a, &["q"]), to, "priority {priority}");
    }
}

#[test]
fn what_nothing_takes_goes_to_the_alternate() {
    let (mut world, a) = world(&["q", "r"]);
    let alternate = |name: &str| Some(model::Name::from(name));
    for (name, next) in [("one", "two"), ("two", "three"), ("three", "one"), ("lost", "nobody")] {
        let settings = ExchangeSettings { alternate: alternate(next), ..ExchangeSettings::new(ExchangeKind::Direct) };
        world.run(a, declared_as(name, settings));
    }
    world.run(a, bind("q", binding(&exchange("one"), "k", 0)));
    world.run(a, bind("r", binding(&exchange("three"), "other", 0)));
    for (from, key, to) in [("one", "k", "q"), ("one", "other", "r"), ("one", "nothing", ""), ("lost", "k", "")] {
        world.run(a, publish_to(&exchange(from), key, "x"));
        assert_eq!(arrived(&mut world, a, &["q", "r"]), to, "{from} {key}");
    }
    world.compare();
}

#[test]
fn an_exchange_goes_with_its_last_binding_if_it_was_declared_so() {
    let (mut world, a) = world(&["q", "r"]);
    let settings = ExchangeSettings { auto_delete: true, ..ExchangeSettings::new(ExchangeKind::Fanout) };
    for name in ["first", "second"] {
        world.run(a, declared_as(name, settings.clone()));
    }
    let there = |world: &mut World, name: &str| {
        let passive = Command::DeclareExchange {
            token: Token(0),
            namespace: ROOT,
            name: name.into(),
            settings: ExchangeSettings::new(ExchangeKind::Fanout),
            passive: true,
        };
        let id = world.open();
        world.run(id, passive).reply().is_ok()
    };
    world.run(a, bind("q", binding(&exchange("second"), "", 0)));
    world.run(a, bind("r", binding(&exchange("second"), "", 0)));
    world.run(a, tie("second", binding(&exchange("first"), "", 0)));
    world.run(a, unbind("q", binding(&exchange("second"), "", 0)));
    assert!(there(&mut world, "first") && there(&mut world, "second"));
    // With its queue goes the last binding of one, and with that the last of the other.
    world.run(a, delete("r"));
    assert!(!there(&mut world, "first") && !there(&mut world, "second"));
    world.compare();
    world.restart();
    assert!(!there(&mut world, "first") && !there(&mut world, "second"));
}

#[test]
fn an_exchange_is_what_it_was_declared_as() {
    let (mut world, a) = world(&[]);
    let settings = ExchangeSettings::new(ExchangeKind::Fanout);
    world.run(a, declared_as("x", ExchangeSettings { internal: true, ..settings.clone() }));
    world.run(a, declared_as("brief", ExchangeSettings { durable: false, ..settings.clone() }));
    let others = [
        (ExchangeSettings { internal: true, ..ExchangeSettings::new(ExchangeKind::Topic) }, "type"),
        (ExchangeSettings { internal: true, durable: false, ..settings.clone() }, "durable"),
        (ExchangeSettings { internal: true, auto_delete: true, ..settings.clone() }, "auto_delete"),
        (settings.clone(), "internal"),
        (ExchangeSettings { internal: true, alternate: Some("y".into()), ..settings.clone() }, "alternate-exchange"),
    ];
    for (other, what) in others {
        let refusal = world.run(a, declared_as("x", other)).refusal();
        assert!(matches!(refusal, Refusal::Different(name, differs, _) if name == "x" && differs == what));
    }
    assert_eq!(world.run(a, publish_to(&exchange("x"), "k", "x")).refusal(), Refusal::Internal("x".into()));
    world.compare();
    world.restart();
    let a = world.open();
    assert!(matches!(world.run(a, publish_to(&exchange("brief"), "k", "x")).refusal(), Refusal::NoSuchExchange(_)));
    assert_eq!(world.run(a, publish_to(&exchange("x"), "k", "x")).refusal(), Refusal::Internal("x".into()));
}
