//! A power cut in every single change of a fixed history, and disks that only pretend to sync.

use std::io;
use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Disk, File};

use crate::support::{Harness, Syncing, Wrapped, some_encryption};

/// Rolls through fresh, recycled and self-made segments. `Ok(false)`: the disk failed on the way.
fn history(harness: &mut Harness) -> Result<bool, String> {
    if !harness.open()? {
        return Ok(false);
    }
    for round in 0..12_usize {
        let batches = [vec![1000 * (round % 4), 10], vec![], vec![0, 700 * round]];
        if !harness.append(&batches)? || !harness.append(&[vec![13_000]])? {
            return Ok(false);
        }
        if round % 3 == 2 && !harness.serve()? {
            return Ok(false);
        }
    }
    harness.append(&[vec![1; 100]])
}

/// Runs the history with a power cut in its `nth` change, then goes on twice.
fn cut_at(nth: u64, seed: u64, disk: impl FnOnce(SimulatedDisk) -> Arc<dyn Disk>) -> Result<(), String> {
    let simulated = SimulatedDisk::new(seed);
    let mut harness = Harness::on(disk(simulated.clone()), simulated);
    // Sealed or not, a torn tail is a torn tail.
    harness.options.encryption = some_encryption(nth + seed);
    harness.simulated.cut_power_at(nth);
    history(&mut harness)?;
    for lengths in [vec![20, 9000], vec![300; 30]] {
        harness.crash();
        if !harness.open()? || !harness.append(&[lengths])? {
            return Err("a sound disk failed".into());
        }
    }
    harness.crash();
    harness.open().map(drop)
}

fn changes() -> u64 {
    let mut harness = Harness::new(0);
    assert!(history(&mut harness).unwrap());
    harness.simulated.operations()
}

#[test]
fn a_power_cut_in_any_change_loses_nothing_durable() {
    let changes = changes();
    assert!(changes > 150, "the history makes only {changes} changes");
    for nth in 1..=changes + 1 {
        for seed in 0..2 {
            cut_at(nth, seed, |disk| Arc::new(disk))
                .unwrap_or_else(|fault| panic!("change {nth}, seed {seed}: {fault}"));
        }
    }
}

#[test]
fn a_power_cut_during_recovery_loses_nothing_durable() {
    let changes = changes();
    for (seed, first) in (changes / 2..=changes).enumerate() {
        let mut harness = Harness::new(seed as u64);
        harness.options.encryption = some_encryption(seed as u64);
        harness.simulated.cut_power_at(first);
        history(&mut harness).unwrap();
        for nth in 1..12 {
            harness.crash();
            harness.simulated.cut_power_at(nth);
            harness.open().unwrap_or_else(|fault| panic!("change {first}, then {nth}: {fault}"));
        }
        harness.crash();
        assert!(harness.open().unwrap());
    }
}

/// After a failed sync the data is in the cache, looks written, and is not on the disk. A new process must not trust it.
#[test]
fn data_of_a_failed_sync_is_made_durable_before_it_is_replayed() {
    for nth in 1..60 {
        let mut harness = Harness::new(nth);
        harness.options.encryption = some_encryption(nth);
        harness.simulated.fail_sync_at(nth);
        history(&mut harness).unwrap();
        harness.restart();
        assert!(harness.open().unwrap(), "sync {nth}");
        harness.crash();
        harness.open().unwrap_or_else(|fault| panic!("sync {nth}: {fault}"));
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    for capacity in (0..200_000).step_by(7_000) {
        let mut harness = Harness::new(capacity);
        harness.simulated.limit_capacity(capacity);
        let all = history(&mut harness).unwrap();
        assert!(capacity > 20_000 || !all, "{capacity} bytes were enough");
        harness.restart();
        assert!(harness.open().unwrap());
        assert!(harness.append(&[vec![100, 5000]]).unwrap());
        harness.check_reads().unwrap();
    }
}

/// Which syncs a bad disk leaves out.
#[derive(Copy, Clone)]
enum Lie {
    Data,
    Names,
}

impl Syncing for Lie {
    fn sync_data(&self, below: &dyn File) -> io::Result<()> {
        if matches!(self, Self::Data) { Ok(()) } else { below.sync_data() }
    }

    fn sync_dir(&self, below: &dyn Disk, folder: &str) -> io::Result<()> {
        if matches!(self, Self::Names) { Ok(()) } else { below.sync_dir(folder) }
    }
}

/// These tests can fail: without fdatasync, or without fsync of the folder, they do.
#[test]
fn a_disk_that_does_not_sync_is_found_out() {
    let changes = changes();
    for lie in [Lie::Data, Lie::Names] {
        let found = (1..=changes).filter(|&nth| {
            cut_at(nth, nth, |below| Arc::new(Wrapped { below: Arc::new(below), sync: Arc::new(lie) })).is_err()
        });
        assert!(found.count() as u64 > changes / 4);
    }
}
