//! Backups, of which the broker only knows who asked.

use broker::Options;
use model::{Backup, Command, ConnectionId, Lsn, Reply};

use crate::harness::World;
use crate::harness::commands::*;

const SHELL: ConnectionId = ConnectionId { thread: 9, slot: 0, generation: 0 };

fn back_up(folder: &str) -> Command {
    Command::Backup { token: UNSET, folder: folder.into() }
}

fn tell(job: u64, progress: Backup) -> Command {
    Command::BackingUp { job, progress }
}

#[test]
fn whoever_asked_is_told_how_it_goes_and_how_it_ended() {
    let mut world = World::new();
    world.waits_for_backups = true;
    let (a, b) = (world.open(), world.open());
    world.run(a, publish("q", "one"));
    world.batch([(a, back_up("/one")), (b, back_up("/two"))]).expect(&[]);
    assert_eq!(world.backups, [(0, "/one".to_owned()), (1, "/two".to_owned())]);
    world.expect(SHELL, tell(1, Backup::At(5, 10)), &["b@0 Progress 5 of 10"]);
    world.expect(SHELL, tell(0, Backup::At(0, 10)), &["a@3 Progress 0 of 10"]);
    // Messages pass meanwhile.
    world.run(a, publish("q", "two"));
    let happened = world.run(SHELL, tell(1, Backup::Done(Lsn(3), 10)));
    assert!(matches!(happened.reply(), Ok(Reply::BackedUp { lsn: Lsn(3), bytes: 10 })), "{happened:?}");
    let text = "/one is not empty";
    world.expect(SHELL, tell(0, Backup::Failed(text.into())), &["a@4 Refused: /one is not empty"]);
    for job in [0, 1, 7] {
        world.expect(SHELL, tell(job, Backup::At(6, 10)), &[]);
    }
}

#[test]
fn one_whose_connection_closed_is_told_to_nobody() {
    let mut world = World::new();
    let a = world.open();
    world.waits_for_backups = true;
    world.run(a, back_up("/one"));
    world.run(a, Command::Close);
    let b = world.open();
    world.run(b, back_up("/two"));
    for progress in [Backup::At(1, 2), Backup::Done(Lsn(1), 2)] {
        world.expect(SHELL, tell(0, progress), &[]);
    }
    world.run(SHELL, tell(1, Backup::Done(Lsn(0), 2)));
}

#[test]
fn a_broker_without_a_disk_refuses() {
    let mut world = World::with(Options { evicts: false, ..Options::default() });
    let a = world.open();
    let told = "a@0 Refused: this broker keeps nothing on disk that could be backed up";
    world.expect(a, back_up("/one"), &[told]);
    assert!(world.backups.is_empty());
}
