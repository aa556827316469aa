//! Dead letters: where they go, what their history says, and that nothing goes round for ever.

use model::limits::SHARED_DEAD_LETTERS;
use model::{
    Command, ConnectionId, DeadLetter, DeathReason, Delivery, Exchange, ExchangeKind, Name, Outcome, Overflow, Publish,
    Refusal, Reply, Settle,
};

use crate::harness::World;
use crate::harness::commands::*;

fn x() -> Exchange {
    Exchange::Named("x".into())
}

fn dead_letters_to(exchange: Exchange, key: Option<&str>) -> Option<DeadLetter> {
    Some(DeadLetter { exchange, key: key.map(Name::from), max_deliveries: None })
}

/// A queue whose dead letters go to a topic exchange, under their own key, and two queues bound there.
fn exchanged() -> (World, ConnectionId, Delivery) {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_exchange("x", ExchangeKind::Topic));
    world.run(a, declare_with("q", |it| it.dead_letter = dead_letters_to(x(), None)));
    for name in ["one", "all", "none"] {
        world.run(a, declare(name));
    }
    world.run(a, subscribe("q", "a.b", 0));
    for (name, pattern) in [("one", "a.*"), ("all", "#"), ("none", "b.#")] {
        world.run(a, bind(name, binding(&x(), pattern, 0)));
    }
    world.run(a, topic("a.b", "lost"));
    let delivery = world.run(a, get("q", 0, 1)).delivery();
    (world, a, delivery)
}

#[test]
fn an_exchange_gives_dead_letters_to_every_queue_that_is_bound() {
    let (mut world, a, delivery) = exchanged();
    world.run(a, settle(delivery, Outcome::Rejected));
    world.compare();
    world.restart();
    world.compare();
    let b = world.open();
    assert_eq!((world.tally("one"), world.tally("all"), world.tally("none")), ((1, 0, 0), (1, 0, 0), (0, 0, 0)));
    let happened = world.run(b, get("one", 1, 1));
    let history = happened.delivered()[0].history.clone().expect("it was dead-lettered");
    let death = &history.deaths[0];
    assert_eq!((death.queue.to_text(), death.reason, death.count), ("q".into(), DeathReason::Rejected, 1));
    assert_eq!((&death.exchange, death.key.to_text()), (&Exchange::Topic, "a.b".into()), "how it came to q");
    assert_eq!((&history.exchange, history.key.to_text()), (&x(), "a.b".into()), "how it came here");
}

#[test]
fn an_exchange_that_is_gone_or_takes_nothing_drops_them_unless_they_must_be_kept() {
    for (outcome, kept) in [(Outcome::Rejected, false), (Outcome::Poison(""), true), (Outcome::Poison("why"), true)] {
        let (mut world, a, delivery) = exchanged();
        world.run(a, Command::DeleteExchange { token: token(), namespace: ROOT, exchange: x(), if_unused: false });
        world.run(a, settle(delivery, outcome));
        assert_eq!(world.tally("q"), (0, 0, 0));
        assert_eq!(world.counts("q").dropped, u64::from(!kept), "{outcome:?}");
        assert_eq!(world.exists(SHARED_DEAD_LETTERS), kept, "{outcome:?}");
        world.compare();
    }
}

fn token() -> model::Token {
    model::Token(900)
}

#[test]
fn poison_is_kept_in_the_shared_queue_with_the_reason() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    world.run(a, publish("q", "bad"));
    let delivery = world.run(a, get("q", 0, 1)).delivery();
    world.run(a, settle(delivery, Outcome::Poison("no form")));
    world.restart();
    let a = world.open();
    let happened = world.run(a, get(SHARED_DEAD_LETTERS, 0, 1));
    let history = happened.delivered()[0].history.clone().expect("it was dead-lettered");
    assert_eq!(history.deaths[0].reason, DeathReason::Undeliverable);
    assert_eq!(history.deaths[0].detail.to_text(), "no form");
    // The shared queue has no other: what its receiver cannot be told rests there, for others.
    let delivery = happened.delivery();
    world.run(a, settle(delivery, Outcome::Poison("no form")));
    assert_eq!(world.tally(SHARED_DEAD_LETTERS), (0, 0, 1));
    world.advance(60_000);
    let delivery = world.run(a, get(SHARED_DEAD_LETTERS, 0, 1)).delivery();
    // What its receiver rejects there ends there.
    world.run(a, settle(delivery, Outcome::Poison("")));
    assert_eq!(world.tally(SHARED_DEAD_LETTERS), (0, 0, 0));
    world.compare();
}

#[test]
fn poison_in_a_subscription_of_its_own_is_dropped_and_counted() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("s", |it| it.internal = true));
    world.run(a, subscribe("s", "t", 0));
    world.run(a, topic("t", "bad"));
    let delivery = world.run(a, get("s", 0, 1)).delivery();
    world.run(a, settle(delivery, Outcome::Poison("no form")));
    assert_eq!((world.counts("s").dropped, world.exists(SHARED_DEAD_LETTERS)), (1, false));
}

/// `q` and `wait` are each other's dead-letter queue; what waits in `wait` comes back after a second.
fn retrying() -> (World, ConnectionId) {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("q", |it| it.dead_letter = dead_letters_to(Exchange::Default, Some("wait"))));
    world.run(
        a,
        declare_with("wait", |it| {
            (it.ttl, it.dead_letter) = (Some(1_000), dead_letters_to(Exchange::Default, Some("q")));
        }),
    );
    (world, a)
}

#[test]
fn a_rejected_message_may_go_round_and_its_deaths_are_counted() {
    let (mut world, a) = retrying();
    world.run(a, publish("q", "again"));
    for round in 1..=3 {
        let happened = world.run(a, get("q", 0, 1));
        let deaths = happened.delivered()[0].history.as_ref().map(|it| it.deaths.clone()).unwrap_or_default();
        let counted: Vec<_> = deaths.iter().map(|it| (it.queue.to_text().into_owned(), it.reason, it.count)).collect();
        let expected = [("wait", DeathReason::Expired), ("q", DeathReason::Rejected)];
        let expected: Vec<_> = expected.map(|(queue, reason)| (queue.to_owned(), reason, round - 1)).into();
        assert_eq!(counted, if round == 1 { Vec::new() } else { expected });
        world.run(a, settle(happened.delivery(), Outcome::Rejected));
        world.compare();
        world.advance(1_000);
        assert_eq!(world.tally("q"), (1, 0, 0), "round {round}");
    }
}

#[test]
fn what_would_go_round_by_itself_is_dropped() {
    let mut world = World::new();
    let a = world.open();
    for (name, other) in [("q", "r"), ("r", "q")] {
        let to = dead_letters_to(Exchange::Default, Some(other));
        world.run(a, declare_with(name, |it| (it.ttl, it.dead_letter) = (Some(0), to)));
    }
    world.run(a, publish("q", "restless"));
    for _ in 0..4 {
        world.advance(1);
    }
    assert_eq!((world.tally("q"), world.tally("r")), ((0, 0, 0), (0, 0, 0)));
    world.compare();
}

#[test]
fn what_overflows_says_so() {
    let mut world = World::new();
    let a = world.open();
    world.run(
        a,
        declare_with("q", |it| {
            (it.max_length, it.overflow) = (Some(1), Overflow::DeadLetter);
            it.dead_letter = dead_letters_to(Exchange::Default, Some("dead"));
        }),
    );
    world.batch([(a, publish("q", "1")), (a, publish("q", "2"))]);
    let happened = world.run(a, get("dead", 0, 1));
    let history = happened.delivered()[0].history.clone().expect("it was dead-lettered");
    assert_eq!((happened.bodies(), history.deaths[0].reason), (vec!["1".to_owned()], DeathReason::MaxLength));
}

#[test]
fn every_outcome_may_wait_for_a_commit() {
    for (outcome, q, dead) in [(Outcome::Released, 1, 0), (Outcome::Rejected, 0, 1), (Outcome::Accepted, 0, 0)] {
        for commits in [false, true] {
            let mut world = World::new();
            let a = world.open();
            world.run(a, declare_with("q", |it| it.dead_letter = dead_letters_to(Exchange::Default, Some("dead"))));
            world.run(a, declare("dead"));
            world.run(a, publish("q", "one"));
            let delivery = world.run(a, window("q", 0, 1)).delivery();
            world.run(a, begin(3));
            let staged = Settle { transaction: Some(model::TransactionIndex(3)), ..Settle::one(delivery, outcome) };
            world.run(a, Command::Settle(staged));
            assert_eq!((world.tally("q"), world.tally("dead")), ((0, 1, 0), (0, 0, 0)), "{outcome:?}: it waits");
            world.run(a, Command::Cancel { consumer: model::ConsumerIndex(0) });
            world.run(a, if commits { commit(3) } else { rollback(3) });
            let expected = if commits { ((q, 0, 0), (dead, 0, 0)) } else { ((0, 1, 0), (0, 0, 0)) };
            assert_eq!((world.tally("q"), world.tally("dead")), expected, "{outcome:?}, committed: {commits}");
            world.compare();
        }
    }
}

#[test]
fn a_quiet_publish_is_answered_only_by_a_refusal() {
    let mut world = World::new();
    let a = world.open();
    let quiet = |command| match command {
        Command::Publish(publish) => Command::Publish(Publish { quiet: true, create: false, ..publish }),
        other => other,
    };
    world.run(a, declare("q"));
    let happened = world.run(a, quiet(publish("q", "1")));
    assert!(!happened.has("Confirm"), "a publish that was taken");
    assert_eq!(world.tally("q"), (1, 0, 0));
    let refused = world.run(a, quiet(publish_to(&x(), "k", "2")));
    assert!(matches!(refused.reply(), Err(Refusal::NoSuchExchange(name)) if name == "x"));
}

#[test]
fn generated_names_are_used_once() {
    let mut world = World::new();
    let a = world.open();
    let mut names = Vec::new();
    for _ in 0..3 {
        let reply = world.run(a, declare_as("gen-", Default::default(), model::DeclareMode::Generated));
        let Ok(Reply::Declared { info, existed: false, .. }) = reply.reply() else { panic!("no new queue") };
        assert!(info.name.to_text().starts_with("gen-") && !names.contains(&info.name), "{}", info.name);
        names.push(info.name.clone());
        world.run(a, delete(&info.name.to_text()));
    }
}
