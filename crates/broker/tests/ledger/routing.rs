//! Exchanges and bindings.

use broker::Options;
use model::{
    Binding, Command, ConnectionId, Exchange, ExchangeKind, ExchangeSettings, HeaderRule, HeaderValue, Refusal, Token,
};

use crate::harness::World;
use crate::harness::commands::*;
use crate::harness::properties::{Lines, having};

pub(crate) fn world(queues: &[&str]) -> (World, ConnectionId) {
    let (_, encodings) = Lines::registered();
    let mut world = World::with(Options {
        encodings,
        auto_create: true,
        memory_limit: 1 << 30,
        evicts: true,
        ..Options::default()
    });
    let a = world.open();
    queues.iter().for_each(|name| drop(world.run(a, declare(name))));
    (world, a)
}

/// Which queues have the message, emptied again.
pub(crate) fn arrived(world: &mut World, a: ConnectionId, queues: &[&str]) -> String {
    let mut found = String::new();
    for name in queues {
        let count = world.run(a, purge(name, true)).count();
        assert!(count <= 1, "{name} has it {count} times");
        found += if count == 1 { name } else { "" };
    }
    found
}

#[test]
fn each_kind_of_exchange_compares_as_it_should() {
    let queues = ["a", "b", "c", "d"];
    let (mut world, a) = world(&queues);
    world.run(a, declare_exchange("mine", ExchangeKind::Topic));
    let bindings = [
        (Exchange::Direct, ["k", "k", "other", "k.x"]),
        (Exchange::Fanout, ["k", "", "other", "#"]),
        (Exchange::Topic, ["k.*", "k.#", "*.x", "#.x.#"]),
        (Exchange::Named("mine".into()), ["k.*", "k.#", "*.x", "#.x.#"]),
    ];
    for (exchange, keys) in &bindings {
        for (name, key) in queues.iter().zip(keys) {
            world.run(a, bind(name, binding(exchange, key, 0)));
        }
    }
    world.compare();
    let mine = Exchange::Named("mine".into());
    let table = [
        (Exchange::Direct, "k", "ab"),
        (Exchange::Direct, "other", "c"),
        (Exchange::Direct, "nothing", ""),
        (Exchange::Fanout, "whatever", "abcd"),
        (Exchange::Topic, "k", "b"),
        (Exchange::Topic, "k.x", "abcd"),
        (Exchange::Topic, "k.y", "ab"),
        (Exchange::Topic, "z.x.y", "d"),
        (Exchange::Topic, "", ""),
        (mine.clone(), "k.x", "abcd"),
        (mine.clone(), "k.y.z", "b"),
        (Exchange::Default, "c", "c"),
    ];
    for round in 0..2 {
        for (exchange, key, to) in &table {
            world.run(a, publish_to(exchange, key, "x"));
            assert_eq!(arrived(&mut world, a, &queues), *to, "{exchange:?} {key}, round {round}");
        }
        // The second round asks the cache, and then a broker that was restored.
        if round == 1 {
            world.restart();
            let b = world.open();
            world.run(b, publish_to(&mine, "k.x", "x"));
            assert_eq!(arrived(&mut world, b, &queues), "abcd");
            return;
        }
    }
}

#[test]
fn headers_exchanges_match_all_or_any() {
    let queues = ["all", "any", "there"];
    let (mut world, a) = world(&queues);
    let rule = |all, pairs: &[(&str, Option<&str>)]| {
        let pairs = pairs.iter().map(|(name, value)| ((*name).into(), value.map(Into::into))).collect();
        Binding { headers: Some(HeaderRule { all, with_x: false, pairs }), ..binding(&Exchange::Headers, "", 0) }
    };
    world.run(a, bind("all", rule(true, &[("color", Some("red")), ("size", Some("big"))])));
    world.run(a, bind("any", rule(false, &[("color", Some("red")), ("size", Some("big"))])));
    world.run(a, bind("there", rule(true, &[("color", None)])));
    for (properties, to) in [
        ("color=red\nsize=big", "allanythere"),
        ("color=red", "anythere"),
        ("color=blue\nsize=big", "anythere"),
        ("size=big", "any"),
        ("weight=1", ""),
    ] {
        world.run(
            a,
            publish_with("", "x", |message, _| {
                message.address.exchange = Exchange::Headers;
                having(message, properties);
            }),
        );
        assert_eq!(arrived(&mut world, a, &queues), to, "{properties}");
    }
    // Two rules with one key are two bindings.
    world.run(a, bind("there", rule(true, &[("weight", None)])));
    world.run(a, unbind("there", rule(true, &[("color", None)])));
    let heavy = publish_with("", "x", |message, _| {
        message.address.exchange = Exchange::Headers;
        having(message, "weight=1");
    });
    world.run(a, heavy);
    assert_eq!(arrived(&mut world, a, &queues), "there");
    world.compare();
}

#[test]
fn a_binding_may_ask_for_headers_and_a_selector() {
    let (mut world, a) = world(&["q"]);
    let rule = HeaderRule { all: true, with_x: false, pairs: vec![("color".into(), Some("red".into()))] };
    let both = Binding { headers: Some(rule), selector: Some("size > 3".into()), ..binding(&Exchange::Headers, "", 0) };
    world.run(a, bind("q", both));
    for (properties, to) in [("color=red\nsize=4", "q"), ("color=red\nsize=2", ""), ("color=blue\nsize=4", "")] {
        world.run(
            a,
            publish_with("", "x", |message, _| {
                message.address.exchange = Exchange::Headers;
                having(message, properties);
            }),
        );
        assert_eq!(arrived(&mut world, a, &["q"]), to, "{properties}");
    }
}

#[test]
fn overlapping_bindings_deliver_once_with_all_tags() {
    let (mut world, a) = world(&["q"]);
    for (pattern, tag) in [("a.b", 1), ("a.*", 2), ("a.#", 3), ("#", 4), ("c", 5)] {
        world.run(a, subscribe("q", pattern, tag));
    }
    world.run(a, consume("q", 0, 10));
    let happened = world.run(a, topic("a.b", "x"));
    assert!(happened.has("Deliver c0 q0@1.1 \"x\" tags [1, 2, 3, 4]"), "{happened:?}");
    // The same binding again replaces the tag.
    world.run(a, subscribe("q", "a.*", 9));
    assert!(world.run(a, topic("a.b", "x")).has("tags [1, 3, 4, 9]"));
    world.run(a, unbind("q", binding(&Exchange::Topic, "a.*", 0)));
    assert!(world.run(a, topic("a.b", "x")).has("tags [1, 3, 4]"));
    world.compare();
    world.restart();
    let b = world.open();
    world.run(b, consume("q", 0, 10));
    assert!(world.run(b, topic("a.b", "x")).has("tags [1, 3, 4]"));
}

#[test]
fn the_strongest_of_overlapping_bindings_counts() {
    let (mut world, a) = world(&["q"]);
    let low = Binding { at_most_once: true, ..binding(&Exchange::Topic, "a.#", 1) };
    world.run(a, bind("q", low));
    assert!(!world.run(a, topic("a.b", "x")).has("Published"));
    world.run(a, subscribe("q", "a.b", 2));
    assert!(world.run(a, topic("a.b", "x")).has("Published"));
}

#[test]
fn of_one_message_in_two_queues_only_the_durable_place_survives() {
    let (mut world, a) = world(&["q", "r"]);
    world.run(a, subscribe("q", "t", 0));
    world.run(a, bind("r", Binding { at_most_once: true, ..binding(&Exchange::Topic, "t", 0) }));
    let happened = world.run(a, topic("t", "x"));
    assert!(happened.lines.iter().any(|line| line.ends_with("amq.topic/t \"x\" -> q0@1")), "{happened:?}");
    assert_eq!((world.tally("q"), world.tally("r")), ((1, 0, 0), (1, 0, 0)));
    world.compare();
    world.restart();
    assert_eq!((world.tally("q"), world.tally("r")), ((1, 0, 0), (0, 0, 0)));
}

#[test]
fn bindings_with_selectors_take_what_they_match() {
    let (mut world, a) = world(&["q", "r"]);
    let select = |text: &str, tag| Binding { selector: Some(text.into()), ..binding(&Exchange::Topic, "t.#", tag) };
    world.run(a, bind("q", select("n > 5", 1)));
    world.run(a, bind("r", select("n <= 5 AND color LIKE 'r%'", 2)));
    assert!(matches!(world.run(a, bind("q", select("n >", 1))).refusal(), Refusal::Invalid(_)));
    for (properties, to) in [("n=9", "q"), ("n=3\ncolor=red", "r"), ("n=3\ncolor=blue", ""), ("", "")] {
        world.run(
            a,
            publish_with("t.x", "x", |message, _| {
                message.address.exchange = Exchange::Topic;
                having(message, properties);
            }),
        );
        assert_eq!(arrived(&mut world, a, &["q", "r"]), to, "{properties}");
    }
    world.compare();
}

#[test]
fn wildcards_do_not_see_topics_that_hide() {
    let (mut world, a) = world(&["q", "r", "s"]);
    for (name, pattern, hides_dollar) in [("q", "#", true), ("r", "#", false), ("s", "$SYS.#", true)] {
        world.run(a, bind(name, Binding { hides_dollar, ..binding(&Exchange::Topic, pattern, 0) }));
    }
    for (key, to) in [("$SYS.load", "rs"), ("a.$b", "qr"), ("$", "r")] {
        world.run(a, topic(key, "x"));
        assert_eq!(arrived(&mut world, a, &["q", "r", "s"]), to, "{key}");
    }
}

#[test]
fn exchanges_are_declared_and_deleted() {
    let (mut world, a) = world(&["q"]);
    let mine = Exchange::Named("mine".into());
    let declare = |kind, passive| Command::DeclareExchange {
        token: Token(0),
        namespace: ROOT,
        name: "mine".into(),
        settings: ExchangeSettings::new(kind),
        passive,
    };
    let delete = |exchange: &Exchange, if_unused| Command::DeleteExchange {
        token: Token(0),
        namespace: ROOT,
        exchange: exchange.clone(),
        if_unused,
    };
    assert!(matches!(world.run(a, publish_to(&mine, "k", "x")).refusal(), Refusal::NoSuchExchange(_)));
    assert!(matches!(world.run(a, bind("q", binding(&mine, "k", 0))).refusal(), Refusal::NoSuchExchange(_)));
    assert!(matches!(world.run(a, declare(ExchangeKind::Direct, true)).refusal(), Refusal::NoSuchExchange(_)));
    world.run(a, declare(ExchangeKind::Direct, false));
    assert!(world.run(a, declare(ExchangeKind::Direct, false)).reply().is_ok());
    assert!(world.run(a, declare(ExchangeKind::Fanout, true)).reply().is_ok());
    assert!(matches!(world.run(a, declare(ExchangeKind::Fanout, false)).refusal(), Refusal::Different(..)));
    world.run(a, bind("q", binding(&mine, "k", 0)));
    assert_eq!(world.run(a, delete(&mine, true)).refusal(), Refusal::InUse("mine".into()));
    world.run(a, publish_to(&mine, "k", "x"));
    assert_eq!(arrived(&mut world, a, &["q"]), "q");
    world.compare();
    assert!(world.run(a, delete(&mine, false)).reply().is_ok());
    assert!(matches!(world.run(a, publish_to(&mine, "k", "x")).refusal(), Refusal::NoSuchExchange(_)));
    for always in [Exchange::Default, Exchange::Topic, Exchange::Direct, Exchange::Fanout, Exchange::Headers] {
        assert!(matches!(world.run(a, delete(&always, false)).refusal(), Refusal::Invalid(_)));
    }
    assert!(matches!(world.run(a, bind("q", binding(&Exchange::Default, "q", 0))).refusal(), Refusal::Invalid(_)));
    world.compare();
    world.restart();
    let b = world.open();
    assert!(matches!(world.run(b, publish_to(&mine, "k", "x")).refusal(), Refusal::NoSuchExchange(_)));
}

#[test]
fn a_pattern_is_bounded_in_depth_and_length() {
    let (mut world, a) = world(&["q"]);
    let deep = |levels: usize| vec!["x"; levels].join(".");
    assert!(world.run(a, subscribe("q", &deep(128), 0)).reply().is_ok());
    assert!(matches!(world.run(a, subscribe("q", &deep(129), 0)).refusal(), Refusal::Limit(..)));
    // Deeper topics are compared, and do no harm.
    assert!(world.run(a, topic(&deep(30_000), "x")).has("unrouted"));
    world.run(a, subscribe("q", "#.y", 0));
    assert!(world.run(a, topic(&(deep(20_000) + ".y"), "x")).has("Confirm"));
    assert_eq!(arrived(&mut world, a, &["q"]), "q");
}

#[test]
fn headers_are_compared_with_their_types() {
    let queues = ["number", "text", "x"];
    let (mut world, a) = world(&queues);
    let rule = |name: &str, value, with_x| {
        let rule = HeaderRule { all: true, with_x, pairs: vec![(name.into(), Some(value))] };
        Binding { headers: Some(rule), ..binding(&Exchange::Headers, "", 0) }
    };
    world.run(a, bind("number", rule("size", HeaderValue::Float(3.0), false)));
    world.run(a, bind("text", rule("size", "3".into(), false)));
    world.run(a, bind("x", rule("x-size", HeaderValue::Int(3), true)));
    for (properties, to) in [("size=3", "number"), ("size=4", ""), ("x-size=3", "x"), ("size=three", "")] {
        let sized = publish_with("", "x", |message, _| {
            message.address.exchange = Exchange::Headers;
            having(message, properties);
        });
        world.run(a, sized);
        assert_eq!(arrived(&mut world, a, &queues), to, "{properties}");
    }
    world.compare();
}

#[test]
fn headers_of_a_binding_only_tell_it_apart_where_the_exchange_does_not_look_at_them() {
    let (mut world, a) = world(&["q"]);
    let rule = |name: &str| HeaderRule { all: true, with_x: false, pairs: vec![(name.into(), Some("x".into()))] };
    let with = |name: &str| Binding { headers: Some(rule(name)), ..binding(&Exchange::Direct, "k", 0) };
    world.run(a, bind("q", with("one")));
    world.run(a, bind("q", with("two")));
    world.run(a, unbind("q", with("one")));
    world.run(a, publish_to(&Exchange::Direct, "k", "x"));
    assert_eq!(arrived(&mut world, a, &["q"]), "q");
    world.compare();
}

#[test]
fn a_message_may_be_put_into_one_queue_whatever_its_address() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("q")), (a, declare("other")), (a, subscribe("other", "t.#", 0))]);
    let direct = |name: &str| {
        publish_with("t.x", "one", |message, publish| {
            message.address.exchange = model::Exchange::Topic;
            publish.queue = Some(named(name));
        })
    };
    world.run(a, direct("q"));
    assert_eq!((world.tally("q"), world.tally("other")), ((1, 0, 0), (0, 0, 0)));
    let happened = world.run(a, consume("q", 0, 1));
    assert_eq!(happened.delivered()[0].message.address.key, "t.x".into(), "it keeps its address");
    world.expect(a, direct("nowhere"), &["a@5 Refused: no queue \"nowhere\""]);
    world.run(a, declare_with("own", |it| it.lifetime = model::Lifetime::Connection));
    assert!(world.run(a, direct("own")).reply().is_err(), "it belongs to its connection");
    world.compare();
}
