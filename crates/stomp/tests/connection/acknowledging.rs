use model::{Command, DeadLetter, Declare, DeclareMode, Namespace, QueueSettings};

use crate::World;

#[test]
fn auto_needs_no_acknowledgement() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a");
    world.send(client, "SEND\ndestination:/queue/a\nfoo:bar\nfoo:again\n\nhello");
    let message = world.read_one(client);
    assert_eq!(message.get("subscription"), "s1");
    assert_eq!(message.get("destination"), "/queue/a");
    assert!(!message.get("message-id").is_empty());
    assert_eq!(message.find("ack"), None);
    assert_eq!(message.find("content-length"), None, "its publisher said none");
    let foos: Vec<_> = message.headers.iter().filter(|(name, _)| name == "foo").map(|(_, value)| value).collect();
    assert_eq!(foos, ["bar", "again"]);
    assert_eq!(message.text(), "hello");
    assert_eq!(world.tally("a"), (0, 0));
}

#[test]
fn a_deleted_queue_ends_its_subscribers() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a");
    world.delete("a");
    let error = world.error(client);
    assert_eq!(error.get("message"), "Subscription ended");
    assert!(error.text().contains("/queue/a"), "{error:?}");
}

#[test]
fn a_socket_that_breaks_gives_everything_back() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client");
    world.send(client, "SEND\ndestination:/queue/a\n\nhello");
    assert_eq!(world.tally("a"), (0, 1));
    world.cut(client);
    assert_eq!(world.tally("a"), (1, 0));
}

#[test]
fn a_client_that_does_not_read_is_sent_no_more_than_its_window() {
    let mut world = World::with(|options| options.window = 8);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a");
    world.peer(client).is_stalled = true;
    let sender = world.join();
    (0..50).for_each(|_| world.send(sender, "SEND\ndestination:/queue/a\n\nhello"));
    assert_eq!(world.tally("a"), (42, 0));
    world.flush_bytes(client, 100);
    assert_eq!(world.tally("a"), (34, 0), "what is written can be had again");
    world.flush_bytes(client, usize::MAX);
    world.peer(client).is_stalled = false;
    world.rest();
    world.send(sender, "SEND\ndestination:/queue/a\n\nhello");
    assert_eq!(world.messages(client).len(), 51);
}

/// Sends `count` messages to the queue `a`, each with its number.
pub(crate) fn fill(world: &mut World, count: usize) {
    let client = world.join();
    (1..=count).for_each(|n| world.send(client, &format!("SEND\ndestination:/queue/a\npersistent:true\n\n{n}")));
    world.send(client, "DISCONNECT");
}

#[test]
fn a_client_acknowledges_up_to_a_message() {
    let mut world = World::new();
    fill(&mut world, 5);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client");
    let messages = world.messages(client);
    assert_eq!(messages.iter().map(|it| it.text()).collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
    world.send(client, &format!("ACK\nid:{}", messages[2].get("ack")));
    assert_eq!(world.tally("a"), (0, 2));
    world.send(client, &format!("ACK\nid:{}\nreceipt:9", messages[4].get("ack")));
    assert_eq!(world.receipts(client), ["9"]);
    assert_eq!(world.tally("a"), (0, 0));
}

#[test]
fn or_single_messages_in_any_order() {
    let mut world = World::new();
    fill(&mut world, 5);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client-individual");
    let messages = world.messages(client);
    for at in [3, 0, 1] {
        world.send(client, &format!("ACK\nid:{}", messages[at].get("ack")));
    }
    assert_eq!(world.tally("a"), (0, 2));
    world.cut(client);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client-individual");
    let messages = world.messages(client);
    assert!(messages.iter().all(|it| it.get("redelivered") == "true"));
    assert_eq!(messages.iter().map(|it| it.text()).collect::<Vec<_>>(), ["3", "5"]);
    world.cut(client);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a");
    assert_eq!(world.bodies(client), ["3", "5"]);
}

#[test]
fn version_1_1_acknowledges_by_subscription_and_message() {
    let mut world = World::new();
    fill(&mut world, 3);
    let client = world.join_with("accept-version:1.1");
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client-individual");
    let messages = world.messages(client);
    assert!(messages.iter().all(|it| it.find("ack").is_none()));
    let id = messages[1].get("message-id");
    world.send(client, &format!("ACK\nsubscription:s1\nmessage-id:{id}"));
    assert_eq!(world.tally("a"), (0, 2));
    world.send(client, &format!("NACK\nsubscription:s1\nmessage-id:{}\nrequeue:true", messages[0].get("message-id")));
    assert_eq!(world.bodies(client), ["1"]);
    world.send(client, &format!("ACK\nmessage-id:{id}"));
    let error = world.error(client);
    assert_eq!(error.get("message"), "Header missing");
    assert!(error.text().contains("subscription"), "{error:?}");
}

#[test]
fn version_1_0_acknowledges_by_message() {
    let mut world = World::new();
    fill(&mut world, 3);
    let client = world.join_with("login:me");
    world.subscribe(client, "destination:/queue/b\nack:client");
    world.subscribe(client, "destination:/queue/a\nack:client");
    let messages = world.messages(client);
    assert!(messages.iter().all(|it| it.find("subscription").is_none() && it.find("ack").is_none()));
    world.send(client, &format!("ACK\nmessage-id: {}", messages[1].get("message-id")));
    assert_eq!(world.tally("a"), (0, 1));
    world.send(client, &format!("NACK\nmessage-id:{}", messages[2].get("message-id")));
    assert_eq!(world.error(client).get("message"), "NACK is not in STOMP 1.0");
    assert_eq!(world.tally("a"), (1, 0));
}

#[test]
fn version_1_2_takes_the_message_id_too() {
    let mut world = World::new();
    fill(&mut world, 1);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client");
    let message = world.read_one(client);
    world.send(client, &format!("ACK\nmessage-id:{}\nsubscription:s1\nreceipt:1", message.get("message-id")));
    assert_eq!(world.receipts(client), ["1"]);
    assert_eq!(world.tally("a"), (0, 0));
}

#[test]
fn what_is_rejected_goes_to_the_dead_letters_and_says_why() {
    let mut world = World::new();
    fill(&mut world, 2);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client-individual");
    let messages = world.messages(client);
    world.send(client, &format!("NACK\nid:{}\nreceipt:1", messages[0].get("ack")));
    assert_eq!(world.receipts(client), ["1"]);
    world.subscribe(client, "id:dead\ndestination:/queue/ActiveMQ.DLQ");
    let dead = world.read_one(client);
    assert_eq!(dead.text(), "1");
    assert_eq!(dead.get("destination"), "/queue/ActiveMQ.DLQ");
    assert_eq!(dead.get("original-destination"), "/queue/a");
    assert_eq!((dead.get("x-first-death-queue"), dead.get("x-last-death-queue")), ("a", "a"));
    assert_eq!((dead.get("x-first-death-reason"), dead.get("x-first-death-exchange")), ("rejected", ""));
    assert_eq!(dead.get("dlqDeliveryFailureCause"), "rejected");
}

#[test]
fn or_to_those_of_its_own_queue() {
    let mut world = World::new();
    let dead_letter = Some(DeadLetter::to_queue("dead".into(), None));
    let settings = QueueSettings { dead_letter, ..QueueSettings::default() };
    let (namespace, name, mode) = (Namespace(0), "jobs".into(), DeclareMode::IfAbsent);
    world
        .ask(|token| {
            Command::Declare(Box::new(Declare { token, namespace, name, settings, mode, own: model::Own::No }))
        })
        .unwrap();
    let client = world.join();
    world.subscribe(client, "id:jobs\ndestination:/queue/jobs\nack:client-individual");
    for requeue in ["", "\nrequeue:false"] {
        world.send(client, "SEND\ndestination:/queue/jobs\npersistent:true\ncolour:red\n\nbad");
        let ack = world.read_one(client).get("ack").to_owned();
        world.send(client, &format!("NACK\nid:{ack}{requeue}"));
    }
    assert_eq!((world.tally("jobs"), world.tally("dead")), ((0, 0), (2, 0)));
    assert!(world.info("ActiveMQ.DLQ").is_none());
    world.subscribe(client, "id:dead\ndestination:/queue/dead");
    for message in world.messages(client) {
        let get = |name| message.get(name);
        assert_eq!((get("destination"), get("original-destination")), ("/queue/dead", "/queue/jobs"));
        assert_eq!((message.text(), get("colour"), get("x-first-death-reason")), ("bad", "red", "rejected"));
        assert_eq!(message.find("JMSXDeliveryCount"), None, "it has not been delivered from here");
    }
}

#[test]
fn what_is_sent_back_comes_again() {
    let mut world = World::new();
    fill(&mut world, 3);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client");
    let messages = world.messages(client);
    world.send(client, &format!("NACK\nid:{}\nrequeue:true", messages[1].get("ack")));
    let again = world.messages(client);
    assert_eq!(again.iter().map(|it| it.text()).collect::<Vec<_>>(), ["1", "2"]);
    assert!(again.iter().all(|it| it.get("redelivered") == "true"));
    assert_eq!(again[0].get("message-id"), messages[0].get("message-id"));
    assert_ne!(again[0].get("ack"), messages[0].get("ack"));
    // Everything that is not acknowledged, in order of delivery.
    world.send(client, &format!("ACK\nid:{}", again[1].get("ack")));
    assert_eq!(world.tally("a"), (0, 0));
}

#[test]
fn what_comes_again_says_how_often_it_came() {
    let mut world = World::new();
    let client = world.join();
    world.send(client, "SEND\ndestination:/queue/a\npersistent:true\nJMSXDeliveryCount:7\n\nx");
    world.subscribe(client, "id:1\ndestination:/queue/a\nack:client");
    let mut message = world.read_one(client);
    assert_eq!(message.find("JMSXDeliveryCount"), None, "neither the first time nor by its publisher");
    for count in ["2", "3"] {
        world.send(client, &format!("NACK\nid:{}\nrequeue:true", message.get("ack")));
        message = world.read_one(client);
        assert_eq!((message.get("redelivered"), message.get("JMSXDeliveryCount")), ("true", count));
        assert_eq!(message.headers.iter().filter(|(name, _)| name == "JMSXDeliveryCount").count(), 1);
    }
    world.crash();
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:/queue/a\nack:client");
    let message = world.read_one(client);
    assert_eq!((message.get("redelivered"), message.get("JMSXDeliveryCount")), ("true", "2"), "at least");
}

#[test]
fn receipts_of_acknowledgements_wait_for_the_record() {
    let mut world = World::new();
    fill(&mut world, 2);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client-individual");
    let messages = world.messages(client);
    world.syncs = false;
    world.send(client, &format!("ACK\nid:{}\nreceipt:1", messages[0].get("ack")));
    assert!(world.read(client).is_empty());
    let last = world.last();
    world.sync(last);
    assert_eq!(world.receipts(client), ["1"]);
    world.crash();
    world.syncs = true;
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a");
    assert_eq!(world.bodies(client), ["2"]);
}

#[test]
fn acknowledging_what_is_not_there_is_an_error() {
    for (frame, title) in [
        ("ACK\nid:0-99", "Message not found"),
        ("ACK\nid:99-1", "Message not found"),
        ("ACK\nid:x", "Message not found"),
        ("ACK\nid:", "Message not found"),
        ("ACK\nid:18446744073709551615-18446744073709551616", "Message not found"),
        ("NACK\nid:0-0", "Message not found"),
        ("ACK\nsubscription:s1", "Header missing"),
        ("ACK\nmessage-id:1-1\nsubscription:nobody", "Subscription not found"),
        ("ACK\nmessage-id:999-1\nsubscription:s1", "Message not found"),
        ("NACK\nid:ID\nrequeue:maybe", "Wrong header"),
        ("ACK\nid:ID\ntransaction:t", "Transaction not found"),
    ] {
        let mut world = World::new();
        fill(&mut world, 1);
        let client = world.join();
        world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client");
        let ack = world.read_one(client).get("ack").to_owned();
        world.send(client, &format!("{}\nreceipt:r", frame.replace("ID", &ack)));
        let error = world.error(client);
        assert_eq!((error.get("message"), error.get("receipt-id")), (title, "r"), "{frame}");
        assert_eq!(world.tally("a"), (1, 0), "it is back in its queue");
    }
}

#[test]
fn a_message_is_acknowledged_once() {
    let mut world = World::new();
    fill(&mut world, 2);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client-individual");
    let ack = world.messages(client)[0].get("ack").to_owned();
    world.send(client, &format!("ACK\nid:{ack}"));
    world.send(client, &format!("ACK\nid:{ack}"));
    assert!(world.error(client).text().contains(&ack));
}

#[test]
fn the_window_is_what_is_unacknowledged() {
    let mut world = World::new();
    fill(&mut world, 10);
    for header in ["activemq.prefetchSize", "prefetch-count"] {
        let client = world.join();
        world.subscribe(client, &format!("id:s1\ndestination:/queue/a\nack:client\n{header}:3"));
        let messages = world.messages(client);
        assert_eq!(messages.len(), 3, "{header}");
        world.send(client, &format!("ACK\nid:{}", messages[1].get("ack")));
        assert_eq!(world.messages(client).len(), 2);
        world.cut(client);
    }
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client\nprefetch-count:0");
    assert_eq!(world.messages(client).len(), 6);
}

#[test]
fn many_acknowledgements_are_few_commands() {
    use model::Command;
    let mut world = World::new();
    fill(&mut world, 100);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client-individual");
    let frames: String = world.messages(client).iter().map(|it| format!("ACK\nid:{}\n\n\0", it.get("ack"))).collect();
    let now = world.now;
    let commands = world.peer(client).send_bytes(now, frames.as_bytes());
    let settles: Vec<_> = commands.iter().map(|it| &it.command).collect();
    assert!(matches!(settles.as_slice(), [Command::Settle(settle)] if settle.last - settle.first == 99), "{settles:?}");
    world.give(commands);
    world.rest();
    assert_eq!(world.tally("a"), (0, 0));
}
