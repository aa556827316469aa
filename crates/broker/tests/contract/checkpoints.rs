//! A journal that does not grow for ever: what was consumed may be trimmed, and nothing else is lost by it.

use broker::Options;
use model::{Exchange, ExchangeKind, Lsn, Settlement};

use crate::harness::World;
use crate::harness::commands::*;

fn pass_through(world: &mut World, who: model::ConnectionId, count: usize) {
    for i in 0..count {
        world.run(who, publish("busy", format!("message {i}")));
        world.run(who, fetch_with("busy", 9, 1, |fetch| fetch.settlement = Settlement::Presettled));
    }
}

#[test]
fn what_is_no_message_outlives_the_records_that_said_it_first() {
    let mut world = World::new().with_checkpoints();
    let a = world.open();
    world.batch([
        (a, declare("busy")),
        (a, declare_with("kept", |settings| settings.max_priority = 3)),
        (a, enter("123456789012/eu-west-1")),
        (a, declare_exchange("logs", ExchangeKind::Fanout)),
        (a, bind("kept", binding(&Exchange::named("logs"), "", 5))),
        (a, subscribe("kept", "never.#", 3)),
        (a, retain("weather", "sun")),
        (a, held("busy", "once", (0, 7))),
    ]);
    world.run(a, fetch_with("busy", 9, 1, |fetch| fetch.settlement = Settlement::Presettled));
    pass_through(&mut world, a, 100);
    assert!(world.begins_at() > Lsn(200), "nothing before {:?} is needed", world.begins_at());
    world.compare();
    world.restart();
    let a = world.open();
    assert!(!world.run(a, held("busy", "once", (0, 7))).has("Published"), "the hold is still there");
    world.run(a, publish_to(&Exchange::named("logs"), "", "through an exchange"));
    assert_eq!(world.browse("kept"), ["through an exchange"]);
    world.run(a, subscribe_replay("kept", "weather", 1));
    assert_eq!(world.browse("kept"), ["through an exchange", "sun"]);
    pass_through(&mut world, a, 1);
    world.compare();
}

#[test]
fn a_message_that_nobody_takes_keeps_its_record_and_nothing_else() {
    let mut world = World::new().with_checkpoints();
    let a = world.open();
    world.batch([(a, declare("busy")), (a, declare("stuck")), (a, publish("stuck", "still here"))]);
    let stuck = world.last();
    pass_through(&mut world, a, 100);
    assert!(world.begins_at() > Lsn(200) && world.is_kept(stuck));
    assert!((2..world.begins_at().0).filter(|lsn| world.is_kept(Lsn(*lsn))).count() < 4);
    world.restart();
    assert_eq!(world.browse("stuck"), ["still here"]);
    let a = world.open();
    world.run(a, purge("stuck", false));
    pass_through(&mut world, a, 20);
    assert!(!world.is_kept(stuck));
    world.restart();
    assert!(world.browse("stuck").is_empty());
}

#[test]
fn a_prepared_transaction_keeps_what_it_staged() {
    let mut world = World::new().with_checkpoints();
    let a = world.open();
    world.batch([(a, declare("busy")), (a, begin(1)), (a, staged("busy", "not yet", 1)), (a, prepare(1, "x"))]);
    let prepared = world.last();
    pass_through(&mut world, a, 100);
    assert!(world.begins_at() > prepared);
    world.compare();
    world.restart();
    let a = world.open();
    world.run(a, commit_prepared("x"));
    assert_eq!(world.browse("busy"), ["not yet"]);
}

/// What says that a backlog was taken is much shorter than a checkpoint, and yet frees all of it.
#[test]
fn a_backlog_that_was_taken_is_given_back_in_time() {
    let options = Options { auto_create: true, memory_limit: 1 << 30, evicts: true, rests: true, ..Options::default() };
    let mut world = World::with(Options { checkpoint_bytes: 1 << 20, checkpoint_interval: 30_000, ..options });
    let a = world.open();
    world.batch((0..500).map(|i| (a, publish("big", format!("message {i:>100}")))));
    let last = world.last();
    world.advance(60_000);
    let begins_at = world.begins_at();
    assert!(begins_at > last && world.is_kept(last), "{begins_at:?}");
    for restarts in [false, true] {
        let a = world.open();
        world.run(a, fetch_with("big", 9, 250, |fetch| fetch.settlement = Settlement::Presettled));
        if restarts {
            world.restart();
            world.advance(0);
        }
        let begins_at = world.begins_at();
        world.advance(60_000);
        assert!(world.begins_at() > begins_at, "no checkpoint after {begins_at:?}, restarts: {restarts}");
    }
    assert!(!world.is_kept(last));
    // Then there is nothing to say.
    let begins_at = world.begins_at();
    world.advance(300_000);
    assert_eq!(world.begins_at(), begins_at);
}
