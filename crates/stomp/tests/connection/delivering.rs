use model::{Address, EncodingId, Header, Namespace, Tally, Time};

use crate::World;
use crate::foreign::FOREIGN;

#[test]
fn headers_come_back_byte_for_byte_and_the_servers_own_are_not_forged() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client");
    world.send(
        client,
        "SEND\ndestination:/queue/a\nreceipt:r\nzeta:1\nmessage-id:mine\nsubscription:mine\nack:mine\nredelivered:true\n\
         JMSXUserID:root\nalpha:x\\cy\\\\\nzeta:2\ncontent-type:text/plain\nurl:http://a\n\nbody",
    );
    let read = world.read(client);
    let message = read.iter().find(|it| it.find("receipt-id").is_none()).unwrap();
    let headers: Vec<_> = message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let message_id = message.get("message-id");
    assert_eq!(
        headers,
        [
            ("subscription", "s1"),
            ("message-id", message_id),
            ("destination", "/queue/a"),
            ("ack", "0-1"),
            ("expires", "0"),
            ("priority", "4"),
            ("zeta", "1"),
            ("alpha", "x:y\\"),
            ("zeta", "2"),
            ("content-type", "text/plain"),
            ("url", "http://a"),
            ("timestamp", "1000000"),
        ]
    );
    assert_ne!(message_id, "mine");
}

#[test]
fn the_core_headers_say_what_holds() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a");
    world.send(
        client,
        "SEND\ndestination:/queue/a\npersistent:true\npriority:12\nexpires:2000000\ntimestamp:77\npriority:3\n\nx",
    );
    let message = world.read_one(client);
    let get = |name| message.get(name);
    assert_eq!((get("persistent"), get("priority"), get("expires"), get("timestamp")), ("true", "9", "2000000", "77"));
    for name in ["persistent", "priority", "expires", "timestamp"] {
        assert_eq!(message.headers.iter().filter(|(other, _)| other == name).count(), 1, "{name}");
    }
}

#[test]
fn a_body_is_said_with_its_length_unless_its_publisher_said_none() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a");
    world.send(client, "SEND\ndestination:/queue/a\n\ntext");
    assert_eq!(world.read_one(client).find("content-length"), None);
    world.send_bytes(client, b"SEND\ndestination:/queue/a\ncontent-length:5\n\na\0\xffb\0\0");
    let message = world.read_one(client);
    assert_eq!((message.get("content-length"), &message.body[..]), ("5", &b"a\0\xffb\0"[..]));
    world.send(client, "SEND\ndestination:/queue/a\ncontent-length:0\n\n");
    assert_eq!(world.read_one(client).get("content-length"), "0");
}

#[test]
fn long_bodies_arrive_whole() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:s1\ndestination:/queue/a\nack:client");
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let head = format!("SEND\ndestination:/queue/a\ncontent-length:{}\n\n", body.len());
    let frame = [head.as_bytes(), &body, b"\0"].concat();
    frame.chunks(65_536).for_each(|piece| world.send_bytes(client, piece));
    assert_eq!(world.read_one(client).body, body);
}

#[test]
fn versions_understand_each_other() {
    let mut world = World::new();
    let clients: Vec<_> = ["x:y", "accept-version:1.1", "accept-version:1.2"].map(|it| world.join_with(it)).to_vec();
    for client in &clients {
        world.subscribe(*client, "id:1\ndestination:/topic/t");
    }
    world.send(clients[0], "SEND\ndestination:/topic/t\nh: a:b\\n \n\nx");
    for client in &clients {
        assert_eq!(world.read_one(*client).get("h"), "a:b\\n");
    }
    world.send(clients[2], "SEND\ndestination:/topic/t\nh:a\\cb\\\\n\n\nx");
    for client in &clients {
        assert_eq!(world.read_one(*client).get("h"), "a:b\\n");
    }
    world.send(clients[2], "SEND\ndestination:/topic/t\nh:a\\nb\\rc\n\nx");
    let read: Vec<_> = clients.iter().map(|client| world.read_one(*client).get("h").to_owned()).collect();
    assert_eq!(read, ["a\\nb\\rc", "a\nb\rc", "a\nb\rc"]);
}

#[test]
fn what_expires_does_not_come() {
    let mut world = World::new();
    let client = world.join();
    for expiry in ["expires:1001000", "expiration:1000", "expires:0", "expires:999999", "expiration:0"] {
        world.send(client, &format!("SEND\ndestination:/queue/a\n{expiry}\n\n{expiry}"));
    }
    world.advance(999);
    assert_eq!(world.tally("a"), (3, 0));
    world.advance(1);
    world.subscribe(client, "id:1\ndestination:/queue/a");
    assert_eq!(world.bodies(client), ["expires:0"]);
}

#[test]
fn what_is_delayed_comes_in_its_time() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:/queue/a");
    world.send(client, "SEND\ndestination:/queue/a\nAMQ_SCHEDULED_DELAY:5000\n\nlate");
    world.send(client, "SEND\ndestination:/queue/a\nAMQ_SCHEDULED_DELAY:0\n\nnow");
    assert_eq!(world.bodies(client), ["now"]);
    world.advance(4_999);
    assert!(world.read(client).is_empty());
    world.advance(1);
    let message = world.read_one(client);
    assert_eq!((message.text(), message.find("AMQ_SCHEDULED_DELAY")), ("late", None));
}

#[test]
fn a_list_of_destinations_gets_one_message_each() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:t\ndestination:/topic/c");
    world.syncs = false;
    world.send(client, "SEND\ndestination:/queue/a,/queue/b, /topic/c\npersistent:true\nreceipt:1\n\nx");
    assert_eq!(world.bodies(client), ["x"]);
    let last = world.last();
    world.sync(last);
    assert_eq!(world.receipts(client), ["1"]);
    world.syncs = true;
    assert_eq!((world.tally("a"), world.tally("b")), ((1, 0), (1, 0)));
}

#[test]
fn messages_of_other_protocols_are_translated_and_what_is_lost_is_counted() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:/queue/a");
    let address = Address::queue(Namespace(0), "a".into());
    let header = Header { durable: true, priority: 7, expires: Some(Time(9_000_000)), ..Header::default() };
    world.publish(address, FOREIGN, header, b"\0binary");
    let message = world.read_one(client);
    let headers: Vec<_> = message.headers[2..].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        headers,
        [
            ("destination", "/queue/a"),
            ("expires", "9000000"),
            ("priority", "7"),
            ("persistent", "true"),
            ("content-type", "text/plain"),
            ("correlation-id", "7"),
            ("reply-to", "/queue/answers"),
            ("timestamp", "1234"),
            ("x-shown", "true"),
            ("colon:ed", "a:b\nc"),
            ("number", "1.5"),
            ("content-length", "7"),
        ]
    );
    assert_eq!(message.body, b"\0binary");
    assert_eq!(world.status().conversions, Tally { lossy: 1, lost: 2, undeliverable: 0 });
}

/// ActiveMQ's clients take a message with a length for bytes.
#[test]
fn texts_of_other_protocols_come_without_a_length() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:/queue/a");
    for (body, said, length) in [
        (&b"text \xc3\xa4"[..], &b"text \xc3\xa4"[..], None),
        (b"text \0!", b"text \0!", Some("7")),
        (b"list", b"[\"list\"]", None),
        (b"list \0", b"[\"list \\u0000\"]", None),
        (b"bytes", b"bytes", Some("5")),
        (b"", b"", Some("0")),
    ] {
        let address = Address::queue(Namespace(0), "a".into());
        world.publish(address, FOREIGN, Header::default(), body);
        let message = world.read_one(client);
        assert_eq!((&message.body[..], message.find("content-length")), (said, length), "{message:?}");
    }
}

#[test]
fn messages_without_properties_come_as_bytes() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:/topic/>");
    for encoding in [EncodingId::PLAIN, EncodingId::MQTT] {
        let address = Address::topic(Namespace(0), "a.b".into());
        world.publish(address, encoding, Header::default(), b"x");
        let message = world.read_one(client);
        assert_eq!((message.get("destination"), message.get("content-length")), ("/topic/a.b", "1"));
        assert!(message.headers.iter().all(|(name, _)| name != "its own"));
    }
    assert!(world.status().conversions.is_empty());
}

#[test]
fn a_name_without_a_prefix_is_a_queue() {
    let mut world = World::new();
    let client = world.join();
    world.subscribe(client, "id:1\ndestination:orders");
    for destination in ["orders", "/queue/orders", "queue://orders", "/amq/queue/orders", "/exchange//x"] {
        world.send(client, &format!("SEND\ndestination:{destination}\n\nx"));
        if destination.starts_with("/exchange") {
            assert_eq!(world.error(client).get("message"), "Unknown destination");
        } else {
            assert_eq!(world.read_one(client).get("destination"), "/queue/orders", "{destination}");
        }
    }
}

#[test]
fn consumers_of_a_higher_priority_come_first() {
    for header in ["activemq.priority", "x-priority"] {
        let mut world = World::new();
        let (low, high) = (world.join(), world.join());
        world.subscribe(low, &format!("id:1\ndestination:/queue/a\n{header}:-1"));
        world.subscribe(high, "id:1\ndestination:/queue/a\nack:client\nprefetch-count:2");
        (0..3).for_each(|n| world.send(low, &format!("SEND\ndestination:/queue/a\n\n{n}")));
        assert_eq!(
            (world.bodies(high), world.bodies(low)),
            (vec!["0".into(), "1".into()], vec!["2".into()]),
            "{header}"
        );
    }
}
