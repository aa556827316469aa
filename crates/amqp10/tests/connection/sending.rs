//! Messages from a client: credit, dispositions, what the broker keeps of them.

use amqp10::codec::{
    self, DeliveryState, Header, Performative, Properties, ReceiverSettleMode, SenderSettleMode, Target, TargetNode,
    Transfer, Value,
};
use bytes::BytesMut;
use model::{Lsn, QueueSettings};

use crate::client::{credit, data, durable, receives, sends, transfer};
use crate::peer::Said;
use crate::world::World;

/// A receiver of everything in a queue, pre-settled.
fn drain(world: &mut World, address: &str) -> Vec<(Header, String)> {
    let client = world.join();
    let mut attach = receives(0, address);
    attach.snd_settle_mode = SenderSettleMode::Settled;
    world.attach(client, attach);
    world.flow(client, credit(0, 0, 1_000));
    let header =
        |payload: &bytes::Bytes| codec::scan(std::slice::from_ref(payload)).unwrap().header.unwrap_or_default();
    let message = |said: Said| match said {
        Said::Frame(0, Performative::Transfer(_), payload) => (header(&payload), crate::client::body_of(&payload)),
        other => panic!("{other:?}"),
    };
    let read = world.read(client).into_iter().map(message).collect();
    world.cut(client);
    read
}

fn bodies(world: &mut World, address: &str) -> Vec<String> {
    drain(world, address).into_iter().map(|(_, body)| body).collect()
}

#[test]
fn a_sender_gets_credit_and_gets_it_again() {
    let mut world = World::with(|options| options.link_credit = 10);
    let client = world.join();
    world.send(client, 0, Performative::Attach(Box::new(sends(3, "queue://a"))));
    assert_eq!(world.lines(client), ["attach 0 queue://a", "flow 0 0+10"]);
    for id in 0..4 {
        world.publish(client, 3, id, &data(b"x"));
    }
    assert_eq!(world.lines(client).len(), 4, "only dispositions");
    world.publish(client, 3, 4, &data(b"x"));
    assert_eq!(world.lines(client), ["receiver 4 settled accepted", "flow 0 5+10"]);
    // What is settled when it is sent costs credit as well.
    for id in 5..10 {
        world.transfer(client, Transfer { settled: Some(true), ..transfer(3, id) }, &data(b"x"));
    }
    assert_eq!(world.lines(client), ["flow 0 10+10"]);
    assert_eq!(world.tally("a"), (10, 0));
}

#[test]
fn what_is_not_confirmed_costs_credit() {
    let mut world = World::with(|options| options.link_credit = 4);
    world.syncs = false;
    let client = world.join();
    let everything = |world: &mut World| world.sync(Lsn(u64::MAX));
    world.send(client, 0, Performative::Attach(Box::new(sends(0, "queue://a"))));
    everything(&mut world);
    world.syncs = false;
    world.durable = world.last();
    world.read(client);
    for id in 0..4 {
        world.publish(client, 0, id, &durable(b"x"));
    }
    assert_eq!(world.lines(client), Vec::<String>::new(), "nothing is on disk");
    let last = world.last();
    world.sync(last);
    assert_eq!(
        world.lines(client),
        ["receiver 0..1 settled accepted", "flow 0 4+2", "receiver 2..3 settled accepted", "flow 0 4+4"]
    );
}

#[test]
fn confirmations_are_joined() {
    let mut world = World::new();
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    for id in 0..100 {
        world.say(client, 0, Performative::Transfer(transfer(0, id)), &durable(b"x"));
    }
    world.rest();
    assert_eq!(world.lines(client), ["receiver 0..99 settled accepted"]);
}

#[test]
fn a_message_that_is_not_durable_is_lost_in_a_crash_and_only_that() {
    let mut world = World::new();
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    world.publish(client, 0, 0, &durable(b"durable"));
    world.publish(client, 0, 1, &data(b"not"));
    world.crash();
    assert_eq!(bodies(&mut world, "queue://a"), ["durable"]);
}

#[test]
fn headers_and_annotations_say_how_long_and_when() {
    let mut world = World::new();
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    let now = world.now.0 as i64;
    let with = |header: Header, annotations: &[(&'static str, Value)], until: Option<i64>, body: &str| {
        let mut out = BytesMut::new();
        header.encode(&mut out);
        let annotations = annotations.iter().map(|(name, value)| (Value::symbol(name), value.clone())).collect();
        codec::encode_message_annotations(&mut out, &annotations);
        Properties { absolute_expiry_time: until, ..Properties::default() }.encode(&mut out);
        out.extend_from_slice(&data(body.as_bytes()));
        out.to_vec()
    };
    let ttl = |ttl| Header { ttl: Some(ttl), ..Header::default() };
    let delay = |value| [("x-opt-delivery-delay", value)];
    let table = [
        with(ttl(1_000), &[], None, "ttl"),
        with(ttl(5_000), &[], Some(now + 1_000), "the earlier"),
        with(Header::default(), &[], Some(now + 3_000), "until"),
        with(Header { priority: 7, ..Header::default() }, &[], None, "stays"),
        with(Header::default(), &delay(Value::Long(2_000)), None, "later"),
        with(Header::default(), &[("x-opt-delivery-time", Value::Timestamp(now + 2_000))], None, "then"),
        with(Header::default(), &delay(Value::Long(-5)), None, "at once"),
        with(Header { priority: 200, ..Header::default() }, &[], None, "highest"),
    ];
    for (id, message) in table.iter().enumerate() {
        world.publish(client, 0, id as u32, message);
    }
    assert_eq!(world.tally("a"), (6, 0));
    world.advance(1_500);
    assert_eq!(world.tally("a"), (4, 0));
    world.advance(1_000);
    let left = drain(&mut world, "queue://a");
    assert_eq!(
        left.iter().map(|(_, body)| body.as_str()).collect::<Vec<_>>(),
        ["until", "stays", "later", "then", "at once", "highest"]
    );
    assert_eq!(left[0].0.ttl, Some(500));
    assert_eq!((left[1].0.ttl, left[1].0.priority, left[1].0.first_acquirer), (None, 7, true));
    assert_eq!(left[5].0.priority, 9);
}

#[test]
fn a_sender_may_settle_second() {
    let mut world = World::new();
    let client = world.join();
    let mut attach = sends(0, "queue://a");
    attach.rcv_settle_mode = ReceiverSettleMode::Second;
    let answer = world.attach(client, attach);
    assert_eq!(answer.rcv_settle_mode, ReceiverSettleMode::Second);
    world.publish(client, 0, 0, &durable(b"x"));
    assert_eq!(world.lines(client), ["receiver 0 accepted"]);
    let mut disposition = crate::client::disposition(0, 0, DeliveryState::ACCEPTED);
    disposition.role = codec::Role::Sender;
    world.settle(client, disposition);
    assert_eq!(world.lines(client), Vec::<String>::new());
    assert_eq!(world.tally("a"), (1, 0));
}

#[test]
fn refusals_are_rejections_with_their_reason() {
    let mut world = World::new();
    let full = QueueSettings { max_length: Some(1), ..QueueSettings::default() };
    world.declare("full", full);
    world.declare("gone", QueueSettings::default());
    let client = world.join();
    world.attach(client, sends(0, "/queues/full"));
    world.attach(client, sends(1, "/queues/gone"));
    world.publish(client, 0, 0, &data(b"1"));
    world.publish(client, 0, 1, &data(b"2"));
    world.delete("gone");
    world.publish(client, 1, 2, &data(b"3"));
    let expected = [
        "receiver 0 settled accepted",
        "receiver 1 settled rejected amqp:resource-limit-exceeded",
        "receiver 2 settled rejected amqp:not-found",
    ];
    assert_eq!(world.lines(client), expected);
    // Who does not wait for an answer is told when none of its messages can arrive.
    world.transfer(client, Transfer { settled: Some(true), ..transfer(0, 3) }, &data(b"4"));
    assert_eq!(world.lines(client), Vec::<String>::new());
    world.transfer(client, Transfer { settled: Some(true), ..transfer(1, 4) }, &data(b"5"));
    assert_eq!(world.lines(client), ["detach 1 closed amqp:not-found"]);
}

#[test]
fn what_nobody_takes_is_released_by_an_exchange_and_accepted_by_a_topic() {
    let mut world = World::new();
    let client = world.join();
    world.attach(client, sends(0, "/exchanges/amq.topic/a.b"));
    world.attach(client, sends(1, "topic://a.b"));
    world.publish(client, 0, 0, &data(b"x"));
    world.publish(client, 1, 1, &data(b"x"));
    assert_eq!(world.lines(client), ["receiver 0 settled released", "receiver 1 settled accepted"]);
}

#[test]
fn the_anonymous_relay_looks_at_each_message() {
    let mut world = World::new();
    let client = world.join();
    let mut attach = sends(0, "");
    attach.target = Some(Target::Node(TargetNode::default()));
    world.attach(client, attach);
    let to = |to: Option<&str>| {
        let mut out = BytesMut::new();
        Properties { to: to.map(Into::into), message_id: Some(Value::Ulong(1)), ..Properties::default() }
            .encode(&mut out);
        [&out[..], &data(to.unwrap_or("nowhere").as_bytes())].concat()
    };
    let table = [Some("queue://a"), Some("queue://a"), Some("b"), Some("/queues/c"), Some("/nonsense"), None];
    for (id, address) in table.into_iter().enumerate() {
        world.publish(client, 0, id as u32, &to(address));
    }
    let expected = [
        "receiver 0 settled accepted",
        "receiver 1 settled accepted",
        "receiver 2 settled accepted",
        "receiver 3 settled rejected amqp:not-found",
        "receiver 4 settled rejected amqp:invalid-field",
        "receiver 5 settled rejected amqp:not-found",
    ];
    assert_eq!(world.lines(client), expected);
    assert_eq!((world.tally("a"), world.tally("b")), ((2, 0), (1, 0)));
}

#[test]
fn messages_in_pieces_are_whole_again() {
    let mut world = World::new();
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    let message = durable(&[b'x'; 1_000]);
    for (at, part) in message.chunks(7).enumerate() {
        let more = (at + 1) * 7 < message.len();
        let first = if at == 0 { transfer(0, 0) } else { Transfer { handle: 0, ..Transfer::default() } };
        world.transfer(client, Transfer { more, ..first }, part);
    }
    assert_eq!(world.lines(client), ["receiver 0 settled accepted"]);
    // One that is given up leaves nothing.
    world.transfer(client, Transfer { more: true, ..transfer(0, 1) }, &message[..50]);
    world.transfer(client, Transfer { handle: 0, aborted: true, ..Transfer::default() }, &[]);
    world.publish(client, 0, 2, &data(b"next"));
    assert_eq!(world.lines(client), ["receiver 2 settled accepted"]);
    assert_eq!(bodies(&mut world, "queue://a"), ["x".repeat(1_000), "next".into()]);
}

#[test]
fn links_take_turns_with_their_pieces() {
    let mut world = World::new();
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    world.attach(client, sends(1, "queue://b"));
    let message = data(&[b'y'; 100]);
    world.transfer(client, Transfer { more: true, ..transfer(0, 0) }, &message[..10]);
    world.transfer(client, Transfer { more: true, ..transfer(1, 1) }, &message[..20]);
    world.transfer(client, Transfer { handle: 0, delivery_id: Some(0), ..Transfer::default() }, &message[10..]);
    world.transfer(client, Transfer { handle: 1, settled: Some(true), ..Transfer::default() }, &message[20..]);
    assert_eq!(world.lines(client), ["receiver 0 settled accepted"]);
    assert_eq!((world.tally("a"), world.tally("b")), ((1, 0), (1, 0)));
}

#[test]
fn a_sender_is_answered_after_it_has_detached() {
    let mut world = World::new();
    world.syncs = false;
    let client = world.join();
    world.send(client, 0, Performative::Attach(Box::new(sends(0, "queue://a"))));
    let last = world.last();
    world.sync(last);
    world.read(client);
    world.publish(client, 0, 0, &durable(b"x"));
    world.detach(client, 0, true);
    assert_eq!(world.lines(client), ["detach 0 closed"]);
    let last = world.last();
    world.sync(last);
    assert_eq!(world.lines(client), ["receiver 0 settled accepted"]);
}

#[test]
fn only_what_is_settled_alike_is_joined() {
    let mut world = World::new();
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    let mut second = sends(1, "queue://a");
    second.rcv_settle_mode = ReceiverSettleMode::Second;
    world.attach(client, second);
    for (id, handle) in [0, 0, 1, 1, 0].into_iter().enumerate() {
        world.say(client, 0, Performative::Transfer(transfer(handle, id as u32)), &data(b"x"));
    }
    world.rest();
    assert_eq!(
        world.lines(client),
        ["receiver 0..1 settled accepted", "receiver 2..3 accepted", "receiver 4 settled accepted"]
    );
}
