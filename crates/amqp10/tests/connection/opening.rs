//! From the first byte to the first session, and how connections end.

use amqp10::Amqp10;
use amqp10::codec::{
    self, Begin, Close, End, Frame, Open, Performative, ProtocolId, SaslCode, SaslFrame, SaslInit, SaslOutcome, Symbol,
    Value,
};
use bytes::{Bytes, BytesMut};
use model::{CloseReason, Protocol, Recognised};

use crate::client::{begin, has, open, sends};
use crate::peer::Said;
use crate::world::World;

pub(crate) fn init(mechanism: &'static str, response: Option<&'static [u8]>) -> SaslFrame {
    let initial_response = response.map(Bytes::from_static);
    SaslFrame::Init(SaslInit { mechanism: Symbol::from_static(mechanism), initial_response, hostname: None })
}

pub(crate) fn outcome(code: SaslCode) -> Said {
    Said::Sasl(SaslFrame::Outcome(SaslOutcome { code, additional_data: None }))
}

pub(crate) fn bytes_of(frames: &[(u16, Performative)]) -> Vec<u8> {
    let mut out = BytesMut::new();
    frames.iter().for_each(|(channel, performative)| codec::encode(&mut out, *channel, performative, &[]));
    out.to_vec()
}

pub(crate) fn sasl_bytes(frame: &SaslFrame) -> Vec<u8> {
    let mut out = BytesMut::new();
    codec::encode_sasl(&mut out, frame);
    out.to_vec()
}

#[test]
fn its_first_bytes_are_known() {
    let protocol = Amqp10::new(amqp10::Amqp10Options::new(model::Encodings::default()));
    for known in [b"AMQP\0\x01\0\0", b"AMQP\x02\x01\0\0", b"AMQP\x03\x01\0\0"] {
        assert_eq!(protocol.recognise(known), Recognised::Yes);
        for part in 0..8 {
            assert_eq!(protocol.recognise(&known[..part]), Recognised::NeedMore);
        }
    }
    for unknown in [&b"AMQP\0\0\x09\x01"[..], b"AMQP\x01", b"GET / HTTP", b"\x10\x0e\0\x04MQTT"] {
        assert_eq!(protocol.recognise(unknown), Recognised::No, "{unknown:?}");
    }
}

#[test]
fn mechanisms_are_offered_and_credentials_accepted() {
    let table = [
        (init("PLAIN", Some(b"\0guest\0guest")), SaslCode::Ok),
        (init("PLAIN", Some(b"\0\0")), SaslCode::Ok),
        (init("ANONYMOUS", Some(b"me")), SaslCode::Ok),
        (init("ANONYMOUS", None), SaslCode::Ok),
        (init("PLAIN", Some(b"guest")), SaslCode::Auth),
        (init("PLAIN", Some(b"root\0guest\0guest")), SaslCode::Auth),
        (init("PLAIN", Some(b"\0\xff\0guest")), SaslCode::Auth),
        (init("CRAM-MD5", None), SaslCode::Auth),
    ];
    for (frame, code) in table {
        let mut world = World::new();
        let client = world.open();
        world.send_bytes(client, &ProtocolId::Sasl.header());
        let offered = [Symbol::from_static("PLAIN"), Symbol::from_static("ANONYMOUS")].to_vec();
        assert_eq!(world.read(client), [Said::Header(ProtocolId::Sasl), Said::Sasl(SaslFrame::Mechanisms(offered))]);
        world.send_bytes(client, &sasl_bytes(&frame));
        assert_eq!(world.read(client), [outcome(code)], "{frame:?}");
        assert_eq!(world.is_open(client), code == SaslCode::Ok);
    }
}

#[test]
fn plain_without_an_initial_response_is_challenged() {
    let mut world = World::new();
    let client = world.open();
    world.send_bytes(client, &[&ProtocolId::Sasl.header()[..], &sasl_bytes(&init("PLAIN", None))].concat());
    assert_eq!(world.read(client).pop(), Some(Said::Sasl(SaslFrame::Challenge(Bytes::new()))));
    world.send_bytes(client, &sasl_bytes(&SaslFrame::Response(Bytes::from_static(b"\0a\0b"))));
    assert_eq!(world.read(client), [outcome(SaslCode::Ok)]);
    world.send_bytes(client, &ProtocolId::Amqp.header());
    assert_eq!(world.read(client), [Said::Header(ProtocolId::Amqp)]);
}

#[test]
fn all_may_be_said_in_one_go() {
    let mut world = World::new();
    let client = world.open();
    let frames = bytes_of(&[
        (0, Performative::Open(Box::new(open()))),
        (0, begin()),
        (0, Performative::Attach(Box::new(sends(0, "queue://a")))),
    ]);
    let all =
        [&ProtocolId::Sasl.header()[..], &sasl_bytes(&init("ANONYMOUS", None)), &ProtocolId::Amqp.header(), &frames];
    world.send_bytes(client, &all.concat());
    let read = world.read(client);
    assert!(
        matches!(
            read[..],
            [
                Said::Header(ProtocolId::Sasl),
                Said::Sasl(SaslFrame::Mechanisms(_)),
                Said::Sasl(SaslFrame::Outcome(_)),
                Said::Header(ProtocolId::Amqp),
                Said::Frame(0, Performative::Open(_), _),
                Said::Frame(0, Performative::Begin(_), _),
                Said::Frame(0, Performative::Attach(_), _),
                Said::Frame(0, Performative::Flow(_), _),
            ]
        ),
        "{read:?}"
    );
}

#[test]
fn bytes_may_come_one_by_one() {
    let mut world = World::new();
    let client = world.open();
    let all = [
        &ProtocolId::Sasl.header()[..],
        &sasl_bytes(&init("ANONYMOUS", None)),
        &ProtocolId::Amqp.header(),
        &bytes_of(&[(0, Performative::Open(Box::new(open()))), (7, begin())]),
    ];
    all.concat().iter().for_each(|byte| world.send_bytes(client, &[*byte]));
    assert!(matches!(world.read(client).pop(), Some(Said::Frame(7, Performative::Begin(_), _))));
}

#[test]
fn open_says_what_this_side_is() {
    let mut world = World::new();
    let client = world.open();
    world.send_bytes(client, &ProtocolId::Amqp.header());
    world.send(client, 0, Performative::Open(Box::new(open())));
    let Some(Said::Frame(0, Performative::Open(open), _)) = world.read(client).pop() else { panic!("no open") };
    assert_eq!((open.max_frame_size, open.idle_time_out), (128 * 1024, Some(60_000)));
    for capability in ["ANONYMOUS-RELAY", "SHARED-SUBS", "DELAYED_DELIVERY", "sole-connection-for-container"] {
        assert!(has(&open.offered_capabilities, capability), "{capability}");
    }
    assert_eq!(open.properties.get("product"), Some(&Value::string("Causeway")));
    assert_eq!(open.properties.get("queue-prefix"), Some(&Value::string("queue://")));
    assert_eq!(open.properties.get("topic-prefix"), Some(&Value::string("topic://")));
    assert_eq!(open.properties.get("amqp:connection-establishment-failed"), None);
}

#[test]
fn sessions_have_their_channels() {
    let mut world = World::new();
    let client = world.connect(open());
    world.send(client, 5, begin());
    let Performative::Begin(answer) = world.read_one(client) else { panic!("no begin") };
    let Begin { remote_channel, next_outgoing_id, handle_max, .. } = *answer;
    assert_eq!((remote_channel, next_outgoing_id, handle_max), (Some(5), 0, 1_023));
    world.send(client, 0, begin());
    assert!(matches!(world.read_one(client), Performative::Begin(_)));
    world.end_session(client, 5);
    assert_eq!(world.read_one(client), Performative::End(End::default()));
    world.send(client, 5, begin());
    assert!(matches!(world.read_one(client), Performative::Begin(_)), "a channel may be used again");
    world.say_close(client);
    assert_eq!(world.read_one(client), Performative::Close(Close::default()));
    assert_eq!(world.peer(client).closed, Some(CloseReason::Finished));
}

#[test]
fn a_container_that_wants_to_be_alone_is() {
    let sole = || Open { desired_capabilities: vec![Symbol::from_static("sole-connection-for-container")], ..open() };
    let mut world = World::new();
    let first = world.connect(sole());
    let second = world.open();
    world.send_bytes(second, &ProtocolId::Amqp.header());
    world.send(second, 0, Performative::Open(Box::new(sole())));
    let read = world.read(second);
    let [_, Said::Frame(0, Performative::Open(open), _), Said::Frame(0, Performative::Close(close), _)] = &read[..]
    else {
        panic!("{read:?}")
    };
    assert_eq!(open.properties.get("amqp:connection-establishment-failed"), Some(&Value::Bool(true)));
    let error = close.error.as_ref().unwrap();
    assert_eq!(error.condition, *"amqp:invalid-field");
    assert_eq!(error.info.get("invalid-field"), Some(&Value::symbol("container-id")));
    assert!(!world.is_open(second) && world.is_open(first));
    world.say_close(first);
    world.connect(sole());
    // Who does not want to be alone is not asked.
    world.connect(crate::client::open());
}

#[test]
fn what_is_said_before_the_container_is_ones_own_is_heard() {
    let mut world = World::new();
    let client = world.open();
    let sole = Open { desired_capabilities: vec![Symbol::from_static("sole-connection-for-container")], ..open() };
    let mut all = ProtocolId::Amqp.header().to_vec();
    all.extend(bytes_of(&[(0, Performative::Open(Box::new(sole))), (0, begin())]));
    let (last, most) = all.split_last().unwrap();
    let commands = world.peer(client).send_bytes(model::Time(5), most);
    world.give(commands);
    let commands = world.peer(client).send_bytes(model::Time(5), &[*last]);
    world.give(commands);
    world.rest();
    assert!(matches!(world.read(client).pop(), Some(Said::Frame(0, Performative::Begin(_), _))));
}

#[test]
fn who_does_not_open_is_left() {
    for said in [&b""[..], b"AMQP", b"AMQP\x03\x01\0\0", b"AMQP\0\x01\0\0"] {
        let mut world = World::new();
        let client = world.open();
        world.send_bytes(client, said);
        world.advance(9_999);
        assert!(world.is_open(client), "{said:?}");
        world.advance(2);
        assert_eq!(world.peer(client).misbehaviour.as_deref(), Some("not open after the login time-out"), "{said:?}");
    }
}

#[test]
fn who_is_silent_for_too_long_is_left() {
    let mut world = World::with(|options| options.idle_timeout = Some(10_000));
    let client = world.connect(open());
    world.advance(19_000);
    let mut empty = BytesMut::new();
    codec::encode_empty(&mut empty);
    world.send_bytes(client, &empty);
    world.advance(19_999);
    assert!(world.is_open(client) && world.read(client).is_empty());
    world.advance(1);
    assert_eq!(world.lines(client), ["close amqp:resource-limit-exceeded"]);
    assert!(!world.is_open(client));
    let mut world = World::with(|options| options.idle_timeout = None);
    let client = world.connect(open());
    world.advance(1_000_000);
    assert!(world.is_open(client));
}

#[test]
fn who_wants_to_hear_something_does() {
    let mut world = World::with(|options| options.idle_timeout = None);
    let client = world.connect(Open { idle_time_out: Some(1_000), ..open() });
    world.advance(2_000);
    assert_eq!(world.read(client), vec![Said::Empty; 4]);
    world.advance(400);
    world.send(client, 0, begin());
    world.read(client);
    world.advance(499);
    assert_eq!(world.read(client), [], "something was said meanwhile");
    world.advance(1);
    assert_eq!(world.read(client), [Said::Empty]);
}

#[test]
fn the_broker_says_goodbye() {
    let table = [
        (CloseReason::ShuttingDown, Some("close amqp:connection:forced")),
        (CloseReason::Ended, Some("close amqp:connection:forced")),
        (CloseReason::TakenOver, Some("close amqp:connection:forced")),
        (CloseReason::Revoked, Some("close amqp:unauthorized-access")),
        (CloseReason::Disconnected, None),
    ];
    for (reason, said) in table {
        let mut world = World::new();
        let client = world.connect(open());
        world.end(client, reason);
        world.rest();
        assert_eq!(world.lines(client), said.into_iter().collect::<Vec<_>>(), "{reason:?}");
    }
}

#[test]
fn wrong_beginnings_are_told_what_is_spoken_here() {
    let table = [
        (&b"AMQP\0\0\x09\x01"[..], ProtocolId::Sasl),
        (b"AMQP\x02\x01\0\0", ProtocolId::Sasl),
        (b"GET / HTTP/1.1\r\n", ProtocolId::Sasl),
    ];
    for (said, header) in table {
        let mut world = World::new();
        let client = world.open();
        world.send_bytes(client, said);
        assert_eq!(world.read(client), [Said::Header(header)], "{said:?}");
        assert!(!world.is_open(client));
    }
    let mut world = World::new();
    let client = world.open();
    let sasl = [&ProtocolId::Sasl.header()[..], &sasl_bytes(&init("ANONYMOUS", None)), &ProtocolId::Sasl.header()];
    world.send_bytes(client, &sasl.concat());
    assert_eq!(world.read(client).pop(), Some(Said::Header(ProtocolId::Amqp)), "one security layer is enough");
    assert!(!world.is_open(client));
}

#[test]
fn an_empty_frame_before_open_is_nothing() {
    let mut world = World::new();
    let client = world.open();
    let mut bytes = BytesMut::from(&ProtocolId::Amqp.header()[..]);
    codec::encode_empty(&mut bytes);
    let frame = Frame { channel: 0, performative: None, payload: Bytes::new() };
    assert_eq!(codec::decode(&mut bytes.split_off(8), &codec::Limits { max_frame: 512 }), Ok(Some(frame)));
    codec::encode_empty(&mut bytes);
    world.send_bytes(client, &bytes);
    world.send(client, 0, Performative::Open(Box::new(open())));
    assert!(matches!(world.read(client).pop(), Some(Said::Frame(0, Performative::Open(_), _))));
}

#[test]
fn hosts_are_namespaces() {
    let hosts = [("one".to_owned(), model::Namespace(1)), ("two".to_owned(), model::Namespace(2))];
    let mut world = World::with(|options| options.virtual_hosts = hosts.into_iter().collect());
    let join = |world: &mut World, host: Option<&str>| {
        let client = world.connect(Open { hostname: host.map(Into::into), ..open() });
        world.send(client, 0, begin());
        world.read(client);
        client
    };
    let one = join(&mut world, Some("one"));
    world.attach(one, sends(0, "queue://a"));
    world.publish(one, 0, 0, &crate::client::data(b"x"));
    let topic = join(&mut world, Some("vhost:one"));
    world.attach(topic, crate::client::receives(0, "/queues/a"));
    for other in [Some("two"), Some("elsewhere"), None] {
        let client = join(&mut world, other);
        world.send(client, 0, Performative::Attach(Box::new(crate::client::receives(0, "/queues/a"))));
        assert_eq!(world.lines(client), ["attach 0 nothing", "detach 0 closed amqp:not-found"], "{other:?}");
    }
    let [default, unknown] = [None, Some("elsewhere")].map(|host| join(&mut world, host));
    world.attach(default, sends(0, "queue://b"));
    world.attach(unknown, crate::client::receives(0, "/queues/b"));
}
