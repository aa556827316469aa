//! What becomes of what a user may not do, with the real broker.

use model::CloseReason;

use crate::World;
use crate::guard::Except;
use crate::world::Client;

/// A world with the queue `q`, and a client for which these rights are missing.
fn world(missing: &[&str]) -> (World, Client) {
    let mut world = World::new();
    let root = world.join();
    world.subscribe(root, "id:1\ndestination:/queue/q");
    world.send(root, "UNSUBSCRIBE\nid:1");
    world.guard = Some(Except::of(missing));
    let bob = world.join_with("accept-version:1.2\nclient-id:bob");
    (world, bob)
}

#[test]
fn each_operation_that_is_denied_is_an_error() {
    let subscribe = |destination: &str| format!("SUBSCRIBE\nid:1\nreceipt:r\ndestination:{destination}");
    let send = |destination: &str| format!("SEND\nreceipt:r\ndestination:{destination}\n\nx");
    let durable = format!("{}\nactivemq.subscriptionName:s", subscribe("/topic/t"));
    // What is missing, what is sent, what the refusal says.
    let rows = [
        ("write queue q", send("/queue/q"), "SEND was refused: user \"bob\" may not write queue \"q\"."),
        ("write topic t", send("/topic/t"), "SEND was refused: user \"bob\" may not write topic \"t\"."),
        ("write exchange x", send("/exchange/x/k"), "SEND was refused: user \"bob\" may not write exchange \"x\"."),
        (
            "configure temporary queue",
            send("/temp-queue/t"),
            "SEND was refused: user \"bob\" may not configure the temporary queue.",
        ),
        ("read queue q", subscribe("/queue/q"), "SUBSCRIBE was refused: user \"bob\" may not read queue \"q\"."),
        ("see queue q", subscribe("/queue/q"), "SUBSCRIBE was refused: user \"bob\" may not see queue \"q\"."),
        (
            "configure queue new",
            subscribe("/queue/new"),
            "SUBSCRIBE was refused: user \"bob\" may not configure queue \"new\".",
        ),
        (
            "read queue q",
            format!("{}\nbrowser:true", subscribe("/queue/q")),
            "SUBSCRIBE was refused: user \"bob\" may not read queue \"q\".",
        ),
        ("read topic t", subscribe("/topic/t"), "SUBSCRIBE was refused: user \"bob\" may not read topic \"t\"."),
        ("read topic t", durable, "SUBSCRIBE was refused: user \"bob\" may not read topic \"t\"."),
        (
            "configure temporary queue",
            subscribe("/temp-queue/t"),
            "SUBSCRIBE was refused: user \"bob\" may not configure the temporary queue.",
        ),
    ];
    for (missing, frame, text) in rows {
        let (mut world, bob) = world(&[missing]);
        world.send(bob, &frame);
        let error = world.error(bob);
        assert_eq!((error.get("message"), error.get("receipt-id")), ("Access refused", "r"), "without {missing:?}");
        assert_eq!(error.text(), format!("{text}\n"));
        assert_eq!(world.tally("q"), (0, 0), "without {missing:?}");
    }
}

#[test]
fn a_refusal_is_heard_without_a_receipt_and_in_a_transaction() {
    for frames in [
        &["SEND\ndestination:/queue/q\n\nx"][..],
        &["BEGIN\ntransaction:t", "SEND\ndestination:/queue/q\ntransaction:t\n\nx"],
        // To all or to none: the first one is allowed.
        &["SEND\ndestination:/queue/p,/queue/q\n\nx"],
    ] {
        let (mut world, bob) = world(&["write queue q"]);
        frames.iter().for_each(|frame| world.send(bob, frame));
        assert_eq!(world.error(bob).get("message"), "Access refused", "{frames:?}");
        assert_eq!(world.tally("q"), (0, 0));
    }
}

#[test]
fn who_may_configure_no_queue_has_subscriptions_all_the_same() {
    let (mut world, _) = world(&[]);
    let queues = ["stomp.durable.carl:s", "stomp.durable.:1:/topic/t"].map(|name| format!("configure queue {name}"));
    world.guard = Some(Except::of(&queues.each_ref().map(String::as_str)));
    let shared = "durable:true\nauto-delete:false";
    for header in ["x:y", "activemq.subscriptionName:s", shared] {
        let carl = world.join_with("accept-version:1.2\nclient-id:carl");
        world.subscribe(carl, &format!("id:1\ndestination:/topic/t\n{header}"));
        world.send(carl, "SEND\ndestination:/topic/t\n\nx");
        assert_eq!(world.bodies(carl), ["x"], "{header}");
        world.send(carl, "DISCONNECT");
    }
    assert_eq!(world.internal_queues().len(), 2);
    // Nor does it take such a right to be rid of them, or of what is not there.
    let carl = world.join_with("accept-version:1.2\nclient-id:carl");
    for _ in 0..2 {
        for header in ["activemq.subscriptionName:s", "destination:/topic/t\ndurable:true"] {
            world.send(carl, &format!("UNSUBSCRIBE\nid:1\nreceipt:r\n{header}"));
            assert_eq!(world.receipts(carl), ["r"], "{header}");
        }
    }
    assert!(world.internal_queues().is_empty());
}

#[test]
fn who_may_not_read_a_topic_takes_nothing_from_a_subscription_to_it() {
    let (mut world, _) = world(&[]);
    let shared = "id:1\ndestination:/topic/t\ndurable:true\nauto-delete:false";
    world.guard = None;
    let root = world.join();
    world.subscribe(root, shared);
    world.send(root, "DISCONNECT");
    let root = world.join();
    world.send(root, "SEND\ndestination:/topic/t\npersistent:true\n\nx");
    world.guard = Some(Except::of(&["read topic t"]));
    let eve = world.join();
    world.send(eve, &format!("SUBSCRIBE\n{shared}"));
    assert_eq!(world.error(eve).get("message"), "Access refused");
    let queue = world.internal_queues().remove(0);
    assert_eq!((queue.counts.ready, queue.counts.leased), (1, 0), "it waits for who may");
}

#[test]
fn a_right_that_is_taken_away_ends_its_subscription() {
    let (mut world, _) = world(&[]);
    let rights = Except::of(&[]);
    world.guard = Some(rights.clone());
    let carl = world.join();
    world.subscribe(carl, "id:1\ndestination:/queue/q");
    rights.and("read queue q");
    world.reconsider();
    let error = world.error(carl);
    assert_eq!(error.get("message"), "Subscription ended");
    let text = "The subscription to /queue/q was ended by the server: user \"bob\" may not read queue \"q\".\n";
    assert_eq!(error.text(), text);
}

#[test]
fn a_user_who_is_gone_is_sent_away() {
    let (mut world, _) = world(&[]);
    let rights = Except::of(&[]);
    world.guard = Some(rights.clone());
    let carl = world.join();
    rights.end();
    world.reconsider();
    assert!(world.error(carl).text().contains("its user may not be connected any more"));
    assert_eq!(world.peer(carl).closed, Some(CloseReason::Revoked));
}
