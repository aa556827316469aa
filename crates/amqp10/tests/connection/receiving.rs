//! What becomes of deliveries: every outcome, and the ends of links, sessions and connections.

use amqp10::codec::{
    AmqpError, DeliveryState, Disposition, DistributionMode, Header, Modified, Outcome, Performative, Received,
    ReceiverSettleMode, Role, SenderSettleMode, condition, scan,
};
use model::{DeadLetter, Lsn, QueueSettings};

use crate::client::{begin, credit, data, disposition, durable, receives, sends, source};
use crate::peer::Said;
use crate::world::{Client, World};

/// `count` durable messages, numbered, in a queue with dead letters, and a receiver that has them.
fn holding(count: u32) -> (World, Client) {
    let mut world = World::new();
    let dead_letter = Some(DeadLetter::to_queue("dead".into(), None));
    world.declare("a", QueueSettings { dead_letter, ..QueueSettings::default() });
    let sender = world.join();
    world.attach(sender, sends(0, "/queues/a"));
    (0..count).for_each(|id| world.publish(sender, 0, id, &durable(id.to_string().as_bytes())));
    world.cut(sender);
    let client = world.join();
    world.attach(client, receives(0, "/queues/a"));
    world.flow(client, credit(0, 0, count));
    assert_eq!(world.read(client).len(), count as usize);
    (world, client)
}

/// Ready and leased; and in the two queues of dead letters.
fn counts(world: &mut World) -> ((u64, u64), u64, u64) {
    let ready = |world: &mut World, name| world.info(name).map_or(0, |info| info.counts.ready);
    (world.tally("a"), ready(world, "dead"), ready(world, "ActiveMQ.DLQ"))
}

fn outcome(outcome: Outcome) -> DeliveryState {
    DeliveryState::Outcome(outcome)
}

fn modified(delivery_failed: bool, undeliverable_here: bool) -> DeliveryState {
    outcome(Outcome::Modified(Modified { delivery_failed, undeliverable_here, ..Modified::default() }))
}

#[test]
fn each_outcome_does_what_it_says() {
    let received = DeliveryState::Received(Received { section_number: 0, section_offset: 0 });
    let error = AmqpError::new(condition::DECODE_ERROR, "no");
    let table = [
        (DeliveryState::ACCEPTED, ((0, 2), 0)),
        (DeliveryState::RELEASED, ((1, 2), 0)),
        (modified(true, false), ((1, 2), 0)),
        (modified(false, true), ((0, 2), 1)),
        (outcome(Outcome::Rejected(None)), ((0, 2), 1)),
        (outcome(Outcome::Rejected(Some(Box::new(error)))), ((0, 2), 1)),
        // Settled with no outcome: the default, released.
        (received, ((1, 2), 0)),
    ];
    for (state, (queue, dead)) in table {
        let (mut world, client) = holding(3);
        world.settle(client, disposition(1, 1, state.clone()));
        assert_eq!(counts(&mut world), (queue, dead, 0), "{state:?}");
        assert_eq!(world.read(client), []);
    }
    let (mut world, client) = holding(3);
    world.settle(client, Disposition { state: None, ..disposition(0, 2, DeliveryState::ACCEPTED) });
    assert_eq!(counts(&mut world), ((3, 0), 0, 0));
}

#[test]
fn what_is_rejected_is_never_lost() {
    let mut world = World::new();
    let sender = world.join();
    world.attach(sender, sends(0, "queue://a"));
    world.publish(sender, 0, 0, &data(b"x"));
    world.read(sender);
    world.attach(sender, receives(1, "queue://a"));
    world.flow(sender, credit(1, 0, 1));
    world.settle(sender, disposition(0, 0, outcome(Outcome::Rejected(None))));
    assert_eq!(counts(&mut world), ((0, 0), 0, 1));
}

#[test]
fn a_failure_is_counted_and_a_release_is_not() {
    let header = |world: &mut World, client| {
        let read = world.read(client);
        let [Said::Frame(0, Performative::Transfer(_), payload)] = &read[..] else { panic!("{read:?}") };
        let Header { first_acquirer, delivery_count, .. } =
            scan(std::slice::from_ref(payload)).unwrap().header.unwrap();
        (first_acquirer, delivery_count)
    };
    let (mut world, client) = holding(1);
    for (id, state, count) in
        [(0, DeliveryState::RELEASED, 0), (1, modified(true, false), 1), (2, modified(false, false), 1)]
    {
        world.settle(client, disposition(id, id, state));
        world.flow(client, credit(0, id + 1, 1));
        assert_eq!(header(&mut world, client), (false, count));
    }
}

#[test]
fn ranges_are_settled_in_one_go_and_gaps_are_passed_over() {
    let (mut world, client) = holding(10);
    world.settle(client, disposition(3, 3, DeliveryState::ACCEPTED));
    world.settle(client, disposition(7, 7, DeliveryState::RELEASED));
    assert_eq!(counts(&mut world).0, (1, 8));
    world.settle(client, disposition(0, 8, DeliveryState::ACCEPTED));
    assert_eq!(counts(&mut world).0, (1, 1));
    world.settle(client, disposition(0, u32::MAX / 2, DeliveryState::ACCEPTED));
    assert_eq!(counts(&mut world).0, (1, 0));
    world.settle(client, disposition(500, 700, DeliveryState::ACCEPTED));
    assert!(world.is_open(client));
}

#[test]
fn an_outcome_that_does_not_settle_is_settled_when_it_is_on_disk() {
    let (mut world, client) = holding(4);
    world.syncs = false;
    let unsettled = |first, last, state| Disposition { settled: false, ..disposition(first, last, state) };
    world.settle(client, unsettled(0, 1, DeliveryState::ACCEPTED));
    world.settle(client, unsettled(2, 2, DeliveryState::RELEASED));
    world.settle(client, unsettled(3, 3, modified(true, false)));
    let before = world.lines(client);
    assert!(!before.contains(&"sender 0..1 settled accepted".into()), "{before:?}");
    world.sync(Lsn(u64::MAX));
    let lines = [before, world.lines(client)].concat();
    assert_eq!(lines, ["sender 0..1 settled accepted", "sender 2 settled released", "sender 3 settled modified"]);
    // Not yet an outcome.
    let received = DeliveryState::Received(Received { section_number: 0, section_offset: 0 });
    let (mut world, client) = holding(1);
    world.settle(client, unsettled(0, 0, received));
    assert_eq!(counts(&mut world).0, (0, 1));
    world.settle(client, unsettled(0, 0, DeliveryState::ACCEPTED));
    assert_eq!(world.lines(client), ["sender 0 settled accepted"]);
    assert_eq!(counts(&mut world).0, (0, 0));
}

#[test]
fn a_receiver_may_settle_second() {
    let (mut world, client) = holding(1);
    let mut attach = receives(1, "/queues/a");
    attach.rcv_settle_mode = ReceiverSettleMode::Second;
    assert_eq!(world.attach(client, attach).rcv_settle_mode, ReceiverSettleMode::Second);
    world.settle(client, disposition(0, 0, DeliveryState::RELEASED));
    world.flow(client, credit(1, 0, 1));
    assert_eq!(world.lines(client), ["transfer 1 1 0"]);
    world.settle(client, Disposition { settled: false, ..disposition(1, 1, DeliveryState::ACCEPTED) });
    assert_eq!(world.lines(client), ["sender 1 settled accepted"]);
    world.settle(client, Disposition { state: None, ..disposition(1, 1, DeliveryState::ACCEPTED) });
    assert_eq!(counts(&mut world).0, (0, 0));
}

#[test]
fn a_senders_disposition_says_nothing_of_what_it_was_sent() {
    let (mut world, client) = holding(1);
    world.settle(client, Disposition { role: Role::Sender, ..disposition(0, 0, DeliveryState::ACCEPTED) });
    assert_eq!(counts(&mut world).0, (0, 1));
}

#[test]
fn what_is_not_settled_goes_back_with_its_link_session_or_connection() {
    type Ending = fn(&mut World, Client);
    let endings: [(&str, Ending); 5] = [
        ("closed", |world, client| world.detach(client, 0, true)),
        ("detached", |world, client| world.detach(client, 0, false)),
        ("ended", |world, client| world.end_session(client, 0)),
        ("close", |world, client| world.say_close(client)),
        ("cut", |world, client| world.cut(client)),
    ];
    for (name, end) in endings {
        let (mut world, client) = holding(3);
        world.settle(client, disposition(1, 1, DeliveryState::ACCEPTED));
        end(&mut world, client);
        assert_eq!(counts(&mut world).0, (2, 0), "{name}");
    }
}

#[test]
fn a_handle_may_be_used_again() {
    let (mut world, client) = holding(2);
    for _ in 0..300 {
        world.detach(client, 0, true);
        assert_eq!(world.lines(client), ["detach 0 closed"]);
        assert_eq!(world.attach(client, receives(0, "/queues/a")).handle, 0);
        world.flow(client, credit(0, 0, 2));
        assert_eq!(world.read(client).len(), 2);
    }
    assert_eq!(counts(&mut world).0, (0, 2));
}

#[test]
fn what_comes_for_a_link_that_is_gone_is_nobody_elses() {
    let (mut world, client) = holding(0);
    let sender = world.join();
    world.attach(sender, sends(0, "/queues/a"));
    world.attach(sender, sends(1, "queue://b"));
    world.flow(client, credit(0, 0, 10));
    // The broker hands out before it knows of the detach.
    world.say(sender, 0, Performative::Transfer(crate::client::transfer(0, 0)), &data(b"old"));
    world.say(client, 0, Performative::Detach(amqp10::codec::Detach { handle: 0, closed: true, error: None }), &[]);
    world.say(client, 0, Performative::Attach(Box::new(receives(0, "queue://b"))), &[]);
    world.say(client, 0, Performative::Flow(Box::new(credit(0, 0, 1))), &[]);
    world.rest();
    world.publish(sender, 1, 1, &data(b"new"));
    assert_eq!(world.lines(client), ["detach 0 closed", "attach 0 queue://b", "transfer 0 0 new"]);
    assert_eq!(counts(&mut world).0, (1, 0));
}

#[test]
fn a_settled_link_leaves_nothing_to_settle() {
    let (mut world, client) = holding(1);
    let mut attach = receives(1, "/queues/a");
    attach.snd_settle_mode = SenderSettleMode::Settled;
    assert_eq!(world.attach(client, attach).snd_settle_mode, SenderSettleMode::Settled);
    world.flow(client, credit(1, 0, 1));
    world.settle(client, disposition(0, 0, DeliveryState::RELEASED));
    assert_eq!(world.lines(client), ["transfer 1 1 settled 0"]);
    assert_eq!(counts(&mut world).0, (0, 0));
}

#[test]
fn a_browser_takes_nothing() {
    let (mut world, client) = holding(3);
    world.settle(client, disposition(0, 2, DeliveryState::RELEASED));
    let mut attach = receives(1, "/queues/a");
    attach.source =
        Some(amqp10::codec::Source { distribution_mode: Some(DistributionMode::Copy), ..source("/queues/a") });
    let answer = world.attach(client, attach);
    assert_eq!(answer.snd_settle_mode, SenderSettleMode::Settled, "there is nothing to settle");
    assert_eq!(answer.source.unwrap().distribution_mode, Some(DistributionMode::Copy));
    let drain = amqp10::codec::Flow { drain: true, ..credit(1, 0, 10) };
    world.flow(client, drain);
    let expected = ["transfer 1 3 settled 0", "transfer 1 4 settled 1", "transfer 1 5 settled 2", "flow 1 10+0 drain"];
    assert_eq!(world.lines(client), expected);
    assert_eq!(counts(&mut world).0, (3, 0));
}

#[test]
fn a_queue_that_is_deleted_ends_its_links() {
    let (mut world, client) = holding(1);
    world.delete("a");
    assert_eq!(world.lines(client), ["detach 0 closed amqp:resource-deleted"]);
    world.settle(client, disposition(0, 0, DeliveryState::ACCEPTED));
    world.detach(client, 0, true);
    assert_eq!(world.read(client), [], "its detach was the answer");
    assert_eq!(world.attach(client, receives(0, "queue://a")).handle, 0);
}

#[test]
fn sessions_have_their_own_deliveries() {
    let (mut world, client) = holding(2);
    world.send(client, 1, begin());
    world.read(client);
    let settle = |world: &mut World, channel| {
        world.send(client, channel, Performative::Disposition(disposition(0, 1, DeliveryState::ACCEPTED)));
    };
    settle(&mut world, 1);
    assert_eq!(counts(&mut world).0, (0, 2));
    settle(&mut world, 0);
    assert_eq!(counts(&mut world).0, (0, 0));
}

#[test]
fn dead_letters_say_where_they_come_from() {
    let (mut world, client) = holding(1);
    world.settle(client, disposition(0, 0, outcome(Outcome::Rejected(None))));
    world.attach(client, receives(1, "/queues/dead"));
    world.flow(client, credit(1, 0, 1));
    let read = world.read(client);
    let [Said::Frame(0, Performative::Transfer(_), payload)] = &read[..] else { panic!("{read:?}") };
    let sections = scan(std::slice::from_ref(payload)).unwrap();
    let found = amqp10::codec::PropertySections::find(&sections.properties);
    let text = |name| found.message_annotation(name).and_then(amqp10::codec::ValueRef::text);
    assert_eq!(text("x-first-death-queue"), Some("a"));
    assert_eq!(text("x-last-death-reason"), Some("rejected"));
    assert!(found.message_annotation("x-opt-deaths").is_some());
}

#[test]
fn only_neighbours_are_settled_together() {
    let mut world = World::new();
    let client = world.join();
    for (handle, address) in ["queue://a", "queue://b"].into_iter().enumerate() {
        world.attach(client, sends(handle as u32, address));
        world.attach(client, receives(handle as u32 + 2, address));
        world.flow(client, credit(handle as u32 + 2, 0, 9));
    }
    for (id, handle) in [0, 1, 0].into_iter().enumerate() {
        world.publish(client, handle, id as u32, &data(b"x"));
    }
    world.read(client);
    // In one read; the first and the last are neighbours in their queue.
    let mut all = bytes::BytesMut::new();
    for id in [0, 2] {
        let disposition = Disposition { settled: false, ..disposition(id, id, DeliveryState::ACCEPTED) };
        amqp10::codec::encode(&mut all, 0, &Performative::Disposition(disposition), &[]);
    }
    world.send_bytes(client, &all);
    assert_eq!(world.lines(client), ["sender 0 settled accepted", "sender 2 settled accepted"]);
    assert_eq!((world.tally("a"), world.tally("b")), ((0, 0), (0, 1)));
}
