//! Each wrong input and its condition, at the level that it concerns.

use amqp10::codec::{
    self, Attach, Begin, Detach, Disposition, Open, Performative, ProtocolId, ReceiverSettleMode, Role, Transfer,
};
use bytes::{Bytes, BytesMut};

use crate::client::{begin, credit, data, disposition, open, receives, sends, transfer};
use crate::peer::Said;
use crate::world::{Client, World};

fn frame(channel: u16, performative: &Performative, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    codec::encode(&mut out, channel, performative, payload);
    out.to_vec()
}

#[track_caller]
fn closes(world: &mut World, client: Client, condition: &str) {
    assert_eq!(world.lines(client).pop(), Some(format!("close {condition}")));
    assert!(!world.is_open(client));
    assert!(world.peer(client).misbehaviour.is_some());
}

#[test]
fn wrong_frames_end_the_connection() {
    let flow = Performative::Flow(Box::new(credit(0, 0, 1)));
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("too short", vec![0, 0, 0, 7, 2, 0, 0, 0], "amqp:connection:framing-error"),
        ("too long", vec![0, 2, 0, 1, 2, 0, 0, 0], "amqp:connection:framing-error"),
        ("offset", vec![0, 0, 0, 8, 1, 0, 0, 0], "amqp:connection:framing-error"),
        ("SASL", vec![0, 0, 0, 8, 2, 1, 0, 0], "amqp:connection:framing-error"),
        ("no performative", vec![0, 0, 0, 9, 2, 0, 0, 0, 0x40], "amqp:decode-error"),
        ("unknown one", vec![0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x77, 0x45], "amqp:decode-error"),
        ("open again", frame(0, &Performative::Open(Box::new(open())), &[]), "amqp:illegal-state"),
        ("begin again", frame(0, &begin(), &[]), "amqp:not-allowed"),
        ("begin too high", frame(1_024, &begin(), &[]), "amqp:connection:framing-error"),
        ("an answer to no begin", frame(3, &Performative::Begin(Box::new(answer())), &[]), "amqp:invalid-field"),
        ("no session", frame(9, &flow, &[]), "amqp:not-allowed"),
        ("no session to end", frame(9, &Performative::End(Default::default()), &[]), "amqp:not-allowed"),
        ("no session to send on", frame(9, &Performative::Transfer(transfer(0, 0)), &[]), "amqp:not-allowed"),
        (
            "handle too high",
            frame(0, &Performative::Attach(Box::new(sends(1_024, "a"))), &[]),
            "amqp:connection:framing-error",
        ),
    ];
    for (name, bytes, condition) in table {
        let mut world = World::new();
        let client = world.join();
        world.send_bytes(client, &bytes);
        let lines = world.lines(client);
        assert_eq!(lines, [format!("close {condition}")], "{name}");
        assert!(!world.is_open(client));
    }
}

fn answer() -> Begin {
    let mut begin = Begin::new(0, 1, 1);
    begin.remote_channel = Some(0);
    begin
}

#[test]
fn wrong_opens_are_answered_before_they_are_refused() {
    let table: Vec<(Vec<u8>, &str)> = vec![
        (frame(0, &begin(), &[]), "amqp:illegal-state"),
        (frame(0, &Performative::Open(Box::new(Open { max_frame_size: 511, ..open() })), &[]), "amqp:invalid-field"),
        (vec![0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x10, 0x45], "amqp:decode-error"),
        (vec![0xff; 8], "amqp:connection:framing-error"),
    ];
    for (bytes, condition) in table {
        let mut world = World::new();
        let client = world.open();
        world.send_bytes(client, &[&ProtocolId::Amqp.header()[..], &bytes].concat());
        let read = world.read(client);
        assert!(matches!(read[1], Said::Frame(0, Performative::Open(_), _)), "{read:?}");
        assert_eq!(crate::client::line(&read[2]), format!("close {condition}"));
        assert!(!world.is_open(client));
    }
}

#[test]
fn wrong_handles_end_the_session_and_only_that() {
    let table: Vec<(&str, Performative, &str)> = vec![
        ("flow", Performative::Flow(Box::new(credit(9, 0, 1))), "amqp:session:unattached-handle"),
        ("transfer", Performative::Transfer(transfer(9, 0)), "amqp:session:unattached-handle"),
        (
            "detach",
            Performative::Detach(Detach { handle: 9, closed: true, error: None }),
            "amqp:session:unattached-handle",
        ),
        ("attach", Performative::Attach(Box::new(sends(0, "queue://b"))), "amqp:session:handle-in-use"),
        ("errant", Performative::Transfer(transfer(1, 0)), "amqp:session:errant-link"),
    ];
    for (name, performative, condition) in table {
        let mut world = World::new();
        let client = world.join();
        world.attach(client, sends(0, "queue://a"));
        world.attach(client, receives(1, "queue://a"));
        world.send(client, 0, performative);
        assert_eq!(world.lines(client), [format!("end 0 {condition}")], "{name}");
        // What was on its way meanwhile is not answered.
        world.publish(client, 0, 0, &data(b"x"));
        world.settle(client, disposition(0, 0, codec::DeliveryState::ACCEPTED));
        world.flow(client, credit(1, 0, 1));
        assert_eq!(world.read(client), [], "{name}");
        assert_eq!(world.tally("a"), (0, 0));
        world.end_session(client, 0);
        assert_eq!(world.read(client), [], "its end was the answer");
        world.send(client, 0, begin());
        assert!(matches!(world.read_one(client), Performative::Begin(_)), "{name}");
    }
}

#[test]
fn wrong_transfers_end_the_link_and_only_that() {
    let pieces = |first: Transfer, then: Transfer| vec![(first, data(b"x")), (then, Vec::new())];
    let next = Transfer { delivery_id: Some(8), ..transfer(0, 8) };
    type Sent = Vec<(Transfer, Vec<u8>)>;
    let table: Vec<(&str, Sent, &str)> = vec![
        ("id", vec![(Transfer { delivery_id: None, ..transfer(0, 0) }, data(b"x"))], "amqp:invalid-field"),
        ("tag", vec![(Transfer { delivery_tag: None, ..transfer(0, 0) }, data(b"x"))], "amqp:invalid-field"),
        ("other id", pieces(Transfer { more: true, ..transfer(0, 0) }, next), "amqp:invalid-field"),
        ("sections", vec![(transfer(0, 0), [data(b"x"), b"\x00\x53\x70\x45".to_vec()].concat())], "amqp:decode-error"),
        ("nothing", vec![(transfer(0, 0), b"\x40".to_vec())], "amqp:decode-error"),
        ("too long", vec![(transfer(0, 0), data(&[0; 1_001]))], "amqp:link:message-size-exceeded"),
        (
            "too long in pieces",
            pieces(Transfer { more: true, ..transfer(0, 0) }, Transfer { handle: 0, ..Transfer::default() })
                .into_iter()
                .map(|(it, _)| (it, vec![0; 600]))
                .collect(),
            "amqp:link:message-size-exceeded",
        ),
        ("credit", (0..5).map(|id| (transfer(0, id), data(b"x"))).collect(), "amqp:link:transfer-limit-exceeded"),
    ];
    for (name, transfers, condition) in table {
        let mut world = World::with(|options| (options.max_message, options.link_credit) = (1_000, 4));
        world.syncs = false;
        let client = world.join();
        world.send(client, 0, Performative::Attach(Box::new(sends(0, "queue://a"))));
        world.sync(world.last());
        let attach = world.read(client);
        let Said::Frame(_, Performative::Attach(answer), _) = &attach[0] else { panic!("{attach:?}") };
        assert_eq!(answer.max_message_size, Some(1_000));
        // Durable, so that no confirmation gives credit.
        for (transfer, payload) in transfers {
            let payload = if name == "credit" { crate::client::durable(b"x") } else { payload };
            world.say(client, 0, Performative::Transfer(transfer), &payload);
        }
        world.rest();
        assert_eq!(world.lines(client), [format!("detach 0 closed {condition}")], "{name}");
        world.publish(client, 0, 100, &data(b"x"));
        assert_eq!(world.read(client), [], "{name}");
        world.detach(client, 0, true);
        assert_eq!(world.read(client), [], "its detach was the answer");
        world.syncs = true;
        world.rest();
        world.read(client);
        world.attach(client, sends(0, "queue://a"));
        assert!(world.is_open(client));
    }
}

#[test]
fn messages_of_other_formats_are_rejected() {
    let mut world = World::new();
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    world.transfer(client, Transfer { message_format: Some(0x8001_3700), ..transfer(0, 0) }, b"?");
    assert_eq!(world.lines(client), ["receiver 0 settled rejected amqp:not-implemented"]);
}

#[test]
fn too_many_messages_that_are_not_whole_end_a_link() {
    let mut world = World::with(|options| options.max_message = 1_000);
    let client = world.join();
    for handle in 0..3 {
        world.attach(client, sends(handle, "queue://a"));
        let begun = Transfer { more: true, ..transfer(handle, handle) };
        world.transfer(client, begun, &[0; 900]);
    }
    assert_eq!(world.lines(client), ["detach 2 closed amqp:resource-limit-exceeded"]);
    world.detach(client, 0, true);
    assert_eq!(world.lines(client), ["detach 0 closed"]);
    world.attach(client, sends(3, "queue://a"));
    world.transfer(client, Transfer { more: true, ..transfer(3, 3) }, &[0; 900]);
    assert_eq!(world.read(client), [], "there is room again");
}

#[test]
fn what_was_forgotten_may_be_said_again() {
    let mut world = World::new();
    let client = world.join();
    // A link that its peer wants to resume: nothing is unsettled here.
    let unsettled = vec![(Bytes::from_static(b"tag"), Some(codec::DeliveryState::ACCEPTED))];
    let answer = world.attach(client, Attach { unsettled: unsettled.clone(), ..sends(0, "queue://a") });
    assert!(answer.unsettled.is_empty() && !answer.incomplete_unsettled);
    let mut attach = Attach { unsettled, ..receives(1, "queue://a") };
    attach.rcv_settle_mode = ReceiverSettleMode::Second;
    let answer = world.attach(client, attach);
    assert!(answer.unsettled.is_empty());
    world.settle(client, Disposition { role: Role::Sender, ..disposition(0, 9, codec::DeliveryState::ACCEPTED) });
    assert!(world.is_open(client));
}

#[test]
fn the_first_wrong_thing_is_said() {
    let mut world = World::new();
    let client = world.join();
    let twice = [vec![0, 0, 0, 7, 2, 0, 0, 0], frame(0, &begin(), &[])].concat();
    world.send_bytes(client, &twice);
    closes(&mut world, client, "amqp:connection:framing-error");
}
