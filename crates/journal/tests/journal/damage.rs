//! Damage to durable data is refused with its place; a torn tail is cut.

use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Disk, Error, Lsn, TornTail};

use crate::support::{Deaf, batch, content, open_ignoring, small};

const BLOCK: u64 = 4096;
const LAST: &str = "log/0000000002.seg";

/// Two segments. The first is full with frames at 4096 (one block) and 8192 (two blocks); the second holds frames at
/// 4096 and 8192 (one block each) and zeros.
fn store() -> SimulatedDisk {
    let disk = SimulatedDisk::new(5);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    for (lsn, len) in (1..).zip([50, 5000, 60, 70]) {
        opened.writer.append(&[batch(lsn, 0, &[content(lsn, 0, len)])]).unwrap();
    }
    drop(opened);
    assert_eq!(disk.open(LAST).unwrap().size().unwrap(), small().first_segment_bytes);
    disk
}

fn outcome(disk: &SimulatedDisk) -> Result<(Lsn, Option<TornTail>), Error> {
    open_ignoring(Arc::new(disk.clone()), small()).map(|opened| (opened.next, opened.cut))
}

fn corrupt_at(disk: &SimulatedDisk, expected: (u64, u64)) {
    match outcome(disk) {
        Err(Error::Corrupt { file, offset, reason }) => {
            assert_eq!((file, offset), (format!("log/{:010}.seg", expected.0), expected.1), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flipped_bit_in_durable_data_is_refused_with_its_place() {
    let first = "log/0000000001.seg";
    let header = (0..68).map(|byte| (byte, 0));
    let frame = (0..68 + 4 + 50).map(|byte| (BLOCK + byte, BLOCK));
    let behind = (0..68 + 4 + 5000).step_by(97).map(|byte| (2 * BLOCK + byte, 2 * BLOCK));
    for (byte, offset) in header.take(56).chain(frame).chain(behind) {
        let disk = store();
        disk.flip_bit(first, byte, (byte % 8) as u8);
        corrupt_at(&disk, (1, offset));
        // Nothing was repaired behind the user's back.
        corrupt_at(&disk, (1, offset));
    }
    for (byte, offset) in [(0, 0), (20, 0), (BLOCK + 3, BLOCK), (BLOCK + 68 + 40, BLOCK)] {
        let disk = store();
        disk.flip_bit(LAST, byte, 7);
        corrupt_at(&disk, (2, offset));
    }
}

#[test]
fn damage_to_the_last_frame_cannot_be_told_from_a_torn_write() {
    for byte in 0..68 + 4 + 70 {
        let disk = store();
        disk.flip_bit(LAST, 2 * BLOCK + byte, 0);
        let cut = TornTail { segment: 2, offset: 2 * BLOCK, bytes: BLOCK };
        assert_eq!(outcome(&disk).unwrap(), (Lsn(4), Some(cut)));
        assert_eq!(outcome(&disk).unwrap(), (Lsn(4), None));
    }
}

#[test]
fn bytes_that_are_no_frame_are_cut() {
    let disk = store();
    disk.flip_bit(LAST, 3 * BLOCK + 1000, 0);
    let cut = TornTail { segment: 2, offset: 3 * BLOCK, bytes: BLOCK };
    assert_eq!(outcome(&disk).unwrap(), (Lsn(5), Some(cut)));
}

#[test]
fn all_of_a_torn_frame_is_zeroed() {
    let disk = SimulatedDisk::new(5);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    opened.writer.append(&[batch(1, 0, &[content(1, 0, 5000)])]).unwrap();
    drop(opened);
    disk.flip_bit("log/0000000001.seg", BLOCK + 10, 0);
    let cut = TornTail { segment: 1, offset: BLOCK, bytes: 2 * BLOCK };
    assert_eq!(outcome(&disk).unwrap(), (Lsn(1), Some(cut)));
    assert_eq!(outcome(&disk).unwrap(), (Lsn(1), None));
}

#[test]
fn a_missing_file_is_named() {
    let disk = store();
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    opened.writer.append(&[batch(5, 0, &[content(5, 0, 9000)])]).unwrap();
    drop(opened);
    assert_eq!(outcome(&disk).unwrap(), (Lsn(6), None));
    disk.remove(LAST).unwrap();
    corrupt_at(&disk, (2, 0));

    let disk = store();
    disk.remove("IDENTITY").unwrap();
    assert!(matches!(outcome(&disk), Err(Error::Identity { reason: "is missing, but the store has a log", .. })));
}

#[test]
fn a_damaged_identity_is_refused() {
    for byte in 0..52 {
        let disk = store();
        disk.flip_bit("IDENTITY", byte, 3);
        assert!(matches!(outcome(&disk), Err(Error::Identity { reason: "is damaged", .. })));
    }
}

#[test]
fn a_segment_of_another_store_is_refused() {
    let (disk, other) = (store(), SimulatedDisk::new(6));
    drop(open_ignoring(Arc::new(other.clone()), small()).unwrap());
    let mut bytes = vec![0; small().first_segment_bytes as usize];
    other.open("log/0000000001.seg").unwrap().read_at(&mut bytes, 0).unwrap();
    disk.open("log/0000000001.seg").unwrap().write_at(&[std::io::IoSlice::new(&bytes)], 0).unwrap();
    corrupt_at(&disk, (1, 0));
}

#[test]
fn a_damaged_frame_is_not_handed_out() {
    let disk = store();
    let opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    disk.flip_bit("log/0000000001.seg", 2 * BLOCK + 1000, 0);
    assert!(opened.store.read(Lsn(1), Lsn(1)).is_ok());
    assert!(matches!(
        opened.store.read(Lsn(1), Lsn(2)),
        Err(Error::Corrupt { offset: 8192, reason: "the frame's payload is damaged", .. })
    ));
}

/// A store whose third segment is in the file of the first, with one frame, and the number of its next record. Each
/// append before the last frame is preceded by `meanwhile`.
fn recycled(disk: &SimulatedDisk, meanwhile: impl Fn()) -> u64 {
    let mut options = small();
    options.first_segment_bytes = options.segment_bytes;
    let mut opened = open_ignoring(Arc::new(disk.clone()), options).unwrap();
    for lsn in 1.. {
        if lsn == 2 * 7 + 1 {
            meanwhile();
        }
        let checkpoint = Some(Lsn(lsn));
        let batch = Batch { checkpoint, ..batch(lsn, 0, &[content(lsn, 0, 3000)]) };
        if opened.writer.append(&[batch]).is_err() || lsn == 2 * 7 + 1 {
            return lsn;
        }
        opened.keeper.serve(&mut Deaf).unwrap();
    }
    unreachable!("seven frames fill a segment")
}

/// A full recycled segment holds intact frames of its earlier use behind the end of the log.
#[test]
fn stale_frames_of_a_recycled_segment_are_no_evidence() {
    let disk = SimulatedDisk::new(9);
    let lsn = recycled(&disk, || ()) + 1;
    let file = disk.open("log/0000000003.seg").unwrap();
    let mut stale = [0; 4];
    file.read_at(&mut stale, small().segment_bytes - BLOCK).unwrap();
    assert_eq!(&stale, b"CWFR", "the file is not a used one");

    assert_eq!(outcome(&disk).unwrap(), (Lsn(lsn), None), "the end mark");
    // The opening wrote a frame of its own; damage to it is a torn tail, and the old frames behind say nothing else.
    disk.flip_bit("log/0000000003.seg", 2 * BLOCK + 30, 1);
    let (next, cut) = outcome(&disk).unwrap();
    assert_eq!((next, cut.map(|cut| (cut.segment, cut.offset))), (Lsn(lsn), Some((3, 2 * BLOCK))));
    assert_eq!(outcome(&disk).unwrap(), (Lsn(lsn), None));
}

/// Between the name of a recycled segment and its first frame, too, there is an end mark.
#[test]
fn a_recycled_segment_without_frames_has_nothing_to_cut() {
    let outcomes = (0..40).map(|seed| {
        let disk = SimulatedDisk::new(seed);
        // The header, its sync, the name, its sync; the power fails in the frame.
        let lsn = recycled(&disk, || disk.cut_power_at(5));
        disk.crash();
        assert!(disk.open("log/0000000003.seg").is_ok());
        let (next, cut) = outcome(&disk).unwrap();
        (next == Lsn(lsn), cut.is_some())
    });
    let outcomes: Vec<(bool, bool)> = outcomes.collect();
    assert!(outcomes.contains(&(true, false)), "the frame is lost: nothing to cut");
    assert!(outcomes.contains(&(true, true)), "the frame is torn");
    assert!(outcomes.contains(&(false, false)), "the frame is there");
}

/// A torn write cannot have a sound checksum over wrong content.
#[test]
fn a_sound_header_that_says_something_wrong_is_refused() {
    let wrong: [(usize, &[u8], &str); 5] = [
        (8, &2_u32.to_le_bytes(), "the frame holds another number of records than it says"),
        (12, &(journal::MAX_FRAME as u32 + 1).to_le_bytes(), "the frame is longer than the limit"),
        (16, &0_u64.to_le_bytes(), "the frame is of an epoch that had ended"),
        (40, &9_u64.to_le_bytes(), "the frame's first record has the wrong number"),
        (56, &1_u32.to_le_bytes(), "the frame does not continue the one before"),
    ];
    for (at, bytes, expected) in wrong {
        let disk = store();
        let file = disk.open(LAST).unwrap();
        let mut header = [0; 68];
        file.read_at(&mut header, 2 * BLOCK).unwrap();
        header[at..at + bytes.len()].copy_from_slice(bytes);
        let crc = crc32c::crc32c(&header[..64]);
        header[64..].copy_from_slice(&crc.to_le_bytes());
        file.write_at(&[std::io::IoSlice::new(&header)], 2 * BLOCK).unwrap();
        match outcome(&disk) {
            Err(Error::Corrupt { offset, reason, .. }) => assert_eq!((offset, reason), (2 * BLOCK, expected)),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

/// Frames of one store that do not belong together: the chain tells.
#[test]
fn an_intact_frame_of_another_history_is_refused() {
    let history = |salt: u64| {
        let disk = SimulatedDisk::new(10);
        let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
        for (lsn, salt) in [(1, salt), (2, 0)] {
            opened.writer.append(&[batch(lsn, 0, &[content(lsn, salt, 50)])]).unwrap();
        }
        disk
    };
    let (disk, other) = (history(1), history(2));
    let mut frame = [0; BLOCK as usize];
    other.open("log/0000000001.seg").unwrap().read_at(&mut frame, 2 * BLOCK).unwrap();
    disk.restart();
    assert_eq!(outcome(&disk).unwrap(), (Lsn(3), None));
    disk.restart();
    disk.open("log/0000000001.seg").unwrap().write_at(&[std::io::IoSlice::new(&frame)], 2 * BLOCK).unwrap();
    corrupt_at(&disk, (1, 2 * BLOCK));
}

#[test]
fn a_segment_of_another_history_is_refused() {
    let history = |salt: u64| {
        let disk = SimulatedDisk::new(10);
        let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
        for (lsn, salt) in [(1, 0), (2, 0), (3, salt), (4, 0)] {
            opened.writer.append(&[batch(lsn, 0, &[content(lsn, salt, 50)])]).unwrap();
        }
        disk
    };
    let (disk, other) = (history(1), history(2));
    let mut segment = vec![0; small().first_segment_bytes as usize];
    other.open(LAST).unwrap().read_at(&mut segment, 0).unwrap();
    disk.restart();
    disk.open(LAST).unwrap().write_at(&[std::io::IoSlice::new(&segment)], 0).unwrap();
    corrupt_at(&disk, (1, 4 * BLOCK));
}
