//! A backlog leaves memory, and comes back when somebody is near.

use model::{Command, ConnectionId, DeadLetter, Lease, Lsn, Mode, Overflow, Position, QueueKind, Settlement, Time};

use crate::harness::World;
use crate::harness::commands::*;

/// A queue with so many messages, most of which rest.
fn backlog(count: usize) -> (World, ConnectionId) {
    let mut world = World::resting();
    let a = world.open();
    world.run(a, declare("q"));
    fill(&mut world, a, "q", count);
    (world, a)
}

fn fill(world: &mut World, a: ConnectionId, name: &str, count: usize) {
    for i in 0..count {
        world.run(a, publish(name, format!("{i}")));
    }
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|i| i.to_string()).collect()
}

fn pages(world: &World) -> usize {
    world.journal_text().lines().filter(|line| line.contains(" Page q")).count()
}

#[test]
fn a_backlog_is_delivered_in_order_and_holds_nothing_afterwards() {
    let (mut world, a) = backlog(50);
    assert!(world.broker.status(world.now).memory < 5 * 256, "{:?}", world.broker.status(world.now));
    assert_eq!(world.tally("q"), (50, 0, 0));
    world.compare();
    let happened = world.run(a, consume_with("q", 0, 100, |it| it.mode = presettled()));
    assert_eq!(happened.bodies(), numbers(0..50));
    assert_eq!(world.tally("q"), (0, 0, 0));
    world.compare();
    assert!(world.held().is_empty(), "{:?}", world.held());
}

fn presettled() -> Mode {
    Mode::Leasing { settlement: Settlement::Presettled, lease: Lease::Connection }
}

#[test]
fn what_rests_survives_a_restart_unread() {
    let (mut world, a) = backlog(50);
    world.run(a, get("q", 1, 1));
    world.restart();
    let a = world.open();
    assert_eq!(world.tally("q"), (50, 0, 0));
    let happened = world.run(a, consume_with("q", 0, 60, |it| it.mode = presettled()));
    assert_eq!(happened.bodies(), numbers(0..50));
    assert!(happened.delivered()[0].redelivered);
    assert!(!happened.delivered()[49].redelivered);
}

#[test]
fn a_checkpoint_names_pages_and_recovery_begins_there() {
    let mut world = World::resting().with_checkpoints();
    let a = world.open();
    world.run(a, declare("q"));
    fill(&mut world, a, "q", 200);
    assert!(world.begins_at() > Lsn(200), "{:?}", world.begins_at());
    world.restart();
    let a = world.open();
    let happened = world.run(a, consume_with("q", 0, 200, |it| it.mode = presettled()));
    assert_eq!(happened.bodies(), numbers(0..200));
}

#[test]
fn higher_priorities_come_first_from_wherever_they_rest() {
    let mut world = World::resting();
    let a = world.open();
    world.run(a, declare_with("q", |it| it.max_priority = 9));
    for i in 0..40u8 {
        world.run(a, publish_with("q", format!("{i}"), |message, _| message.header.priority = i % 10));
    }
    let bodies = world.run(a, consume_with("q", 0, 40, |it| it.mode = presettled())).bodies();
    let mut expected: Vec<u8> = (0..40).collect();
    expected.sort_by_key(|i| (std::cmp::Reverse(i % 10), *i));
    assert_eq!(bodies, expected.iter().map(ToString::to_string).collect::<Vec<_>>());
}

#[test]
fn a_selector_goes_through_what_rests_once() {
    let mut world = World::resting();
    let a = world.open();
    world.run(a, declare("q"));
    for i in 0..40u8 {
        world.run(a, publish_with("q", format!("{i}"), |message, _| message.header.priority = i % 10));
    }
    let selector = |it: &mut model::Consume| it.selector = Some("JMSPriority = 7".into());
    let found = world.run(a, consume_with("q", 0, 10, selector)).bodies();
    assert_eq!(found, ["7", "17", "27", "37"]);
    let steps = world.steps;
    assert!(world.run(a, publish("q", "no")).bodies().is_empty());
    assert!(world.steps - steps <= 3, "a new message is looked at, and nothing else");
    world.compare();
}

#[test]
fn browsers_pass_what_rests_and_leave_it() {
    let (mut world, _) = backlog(50);
    assert_eq!(world.browse("q"), numbers(0..50));
    world.advance(1_000);
    assert!(world.broker.status(world.now).memory < 5 * 256);
    let before = pages(&world);
    assert_eq!(world.browse("q"), numbers(0..50));
    world.advance(1_000);
    assert_eq!(pages(&world), before, "what was only looked at is not written again");
    world.compare();
}

#[test]
fn a_log_is_read_from_a_time_or_place_far_back() {
    let mut world = World::resting();
    let a = world.open();
    world.run(a, declare_with("log", |it| it.kind = QueueKind::Log));
    let mut then = Time::ZERO;
    for i in 0..50 {
        if i == 21 {
            then = world.now;
        }
        world.run(a, publish("log", format!("{i}")));
        world.advance(10);
    }
    assert!(pages(&world) > 8);
    let from = |index, from| consume_with("log", index, 100, move |it| it.mode = Mode::Cursor { from });
    assert_eq!(world.run(a, from(0, Position::Time(then))).bodies(), numbers(21..50));
    assert_eq!(world.run(a, from(1, Position::Seq(31))).bodies(), numbers(30..50));
    assert_eq!(world.run(a, from(2, Position::First)).bodies(), numbers(0..50));
    world.restart();
    let a = world.open();
    world.run(a, publish("log", "50"));
    let happened = world.run(a, from(0, Position::Seq(50)));
    assert_eq!(happened.delivered().iter().map(|it| it.delivery.seq).collect::<Vec<_>>(), [50, 51]);
}

#[test]
fn ten_readers_of_a_log_write_nothing() {
    let mut world = World::resting();
    let a = world.open();
    world.run(a, declare_with("log", |it| it.kind = QueueKind::Log));
    fill(&mut world, a, "log", 100);
    let before = world.last();
    for reader in 0..10u32 {
        let from = Position::Seq(u64::from(reader) * 9 + 1);
        let start = reader as usize * 9;
        let bodies = world.run(a, consume_with("log", reader, 1_000, |it| it.mode = Mode::Cursor { from })).bodies();
        assert_eq!(bodies, numbers(start..100));
    }
    world.advance(1_000);
    assert_eq!(world.last(), before);
}

#[test]
fn a_log_drops_whole_blocks_that_are_too_old() {
    let mut world = World::resting();
    let a = world.open();
    world.run(a, declare_with("log", |it| (it.kind, it.ttl) = (QueueKind::Log, Some(1_000))));
    fill(&mut world, a, "log", 50);
    let loads = world.steps;
    world.advance(1_001);
    assert_eq!(world.tally("log"), (0, 0, 0));
    assert!(world.steps - loads < 40, "blocks go as a whole");
    world.compare();
    assert!(world.held().is_empty(), "{:?}", world.held());
}

#[test]
fn a_queue_over_its_length_drops_what_rests_at_its_head() {
    let mut world = World::resting();
    let a = world.open();
    world.run(a, declare_with("q", |it| (it.max_length, it.overflow) = (Some(30), Overflow::DropHead)));
    fill(&mut world, a, "q", 100);
    assert_eq!(world.tally("q"), (30, 0, 0));
    assert_eq!(world.browse("q"), numbers(70..100));
    world.compare();
}

#[test]
fn what_expires_while_it_rests_goes_to_the_dead_letters_in_order() {
    let mut world = World::resting();
    let a = world.open();
    world.run(a, declare("dead"));
    world.run(
        a,
        declare_with("q", |it| {
            (it.ttl, it.dead_letter) = (Some(500), Some(DeadLetter::to_queue("dead".into(), None)));
        }),
    );
    fill(&mut world, a, "q", 30);
    world.advance(501);
    assert_eq!((world.tally("q"), world.tally("dead")), ((0, 0, 0), (30, 0, 0)));
    assert_eq!(world.browse("dead"), numbers(0..30));
    world.compare();
}

#[test]
fn delays_and_expiries_of_messages_that_rest_fall_due() {
    let mut world = World::resting();
    let a = world.open();
    world.run(a, declare("q"));
    for i in 0..20u64 {
        let (now, late) = (world.now, i % 2 == 0);
        world.run(
            a,
            publish_with("q", format!("{i}"), move |message, _| {
                message.header.not_before = Some(now.plus(100 + i));
                message.header.expires = late.then(|| now.plus(50));
            }),
        );
    }
    assert_eq!(world.tally("q"), (0, 0, 20));
    let happened = world.run(a, consume_with("q", 0, 100, |it| it.mode = presettled()));
    assert!(happened.bodies().is_empty());
    let bodies = world.advance(200).bodies();
    assert_eq!(bodies, (0..20).filter(|i| i % 2 == 1).map(|i| i.to_string()).collect::<Vec<_>>());
    world.compare();
}

#[test]
fn deleting_or_purging_a_backlog_releases_all_of_it() {
    for delete in [true, false] {
        let mut world = World::resting().with_checkpoints();
        let a = world.open();
        world.run(a, declare("q"));
        fill(&mut world, a, "q", 60);
        world.run(a, begin(1));
        let happened = world.run(a, if delete { delete_queue("q") } else { purge("q", false) });
        assert_eq!(happened.count(), 60);
        world.compare();
        let held = world.held().len();
        assert!(held <= 1, "{held} records are held");
        world.restart();
        world.compare();
    }
}

fn delete_queue(name: &str) -> Command {
    crate::harness::commands::delete(name)
}

#[test]
fn a_crash_between_a_purge_and_its_releases_leaks_nothing() {
    let (mut world, a) = backlog(60);
    world.loads_at_once = false;
    world.run(a, purge("q", false));
    assert!(!world.held().is_empty());
    world.restart();
    world.loads_at_once = true;
    world.batch([]);
    world.compare();
    assert!(world.held().is_empty(), "{:?}", world.held());
}

#[test]
fn a_move_goes_on_while_pages_are_read() {
    let (mut world, a) = backlog(60);
    world.run(a, declare("to"));
    assert_eq!(world.run(a, move_to("q", "to", 50)).count(), 50);
    assert_eq!(world.browse("to"), numbers(0..50));
    assert_eq!(world.browse("q"), numbers(50..60));
    world.compare();
}

#[test]
fn a_receipt_settles_a_message_that_rests() {
    let mut world = World::resting();
    let a = world.open();
    world.run(a, declare("q"));
    world.run(a, publish("q", "first"));
    let receipt = world.run(a, receive("q", 1, 1, None)).delivery();
    world.advance(40_000);
    fill(&mut world, a, "q", 30);
    assert!(world.broker.status(world.now).memory < 5 * 256);
    assert_eq!(world.run(a, settle_receipt(receipt, model::Outcome::Accepted)).count(), 1);
    assert_eq!(world.browse("q"), numbers(0..30));
    world.compare();
}

#[test]
fn a_page_that_cannot_be_read_keeps_nobody_from_the_others() {
    let (mut world, a) = backlog(50);
    let text = world.journal_text();
    let page = text.lines().find(|line| line.contains("Page q0/3")).expect("a page");
    let lsn: u64 = page.split_whitespace().next().and_then(|it| it.parse().ok()).expect("a number");
    world.damaged.insert(lsn);
    let bodies = world.run(a, consume_with("q", 0, 100, |it| it.mode = presettled())).bodies();
    assert_eq!(bodies.len(), 46);
    assert_eq!(world.tally("q").0, 4, "they are still there, for a repair");
}
