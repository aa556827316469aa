//! Real files whose unsynced writes live only in this process: SIGKILL loses exactly what a power cut would lose.
//!
//! Names (create, rename, remove) reach the folder at once; only contents are held back.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::real::RealDisk;
use super::{Disk, File, Lock, guard};

const PAGE: usize = 4096;

pub struct VolatileDisk {
    below: RealDisk,
    /// Files in use, so that all handles of a file see the same unsynced writes.
    files: Mutex<BTreeMap<String, Arc<VolatileFile>>>,
    sync: Sync,
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Sync {
    WritesThrough,
    Lies,
}

impl VolatileDisk {
    pub fn new(root: impl Into<PathBuf>) -> io::Result<Self> {
        Ok(Self { below: RealDisk::new(root)?, files: Mutex::default(), sync: Sync::WritesThrough })
    }

    /// A disk that says "synced" and keeps everything in memory: a crash test that passes on it is no test.
    pub fn skip_sync(root: impl Into<PathBuf>) -> io::Result<Self> {
        Ok(Self { sync: Sync::Lies, ..Self::new(root)? })
    }

    fn share(&self, name: &str, below: Arc<dyn File>) -> io::Result<Arc<dyn File>> {
        let mut files = guard(&self.files);
        if let Some(file) = files.get(name) {
            return Ok(Arc::clone(file) as Arc<dyn File>);
        }
        let size = below.size()?;
        let pages = Mutex::new(Pages { size, dirty: BTreeMap::new() });
        let file = Arc::new(VolatileFile { below, sync: self.sync, pages });
        files.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

impl Disk for VolatileDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.share(name, self.below.create(name)?)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.share(name, self.below.open(name)?)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.below.list(folder)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = guard(&self.files);
        self.below.rename(from, to)?;
        if let Some(file) = files.remove(from) {
            files.insert(to.to_owned(), file);
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut files = guard(&self.files);
        files.remove(name);
        self.below.remove(name)
    }

    fn create_dir(&self, folder: &str) -> io::Result<()> {
        self.below.create_dir(folder)
    }

    fn sync_dir(&self, _folder: &str) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.below.lock(name)
    }

    fn randomness(&self, buffer: &mut [u8]) -> io::Result<()> {
        self.below.randomness(buffer)
    }

    fn free(&self) -> io::Result<u64> {
        self.below.free()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.below.path(name)
    }
}

struct VolatileFile {
    below: Arc<dyn File>,
    sync: Sync,
    pages: Mutex<Pages>,
}

struct Pages {
    /// Length of the file including unsynced writes.
    size: u64,
    dirty: BTreeMap<u64, Box<[u8; PAGE]>>,
}

impl File for VolatileFile {
    fn write_at(&self, slices: &[IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        let mut pages = guard(&self.pages);
        for slice in slices {
            let mut rest = &slice[..];
            while !rest.is_empty() {
                let within = (offset % PAGE as u64) as usize;
                let (now, later) = rest.split_at(rest.len().min(PAGE - within));
                let page = pages.page(&*self.below, offset / PAGE as u64)?;
                page[within..within + now.len()].copy_from_slice(now);
                offset += now.len() as u64;
                rest = later;
            }
        }
        pages.size = pages.size.max(offset);
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let pages = guard(&self.pages);
        let end = pages.size.min(offset + buffer.len() as u64);
        if end <= offset {
            // As other disks answer who reads behind the end.
            return Ok(0);
        }
        let length = (end - offset) as usize;
        let buffer = &mut buffer[..length];
        let read = self.below.read_at(buffer, offset)?;
        buffer[read..].fill(0);
        for (number, page) in pages.dirty.range(offset / PAGE as u64..end.div_ceil(PAGE as u64)) {
            let begin = number * PAGE as u64;
            let (from, to) = (begin.max(offset), (begin + PAGE as u64).min(end));
            let source = &page[(from - begin) as usize..(to - begin) as usize];
            buffer[(from - offset) as usize..(to - offset) as usize].copy_from_slice(source);
        }
        Ok(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.sync == Sync::Lies {
            return Ok(());
        }
        let mut pages = guard(&self.pages);
        let size = pages.size;
        while let Some((number, page)) = pages.dirty.first_key_value() {
            let begin = number * PAGE as u64;
            let length = (size - begin).min(PAGE as u64) as usize;
            self.below.write_at(&[IoSlice::new(&page[..length])], begin)?;
            pages.dirty.pop_first();
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(guard(&self.pages).size)
    }
}

impl Pages {
    /// The unsynced page `number`, begun with what the file holds.
    fn page(&mut self, below: &dyn File, number: u64) -> io::Result<&mut [u8; PAGE]> {
        match self.dirty.entry(number) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let mut page = Box::new([0; PAGE]);
                below.read_at(&mut page[..], number * PAGE as u64)?;
                Ok(entry.insert(page))
            }
        }
    }
}
