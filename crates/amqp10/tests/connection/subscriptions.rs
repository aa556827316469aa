//! Topics: subscriptions that end with their link, that stay, and that are shared.

use amqp10::codec::{
    Attach, DeliveryState, Detach, End, Open, Performative, Source, Symbol, TerminusDurability, TerminusExpiry, Value,
};

use crate::client::{begin, credit, disposition, durable, open, receives, sends, source};
use crate::world::{Client, World};

fn join_as(world: &mut World, container: &str) -> Client {
    let client = world.connect(Open { container_id: container.into(), ..open() });
    world.send(client, 0, begin());
    world.read(client);
    client
}

/// A durable subscriber's attach, as JMS clients send it.
fn subscribes(handle: u32, name: &str, address: &str) -> Attach {
    let durable = TerminusDurability::UnsettledState;
    let source = Source { durable, expiry_policy: TerminusExpiry::Never, ..source(address) };
    Attach { name: name.into(), source: Some(source), ..receives(handle, address) }
}

fn shared(mut attach: Attach, capabilities: &[&'static str]) -> Attach {
    let capabilities = capabilities.iter().map(|name| Symbol::from_static(name)).collect();
    attach.source.as_mut().unwrap().capabilities = capabilities;
    attach
}

fn publish(world: &mut World, address: &str, bodies: &[&str]) {
    let sender = world.join();
    world.attach(sender, sends(0, address));
    for (id, body) in bodies.iter().enumerate() {
        world.publish(sender, 0, id as u32, &durable(body.as_bytes()));
    }
    world.cut(sender);
}

fn transfers(world: &mut World, client: Client) -> Vec<String> {
    let lines = world.lines(client);
    let bodies = lines.iter().filter(|line| line.starts_with("transfer"));
    bodies.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn patterns_are_those_of_both_worlds() {
    let table = [
        ("topic://a.*", "a.b", true),
        ("topic://a.*", "a.b.c", false),
        ("topic://a.>", "a.b.c", true),
        ("topic://>", "x", true),
        ("topic://a.*.c", "a.b.c", true),
        ("/exchanges/amq.topic/a.#", "a.b.c", true),
        ("/exchanges/amq.topic/a.*.%23", "a.b.c", true),
        ("/topic/a.*", "a.b", true),
        ("topic://b", "a.b", false),
    ];
    for (pattern, topic, matches) in table {
        let mut world = World::new();
        let client = world.join();
        world.attach(client, receives(0, pattern));
        world.flow(client, credit(0, 0, 9));
        publish(&mut world, &format!("topic://{topic}"), &["x"]);
        assert_eq!(transfers(&mut world, client).len(), usize::from(matches), "{pattern} {topic}");
    }
}

#[test]
fn each_subscriber_gets_its_own_and_leaves_nothing() {
    let mut world = World::new();
    let clients = [world.join(), world.join()];
    for client in clients {
        world.attach(client, receives(0, "topic://a"));
        world.flow(client, credit(0, 0, 9));
    }
    publish(&mut world, "topic://a", &["1", "2"]);
    for client in clients {
        assert_eq!(transfers(&mut world, client), ["1", "2"]);
    }
    world.detach(clients[0], 0, true);
    assert_eq!(world.lines(clients[0]), ["detach 0 closed"]);
    world.end_session(clients[1], 0);
    assert_eq!(world.lines(clients[1]), ["end 0"]);
    assert_eq!(world.queues(), Vec::<String>::new());
}

#[test]
fn a_durable_subscription_waits_for_its_subscriber() {
    for crash in [false, true] {
        let mut world = World::new();
        let client = join_as(&mut world, "me");
        world.attach(client, subscribes(0, "sub", "topic://a"));
        world.flow(client, credit(0, 0, 1));
        publish(&mut world, "topic://a", &["1", "2"]);
        assert_eq!(transfers(&mut world, client), ["1"]);
        world.settle(client, disposition(0, 0, DeliveryState::ACCEPTED));
        world.detach(client, 0, false);
        assert_eq!(world.lines(client), ["detach 0"]);
        publish(&mut world, "topic://a", &["3"]);
        let client = if crash {
            world.crash();
            join_as(&mut world, "me")
        } else {
            client
        };
        let answer = world.attach(client, subscribes(0, "sub", "topic://a"));
        assert_eq!(answer.source.unwrap().expiry_policy, TerminusExpiry::Never);
        world.flow(client, credit(0, 0, 9));
        assert_eq!(transfers(&mut world, client), ["2", "3"], "{crash}");
        world.detach(client, 0, true);
        assert_eq!(world.lines(client), ["detach 0 closed"]);
        assert_eq!(world.queues(), Vec::<String>::new());
    }
}

#[test]
fn a_durable_subscription_outlives_session_and_connection() {
    let ends: [fn(&mut World, Client); 3] = [
        |world, client| world.end_session(client, 0),
        |world, client| world.say_close(client),
        |world, client| world.cut(client),
    ];
    for end in ends {
        let mut world = World::new();
        let client = join_as(&mut world, "me");
        world.attach(client, subscribes(0, "sub", "topic://a"));
        end(&mut world, client);
        publish(&mut world, "topic://a", &["1"]);
        let client = join_as(&mut world, "me");
        world.attach(client, subscribes(0, "sub", "topic://a"));
        world.flow(client, credit(0, 0, 9));
        assert_eq!(transfers(&mut world, client), ["1"]);
    }
}

#[test]
fn a_durable_subscription_has_one_subscriber_and_is_its_containers() {
    let mut world = World::new();
    let client = join_as(&mut world, "me");
    world.attach(client, subscribes(0, "sub", "topic://a"));
    let same = join_as(&mut world, "me");
    world.send(same, 0, Performative::Attach(Box::new(subscribes(0, "sub", "topic://a"))));
    assert_eq!(world.lines(same), ["attach 0 nothing", "detach 0 closed amqp:resource-locked"]);
    let other = join_as(&mut world, "you");
    world.attach(other, subscribes(0, "sub", "topic://a"));
    for client in [client, other] {
        world.flow(client, credit(0, 0, 9));
    }
    publish(&mut world, "topic://a", &["1"]);
    assert_eq!(transfers(&mut world, client), ["1"]);
    assert_eq!(transfers(&mut world, other), ["1"]);
}

#[test]
fn another_topic_or_selector_begins_a_new_subscription() {
    let selector = |mut attach: Attach, text: &str| {
        let filter = Value::described(Value::Ulong(0x0000_468C_0000_0004), Value::String(text.into()));
        attach.source.as_mut().unwrap().filter.push("jms-selector", filter);
        attach
    };
    let table = [
        (subscribes(0, "sub", "topic://b"), false),
        (selector(subscribes(0, "sub", "topic://a"), "JMSPriority = 4"), false),
        (subscribes(0, "sub", "topic://a"), true),
    ];
    for (again, same) in table {
        let mut world = World::new();
        let client = join_as(&mut world, "me");
        world.attach(client, subscribes(0, "sub", "topic://a"));
        world.detach(client, 0, false);
        world.read(client);
        publish(&mut world, "topic://a", &["old"]);
        world.attach(client, again);
        world.flow(client, credit(0, 0, 9));
        assert_eq!(transfers(&mut world, client).len(), usize::from(same));
        publish(&mut world, "topic://b", &["b"]);
        publish(&mut world, "topic://a", &["a"]);
        assert_eq!(transfers(&mut world, client).len(), 1);
        assert_eq!(world.queues().len(), 1);
    }
}

#[test]
fn a_refused_subscription_leaves_nothing() {
    let mut world = World::new();
    let client = join_as(&mut world, "me");
    world.send(client, 0, Performative::Attach(Box::new(subscribes(0, "sub", "/exchanges/missing/k"))));
    assert_eq!(world.lines(client), ["attach 0 nothing", "detach 0 closed amqp:not-found"]);
    world.detach(client, 0, true);
    assert_eq!(world.queues(), Vec::<String>::new());
    world.attach(client, subscribes(0, "sub", "topic://a"));
}

#[test]
fn a_subscription_is_found_by_its_name_and_ended() {
    let mut world = World::new();
    let client = join_as(&mut world, "me");
    world.attach(client, subscribes(0, "sub", "topic://a.b"));
    world.detach(client, 0, false);
    world.read(client);
    let lookup = || Attach { source: None, ..subscribes(1, "sub", "") };
    let answer = world.attach(client, lookup());
    let found = answer.source.unwrap();
    assert_eq!((found.address, found.expiry_policy), (Some("topic://a.b".into()), TerminusExpiry::Never));
    world.detach(client, 1, false);
    assert_eq!(world.queues().len(), 1, "only looked at");
    world.read(client);
    world.attach(client, lookup());
    world.detach(client, 1, true);
    assert_eq!(world.lines(client), ["detach 0 closed"]);
    assert_eq!(world.queues(), Vec::<String>::new());
    world.send(client, 0, Performative::Attach(Box::new(lookup())));
    assert_eq!(world.lines(client), ["attach 0 nothing", "detach 0 closed amqp:not-found"]);
}

#[test]
fn a_subscription_in_use_is_not_ended_by_another() {
    let mut world = World::new();
    let client = join_as(&mut world, "me");
    world.attach(client, subscribes(0, "sub", "topic://a"));
    let other = join_as(&mut world, "me");
    world.attach(other, Attach { source: None, ..subscribes(1, "sub", "") });
    world.detach(other, 1, true);
    assert_eq!(world.lines(other), ["detach 0 closed amqp:resource-locked"]);
    assert_eq!(world.queues().len(), 1);
}

#[test]
fn a_shared_subscription_is_taken_in_turns() {
    let table: [(&[&str], [&str; 2], bool); 4] = [
        (&["shared"], ["sub|1", "sub|2"], false),
        (&["shared", "global"], ["sub|global1", "sub|global2"], true),
        (&["shared"], ["sub", "sub|volatile1"], false),
        (&["shared", "global"], ["sub", "sub|1"], true),
    ];
    for is_durable in [false, true] {
        for (capabilities, names, global) in table {
            let attach = |handle, name| {
                let mut attach = subscribes(handle, name, "topic://a");
                if !is_durable {
                    attach.source = Some(source("topic://a"));
                }
                shared(attach, capabilities)
            };
            let mut world = World::new();
            let first = join_as(&mut world, "me");
            let second = join_as(&mut world, if global { "you" } else { "me" });
            for (client, name) in [first, second].into_iter().zip(names) {
                world.attach(client, attach(0, name));
                world.flow(client, credit(0, 0, 9));
            }
            publish(&mut world, "topic://a", &["1", "2", "3", "4"]);
            assert_eq!(transfers(&mut world, first).len(), 2, "{names:?}");
            assert_eq!(transfers(&mut world, second).len(), 2, "{names:?}");
            world.detach(first, 0, false);
            assert_eq!(transfers(&mut world, second).len(), 2, "it takes the rest");
            world.detach(second, 0, false);
            assert_eq!(world.queues().len(), usize::from(is_durable));
        }
    }
}

#[test]
fn temporary_topics_have_subscribers() {
    let mut world = World::new();
    let client = world.join();
    let dynamic =
        Source { dynamic: true, capabilities: vec![Symbol::from_static("temporary-topic")], ..Source::default() };
    let answer = world.attach(client, Attach { source: Some(dynamic), ..receives(0, "") });
    let address = answer.source.unwrap().address.unwrap();
    assert!(address.starts_with("topic://"));
    world.flow(client, credit(0, 0, 9));
    let other = world.join();
    world.attach(other, receives(0, &address));
    world.flow(other, credit(0, 0, 9));
    publish(&mut world, &address, &["x"]);
    assert_eq!(transfers(&mut world, client), ["x"]);
    assert_eq!(transfers(&mut world, other), ["x"]);
}

#[test]
fn a_subscription_stays_when_its_subscriber_leaves_before_the_answer() {
    let mut world = World::new();
    let client = join_as(&mut world, "me");
    world.attach(client, subscribes(0, "sub", "topic://a"));
    world.detach(client, 0, false);
    publish(&mut world, "topic://a", &["1"]);
    for last in [false, true] {
        world.say(client, 0, Performative::Attach(Box::new(subscribes(0, "sub", "topic://a"))), &[]);
        // The queue is found, and the consumer not yet there.
        world.step();
        let leaves = match last {
            false => Performative::Detach(Detach { handle: 0, closed: false, error: None }),
            true => Performative::End(End::default()),
        };
        world.say(client, 0, leaves, &[]);
        world.rest();
        assert_eq!(world.tally("amqp.subscription.me:sub"), (1, 0), "{last}");
    }
}

#[test]
fn a_subscriptions_queue_is_nobody_elses() {
    let mut world = World::new();
    let client = join_as(&mut world, "me");
    world.attach(client, subscribes(0, "sub", "topic://a"));
    let other = join_as(&mut world, "you");
    for address in ["queue://amqp.subscription.me:sub", "/queues/amqp.subscription.me%3Asub"] {
        for attach in [receives(0, address), crate::client::sends(0, address)] {
            world.send(other, 0, Performative::Attach(Box::new(attach)));
            assert_eq!(world.lines(other), ["attach 0 nothing", "detach 0 closed amqp:resource-locked"], "{address}");
            world.detach(other, 0, true);
        }
    }
    // Nor is it made by anybody.
    world.send(other, 0, Performative::Attach(Box::new(receives(0, "queue://amqp.subscription.you:sub"))));
    assert_eq!(world.lines(other), ["attach 0 nothing", "detach 0 closed amqp:not-found"]);
}
