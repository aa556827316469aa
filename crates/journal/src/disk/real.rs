//! Files of the operating system below one folder.

use std::fs::{self, DirBuilder, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::OFlags;
use rustix::io::{Errno, ReadWriteFlags};

use super::{Disk, File, Lock};

/// Most slices that one system call takes (IOV_MAX on Linux).
const SLICES_PER_CALL: usize = 1024;
/// For files that are written past the cache of the system.
const DIRECT: i32 = OFlags::DIRECT.bits() as i32;

#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// A disk in `root`, which is made, for its owner only, if it does not exist.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        if !root.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
            if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                fs::File::open(parent)?.sync_all()?;
            }
        }
        Ok(Self { root })
    }

    fn at(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }
}

impl Disk for RealDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = options().create_new(true).open(self.at(name))?;
        Ok(Arc::new(RealFile { file, direct: OnceLock::new() }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = options().open(self.at(name))?;
        Ok(Arc::new(RealFile { file, direct: OnceLock::new() }))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.at(folder))? {
            // A name that is not text is none of ours.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.at(name))
    }

    fn create_dir(&self, folder: &str) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(self.at(folder))
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        fs::File::open(self.at(folder))?.sync_all()
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        let file = options().create(true).truncate(false).open(self.at(name))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(RealLock { _file: file }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn randomness(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut rest = buffer;
        while !rest.is_empty() {
            let got = rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty())?;
            rest = &mut rest[got..];
        }
        Ok(())
    }

    fn free(&self) -> io::Result<u64> {
        let system = rustix::fs::statvfs(&self.root)?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.at(name)
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// The system releases the lock when the file is closed.
struct RealLock {
    _file: fs::File,
}

impl Lock for RealLock {}

struct RealFile {
    file: fs::File,
    /// The same file past the cache of the system, once that was wanted; `None` if the file system cannot.
    direct: OnceLock<Option<fs::File>>,
}

impl RealFile {
    fn direct(&self) -> Option<&fs::File> {
        // By its handle: its name may have changed.
        let open = || OpenOptions::new().write(true).custom_flags(DIRECT).open(this_handle(&self.file)).ok();
        self.direct.get_or_init(open).as_ref()
    }
}

fn this_handle(file: &fs::File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

impl File for RealFile {
    fn write_at(&self, slices: &[IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        for slices in slices.chunks(SLICES_PER_CALL) {
            let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
            let mut written = write_some(&self.file, slices, offset)?;
            if written < wanted {
                // Rare: the slices are copied only to be cut.
                let mut slices = slices.to_vec();
                let mut rest = &mut slices[..];
                IoSlice::advance_slices(&mut rest, written);
                while written < wanted {
                    let more = write_some(&self.file, rest, offset + written as u64)?;
                    IoSlice::advance_slices(&mut rest, more);
                    written += more;
                }
            }
            offset += wanted as u64;
        }
        Ok(())
    }

    /// One call that returns when the disk has it, which for the kernel is the least work and no memory: what is read
    /// again soon lies in the broker's own. The cache never holds anything older, which is for Linux to see to.
    fn write_durably(&self, blocks: &[u8], offset: u64) -> io::Result<()> {
        let mut written = 0;
        while let Some(direct) = self.direct().filter(|_| written < blocks.len()) {
            let rest = [IoSlice::new(&blocks[written..])];
            match rustix::io::pwritev2(direct, &rest, offset + written as u64, ReadWriteFlags::DSYNC) {
                // Some file systems take the flag and then no such write, or only a part that does not end at a block.
                Ok(0) | Err(Errno::INVAL | Errno::OPNOTSUPP) => break,
                Ok(more) => written += more,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if written == blocks.len() {
            return Ok(());
        }
        self.write_at(&[IoSlice::new(&blocks[written..])], offset + written as u64)?;
        self.sync_data()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.file.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

fn write_some(file: &fs::File, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
    loop {
        match rustix::io::pwritev(file, slices, offset) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => return Ok(written),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl AsRef<Path> for RealDisk {
    fn as_ref(&self) -> &Path {
        &self.root
    }
}
