//! Queues come and go, are owned, purged, moved and told apart.

use model::{Command, Conflict, DeclareMode, Lifetime, QueueSettings, Refusal, Reply};

use crate::harness::World;
use crate::harness::commands::*;

#[test]
fn a_queue_of_one_connection_is_its_alone_and_goes_with_it() {
    for durable in [false, true] {
        let mut world = World::new();
        let (a, b) = (world.open(), world.open());
        let settings = QueueSettings { durable, lifetime: Lifetime::Connection, ..QueueSettings::default() };
        world.run(a, declare_as("mine", settings.clone(), DeclareMode::Same));
        let again = world.run(a, declare_as("mine", settings.clone(), DeclareMode::Same));
        assert!(again.has("Declared q0 existed"), "{again:?}");
        for command in [
            declare_as("mine", settings, DeclareMode::IfAbsent),
            consume("mine", 0, 1),
            get("mine", 0, 1),
            delete("mine"),
            purge("mine", true),
            subscribe("mine", "t", 0),
        ] {
            assert_eq!(world.run(b, command).refusal(), Refusal::Exclusive("mine".into()));
        }
        // Anybody may send to it.
        world.run(a, consume("mine", 0, 1));
        assert_eq!(world.run(b, publish("mine", "reply")).delivered_to(a), ["reply"]);
        world.run(a, Command::Close);
        assert!(!world.exists("mine"));
        world.compare();
        let c = world.open();
        world.run(c, declare_with("mine", |it| it.lifetime = Lifetime::Connection));
        world.restart();
        assert!(!world.exists("mine"), "its connection did not survive");
        let d = world.open();
        let happened = world.run(d, declare("mine"));
        assert!(!happened.has("existed"), "{happened:?}");
        world.compare();
    }
}

#[test]
fn a_queue_that_lives_while_it_is_consumed_goes_with_its_last_consumer() {
    let by: [fn(&mut World, model::ConnectionId); 2] =
        [|world, id| drop(world.run(id, cancel(0))), |world, id| drop(world.run(id, Command::Close))];
    for end in by {
        let mut world = World::new();
        let (a, b, c) = (world.open(), world.open(), world.open());
        world.run(a, declare_with("q", |it| it.lifetime = Lifetime::WhileConsumed));
        world.run(a, publish("q", "one"));
        // Who only fetches is no consumer.
        world.run(c, get("q", 0, 1));
        world.run(c, Command::Close);
        assert!(world.exists("q"));
        world.run(a, consume("q", 0, 1));
        world.run(b, browse("q"));
        end(&mut world, a);
        assert!(world.exists("q"));
        end(&mut world, b);
        assert!(!world.exists("q"));
        world.compare();
    }
}

#[test]
fn declaring_again_compares_as_asked() {
    let mut world = World::new();
    let a = world.open();
    assert!(matches!(
        world.run(a, declare_as("q", QueueSettings::default(), DeclareMode::Passive)).refusal(),
        Refusal::NoSuchQueue(_)
    ));
    world.run(a, declare("q"));
    let other = QueueSettings { ttl: Some(5), ..QueueSettings::default() };
    let in_memory = QueueSettings { durable: false, ..QueueSettings::default() };
    assert!(world.run(a, declare_as("q", other.clone(), DeclareMode::IfAbsent)).has("existed"));
    assert!(world.run(a, declare_as("q", other.clone(), DeclareMode::Passive)).has("existed"));
    assert!(world.run(a, declare_as("q", QueueSettings::default(), DeclareMode::Same)).has("existed"));
    assert!(matches!(world.run(a, declare_as("q", other, DeclareMode::Same)).refusal(), Refusal::Different(..)));
    let refusal = world.run(a, declare_as("q", in_memory, DeclareMode::Same)).refusal();
    assert_eq!(refusal, Refusal::Different("q".into(), "durability", "true".into()));
    let long = "x".repeat(model::limits::NAME_BYTES + 1);
    assert!(matches!(world.run(a, declare(&long)).refusal(), Refusal::Limit(..)));
    assert!(matches!(world.run(a, declare("")).refusal(), Refusal::Limit(..)));
}

#[test]
fn a_client_id_has_one_owner() {
    let mut world = World::new();
    let (a, b, c) = (world.open(), world.open(), world.open());
    world.run(a, declare("q"));
    world.run(a, publish("q", "one"));
    world.run(a, claim("me", Conflict::Evict));
    world.run(a, consume("q", 0, 1));
    assert_eq!(world.run(b, claim("me", Conflict::Refuse)).refusal(), Refusal::ClientInUse("me".into()));
    assert!(world.run(a, claim("me", Conflict::Refuse)).reply().is_ok(), "its own");
    let happened = world.run(b, claim("me", Conflict::Evict));
    happened.expect(&["a@0 Close: taken over", "b@0 Reply Done"]);
    assert_eq!(world.tally("q"), (1, 0, 0), "its leases ended");
    // What the evicted one still says is not heard, and its goodbye takes nothing from the new owner.
    world.run(a, publish_with("q", "late", |_, publish| publish.token = None));
    world.run(a, Command::Close);
    assert!(matches!(world.run(c, claim("me", Conflict::Refuse)).refusal(), Refusal::ClientInUse(_)));
    world.run(b, Command::Close);
    assert!(world.run(c, claim("me", Conflict::Refuse)).reply().is_ok());
}

#[test]
fn purging_takes_what_is_ready_and_what_is_leased_if_asked() {
    for (leased, left) in [(false, (0, 3, 0)), (true, (0, 1, 0))] {
        let mut world = World::new();
        let a = world.open();
        world.run(a, declare("q"));
        for n in 1..=5 {
            world.run(a, publish("q", n.to_string()));
        }
        let later = world.now.plus(100);
        world.run(a, publish_with("q", "later", |message, _| message.header.not_before = Some(later)));
        world.run(a, window("q", 0, 1));
        world.run(a, receive("q", 1, 1, None));
        let held = world.run(a, get("q", 2, 1)).delivery();
        world.batch([(a, begin(1)), (a, settle_in(held, 1))]);
        assert_eq!(world.tally("q"), (2, 3, 1));
        let happened = world.run(a, purge("q", leased));
        assert_eq!(happened.count(), 6 - (left.0 + left.1 + left.2));
        assert_eq!(world.tally("q"), left);
        world.compare();
        // The window is open again if its delivery went.
        assert_eq!(world.run(a, publish("q", "new")).delivered().len(), usize::from(leased));
        world.run(a, commit(1));
        world.compare();
        world.restart();
        let (ready, ..) = world.tally("q");
        assert_eq!(ready, if leased { 1 } else { 3 });
    }
}

#[test]
fn moving_takes_the_oldest_that_are_ready_to_the_end_of_the_other() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("from"));
    world.run(a, declare("to"));
    world.run(a, declare_with("memory", |it| it.durable = false));
    for n in 1..=5 {
        world.run(a, publish("from", n.to_string()));
    }
    world.run(a, publish("to", "there"));
    world.run(a, get("from", 0, 1));
    assert_eq!(world.run(a, move_to("from", "to", 2)).count(), 2);
    assert_eq!(
        (world.browse("from"), world.browse("to")),
        (vec!["4".into(), "5".into()], vec!["there".to_owned(), "2".to_owned(), "3".to_owned()])
    );
    world.run(a, consume("memory", 1, 1));
    let happened = world.run(a, move_to("from", "memory", 100));
    assert_eq!((happened.count(), happened.bodies()), (2, vec!["4".to_owned()]));
    assert!(matches!(world.run(a, move_to("from", "from", 1)).refusal(), Refusal::Invalid(_)));
    world.compare();
    world.restart();
    assert_eq!(world.browse("to"), ["there", "2", "3"]);
    assert_eq!(world.browse("from"), ["1"]);
}

#[test]
fn deleting_a_queue_tells_its_consumers_and_forgets_everything_about_it() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.run(a, declare("q"));
    world.run(a, subscribe("q", "t", 0));
    world.run(a, publish("q", "one"));
    world.run(b, consume("q", 0, 1));
    world.run(b, cursor("q", 1, model::Position::First, 5));
    let unused =
        |if_unused, if_empty| Command::Delete { token: model::Token(0), queue: named("q"), if_unused, if_empty };
    assert_eq!(world.run(a, unused(true, false)).refusal(), Refusal::InUse("q".into()));
    assert_eq!(world.run(a, unused(false, true)).refusal(), Refusal::NotEmpty("q".into()));
    world.expect(
        a,
        delete("q"),
        &["6: Deleted q0", "b@5 Cancelled c0: no queue \"q\"", "b@5 Cancelled c1: no queue \"q\"", "a@6 Reply Count 1"],
    );
    assert!(matches!(world.run(a, delete("q")).refusal(), Refusal::NoSuchQueue(_)));
    assert!(world.run(a, topic("t", "x")).has("unrouted"));
    assert_eq!(world.broker.status(world.now).consumers, 0);
    world.compare();
    world.restart();
    let c = world.open();
    let happened = world.run(c, declare("q"));
    assert!(happened.has("Declared q1"), "numbers are not used again: {happened:?}");
}

#[test]
fn numbers_of_queues_in_memory_are_not_used_again_either() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("m", |it| it.durable = false));
    world.restart();
    let b = world.open();
    let happened = world.run(b, declare("d"));
    let Ok(Reply::Declared { queue, .. }) = happened.reply() else { panic!("{happened:?}") };
    assert!(queue.n > 0);
    world.compare();
}

#[test]
fn queues_are_made_by_publishing_only_where_that_is_allowed() {
    for auto_create in [true, false] {
        let options = broker::Options { auto_create, memory_limit: 1 << 30, ..broker::Options::default() };
        let mut world = World::with(options);
        let a = world.open();
        let happened = world.run(a, publish("new", "one"));
        assert_eq!(happened.has("Confirm #1"), auto_create);
        assert_eq!(world.exists("new"), auto_create);
        let never = publish_with("other", "x", |_, publish| publish.create = false);
        assert_eq!(world.run(a, never).refusal(), Refusal::NoSuchQueue("other".into()));
        for bad in [String::new(), "x".repeat(model::limits::NAME_BYTES + 1)] {
            assert!(matches!(world.run(a, publish(&bad, "x")).refusal(), Refusal::NoSuchQueue(_)));
        }
        assert!(matches!(world.run(a, consume("nobody", 0, 1)).refusal(), Refusal::NoSuchQueue(_)));
        world.compare();
    }
}

#[test]
fn a_mandatory_message_that_goes_nowhere_comes_back() {
    let mut world = World::with(broker::Options::default());
    let a = world.open();
    let mandatory = |exchange: model::Exchange| {
        publish_with("nobody", "x", |message, publish| {
            message.address.exchange = exchange;
            publish.mandatory = true;
        })
    };
    let happened = world.run(a, mandatory(model::Exchange::Topic));
    assert!(happened.has("Returned \"x\"") && happened.has("Confirm #1 unrouted"), "{happened:?}");
    let happened = world.run(a, mandatory(model::Exchange::Default));
    assert!(happened.has("Returned \"x\"") && happened.has("Confirm #2 unrouted"), "{happened:?}");
    assert_eq!(world.broker.status(world.now).unrouted, 2);
}

#[test]
fn settings_that_are_altered_survive() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    world.now = world.now.plus(10);
    let alteration = model::Alteration {
        ttl: Some(Some(5_000)),
        delay: Some(1),
        lease: Some(2),
        dead_letter: None,
        extras: vec![("b".into(), "2".into()), ("a".into(), "1".into())],
    };
    world.run(a, alter("q", alteration));
    world.compare();
    world.restart();
    let info = world.info("q");
    assert_eq!((info.settings.ttl, info.settings.delay, info.settings.lease), (Some(5_000), 1, 2));
    assert_eq!(info.settings.extra("a"), Some("1"));
    assert_eq!(info.altered.0 - info.created.0, 10);
}

#[test]
fn a_session_that_nobody_attends_keeps_only_what_needs_an_acknowledgement() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare_with("session", |it| it.drops_transient_unattended = true));
    world.run(a, transient("session", "lost"));
    world.run(a, publish("session", "kept"));
    assert_eq!(world.browse("session"), ["kept"]);
    world.run(a, consume("session", 0, 0));
    world.run(a, transient("session", "attended"));
    assert_eq!(world.browse("session"), ["kept", "attended"]);
}

#[test]
fn a_transaction_goes_on_after_a_message_that_nobody_takes() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    world.run(a, begin(1));
    let nobody = |mandatory| match staged("nobody", "lost", 1) {
        Command::Publish(publish) => {
            Command::Publish(model::Publish { create: false, mandatory, quiet: !mandatory, ..publish })
        }
        other => other,
    };
    assert!(matches!(world.run(a, nobody(false)).refusal(), Refusal::NoSuchQueue(name) if name == "nobody"));
    let returned = world.run(a, nobody(true));
    assert!(returned.has("Returned") && returned.has("Confirm"), "{:?}", returned.lines);
    world.run(a, staged("q", "kept", 1));
    assert!(world.run(a, commit(1)).reply().is_ok());
    assert_eq!((world.browse("q"), world.exists("nobody")), (vec!["kept".to_owned()], false));
    world.compare();
}
