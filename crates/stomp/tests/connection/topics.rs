use crate::World;

#[test]
fn everybody_gets_a_message_once() {
    let mut world = World::new();
    let (one, other) = (world.join(), world.join());
    world.subscribe(one, "id:1\ndestination:/topic/a.b");
    world.subscribe(one, "id:2\ndestination:/topic/a.*\nack:client");
    world.subscribe(other, "id:1\ndestination:/topic/>");
    world.send(other, "SEND\ndestination:/topic/a.b\n\nx");
    let messages = world.messages(one);
    let mut ids: Vec<_> = messages.iter().map(|it| it.get("subscription")).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["1", "2"]);
    assert!(messages.iter().all(|it| it.get("destination") == "/topic/a.b"));
    assert_eq!(world.bodies(other), ["x"]);
}

#[test]
fn patterns_are_those_of_activemq_and_rabbitmq() {
    for (pattern, matching, others) in [
        ("a.b", &["a.b"][..], &["a.c", "a.b.c", "a"][..]),
        ("a.*", &["a.b", "a.c"], &["a", "a.b.c", "b.a"]),
        ("*.b", &["a.b"], &["b", "a.a.b"]),
        ("a.>", &["a.b", "a.b.c"], &["b.a"]),
        (">", &["a", "a.b.c"], &[]),
        ("a.#", &["a.b", "a.b.c"], &["b"]),
        ("a.>.zzz", &["a.b.c"], &["b"]),
        ("a/b", &["a/b"], &["a.b"]),
    ] {
        let mut world = World::new();
        let client = world.join();
        world.subscribe(client, &format!("id:1\ndestination:/topic/{pattern}"));
        for key in matching {
            world.send(client, &format!("SEND\ndestination:/topic/{key}\n\n{key}"));
            assert_eq!(world.bodies(client), [*key], "{pattern}");
        }
        for key in others {
            world.send(client, &format!("SEND\ndestination:/topic/{key}\n\n{key}"));
            assert!(world.read(client).is_empty(), "{pattern} {key}");
        }
    }
}

#[test]
fn a_subscription_ends_with_its_connection_and_leaves_nothing() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:/topic/a\nack:client");
    world.send(client, "SEND\ndestination:/topic/a\n\nx");
    assert_eq!(world.internal_queues().len(), 1);
    world.send(client, "UNSUBSCRIBE\nid:1\nreceipt:u");
    assert_eq!(world.read(client).len(), 2);
    assert!(world.internal_queues().is_empty());
    world.subscribe(client, "id:1\ndestination:/topic/a");
    world.cut(client);
    assert!(world.internal_queues().is_empty());
}

#[test]
fn selectors_compare_numbers_though_headers_are_text() {
    for destination in ["/topic/a", "/queue/a"] {
        let mut world = World::new();
        let client = world.join();
        world.subscribe(client, &format!("id:1\ndestination:{destination}\nselector:size > 5 AND color = 'red'"));
        for (size, color) in [(3, "red"), (10, "red"), (10, "blue"), (6, "red")] {
            world.send(
                client,
                &format!("SEND\ndestination:{destination}\nsize:{size}\ncolor:{color}\n\n{size} {color}"),
            );
        }
        assert_eq!(world.bodies(client), ["10 red", "6 red"], "{destination}");
    }
    let mut world = World::new();
    let client = world.join();
    world.subscribe(
        client,
        "id:1\ndestination:/topic/a\nselector:JMSType = 'x' AND JMSPriority > 6 AND JMSCorrelationID = '7'",
    );
    for priority in [6, 7] {
        world.send(
            client,
            &format!("SEND\ndestination:/topic/a\ntype:x\ncorrelation-id:7\npriority:{priority}\n\n{priority}"),
        );
    }
    assert_eq!(world.bodies(client), ["7"]);
}

#[test]
fn what_is_retained_comes_with_a_subscription() {
    let mut world = World::new();
    let client = world.join();
    world.send(client, "SEND\ndestination:/topic/a.b\nActiveMQ.Retain:true\n\nlast");
    world.subscribe(client, "id:1\ndestination:/topic/a.>");
    let message = world.read_one(client);
    assert_eq!((message.text(), message.get("ActiveMQ.Retained")), ("last", "true"));
    world.send(client, "SEND\ndestination:/topic/a.b\nActiveMQ.Retain:true\n\n");
    assert_eq!(world.read_one(client).find("ActiveMQ.Retained"), None);
    world.subscribe(client, "id:2\ndestination:/topic/a.>");
    assert!(world.read(client).is_empty(), "an empty one takes it away");
}

#[test]
fn other_exchanges_are_there_too() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:/exchange/amq.direct/k");
    world.subscribe(client, "id:2\ndestination:/exchange/amq.fanout");
    world.subscribe(client, "id:3\ndestination:/exchange/amq.topic/a.#");
    for (destination, subscription) in [
        ("/exchange/amq.direct/k", Some("1")),
        ("/exchange/amq.direct/other", None),
        ("/exchange/amq.fanout", Some("2")),
        ("/exchange/amq.fanout/any%2Fkey", Some("2")),
        ("/exchange/amq.topic/a.b", Some("3")),
        ("/topic/a.b", Some("3")),
    ] {
        world.send(client, &format!("SEND\ndestination:{destination}\n\nx"));
        let read = world.messages(client);
        assert_eq!(read.first().map(|it| it.get("subscription")), subscription, "{destination}");
        if let Some(message) = read.first() {
            let shown = destination.replace("/exchange/amq.topic/", "/topic/");
            assert_eq!(message.get("destination"), shown);
        }
    }
    world.send(client, "SUBSCRIBE\nid:4\ndestination:/exchange/nowhere/k\nreceipt:4");
    let error = world.error(client);
    assert_eq!(error.get("receipt-id"), "4");
    assert!(error.text().contains("no exchange \"nowhere\""), "{error:?}");
}

#[test]
fn a_subscriber_that_lags_loses_the_newest() {
    let mut world = World::with(|options| (options.subscription_length, options.window) = (5, 2));
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:/topic/a\nack:client");
    for n in 0..10 {
        world.send(client, &format!("SEND\ndestination:/topic/a\nreceipt:{n}\n\n{n}"));
    }
    let receipts = world.read(client).iter().filter(|it| it.find("receipt-id").is_some()).count();
    assert_eq!(receipts, 10, "its publisher is not slowed down");
    let counts = world.internal_queues()[0].counts;
    assert!(counts.ready <= 5 && counts.dropped > 0, "{counts:?}");
    assert_eq!(counts.ready + counts.leased + counts.dropped, 10);
}

#[test]
fn selectors_see_colons_that_were_escaped() {
    let mut world = World::new();
    let clients: Vec<_> = ["accept-version:1.2", "accept-version:1.1", "x:y"].map(|it| world.join_with(it)).to_vec();
    for client in &clients {
        world.subscribe(*client, "id:1\ndestination:/topic/a\nselector:url = 'http://a:80'");
    }
    world.send(clients[0], "SEND\ndestination:/topic/a\nurl:http\\c//a\\c80\nb\\c:\\\\c\\c\\n\n\nx");
    world.send(clients[0], "SEND\ndestination:/topic/a\nurl:http://a:80\n\ny");
    for client in &clients {
        let messages = world.messages(*client);
        assert_eq!(messages.iter().map(|it| it.text()).collect::<Vec<_>>(), ["x", "y"]);
        assert!(messages.iter().all(|it| it.get("url") == "http://a:80"));
    }
}

#[test]
fn escaped_colons_come_back_escaped() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:/topic/a");
    world.peer(client).is_stalled = true;
    world.send(client, "SEND\ndestination:/topic/a\nurl:http\\c//a\nb\\c:\\\\c\\c\\n\n\nx");
    let written = world.peer(client).written();
    for line in ["\nurl:http\\c//a\n", "\nb\\c:\\\\c\\c\\n\n"] {
        assert!(written.contains(line), "{line:?} is not in {written:?}");
    }
}
