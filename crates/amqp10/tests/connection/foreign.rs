//! Messages of others, and a broker that is short of room.

use std::sync::Arc;

use amqp10::Amqp10Encoding;
use amqp10::codec::{
    BodyPart, DeliveryState, Header, Performative, PropertySections, Transfer, ValueRef, body_parts, scan,
};
use bytes::Bytes;
use model::{
    Address, Alarm, Body, Command, Effect, EncodingId, Inspect, Message, Namespace, Publish, Reply, Resource, Tally,
    Time,
};

use crate::client::{credit, data, disposition, receives, sends, transfer};
use crate::peer::Said;
use crate::world::World;

const SHORT_OF_MEMORY: Alarm = Alarm { short_of: Resource::Memory, culprit: None };

fn speaking() -> World {
    World::with(|options| options.encodings.register(Arc::new(Amqp10Encoding)))
}

/// Another protocol's message with nothing but a body.
fn publish(world: &mut World, address: Address, header: model::Header, body: Body) {
    let message = Message { address, header, encoding: EncodingId::PLAIN, properties: Bytes::new(), body };
    world.tell(Command::Publish(Publish::new(Arc::new(message))));
}

fn conversions(world: &mut World) -> Tally {
    match world.ask(|token| Command::Inspect { token, what: Inspect::Status }) {
        Ok(Reply::Status(status)) => status.conversions,
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_protocols_message_is_translated_and_says_where_it_was_sent() {
    let queue = Address::queue(Namespace(0), "a".into());
    let topic = Address::topic(Namespace(0), "a.b".into());
    for (address, source, to, kind) in [(queue, "queue://a", "queue://a", 0), (topic, "topic://a.*", "topic://a.b", 1)]
    {
        let mut world = speaking();
        let client = world.join();
        world.attach(client, receives(0, source));
        world.flow(client, credit(0, 0, 1));
        let expires = Some(world.now.plus(700));
        let header = model::Header { durable: true, priority: 8, expires, ..model::Header::default() };
        publish(&mut world, address, header, Bytes::from_static(b"body").into());
        let read = world.read(client);
        let [Said::Frame(0, Performative::Transfer(_), payload)] = &read[..] else { panic!("{read:?}") };
        let sections = scan(std::slice::from_ref(payload)).unwrap();
        let header = Header { durable: true, priority: 8, ttl: Some(700), first_acquirer: true, delivery_count: 0 };
        assert_eq!(sections.header, Some(header));
        let found = PropertySections::find(&sections.properties);
        assert_eq!(found.properties.to(), Some(to));
        assert_eq!(found.message_annotation("x-opt-jms-dest"), Some(ValueRef::Byte(kind)));
        assert_eq!(found.message_annotation("x-opt-jms-msg-type"), Some(ValueRef::Byte(3)));
        let Some(BodyPart::Data(body)) = body_parts(&sections.body).next() else { panic!("{sections:?}") };
        assert_eq!(body.concat(), b"body");
        assert_eq!(conversions(&mut world), Tally::default());
    }
}

#[test]
fn what_cannot_be_said_goes_to_the_dead_letters_and_costs_no_credit() {
    // Without its encoding a connection can say nothing of others.
    let mut world = World::new();
    let sender = world.join();
    world.attach(sender, sends(0, "queue://a"));
    let client = world.join();
    world.attach(client, receives(0, "queue://a"));
    world.flow(client, credit(0, 0, 1));
    let address = Address::queue(Namespace(0), "a".into());
    publish(&mut world, address, model::Header::default(), Bytes::from_static(b"?").into());
    assert_eq!(world.read(client), []);
    assert_eq!(world.tally("ActiveMQ.DLQ"), (1, 0));
    world.publish(sender, 0, 0, &data(b"own"));
    assert_eq!(world.lines(client), ["transfer 0 0 own"]);
    assert_eq!(conversions(&mut world).undeliverable, 1);
}

#[test]
fn a_broker_that_is_short_of_room_gives_no_more_credit() {
    let mut world = World::with(|options| options.link_credit = 10);
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    let throttle = |world: &mut World, reason| {
        let commands = world.peer(client).apply(Time(1), Effect::Throttle { reason });
        world.give(commands);
        world.rest();
    };
    throttle(&mut world, Some(SHORT_OF_MEMORY));
    let settled = |id| Transfer { settled: Some(true), ..transfer(0, id) };
    (0..10).for_each(|id| world.transfer(client, settled(id), &data(b"x")));
    assert_eq!(world.read(client), []);
    world.send(client, 0, Performative::Attach(Box::new(sends(1, "queue://a"))));
    assert_eq!(world.lines(client), ["attach 1 queue://a"], "nor to those that come");
    throttle(&mut world, None);
    assert_eq!(world.lines(client), ["flow 0 10+10", "flow 1 0+10"]);
}

#[test]
fn a_broker_that_is_short_of_room_says_so_before_the_connection_is_open() {
    let mut world = World::new();
    let client = world.open();
    let commands = world.peer(client).apply(Time(1), Effect::Throttle { reason: Some(SHORT_OF_MEMORY) });
    assert!(commands.is_empty());
    world.send_bytes(client, &amqp10::codec::ProtocolId::Amqp.header());
    world.send(client, 0, Performative::Open(Box::new(crate::client::open())));
    world.send(client, 0, crate::client::begin());
    world.read(client);
    world.send(client, 0, Performative::Attach(Box::new(sends(0, "queue://a"))));
    assert_eq!(world.lines(client), ["attach 0 queue://a"]);
}

#[test]
fn outcomes_still_pass_when_the_broker_is_short_of_room() {
    let mut world = World::new();
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    world.publish(client, 0, 0, &data(b"x"));
    world.read(client);
    world.attach(client, receives(1, "queue://a"));
    world.flow(client, credit(1, 0, 1));
    let commands = world.peer(client).apply(Time(1), Effect::Throttle { reason: Some(SHORT_OF_MEMORY) });
    world.give(commands);
    world.settle(client, disposition(0, 0, DeliveryState::ACCEPTED));
    assert_eq!(world.tally("a"), (0, 0));
}
