use crate::World;
use crate::acknowledging::fill;

#[test]
fn what_is_not_acknowledged_goes_to_others() {
    let mut world = World::new();
    fill(&mut world, 3);
    let (one, other) = (world.join(), world.join());
    world.subscribe(one, "id:s1\ndestination:/queue/a\nack:client-individual");
    world.subscribe(other, "id:s1\ndestination:/queue/a");
    let messages = world.messages(one);
    world.send(one, &format!("ACK\nid:{}", messages[1].get("ack")));
    world.send(one, "UNSUBSCRIBE\nid:s1\nreceipt:u");
    assert_eq!(world.receipts(one), ["u"]);
    assert_eq!(world.bodies(other), ["1", "3"]);
    world.send(one, &format!("ACK\nid:{}", messages[0].get("ack")));
    assert_eq!(world.error(one).get("message"), "Message not found");
}

#[test]
fn an_id_is_free_again() {
    let mut world = World::new();
    let client = world.join();
    for _ in 0..3 {
        world.subscribe(client, "id:s1\ndestination:/queue/a");
        world.send(client, "SEND\ndestination:/queue/a\n\nx");
        assert_eq!(world.bodies(client), ["x"]);
        world.say(client, "UNSUBSCRIBE\nid:s1");
    }
    world.rest();
    world.send(client, "SEND\ndestination:/queue/a\n\nx");
    assert!(world.read(client).is_empty());
    assert_eq!(world.tally("a"), (1, 0));
}

#[test]
fn an_answer_that_comes_late_still_comes() {
    let mut world = World::new();
    fill(&mut world, 1);
    let client = world.join();
    world.say(client, "SUBSCRIBE\nid:1\ndestination:/queue/a\nack:client\nreceipt:s");
    // The queue is known, the consumer not yet there.
    world.step();
    world.say(client, "UNSUBSCRIBE\nid:1\nreceipt:u");
    world.rest();
    let said = world.read(client);
    assert_eq!(said.iter().map(|it| it.get("receipt-id")).collect::<Vec<_>>(), ["s", "u"]);
    assert_eq!(world.tally("a"), (1, 0), "what was on its way is back");
}

#[test]
fn what_needs_no_acknowledgement_is_not_lost_on_its_way() {
    let mut world = World::new();
    fill(&mut world, 2);
    let client = world.join();
    world.say(client, "SUBSCRIBE\nid:1\ndestination:/queue/a");
    world.step();
    world.say(client, "UNSUBSCRIBE\nid:1");
    world.rest();
    assert_eq!(world.bodies(client), ["1", "2"]);
}

#[test]
fn version_1_0_may_name_the_destination() {
    let mut world = World::new();
    let client = world.join_with("login:me");
    world.subscribe(client, "destination:/queue/a");
    world.send(client, "UNSUBSCRIBE\ndestination:/queue/a\nreceipt:u");
    assert_eq!(world.receipts(client), ["u"]);
    assert_eq!(world.info("a").unwrap().counts.consumers, 0);
}

#[test]
fn what_is_not_there_is_an_error() {
    for (frame, title) in [
        ("UNSUBSCRIBE\nid:nobody", "Subscription not found"),
        ("UNSUBSCRIBE", "Header missing"),
        ("UNSUBSCRIBE\ndestination:/queue/a", "Header missing"),
        ("UNSUBSCRIBE\nid:1\nactivemq.subscriptionName:x", "Wrong header"),
    ] {
        let mut world = World::new();
        let client = world.join();
        world.send(client, frame);
        assert_eq!(world.error(client).get("message"), title, "{frame}");
    }
}

#[test]
fn many_come_and_go() {
    let mut world = World::new();
    let client = world.join();
    for round in 0..3 {
        for n in 0..50 {
            world.say(client, &format!("SUBSCRIBE\nid:{n}\ndestination:/topic/t.{n}"));
        }
        world.rest();
        world.send(client, &format!("SEND\ndestination:/topic/t.{}\n\nx", round * 7));
        assert_eq!(world.read_one(client).get("subscription"), (round * 7).to_string());
        (0..50).for_each(|n| world.say(client, &format!("UNSUBSCRIBE\nid:{n}")));
        world.rest();
    }
    assert!(world.internal_queues().is_empty());
}

#[test]
fn there_are_not_more_than_so_many() {
    let mut world = World::new();
    let client = world.join();
    (0..=4_096).for_each(|n| world.say(client, &format!("SUBSCRIBE\nid:{n}\ndestination:/queue/a")));
    world.rest();
    assert!(world.error(client).text().contains("4096 subscriptions"));
}
