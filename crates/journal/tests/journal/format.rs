//! The bytes on disk. The checksums come from another implementation of CRC-32C; a change here needs a new version.

use std::io::IoSlice;
use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Disk, Error, Format, Lsn, Options, finalize, open};

use crate::support::{Collect, Deaf, batch, open_ignoring, small};

/// Store 0x1122334455667788 with the secret 0, 1, … 31.
const IDENTITY: &str = "
    43574944 01000000 8877665544332211
    000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f e49f1448";
const SEGMENT: &str = "
    43575347 01000000 8877665544332211 0100000000000000 0100000000000000 0100000000000000 0100000000000000
    00000000 bdb3134a";
const FIRST: &str = "
    43574652 01000000 02000000 0d000000 0100000000000000 0100000000000000 8877665544332211 0100000000000000
    7b68e5cf8b010000 00000000 37c58c07 76d0cbf2  05000000 68656c6c6f 00000000";
const SECOND: &str = "
    43574652 01000000 01000000 05000000 0100000000000000 0200000000000000 8877665544332211 0300000000000000
    7c68e5cf8b010000 76d0cbf2 4414b5af 72d683e3  01000000 21";
const BLOCK: usize = 4096;

#[test]
fn the_bytes_are_these() {
    let disk = disk();
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    assert_eq!(opened.identity.store_id, 0x1122_3344_5566_7788);
    assert!(opened.identity.secret.iter().copied().eq(0..32));
    opened.writer.append(&[batch(1, 1_700_000_000_123, &[b"hello".to_vec(), Vec::new()])]).unwrap();
    opened.writer.append(&[batch(3, 1_700_000_000_124, &[b"!".to_vec()])]).unwrap();

    let file = disk.open("log/0000000001.seg").unwrap();
    let mut expected = Vec::new();
    for part in [SEGMENT, FIRST, SECOND] {
        expected.extend(hex(part));
        expected.resize(expected.len().next_multiple_of(BLOCK), 0);
    }
    expected.resize(small().first_segment_bytes as usize, 0);
    let mut bytes = vec![0; expected.len() + 1];
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), expected.len());
    for (number, (found, expected)) in bytes.chunks(BLOCK).zip(expected.chunks(BLOCK)).enumerate() {
        assert_eq!(found[..80], expected[..80], "block {number}");
        assert_eq!(found, expected, "block {number}");
    }
}

#[test]
fn these_bytes_are_read() {
    let disk = disk();
    let mut segment = Vec::new();
    for part in [SEGMENT, FIRST, SECOND] {
        segment.extend(hex(part));
        segment.resize(segment.len().next_multiple_of(BLOCK), 0);
    }
    put(&disk, "log/0000000001.seg", &segment);
    let mut replayed = Collect::default();
    let opened = open(Arc::new(disk), Options::default(), &mut replayed).unwrap();
    let expected = [
        (1, 1_700_000_000_123, b"hello".to_vec()),
        (2, 1_700_000_000_123, Vec::new()),
        (3, 1_700_000_000_124, b"!".to_vec()),
    ];
    assert_eq!(replayed.0, expected);
    assert_eq!((opened.next, opened.epoch, opened.cut), (Lsn(4), 2, None));
}

#[test]
fn a_newer_version_is_named() {
    let newer = |bytes: &str, len: usize| {
        let mut bytes = hex(bytes);
        bytes[4] = 4;
        let crc = crc32c::crc32c(&bytes[..len - 4]).to_le_bytes();
        bytes[len - 4..len].copy_from_slice(&crc);
        bytes
    };
    let refused = |disk: SimulatedDisk, file: &str| {
        let Err(Error::Newer { path, found: 4, known: 3 }) = open_ignoring(Arc::new(disk), small()).map(drop) else {
            panic!("{file} was not refused");
        };
        assert!(path.ends_with(file));
    };

    let identity = SimulatedDisk::new(1);
    put(&identity, "IDENTITY", &newer(IDENTITY, 52));
    refused(identity, "IDENTITY");

    let segment = disk();
    put(&segment, "log/0000000001.seg", &newer(SEGMENT, 56));
    refused(segment, "log/0000000001.seg");

    let frame = disk();
    let mut bytes = hex(SEGMENT);
    bytes.resize(BLOCK, 0);
    bytes.extend(newer(FIRST, 68));
    bytes.resize(2 * BLOCK, 0);
    put(&frame, "log/0000000001.seg", &bytes);
    refused(frame, "log/0000000001.seg");
}

fn version_of(disk: &SimulatedDisk, name: &str) -> u8 {
    let mut bytes = [0; 5];
    disk.open(name).unwrap().read_at(&mut bytes, 0).unwrap();
    bytes[4]
}

/// Appends five records, each the end of a checkpoint, of which none is held, and lets the keeper work.
fn fill(disk: &SimulatedDisk, options: Options) -> (u8, Vec<String>) {
    let mut opened = open_ignoring(Arc::new(disk.clone()), options).unwrap();
    let next = opened.next.0;
    for lsn in next..next + 5 {
        let checkpoint = Some(Lsn(lsn));
        opened.writer.append(&[Batch { checkpoint, ..batch(lsn, lsn, &[vec![7; 5000]]) }]).unwrap();
        opened.keeper.serve(&mut Deaf).unwrap();
    }
    let format = opened.format;
    drop(opened);
    disk.restart();
    (format, disk.names("log").into_iter().filter(|name| !name.ends_with("spare")).collect())
}

#[test]
fn a_store_of_the_first_format_stays_one() {
    let disk = disk();
    let (format, names) = fill(&disk, small());
    assert_eq!((format, version_of(&disk, "IDENTITY"), disk.names("")), (1, 1, vec!["IDENTITY".to_owned()]));
    assert!(names.len() >= 3 && names.iter().all(|name| name.ends_with(".seg")), "{names:?}");
    assert!(names.iter().all(|name| version_of(&disk, &format!("log/{name}")) == 1));
}

#[test]
fn a_finalized_store_is_of_the_newest_format() {
    let (at_open, before) = (disk(), disk());
    for disk in [&at_open, &before] {
        fill(disk, small());
    }
    finalize(&before).unwrap();
    let newest = Options { format: Format::Newest, ..small() };
    for (disk, options) in [(at_open, newest), (before, small())] {
        let (format, names) = fill(&disk, options);
        assert_eq!((format, version_of(&disk, "IDENTITY")), (2, 2));
        assert!(disk.names("").contains(&"CHECKPOINT".to_owned()));
        assert!(!names.contains(&"0000000001.seg".to_owned()), "nothing was trimmed: {names:?}");
        let opened = open_ignoring(Arc::new(disk), small()).unwrap();
        assert_eq!((opened.format, opened.next, opened.checkpoint), (2, Lsn(11), Some((Lsn(10), Lsn(10)))));
    }
}

#[test]
fn finalizing_is_whole_or_not_at_all() {
    for nth in 1..8 {
        let disk = disk();
        fill(&disk, small());
        disk.cut_power_at(nth);
        let done = finalize(&disk).is_ok();
        disk.crash();
        let opened = open_ignoring(Arc::new(disk), small()).unwrap();
        assert!(opened.format == 2 || !done);
        assert_eq!(opened.next, Lsn(6));
    }
}

#[test]
fn what_is_not_there_is_not_finalized() {
    assert!(matches!(finalize(&SimulatedDisk::new(1)), Err(Error::Identity { .. })));
}

/// A disk that holds an identity and nothing else.
pub(crate) fn disk() -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    put(&disk, "IDENTITY", &hex(IDENTITY));
    disk
}

fn put(disk: &SimulatedDisk, name: &str, bytes: &[u8]) {
    let file = disk.create(name).unwrap();
    file.write_at(&[IoSlice::new(bytes)], 0).unwrap();
    file.sync_data().unwrap();
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
