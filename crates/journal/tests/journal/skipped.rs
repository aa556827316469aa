//! Damage before the checkpoint: on request it is stepped over, and nothing else is lost.

use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Damage, Disk, Encryption, Error, Hold, Lsn, Opened, Repair, check, dump, open, stats};

use crate::repair::{BLOCK, repair, store_with};
use crate::support::{Collect, Deaf, Found, batch, content, open_ignoring, small};

const REASON: &str = "the frame is damaged, and a later one shows that it was durable";

/// The segment with records 4 to 10.
const SECOND: &str = "log/0000000002.seg";
/// The last one, with records 18 to 20.
const LAST: &str = "log/0000000004.seg";

fn skipped(segment: u64, block: u64, blocks: u64) -> Damage {
    let repair = Repair::Skipped { bytes: blocks * BLOCK };
    Damage { segment, offset: block * BLOCK, reason: REASON, repair }
}

fn bytes_of(disk: &SimulatedDisk, name: &str) -> Vec<u8> {
    let file = disk.open(name).unwrap();
    let mut bytes = vec![0; file.size().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// Those of `lost` are damaged, the others are right, alone and as a whole.
fn check_reads(opened: &Opened, lsns: std::ops::RangeInclusive<u64>, lost: &[u64]) {
    for lsn in lsns.clone() {
        match opened.store.read(Lsn(lsn), Lsn(lsn)) {
            Ok(read) => assert!(read == [content(lsn, 0, 100)] && !lost.contains(&lsn), "record {lsn}"),
            Err(error) => assert!(matches!(error, Error::Corrupt { .. }) && lost.contains(&lsn), "{lsn}: {error}"),
        }
    }
    let whole = opened.store.read(Lsn(*lsns.start()), Lsn(*lsns.end()));
    assert_eq!(matches!(whole, Err(Error::Corrupt { .. })), !lost.is_empty());
}

#[test]
fn every_frame_before_the_checkpoint_may_be_damaged() {
    for byte in (BLOCK..6 * BLOCK).filter(|byte| byte % BLOCK < 68 + 104).step_by(7) {
        let disk = store_with(9..=12);
        disk.flip_bit(SECOND, byte, 1);
        let (block, before) = (byte / BLOCK, bytes_of(&disk, SECOND));
        match open_ignoring(Arc::new(disk.clone()), small()).map(drop) {
            Err(Error::Corrupt { file, offset, reason }) => {
                assert_eq!((&*file, offset, reason), (SECOND, block * BLOCK, REASON));
            }
            other => panic!("{other:?}"),
        }
        let mut replayed = Collect::default();
        let opened = open(Arc::new(disk.clone()), repair(), &mut replayed).unwrap();
        assert_eq!((&opened.repaired[..], opened.cut), (&[skipped(2, block, 1)][..], None));
        assert!(replayed.0.iter().map(|record| record.0).eq(9..=20));
        check_reads(&opened, 4..=20, &[block + 3]);
        assert!(bytes_of(&disk, SECOND) == before, "something was changed");
    }
}

#[test]
fn several_places_may_be_damaged() {
    let disk = store_with(10..=10);
    // Records 4, 5, 7 and 9; the header of 5 is sound, so it is found first and stepped over then.
    for (block, byte) in [(1, 10), (2, 70), (4, 0), (6, 66)] {
        disk.flip_bit(SECOND, block * BLOCK + byte, 2);
    }
    let opened = open_ignoring(Arc::new(disk.clone()), repair()).unwrap();
    assert_eq!(opened.repaired, [skipped(2, 1, 2), skipped(2, 4, 1), skipped(2, 6, 1)]);
    check_reads(&opened, 4..=20, &[4, 5, 7, 9]);
    drop(opened);
    disk.restart();
    // What can be told without opening it, is told.
    let faults = check(&disk, &Encryption::default(), |_| ()).unwrap().faults;
    assert!(faults.iter().all(|fault| fault.file == SECOND) && faults.len() >= 3, "{faults:?}");
    let mut dumped = Vec::new();
    dump(&disk, &Encryption::default(), Lsn(1), |lsn, _, _| dumped.push(lsn.0)).unwrap();
    assert_eq!(dumped, [6, 8].into_iter().chain(10..=20).collect::<Vec<_>>());
    assert_eq!(stats(&disk, &Encryption::default()).unwrap().files[0].end, Lsn(11));
}

#[test]
fn what_is_behind_the_checkpoint_is_cut_at_the_same_time() {
    let disk = store_with(9..=12);
    disk.flip_bit(SECOND, 3 * BLOCK + 80, 1);
    disk.flip_bit("log/0000000003.seg", 4 * BLOCK + 80, 1);
    let opened = open_ignoring(Arc::new(disk.clone()), repair()).unwrap();
    let cut = Repair::Cut { bytes: 2 * small().segment_bytes - 4 * BLOCK, segments: 1 };
    assert_eq!(opened.repaired.len(), 2);
    assert_eq!(opened.repaired[0], skipped(2, 3, 1));
    assert_eq!((opened.repaired[1].offset, opened.repaired[1].repair), (4 * BLOCK, cut));
    assert_eq!(opened.next, Lsn(14));
    check_reads(&opened, 4..=13, &[6]);
}

/// A damaged frame without records takes nothing with it.
#[test]
fn an_epoch_may_be_damaged() {
    let disk = store_with(0..=0);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    for lsn in 21..=22 {
        let checkpoint = (lsn == 21).then_some(Lsn(lsn));
        opened.writer.append(&[Batch { checkpoint, ..batch(lsn, lsn, &[content(lsn, 0, 100)]) }]).unwrap();
    }
    opened.keeper.serve(&mut Deaf).unwrap();
    drop(opened);
    disk.flip_bit(LAST, 4 * BLOCK + 20, 1);
    assert!(matches!(
        open_ignoring(Arc::new(disk.clone()), small()).map(drop),
        Err(Error::Corrupt { offset: 16384, .. })
    ));
    let opened = open_ignoring(Arc::new(disk), repair()).unwrap();
    assert_eq!(opened.repaired, [skipped(4, 4, 1)]);
    check_reads(&opened, 18..=22, &[]);
}

/// A repaired store whose checkpoint was record 20 when `lost` were damaged. `held` are held, and 39 is a new checkpoint.
fn go_on(held: &[u64], lost: &[u64]) -> (SimulatedDisk, Opened, Found) {
    let disk = SimulatedDisk::new(5);
    let one = |lsn: u64| {
        let checkpoint = [20, 39].contains(&lsn).then_some(Lsn(lsn));
        let holds = held.iter().filter(|held| **held == lsn).map(|_| Hold { lsn: Lsn(lsn), bytes: 100, count: 1 });
        Batch { holds: holds.collect(), checkpoint, ..batch(lsn, lsn, &[content(lsn, 0, 100)]) }
    };
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    for lsn in 1..=20 {
        opened.writer.append(&[one(lsn)]).unwrap();
        opened.keeper.serve(&mut Deaf).unwrap();
    }
    drop(opened);
    lost.iter().for_each(|lsn| disk.flip_bit(LAST, (lsn - 17) * BLOCK + 30, 1));
    let mut opened = open_ignoring(Arc::new(disk.clone()), repair()).unwrap();
    assert_eq!((opened.next, opened.repaired.len()), (Lsn(21), 1));
    let mut found = Found::default();
    for lsn in 21..=40 {
        opened.writer.append(&[one(lsn)]).unwrap();
        check_reads(&opened, 18..=lsn, lost);
        if lsn == 30 {
            // What is sealed gets its sidecar.
            opened.keeper.serve(&mut found).unwrap();
        }
    }
    opened.keeper.serve(&mut found).unwrap();
    (disk, opened, found)
}

/// The segment with the gap is written on, sealed, and read by what its sidecar says, or by its headers.
#[test]
fn a_segment_with_a_gap_is_sealed() {
    for lost in [&[18][..], &[19], &[18, 19]] {
        let (disk, opened, _) = go_on(&[18, 19, 20], lost);
        check_reads(&opened, 18..=23, lost);
        drop(opened);
        for sidecar in [true, false] {
            disk.restart();
            if !sidecar {
                disk.remove("log/0000000004.idx").unwrap();
            }
            // The checkpoint is behind the damage now, so there is nothing to repair.
            let opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
            check_reads(&opened, 18..=23, lost);
        }
    }
}

/// A record that is held and lost keeps its segment, and is not taken for one that is gone.
#[test]
fn what_is_held_in_a_gap_keeps_the_segment() {
    let (disk, opened, found) = go_on(&[18, 19, 20], &[19]);
    assert!(matches!(&found.0[..], [Error::Corrupt { file, offset: 8192, .. }] if file == LAST), "{:?}", found.0);
    check_reads(&opened, 18..=20, &[19]);
    assert!(disk.open(LAST).is_ok());
}

#[test]
fn a_gap_in_which_nothing_is_held_goes_with_the_segment() {
    let (disk, opened, found) = go_on(&[18, 20], &[19]);
    assert!(found.0.is_empty() && disk.open(LAST).is_err());
    check_reads(&opened, 18..=18, &[]);
    check_reads(&opened, 20..=20, &[]);
    assert!(matches!(opened.store.read(Lsn(19), Lsn(19)), Err(Error::Released { .. })));
}
