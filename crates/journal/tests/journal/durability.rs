//! Stores that do not wait for the disk.

use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Disk, Durability, Error, Lsn, Options, open};

use crate::support::{Collect, Deaf, batch, content, open_ignoring, small};

const BLOCK: u64 = 4096;

fn loose(durability: Durability) -> Options {
    Options { durability, ..small() }
}

/// Twenty records in blocks of their own; the keeper did nothing.
fn store(durability: Durability) -> SimulatedDisk {
    let disk = SimulatedDisk::new(5);
    let mut opened = open_ignoring(Arc::new(disk.clone()), loose(durability)).unwrap();
    let before = opened.store.counters();
    for lsn in 1..=20 {
        opened.writer.append(&[batch(lsn, lsn, &[content(lsn, 0, 100)])]).unwrap();
    }
    let after = opened.store.counters();
    let waited = if durability == Durability::Fsync { 20 } else { 0 };
    assert_eq!((after.frames - before.frames, after.syncs - before.syncs), (20, waited));
    disk.restart();
    disk
}

fn replayed(disk: &SimulatedDisk, options: Options) -> Result<u64, Error> {
    let mut replayed = Collect::default();
    open(Arc::new(disk.clone()), options, &mut replayed)?;
    let last = replayed.0.len() as u64;
    assert!(replayed.0.iter().map(|record| record.0).eq(1..=last));
    Ok(last)
}

#[test]
fn the_end_of_the_process_loses_nothing() {
    for durability in [Durability::Os, Durability::None] {
        assert_eq!(replayed(&store(durability), small()).unwrap(), 20);
    }
}

#[test]
fn what_was_not_waited_for_is_a_torn_tail() {
    for durability in [Durability::Os, Durability::Fsync] {
        let disk = store(durability);
        disk.flip_bit("log/0000000002.seg", 2 * BLOCK + 80, 1);
        match replayed(&disk, small()) {
            Ok(last) => assert_eq!((durability, last), (Durability::Os, 4)),
            Err(error) => {
                assert_eq!(durability, Durability::Fsync, "{error}");
                continue;
            }
        }
        assert_eq!(replayed(&disk, small()).unwrap(), 4);
        assert!(disk.open("log/0000000003.seg").is_err());
    }
}

/// What was replayed is durable, so damage to it is damage.
#[test]
fn an_open_that_waits_makes_durable_what_was_not() {
    for nth in 0..20 {
        let disk = store(Durability::Os);
        assert_eq!(replayed(&disk, small()).unwrap(), 20);
        disk.crash();
        assert_eq!(replayed(&disk, small()).unwrap(), 20);
        let (segment, block) = (nth / 3 + 1, nth % 3 + 1);
        disk.flip_bit(&format!("log/{segment:010}.seg"), block * BLOCK + 80, 1);
        assert!(matches!(replayed(&disk, small()), Err(Error::Corrupt { .. })), "record {nth}");
    }
}

#[test]
fn a_checkpoint_is_on_disk_with_all_before_it() {
    for seed in 0..30 {
        let disk = SimulatedDisk::new(seed);
        let mut opened = open_ignoring(Arc::new(disk.clone()), loose(Durability::Os)).unwrap();
        for lsn in 1..=15 {
            let checkpoint = (lsn == 10).then_some(Lsn(9));
            opened.writer.append(&[Batch { checkpoint, ..batch(lsn, lsn, &[content(lsn, 0, 3000)]) }]).unwrap();
            if lsn == 10 {
                opened.keeper.serve(&mut Deaf).unwrap();
            }
        }
        disk.crash();
        let mut replayed = Collect::default();
        let opened = open(Arc::new(disk), loose(Durability::Os), &mut replayed).unwrap();
        assert_eq!(opened.checkpoint, Some((Lsn(9), Lsn(10))));
        assert!(replayed.0[0].0 == 9 && replayed.0[1].0 == 10 && opened.next.0 >= 11);
    }
}

/// What will be read again goes through the cache of the system; nobody waits for it less.
#[test]
fn what_will_not_be_read_again_bypasses_the_cache() {
    for (durability, reread, expected) in [
        (Durability::Fsync, [false, false], (1, 1)),
        (Durability::Fsync, [true, false], (0, 1)),
        (Durability::Fsync, [false, true], (0, 1)),
        (Durability::Os, [false, false], (0, 0)),
        (Durability::Os, [true, true], (0, 0)),
    ] {
        let disk = SimulatedDisk::new(7);
        let mut writer = open_ignoring(Arc::new(disk.clone()), loose(durability)).unwrap().writer;
        let before = (disk.durable_writes(), disk.syncs());
        let batches =
            [1, 2].map(|lsn| Batch { reread: reread[lsn as usize - 1], ..batch(lsn, 1, &[content(lsn, 0, 100)]) });
        writer.append(&batches).unwrap();
        let found = (disk.durable_writes() - before.0, disk.syncs() - before.1);
        assert_eq!(found, expected, "{durability:?}, {reread:?}");
    }
}
