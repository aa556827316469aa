//! Queues that stand behind somebody's session or subscription.

use model::{Command, Declare, DeclareMode, Envelope, Lifetime, Namespace, QueueSettings, Token};

use crate::World;
use crate::world::queue;

/// A session's queue, as another protocol keeps it.
fn declare(world: &mut World, name: &str, settings: QueueSettings) {
    let (namespace, name, mode) = (Namespace(0), name.into(), DeclareMode::IfAbsent);
    world
        .ask(|token| {
            Command::Declare(Box::new(Declare { token, namespace, name, settings, mode, own: model::Own::No }))
        })
        .expect("nothing is there yet");
}

fn internal() -> QueueSettings {
    QueueSettings { internal: true, ..QueueSettings::default() }
}

#[test]
fn nobody_subscribes_to_the_queue_of_a_session() {
    for destination in [
        "/queue/mqtt.session.d",
        "queue://mqtt.session.d",
        "mqtt.session.d",
        "/amq/queue/mqtt.session.d",
        "/reply-queue/mqtt.session.d",
        "/remote-temp-queue/mqtt.session.d",
    ] {
        for mode in ["ack:auto", "ack:client", "browser:true"] {
            let mut world = World::new();
            declare(&mut world, "mqtt.session.d", internal());
            let (sender, thief) = (world.join(), world.join());
            world.send(sender, "SEND\ndestination:/queue/mqtt.session.d\npersistent:true\n\nx");
            assert_eq!(world.error(sender).get("message"), "Refused");
            world.send(thief, &format!("SUBSCRIBE\nid:1\ndestination:{destination}\n{mode}\nreceipt:r"));
            let error = world.error(thief);
            assert_eq!((error.get("message"), error.get("receipt-id")), ("Refused", "r"));
            assert!(error.text().contains("mqtt.session.d"), "{destination}: {error:?}");
            assert_eq!(world.tally("mqtt.session.d"), (0, 0), "nothing comes in");
        }
    }
}

#[test]
fn nor_to_that_of_a_durable_subscription() {
    let mut world = World::new();
    let owner = world.join_with("accept-version:1.2\nclient-id:me");
    world.subscribe(owner, "id:1\ndestination:/topic/t\nactivemq.subscriptionName:mine");
    world.send(owner, "UNSUBSCRIBE\nid:1");
    world.send(owner, "SEND\ndestination:/topic/t\npersistent:true\n\nx");
    let kept = world.internal_queues()[0].name.to_text().into_owned();
    let thief = world.join();
    world.send(thief, &format!("SUBSCRIBE\nid:1\ndestination:/queue/{kept}"));
    assert_eq!(world.error(thief).get("message"), "Refused");
    world.subscribe(owner, "id:1\ndestination:/topic/t\nactivemq.subscriptionName:mine");
    assert_eq!(world.bodies(owner), ["x"]);
}

#[test]
fn a_queue_of_another_connection_is_refused_and_ones_own_is_not() {
    let mut world = World::new();
    let settings = QueueSettings { durable: false, lifetime: Lifetime::Connection, ..internal() };
    declare(&mut world, "somebody's", settings);
    let client = world.join();
    world.send(client, "SUBSCRIBE\nid:1\ndestination:/queue/somebody's");
    assert!(world.error(client).text().contains("belongs to another connection"));
    let client = world.join();
    world.send(client, "SEND\ndestination:/queue/service\nreply-to:/temp-queue/mine\n\nhow?");
    let own = world.internal_queues()[0].name.to_text().into_owned();
    world.subscribe(client, &format!("id:1\ndestination:/remote-temp-queue/{own}"));
    world.send(client, "SEND\ndestination:/temp-queue/mine\n\nso");
    assert_eq!(world.bodies(client), ["so"]);
}

#[test]
fn a_queue_that_goes_before_its_consumer_comes_is_made_again() {
    let mut world = World::new();
    let (client, other) = (world.join(), world.join());
    world.say(client, "SUBSCRIBE\nid:1\ndestination:/queue/a\nreceipt:s");
    let delete = Command::Delete { token: Token(0), queue: queue("a"), if_unused: false, if_empty: false };
    let connection = world.peer(other).id;
    world.give(vec![Envelope { connection, command: delete }]);
    world.rest();
    assert_eq!(world.receipts(client), ["s"]);
    world.send(client, "SEND\ndestination:/queue/a\n\nx");
    assert_eq!(world.bodies(client), ["x"]);
}

#[test]
fn an_early_unsubscribe_has_both_receipts_and_no_consumer() {
    let mut world = World::new();
    let client = world.join();
    world.say(client, "SUBSCRIBE\nid:1\ndestination:/queue/a\nreceipt:s");
    world.say(client, "UNSUBSCRIBE\nid:1\nreceipt:u");
    world.rest();
    assert_eq!(world.receipts(client), ["s", "u"]);
    assert_eq!(world.info("a").map(|info| info.counts.consumers), Some(0));
}
