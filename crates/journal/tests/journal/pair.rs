//! The checkpoint is there twice, so that no single file is everything.

use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Disk, Encryption, Error, Hold, Lsn, Options, check};

use crate::support::{Deaf, batch, content, open_ignoring, small};

const NAME: &str = "CHECKPOINT";
const COPY: &str = "CHECKPOINT.copy";
const FILES: [&str; 2] = [NAME, COPY];

/// Records 1 to 40 of which every fifth is held, and checkpoints 20 and 40.
fn store() -> SimulatedDisk {
    store_of(3)
}

fn store_of(seed: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new(seed);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    for lsn in 1..=40 {
        let holds = if lsn % 5 == 0 { vec![Hold { lsn: Lsn(lsn), bytes: 3000, count: 1 }] } else { Vec::new() };
        let checkpoint = (lsn % 20 == 0).then_some(Lsn(lsn));
        let batch = Batch { holds, checkpoint, ..batch(lsn, lsn, &[content(lsn, 0, 3000)]) };
        opened.writer.append(&[batch]).unwrap();
        opened.keeper.serve(&mut Deaf).unwrap();
    }
    drop(opened);
    disk.restart();
    disk
}

fn bytes_of(disk: &SimulatedDisk, name: &str) -> Option<Vec<u8>> {
    let file = disk.open(name).ok()?;
    let mut bytes = vec![0; file.size().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    Some(bytes)
}

/// Opens the store; all that is held is there, and then both files are. Whether the copy was used.
fn opens(disk: &SimulatedDisk) -> bool {
    let opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    assert_eq!((opened.next, opened.checkpoint), (Lsn(41), Some((Lsn(40), Lsn(40)))));
    for lsn in (5..=40).step_by(5) {
        assert_eq!(opened.store.read(Lsn(lsn), Lsn(lsn)).unwrap(), [content(lsn, 0, 3000)]);
    }
    let copy_used = opened.checkpoint_copy_used;
    drop(opened);
    disk.crash();
    assert!(bytes_of(disk, NAME).is_some() && bytes_of(disk, NAME) == bytes_of(disk, COPY));
    assert_eq!(check(disk, &Encryption::default(), |_| ()).unwrap().faults, []);
    copy_used
}

#[test]
fn either_file_may_be_damaged() {
    let size = bytes_of(&store(), NAME).unwrap().len() as u64;
    for byte in 0..size {
        for name in FILES {
            let disk = store();
            disk.flip_bit(name, byte, (byte % 8) as u8);
            let faults = check(&disk, &Encryption::default(), |_| ()).unwrap().faults;
            assert!(faults.len() == 1 && faults[0].file == name, "byte {byte}: {faults:?}");
            assert_eq!(opens(&disk), name == NAME, "byte {byte}");
            assert!(!opens(&disk), "byte {byte}");
        }
    }
}

#[test]
fn either_file_may_be_missing() {
    for name in FILES {
        let disk = store();
        disk.remove(name).unwrap();
        // A store in which the power failed within its first checkpoint has no copy.
        let missing: Vec<String> =
            check(&disk, &Encryption::default(), |_| ()).unwrap().faults.into_iter().map(|fault| fault.file).collect();
        assert_eq!(missing, if name == NAME { vec![NAME] } else { Vec::new() });
        assert_eq!(opens(&disk), name == NAME);
        assert!(!opens(&disk));
    }
}

#[test]
fn not_both_may_be_damaged() {
    let disk = store();
    FILES.iter().for_each(|name| disk.flip_bit(name, 40, 1));
    assert_eq!(check(&disk, &Encryption::default(), |_| ()).unwrap().faults[0].file, NAME);
    for repair in [false, true] {
        let options = Options { repair, ..small() };
        match open_ignoring(Arc::new(disk.clone()), options).map(drop) {
            Err(Error::Corrupt { file, .. }) => assert_eq!(file, NAME),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_power_cut_while_one_is_written_again_leaves_the_other() {
    for name in FILES {
        for nth in 1..16 {
            let disk = store();
            disk.flip_bit(name, 30, 1);
            disk.cut_power_at(nth);
            let _ = open_ignoring(Arc::new(disk.clone()), small());
            disk.crash();
            opens(&disk);
        }
    }
}

/// A new checkpoint lets half of what is held go, the power fails in the `nth` change, and a file is lost. What the
/// checkpoint says that is left, is there. Returns whether the power sufficed, and where that checkpoint ends.
fn cut_and_lose(nth: u64, lost: Option<&str>) -> (bool, u64) {
    let disk = store_of(nth);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    let releases = (5..=20).step_by(5).map(|lsn| Hold { lsn: Lsn(lsn), bytes: 3000, count: 1 }).collect();
    let checkpoint = Batch { releases, checkpoint: Some(Lsn(41)), ..batch(41, 41, &[content(41, 0, 10)]) };
    opened.writer.append(&[checkpoint]).unwrap();
    disk.cut_power_at(nth);
    let done = opened.keeper.serve(&mut Deaf).is_ok();
    drop(opened);
    disk.crash();
    if let Some(name) = lost {
        disk.flip_bit(name, 50, 1);
    }
    let opened = open_ignoring(Arc::new(disk), small()).unwrap();
    let (_, end) = opened.checkpoint.unwrap();
    for lsn in (if end == Lsn(40) { 5 } else { 25 }..=40).step_by(5) {
        let read = opened.store.read(Lsn(lsn), Lsn(lsn));
        assert!(read.is_ok_and(|read| read == [content(lsn, 0, 3000)]), "record {lsn}, change {nth}, {lost:?}");
    }
    (done, end.0)
}

#[test]
fn a_power_cut_between_the_two_is_no_matter() {
    let mut ends = Vec::new();
    for nth in 1.. {
        let (done, whole) = cut_and_lose(nth, None);
        ends.push(FILES.map(|name| cut_and_lose(nth, Some(name)).1));
        assert!(!done || whole == 41);
        if done {
            break;
        }
    }
    assert!(ends.len() > 12 && ends[0] == [40, 40], "{ends:?}");
    assert!(ends.contains(&[40, 41]), "never between the two: {ends:?}");
    assert_eq!(ends.last(), Some(&[41, 41]));
}

/// Opened on a full disk, the store has one checkpoint; nothing goes before it has two.
#[test]
fn without_room_for_both_nothing_is_deleted() {
    let disk = store();
    disk.remove(COPY).unwrap();
    disk.limit_capacity(disk.bytes());
    let before = disk.names("log");
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    assert_eq!((bytes_of(&disk, COPY), disk.names("log")), (None, before));
    disk.limit_capacity(u64::MAX);
    let checkpoint = Some(Lsn(41));
    opened.writer.append(&[Batch { checkpoint, ..batch(41, 41, &[content(41, 0, 10)]) }]).unwrap();
    opened.keeper.serve(&mut Deaf).unwrap();
    assert!(bytes_of(&disk, NAME).is_some() && bytes_of(&disk, NAME) == bytes_of(&disk, COPY));
}
