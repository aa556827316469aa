//! Reading records back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::batch::{Lsn, Records};
use crate::disk::{Disk, File, failed, guard};
use crate::error::Error;
use crate::frame::{Header, Parsed};
use crate::index::{Counters, Location, Shared};
use crate::limits::{BLOCK, CACHED_FRAMES, MAX_FRAME, OPEN_SEGMENTS};
use crate::recovery::read_payload;
use crate::segment;

/// Reads durable records, from any thread; clones share everything.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    disk: Arc<dyn Disk>,
    shared: Arc<Shared>,
    store_id: u64,
    cache: Mutex<Cache>,
}

/// A frame that was read and verified.
struct ReadFrame {
    first: Lsn,
    payload: Bytes,
    /// Where each record begins in the payload, behind its length.
    offsets: Vec<u32>,
}

/// The frames and files used last, the latest at the back.
struct Cache {
    frames: VecDeque<Arc<ReadFrame>>,
    bytes: usize,
    max_bytes: usize,
    files: VecDeque<(u64, Arc<dyn File>)>,
}

impl Store {
    pub(crate) fn new(disk: Arc<dyn Disk>, shared: Arc<Shared>, store_id: u64, max_bytes: usize) -> Self {
        let cache = Cache { frames: VecDeque::new(), bytes: 0, max_bytes, files: VecDeque::new() };
        Self { inner: Arc::new(Inner { disk, shared, store_id, cache: Mutex::new(cache) }) }
    }

    /// The records `first..=last`, all of them or an error. They are slices of whole frames (up to [`MAX_FRAME`]),
    /// which stay in memory as long as one of them does.
    pub fn read(&self, first: Lsn, last: Lsn) -> Result<Vec<Bytes>, Error> {
        let mut records = Vec::new();
        let mut lsn = first;
        while lsn <= last {
            let location = self.inner.shared.index().locate(lsn)?;
            let frame = self.frame(location).or_else(|error| {
                // The segment may have been trimmed, and its file reused, while it was read.
                self.inner.shared.index().locate(lsn).and(Err(error))
            })?;
            let begin = (lsn.0 - frame.first.0) as usize;
            let end = frame.offsets.len().min((last.0 - frame.first.0 + 1).try_into().unwrap_or(usize::MAX));
            records.extend((begin..end).map(|index| frame.record(index)));
            lsn = frame.first.plus(end as u64);
        }
        Ok(records)
    }

    /// What the writer of this store did since it was opened.
    pub fn counters(&self) -> Counters {
        self.inner.shared.counters()
    }

    fn frame(&self, location: Location) -> Result<Arc<ReadFrame>, Error> {
        if let Some(frame) = guard(&self.inner.cache).frame(location.first) {
            return Ok(frame);
        }
        let frame = Arc::new(self.read_frame(location)?);
        guard(&self.inner.cache).keep(Arc::clone(&frame));
        Ok(frame)
    }

    fn read_frame(&self, location: Location) -> Result<ReadFrame, Error> {
        let Location { segment, offset, first } = location;
        let corrupt = |reason| Error::Corrupt { segment, offset, reason };
        let file = self.file(segment)?;
        let read = |buffer: &mut [u8], at: u64| {
            let name = segment::name(segment);
            let read = file.read_at(buffer, offset + at).map_err(failed(&*self.inner.disk, "read", &name))?;
            if read < buffer.len() { Err(corrupt("the file became shorter")) } else { Ok(()) }
        };
        let mut block = [0; BLOCK];
        read(&mut block, 0)?;
        let header = match Header::parse(&block, self.inner.store_id) {
            Parsed::Frame(header, _) if header.first_lsn == first.0 && header.payload_len as usize <= MAX_FRAME => {
                header
            }
            _ => return Err(corrupt("the frame's header is damaged")),
        };
        let payload = read_payload(&header, &block, read)?;
        if crc32c::crc32c(&payload) != header.payload_crc {
            return Err(corrupt("the frame's payload is damaged"));
        }
        let mut offsets = Vec::with_capacity(header.rec_count as usize);
        let mut at = 0;
        for record in Records::of(&payload) {
            let Some(record) = record else { return Err(corrupt("the frame ends inside a record")) };
            offsets.push(at + 4);
            at += 4 + record.len() as u32;
        }
        if offsets.len() != header.rec_count as usize {
            return Err(corrupt("the frame holds another number of records than it says"));
        }
        Ok(ReadFrame { first, payload, offsets })
    }

    fn file(&self, number: u64) -> Result<Arc<dyn File>, Error> {
        if let Some(file) = guard(&self.inner.cache).file(number) {
            return Ok(file);
        }
        let name = segment::name(number);
        let file = self.inner.disk.open(&name).map_err(failed(&*self.inner.disk, "open", &name))?;
        guard(&self.inner.cache).keep_file(number, Arc::clone(&file));
        Ok(file)
    }
}

impl ReadFrame {
    fn record(&self, index: usize) -> Bytes {
        let begin = self.offsets[index] as usize;
        let end = self.offsets.get(index + 1).map_or(self.payload.len(), |&next| next as usize - 4);
        self.payload.slice(begin..end)
    }
}

impl Cache {
    fn frame(&mut self, first: Lsn) -> Option<Arc<ReadFrame>> {
        let index = self.frames.iter().rposition(|frame| frame.first == first)?;
        let frame = self.frames.remove(index)?;
        self.frames.push_back(Arc::clone(&frame));
        Some(frame)
    }

    fn keep(&mut self, frame: Arc<ReadFrame>) {
        self.bytes += frame.payload.len();
        self.frames.push_back(frame);
        while self.frames.len() > CACHED_FRAMES || self.bytes > self.max_bytes {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.bytes -= oldest.payload.len();
        }
    }

    fn file(&mut self, number: u64) -> Option<Arc<dyn File>> {
        let index = self.files.iter().rposition(|(open, _)| *open == number)?;
        let entry = self.files.remove(index)?;
        let file = Arc::clone(&entry.1);
        self.files.push_back(entry);
        Some(file)
    }

    fn keep_file(&mut self, number: u64, file: Arc<dyn File>) {
        self.files.push_back((number, file));
        if self.files.len() > OPEN_SEGMENTS {
            self.files.pop_front();
        }
    }
}
