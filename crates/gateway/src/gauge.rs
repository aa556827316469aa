//! The memory that the process takes, as the system counts it.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// `/proc/self/statm`, kept open.
pub(crate) struct Gauge {
    file: File,
    page: u64,
}

impl Gauge {
    /// `None` where the system has no such file.
    pub(crate) fn open() -> Option<Self> {
        let file = File::open("/proc/self/statm").ok()?;
        Some(Self { file, page: rustix::param::page_size() as u64 })
    }

    /// Bytes of the process that are no file's.
    pub(crate) fn anonymous(&self) -> Option<u64> {
        let mut text = [0; 128];
        let read = self.file.read_at(&mut text, 0).ok()?;
        let mut numbers = std::str::from_utf8(&text[..read]).ok()?.split_ascii_whitespace().skip(1);
        let (resident, shared): (u64, u64) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        Some(resident.saturating_sub(shared) * self.page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_some_memory() {
        let gauge = Gauge::open().expect("a Linux system");
        let before = gauge.anonymous().expect("numbers");
        let block = vec![1u8; 256 << 20];
        let after = gauge.anonymous().expect("numbers");
        assert!(after >= before + (block.len() as u64 / 2), "{before} and {after}");
    }
}
