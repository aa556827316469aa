//! The one writer of the log.

use std::io::IoSlice;
use std::sync::Arc;

use crate::batch::{Batch, Hold, Lsn};
use crate::checkpoint::Checkpoint;
use crate::crypt::{DataKey, FRAME_SEAL, Nonces, Vault};
use crate::disk::{Disk, Lock, failed};
use crate::error::{Error, is_full};
use crate::frame::{self, FIRST_VERSION, Header, SEALED};
use crate::frame_buffer::{FrameBuffer, gather};
use crate::holders::Table;
use crate::keeper::{Desk, Spare};
use crate::limits::{BLOCK, Durability, MAX_FRAME, Options, round_up};
use crate::recovery::Tail;
use crate::segment::{Segment, SegmentHeader};
use crate::shared::Shared;
use crate::space::Space;

/// Appends to the log. After its first error every call fails with [`Error::Poisoned`].
pub struct Writer {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) tail: Tail,
    pub(crate) table: Table,
    /// Where the last checkpoint begins.
    pub(crate) last_checkpoint: Lsn,
    pub(crate) vault: Arc<Vault>,
    pub(crate) nonces: Nonces,
    pub(crate) buffer: FrameBuffer,
    pub(crate) settings: Settings,
    pub(crate) poisoned: bool,
    pub(crate) _lock: Arc<dyn Lock>,
}

/// What does not change while the store is open.
pub(crate) struct Settings {
    /// Of what is written.
    pub(crate) version: u8,
    pub(crate) durability: Durability,
    max_frame: usize,
    small_segment: u64,
}

/// Asked when the disk is full: to wait for room and try again, or to give up with an error.
pub type OnFull<'a> = dyn FnMut(&Writer, Error) -> Result<(), Error> + 'a;

/// What a frame is written for.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Purpose {
    Records,
    /// To make the epoch durable, which must be possible on a full disk, too: without it nothing can be read.
    Epoch,
}

/// The content of the frame to be written, in place.
#[derive(Default)]
struct Gathered<'a> {
    slices: Vec<&'a [u8]>,
    len: usize,
    count: u32,
    time: u64,
    reread: bool,
}

impl Settings {
    pub(crate) fn new(options: &Options, version: u8) -> Self {
        let sealed = if version == SEALED { FRAME_SEAL } else { 0 };
        let max_frame = options.max_frame_bytes.min(MAX_FRAME).saturating_sub(sealed);
        Self { version, durability: options.durability, max_frame, small_segment: options.first_segment_bytes }
    }

    /// Whether frames are not waited for. The first format cannot say so; there the owner must know.
    fn unsynced(&self) -> bool {
        self.durability != Durability::Fsync && self.version > FIRST_VERSION
    }
}

impl Writer {
    /// Appends batches that continue the log, as few frames as the limit allows, each with one write and one
    /// sync. Returns the number of the last durable record. A full disk is an error.
    pub fn append(&mut self, batches: &[Batch]) -> Result<Lsn, Error> {
        self.append_or(batches, &mut |_, error| Err(error))
    }

    /// As [`Writer::append`]; when there is no room for the next segment, `full` decides. What does not fit is not lost
    /// meanwhile: it is written when there is room.
    pub fn append_or(&mut self, batches: &[Batch], full: &mut OnFull<'_>) -> Result<Lsn, Error> {
        self.guarded(|writer| {
            writer.append_frames(batches, full)?;
            writer.count_holders(batches);
            Ok(())
        })?;
        Ok(Lsn(self.tail.expect.lsn.0 - 1))
    }

    /// How much room the store takes, and has.
    pub fn space(&self) -> Result<Space, Error> {
        Space::look(&*self.disk, &self.shared, &self.desk)
    }

    /// Number of the segment being written.
    pub fn segment(&self) -> u64 {
        self.tail.segment.number
    }

    pub(crate) fn durability(&self) -> Durability {
        self.settings.durability
    }

    pub(crate) fn set_stalled(&self, stalled: bool) {
        self.desk.state().stalled = stalled;
    }

    pub(crate) fn wait_for_room(&self) {
        self.desk.wait_for_room();
    }

    /// Makes the epoch of this open durable, with a frame of no records.
    pub(crate) fn write_epoch(&mut self) -> Result<(), Error> {
        let time = self.tail.expect.time;
        let epoch = Gathered { time, ..Gathered::default() };
        self.guarded(|writer| writer.write_frame(&epoch, Purpose::Epoch, &mut |_, error| Err(error)))
    }

    fn guarded(&mut self, act: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        if self.poisoned || self.shared.has_failed() {
            return Err(Error::Poisoned);
        }
        let result = act(self);
        self.poisoned = result.is_err();
        result
    }

    fn append_frames(&mut self, batches: &[Batch], full: &mut OnFull<'_>) -> Result<(), Error> {
        let mut expected = self.tail.expect.lsn;
        for batch in batches {
            batch.check(expected)?;
            if batch.checkpoint.is_some_and(|first| first < self.last_checkpoint) {
                let reason = "its checkpoint begins before the one before";
                return Err(Error::Batch { first: batch.first, reason });
            }
            expected = expected.plus(u64::from(batch.count));
        }
        let mut frame = Gathered::default();
        for batch in batches {
            let (mut rest, mut left) = (batch.payload.rest(), batch.count);
            while left > 0 {
                let room = self.settings.max_frame.saturating_sub(frame.len);
                let (len, count) = match rest.len() <= room {
                    true => (rest.len(), left),
                    false => rest.fitting(room),
                };
                if count == 0 && frame.count > 0 {
                    self.write_frame(&frame, Purpose::Records, full)?;
                    frame = Gathered::default();
                    continue;
                }
                // A record longer than a frame's payload may be gets a frame of its own.
                let (len, count) = if count == 0 { (rest.first_len(), 1) } else { (len, count) };
                rest.take(len, |slice| frame.slices.push(slice));
                frame.len += len;
                frame.count += count;
                frame.time = batch.time;
                frame.reread |= batch.reread;
                left -= count;
            }
        }
        if frame.count > 0 { self.write_frame(&frame, Purpose::Records, full) } else { Ok(()) }
    }

    fn write_frame(&mut self, frame: &Gathered<'_>, purpose: Purpose, full: &mut OnFull<'_>) -> Result<(), Error> {
        let payload_len = frame.len + if self.settings.version == SEALED { FRAME_SEAL } else { 0 };
        let span = frame::span(payload_len);
        // A segment that was begun with other settings ends where it is.
        let ends = self.tail.segment.algorithm() != self.vault.writes();
        if ends || span > self.tail.segment.len - self.tail.at {
            let spare = match purpose {
                Purpose::Records => self.spare(span + BLOCK as u64, full)?,
                Purpose::Epoch => self.last_resort(span + BLOCK as u64)?,
            };
            self.begin_segment(spare)?;
        }
        let unsynced = self.settings.unsynced() && purpose == Purpose::Records;
        let mut header = self.header(frame, payload_len, unsynced);
        let (segment, at) = (&self.tail.segment, self.tail.at);
        let payload = self.buffer.payload(payload_len);
        match &segment.key {
            None => gather(&frame.slices, payload, |bite| {
                header.payload_crc = crc32c::crc32c_append(header.payload_crc, bite);
            }),
            Some(key) => {
                gather(&frame.slices, &mut payload[DataKey::content(payload_len)], |_| {});
                key.seal_frame(&mut self.nonces, &header.authentic(), payload);
                header.payload_crc = crc32c::crc32c(payload);
            }
        }
        let (bytes, crc) = header.encode();
        let end_mark = if segment.recycled && at + span < segment.len { BLOCK } else { 0 };
        let blocks = self.buffer.finish(&bytes, payload_len, end_mark);
        let waited = purpose == Purpose::Epoch || self.settings.durability == Durability::Fsync;
        let file = &segment.file;
        let cached = || file.write_at(&[IoSlice::new(blocks)], at);
        let written = match (waited, frame.reread) {
            (true, false) => file.write_durably(blocks, at),
            (true, true) => cached().and_then(|()| file.sync_data()),
            (false, _) => cached(),
        };
        written.map_err(|error| failed(&*self.disk, "write", &segment.name())(error))?;
        self.shared.count_frame(span, waited.into());
        self.advance(&header, crc);
        Ok(())
    }

    /// The header of the next frame, without the checksum of its payload.
    fn header(&self, frame: &Gathered<'_>, payload_len: usize, unsynced: bool) -> Header {
        let expect = &self.tail.expect;
        Header {
            version: self.settings.version,
            unsynced,
            rec_count: frame.count,
            payload_len: payload_len as u32,
            epoch: expect.epoch,
            block_no: expect.block_no,
            store_id: self.vault.store_id,
            first_lsn: expect.lsn.0,
            time: frame.time,
            prev_crc: expect.prev_crc,
            payload_crc: 0,
        }
    }

    /// Counts a durable frame in.
    fn advance(&mut self, header: &Header, crc: u32) {
        let span = header.span();
        self.shared.index_mut().push(self.tail.at, span, header.rec_count);
        self.tail.at += span;
        let expect = &mut self.tail.expect;
        expect.block_no += 1;
        expect.prev_crc = crc;
        expect.lsn = expect.lsn.plus(u64::from(header.rec_count));
        expect.time = header.time;
        if self.tail.at > self.tail.segment.len / 2 {
            self.desk.request();
        }
    }

    fn begin_segment(&mut self, spare: Spare) -> Result<(), Error> {
        let expect = &self.tail.expect;
        let header = SegmentHeader {
            version: self.settings.version,
            unsynced: self.settings.unsynced(),
            store_id: self.vault.store_id,
            number: self.tail.segment.number + 1,
            epoch: expect.epoch,
            first_block: expect.block_no,
            first_lsn: expect.lsn.0,
            prev_crc: expect.prev_crc,
            recycled: false,
        };
        let first = expect.lsn;
        let segment = Segment::begin(&*self.disk, spare, header, &self.vault)?;
        self.nonces.restart();
        let sealed = self.shared.begin_segment(segment.number, first, segment.len);
        self.table.begin_segment(first);
        (self.tail.segment, self.tail.at) = (segment, BLOCK as u64);
        if let Some(sealed) = sealed {
            self.desk.seal(sealed);
        }
        Ok(())
    }

    /// A file for a segment of `need` bytes: a spare, or else a small one, so that the writer does not wait for the
    /// keeper as long as there is room.
    fn spare(&self, need: u64, full: &mut OnFull<'_>) -> Result<Spare, Error> {
        loop {
            if let Some(spare) = self.desk.take(need) {
                return Ok(spare);
            }
            let bytes = round_up(self.settings.small_segment.max(need));
            match self.desk.make(&*self.disk, &self.shared, bytes) {
                Err(Error::Io { source, .. }) if is_full(&source) => {
                    self.desk.request();
                    full(self, Error::Full { source })?;
                    if self.shared.has_failed() {
                        return Err(Error::Poisoned);
                    }
                }
                other => return other,
            }
        }
    }

    /// A spare, or else a file as small as can be, of room that segments leave for this.
    fn last_resort(&self, need: u64) -> Result<Spare, Error> {
        match self.desk.take(need) {
            Some(spare) => Ok(spare),
            None => self.desk.make_at_any_cost(&*self.disk, need),
        }
    }

    /// Counts the holders of durable batches, and hands on the last checkpoint in them.
    fn count_holders(&mut self, batches: &[Batch]) {
        let mut last = None;
        for batch in batches {
            batch.holds.iter().for_each(|hold| self.hold(batch.first, hold));
            batch.releases.iter().for_each(|hold| self.table.release(hold));
            if let Some(first) = batch.checkpoint.filter(|_| self.settings.version > FIRST_VERSION) {
                last = Some(self.checkpoint(first, batch.last()));
            }
        }
        self.shared.set_live(self.table.total().bytes);
        if let Some(checkpoint) = last {
            self.desk.checkpoint(checkpoint);
        }
    }

    /// An older record that has no holder may be gone: to hold it is a bug of the owner, and of no effect.
    fn hold(&mut self, first: Lsn, hold: &Hold) {
        let possible = hold.lsn >= first || self.table.holders(hold.lsn) > 0;
        debug_assert!(possible, "record {} is held again", hold.lsn.0);
        if possible {
            self.table.hold(hold);
        }
    }

    fn checkpoint(&mut self, first: Lsn, end: Lsn) -> Checkpoint {
        let start = self.shared.index().holder_of(first);
        self.table.settle(start.first);
        self.last_checkpoint = first;
        let table = self.table.clone();
        let (epoch, start) = (self.tail.expect.epoch, start.file.last);
        Checkpoint { epoch, first, end, start, files: Vec::new(), table }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.desk.close();
    }
}
