//! 4 KiB overwritten in a written file, and fdatasync: the least that a durable confirmation can wait for.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::statistics::{Histogram, Latency};

const BLOCK: usize = 4 << 10;
const BLOCKS: u64 = 1024;

/// Repeats for `duration` in a file of its own in `folder`, which is removed again.
pub fn run(folder: &Path, duration: Duration) -> Result<Latency> {
    let path = folder.join(format!("bench-fsync-{}", std::process::id()));
    let result = overwrite(&path, duration).with_context(|| format!("in {}", folder.display()));
    // The measurement's own error says more than that of the removal.
    let _ = fs::remove_file(&path);
    result
}

fn overwrite(path: &Path, duration: Duration) -> Result<Latency> {
    let file = File::options().write(true).create_new(true).open(path)?;
    let block = [0xa5; BLOCK];
    file.write_all_at(&vec![0; BLOCK * BLOCKS as usize], 0)?;
    file.sync_all()?;
    let mut histogram = Histogram::default();
    let end = Instant::now() + duration;
    for index in 0.. {
        let start = Instant::now();
        file.write_all_at(&block, index % BLOCKS * BLOCK as u64)?;
        file.sync_data()?;
        histogram.record(start.elapsed().as_nanos() as u64);
        if Instant::now() >= end {
            break;
        }
    }
    histogram.latency().context("no sample")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let latency = run(folder.path(), Duration::ZERO).unwrap();
        assert_eq!(latency.samples, 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
