use crate::World;
use crate::world::Client;

const NAMED: &str = "id:1\ndestination:/topic/a.*\nactivemq.subscriptionName:mine\nack:client-individual";
const SHARED: &str = "id:1\ndestination:/topic/a.*\ndurable:true\nauto-delete:false";

fn join(world: &mut World) -> Client {
    world.join_with("accept-version:1.2\nclient-id:me")
}

fn publish(world: &mut World, text: &str) {
    let client = world.join();
    world.send(client, &format!("SEND\ndestination:/topic/a.b\npersistent:true\n\n{text}"));
    world.cut(client);
}

#[test]
fn a_named_subscription_outlives_connection_and_process() {
    let mut world = World::new();
    let client = join(&mut world);
    world.subscribe(client, NAMED);
    publish(&mut world, "1");
    let ack = world.read_one(client).get("ack").to_owned();
    world.send(client, &format!("ACK\nid:{ack}"));
    world.send(client, "DISCONNECT");
    publish(&mut world, "2");
    world.crash();
    publish(&mut world, "3");
    let client = join(&mut world);
    world.subscribe(client, NAMED);
    let messages = world.messages(client);
    assert_eq!(messages.iter().map(|it| it.text()).collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(messages[0].get("destination"), "/topic/a.b");
}

#[test]
fn unsubscribe_keeps_it_unless_it_says_its_name() {
    let mut world = World::new();
    let client = join(&mut world);
    world.subscribe(client, NAMED);
    world.send(client, "UNSUBSCRIBE\nid:1\nreceipt:1");
    publish(&mut world, "kept");
    world.subscribe(client, NAMED);
    let said = world.read(client);
    assert_eq!((said[0].get("receipt-id"), said[1].text(), said.len()), ("1", "kept", 2));
    world.send(client, "UNSUBSCRIBE\nid:1\nactivemq.subscriptionName:mine\nreceipt:2");
    assert_eq!(world.receipts(client), ["2"]);
    assert!(world.internal_queues().is_empty());
    publish(&mut world, "gone");
    world.subscribe(client, NAMED);
    assert!(world.read(client).is_empty());
    // Also when it is not consumed, as ActiveMQ's clients do it.
    world.send(client, "UNSUBSCRIBE\nid:1");
    world.send(client, "UNSUBSCRIBE\nid:1\nactivemq.subscriptionName:mine\nreceipt:3");
    assert_eq!(world.receipts(client), ["3"]);
    assert!(world.internal_queues().is_empty());
    world.send(client, "UNSUBSCRIBE\nactivemq.subscriptionName:mine\nreceipt:4");
    assert_eq!(world.receipts(client), ["4"], "it is not there, as was asked");
}

#[test]
fn another_topic_or_selector_begins_anew() {
    for changed in [
        "id:1\ndestination:/topic/other\nactivemq.subscriptionName:mine",
        "id:1\ndestination:/topic/a.*\nactivemq.subscriptionName:mine\nselector:x = 1",
    ] {
        let mut world = World::new();
        let client = join(&mut world);
        world.subscribe(client, NAMED);
        world.send(client, "UNSUBSCRIBE\nid:1");
        publish(&mut world, "of the first one");
        world.subscribe(client, changed);
        assert!(world.read(client).is_empty());
        publish(&mut world, "of the first one");
        assert!(world.read(client).is_empty());
        world.send(client, "SEND\ndestination:/topic/other\n\nx");
        world.send(client, "SEND\ndestination:/topic/a.b\nx:1\n\nx");
        assert_eq!(world.bodies(client), ["x"]);
        assert_eq!(world.internal_queues().len(), 1);
    }
}

#[test]
fn it_has_one_subscriber_at_a_time() {
    let mut world = World::new();
    let client = join(&mut world);
    world.subscribe(client, NAMED);
    world.send(client, &format!("SUBSCRIBE\n{}\nreceipt:x", NAMED.replace("id:1", "id:2")));
    let error = world.error(client);
    assert!(error.text().contains("in use"), "{error:?}");
    assert_eq!(error.get("receipt-id"), "x");
}

#[test]
fn it_needs_a_client_id_and_a_topic() {
    let mut world = World::new();
    let client = world.join();
    world.send(client, &format!("SUBSCRIBE\n{NAMED}"));
    let error = world.error(client);
    assert!(error.text().contains("activemq.subscriptionName:mine") && error.text().contains("client-id"), "{error:?}");
    let client = join(&mut world);
    world.send(client, "SUBSCRIBE\nid:1\ndestination:/queue/a\nactivemq.subscriptionName:mine");
    assert!(world.error(client).text().contains("durable subscriptions are of topics"));
}

#[test]
fn names_of_clients_and_subscriptions_do_not_run_into_each_other() {
    let mut world = World::new();
    let one = world.join_with("accept-version:1.2\nclient-id:a:b");
    world.subscribe(one, "id:1\ndestination:/topic/a.b\nactivemq.subscriptionName:c");
    let other = world.join_with("accept-version:1.2\nclient-id:a");
    world.subscribe(other, "id:1\ndestination:/topic/a.b\nactivemq.subscriptionName:b\\cc");
    publish(&mut world, "x");
    assert_eq!((world.bodies(one), world.bodies(other)), (vec!["x".to_owned()], vec!["x".to_owned()]));
}

#[test]
fn a_shared_subscription_has_any_number_of_subscribers() {
    let mut world = World::new();
    let (one, other) = (world.join(), world.join());
    world.subscribe(one, SHARED);
    world.subscribe(other, SHARED);
    (0..4).for_each(|_| publish(&mut world, "x"));
    assert_eq!((world.messages(one).len(), world.messages(other).len()), (2, 2));
    world.cut(one);
    world.cut(other);
    publish(&mut world, "while they were away");
    let one = world.join();
    world.subscribe(one, SHARED);
    assert_eq!(world.bodies(one), ["while they were away"]);
    world.subscribe(one, &SHARED.replace("a.*", "b").replace("id:1", "id:2"));
    assert_eq!(world.internal_queues().len(), 2, "its destination is a part of its name");
    let other = world.join();
    world.subscribe(other, SHARED);
    world.send(other, "UNSUBSCRIBE\nid:1\ndurable:true\nauto-delete:false");
    assert!(world.error(other).text().contains("in use"));
    world.send(one, "UNSUBSCRIBE\nid:1\ndurable:true\nreceipt:u");
    assert_eq!(world.receipts(one), ["u"]);
    world.send(one, "UNSUBSCRIBE\nid:2");
    world.send(one, "UNSUBSCRIBE\nid:2\ndestination:/topic/b\ndurable:true\nauto-delete:false\nreceipt:v");
    assert_eq!(world.receipts(one), ["v"]);
    assert!(world.internal_queues().is_empty());
}

#[test]
fn an_early_unsubscribe_makes_no_consumer() {
    let mut world = World::new();
    let client = join(&mut world);
    world.say(client, &format!("SUBSCRIBE\n{NAMED}\nreceipt:s"));
    world.say(client, "UNSUBSCRIBE\nid:1\nreceipt:u");
    world.rest();
    assert_eq!(world.receipts(client), ["s", "u"]);
    world.subscribe(client, NAMED);
    publish(&mut world, "x");
    assert_eq!(world.bodies(client), ["x"]);
}
