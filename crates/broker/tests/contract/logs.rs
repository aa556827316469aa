//! Logs: read by cursor, kept for everybody, cut at the old end.

use model::{Command, ConnectionId, Overflow, Position, QueueKind, Refusal};

use crate::harness::World;
use crate::harness::commands::*;

fn with_log(max_length: u64, messages: u32) -> (World, ConnectionId) {
    let mut world = World::new();
    let a = world.open();
    world.run(
        a,
        declare_with("log", |it| {
            (it.kind, it.max_length, it.overflow) = (QueueKind::Log, Some(max_length), Overflow::DropHead);
        }),
    );
    for n in 1..=messages {
        world.now = world.now.plus(100);
        world.run(a, publish("log", n.to_string()));
    }
    (world, a)
}

fn numbers(from: u32, to: u32) -> Vec<String> {
    (from..=to).map(|n| n.to_string()).collect()
}

#[test]
fn cursors_read_from_their_own_positions() {
    let (mut world, a) = with_log(100, 10);
    let begun = world.now.0 - 900;
    for (index, (from, first)) in [
        (Position::First, 1),
        (Position::Seq(4), 4),
        (Position::Time(model::Time(begun + 250)), 4),
        (Position::Time(model::Time(begun + 300)), 4),
        (Position::Next, 11),
        (Position::Seq(99), 11),
    ]
    .into_iter()
    .enumerate()
    {
        let happened = world.run(a, cursor("log", index as u32, from, 100));
        assert_eq!(happened.bodies(), numbers(first, 10), "{from:?}");
    }
    // All of them follow, but for the one whose position is not there yet.
    let happened = world.run(a, publish("log", "11"));
    assert_eq!(happened.bodies(), vec!["11"; 5]);
    assert_eq!(world.tally("log"), (11, 0, 0));
    world.compare();
}

#[test]
fn retention_by_length_drops_the_oldest_and_slow_cursors_go_on_with_the_first_there_is() {
    let (mut world, a) = with_log(5, 5);
    assert_eq!(world.run(a, cursor("log", 0, Position::First, 2)).bodies(), numbers(1, 2));
    for n in 6..=9 {
        let happened = world.run(a, publish("log", n.to_string()));
        assert!(happened.has(&format!("Settled q0 {}", n - 5)), "{happened:?}");
    }
    assert_eq!(world.tally("log"), (5, 0, 0));
    assert_eq!(world.run(a, credit(0, 10)).bodies(), numbers(5, 9));
    world.compare();
    world.restart();
    let b = world.open();
    assert_eq!(world.run(b, cursor("log", 0, Position::First, 100)).bodies(), numbers(5, 9));
}

#[test]
fn nobody_leases_from_a_log() {
    let (mut world, a) = with_log(5, 1);
    assert_eq!(world.run(a, consume("log", 0, 1)).refusal(), Refusal::IsLog);
    assert_eq!(world.run(a, get("log", 0, 1)).refusal(), Refusal::IsLog);
}

#[test]
fn positions_are_not_given_to_other_messages_after_a_crash() {
    let (mut world, a) = with_log(100, 2);
    let durable = world.last();
    world.run(a, cursor("log", 0, Position::Seq(3), 10));
    let happened = world.run(a, publish("log", "lost"));
    // A reader must not remember a position that a crash takes back.
    assert_eq!(happened.bodies(), ["lost"]);
    let after = happened.effects.iter().find(|it| matches!(it.effect, model::Effect::Deliver(_))).expect("one").after;
    assert_eq!(after, world.last());
    world.crash(durable);
    let b = world.open();
    assert_eq!(world.run(b, cursor("log", 0, Position::First, 10)).bodies(), numbers(1, 2));
}

#[test]
fn many_cursors_over_a_long_log_share_the_steps() {
    let (mut world, a) = with_log(1_000_000, 0);
    world.audits = false;
    for _ in 0..10 {
        world.batch((0..1_000).map(|n| (a, publish("log", n.to_string()))));
    }
    let mut count = 0;
    for index in 0..4 {
        world.most_effects = 0;
        count += world.run(a, cursor("log", index, Position::First, u32::MAX)).delivered().len();
    }
    let commands = (4..8).map(|index| (a, cursor("log", index, Position::First, u32::MAX)));
    count += world.batch(commands).delivered().len();
    assert_eq!(count, 80_000);
    assert!(world.most_effects <= 8 * 2 * 4_096 + 8, "{}", world.most_effects);
    world.run(a, Command::Close);
}

#[test]
fn a_cursor_reads_what_a_commit_puts_in_before_what_came_later() {
    let (mut world, a) = with_log(1_000_000, 0);
    world.audits = false;
    world.run(a, cursor("log", 0, Position::First, u32::MAX));
    world.run(a, begin(1));
    for _ in 0..10 {
        world.batch((0..1_000).map(|_| (a, staged("log", "t", 1))));
    }
    let happened = world.batch([(a, commit(1)), (a, publish("log", "later"))]);
    let bodies = happened.bodies();
    assert_eq!((bodies.len(), bodies.last().map(String::as_str)), (10_001, Some("later")));
}
