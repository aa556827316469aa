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
