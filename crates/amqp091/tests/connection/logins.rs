//! Who a client is: what it shows, what comes of it, and what waits for that.

use amqp091::codec::method::{basic, channel, connection};
use amqp091::codec::{FieldTable, Frame, Method, encode};
use bytes::{Bytes, BytesMut};
use model::{Action, Credentials, Denial, Mechanisms, Refusal, Secret, What};

use crate::client::*;
use crate::connecting::{greeted, start_ok, tune_ok};
use crate::guard::Except;
use crate::world::{Client, World};

const ALL: Mechanisms = Mechanisms { external: true, scram_sha_256: true, plain: true, anonymous: true };

/// A client that has sent nothing but the protocol header, and whose logins the test answers.
fn held(world: &mut World) -> Client {
    let client = greeted(world);
    world.peer(client).holds_login = true;
    client
}

fn shown(world: &mut World, client: Client) -> Credentials {
    world.peer(client).login.clone().expect("a login").credentials
}

fn sasl(mechanism: &str, response: Option<&'static str>) -> Credentials {
    let response = response.map(|text| Secret::from(text.as_bytes()));
    Credentials::Sasl { mechanism: mechanism.into(), response }
}

fn password(user: &str, password: &str) -> Credentials {
    Credentials::Password { user: user.into(), password: Secret::from(password.as_bytes()) }
}

#[test]
fn a_listener_offers_its_mechanisms() {
    let only = |name: &str| Mechanisms {
        external: name == "EXTERNAL",
        scram_sha_256: name == "SCRAM-SHA-256",
        plain: name == "PLAIN",
        anonymous: name == "ANONYMOUS",
    };
    let rows = [
        (ALL, "EXTERNAL SCRAM-SHA-256 PLAIN AMQPLAIN ANONYMOUS"),
        (only("PLAIN"), "PLAIN AMQPLAIN"),
        (only("EXTERNAL"), "EXTERNAL"),
        (only("SCRAM-SHA-256"), "SCRAM-SHA-256"),
    ];
    for (mechanisms, offered) in rows {
        let mut world = World::new();
        world.mechanisms = mechanisms;
        let a = world.open();
        world.send_bytes(a, &amqp091::codec::PROTOCOL_HEADER);
        match world.peer(a).inbox.pop_front() {
            Some(Frame::Method(0, Method::ConnectionStart(start))) => assert_eq!(start.mechanisms, offered),
            other => panic!("{other:?}"),
        }
        for other in ["PLAIN", "AMQPLAIN", "EXTERNAL", "SCRAM-SHA-256", "ANONYMOUS"] {
            if offered.split(' ').any(|name| name == other) {
                continue;
            }
            let a = greeted(&mut world);
            let text = format!("connection.close 503 COMMAND_INVALID - unknown authentication mechanism '{other}'");
            world.expect(a, 0, start_ok(other, b"\0a\0b"), &format!("{text} (connection.start-ok)"));
            assert!(world.peer(a).login.is_none());
        }
    }
}

#[test]
fn a_client_shows_what_its_mechanism_says() {
    let amqplain = b"\x05LOGINS\0\0\0\x03bob\x08PASSWORDS\0\0\0\x01x";
    let rows = [
        ("PLAIN", &b"\0bob\0secret"[..], password("bob", "secret")),
        ("PLAIN", b"bob\0bob\0secret", password("bob", "secret")),
        ("PLAIN", b"\0bob\0", password("bob", "")),
        ("AMQPLAIN", amqplain, password("bob", "x")),
        ("EXTERNAL", b"", sasl("EXTERNAL", Some(""))),
        ("EXTERNAL", b"bob", sasl("EXTERNAL", Some("bob"))),
        ("ANONYMOUS", b"trace", Credentials::Nothing),
        ("SCRAM-SHA-256", b"n,,n=bob,r=x", sasl("SCRAM-SHA-256", Some("n,,n=bob,r=x"))),
        ("SCRAM-SHA-256", b"", sasl("SCRAM-SHA-256", None)),
    ];
    for (mechanism, response, credentials) in rows {
        let mut world = World::new();
        world.mechanisms = ALL;
        let a = held(&mut world);
        assert!(world.call(a, 0, start_ok(mechanism, response)).is_empty());
        assert_eq!(shown(&mut world, a), credentials, "{mechanism}");
    }
}

#[test]
fn a_login_of_several_steps() {
    let mut world = World::new();
    world.mechanisms = ALL;
    let a = held(&mut world);
    world.tell(a, 0, start_ok("SCRAM-SHA-256", b"n,,n=bob,r=x"));
    world.answer(a, |peer, now| peer.challenge(now, "r=xy,s=c2FsdA==,i=4096"));
    let heard: Vec<_> = world.peer(a).inbox.drain(..).collect();
    let secure = connection::Secure { challenge: Bytes::from_static(b"r=xy,s=c2FsdA==,i=4096") };
    assert_eq!(heard, [frame(0, secure)]);
    world.tell(a, 0, connection::SecureOk { response: Bytes::from_static(b"c=biws,r=xy,p=cHJvb2Y=") });
    assert_eq!(shown(&mut world, a), Credentials::Response(Secret::from(&b"c=biws,r=xy,p=cHJvb2Y="[..])));
    world.answer(a, |peer, now| peer.let_in(now, "bob", Some("v=c2lnbmF0dXJl")));
    let heard: Vec<_> = world.peer(a).inbox.drain(..).collect();
    let secure = connection::Secure { challenge: Bytes::from_static(b"v=c2lnbmF0dXJl") };
    assert_eq!(heard, [frame(0, secure)], "the server proves itself, too");
    world.expect(a, 0, connection::SecureOk::default(), "connection.tune");
}

#[test]
fn who_is_not_let_in_is_told_no_more_than_that() {
    let denied = Denial::new("bob", Action::Enter, &What::Namespace);
    let refused = "connection.close 403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For \
                   details see the broker logfile. (connection.start-ok)";
    let later = "connection.close 541 INTERNAL_ERROR - no directory answers (connection.start-ok)";
    let elsewhere = "connection.close 530 NOT_ALLOWED - user \"bob\" may not enter the namespace (connection.start-ok)";
    for (refusal, text) in [
        (Refusal::Login, refused),
        (Refusal::LoginUnavailable("no directory answers".into()), later),
        (Refusal::Denied(Box::new(denied)), elsewhere),
    ] {
        let mut world = World::new();
        let a = held(&mut world);
        world.tell(a, 0, start_ok("PLAIN", b"\0bob\0wrong"));
        world.answer(a, |peer, now| peer.keep_out(now, refusal));
        assert_eq!(world.lines(a), [format!("0: {text}")]);
        assert!(world.is_open(a), "waits for close-ok");
        world.tell(a, 0, connection::CloseOk {});
        assert!(!world.is_open(a));
    }
    // Who does not ask for it is told nothing at all.
    let mut world = World::new();
    let a = held(&mut world);
    world.tell(
        a,
        0,
        connection::StartOk { client_properties: FieldTable::EMPTY, ..start_ok("PLAIN", b"\0bob\0wrong") },
    );
    world.answer(a, |peer, now| peer.keep_out(now, Refusal::Login));
    assert!(world.lines(a).is_empty() && !world.is_open(a));
}

#[test]
fn a_virtual_host_is_entered_or_not() {
    let mut world = World::new();
    world.guard = Some(Except::of(&["enter namespace"]));
    let a = greeted(&mut world);
    world.tell(a, 0, start_ok("PLAIN", b"\0bob\0secret"));
    world.tell(a, 0, tune_ok(10, 4096, 0));
    world.lines(a);
    let text = "connection.close 530 NOT_ALLOWED - access to vhost '/' refused for user 'bob' (connection.open)";
    world.expect(a, 0, connection::Open { virtual_host: s("/") }, text);
    assert!(world.is_open(a), "waits for close-ok");
}

/// All that an impatient client says, and how much of it comes up to `connection.start-ok`.
fn everything(body: usize) -> (BytesMut, usize) {
    let mut bytes = BytesMut::new();
    encode(&frame(0, start_ok("PLAIN", b"\0guest\0guest")), &mut bytes).unwrap();
    let first = bytes.len();
    let mut rest = vec![
        frame(0, tune_ok(10, 131_072, 0)),
        frame(0, connection::Open { virtual_host: s("/") }),
        frame(1, channel::Open {}),
        frame(1, durable("q")),
        frame(1, confirms()),
    ];
    rest.extend(message_frames(1, to("", "q"), &PERSISTENT, &vec![b'x'; body]));
    rest.extend(message_frames(1, to("", "q"), &PERSISTENT, b"second"));
    rest.push(frame(1, consume_no_ack("q", "ct")));
    rest.iter().for_each(|frame| encode(frame, &mut bytes).unwrap());
    (bytes, first)
}

#[test]
fn nothing_is_read_before_the_login_and_everything_after_it_in_order_and_once() {
    let (bytes, first) = everything(1 << 20);
    for cut in [1, first - 1, first, first + 1, first + 30, first + 60, first + 80, 5_000, bytes.len()] {
        let mut world = World::new();
        let a = held(&mut world);
        world.send_bytes(a, &bytes[..cut]);
        world.send_bytes(a, &bytes[cut..]);
        assert_eq!(world.peer(a).unread(), bytes.len() - first, "it keeps nothing of it itself");
        assert!(world.lines(a).is_empty());
        world.answer(a, |peer, now| peer.let_in(now, "guest", None));
        let mut lines = world.lines(a);
        let confirms = lines.iter().filter(|line| line.starts_with("1: ack")).count();
        assert!((1..=2).contains(&confirms));
        lines.retain(|line| !line.starts_with("1: ack"));
        let expected = [
            "0: connection.tune",
            "0: connection.open-ok",
            "1: channel.open-ok",
            "1: confirm.select-ok",
            "1: queue.declare-ok q 0 0",
            "1: basic.consume-ok ct",
            "1: ct 1 /q 1048576 bytes",
            "1: ct 2 /q second",
        ];
        assert_eq!(lines, expected, "cut at {cut}");
    }
}

#[test]
fn what_comes_before_open_ok_is_kept_up_to_a_limit() {
    let (bytes, first) = everything(5 << 20);
    let mut world = World::new();
    let a = greeted(&mut world);
    let mut commands = Vec::new();
    // The broker does not come to it.
    for piece in [&bytes[..first + 200], &bytes[first + 200..]] {
        let now = world.now;
        commands.extend(world.commands_of(a, |peer| peer.send_bytes(now, piece)));
    }
    assert_eq!(commands.len(), 1, "only whether it may be here: {commands:?}");
    world.rest();
    let close = "0: connection.close 506 RESOURCE_ERROR - over 4194304 bytes before 'connection.open-ok' \
                 (connection.open)";
    assert_eq!(world.lines(a), ["0: connection.tune", close]);
}

#[test]
fn a_login_that_takes_too_long_is_over() {
    let mut world = World::new();
    let a = held(&mut world);
    world.tell(a, 0, start_ok("PLAIN", b"\0bob\0secret"));
    world.advance(9_999);
    assert!(world.is_open(a));
    world.advance(1);
    assert!(!world.is_open(a));
}

#[test]
fn a_newer_secret_is_a_new_login() {
    let secret = || connection::UpdateSecret { new_secret: Bytes::from_static(b"token 2"), reason: s("old") };
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.peer(a).holds_login = true;
    // What is published behind it waits for the answer.
    world.send_frames(a, &[frame(0, secret()), frame(1, get("q"))]);
    assert_eq!(shown(&mut world, a), password("guest", "token 2"));
    assert!(world.lines(a).is_empty());
    world.answer(a, |peer, now| peer.let_in(now, "guest", None));
    assert_eq!(world.lines(a), ["0: connection.update-secret-ok", "1: basic.get-empty"]);
    let refused = "New secret was refused by one of the backends";
    type Answer = fn(&mut World, Client);
    let rows: [(Answer, &str); 3] = [
        (|world, a| world.answer(a, |peer, now| peer.keep_out(now, Refusal::Login)), refused),
        (|world, a| world.answer(a, |peer, now| peer.let_in(now, "root", None)), refused),
        (
            |world, a| world.answer(a, |peer, now| peer.keep_out(now, Refusal::LoginUnavailable("x".into()))),
            "Secret update failed",
        ),
    ];
    for (answer, text) in rows {
        let a = world.join();
        world.peer(a).holds_login = true;
        world.tell(a, 0, secret());
        answer(&mut world, a);
        let text = format!("0: connection.close 530 NOT_ALLOWED - {text} (connection.update-secret)");
        assert_eq!(world.lines(a), [text]);
        world.tell(a, 1, basic::Recover { requeue: true });
        assert!(world.lines(a).is_empty());
    }
}

#[test]
fn the_answers_to_deliveries_come_before_a_newer_secret() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.publish(a, to("", "q"), "x");
    world.tell(a, 1, consume("q", "ct"));
    world.lines(a);
    let secret = connection::UpdateSecret { new_secret: Bytes::from_static(b"t"), reason: s("old") };
    // The stand-in for the shell insists that a login is the last thing said.
    world.send_frames(a, &[frame(1, ack(1)), frame(0, secret)]);
    assert_eq!(world.lines(a), ["0: connection.update-secret-ok"]);
    assert_eq!(world.tally("q"), (0, 0));
}
