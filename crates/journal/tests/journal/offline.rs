//! Stores that are not open: looking at them, and making them small.

use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Compacted, Encryption, Hold, Kind, Lsn, Options, check, compact, dump, stats};

use crate::support::{Deaf, batch, content, open_ignoring, small};

fn hold(lsn: u64) -> Vec<Hold> {
    vec![Hold { lsn: Lsn(lsn), bytes: 2000, count: 1 }]
}

/// Records 1 to 60, of which every fourth is held; a checkpoint is record 50.
fn store() -> SimulatedDisk {
    let disk = SimulatedDisk::new(3);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    for lsn in 1..=60 {
        let holds = if lsn % 4 == 0 { hold(lsn) } else { Vec::new() };
        let checkpoint = (lsn == 50).then_some(Lsn(50));
        let batch = Batch { holds, checkpoint, ..batch(lsn, lsn, &[content(lsn, 0, 2000)]) };
        opened.writer.append(&[batch]).unwrap();
    }
    opened.keeper.serve(&mut Deaf).unwrap();
    disk.restart();
    disk
}

#[test]
fn a_sound_store_has_no_faults() {
    let disk = store();
    let before = disk.operations();
    let report = check(&disk, &Encryption::default(), |_| ()).unwrap();
    assert_eq!((report.faults, report.torn), (Vec::new(), None));
    assert_eq!(disk.operations(), before, "something was changed");
}

#[test]
fn every_flipped_bit_that_matters_is_found() {
    let names = store().names("log");
    for name in names.iter().filter(|name| name.ends_with(".seg") || name.ends_with(".cold")) {
        for byte in [3, 30, 4096 + 20, 4096 + 1000] {
            let disk = store();
            disk.flip_bit(&format!("log/{name}"), byte, 2);
            let report = check(&disk, &Encryption::default(), |_| ()).unwrap();
            let file = format!("log/{name}");
            let torn = report.torn.as_ref().is_some_and(|(torn, _)| *torn == file);
            assert!(torn || report.faults.iter().any(|fault| fault.file == file), "{name}, byte {byte}: {report:?}");
        }
    }
    let disk = store();
    disk.flip_bit("CHECKPOINT", 40, 0);
    assert_eq!(check(&disk, &Encryption::default(), |_| ()).unwrap().faults[0].file, "CHECKPOINT");
}

#[test]
fn the_numbers_are_right() {
    let stats = stats(&store(), &Encryption::default()).unwrap();
    assert_eq!((stats.format, stats.checkpoint), (2, Some((Lsn(50), Lsn(50)))));
    assert!(stats.files.iter().any(|file| file.kind == Kind::Cold));
    assert!(stats.files.windows(2).all(|pair| pair[0].end <= pair[1].first));
    assert_eq!(stats.files.last().unwrap().end, Lsn(61));
    let live: u64 = stats.files.iter().map(|file| file.live_records).sum();
    assert_eq!(live, 12, "the held ones up to the checkpoint");
}

#[test]
fn a_dump_has_what_is_held_and_what_is_new() {
    let mut dumped = Vec::new();
    dump(&store(), &Encryption::default(), Lsn(6), |lsn, time, record| dumped.push((lsn.0, time, record.to_vec())))
        .unwrap();
    assert!(dumped.iter().all(|(lsn, time, record)| *record == content(*lsn, 0, 2000) && [0, *lsn].contains(time)));
    let numbers: Vec<u64> = dumped.iter().map(|record| record.0).collect();
    assert!((8..=48).step_by(4).chain(50..=60).all(|lsn| numbers.contains(&lsn)));
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]) && numbers[0] >= 6);
}

#[test]
fn a_compact_store_holds_what_it_held() {
    let disk = store();
    let options = Options { spares: 0, ..small() };
    let Compacted { before, after, .. } = compact(Arc::new(disk.clone()), options.clone()).unwrap();
    assert!(after.bytes <= before.bytes);
    assert_eq!(check(&disk, &Encryption::default(), |_| ()).unwrap().faults, []);
    let opened = open_ignoring(Arc::new(disk), options).unwrap();
    for lsn in (4..=60).step_by(4) {
        assert_eq!(opened.store.read(Lsn(lsn), Lsn(lsn)).unwrap(), [content(lsn, 0, 2000)]);
    }
}
