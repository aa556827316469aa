use model::Lsn;

use crate::World;

#[test]
fn receipts_wait_until_messages_are_durable() {
    let mut world = World::new();
    let client = world.join();
    world.send(client, "SEND\ndestination:/queue/a\n\nthe queue is made");
    world.syncs = false;
    world.send(client, "SEND\ndestination:/queue/a\nreceipt:1\n\nnot persistent");
    assert_eq!(world.receipts(client), ["1"]);
    world.send(client, "SEND\ndestination:/queue/a\npersistent:true\nreceipt:2\n\npersistent");
    let first = world.last();
    world.send(client, "SEND\ndestination:/queue/a\npersistent:true\nreceipt:3\n\npersistent");
    assert!(world.read(client).is_empty());
    world.sync(Lsn(first.0 - 1));
    assert!(world.read(client).is_empty());
    world.sync(first);
    assert_eq!(world.receipts(client), ["2"]);
    let last = world.last();
    world.sync(last);
    assert_eq!(world.receipts(client), ["3"]);
}

#[test]
fn only_what_is_persistent_survives() {
    let mut world = World::new();
    let client = world.join();
    for (persistent, text) in [("", "no"), ("persistent:false\n", "no"), ("persistent:true\n", "yes")] {
        world.send(client, &format!("SEND\ndestination:/queue/a\n{persistent}receipt:1\n\n{text}"));
    }
    world.crash();
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:/queue/a");
    let message = world.read_one(client);
    assert_eq!((message.text(), message.get("persistent")), ("yes", "true"));
}

#[test]
fn a_refused_message_ends_its_connection_with_the_receipt() {
    let mut world = World::new();
    let client = world.join();
    world.send(client, "SEND\ndestination:/exchange/nowhere/k\nreceipt:77\n\nx");
    let error = world.error(client);
    assert_eq!(error.get("receipt-id"), "77");
    assert!(error.text().contains("no exchange \"nowhere\""), "{error:?}");
    let client = world.join();
    world.send(client, "SEND\ndestination:/amq/queue/nowhere\n\nx");
    let error = world.error(client);
    assert!(error.text().contains("no queue \"nowhere\"") && error.find("receipt-id").is_none(), "{error:?}");
}
