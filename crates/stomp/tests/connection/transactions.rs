use crate::World;
use crate::acknowledging::fill;

#[test]
fn nothing_of_a_transaction_is_seen_before_its_commit() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a");
    world.send(client, "BEGIN\ntransaction:t 1\nreceipt:1");
    assert_eq!(world.receipts(client), ["1"]);
    for n in 1..=3 {
        world.send(client, &format!("SEND\ndestination:/queue/a\ntransaction:t 1\npersistent:true\n\n{n}"));
    }
    world.send(client, "SEND\ndestination:/queue/a\n\nbeside it");
    assert_eq!(world.bodies(client), ["beside it"]);
    world.send(client, "COMMIT\ntransaction:t 1");
    assert_eq!(world.bodies(client), ["1", "2", "3"]);
}

#[test]
fn an_aborted_one_did_not_happen() {
    let mut world = World::new();
    fill(&mut world, 3);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client-individual");
    let messages = world.messages(client);
    world.send(client, "BEGIN\ntransaction:t");
    world.send(client, "SEND\ndestination:/queue/b\ntransaction:t\n\nno");
    world.send(client, &format!("ACK\nid:{}\ntransaction:t", messages[1].get("ack")));
    world.send(client, "ABORT\ntransaction:t\nreceipt:a");
    assert_eq!(world.receipts(client), ["a"]);
    assert!(world.info("b").is_none_or(|info| info.counts.ready == 0));
    assert_eq!(world.tally("a"), (0, 3));
    // It can be acknowledged again.
    world.send(client, &format!("ACK\nid:{}", messages[1].get("ack")));
    world.send(client, &format!("ACK\nid:{}", messages[0].get("ack")));
    assert_eq!(world.tally("a"), (0, 1));
}

#[test]
fn acknowledgements_count_at_the_commit() {
    let mut world = World::new();
    fill(&mut world, 5);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client\nactivemq.prefetchSize:4");
    let messages = world.messages(client);
    world.send(client, "BEGIN\ntransaction:t");
    world.send(client, &format!("ACK\nid:{}\ntransaction:t", messages[1].get("ack")));
    world.send(client, &format!("NACK\nid:{}\ntransaction:t\nreceipt:n", messages[2].get("ack")));
    assert_eq!(world.receipts(client), ["n"]);
    assert_eq!(world.tally("a"), (1, 4));
    world.send(client, "COMMIT\ntransaction:t\nreceipt:c");
    let said = world.read(client);
    assert_eq!(said.iter().filter(|it| it.find("receipt-id") == Some("c")).count(), 1);
    assert_eq!(said.iter().filter(|it| it.text() == "5").count(), 1, "credit is back");
    assert_eq!(world.tally("a"), (0, 2));
    assert_eq!(world.tally("ActiveMQ.DLQ"), (1, 0));
}

#[test]
fn the_receipt_of_a_commit_waits_for_the_record() {
    let mut world = World::new();
    fill(&mut world, 1);
    let client = world.join();
    world.syncs = false;
    world.send(client, "BEGIN\ntransaction:t");
    world.send(client, "SEND\ndestination:/queue/a\ntransaction:t\npersistent:true\n\n2");
    world.send(client, "COMMIT\ntransaction:t\nreceipt:c");
    assert!(world.read(client).is_empty());
    let last = world.last();
    world.sync(last);
    assert_eq!(world.receipts(client), ["c"]);
    world.crash();
    world.syncs = true;
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a");
    assert_eq!(world.bodies(client), ["1", "2"]);
}

#[test]
fn a_connection_that_ends_aborts() {
    let mut world = World::new();
    fill(&mut world, 1);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client");
    let ack = world.read_one(client).get("ack").to_owned();
    world.send(client, "BEGIN\ntransaction:t");
    world.send(client, "SEND\ndestination:/queue/a\ntransaction:t\n\nno");
    world.send(client, &format!("ACK\nid:{ack}\ntransaction:t"));
    world.cut(client);
    assert_eq!(world.tally("a"), (1, 0));
}

#[test]
fn an_abort_after_unsubscribe_gives_back_to_others() {
    let mut world = World::new();
    fill(&mut world, 2);
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client-individual");
    let messages = world.messages(client);
    world.send(client, "BEGIN\ntransaction:t");
    world.send(client, &format!("ACK\nid:{}\ntransaction:t", messages[0].get("ack")));
    world.send(client, "UNSUBSCRIBE\nid:s1");
    assert_eq!(world.tally("a"), (1, 1));
    world.send(client, "ABORT\ntransaction:t");
    assert_eq!(world.tally("a"), (2, 0));
}

#[test]
fn several_are_open_at_once_and_names_are_free_again() {
    let mut world = World::new();
    let client = world.join();
    for name in ["a", "b", "c"] {
        world.send(client, &format!("BEGIN\ntransaction:{name}"));
        world.send(client, &format!("SEND\ndestination:/queue/q\ntransaction:{name}\n\n{name}"));
    }
    world.send(client, "COMMIT\ntransaction:b");
    world.send(client, "BEGIN\ntransaction:b");
    world.send(client, "ABORT\ntransaction:a");
    world.send(client, "COMMIT\ntransaction:c");
    world.send(client, "COMMIT\ntransaction:b");
    world.subscribe(client, "id:s\ndestination:/queue/q");
    assert_eq!(world.bodies(client), ["b", "c"]);
}

#[test]
fn wrong_names_are_errors() {
    for (frames, title) in [
        (&["BEGIN"][..], "Header missing"),
        (&["COMMIT"], "Header missing"),
        (&["ABORT"], "Header missing"),
        (&["COMMIT\ntransaction:t"], "Transaction not found"),
        (&["ABORT\ntransaction:t"], "Transaction not found"),
        (&["BEGIN\ntransaction:t", "BEGIN\ntransaction:t"], "Duplicate transaction"),
        (&["BEGIN\ntransaction:t", "COMMIT\ntransaction:t", "COMMIT\ntransaction:t"], "Transaction not found"),
        (&["SEND\ndestination:/queue/a\ntransaction:t\n\nx"], "Transaction not found"),
    ] {
        let mut world = World::new();
        let client = world.join();
        frames.iter().for_each(|frame| world.send(client, frame));
        assert_eq!(world.error(client).get("message"), title, "{frames:?}");
    }
    let mut world = World::new();
    let client = world.join();
    (0..=1_000).for_each(|n| world.send(client, &format!("BEGIN\ntransaction:{n}")));
    assert!(world.error(client).text().contains("1000 open transactions"));
}

/// A client that asks for no receipt may say much more before it reads the ERROR.
#[test]
fn nothing_behind_a_wrong_name_is_done() {
    for verb in ["SEND\ndestination:/queue/a\ntransaction:t", "COMMIT\ntransaction:t", "ABORT\ntransaction:t"] {
        let mut world = World::new();
        let client = world.join();
        let more = "SEND\ndestination:/queue/a\nreceipt:r\n\nx\0";
        world.send_bytes(client, format!("{more}{verb}\n\n\0{more}{more}").as_bytes());
        let error = world.error(client);
        assert!(error.get("message") == "Transaction not found" && error.text().contains("transaction:t"), "{error:?}");
        world.send_bytes(client, more.as_bytes());
        assert!(world.read(client).is_empty());
        assert_eq!(world.tally("a"), (1, 0), "what came before it is done");
    }
}

#[test]
fn a_commit_that_cannot_be_is_an_error() {
    let mut world = World::new();
    let client = world.join();
    world.send(client, "BEGIN\ntransaction:t");
    world.say(client, "SEND\ndestination:/exchange/nowhere\ntransaction:t\n\nx");
    world.say(client, "COMMIT\ntransaction:t\nreceipt:c");
    world.rest();
    let error = world.error(client);
    assert!(error.text().contains("no exchange \"nowhere\""), "{error:?}");
}
