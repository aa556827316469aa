//! Encryption at rest: who can read what, and what is found.

use std::io::IoSlice;
use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{
    Algorithm, Batch, Disk, Encryption, Error, Hold, KeyFault, Lsn, MasterKey, Opened, Options, Writes, check, compact,
    dump, open, rekey, restore, stats,
};

use crate::support::{Collect, Deaf, batch, encryption, open_ignoring, small};

const BLOCK: u64 = 4096;
const WORD: &[u8] = b"the plain text of a message";
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Aes256Gcm, Algorithm::ChaCha20Poly1305];

fn sealing(algorithm: Algorithm) -> Options {
    Options { encryption: encryption(Some(algorithm)), ..small() }
}

fn plain_with_key() -> Options {
    Options { encryption: encryption(None), ..small() }
}

fn record(lsn: u64) -> Vec<u8> {
    [WORD.repeat(20 + lsn as usize), lsn.to_le_bytes().to_vec()].concat()
}

fn hold(lsn: u64) -> Hold {
    Hold { lsn: Lsn(lsn), bytes: record(lsn).len() as u32, count: 1 }
}

/// Appends `lsns`, each of which is held; every third one is released by the fifth behind it. The last ends a checkpoint.
fn fill(opened: &mut Opened, lsns: std::ops::RangeInclusive<u64>) {
    let last = *lsns.end();
    for lsn in lsns {
        let gone = lsn.checked_sub(5).filter(|gone| *gone > 0 && gone % 3 == 0);
        let releases = gone.map(hold).into_iter().collect();
        let checkpoint = (lsn == last).then_some(Lsn(lsn));
        let batch = Batch { holds: vec![hold(lsn)], releases, checkpoint, ..batch(lsn, lsn, &[record(lsn)]) };
        opened.writer.append(&[batch]).unwrap();
    }
    opened.keeper.serve(&mut Deaf).unwrap();
}

/// A store with cold files, full segments, a checkpoint, and five records behind it.
fn store(options: &Options) -> SimulatedDisk {
    let disk = SimulatedDisk::new(3);
    let mut opened = open_ignoring(Arc::new(disk.clone()), options.clone()).unwrap();
    fill(&mut opened, 1..=40);
    fill(&mut opened, 41..=80);
    for lsn in 81..=85 {
        opened.writer.append(&[batch(lsn, lsn, &[record(lsn)])]).unwrap();
    }
    drop(opened);
    disk.restart();
    disk
}

fn is_kept(lsn: u64) -> bool {
    lsn > 75 || !lsn.is_multiple_of(3)
}

fn check_records(opened: &Opened) {
    for lsn in (1..=85).filter(|lsn| is_kept(*lsn)) {
        assert_eq!(opened.store.read(Lsn(lsn), Lsn(lsn)).unwrap(), [record(lsn)], "record {lsn}");
    }
}

fn names(disk: &SimulatedDisk) -> Vec<String> {
    disk.names("").into_iter().chain(disk.names("log").iter().map(|name| format!("log/{name}"))).collect()
}

fn content(disk: &SimulatedDisk, name: &str) -> Vec<u8> {
    let file = disk.open(name).unwrap();
    let mut bytes = vec![0; file.size().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// All files and what is in them.
fn all(disk: &SimulatedDisk) -> Vec<(String, Vec<u8>)> {
    names(disk).into_iter().filter(|name| name != "LOCK").map(|name| (name.clone(), content(disk, &name))).collect()
}

/// The files in which a part of a record lies in clear.
fn files_with_text(disk: &SimulatedDisk) -> Vec<String> {
    let has_text = |name: &String| content(disk, name).windows(16).any(|window| window == &WORD[..16]);
    names(disk).into_iter().filter(has_text).collect()
}

fn fault(disk: &SimulatedDisk, options: Options) -> Error {
    match open_ignoring(Arc::new(disk.clone()), options) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[test]
fn records_come_back_and_no_file_has_them_in_clear() {
    assert!(!files_with_text(&store(&small())).is_empty());
    for algorithm in ALGORITHMS {
        let disk = store(&sealing(algorithm));
        assert!(disk.names("log").iter().any(|name| name.ends_with(".cold")), "{:?}", disk.names("log"));
        assert_eq!(files_with_text(&disk), Vec::<String>::new());
        let mut replayed = Collect::default();
        let opened = open(Arc::new(disk.clone()), sealing(algorithm), &mut replayed).unwrap();
        assert!((80..=85).map(record).eq(replayed.0.iter().map(|(_, _, record)| record.clone())));
        assert_eq!((opened.cut, opened.format), (None, 3));
        check_records(&opened);
    }
}

#[test]
fn without_the_right_key_nothing_is_opened_and_nothing_changed() {
    let disk = store(&sealing(Algorithm::Aes256Gcm));
    let before = all(&disk);
    let Error::Key(KeyFault::Needed(id)) = fault(&disk, small()) else { panic!("another fault") };
    assert_eq!(id, encryption(None).key.unwrap().id());
    let other = Encryption { key: Some(MasterKey::new([1; 32])), ..encryption(Some(Algorithm::Aes256Gcm)) };
    let wrong = fault(&disk, Options { encryption: other.clone(), ..small() });
    assert!(matches!(wrong, Error::Key(KeyFault::Wrong { wanted, .. }) if wanted == id));
    assert_eq!(wrong.to_string().lines().count(), 1);
    for encryption in [Encryption::default(), other] {
        assert!(matches!(check(&disk, &encryption, |_| ()), Err(Error::Key(_))));
        assert!(matches!(stats(&disk, &encryption), Err(Error::Key(_))));
        assert!(matches!(dump(&disk, &encryption, Lsn(1), |_, _, _| ()), Err(Error::Key(_))));
    }
    assert_eq!(all(&disk), before);
    let none = Encryption { writes: Writes::Sealed(Algorithm::Aes256Gcm), key: None };
    let fresh = SimulatedDisk::new(1);
    assert!(matches!(fault(&fresh, Options { encryption: none, ..small() }), Error::Key(KeyFault::NoneGiven)));
    assert!(!format!("{:?}", sealing(Algorithm::Aes256Gcm)).contains("66"), "the key is shown");
}

/// Whatever byte changes: what is read is right, or refused.
#[test]
fn every_changed_byte_is_found_or_of_no_effect() {
    let options = sealing(Algorithm::Aes256Gcm);
    let sound = store(&options);
    for name in names(&sound).into_iter().filter(|name| name != "LOCK" && !name.ends_with(".spare")) {
        let size = content(&sound, &name).len() as u64;
        let disk = store(&options);
        for byte in (0..size).filter(|byte| byte % BLOCK < 150 && byte % 3 == 0 || byte % 499 == 0) {
            let copy = copy_of(&disk);
            copy.flip_bit(&name, byte, (byte % 8) as u8);
            let mut replayed = Collect::default();
            let Ok(opened) = open(Arc::new(copy), options.clone(), &mut replayed) else { continue };
            let sound = |lsn: u64, read: &[u8]| read == record(lsn);
            assert!(replayed.0.iter().all(|(lsn, _, read)| sound(*lsn, read)), "{name}, byte {byte}");
            for lsn in (1..opened.next.0).filter(|lsn| is_kept(*lsn)) {
                let read = opened.store.read(Lsn(lsn), Lsn(lsn));
                assert!(read.is_err() || sound(lsn, &read.unwrap()[0]), "{name}, byte {byte}, record {lsn}");
            }
        }
    }
}

fn copy_of(disk: &SimulatedDisk) -> SimulatedDisk {
    let copy = SimulatedDisk::new(9);
    copy.create_dir("log").unwrap();
    for name in names(disk).iter().filter(|name| *name != "LOCK") {
        copy.create(name).unwrap().write_at(&[IoSlice::new(&content(disk, name))], 0).unwrap();
    }
    copy
}

/// Somebody who knows the format, but no key, changes a frame and makes its checksums right.
#[test]
fn a_frame_that_was_changed_with_its_checksums_is_named() {
    let options = sealing(Algorithm::ChaCha20Poly1305);
    let last = |disk: &SimulatedDisk| {
        let segments: Vec<_> = disk.names("log").into_iter().filter(|name| name.ends_with(".seg")).collect();
        format!("log/{}", segments.last().unwrap())
    };
    // The number of records, the time, the nonce, the first record, its end.
    for at in [8, 48, 68, 80, 500] {
        let disk = store(&options);
        let name = last(&disk);
        let mut frame = content(&disk, &name)[BLOCK as usize..2 * BLOCK as usize].to_vec();
        frame[at] ^= 1;
        let length = u32::from_le_bytes([frame[12], frame[13], frame[14], frame[15]]) as usize;
        let payload = crc32c::crc32c(&frame[68..68 + length]).to_le_bytes();
        frame[60..64].copy_from_slice(&payload);
        let header = crc32c::crc32c(&frame[..64]).to_le_bytes();
        frame[64..68].copy_from_slice(&header);
        disk.open(&name).unwrap().write_at(&[IoSlice::new(&frame)], BLOCK).unwrap();
        let Error::Corrupt { file, offset, .. } = fault(&disk, options.clone()) else { panic!("another fault") };
        assert_eq!((file, offset), (name, BLOCK), "byte {at}");
    }
}

#[test]
fn a_new_master_key_changes_only_the_file_of_keys() {
    let disk = store(&sealing(Algorithm::Aes256Gcm));
    let before = all(&disk);
    let (old, new) = (encryption(None).key.unwrap(), MasterKey::new([7; 32]));
    assert!(matches!(rekey(&disk, &new, &old), Err(Error::Key(KeyFault::Wrong { .. }))));
    rekey(&disk, &old, &new).unwrap();
    disk.restart();
    let changed = all(&disk).into_iter().filter(|file| !before.contains(file));
    assert_eq!(changed.map(|(name, _)| name).collect::<Vec<_>>(), ["KEYS", "KEYS.copy"]);
    assert!(matches!(fault(&disk, sealing(Algorithm::Aes256Gcm)), Error::Key(KeyFault::Wrong { .. })));
    let encryption = Encryption { writes: Writes::AsItIs, key: Some(new.clone()) };
    check_records(&open_ignoring(Arc::new(disk), Options { encryption, ..small() }).unwrap());
    assert!(matches!(rekey(&store(&small()), &old, &new), Err(Error::Key(KeyFault::Plain))));
}

/// At any moment one of the two keys opens the store.
#[test]
fn a_power_cut_during_a_change_of_keys_leaves_one_of_them() {
    let (old, new) = (encryption(None).key.unwrap(), MasterKey::new([7; 32]));
    for nth in 1..14 {
        let disk = store(&sealing(Algorithm::Aes256Gcm));
        disk.cut_power_at(nth);
        let done = rekey(&disk, &old, &new).is_ok();
        disk.crash();
        let with = |key: &MasterKey| Options {
            encryption: Encryption { writes: Writes::AsItIs, key: Some(key.clone()) },
            ..small()
        };
        let opened = open_ignoring(Arc::new(disk.clone()), with(&new));
        let opened = if done { opened } else { opened.or_else(|_| open_ignoring(Arc::new(disk.clone()), with(&old))) };
        check_records(&opened.unwrap_or_else(|error| panic!("change {nth}: {error}")));
    }
}

#[test]
fn one_file_of_keys_is_enough() {
    let options = sealing(Algorithm::Aes256Gcm);
    for (lost, other) in [("KEYS", "KEYS.copy"), ("KEYS.copy", "KEYS")] {
        let disk = store(&options);
        disk.flip_bit(lost, 50, 1);
        drop(open_ignoring(Arc::new(disk.clone()), options.clone()).unwrap());
        assert_eq!(content(&disk, lost), content(&disk, other));
        disk.remove(lost).unwrap();
        drop(open_ignoring(Arc::new(disk.clone()), options.clone()).unwrap());
        disk.remove("KEYS").unwrap();
        disk.remove("KEYS.copy").unwrap();
        assert!(matches!(fault(&disk, options.clone()), Error::Key(KeyFault::Lost(_))));
    }
}

#[test]
fn a_store_becomes_encrypted_and_plain_again() {
    let disk = store(&small());
    let mut opened = open_ignoring(Arc::new(disk.clone()), sealing(Algorithm::Aes256Gcm)).unwrap();
    check_records(&opened);
    assert!(opened.sealed_otherwise);
    // What is new is sealed from the first record on, and a checkpoint in it lets go of what is not.
    for lsn in 86..=90 {
        let checkpoint = (lsn == 90).then_some(Lsn(lsn));
        opened.writer.append(&[Batch { checkpoint, ..batch(lsn, lsn, &[record(lsn)]) }]).unwrap();
    }
    opened.keeper.serve(&mut Deaf).unwrap();
    drop(opened);
    assert!(!files_with_text(&disk).is_empty());
    for options in [sealing(Algorithm::Aes256Gcm), sealing(Algorithm::ChaCha20Poly1305)] {
        let compacted = compact(Arc::new(disk.clone()), options.clone()).unwrap();
        // The checkpoint lies in files of the first algorithm.
        assert_eq!(compacted.otherwise == 0, options.encryption.writes == Writes::Sealed(Algorithm::Aes256Gcm));
        assert_eq!(files_with_text(&disk), Vec::<String>::new());
        assert_eq!(check(&disk, &options.encryption, |_| ()).unwrap().faults, []);
        let opened = open_ignoring(Arc::new(disk.clone()), options.clone()).unwrap();
        for lsn in (1..=75).filter(|lsn| is_kept(*lsn)) {
            assert_eq!(opened.store.read(Lsn(lsn), Lsn(lsn)).unwrap(), [record(lsn)], "record {lsn}");
        }
    }
    // Who only gives the key changes nothing.
    let as_it_is = Encryption { writes: Writes::AsItIs, ..encryption(None) };
    compact(Arc::new(disk.clone()), Options { encryption: as_it_is, ..small() }).unwrap();
    assert_eq!(files_with_text(&disk), Vec::<String>::new());
    compact(Arc::new(disk.clone()), plain_with_key()).unwrap();
    assert!(!files_with_text(&disk).is_empty());
    assert!(matches!(fault(&disk, small()), Error::Key(KeyFault::Needed(_))));
}

#[test]
fn a_backup_stays_encrypted() {
    let options = sealing(Algorithm::Aes256Gcm);
    let disk = store(&options);
    let mut opened = open_ignoring(Arc::new(disk.clone()), options.clone()).unwrap();
    let (backup, copy) = (SimulatedDisk::new(4), SimulatedDisk::new(5));
    let (handle, to) = (opened.keeper.handle(), Arc::new(backup.clone()));
    let asking = std::thread::spawn(move || handle.backup(to, |_| ()));
    while !asking.is_finished() {
        opened.keeper.serve(&mut Deaf).unwrap();
        std::thread::yield_now();
    }
    asking.join().unwrap().unwrap();
    assert_eq!(files_with_text(&backup), Vec::<String>::new());
    restore(&backup, &copy, |_| ()).unwrap();
    assert!(matches!(fault(&copy, small()), Error::Key(KeyFault::Needed(_))));
    check_records(&open_ignoring(Arc::new(copy), options).unwrap());
}

#[test]
fn a_store_of_the_first_format_must_be_changed_before() {
    let disk = crate::format::disk();
    assert!(matches!(fault(&disk, sealing(Algorithm::Aes256Gcm)), Error::Key(KeyFault::OldFormat)));
    journal::finalize(&disk).unwrap();
    open_ignoring(Arc::new(disk), sealing(Algorithm::Aes256Gcm)).unwrap();
}
