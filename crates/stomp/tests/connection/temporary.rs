use crate::World;

#[test]
fn a_reply_finds_its_way() {
    let mut world = World::new();
    let (client, server) = (world.join(), world.join());
    world.subscribe(server, "id:1\ndestination:/queue/service");
    world.subscribe(client, "id:replies\ndestination:/temp-queue/mine");
    world
        .send(client, "SEND\ndestination:/queue/service\nreply-to:/temp-queue/mine\ncorrelation-id:7\nx:a\\cb\n\nhow?");
    let request = world.read_one(server);
    let reply_to = request.get("reply-to").to_owned();
    assert!(reply_to.starts_with("/remote-temp-queue/"), "{reply_to}");
    assert_eq!((request.get("x"), request.get("correlation-id"), request.text()), ("a:b", "7", "how?"));
    world.send(server, &format!("SEND\ndestination:{reply_to}\ncorrelation-id:7\nreceipt:r\n\nso"));
    assert_eq!(world.receipts(server), ["r"]);
    let reply = world.read_one(client);
    assert_eq!(
        (reply.get("subscription"), reply.get("destination"), reply.text()),
        ("replies", "/temp-queue/mine", "so")
    );
}

#[test]
fn a_reply_may_come_before_its_subscription() {
    let mut world = World::new();
    let (client, server) = (world.join(), world.join());
    world.subscribe(server, "id:1\ndestination:/queue/service");
    world.send(client, "SEND\ndestination:/queue/service\nreply-to:/temp-queue/mine\n\nhow?");
    let reply_to = world.read_one(server).get("reply-to").to_owned();
    world.send(server, &format!("SEND\ndestination:{reply_to}\n\nso"));
    world.subscribe(client, "id:replies\ndestination:/temp-queue/mine");
    assert_eq!(world.bodies(client), ["so"]);
}

#[test]
fn a_reply_to_nobody_is_dropped_and_hurts_nobody() {
    let mut world = World::new();
    let (client, server) = (world.join(), world.join());
    world.subscribe(server, "id:1\ndestination:/queue/service");
    world.send(client, "SEND\ndestination:/queue/service\nreply-to:/temp-queue/mine\n\nhow?");
    world.cut(client);
    let reply_to = world.read_one(server).get("reply-to").to_owned();
    for destination in [reply_to.as_str(), "/reply-queue/nowhere"] {
        world.send(server, &format!("SEND\ndestination:{destination}\nreceipt:r\n\nso"));
        assert_eq!(world.receipts(server), ["r"]);
    }
    assert!(world.internal_queues().is_empty());
    assert!(world.info("nowhere").is_none());
}

#[test]
fn only_its_own_connection_reads_a_temporary_queue() {
    let mut world = World::new();
    let (client, thief) = (world.join(), world.join());
    world.send(client, "SEND\ndestination:/queue/service\nreply-to:/temp-queue/mine\n\nhow?");
    world.subscribe(thief, "id:1\ndestination:/queue/service");
    let reply_to = world.read_one(thief).get("reply-to").to_owned();
    world.send(thief, &format!("SUBSCRIBE\nid:2\ndestination:{reply_to}"));
    assert!(world.error(thief).text().contains("belongs to another connection"));
}

#[test]
fn two_connections_have_each_their_own() {
    let mut world = World::new();
    let (one, other) = (world.join(), world.join());
    for client in [one, other] {
        world.subscribe(client, "id:1\ndestination:/temp-queue/mine");
        world.send(client, &format!("SEND\ndestination:/temp-queue/mine\n\n{client}"));
    }
    assert_eq!((world.bodies(one), world.bodies(other)), (vec![one.to_string()], vec![other.to_string()]));
}

#[test]
fn temporary_topics_work_alike() {
    let mut world = World::new();
    let (client, server) = (world.join(), world.join());
    world.subscribe(server, "id:1\ndestination:/queue/service");
    world.subscribe(client, "id:2\ndestination:/temp-topic/mine");
    world.send(client, "SEND\ndestination:/queue/service\nreply-to:/temp-topic/mine\n\nhow?");
    let reply_to = world.read_one(server).get("reply-to").to_owned();
    assert!(reply_to.starts_with("/remote-temp-topic/"), "{reply_to}");
    world.subscribe(server, &format!("id:2\ndestination:{reply_to}"));
    world.send(server, &format!("SEND\ndestination:{reply_to}\n\nso"));
    assert_eq!(world.read_one(client).get("destination"), "/temp-topic/mine");
    assert_eq!(world.read_one(server).get("destination"), reply_to);
}
