//! What guards allow, what they refuse, and what ends when a right is taken away.
#![allow(clippy::disallowed_types, reason = "a guard whose rights a test takes away")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use broker::Options;
use model::{
    Action, Address, Binding, CloseReason, Command, ConnectionId, Declare, DeclareMode, Effect, Exchange, Guard,
    Inspect, Lifetime, Message, Name, Protected, Publish, QueueSettings, Refusal, Reply, Token, TransactionIndex,
};

use crate::harness::World;
use crate::harness::commands::*;

/// Allows what stands in its list, as `action kind name`.
#[derive(Debug, Default)]
struct List {
    allowed: Mutex<BTreeSet<String>>,
    gone: Mutex<bool>,
}

impl List {
    fn of(allowed: &[&str]) -> Arc<Self> {
        Arc::new(Self {
            allowed: Mutex::new(allowed.iter().map(|&it| it.to_owned()).collect()),
            gone: Mutex::default(),
        })
    }

    fn without(&self, right: &str) {
        assert!(self.allowed.lock().is_ok_and(|mut it| it.remove(right)), "{right}");
    }
}

impl Guard for List {
    fn user(&self) -> &str {
        "bob"
    }

    fn stands(&self) -> bool {
        !self.gone.lock().is_ok_and(|gone| *gone)
    }

    fn allows(&self, action: Action, protected: &Protected<'_>) -> bool {
        let what = &protected.what;
        let action = if action == Action::Subscribe { "subscribe" } else { action.name() };
        let allowed = self.allowed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        allowed.contains(format!("{action} {} {}", what.kind(), what.name()).trim_end())
    }
}

fn guarded(world: &mut World, list: &Arc<List>) -> ConnectionId {
    let id = world.open();
    world.run(id, Command::Permit { user: "bob".into(), guard: Some(list.clone()) });
    id
}

fn refused(happened: &crate::harness::Happened) -> bool {
    happened.lines.iter().any(|line| line.contains("may not"))
}

fn own(name: &str, durable: bool) -> Command {
    let lifetime = if durable { Lifetime::Permanent } else { Lifetime::Connection };
    let settings = QueueSettings { internal: true, durable, lifetime, ..QueueSettings::default() };
    let mode = DeclareMode::IfAbsent;
    Command::Declare(Box::new(Declare {
        token: Token(0),
        namespace: ROOT,
        name: name.into(),
        settings,
        mode,
        own: model::Own::Mine,
    }))
}

#[test]
fn before_anybody_says_who_it_is_nothing_is_done() {
    let mut world = World::with(Options { auto_create: true, asks_who: true, ..Options::default() });
    let a = world.open();
    for command in [publish("q", "1"), declare("q"), Command::Inspect { token: UNSET, what: Inspect::Status }] {
        assert_eq!(world.run(a, command).reply().unwrap_err(), Refusal::Login);
    }
    world.run(a, Command::Permit { user: Name::default(), guard: None });
    world.run(a, declare("q")).reply().unwrap();
}

#[test]
fn each_command_asks_for_its_right() {
    let other = Exchange::Named("x".into());
    let bind = |queue: &str, exchange: &Exchange, key: &str| Command::Bind {
        token: UNSET,
        queue: named(queue),
        binding: Box::new(Binding { exchange: exchange.clone(), key: key.into(), ..Binding::default() }),
        replay: false,
    };
    let rows: Vec<(&[&str], Command)> = vec![
        (&["write queue q"], publish("q", "1")),
        (&["read queue q"], consume("q", 9, 1)),
        (&["read queue q"], get("q", 8, 1)),
        (&["see queue new", "configure queue new"], declare("new")),
        (&["see queue q"], declare("q")),
        (&["read queue q"], Command::Purge { token: UNSET, queue: named("q"), leased: false }),
        (
            &["configure queue q"],
            Command::Delete { token: UNSET, queue: named("q"), if_unused: false, if_empty: false },
        ),
        (&["write queue q", "subscribe topic a.*"], bind("q", &Exchange::Topic, "a.*")),
        (&["write queue q", "subscribe exchange x"], bind("q", &other, "k")),
        (&["see queue q"], Command::Inspect { token: UNSET, what: Inspect::Queue(named("q")) }),
        (&["monitor broker"], Command::Inspect { token: UNSET, what: Inspect::Status }),
        (&["monitor broker"], Command::Inspect { token: UNSET, what: Inspect::Connections }),
        (&["read queue q", "write queue r"], Command::Move { token: UNSET, from: named("q"), to: named("r"), max: 1 }),
        (&["configure topic t"], Command::DeclareTopic { token: UNSET, namespace: ROOT, name: "t".into() }),
        (&["enter namespace"], Command::Access { token: UNSET, namespace: ROOT }),
        (&["enter namespace"], enter("111/eu")),
        (&["administer broker"], Command::Backup { token: UNSET, folder: "b".into() }),
    ];
    for (rights, command) in rows {
        for missing in 0..=rights.len() {
            let mut world = World::new();
            world.waits_for_backups = true;
            let root = world.open();
            for queue in ["q", "r"] {
                world.run(root, declare(queue));
            }
            let settings = model::ExchangeSettings::new(model::ExchangeKind::Topic);
            let name = "x".into();
            let exchange = Command::DeclareExchange { token: UNSET, namespace: ROOT, name, settings, passive: false };
            world.run(root, exchange);
            let held: Vec<&str> =
                rights.iter().enumerate().filter(|(i, _)| *i != missing).map(|(_, right)| *right).collect();
            let bob = guarded(&mut world, &List::of(&held));
            let happened = world.run(bob, command.clone());
            assert_eq!(refused(&happened), missing < rights.len(), "{command:?} with {held:?}: {:?}", happened.lines);
        }
    }
}

#[test]
fn a_publish_makes_a_queue_for_who_may_configure_it() {
    let mut world = World::with(Options { auto_create: true, ..Options::default() });
    let root = world.open();
    let list = List::of(&["write queue q", "configure queue q"]);
    let bob = guarded(&mut world, &list);
    assert!(!refused(&world.run(bob, publish("q", "1"))));
    list.without("configure queue q");
    world.run(root, Command::Reconsider);
    assert!(!refused(&world.run(bob, publish("q", "2"))), "it is there");
    world.run(root, Command::Delete { token: UNSET, queue: named("q"), if_unused: false, if_empty: false });
    // Although he was allowed to publish to this address before.
    assert!(refused(&world.run(bob, publish("q", "3"))));
    assert!(world.run(root, Command::Inspect { token: UNSET, what: Inspect::Queue(named("q")) }).reply().is_err());
}

#[test]
fn whether_a_queue_is_there_makes_no_difference_to_who_may_not_know() {
    let mut world = World::new();
    let root = world.open();
    world.run(root, declare("there"));
    let bob = guarded(&mut world, &List::of(&[]));
    let answers = ["there", "absent"].map(|name| {
        let declare = Declare {
            token: UNSET,
            namespace: ROOT,
            name: name.into(),
            settings: QueueSettings::default(),
            mode: DeclareMode::IfAbsent,
            own: model::Own::No,
        };
        let refusal = world.run(bob, Command::Declare(Box::new(declare))).reply().unwrap_err();
        refusal.to_string().replace(name, "NAME")
    });
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn an_alias_is_no_way_around_a_name() {
    let mut world = World::new();
    let root = world.open();
    world.run(root, declare("orders.eu"));
    // The alias that AWS clients use for it is `orders-eu`.
    let bob = guarded(&mut world, &List::of(&["read queue orders-eu", "see queue orders-eu"]));
    assert!(refused(&world.run(bob, consume("orders-eu", 1, 1))));
    assert!(refused(&world.run(bob, Command::Inspect { token: UNSET, what: Inspect::Queue(named("orders-eu")) })));
}

#[test]
fn who_may_not_see_a_queue_learns_nothing_of_it() {
    let mut world = World::new();
    let root = world.open();
    world.run(root, declare("secret"));
    world.run(root, declare("open"));
    let bob = guarded(&mut world, &List::of(&["see queue open"]));
    let says = |world: &mut World, name: &str| {
        let happened = world.run(bob, Command::Inspect { token: UNSET, what: Inspect::Queue(named(name)) });
        happened.lines.join(" ").replace(name, "NAME")
    };
    assert_eq!(says(&mut world, "secret"), says(&mut world, "absent"), "there or not: the same words");
    let all = Inspect::Queues { namespace: None, prefix: Name::default(), internal: true };
    match world.run(bob, Command::Inspect { token: UNSET, what: all }).reply() {
        Ok(Reply::Queues(queues)) => {
            assert_eq!(queues.iter().map(|it| it.name.to_text().into_owned()).collect::<Vec<_>>(), ["open"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dead_letter_address_is_a_place_to_write_to() {
    let mut world = World::new();
    let settings = QueueSettings {
        dead_letter: Some(model::DeadLetter::to_queue("payroll".into(), None)),
        ..QueueSettings::default()
    };
    let bob = guarded(&mut world, &List::of(&["configure queue mine"]));
    assert!(refused(&world.run(bob, declare_as("mine", settings.clone(), DeclareMode::Same))));
    let bob = guarded(&mut world, &List::of(&["configure queue mine", "write queue payroll"]));
    assert!(!refused(&world.run(bob, declare_as("mine", settings, DeclareMode::Same))));
}

#[test]
fn a_right_that_is_taken_away_ends_its_consumer() {
    let mut world = World::new();
    let list = List::of(&["write queue q", "read queue q", "see queue q", "configure queue q"]);
    let bob = guarded(&mut world, &list);
    world.run(bob, declare("q"));
    world.run(bob, consume("q", 1, 10)).reply().unwrap();
    assert!(world.run(bob, publish("q", "1")).lines.iter().any(|line| line.contains("Deliver")));
    list.without("read queue q");
    let told = world.run(bob, Command::Reconsider).lines.join(" ");
    assert!(told.contains("Cancelled c1: user \"bob\" may not read queue \"q\""), "{told}");
    assert!(!world.run(bob, publish("q", "2")).lines.iter().any(|line| line.contains("Deliver")));
    // The cached right to write ends as well.
    list.without("write queue q");
    world.run(bob, Command::Reconsider);
    assert!(refused(&world.run(bob, publish("q", "3"))));
}

#[test]
fn a_subscription_gets_only_what_may_be_read_now() {
    let mut world = World::new();
    let rights = ["subscribe topic #", "read topic a", "read topic b"];
    let list = List::of(&rights);
    let bob = guarded(&mut world, &list);
    world.run(bob, own("s", false)).reply().unwrap();
    let binding = Binding { exchange: Exchange::Topic, key: "#".into(), ..Binding::default() };
    let bind = Command::Bind { token: UNSET, queue: named("s"), binding: Box::new(binding), replay: true };
    world.run(bob, bind).reply().unwrap();
    world.run(bob, consume("s", 1, 100)).reply().unwrap();
    let alice = world.open();
    let sees = |world: &mut World, topic: &str| {
        let sent = publish_with(topic, topic, |message, _| message.address = Address::topic(ROOT, topic.into()));
        world.run(alice, sent).lines.iter().any(|line| line.contains("Deliver"))
    };
    assert!(sees(&mut world, "a") && sees(&mut world, "b") && !sees(&mut world, "c"));
    list.without("read topic b");
    world.run(bob, Command::Reconsider);
    assert!(sees(&mut world, "a") && !sees(&mut world, "b"));
    list.without("subscribe topic #");
    world.run(bob, Command::Reconsider);
    assert!(!sees(&mut world, "a"), "unbound");
    world.compare();
}

#[test]
fn a_session_that_comes_back_has_only_the_subscriptions_it_may_have() {
    let mut world = World::new();
    let list = List::of(&["subscribe topic a", "read topic a"]);
    let bob = guarded(&mut world, &list);
    world.run(bob, own("session", true)).reply().unwrap();
    let binding = Binding { exchange: Exchange::Topic, key: "a".into(), ..Binding::default() };
    let bind = Command::Bind { token: UNSET, queue: named("session"), binding: Box::new(binding), replay: false };
    world.run(bob, bind).reply().unwrap();
    world.run(bob, Command::Close);
    list.without("subscribe topic a");
    let bob = guarded(&mut world, &list);
    world.run(bob, own("session", true)).reply().unwrap();
    let alice = world.open();
    match world.run(alice, Command::Inspect { token: UNSET, what: Inspect::Bindings(named("session")) }).reply() {
        Ok(Reply::Bindings(bindings)) => assert!(bindings.is_empty(), "{bindings:?}"),
        other => panic!("{other:?}"),
    }
    // Somebody else's session is nobody's by its name.
    let eve = guarded(&mut world, &List::of(&[]));
    assert!(refused(&world.run(eve, consume("session", 1, 1))));
}

#[test]
fn a_user_who_is_gone_is_sent_away() {
    let mut world = World::new();
    let list = List::of(&["write queue q"]);
    let bob = guarded(&mut world, &list);
    *list.gone.lock().expect("nobody panicked") = true;
    let happened = world.run(bob, Command::Reconsider);
    let closes = |effect: &Effect| matches!(effect, Effect::Close { reason: CloseReason::Revoked });
    assert!(happened.effects.iter().any(|outgoing| closes(&outgoing.effect)), "{:?}", happened.lines);
}

#[test]
fn a_publish_that_makes_its_queue_needs_the_right_to_make_it() {
    let mut world = World::new();
    let bob = guarded(&mut world, &List::of(&["write queue q"]));
    assert!(refused(&world.run(bob, publish("q", "1"))));
    let bob = guarded(&mut world, &List::of(&["write queue q", "configure queue q"]));
    assert!(!refused(&world.run(bob, publish("q", "1"))));
    let root = world.open();
    world.run(root, Command::Inspect { token: UNSET, what: Inspect::Queue(named("q")) }).reply().unwrap();
}

#[test]
fn users_make_only_so_many_queues() {
    let options = Options { auto_create: true, max_queues: 5, max_queues_per_user: Some(2), ..Options::default() };
    let mut world = World::with(options);
    let rights: Vec<String> = ["see", "configure", "write"]
        .iter()
        .flat_map(|right| (0..9).map(move |n| format!("{right} queue q{n}")))
        .collect();
    let list = List::of(&rights.iter().map(String::as_str).collect::<Vec<_>>());
    let bob = guarded(&mut world, &list);
    let limit = |world: &mut World, command: Command| {
        world.run(bob, command).lines.iter().any(|line| line.contains("over the limit of"))
    };
    assert!(!limit(&mut world, declare("q0")) && !limit(&mut world, publish("q1", "1")));
    assert!(limit(&mut world, declare("q2")) && limit(&mut world, publish("q3", "1")));
    assert!(!limit(&mut world, declare("q0")) && !limit(&mut world, publish("q1", "2")), "they are there");
    assert!(!limit(&mut world, delete("q1")) && !limit(&mut world, declare("q2")), "one may come for one that goes");
    let by_two_keys = |_: &mut Message, it: &mut Publish| it.also = vec!["q4".into()];
    assert!(limit(&mut world, publish_with("q2", "1", by_two_keys)), "whatever key it is made by");
    world.run(bob, begin(1));
    let staged = |_: &mut Message, it: &mut Publish| it.transaction = Some(TransactionIndex(1));
    assert!(limit(&mut world, publish_with("q1", "1", staged)), "and in a transaction");
    world.run(bob, rollback(1)).reply().unwrap();
    assert!(!limit(&mut world, delete("q2")));
    world.run(bob, begin(1));
    assert!(!limit(&mut world, publish_with("q1", "1", staged)) && limit(&mut world, publish_with("q3", "1", staged)));
    world.run(bob, rollback(1)).reply().unwrap();
    assert!(limit(&mut world, declare("q2")), "a queue stays when what made it is rolled back");
    let root = world.open();
    for n in 5..8 {
        world.run(root, declare(&format!("q{n}"))).reply().unwrap();
    }
    assert_eq!(world.run(root, declare("q8")).reply().unwrap_err(), Refusal::Limit("queues", 5));
    assert_eq!(world.run(root, publish("q8", "1")).reply().unwrap_err(), Refusal::Limit("queues", 5));
}

#[test]
fn a_session_belongs_to_the_user_who_made_it() {
    let mut world = World::new();
    let list = List::of(&[]);
    let bob = guarded(&mut world, &list);
    world.run(bob, own("session", true)).reply().unwrap();
    world.run(bob, Command::Close);
    let eve = world.open();
    world.run(eve, Command::Permit { user: "eve".into(), guard: Some(Arc::new(Eve)) });
    assert!(refused(&world.run(eve, own("session", true))), "not by its name");
    assert!(refused(&world.run(eve, delete("session"))));
    world.restart();
    let eve = world.open();
    world.run(eve, Command::Permit { user: "eve".into(), guard: Some(Arc::new(Eve)) });
    assert!(refused(&world.run(eve, own("session", true))), "nor after a restart");
    let bob = guarded(&mut world, &list);
    match world.run(bob, own("session", true)).reply() {
        Ok(Reply::Declared { existed: true, info, .. }) => assert!(info.settings.extras.is_empty(), "{info:?}"),
        other => panic!("{other:?}"),
    }
    let root = world.open();
    world.run(root, own("session", true)).reply().unwrap();
    world.run(root, delete("session")).reply().unwrap();
}

#[test]
fn a_session_of_nobody_becomes_his_who_comes_for_it() {
    let mut world = World::new();
    let root = world.open();
    world.run(root, own("session", true)).reply().unwrap();
    let bob = guarded(&mut world, &List::of(&[]));
    world.run(bob, own("session", true)).reply().unwrap();
    let eve = world.open();
    world.run(eve, Command::Permit { user: "eve".into(), guard: Some(Arc::new(Eve)) });
    assert!(refused(&world.run(eve, own("session", true))));
}

#[test]
fn nobody_takes_the_place_of_another_users_client() {
    let mut world = World::new();
    let bob = guarded(&mut world, &List::of(&[]));
    world.run(bob, claim("c", model::Conflict::Evict)).reply().unwrap();
    let eve = world.open();
    world.run(eve, Command::Permit { user: "eve".into(), guard: Some(Arc::new(Eve)) });
    assert!(refused(&world.run(eve, claim("c", model::Conflict::Evict))));
    let again = guarded(&mut world, &List::of(&[]));
    let happened = world.run(again, claim("c", model::Conflict::Evict));
    assert!(happened.lines.iter().any(|line| line.contains("taken over")), "{:?}", happened.lines);
}

/// Another user, with no rights.
#[derive(Debug)]
struct Eve;

impl Guard for Eve {
    fn user(&self) -> &str {
        "eve"
    }

    fn stands(&self) -> bool {
        true
    }

    fn allows(&self, _action: Action, _protected: &Protected<'_>) -> bool {
        false
    }
}
