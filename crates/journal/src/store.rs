//! Reading records back.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;

use crate::batch::Lsn;
use crate::cache::{Cache, OpenFile, ReadFrame};
use crate::cold;
use crate::crypt::Vault;
use crate::disk::Disk;
use crate::error::Error;
use crate::frames::{Frames, Location};
use crate::hot;
use crate::index::{Entry, Found};
use crate::limits::SMALL_FRAME;
use crate::shared::{Counters, Shared};
use crate::source::Source;

/// Reads durable records, from any thread; clones share everything.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    disk: Arc<dyn Disk>,
    shared: Arc<Shared>,
    vault: Arc<Vault>,
    cache: Cache,
}

impl Store {
    pub(crate) fn new(disk: Arc<dyn Disk>, shared: Arc<Shared>, vault: Arc<Vault>, max_bytes: usize) -> Self {
        Self { inner: Arc::new(Inner { disk, shared, vault, cache: Cache::new(max_bytes) }) }
    }

    /// The records `first..=last`, all of them or an error. They are slices of whole frames (up to [`MAX_FRAME`](crate::MAX_FRAME)),
    /// which stay in memory as long as one of them does.
    pub fn read(&self, first: Lsn, last: Lsn) -> Result<Vec<Bytes>, Error> {
        let mut records = Vec::new();
        let mut lsn = first;
        while lsn <= last {
            let before = records.len();
            self.inner.read_some(lsn..=last, &mut records)?;
            lsn = lsn.plus((records.len() - before) as u64);
        }
        Ok(records)
    }

    /// Forgets a file that is not part of the log any more.
    pub(crate) fn forget(&self, key: u64) {
        self.inner.cache.forget(key);
    }

    /// Where the frames of a file that is not written any more lie.
    pub(crate) fn frames(&self, entry: &Entry) -> Result<Arc<Frames>, Error> {
        self.inner.frames(entry)
    }

    /// What the writer of this store did since it was opened.
    pub fn counters(&self) -> Counters {
        self.inner.shared.counters()
    }
}

impl Inner {
    /// Reads the first of the records and those behind it that lie in the same frame.
    fn read_some(&self, lsns: RangeInclusive<Lsn>, records: &mut Vec<Bytes>) -> Result<(), Error> {
        loop {
            let found = self.shared.index().find(*lsns.start())?;
            let key = found.entry.key;
            let before = records.len();
            match self.read_found(found, lsns.clone(), records) {
                Ok(()) => return Ok(()),
                // The file may have been replaced while it was read, and its space used again: then there is another.
                Err(error) if self.shared.index().contains(key) => return Err(error),
                Err(_) => records.truncate(before),
            }
        }
    }

    fn read_found(&self, found: Found, lsns: RangeInclusive<Lsn>, records: &mut Vec<Bytes>) -> Result<(), Error> {
        let Found { entry, location } = found;
        let lsn = *lsns.start();
        let location = match location {
            Some(location) => location,
            None => self.frames(&entry)?.locate(entry.first, lsn).ok_or(Error::Released { lsn })?,
        };
        let copy = |frame: &ReadFrame, records: &mut Vec<Bytes>| match frame.copy(lsns.clone(), records) {
            // A segment has all of its records, so what is missing was behind damage that was stepped over.
            Err(Error::Released { .. }) if !entry.file.cold => {
                Err(Error::corrupt(entry.file.name(), location.offset, "a record behind this frame is lost"))
            }
            other => other,
        };
        if let Some(frame) = self.cache.frame(entry.key, location.first) {
            return copy(&frame, records);
        }
        let source = self.source(&entry)?;
        let frame = match entry.file.cold {
            false => hot::read(&source, self.vault.store_id, location)
                .map(|(payload, spans)| ReadFrame::new(payload, spans))?,
            true => match self.read_cold(&source, &entry, location, &lsns)? {
                Cold::Frame(frame) => frame,
                Cold::Record(record) => {
                    records.push(record);
                    return Ok(());
                }
            },
        };
        let frame = Arc::new(frame);
        self.cache.keep(entry.key, location.first, Arc::clone(&frame));
        copy(&frame, records)
    }

    /// Reads a frame of a cold file, or only the record that is wanted of it: that is less work, as long as nobody wants
    /// the next one, too.
    fn read_cold(
        &self,
        source: &Source<'_>,
        entry: &Entry,
        location: Location,
        lsns: &RangeInclusive<Lsn>,
    ) -> Result<Cold, Error> {
        let table = cold::Table::read(source, location.offset, self.vault.store_id)?;
        let lsn = *lsns.start();
        let Some(record) = table.find(lsn) else { return Err(Error::Released { lsn }) };
        let single = lsns.start() == lsns.end() && table.payload_len > SMALL_FRAME;
        if single && self.cache.is_first_visit(entry.key, location.first) {
            return table.read_record(source, record).map(Cold::Record);
        }
        let payload = table.read_payload(source)?;
        Ok(Cold::Frame(ReadFrame::new(payload, table.spans())))
    }

    fn frames(&self, entry: &Entry) -> Result<Arc<Frames>, Error> {
        if let Some(frames) = self.shared.frames(entry.key) {
            return Ok(frames);
        }
        let Entry { key, file, first, end, .. } = *entry;
        let frames = match file.cold {
            false => Frames::load(&*self.disk, self.vault.store_id, file.first, first, end)?,
            true => cold::read_frames(&*self.disk, &self.vault, file)?,
        };
        let frames = Arc::new(frames);
        self.shared.keep_frames(key, Arc::clone(&frames));
        Ok(frames)
    }

    fn source(&self, entry: &Entry) -> Result<Source<'_>, Error> {
        let OpenFile { file, key } = self.file(entry)?;
        Ok(Source { disk: &*self.disk, file, name: entry.file.name(), key })
    }

    fn file(&self, entry: &Entry) -> Result<OpenFile, Error> {
        if let Some(file) = self.cache.file(entry.key) {
            return Ok(file);
        }
        let Source { file, key, .. } = Source::of_log(&*self.disk, &self.vault, entry.file)?;
        let file = OpenFile { file, key };
        self.cache.keep_file(entry.key, file.clone());
        if !self.shared.index().contains(entry.key) {
            // Removed meanwhile: an open handle would keep its space.
            self.cache.forget(entry.key);
        }
        Ok(file)
    }
}

/// What was read of a cold file.
enum Cold {
    Frame(ReadFrame),
    Record(Bytes),
}
