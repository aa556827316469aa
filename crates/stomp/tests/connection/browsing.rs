use crate::World;
use crate::acknowledging::fill;

#[test]
fn a_browser_sees_what_is_there_and_takes_nothing() {
    for count in [0, 1, 63, 64, 65, 200] {
        let mut world = World::new();
        let client = world.join();
        world.send(client, "SEND\ndestination:/queue/a\n\n0");
        fill(&mut world, count);
        world.subscribe(client, "id:b\ndestination:/queue/a\nbrowser:true");
        let mut messages = world.messages(client);
        let end = messages.pop().unwrap();
        assert_eq!((end.get("browser"), end.get("subscription"), end.get("destination")), ("end", "b", "/queue/a"));
        let bodies: Vec<_> = messages.iter().map(|it| it.text().to_owned()).collect();
        assert_eq!(bodies, (0..=count).map(|n| n.to_string()).collect::<Vec<_>>());
        assert!(messages.iter().all(|it| it.get("browser") == "true" && it.find("ack").is_none()));
        assert_eq!(world.tally("a"), (count as u64 + 1, 0));
        fill(&mut world, 1);
        assert!(world.read(client).is_empty(), "it has ended");
        world.send(client, "UNSUBSCRIBE\nid:b\nreceipt:u");
        assert_eq!(world.receipts(client), ["u"]);
    }
}

#[test]
fn a_browser_may_select() {
    let mut world = World::new();
    let client = world.join();
    (0..10).for_each(|n| world.send(client, &format!("SEND\ndestination:/queue/a\nn:{n}\n\n{n}")));
    world.subscribe(client, "id:b\ndestination:/queue/a\nbrowser:true\nselector:n > 7");
    assert_eq!(world.bodies(client), ["8", "9", ""]);
}

#[test]
fn a_browser_that_reads_slowly_is_sent_part_after_part() {
    let mut world = World::new();
    let client = world.join();
    let body = "x".repeat(2_000);
    (0..300).for_each(|_| world.send(client, &format!("SEND\ndestination:/queue/a\n\n{body}")));
    world.peer(client).is_stalled = true;
    world.send(client, "SUBSCRIBE\nid:b\ndestination:/queue/a\nbrowser:true");
    assert!(world.peer(client).unwritten() < 70 * 2_200);
    world.peer(client).is_stalled = false;
    world.rest();
    assert_eq!(world.messages(client).len(), 301);
}
