//! Cutting a damaged log on request.

use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Damage, Error, Lsn, Options, open};

use crate::support::{Collect, Deaf, batch, content, open_ignoring, small};

const BLOCK: u64 = 4096;

/// Records 1 to 20, one in each block: three fill the first segment, seven each other one. A checkpoint of one record is `checkpoint`.
fn store(checkpoint: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new(5);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    for lsn in 1..=20 {
        let checkpoint = (lsn == checkpoint).then_some(Lsn(lsn));
        opened.writer.append(&[Batch { checkpoint, ..batch(lsn, lsn, &[content(lsn, 0, 100)]) }]).unwrap();
        opened.keeper.serve(&mut Deaf).unwrap();
    }
    disk.restart();
    disk
}

fn repair() -> Options {
    Options { repair: true, ..small() }
}

#[test]
fn the_log_is_cut_where_it_is_damaged() {
    let disk = store(0);
    disk.flip_bit("log/0000000002.seg", 2 * BLOCK + 80, 1);
    assert!(matches!(open_ignoring(Arc::new(disk.clone()), small()), Err(Error::Corrupt { offset: 8192, .. })));
    let mut replayed = Collect::default();
    let opened = open(Arc::new(disk.clone()), repair(), &mut replayed).unwrap();
    let Some(Damage { segment: 2, offset: 8192, segments, bytes, .. }) = opened.repaired else { panic!("not said") };
    assert_eq!((segments, bytes), (2, 3 * small().segment_bytes - 2 * BLOCK));
    assert!(replayed.0.iter().map(|record| record.0).eq(1..=4));
    assert_eq!(opened.next, Lsn(5));
    drop(opened);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    assert!(opened.repaired.is_none() && opened.cut.is_none());
    opened.writer.append(&[batch(5, 21, &[content(5, 9, 100)])]).unwrap();
    disk.crash();
    let mut replayed = Collect::default();
    open(Arc::new(disk), small(), &mut replayed).unwrap();
    assert_eq!(replayed.0.last().unwrap(), &(5, 21, content(5, 9, 100)));
}

#[test]
fn a_missing_segment_cannot_be_repaired() {
    let disk = store(0);
    journal::Disk::remove(&disk, "log/0000000003.seg").unwrap();
    assert!(matches!(open_ignoring(Arc::new(disk), repair()).map(drop), Err(Error::Corrupt { .. })));
}

#[test]
fn a_checkpoint_is_not_cut() {
    let disk = store(10);
    disk.flip_bit("log/0000000002.seg", 7 * BLOCK + 80, 1);
    match open_ignoring(Arc::new(disk), repair()).map(drop) {
        Err(Error::Corrupt { file, reason, .. }) => {
            assert_eq!((&*file, reason), ("log/0000000002.seg", "the log ends before its checkpoint does"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_power_cut_during_repair_leaves_something_to_repair() {
    for nth in 1..40 {
        let disk = store(4);
        disk.flip_bit("log/0000000003.seg", 2 * BLOCK + 80, 1);
        disk.cut_power_at(nth);
        let done = open_ignoring(Arc::new(disk.clone()), repair()).is_ok();
        disk.crash();
        let opened = open_ignoring(Arc::new(disk), repair()).unwrap();
        assert_eq!(opened.next, Lsn(12), "change {nth}");
        if done {
            break;
        }
    }
}
