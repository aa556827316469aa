//! Who a client is: what it shows, what comes of it, and what waits for that.

use std::sync::Arc;

use bytes::Bytes;
use model::{Action, Certificate, CloseReason, Command, Credentials, Denial, Mechanisms, Refusal, Secret, Time, What};
use mqtt::codec::{Connect, ConnectReturnCode, Packet, Text, Version};

use crate::lone::Lone;
use crate::packets::{Q1, bytes_of, clean, connack, kept, puback, publish, refusal, suback, subscribe, will};
use crate::world::World;

fn text(text: &str) -> Option<Text> {
    Some(Text::new(Bytes::copy_from_slice(text.as_bytes())).unwrap())
}

fn named(user: Option<&str>, password: Option<&str>) -> Packet {
    let password = password.map(|it| Bytes::copy_from_slice(it.as_bytes()));
    Packet::Connect(Box::new(Connect { user_name: user.and_then(text), password, ..clean("sensor") }))
}

/// A listener, and whether its client has shown a certificate.
fn listener(mechanisms: Mechanisms, certificate: bool) -> model::Peer {
    let certificate = certificate.then(|| Arc::new(Certificate::default()));
    model::Peer { mechanisms, certificate, ..model::Peer::local("mqtt") }
}

const STRICT: Mechanisms = Mechanisms { external: false, scram_sha_256: false, plain: true, anonymous: false };
const BY_CERTIFICATE: Mechanisms = Mechanisms { external: true, ..STRICT };

fn password(user: &str, password: &str) -> Credentials {
    Credentials::Password { user: user.into(), password: Secret::from(password.as_bytes()) }
}

#[test]
fn a_client_shows_what_connect_holds() {
    let rows = [
        (STRICT, false, Some("bob"), Some("secret"), Some(password("bob", "secret"))),
        (STRICT, false, Some("bob"), Some(""), Some(password("bob", ""))),
        (STRICT, false, None, None, Some(Credentials::Nothing)),
        // A name alone lets nobody in.
        (STRICT, false, Some("bob"), None, None),
        (STRICT, true, Some("bob"), None, None),
        (BY_CERTIFICATE, false, Some("bob"), None, None),
        (BY_CERTIFICATE, true, Some("bob"), None, Some(Credentials::Nothing)),
        (BY_CERTIFICATE, true, None, None, Some(Credentials::Nothing)),
        (Mechanisms::OPEN, false, Some("bob"), None, Some(Credentials::Nothing)),
    ];
    for (mechanisms, certificate, user, secret, shown) in rows {
        let mut lone = Lone::at(&listener(mechanisms, certificate));
        let commands = lone.send(named(user, secret));
        match shown {
            Some(credentials) => {
                let asked = lone.peer.login.clone().unwrap();
                assert_eq!((asked.credentials, asked.client), (credentials, "sensor".into()), "{user:?}");
                assert!(commands.is_empty() && lone.said().is_empty());
            }
            None => {
                assert!(lone.peer.login.is_none() && matches!(commands[..], [Command::Close]), "{user:?}");
                assert_eq!(lone.said(), [refusal(ConnectReturnCode::BadUserNameOrPassword)]);
                assert_eq!(lone.closed(), Some(CloseReason::Misbehaved));
            }
        }
    }
}

#[test]
fn connack_says_that_a_login_was_refused() {
    let denied = Denial::new("bob", Action::Enter, &What::Namespace);
    for (why, code) in [
        (Refusal::Login, ConnectReturnCode::BadUserNameOrPassword),
        (Refusal::LoginUnavailable("the directory is down".into()), ConnectReturnCode::ServerUnavailable),
        (Refusal::Denied(Box::new(denied)), ConnectReturnCode::NotAuthorized),
    ] {
        let mut lone = Lone::at(&listener(STRICT, false));
        lone.send(Packet::Connect(Box::new(Connect { will: will("w", "gone", Q1, false), ..clean("a") })));
        let commands = lone.answer_login(Err(why));
        assert!(matches!(commands[..], [Command::Close]), "no session, no claim, no will: {commands:?}");
        assert_eq!((lone.said(), lone.closed()), (vec![refusal(code)], Some(CloseReason::Finished)));
    }
}

#[test]
fn nothing_is_read_before_the_login_and_everything_after_it_in_order_and_once() {
    let packets = [
        Packet::Connect(Box::new(clean("eager"))),
        subscribe(1, &[("t", Q1)]),
        publish("t", Q1, 2, vec![7; 1 << 20]),
        publish("t", Q1, 3, "second"),
        Packet::PingReq,
    ];
    let bytes: Vec<u8> = packets.iter().flat_map(|packet| bytes_of(packet, Version::V311)).collect();
    let first = bytes_of(&packets[0], Version::V311).len();
    for cut in [1, first - 1, first, first + 1, first + 9, bytes.len() - 1, bytes.len()] {
        let mut world = World::new();
        let client = world.open();
        world.peer(client).holds_login = true;
        world.send_bytes(client, &bytes[..cut]);
        world.send_bytes(client, &bytes[cut..]);
        assert_eq!(world.peer(client).unread(), bytes.len() - first, "it keeps nothing of it itself");
        assert!(world.read(client).is_empty());
        let now = world.now;
        let commands = world.peer(client).answer_login(now, Ok(()));
        world.give(commands);
        world.rest();
        let read = world.read(client);
        let sizes = |packet: &Packet| match packet {
            Packet::Publish(publish) => Some(publish.payload.len()),
            _ => None,
        };
        assert_eq!(read[0], connack(false), "cut at {cut}");
        assert_eq!(read.iter().filter_map(sizes).collect::<Vec<_>>(), [1 << 20, 6]);
        for once in [suback(1, &[1]), puback(2), puback(3), Packet::PingResp] {
            assert_eq!(read.iter().filter(|packet| **packet == once).count(), 1, "{once:?}, cut at {cut}");
        }
    }
}

#[test]
fn a_login_that_takes_too_long_is_over() {
    let mut lone = Lone::at(&listener(STRICT, false));
    lone.send(named(Some("bob"), Some("secret")));
    let due = lone.peer.poll_timeout().unwrap();
    assert_eq!(due, Time(1_010_000));
    lone.advance_to(due);
    assert_eq!(lone.said(), [refusal(ConnectReturnCode::ServerUnavailable)]);
    assert_eq!(lone.closed(), Some(CloseReason::Misbehaved));
}

#[test]
fn the_time_before_connect_counts_too() {
    let mut world = World::new();
    let client = world.open();
    world.peer(client).holds_login = true;
    world.advance(6_000);
    world.send(client, named(Some("bob"), Some("secret")));
    world.advance(3_999);
    assert!(world.is_open(client));
    world.advance(1);
    assert_eq!(world.read(client), [refusal(ConnectReturnCode::ServerUnavailable)]);
}

#[test]
fn who_may_not_enter_takes_nobodys_client_id() {
    let mut world = World::new();
    let owner = world.join(kept("a"), false);
    world.guard = Some(crate::guard::Except::of(&["enter namespace"]));
    let other = world.connect(clean("a"));
    assert_eq!(world.read_one(other), refusal(ConnectReturnCode::NotAuthorized));
    assert!(!world.is_open(other) && world.is_open(owner));
}
