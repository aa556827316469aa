//! Backups of a store in use, and stores made of them.

use std::sync::Arc;
use std::thread;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Disk, Encryption, Error, Hold, Lsn, Opened, check, open, restore};

use crate::support::{Collect, Deaf, batch, content, open_ignoring, small};

/// Forty held records, every other one released, a checkpoint, ten more.
fn store() -> (SimulatedDisk, Opened) {
    let disk = SimulatedDisk::new(3);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    let hold = |lsn| vec![Hold { lsn: Lsn(lsn), bytes: 3000, count: 1 }];
    for lsn in 1..=50 {
        let releases = if (20..40).contains(&lsn) { hold(2 * lsn - 39) } else { Vec::new() };
        let checkpoint = (lsn == 40).then_some(Lsn(40));
        let batch = Batch { holds: hold(lsn), releases, checkpoint, ..batch(lsn, lsn, &[content(lsn, 0, 3000)]) };
        opened.writer.append(&[batch]).unwrap();
        opened.keeper.serve(&mut Deaf).unwrap();
    }
    (disk, opened)
}

fn back_up(opened: &mut Opened, to: &SimulatedDisk) -> Result<journal::Backup, Error> {
    let (handle, to) = (opened.keeper.handle(), Arc::new(to.clone()));
    let asking = thread::spawn(move || handle.backup(to, |_| ()));
    while !asking.is_finished() {
        opened.keeper.serve(&mut Deaf).unwrap();
        thread::yield_now();
    }
    asking.join().unwrap()
}

#[test]
fn a_backup_becomes_the_same_store() {
    let (_disk, mut opened) = store();
    let (backup, copy) = (SimulatedDisk::new(4), SimulatedDisk::new(5));
    let made = back_up(&mut opened, &backup).unwrap();
    assert_eq!(made.last, Lsn(50));
    // What comes later is not in it.
    opened.writer.append(&[batch(51, 51, &[content(51, 0, 10)])]).unwrap();
    backup.crash();
    assert!(["CHECKPOINT", "CHECKPOINT.copy"].iter().all(|name| backup.names("").iter().any(|file| file == name)));
    let mut progress = Vec::new();
    restore(&backup, &copy, |step| progress.push(step)).unwrap();
    assert!(progress.last().is_some_and(|step| step.done == step.total && step.total == made.bytes));
    copy.crash();
    assert_eq!(check(&copy, &Encryption::default(), |_| ()).unwrap().faults, []);
    let mut replayed = Collect::default();
    let restored = open(Arc::new(copy), small(), &mut replayed).unwrap();
    assert_eq!((restored.next, restored.identity), (Lsn(51), opened.identity));
    assert!(replayed.0.iter().map(|record| record.0).eq(40..=50));
    for lsn in (2..=40).step_by(2).chain(42..=50) {
        assert_eq!(restored.store.read(Lsn(lsn), Lsn(lsn)).unwrap(), [content(lsn, 0, 3000)]);
    }
}

#[test]
fn half_a_backup_is_no_backup() {
    let (_disk, mut opened) = store();
    let whole = SimulatedDisk::new(4);
    back_up(&mut opened, &whole).unwrap();
    let changes = whole.operations();
    for nth in 1..changes {
        let half = SimulatedDisk::new(nth);
        half.cut_power_at(nth);
        if back_up(&mut opened, &half).is_ok() {
            continue;
        }
        half.crash();
        let copy = SimulatedDisk::new(1);
        match restore(&half, &copy, |_| ()) {
            Ok(()) => assert_eq!(nth, changes - 1, "only the name was not known to be durable"),
            Err(error) => assert!(matches!(error, Error::Backup { .. }), "{error}"),
        }
    }
}

#[test]
fn a_changed_backup_is_refused_and_no_store() {
    let (_disk, mut opened) = store();
    let backup = SimulatedDisk::new(4);
    back_up(&mut opened, &backup).unwrap();
    let segment = backup.names("log").pop().unwrap();
    backup.flip_bit(&format!("log/{segment}"), 5000, 3);
    let copy = SimulatedDisk::new(5);
    assert!(matches!(restore(&backup, &copy, |_| ()), Err(Error::Backup { .. })));
    assert!(matches!(open_ignoring(Arc::new(copy.clone()), small()).map(drop), Err(Error::Identity { .. })));
    // Neither a folder in use nor a closed store is asked for more.
    assert!(matches!(restore(&backup, &copy, |_| ()), Err(Error::Backup { reason: "is not empty", .. })));
    assert!(matches!(back_up(&mut opened, &backup), Err(Error::Backup { reason: "is not empty", .. })));
    let handle = opened.keeper.handle();
    drop(opened);
    assert!(matches!(handle.backup(Arc::new(SimulatedDisk::new(6)), |_| ()), Err(Error::Backup { .. })));
    assert!(!backup.names("").is_empty() && backup.list("").unwrap() == backup.names(""));
}
