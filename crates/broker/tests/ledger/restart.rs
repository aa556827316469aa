//! What a restart and a crash leave: exactly what the journal says.

use model::{Command, Lsn};

use crate::harness::World;
use crate::harness::commands::*;

#[test]
fn redelivered_is_exact_up_to_the_mark_after_a_crash() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    for n in 1..=40 {
        world.run(a, publish("q", n.to_string()));
    }
    let happened = world.run(a, consume("q", 0, 5));
    assert_eq!(happened.bodies().len(), 5);
    world.compare();
    world.restart();
    let b = world.open();
    let happened = world.run(b, consume("q", 0, 100));
    let flags: Vec<bool> = happened.delivered().iter().map(|it| it.redelivered).collect();
    assert_eq!(flags.len(), 40);
    assert!(flags[..5].iter().all(|it| *it), "what was delivered is flagged");
    assert!(flags[16..].iter().all(|it| !it), "what lies beyond the mark was not: {flags:?}");
    // What is new is new, whatever the mark said.
    world.run(b, consume("q", 1, 100));
    let happened = world.run(b, publish("q", "new"));
    assert!(!happened.delivered()[0].redelivered, "{happened:?}");
}

#[test]
fn a_delivery_whose_mark_is_lost_never_left_the_broker() {
    let mut world = World::new();
    let a = world.open();
    world.run(a, declare("q"));
    world.run(a, publish("q", "one"));
    let before = world.last();
    let happened = world.run(a, consume("q", 0, 5));
    let after = happened.effects.last().expect("a delivery").after;
    assert!(after > before, "it waits for its mark");
    world.crash(before);
    let b = world.open();
    let happened = world.run(b, consume("q", 0, 5));
    assert!(!happened.delivered()[0].redelivered);
}

#[test]
fn marks_are_rare_and_no_delivery_waits_for_one_in_a_busy_queue() {
    let mut world = World::new();
    let (a, b) = (world.open(), world.open());
    world.audits = false;
    world.run(a, declare("q"));
    world.run(b, window("q", 0, 1));
    let (mut waits, mut lsn) = (0, Lsn(0));
    for _ in 0..20_000 {
        let before = world.last();
        let happened = world.run(a, publish("q", "x"));
        let delivered = happened.effects.iter().find(|it| it.connection == b).expect("a delivery");
        lsn = lsn.max(delivered.after);
        waits += usize::from(delivered.after > before);
        let delivery = happened.delivery();
        world.run(b, model::Command::Settle(model::Settle::one(delivery, model::Outcome::Accepted)));
    }
    assert!(waits <= 2, "{waits} deliveries waited for the disk");
    let marks = world.journal_text().lines().filter(|line| line.contains("Marked")).count();
    assert!(marks <= 30, "{marks} marks");
}

#[test]
fn every_prefix_of_a_journal_is_a_state_that_was() {
    let mut world = World::new();
    let a = world.open();
    let commands: Vec<Command> = vec![
        declare("q"),
        declare("r"),
        subscribe("q", "t.#", 1),
        subscribe("r", "t.x", 2),
        topic("t.x", "one"),
        topic("t.y", "two"),
        retain("t.x", "three"),
        begin(1),
        staged("q", "four", 1),
        staged("r", "five", 1),
        commit(1),
        consume("q", 0, 2),
        settle_range(0, 0, 9, model::Outcome::Accepted),
        move_to("q", "r", 1),
        purge("r", false),
        unbind("q", binding(&model::Exchange::Topic, "t.#", 0)),
        delete("r"),
        enter("somewhere"),
    ];
    // After each record there is one state, and restoring it twice, or in two parts, gives the same.
    for command in commands {
        world.run(a, command);
        world.compare();
    }
    let records = world.last();
    let mut states = Vec::new();
    for durable in (0..=records.0).rev() {
        world.crash(Lsn(durable));
        world.compare();
        world.broker.audit().expect("no contradictions");
        states.push(world.durable_state());
    }
    states.dedup();
    assert!(states.len() > 12, "most records change something: {}", states.len());
    assert_eq!(states.last().map(String::as_str), Some(""));
}

#[test]
fn damaged_pieces_and_unknown_records_are_refused_with_a_reason() {
    let mut broker = broker::Broker::new(broker::Options::default());
    let mut restore =
        |record: &[u8]| broker.restore(Lsn(1), model::Time(0), record, &mut |_| None, &mut broker::Holds::default());
    let error = restore(&[77]).expect_err("unknown");
    assert_eq!(error.to_string(), "a record is not in its format: unknown kind");
    assert!(restore(&[]).is_err());
}

#[test]
fn totals_count_from_the_start_of_the_process() {
    let mut world = World::new();
    let a = world.open();
    world.batch([(a, declare("q")), (a, publish("q", "one")), (a, publish("q", "two"))]);
    let delivery = world.run(a, get("q", 0, 1)).delivery();
    world.run(a, accept(delivery));
    let counts = world.counts("q");
    assert_eq!((counts.enqueued, counts.delivered, counts.settled, counts.bytes), (2, 1, 1, 3));
    world.restart();
    let counts = world.counts("q");
    assert_eq!((counts.enqueued, counts.delivered, counts.settled, counts.bytes), (0, 0, 0, 3));
    assert_eq!(world.broker.status(world.now).settled, 0);
}
