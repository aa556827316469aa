//! Who a client is: what it shows, what comes of it, and what waits for that.

use amqp10::codec::{Open, Performative, ProtocolId, SaslCode, SaslFrame, SaslOutcome, Symbol, Value};
use bytes::Bytes;
use model::{Action, Credentials, Denial, Mechanisms, Refusal, Secret, What};

use crate::client::{begin, data, open, receives, sends, transfer};
use crate::guard::Except;
use crate::opening::{bytes_of, init, outcome, sasl_bytes};
use crate::peer::Said;
use crate::world::{Client, World};

const ALL: Mechanisms = Mechanisms { external: true, scram_sha_256: true, plain: true, anonymous: true };
const STRICT: Mechanisms = Mechanisms { external: false, scram_sha_256: false, plain: true, anonymous: false };

/// A client whose logins the test answers.
fn held(world: &mut World, mechanisms: Mechanisms) -> Client {
    world.mechanisms = mechanisms;
    let client = world.open();
    world.peer(client).holds_login = true;
    client
}

/// The same, past the mechanisms.
fn greeted(world: &mut World, mechanisms: Mechanisms) -> Client {
    let client = held(world, mechanisms);
    world.send_bytes(client, &ProtocolId::Sasl.header());
    let offered = mechanisms.names().map(Symbol::from_static).collect();
    assert_eq!(world.read(client), [Said::Header(ProtocolId::Sasl), Said::Sasl(SaslFrame::Mechanisms(offered))]);
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

fn denied() -> Refusal {
    Refusal::Denied(Box::new(Denial::new("bob", Action::Enter, &What::Namespace)))
}

#[test]
fn a_client_shows_what_its_mechanism_says() {
    let rows = [
        (init("PLAIN", Some(b"\0bob\0secret")), password("bob", "secret")),
        (init("PLAIN", Some(b"bob\0bob\0secret")), password("bob", "secret")),
        (init("PLAIN", Some(b"\0bob\0")), password("bob", "")),
        (init("ANONYMOUS", Some(b"trace")), Credentials::Nothing),
        (init("EXTERNAL", Some(b"")), sasl("EXTERNAL", Some(""))),
        (init("EXTERNAL", None), sasl("EXTERNAL", None)),
        (init("SCRAM-SHA-256", Some(b"n,,n=bob,r=x")), sasl("SCRAM-SHA-256", Some("n,,n=bob,r=x"))),
    ];
    for (frame, credentials) in rows {
        let mut world = World::new();
        let client = greeted(&mut world, ALL);
        world.send_bytes(client, &sasl_bytes(&frame));
        assert_eq!(shown(&mut world, client), credentials);
        assert!(world.read(client).is_empty());
    }
}

#[test]
fn only_what_is_offered_may_be_chosen() {
    for mechanism in ["ANONYMOUS", "EXTERNAL", "SCRAM-SHA-256", "plain"] {
        let mut world = World::new();
        let client = greeted(&mut world, STRICT);
        world.send_bytes(client, &sasl_bytes(&init(mechanism, Some(b""))));
        assert_eq!(world.read(client), [outcome(SaslCode::Auth)], "{mechanism}");
        assert!(!world.is_open(client) && world.peer(client).login.is_none());
    }
}

#[test]
fn a_login_of_several_steps() {
    let mut world = World::new();
    let client = greeted(&mut world, ALL);
    world.send_bytes(client, &sasl_bytes(&init("SCRAM-SHA-256", Some(b"n,,n=bob,r=x"))));
    world.answer(client, |peer, now| peer.challenge(now, "r=xy,s=c2FsdA==,i=4096"));
    let challenge = SaslFrame::Challenge(Bytes::from_static(b"r=xy,s=c2FsdA==,i=4096"));
    assert_eq!(world.read(client), [Said::Sasl(challenge)]);
    world.send_bytes(client, &sasl_bytes(&SaslFrame::Response(Bytes::from_static(b"c=biws,r=xy,p=cHJvb2Y="))));
    let response = Credentials::Response(Secret::from(&b"c=biws,r=xy,p=cHJvb2Y="[..]));
    assert_eq!(shown(&mut world, client), response);
    world.answer(client, |peer, now| peer.let_in(now, "bob", Some("v=c2lnbmF0dXJl")));
    let additional_data = Some(Bytes::from_static(b"v=c2lnbmF0dXJl"));
    let outcome = SaslFrame::Outcome(SaslOutcome { code: SaslCode::Ok, additional_data });
    assert_eq!(world.read(client), [Said::Sasl(outcome)], "the server proves itself, too");
    world.send_bytes(client, &ProtocolId::Amqp.header());
    assert_eq!(world.read(client), [Said::Header(ProtocolId::Amqp)]);
}

#[test]
fn who_is_not_let_in_is_told_no_more_than_that() {
    for (refusal, code) in [
        (Refusal::Login, SaslCode::Auth),
        (denied(), SaslCode::Auth),
        (Refusal::LoginUnavailable("no directory answers".into()), SaslCode::SysTemp),
    ] {
        let mut world = World::new();
        let client = greeted(&mut world, STRICT);
        world.send_bytes(client, &sasl_bytes(&init("PLAIN", Some(b"\0bob\0wrong"))));
        world.answer(client, |peer, now| peer.keep_out(now, refusal));
        assert_eq!(world.read(client), [outcome(code)]);
        assert!(!world.is_open(client));
    }
}

#[test]
fn without_a_sasl_layer_a_client_shows_nothing() {
    let mut world = World::new();
    let client = held(&mut world, STRICT);
    world.send_bytes(client, &ProtocolId::Amqp.header());
    assert_eq!(shown(&mut world, client), Credentials::Nothing);
    assert!(world.read(client).is_empty());
    world.answer(client, |peer, now| peer.let_in(now, "CN=sensor", None));
    assert_eq!(world.read(client), [Said::Header(ProtocolId::Amqp)]);
    // It is told that there is such a layer.
    let client = held(&mut world, STRICT);
    world.send_bytes(client, &ProtocolId::Amqp.header());
    world.answer(client, |peer, now| peer.keep_out(now, Refusal::Login));
    assert_eq!(world.read(client), [Said::Header(ProtocolId::Sasl)]);
    assert!(!world.is_open(client));
    for (refusal, condition) in [
        (denied(), "amqp:unauthorized-access"),
        (Refusal::LoginUnavailable("no directory answers".into()), "amqp:internal-error"),
    ] {
        let client = held(&mut world, STRICT);
        world.send_bytes(client, &ProtocolId::Amqp.header());
        world.answer(client, |peer, now| peer.keep_out(now, refusal));
        let last = world.lines(client).pop();
        assert_eq!(last, Some(format!("close {condition}")));
        assert!(!world.is_open(client));
    }
}

#[test]
fn a_host_is_entered_or_not_and_no_container_id_is_taken_before() {
    let sole = || Open {
        desired_capabilities: vec![Symbol::from_static("sole-connection-for-container")],
        hostname: Some("tenant".into()),
        ..open()
    };
    let mut world = World::new();
    world.guard = Some(Except::of(&["enter namespace"]));
    let client = world.open();
    world
        .send_bytes(client, &[&ProtocolId::Sasl.header()[..], &sasl_bytes(&init("PLAIN", Some(b"\0bob\0x")))].concat());
    world.send_bytes(client, &ProtocolId::Amqp.header());
    world.read(client);
    world.send(client, 0, Performative::Open(Box::new(sole())));
    let read = world.read(client);
    let [Said::Frame(0, Performative::Open(open), _), Said::Frame(0, Performative::Close(close), _)] = &read[..] else {
        panic!("{read:?}")
    };
    assert_eq!(open.properties.get("amqp:connection-establishment-failed"), Some(&Value::Bool(true)));
    let error = close.error.as_ref().unwrap();
    assert_eq!(error.condition, *"amqp:unauthorized-access");
    assert_eq!(error.description.as_ref().unwrap().as_str(), "access to vhost 'tenant' refused for user 'bob'");
    assert!(!world.is_open(client));
    world.guard = None;
    world.connect(sole());
}

/// All that an impatient client says, and how much of it comes up to the login.
fn everything(bare: bool) -> (Vec<u8>, usize) {
    let start = match bare {
        true => ProtocolId::Amqp.header().to_vec(),
        false => [&ProtocolId::Sasl.header()[..], &sasl_bytes(&init("PLAIN", Some(b"\0bob\0x")))].concat(),
    };
    let first = start.len();
    let mut all = start;
    if !bare {
        all.extend(ProtocolId::Amqp.header());
    }
    all.extend(bytes_of(&[
        (0, Performative::Open(Box::new(open()))),
        (0, begin()),
        (0, Performative::Attach(Box::new(sends(0, "queue://a")))),
        (0, Performative::Attach(Box::new(receives(1, "queue://a")))),
    ]));
    (all, first)
}

#[test]
fn nothing_is_read_before_the_login_and_everything_after_it_in_order_and_once() {
    for bare in [false, true] {
        let (bytes, first) = everything(bare);
        for cut in [1, 7, first - 1, first, first + 1, first + 20, bytes.len() - 1, bytes.len()] {
            let mut world = World::new();
            let client = held(&mut world, STRICT);
            world.send_bytes(client, &bytes[..cut]);
            world.send_bytes(client, &bytes[cut..]);
            assert_eq!(world.peer(client).unread(), bytes.len() - first, "it keeps nothing of it itself");
            world.read(client);
            world.answer(client, |peer, now| peer.let_in(now, "bob", None));
            let mut read = world.read(client);
            if !bare {
                assert_eq!(read.remove(0), outcome(SaslCode::Ok));
            }
            assert_eq!(read.remove(0), Said::Header(ProtocolId::Amqp));
            let named = |said: &Said| match said {
                Said::Frame(_, Performative::Open(_), _) => "open",
                Said::Frame(_, Performative::Begin(_), _) => "begin",
                Said::Frame(_, Performative::Attach(_), _) => "attach",
                Said::Frame(_, Performative::Flow(_), _) => "flow",
                other => panic!("{other:?}"),
            };
            let names: Vec<_> = read.iter().map(named).collect();
            assert_eq!(names, ["open", "begin", "attach", "flow", "attach"], "bare {bare}, cut at {cut}");
        }
    }
}

#[test]
fn what_comes_before_the_answer_to_open_is_kept_up_to_a_limit() {
    let mut world = World::new();
    let client = world.open();
    let start = [&ProtocolId::Amqp.header()[..], &bytes_of(&[(0, Performative::Open(Box::new(open())))])].concat();
    let now = world.now;
    // The broker does not come to it.
    let mut commands = world.peer(client).send_bytes(now, &start);
    commands.extend(world.peer(client).send_bytes(now, &vec![0; (4 << 20) + 1]));
    assert!(matches!(commands[0].command, model::Command::Access { .. }), "{commands:?}");
    assert_eq!(commands.len(), 2, "only whether it may be here, and the end");
    world.peer(client).flush();
    assert_eq!(world.lines(client).pop().as_deref(), Some("close amqp:resource-limit-exceeded"));
    assert!(!world.is_open(client));
}

#[test]
fn a_login_that_takes_too_long_is_over() {
    for bare in [false, true] {
        let mut world = World::new();
        let client = held(&mut world, STRICT);
        world.send_bytes(client, &everything(bare).0);
        world.advance(9_999);
        assert!(world.is_open(client));
        world.advance(1);
        assert_eq!(world.peer(client).misbehaviour.as_deref(), Some("not open after the login time-out"));
    }
}

#[test]
fn nobody_sends_in_anothers_name() {
    let by = |user: &'static str| {
        let mut message = bytes::BytesMut::new();
        let user_id = Some(Bytes::from_static(user.as_bytes()));
        amqp10::codec::Properties { user_id, ..Default::default() }.encode(&mut message);
        [&message[..], &data(b"x")].concat()
    };
    for (who, user, taken) in [("bob", "bob", true), ("bob", "root", false), ("", "anybody", true)] {
        let mut world = World::new();
        let client = held(&mut world, ALL);
        world.send_bytes(client, &everything(true).0);
        world.answer(client, |peer, now| peer.let_in(now, who, None));
        world.read(client);
        world.publish(client, 0, 0, &by(user));
        let said =
            if taken { "receiver 0 settled accepted" } else { "receiver 0 settled rejected amqp:unauthorized-access" };
        assert_eq!(world.lines(client), [said], "{user} by {who:?}");
        assert_eq!(world.tally("a"), (u64::from(taken), 0));
        if !taken {
            let settled = amqp10::codec::Transfer { settled: Some(true), ..transfer(0, 1) };
            world.transfer(client, settled, &by(user));
            assert_eq!(world.lines(client), ["detach 0 closed amqp:unauthorized-access"]);
        }
    }
}
