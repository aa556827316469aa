//! Sources and targets: what is made, what must be there, what is refused.

use amqp10::codec::{Attach, Detach, Fields, Performative, Source, Symbol, Target, TargetNode, TerminusExpiry, Value};
use model::{Command, ExchangeKind, ExchangeSettings, Lifetime, Namespace, QueueSettings};

use crate::client::{credit, data, receives, sends, source};
use crate::peer::Said;
use crate::world::{Client, World};

fn capable(name: &'static str) -> Vec<Symbol> {
    vec![Symbol::from_static(name)]
}

/// The condition that an attach is refused with; `None` if it is not.
fn refused(world: &mut World, client: Client, attach: Attach) -> Option<String> {
    let (handle, role) = (attach.handle, attach.role);
    world.send(client, 0, Performative::Attach(Box::new(attach)));
    let read = world.read(client);
    let Some(Said::Frame(_, Performative::Attach(answer), _)) = read.first() else { panic!("{read:?}") };
    assert_ne!(answer.role, role);
    let Some(Said::Frame(_, Performative::Detach(detach), _)) = read.get(1) else { return None };
    let Detach { closed: true, error: Some(error), .. } = detach else { panic!("{detach:?}") };
    match answer.role {
        amqp10::codec::Role::Sender => assert_eq!(answer.source, None),
        amqp10::codec::Role::Receiver => assert_eq!(answer.target, None),
    }
    world.detach(client, handle, true);
    assert_eq!(world.read(client), [], "its detach was the answer");
    assert!(!error.description.as_ref().unwrap().is_empty());
    Some(error.condition.as_str().to_owned())
}

#[test]
fn attaches_are_answered_or_refused_with_a_reason() {
    let table = [
        ("queue://new", None),
        ("plain", None),
        ("/queues/there", None),
        ("/queue/new2", None),
        ("topic://a.b", None),
        ("/exchanges/amq.topic/a.b", None),
        ("/exchanges/amq.fanout", None),
        ("/exchanges/mine/k", None),
        ("/queues/missing", Some("amqp:not-found")),
        ("/amq/queue/missing", Some("amqp:not-found")),
        ("/exchanges/missing/k", Some("amqp:not-found")),
        ("/queues/%zz", Some("amqp:invalid-field")),
        ("/nonsense", Some("amqp:invalid-field")),
        ("", Some("amqp:invalid-field")),
    ];
    for (address, condition) in table {
        let mut world = World::new();
        world.declare("there", QueueSettings::default());
        let settings = ExchangeSettings::new(ExchangeKind::Direct);
        let (namespace, name) = (Namespace(0), "mine".into());
        world.ask(|token| Command::DeclareExchange { token, namespace, name, settings, passive: false }).unwrap();
        let client = world.join();
        for attach in [sends(2, address), receives(2, address)] {
            let role = attach.role;
            let found = refused(&mut world, client, attach);
            assert_eq!(found.as_deref(), condition, "{address:?} {role:?}");
            if found.is_none() {
                world.detach(client, 2, true);
                assert_eq!(world.lines(client), ["detach 0 closed"], "{address:?}");
            }
        }
        assert_eq!(world.info("missing").map(|it| it.name), None);
    }
}

#[test]
fn termini_that_cannot_be_are_refused() {
    let table: [(Attach, &str); 6] = [
        (Attach { target: None, ..sends(0, "a") }, "amqp:invalid-field"),
        (Attach { initial_delivery_count: None, ..sends(0, "a") }, "amqp:invalid-field"),
        (Attach { source: Some(Source::default()), ..receives(0, "a") }, "amqp:invalid-field"),
        (Attach { source: None, ..receives(0, "a") }, "amqp:not-found"),
        (with_selector("a", "x =="), "amqp:invalid-field"),
        (with_selector("topic://a", "x =="), "amqp:invalid-field"),
    ];
    for (attach, condition) in table {
        let mut world = World::new();
        let client = world.join();
        assert_eq!(refused(&mut world, client, attach.clone()).as_deref(), Some(condition), "{attach:?}");
    }
}

fn with_selector(address: &str, selector: &str) -> Attach {
    let mut filter = Fields::default();
    let text = Value::String(selector.into());
    filter.push("jms-selector", Value::described(Value::symbol("apache.org:selector-filter:string"), text));
    let list = Value::described(Value::Ulong(0x0000_468C_0000_0003), Value::List(Vec::new()));
    filter.push("no-local", list);
    Attach { source: Some(Source { filter, ..source(address) }), ..receives(0, address) }
}

#[test]
fn capabilities_say_what_a_plain_name_is() {
    let mut world = World::new();
    let client = world.join();
    let node = TargetNode { address: Some("t".into()), capabilities: capable("topic"), ..TargetNode::default() };
    world.attach(client, Attach { target: Some(Target::Node(node)), ..sends(0, "") });
    let subscriber =
        Attach { source: Some(Source { capabilities: capable("topic"), ..source("t") }), ..receives(1, "") };
    world.attach(client, subscriber);
    world.flow(client, credit(1, 0, 9));
    world.publish(client, 0, 0, &data(b"x"));
    assert_eq!(world.lines(client), ["transfer 1 0 x", "receiver 0 settled accepted"]);
    assert_eq!(world.info("t").map(|it| it.name), None, "no queue is made for it");
}

#[test]
fn selectors_select_and_only_they_are_answered() {
    for address in ["queue://a", "topic://a"] {
        let mut world = World::new();
        let client = world.join();
        world.attach(client, sends(5, address));
        let answer = world.attach(client, with_selector(address, "JMSPriority > 4"));
        let filter = answer.source.unwrap().filter;
        assert_eq!(filter.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["jms-selector"], "{address}");
        world.flow(client, credit(0, 0, 9));
        let priority = |priority| {
            let mut out = bytes::BytesMut::new();
            amqp10::codec::Header { priority, ..amqp10::codec::Header::default() }.encode(&mut out);
            [&out[..], &data(&[b'0' + priority])].concat()
        };
        for (id, it) in [3, 5, 4, 9].into_iter().enumerate() {
            world.publish(client, 5, id as u32, &priority(it));
        }
        let lines = world.lines(client);
        let transfers: Vec<&String> = lines.iter().filter(|line| line.starts_with("transfer")).collect();
        assert_eq!(transfers, ["transfer 1 0 5", "transfer 1 1 9"], "{address}");
    }
}

#[test]
fn a_dynamic_source_is_a_queue_of_the_links_own() {
    let mut world = World::new();
    let client = world.join();
    let dynamic = Source { dynamic: true, ..Source::default() };
    let answer = world.attach(client, Attach { source: Some(dynamic), ..receives(0, "") });
    let address = answer.source.unwrap().address.unwrap();
    let name = address.strip_prefix("queue://").unwrap().to_owned();
    let settings = world.info(&name).unwrap().settings;
    assert_eq!((settings.durable, settings.lifetime), (false, Lifetime::Connection));
    world.flow(client, credit(0, 0, 9));
    // Somebody else answers.
    let other = world.join();
    world.attach(other, sends(0, &address));
    world.publish(other, 0, 0, &data(b"reply"));
    assert_eq!(world.lines(client), ["transfer 0 0 reply"]);
    assert_eq!(world.lines(other), ["receiver 0 settled accepted"]);
    assert_eq!(refused(&mut world, other, receives(1, &address)).as_deref(), Some("amqp:resource-locked"));
    world.detach(client, 0, true);
    assert_eq!(world.lines(client), ["detach 0 closed"]);
    assert_eq!(world.info(&name).map(|it| it.name), None);
    assert_eq!(refused(&mut world, other, sends(2, &address)).as_deref(), Some("amqp:not-found"), "nor again");
}

#[test]
fn dynamic_targets_are_temporary_queues_and_topics() {
    let mut world = World::new();
    let client = world.join();
    let dynamic = |capability| {
        let node = TargetNode { dynamic: true, capabilities: capable(capability), ..TargetNode::default() };
        Attach { target: Some(Target::Node(node)), ..sends(0, "") }
    };
    for (capability, prefix) in [("temporary-queue", "queue://"), ("temporary-topic", "topic://")] {
        let answer = world.attach(client, dynamic(capability));
        let Some(Target::Node(node)) = answer.target else { panic!("no target") };
        assert!(node.dynamic);
        let address = node.address.unwrap();
        assert!(address.starts_with(prefix), "{address}");
        world.attach(client, receives(1, &address));
        world.flow(client, credit(1, 0, 9));
        world.attach(client, sends(2, &address));
        world.publish(client, 2, 0, &data(b"x"));
        assert!(
            world.lines(client).iter().any(|line| line.starts_with("transfer 1") && line.ends_with(" x")),
            "{capability}"
        );
        world.detach(client, 1, true);
        world.detach(client, 2, true);
        world.detach(client, 0, true);
        assert_eq!(world.lines(client), ["detach 1 closed", "detach 2 closed", "detach 0 closed"]);
        if let Some(name) = address.strip_prefix("queue://") {
            assert_eq!(world.info(name).map(|it| it.name), None);
        }
    }
    let first = world.attach(client, dynamic("temporary-topic")).target;
    world.detach(client, 0, true);
    world.read(client);
    assert_ne!(world.attach(client, dynamic("temporary-topic")).target, first, "no two are the same");
}

#[test]
fn dynamic_nodes_end_with_their_connection() {
    let mut world = World::new();
    let client = world.join();
    let dynamic = Source { dynamic: true, expiry_policy: TerminusExpiry::ConnectionClose, ..Source::default() };
    let answer = world.attach(client, Attach { source: Some(dynamic), ..receives(0, "") });
    let address = answer.source.unwrap().address.unwrap();
    let name = address.strip_prefix("queue://").unwrap();
    assert!(world.info(name).is_some());
    world.cut(client);
    assert!(world.info(name).is_none());
}

#[test]
fn a_name_is_attached_once() {
    let mut world = World::new();
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    let again = Attach { name: sends(0, "").name, ..sends(1, "queue://b") };
    world.send(client, 0, Performative::Attach(Box::new(again)));
    assert_eq!(world.lines(client), ["detach 0 closed amqp:link:stolen", "attach 1 queue://b", "flow 1 0+1000"]);
    // A receiver of that name is another link.
    world.attach(client, Attach { name: sends(0, "").name, ..receives(2, "queue://b") });
    world.publish(client, 1, 0, &data(b"x"));
    assert_eq!(world.lines(client), ["receiver 0 settled accepted"]);
}

#[test]
fn a_detach_may_follow_its_attach_at_once() {
    for attach in [sends(0, "queue://a"), receives(0, "queue://a"), receives(0, "topic://a"), receives(0, "/queues/no")]
    {
        let mut world = World::new();
        let client = world.join();
        world.say(client, 0, Performative::Attach(Box::new(attach.clone())), &[]);
        world.say(client, 0, Performative::Detach(Detach { handle: 0, closed: true, error: None }), &[]);
        world.rest();
        assert_eq!(world.lines(client), ["attach 0 nothing", "detach 0 closed"], "{attach:?}");
        assert_eq!(
            world.queues(),
            if attach.name == sends(0, "").name || attach.source == Some(source("queue://a")) {
                vec!["a".to_owned()]
            } else {
                Vec::new()
            }
        );
        assert_eq!(world.attach(client, sends(0, "queue://a")).handle, 0);
    }
}
