use model::CloseReason;
use stomp::codec::Command;

use crate::World;

#[test]
fn versions_are_agreed_upon() {
    for (accept, version) in [
        ("x:y", "1.0"),
        ("accept-version:1.0", "1.0"),
        ("accept-version:1.0,1.1", "1.1"),
        ("accept-version:1.1,1.2,1.0", "1.2"),
        ("accept-version:1.2,9.9", "1.2"),
    ] {
        for command in ["CONNECT", "STOMP"] {
            let mut world = World::new();
            let client = world.open();
            world.send(client, &format!("{command}\n{accept}\nhost:any where\nlogin:me\npasscode:x:\\y\nrequest-id:7"));
            let connected = world.read_one(client);
            assert_eq!(connected.command, Command::Connected);
            assert_eq!(connected.get("version"), version);
            assert_eq!((connected.get("user-name"), connected.get("response-id")), ("me", "7"));
            assert_eq!(connected.get("heart-beat"), "0,0");
            assert!(connected.get("server").starts_with("Causeway/") && !connected.get("session").is_empty());
            assert_eq!(connected.body, b"");
        }
    }
}

#[test]
fn a_version_that_nobody_speaks_is_refused_with_those_that_are() {
    let mut world = World::new();
    let client = world.open();
    world.send(client, "CONNECT\naccept-version:2.0,3.0");
    let error = world.error(client);
    assert_eq!(error.get("version"), "1.0,1.1,1.2");
    assert!(error.text().contains("accept-version:2.0,3.0"), "{error:?}");
}

#[test]
fn connect_is_first_and_comes_once() {
    for frame in ["SEND\ndestination:/queue/a\n\nx", "DISCONNECT", "CONNECTED", "GET / HTTP/1.1\r"] {
        let mut world = World::new();
        let client = world.open();
        world.send(client, frame);
        let error = world.error(client);
        assert!(["CONNECT expected", "Unknown command"].contains(&error.get("message")), "{error:?}");
    }
    let mut world = World::new();
    let client = world.join();
    world.send(client, "CONNECT\naccept-version:1.2\nreceipt:1");
    let error = world.error(client);
    assert_eq!((error.get("message"), error.get("receipt-id")), ("Already connected", "1"));
}

#[test]
fn servers_frames_are_not_for_clients() {
    for command in ["CONNECTED", "MESSAGE", "RECEIPT", "ERROR"] {
        let mut world = World::new();
        let client = world.join();
        world.send(client, command);
        assert_eq!(world.error(client).get("message"), "Not for clients");
    }
}

#[test]
fn telnet_is_understood() {
    let mut world = World::new();
    let client = world.open();
    world.send_bytes(
        client,
        b"\r\nCONNECT\r\nlogin: me\r\npasscode: x\r\n\r\n\0\r\nSEND\r\ndestination:/queue/a\r\n\r\nhi\0\r\n",
    );
    assert_eq!(world.read_one(client).get("user-name"), "me");
    assert_eq!(world.tally("a"), (1, 0));
}

#[test]
fn who_says_nothing_is_ended() {
    let mut world = World::new();
    let client = world.open();
    world.advance(9_999);
    assert!(world.is_open(client));
    world.send_bytes(client, b"CONNECT\n");
    world.advance(2);
    assert_eq!(world.error(client).get("message"), "Time-out");
}

#[test]
fn a_long_first_frame_is_not_waited_for() {
    let mut world = World::new();
    let client = world.open();
    world.send_bytes(client, b"SEND\ndestination:/queue/a\ncontent-length:1000000\n\n");
    assert_eq!(world.error(client).get("message"), "Body too long");
}

#[test]
fn a_client_id_has_one_connection() {
    let mut world = World::new();
    let first = world.join_with("accept-version:1.2\nclient-id:me");
    let second = world.open();
    world.send(second, "CONNECT\naccept-version:1.2\nclient-id:me");
    let error = world.error(second);
    assert!(error.text().contains("client id \"me\" is in use"), "{error:?}");
    world.send(first, "DISCONNECT");
    assert_eq!(world.peer(first).closed, Some(CloseReason::Finished));
    world.join_with("accept-version:1.2\nclient-id:me");
}

#[test]
fn what_comes_before_connected_waits_for_it() {
    let mut world = World::new();
    let client = world.open();
    world.say(client, "CONNECT\naccept-version:1.2\nclient-id:me");
    world.say(client, "SEND\ndestination:/queue/a\nreceipt:1\n\nhi");
    let half = b"SEND\ndestination:/queue/a\nreceipt:2\n\nthe";
    let commands = world.peer(client).send_bytes(model::Time(1_000_000), half);
    world.give(commands);
    world.rest();
    let said = world.read(client);
    assert_eq!((said[0].command, said[1].get("receipt-id"), said.len()), (Command::Connected, "1", 2));
    world.send_bytes(client, b"re\0");
    assert_eq!(world.receipts(client), ["2"]);
    assert_eq!(world.tally("a"), (2, 0));
}

#[test]
fn impatience_has_a_limit() {
    let mut world = World::new();
    let client = world.open();
    world.say(client, "CONNECT\naccept-version:1.2\nclient-id:me");
    world.send_bytes(client, &vec![b'\n'; 4 * 1024 * 1024 + 1]);
    assert_eq!(world.error(client).get("message"), "Too much before CONNECTED");
}

#[test]
fn a_client_id_that_is_not_answered_is_given_up() {
    let mut world = World::new();
    let client = world.open();
    world.say(client, "CONNECT\naccept-version:1.2\nclient-id:me");
    let now = world.now;
    world.peer(client).handle_timeout(now.plus(9_999));
    assert!(world.is_open(client));
    world.peer(client).handle_timeout(now.plus(10_000));
    world.peer(client).flush();
    assert_eq!(world.error(client).get("message"), "Time-out");
}

#[test]
fn heart_beats_go_both_ways() {
    let mut world = World::new();
    let client = world.open();
    world.send(client, "CONNECT\naccept-version:1.2\nheart-beat:1000,2000");
    assert_eq!(world.read_one(client).get("heart-beat"), "2000,1000");
    for _ in 0..10 {
        world.advance(1_000);
        world.send_bytes(client, b"\n");
    }
    assert!(world.is_open(client));
    let beats = world.peer(client).beats;
    assert!((5..=7).contains(&beats), "{beats} in ten seconds");
    world.advance(1_999);
    assert!(world.is_open(client));
    world.advance(1);
    let error = world.error(client);
    assert_eq!(error.get("message"), "Heart-beat missed");
    assert!(error.text().contains("1000 ms"), "{error:?}");
}

#[test]
fn no_heart_beat_is_due_while_messages_flow() {
    let mut world = World::new();
    let client = world.open();
    world.send(client, "CONNECT\naccept-version:1.1\nheart-beat:0,1000");
    world.read(client);
    for _ in 0..20 {
        world.advance(500);
        world.send(client, "SEND\ndestination:/queue/a\nreceipt:1\n\nx");
    }
    assert_eq!(world.peer(client).beats, 0);
    assert_eq!(world.receipts(client).len(), 20);
    world.advance(10_000);
    assert!(world.is_open(client), "nothing is expected from it");
    assert!(world.peer(client).beats >= 10);
}

#[test]
fn a_client_that_does_not_read_gets_no_pile_of_heart_beats() {
    let mut world = World::new();
    let client = world.join_with("accept-version:1.1\nheart-beat:0,1000");
    world.peer(client).is_stalled = true;
    world.advance(100_000);
    assert_eq!(world.peer(client).unwritten(), 1);
}

#[test]
fn wrong_heart_beats_are_refused_but_not_in_1_0() {
    let mut world = World::new();
    let client = world.open();
    world.send(client, "CONNECT\naccept-version:1.2\nheart-beat:soon");
    let error = world.error(client);
    assert!(error.text().contains("heart-beat:soon") && error.text().contains("10000,10000"), "{error:?}");
    world.join_with("heart-beat:soon");
}

#[test]
fn the_server_says_why_it_ends_a_connection() {
    for (reason, text) in [
        (CloseReason::ShuttingDown, "it stops"),
        (CloseReason::Ended, "administrator"),
        (CloseReason::TakenOver, "client id"),
        (CloseReason::Revoked, "its user may not be connected any more"),
    ] {
        let mut world = World::new();
        let client = world.join();
        world.end(client, reason);
        world.peer(client).flush();
        assert!(world.error(client).text().contains(text));
    }
}

#[test]
fn disconnect_is_answered_when_everything_before_it_is_done() {
    let mut world = World::new();
    let client = world.join();
    world.syncs = false;
    world.say(client, "SEND\ndestination:/queue/a\npersistent:true\nreceipt:1\n\nhi");
    world.say(client, "DISCONNECT\nreceipt:bye");
    world.send(client, "SEND\ndestination:/queue/a\nreceipt:3\n\ntoo late");
    assert!(world.read(client).is_empty() && world.is_open(client));
    let last = world.last();
    world.sync(last);
    assert_eq!(world.receipts(client), ["1", "bye"]);
    assert_eq!(world.peer(client).closed, Some(CloseReason::Finished));
    world.syncs = true;
    world.rest();
    assert_eq!(world.tally("a"), (1, 0));
}

#[test]
fn protocols_on_one_port_are_told_apart() {
    use model::{Encodings, Protocol, Recognised};
    let stomp = stomp::Stomp::new(stomp::StompOptions::new(Encodings::default()));
    for (first, expected) in [
        (&b""[..], Recognised::NeedMore),
        (b"\r\n\n", Recognised::NeedMore),
        (b"\nCONN", Recognised::NeedMore),
        (b"CONNECT\n", Recognised::Yes),
        (b"STOMP\r\n", Recognised::Yes),
        (b"ST", Recognised::NeedMore),
        (b"SEND", Recognised::No),
        (b"AMQP", Recognised::No),
        (b"\x10\x10", Recognised::No),
        (b"GET /", Recognised::No),
    ] {
        assert_eq!(stomp.recognise(first), expected, "{}", first.escape_ascii());
    }
}

#[test]
fn a_host_may_have_a_namespace_of_its_own() {
    use model::Namespace;
    let hosts = [("tenant".to_owned(), Namespace(7))].into_iter().collect();
    let mut world = World::with(|options| options.virtual_hosts = hosts);
    let (mine, other) = (world.join_with("accept-version:1.2\nhost:tenant"), world.join());
    let also = world.join_with("accept-version:1.2\nhost:nobody's");
    for destination in ["/queue/a", "/topic/a", "/temp-queue/a"] {
        for client in [mine, other] {
            world.subscribe(client, &format!("id:{destination}\ndestination:{destination}"));
        }
        world.send(mine, &format!("SEND\ndestination:{destination}\n\nx"));
        assert_eq!(world.read_one(mine).get("destination"), destination);
        assert!(world.read(other).is_empty(), "{destination}");
        world.send(mine, &format!("UNSUBSCRIBE\nid:{destination}"));
    }
    world.send(also, "SEND\ndestination:/queue/a\n\nx");
    assert_eq!(world.read(other).len(), 1, "a name that nobody gave is the default one");
    let name = "client-id:me\nhost:";
    world.join_with(&format!("accept-version:1.2\n{name}tenant"));
    world.join_with(&format!("accept-version:1.2\n{name}/"));
}
