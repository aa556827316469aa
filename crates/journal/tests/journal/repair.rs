//! Cutting a damaged log on request.

use std::ops::RangeInclusive;
use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Damage, Error, Lsn, Options, Repair, open};

use crate::support::{Collect, Deaf, batch, content, open_ignoring, small};

pub(crate) const BLOCK: u64 = 4096;

/// As [`store_with`], with a checkpoint of one record; 0 for none.
fn store(checkpoint: u64) -> SimulatedDisk {
    store_with(checkpoint..=checkpoint)
}

/// Records 1 to 20, one in each block: three fill the first segment, seven each other one. `range` is a checkpoint.
pub(crate) fn store_with(range: RangeInclusive<u64>) -> SimulatedDisk {
    let disk = SimulatedDisk::new(5);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    for lsn in 1..=20 {
        let checkpoint = (lsn == *range.end()).then_some(Lsn(*range.start()));
        opened.writer.append(&[Batch { checkpoint, ..batch(lsn, lsn, &[content(lsn, 0, 100)]) }]).unwrap();
        opened.keeper.serve(&mut Deaf).unwrap();
    }
    disk.restart();
    disk
}

pub(crate) fn repair() -> Options {
    Options { repair: true, ..small() }
}

#[test]
fn the_log_is_cut_where_it_is_damaged() {
    let disk = store(0);
    disk.flip_bit("log/0000000002.seg", 2 * BLOCK + 80, 1);
    assert!(matches!(open_ignoring(Arc::new(disk.clone()), small()), Err(Error::Corrupt { offset: 8192, .. })));
    let mut replayed = Collect::default();
    let opened = open(Arc::new(disk.clone()), repair(), &mut replayed).unwrap();
    let [Damage { segment: 2, offset: 8192, repair, .. }] = opened.repaired[..] else { panic!("not said") };
    assert_eq!(repair, Repair::Cut { segments: 2, bytes: 3 * small().segment_bytes - 2 * BLOCK });
    assert!(replayed.0.iter().map(|record| record.0).eq(1..=4));
    assert_eq!(opened.next, Lsn(5));
    drop(opened);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    assert!(opened.repaired.is_empty() && opened.cut.is_none());
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
fn a_checkpoint_is_neither_cut_nor_skipped() {
    // The frame with the first record, those behind it up to the last one, and the header of a segment between them.
    let places =
        [(2, 6 * BLOCK + 3), (2, 6 * BLOCK + 80), (2, 7 * BLOCK), (3, 0), (3, BLOCK + 80), (3, 2 * BLOCK + 70)];
    for (segment, byte) in places {
        let disk = store_with(9..=12);
        let file = format!("log/{segment:010}.seg");
        disk.flip_bit(&file, byte, 1);
        for options in [small(), repair()] {
            let before = disk.operations();
            let error = open_ignoring(Arc::new(disk.clone()), options).map(drop).unwrap_err();
            assert!(error.is_in_checkpoint() && error.to_string().ends_with("restore a backup"), "{error}");
            let Error::Corrupt { file: named, offset, .. } = error else { panic!("{error}") };
            assert_eq!((named, offset), (file.clone(), byte / BLOCK * BLOCK), "byte {byte}");
            assert_eq!(disk.operations(), before + 2, "folders are synced, and no more");
        }
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
