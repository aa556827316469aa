//! Who a client is: what it shows, what comes of it, and what waits for that.

use model::{Action, Credentials, Denial, Mechanisms, Refusal, Secret, What};
use stomp::codec::Command;

use crate::World;
use crate::guard::Except;
use crate::world::Client;

const STRICT: Mechanisms = Mechanisms { external: false, scram_sha_256: false, plain: true, anonymous: false };

/// A client of such a listener whose logins the test answers.
fn held(world: &mut World, mechanisms: Mechanisms) -> Client {
    world.mechanisms = mechanisms;
    let client = world.open();
    world.peer(client).holds_login = true;
    client
}

fn password(user: &str, password: &str) -> Credentials {
    Credentials::Password { user: user.into(), password: Secret::from(password.as_bytes()) }
}

#[test]
fn a_client_shows_what_connect_holds() {
    let rows = [
        (STRICT, "login:bob\npasscode:x:\\y", Some(password("bob", "x:\\y"))),
        (STRICT, "login:bob\npasscode:", Some(password("bob", ""))),
        (STRICT, "x:y", Some(Credentials::Nothing)),
        (STRICT, "login:\npasscode:", Some(Credentials::Nothing)),
        (STRICT, "login:bob", None),
        (Mechanisms::OPEN, "login:bob", Some(Credentials::Nothing)),
    ];
    for (mechanisms, headers, shown) in rows {
        let mut world = World::new();
        let client = held(&mut world, mechanisms);
        world.send(client, &format!("CONNECT\naccept-version:1.2\nclient-id:me\n{headers}"));
        match shown {
            Some(credentials) => {
                let asked = world.peer(client).login.clone().unwrap();
                assert_eq!((asked.credentials, asked.client), (credentials, "me".into()), "{headers}");
                assert!(world.read(client).is_empty());
            }
            None => {
                assert!(world.peer(client).login.is_none());
                let error = world.error(client);
                assert_eq!((error.get("message"), error.text()), ("Bad CONNECT", "Access refused for user 'bob'.\n"));
            }
        }
    }
}

#[test]
fn who_is_not_let_in_is_told_no_more_than_that() {
    let denied = Denial::new("bob", Action::Enter, &What::Namespace);
    for (refusal, title, text) in [
        (Refusal::Login, "Bad CONNECT", "Access refused for user 'bob'.\n"),
        (Refusal::LoginUnavailable("no directory answers".into()), "Login unavailable", "no directory answers"),
        (Refusal::Denied(Box::new(denied)), "Access refused", "user \"bob\" may not enter the namespace"),
    ] {
        let mut world = World::new();
        let client = held(&mut world, STRICT);
        world.send(client, "CONNECT\naccept-version:1.2\nclient-id:me\nlogin:bob\npasscode:wrong");
        world.answer(client, |peer, now| peer.keep_out(now, refusal));
        let error = world.error(client);
        assert_eq!(error.get("message"), title);
        assert!(error.text().contains(text) && !error.text().contains("wrong"), "{error:?}");
        // Nothing was claimed.
        world.mechanisms = Mechanisms::OPEN;
        world.join_with("accept-version:1.2\nclient-id:me");
    }
}

#[test]
fn connected_says_who_the_client_is() {
    let mut world = World::new();
    let client = held(&mut world, STRICT);
    world.send(client, "CONNECT\naccept-version:1.2\nlogin:bob@example.com\npasscode:x");
    world.answer(client, |peer, now| peer.let_in(now, "bob"));
    assert_eq!(world.read_one(client).get("user-name"), "bob");
    let client = held(&mut world, STRICT);
    world.send(client, "CONNECT\naccept-version:1.2");
    world.answer(client, |peer, now| peer.let_in(now, ""));
    assert_eq!(world.read_one(client).find("user-name"), None);
}

#[test]
fn a_host_is_entered_or_not_and_nothing_is_claimed_before() {
    let hosts = [("tenant".to_owned(), model::Namespace(0))];
    let mut world = World::with(|options| options.virtual_hosts = hosts.into_iter().collect());
    world.guard = Some(Except::of(&["enter namespace"]));
    let client = world.open();
    world.send(client, "CONNECT\naccept-version:1.2\nhost:tenant\nclient-id:me");
    let error = world.error(client);
    assert_eq!((error.get("message"), error.text()), ("Bad CONNECT", "Virtual host 'tenant' access denied.\n"));
    world.guard = None;
    world.join_with("accept-version:1.2\nclient-id:me");
}

#[test]
fn nothing_is_read_before_the_login_and_everything_after_it_in_order_and_once() {
    let body = "x".repeat(1 << 20);
    let frames = [
        "CONNECT\naccept-version:1.2\nclient-id:me\nlogin:bob\npasscode:x\n\n\0".to_owned(),
        "SUBSCRIBE\nid:1\ndestination:/queue/a\nreceipt:1\n\n\0".to_owned(),
        format!("SEND\ndestination:/queue/a\nreceipt:2\n\n{body}\0"),
        "SEND\ndestination:/queue/a\nreceipt:3\n\nsecond\0".to_owned(),
    ];
    let (first, bytes) = (frames[0].len(), frames.concat().into_bytes());
    for cut in [1, first - 1, first, first + 1, first + 30, first + 100, bytes.len() - 1, bytes.len()] {
        let mut world = World::new();
        let client = held(&mut world, STRICT);
        world.send_bytes(client, &bytes[..cut]);
        world.send_bytes(client, &bytes[cut..]);
        assert_eq!(world.peer(client).unread(), bytes.len() - first, "it keeps nothing of it itself");
        assert!(world.read(client).is_empty());
        world.answer(client, |peer, now| peer.let_in(now, "bob"));
        let read = world.read(client);
        assert_eq!(read[0].command, Command::Connected, "cut at {cut}");
        let receipts: Vec<_> = read.iter().filter_map(|it| it.find("receipt-id")).collect();
        // To subscribe takes the core another round.
        assert_eq!(receipts, ["2", "3", "1"], "cut at {cut}");
        let messages = read.iter().filter(|it| it.command == Command::Message);
        assert_eq!(messages.map(|it| it.body.len()).collect::<Vec<_>>(), [1 << 20, 6], "cut at {cut}");
    }
}

#[test]
fn a_login_that_takes_too_long_is_over() {
    let mut world = World::new();
    let client = held(&mut world, STRICT);
    world.advance(6_000);
    world.send(client, "CONNECT\naccept-version:1.2\nheart-beat:100,100\nlogin:bob\npasscode:x");
    world.advance(3_999);
    assert!(world.is_open(client));
    world.advance(1);
    assert_eq!(world.error(client).get("message"), "Time-out");
}

#[test]
fn heart_beats_count_from_connected_on() {
    let mut world = World::new();
    let client = held(&mut world, STRICT);
    world.send(client, "CONNECT\naccept-version:1.2\nheart-beat:1000,1000\nlogin:bob\npasscode:x");
    world.advance(5_000);
    world.answer(client, |peer, now| peer.let_in(now, "bob"));
    assert_eq!(world.read_one(client).command, Command::Connected);
    world.advance(1_999);
    assert!(world.is_open(client));
    world.advance(1);
    assert_eq!(world.error(client).get("message"), "Heart-beat missed");
}
