//! The frames and files read last.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::batch::Lsn;
use crate::crypt::DataKey;
use crate::disk::{File, guard};
use crate::error::Error;
use crate::hot::Span;
use crate::limits::{CACHED_FRAMES, OPEN_SEGMENTS};

/// A frame that was read and verified.
pub(crate) struct ReadFrame {
    payload: Bytes,
    /// Ascending.
    spans: Vec<Span>,
}

/// A file by its key, and the first record of a frame in it.
type Place = (u64, Lsn);

/// A file, and what its contents are sealed with.
#[derive(Clone)]
pub(crate) struct OpenFile {
    pub(crate) file: Arc<dyn File>,
    pub(crate) key: Option<Arc<DataKey>>,
}

/// The latest are at the back.
pub(crate) struct Cache {
    max_bytes: usize,
    frames: Mutex<Frames>,
    files: Mutex<VecDeque<(u64, OpenFile)>>,
}

#[derive(Default)]
struct Frames {
    read: VecDeque<(Place, Arc<ReadFrame>)>,
    bytes: usize,
    /// Frames of which one record was read.
    visited: VecDeque<Place>,
}

impl ReadFrame {
    pub(crate) fn new(payload: Bytes, spans: Vec<Span>) -> Self {
        Self { payload, spans }
    }

    /// Appends the first of the records, and those behind it without a gap.
    pub(crate) fn copy(&self, lsns: RangeInclusive<Lsn>, records: &mut Vec<Bytes>) -> Result<(), Error> {
        let (first, last) = lsns.into_inner();
        let begin = self.spans.partition_point(|span| span.lsn < first);
        let mut next = first;
        for span in &self.spans[begin..] {
            if span.lsn != next || span.lsn > last {
                break;
            }
            let begin = span.begin as usize;
            records.push(self.payload.slice(begin..begin + span.len as usize));
            next = next.plus(1);
        }
        if next == first { Err(Error::Released { lsn: first }) } else { Ok(()) }
    }
}

impl Cache {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, frames: Mutex::default(), files: Mutex::default() }
    }

    pub(crate) fn frame(&self, key: u64, first: Lsn) -> Option<Arc<ReadFrame>> {
        let read = &mut guard(&self.frames).read;
        let index = read.iter().rposition(|(place, _)| *place == (key, first))?;
        let entry = read.remove(index)?;
        let frame = Arc::clone(&entry.1);
        read.push_back(entry);
        Some(frame)
    }

    pub(crate) fn keep(&self, key: u64, first: Lsn, frame: Arc<ReadFrame>) {
        let mut frames = guard(&self.frames);
        frames.bytes += frame.payload.len();
        frames.read.push_back(((key, first), frame));
        while frames.read.len() > CACHED_FRAMES || frames.bytes > self.max_bytes {
            let Some((_, oldest)) = frames.read.pop_front() else { break };
            frames.bytes -= oldest.payload.len();
        }
    }

    /// Whether no record of this frame was read alone lately; from now on one was.
    pub(crate) fn is_first_visit(&self, key: u64, first: Lsn) -> bool {
        let visited = &mut guard(&self.frames).visited;
        if let Some(index) = visited.iter().position(|place| *place == (key, first)) {
            visited.remove(index);
            return false;
        }
        visited.push_back((key, first));
        if visited.len() > CACHED_FRAMES {
            visited.pop_front();
        }
        true
    }

    pub(crate) fn file(&self, key: u64) -> Option<OpenFile> {
        let mut files = guard(&self.files);
        let index = files.iter().rposition(|(open, _)| *open == key)?;
        let entry = files.remove(index)?;
        let file = entry.1.clone();
        files.push_back(entry);
        Some(file)
    }

    pub(crate) fn keep_file(&self, key: u64, file: OpenFile) {
        let mut files = guard(&self.files);
        files.push_back((key, file));
        if files.len() > OPEN_SEGMENTS {
            files.pop_front();
        }
    }

    pub(crate) fn forget(&self, key: u64) {
        guard(&self.files).retain(|(open, _)| *open != key);
        let mut frames = guard(&self.frames);
        let Frames { read, bytes, .. } = &mut *frames;
        read.retain(|((of, _), frame)| {
            let other = *of != key;
            *bytes -= if other { 0 } else { frame.payload.len() };
            other
        });
    }
}
