//! The one writer of the log.

use std::io::IoSlice;
use std::sync::Arc;

use crate::batch::{Batch, Lsn, fitting};
use crate::disk::{Disk, Lock, failed};
use crate::error::Error;
use crate::frame::{self, HEADER, Header};
use crate::index::Shared;
use crate::limits::{BLOCK, MAX_FRAME, Options, ZEROS};
use crate::preallocator::Pool;
use crate::recovery::Tail;
use crate::segment::{self, Segment, SegmentHeader};

/// Appends to the log and trims it. After its first error every call fails with [`Error::Poisoned`].
pub struct Writer {
    disk: Arc<dyn Disk>,
    shared: Arc<Shared>,
    pool: Arc<Pool>,
    tail: Tail,
    store_id: u64,
    max_frame: usize,
    small_segment: u64,
    poisoned: bool,
    _lock: Arc<dyn Lock>,
}

/// The content of the frame to be written, in place.
#[derive(Default)]
struct Gathered<'a> {
    slices: Vec<&'a [u8]>,
    len: usize,
    count: u32,
    time: u64,
}

impl Writer {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        shared: Arc<Shared>,
        pool: Arc<Pool>,
        tail: Tail,
        store_id: u64,
        options: &Options,
        lock: Arc<dyn Lock>,
    ) -> Self {
        let max_frame = options.max_frame_bytes.min(MAX_FRAME);
        let small_segment = options.first_segment_bytes;
        Self { disk, shared, pool, tail, store_id, max_frame, small_segment, poisoned: false, _lock: lock }
    }

    /// Appends batches that continue the log, as few frames as the limit allows, each with one write and one
    /// fdatasync; nothing is copied. Returns the number of the last durable record.
    pub fn append(&mut self, batches: &[Batch]) -> Result<Lsn, Error> {
        self.guarded(|writer| writer.append_frames(batches))?;
        Ok(Lsn(self.tail.expect.lsn.0 - 1))
    }

    /// Frees the oldest segments as long as all their records are older than `before`; never the current one.
    pub fn trim(&mut self, before: Lsn) -> Result<(), Error> {
        self.guarded(|writer| {
            loop {
                let oldest = writer.shared.index().trimmable(before);
                let Some(number) = oldest else { return Ok(()) };
                // First nobody finds it any more; a reader who has it open notices when the file is used again.
                writer.shared.index_mut().drop_oldest();
                writer.pool.recycle(&*writer.disk, &segment::name(number))?;
            }
        })
    }

    /// Makes the epoch of this open durable, with a frame of no records.
    pub(crate) fn write_epoch(&mut self) -> Result<(), Error> {
        let time = self.tail.expect.time;
        self.guarded(|writer| writer.write_frame(&Gathered { time, ..Gathered::default() }))
    }

    fn guarded(&mut self, act: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        let result = act(self);
        self.poisoned = result.is_err();
        result
    }

    fn append_frames(&mut self, batches: &[Batch]) -> Result<(), Error> {
        let mut expected = self.tail.expect.lsn;
        for batch in batches {
            batch.check(expected)?;
            expected = expected.plus(u64::from(batch.count));
        }
        let mut frame = Gathered::default();
        for batch in batches {
            let (mut rest, mut left) = (&batch.payload[..], batch.count);
            while left > 0 {
                let room = self.max_frame.saturating_sub(frame.len);
                let (len, count) = match rest.len() <= room {
                    true => (rest.len(), left),
                    false => fitting(rest, room),
                };
                if count == 0 && frame.count > 0 {
                    self.write_frame(&frame)?;
                    frame = Gathered::default();
                    continue;
                }
                // A record longer than a frame's payload may be gets a frame of its own.
                let (len, count) = if count == 0 { (record_len(rest), 1) } else { (len, count) };
                frame.slices.push(&rest[..len]);
                frame.len += len;
                frame.count += count;
                frame.time = batch.time;
                rest = &rest[len..];
                left -= count;
            }
        }
        if frame.count > 0 { self.write_frame(&frame) } else { Ok(()) }
    }

    fn write_frame(&mut self, frame: &Gathered<'_>) -> Result<(), Error> {
        let span = frame::span(frame.len);
        if span > self.tail.segment.len - self.tail.at {
            self.begin_segment(span)?;
        }
        let expect = &self.tail.expect;
        let header = Header {
            rec_count: frame.count,
            payload_len: frame.len as u32,
            epoch: expect.epoch,
            block_no: expect.block_no,
            store_id: self.store_id,
            first_lsn: expect.lsn.0,
            time: frame.time,
            prev_crc: expect.prev_crc,
            payload_crc: frame.slices.iter().fold(0, |crc, slice| crc32c::crc32c_append(crc, slice)),
        };
        let (bytes, crc) = header.encode();
        let mut slices = Vec::with_capacity(frame.slices.len() + 3);
        slices.push(IoSlice::new(&bytes));
        slices.extend(frame.slices.iter().map(|slice| IoSlice::new(slice)));
        slices.push(IoSlice::new(&ZEROS[..span as usize - HEADER - frame.len]));
        let (segment, at) = (&self.tail.segment, self.tail.at);
        if segment.recycled && at + span < segment.len {
            slices.push(IoSlice::new(&ZEROS));
        }
        self.io("write", |segment| segment.file.write_at(&slices, at))?;
        self.io("sync", |segment| segment.file.sync_data())?;
        self.advance(&header, crc);
        Ok(())
    }

    /// Counts a durable frame in.
    fn advance(&mut self, header: &Header, crc: u32) {
        let span = header.span();
        self.shared.index_mut().push(self.tail.at, header.rec_count);
        self.shared.count_frame(span);
        self.tail.at += span;
        let expect = &mut self.tail.expect;
        expect.block_no += 1;
        expect.prev_crc = crc;
        expect.lsn = expect.lsn.plus(u64::from(header.rec_count));
        expect.time = header.time;
        if self.tail.at > self.tail.segment.len / 2 {
            self.pool.request();
        }
    }

    fn begin_segment(&mut self, need: u64) -> Result<(), Error> {
        let expect = &self.tail.expect;
        let header = SegmentHeader {
            store_id: self.store_id,
            number: self.tail.segment.number + 1,
            epoch: expect.epoch,
            first_block: expect.block_no,
            first_lsn: expect.lsn.0,
            prev_crc: expect.prev_crc,
            recycled: false,
        };
        let segment = Segment::begin(&*self.disk, &self.pool, header, need, self.small_segment)?;
        self.shared.index_mut().begin_segment(segment.number, self.tail.expect.lsn);
        (self.tail.segment, self.tail.at) = (segment, BLOCK as u64);
        Ok(())
    }

    fn io<T>(&self, operation: &'static str, act: impl FnOnce(&Segment) -> std::io::Result<T>) -> Result<T, Error> {
        let segment = &self.tail.segment;
        act(segment).map_err(|error| failed(&*self.disk, operation, &segment::name(segment.number))(error))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.pool.close();
    }
}

/// Length of the first record with its length field.
fn record_len(payload: &[u8]) -> usize {
    4 + frame::u32_at(payload, 0) as usize
}
