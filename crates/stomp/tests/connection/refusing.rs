use crate::World;

/// The frame, the title, and what the text must name.
const WRONG: &[(&str, &str, &[&str])] = &[
    ("SEND\n\nx", "Header missing", &["SEND", "destination"]),
    ("SEND\ndestination:/unknown/x\n\nx", "Unknown destination", &["/unknown/x", "/queue/NAME", "/topic/KEY"]),
    ("SEND\ndestination:/queue/\n\nx", "Unknown destination", &["/queue/", "before its name"]),
    ("SEND\ndestination:\n\nx", "Unknown destination", &["before its name"]),
    ("SEND\ndestination:/queue/a\npriority:high\n\nx", "Wrong header", &["priority:high", "0 to 9"]),
    ("SEND\ndestination:/queue/a\npriority:-1\n\nx", "Wrong header", &["priority:-1"]),
    ("SEND\ndestination:/queue/a\nexpires:soon\n\nx", "Wrong header", &["expires:soon", "milliseconds"]),
    ("SEND\ndestination:/queue/a\nexpires:-5\n\nx", "Wrong header", &["expires:-5"]),
    ("SEND\ndestination:/queue/a\nexpires:99999999999999999999\n\nx", "Wrong header", &["expires:9999"]),
    ("SEND\ndestination:/queue/a\nexpiration:never\n\nx", "Wrong header", &["expiration:never"]),
    ("SEND\ndestination:/queue/a\nAMQ_SCHEDULED_DELAY:x\n\nx", "Wrong header", &["AMQ_SCHEDULED_DELAY:x"]),
    ("SEND\ndestination:/queue/a\nAMQ_SCHEDULED_CRON:0 * * * *\n\nx", "Wrong header", &["AMQ_SCHEDULED_CRON"]),
    ("SEND\ndestination:/queue/a\nAMQ_SCHEDULED_REPEAT:3\n\nx", "Wrong header", &["AMQ_SCHEDULED_REPEAT"]),
    ("SEND\ndestination:/queue/a\nbad escape:\\t\n\nx", "Malformed header", &["\\t", "1.2"]),
    ("SEND\ndestination:/queue/a\ncontent-length:-1\n\nx", "Wrong content-length", &["content-length:-1"]),
    ("SEND\ndestination:/queue/a\ncontent-length:1\n\nxyz", "Wrong content-length", &["content-length:1"]),
    ("SEND\ndestination\n\nx", "Malformed header", &["no colon"]),
    ("PUBLISH\n\nx", "Unknown command", &["PUBLISH"]),
    ("SUBSCRIBE\nid:1", "Header missing", &["SUBSCRIBE", "destination"]),
    ("SUBSCRIBE\ndestination:/queue/a", "Header missing", &["SUBSCRIBE", "id"]),
    ("SUBSCRIBE\nid:1\ndestination:/queue/a\nack:maybe", "Wrong header", &["ack:maybe", "client-individual"]),
    ("SUBSCRIBE\nid:1\ndestination:/queue/a\nactivemq.prefetchSize:0", "Wrong header", &["activemq.prefetchSize:0"]),
    ("SUBSCRIBE\nid:1\ndestination:/queue/a\nprefetch-count:-1", "Wrong header", &["prefetch-count:-1"]),
    ("SUBSCRIBE\nid:1\ndestination:/queue/a\nexclusive:yes", "Wrong header", &["exclusive:yes"]),
    ("SUBSCRIBE\nid:1\ndestination:/queue/a\nactivemq.priority:high", "Wrong header", &["activemq.priority:high"]),
    ("SUBSCRIBE\nid:1\ndestination:/queue/a\nx-priority:", "Wrong header", &["x-priority:"]),
    ("SUBSCRIBE\nid:1\ndestination:/queue/a\nbrowser:1", "Wrong header", &["browser:1"]),
    ("SUBSCRIBE\nid:1\ndestination:/topic/a\nbrowser:true", "Unknown destination", &["only queues"]),
    ("SUBSCRIBE\nid:1\ndestination:/queue/a,/queue/b", "Unknown destination", &["SEND only"]),
    ("SUBSCRIBE\nid:1\ndestination:/bad/a", "Unknown destination", &["/bad/a"]),
    ("SUBSCRIBE\nid:1\ndestination:/queue/a\nselector:a =", "Refused", &["SUBSCRIBE"]),
    ("SUBSCRIBE\nid:1\ndestination:/topic/a\nselector:a =", "Refused", &["SUBSCRIBE"]),
    ("SUBSCRIBE\nid:1\ndestination:/amq/queue/none", "Refused", &["no queue \"none\""]),
];

#[test]
fn wrong_frames_are_told_what_is_wrong() {
    for (frame, title, named) in WRONG {
        let mut world = World::new();
        let client = world.join();
        let (first, rest) = frame.split_once('\n').unwrap();
        world.send(client, &format!("{first}\nreceipt:r\\c1\n{rest}"));
        let error = world.error(client);
        assert_eq!(error.get("message"), *title, "{frame}: {error:?}");
        for name in *named {
            assert!(error.text().contains(name), "{name} is not in {:?}", error.text());
        }
        if *title != "Unknown command" {
            assert_eq!(error.get("receipt-id"), "r:1", "{frame}");
        }
    }
}

#[test]
fn a_subscription_id_is_used_once() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:a\\cb\ndestination:/queue/a");
    world.send(client, "SUBSCRIBE\nid:a:b\ndestination:/queue/b");
    let error = world.error(client);
    assert_eq!(error.get("message"), "Duplicate subscription");
    assert!(error.text().contains("id:a:b"), "{error:?}");
}

#[test]
fn an_exclusive_subscription_is_alone() {
    for header in ["exclusive:true", "activemq.exclusive:true"] {
        let mut world = World::new();
        let (one, other) = (world.join(), world.join());
        world.subscribe(one, &format!("id:1\ndestination:/queue/a\n{header}"));
        world.send(other, "SUBSCRIBE\nid:1\ndestination:/queue/a\nreceipt:x");
        let error = world.error(other);
        assert!(error.text().contains("\"a\" is in use"), "{error:?}");
        assert_eq!(error.get("receipt-id"), "x");
    }
}

#[test]
fn a_body_may_be_so_long() {
    let mut world = World::with(|options| options.max_body = 100);
    let client = world.join();
    world.send(client, &format!("SEND\ndestination:/queue/a\nreceipt:1\n\n{}", "x".repeat(100)));
    assert_eq!(world.receipts(client), ["1"]);
    world.send_bytes(client, b"SEND\ndestination:/queue/a\ncontent-length:101\n\n");
    assert!(world.error(client).text().contains("limit of 100 bytes"));
}

#[test]
fn long_texts_are_not_said_again_in_full() {
    let mut world = World::new();
    let client = world.join();
    world.send(client, &format!("SEND\ndestination:/unknown/{}\n\nx", "ä".repeat(5_000)));
    assert!(world.error(client).text().len() < 1_500);
}

#[test]
fn names_have_limits() {
    for (frame, header) in [("SUBSCRIBE\ndestination:/queue/a", "id"), ("BEGIN", "transaction")] {
        let mut world = World::new();
        let client = world.join();
        world.send(client, &format!("{frame}\n{header}:{}\nreceipt:ok", "x".repeat(1_024)));
        assert_eq!(world.receipts(client), ["ok"]);
        world.send(client, &format!("{frame}\n{header}:{}", "x".repeat(1_025)));
        assert!(world.error(client).text().contains("up to 1024 bytes"));
    }
}
