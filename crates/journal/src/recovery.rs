//! Reading the log from its beginning: what is sound is replayed, a torn tail is cut, damage is refused.

use std::io;

use bytes::Bytes;

use crate::batch::{Lsn, Records};
use crate::disk::{Disk, failed};
use crate::error::{Error, ReplayError};
use crate::frame::{HEADER, Header, Parsed, VERSION, span};
use crate::index::Index;
use crate::limits::{BLOCK, CHUNK, MAX_FRAME, ZEROS};
use crate::segment::{self, Segment, SegmentHeader, write_zeros};

/// Called with each record at open: its number, its time in ms since 1970, its bytes.
pub type Replay<'a> = dyn FnMut(Lsn, u64, &[u8]) -> Result<(), ReplayError> + 'a;

/// A write that was never confirmed and is not whole: removed at open.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Number of the segment.
    pub segment: u64,
    /// Where in its file the torn frame began.
    pub offset: u64,
    /// How much was replaced by zeros.
    pub bytes: u64,
}

/// Where the log ends and the writer continues.
pub(crate) struct Tail {
    pub(crate) segment: Segment,
    /// Offset of the next frame.
    pub(crate) at: u64,
    pub(crate) expect: Expect,
}

/// What the next frame must say.
#[derive(Clone)]
pub(crate) struct Expect {
    pub(crate) block_no: u64,
    pub(crate) prev_crc: u32,
    pub(crate) lsn: Lsn,
    /// The epoch of the frame before; it never falls.
    pub(crate) epoch: u64,
    /// The time of the frame before.
    pub(crate) time: u64,
}

pub(crate) struct Recovered {
    pub(crate) tail: Tail,
    pub(crate) index: Index,
    pub(crate) cut: Option<TornTail>,
}

/// Reads the segments `numbers`, ascending and at least one, and makes sure that all of what was read is durable.
pub(crate) fn recover<'a>(
    disk: &'a dyn Disk,
    store_id: u64,
    numbers: &[u64],
    replay: &'a mut Replay<'a>,
) -> Result<Recovered, Error> {
    let (segment, header) = Segment::open(disk, numbers[0], store_id)?;
    let expect = Expect {
        block_no: header.first_block,
        prev_crc: header.prev_crc,
        lsn: Lsn(header.first_lsn),
        epoch: header.epoch,
        time: 0,
    };
    let mut index = Index::default();
    index.begin_segment(segment.number, expect.lsn);
    let mut scan = Scan { disk, store_id, segment, at: BLOCK as u64, expect, index, replay, last: None };
    scan.frames()?;
    for &number in &numbers[1..] {
        scan.enter(number)?;
        scan.frames()?;
    }
    let cut = scan.end()?;
    scan.harden()?;
    let tail = Tail { segment: scan.segment, at: scan.at, expect: scan.expect };
    Ok(Recovered { tail, index: scan.index, cut })
}

struct Scan<'a> {
    disk: &'a dyn Disk,
    store_id: u64,
    segment: Segment,
    at: u64,
    expect: Expect,
    index: Index,
    replay: &'a mut Replay<'a>,
    /// The last sound frame of this segment.
    last: Option<(u64, u64)>,
}

impl Scan<'_> {
    /// Replays the frames of this segment; `at` then is where the first unsound one would be.
    fn frames(&mut self) -> Result<(), Error> {
        while self.at + BLOCK as u64 <= self.segment.len {
            let mut block = [0; BLOCK];
            self.read(&mut block, self.at)?;
            let (header, crc) = match Header::parse(&block, self.store_id) {
                Parsed::Nothing => return Ok(()),
                Parsed::Newer(found) => return Err(self.newer(found)),
                Parsed::Frame(header, crc) => (header, crc),
            };
            if header.block_no != self.expect.block_no {
                // An older frame of a recycled file is the end; a later one is found by `end` or `enter`.
                return Ok(());
            }
            if header.payload_len as usize > MAX_FRAME {
                return Err(self.corrupt("the frame is longer than the limit"));
            }
            if header.span() > self.segment.len - self.at {
                return Ok(());
            }
            let payload = self.payload(&header, &block)?;
            if crc32c::crc32c(&payload) != header.payload_crc {
                return Ok(());
            }
            self.accept(&header, crc, &payload)?;
        }
        Ok(())
    }

    /// Takes a frame whose checksums hold. A torn write cannot look like this, so whatever is wrong now is damage.
    fn accept(&mut self, header: &Header, crc: u32, payload: &[u8]) -> Result<(), Error> {
        if header.prev_crc != self.expect.prev_crc {
            return Err(self.corrupt("the frame does not continue the one before"));
        }
        if header.epoch < self.expect.epoch {
            return Err(self.corrupt("the frame is of an epoch that had ended"));
        }
        if header.first_lsn != self.expect.lsn.0 {
            return Err(self.corrupt("the frame's first record has the wrong number"));
        }
        let sound = Records::of(payload).try_fold(0, |count, record| record.map(|_| count + 1));
        if sound != Some(header.rec_count) {
            return Err(self.corrupt("the frame holds another number of records than it says"));
        }
        let mut lsn = self.expect.lsn;
        for record in Records::of(payload).flatten() {
            (self.replay)(lsn, header.time, record).map_err(|source| Error::Replay { lsn, source })?;
            lsn = lsn.plus(1);
        }
        self.index.push(self.at, header.rec_count);
        self.last = Some((self.at, header.span()));
        self.at += header.span();
        self.expect =
            Expect { block_no: header.block_no + 1, prev_crc: crc, lsn, epoch: header.epoch, time: header.time };
        Ok(())
    }

    /// Goes on to the next segment, whose header tells whether this one was read to its end.
    fn enter(&mut self, number: u64) -> Result<(), Error> {
        let (segment, header) = match Segment::open(self.disk, number, self.store_id) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Corrupt { segment: number, offset: 0, reason: "the file is missing" });
            }
            other => other?,
        };
        let SegmentHeader { first_block, first_lsn, prev_crc, epoch, .. } = header;
        if first_block != self.expect.block_no || first_lsn != self.expect.lsn.0 || prev_crc != self.expect.prev_crc {
            return Err(self.corrupt("the frame is damaged, and the next segment shows that it was durable"));
        }
        if epoch < self.expect.epoch {
            return Err(Error::Corrupt { segment: number, offset: 0, reason: "its epoch had ended" });
        }
        self.expect.epoch = epoch;
        self.index.begin_segment(number, self.expect.lsn);
        (self.segment, self.at, self.last) = (segment, BLOCK as u64, None);
        Ok(())
    }

    /// Decides what lies behind the last sound frame of the log: nothing, a torn write (cut), or damage (refused).
    fn end(&mut self) -> Result<Option<TornTail>, Error> {
        // No more than this can have been written and not synced.
        let mut window = (self.at + span(MAX_FRAME)).min(self.segment.len);
        let mut used = self.at;
        let mut chunk = vec![0; CHUNK];
        let mut at = self.at;
        while at < self.segment.len {
            let length = (self.segment.len - at).min(CHUNK as u64) as usize;
            self.read(&mut chunk[..length], at)?;
            for block in chunk[..length].chunks_exact(BLOCK) {
                match Header::parse(block, self.store_id) {
                    Parsed::Newer(found) => return Err(self.newer(found)),
                    Parsed::Frame(header, _) if header.block_no > self.expect.block_no => {
                        return Err(self.corrupt("the frame is damaged, and a later one shows that it was durable"));
                    }
                    _ => {}
                }
                at += BLOCK as u64;
                if at <= window && block != ZEROS {
                    used = at;
                }
                if self.segment.recycled && at == self.at + BLOCK as u64 && used == self.at {
                    // The end mark is there, so what follows is of an earlier use.
                    window = 0;
                }
            }
        }
        if used <= self.at {
            return Ok(None);
        }
        self.io("zero", |segment| write_zeros(&*segment.file, self.at, used))?;
        Ok(Some(TornTail { segment: self.segment.number, offset: self.at, bytes: used - self.at }))
    }

    /// Makes durable what was read. The last frame may be in the system's cache only, even after a sync that failed in
    /// an earlier process: such data counts as written although it never reached the disk. So it is written again.
    fn harden(&self) -> Result<(), Error> {
        if let Some((offset, span)) = self.last {
            let mut frame = vec![0; span as usize];
            self.read(&mut frame, offset)?;
            self.io("write", |segment| segment.file.write_at(&[io::IoSlice::new(&frame)], offset))?;
        }
        self.io("sync", |segment| segment.file.sync_data())
    }

    fn payload(&self, header: &Header, block: &[u8; BLOCK]) -> Result<Bytes, Error> {
        read_payload(header, block, |rest, offset| self.read(rest, self.at + offset))
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        let read = self.io("read", |segment| segment.file.read_at(buffer, offset))?;
        if read < buffer.len() {
            return Err(self.corrupt("the file became shorter"));
        }
        Ok(())
    }

    fn io<T>(&self, operation: &'static str, act: impl FnOnce(&Segment) -> io::Result<T>) -> Result<T, Error> {
        act(&self.segment).map_err(|error| failed(self.disk, operation, &segment::name(self.segment.number))(error))
    }

    fn corrupt(&self, reason: &'static str) -> Error {
        Error::Corrupt { segment: self.segment.number, offset: self.at, reason }
    }

    fn newer(&self, found: u8) -> Error {
        Error::Newer { path: self.disk.path(&segment::name(self.segment.number)), found, known: VERSION }
    }
}

/// The payload of a frame whose first block is known; `read` fills a buffer from an offset within the frame.
pub(crate) fn read_payload(
    header: &Header,
    block: &[u8; BLOCK],
    read: impl FnOnce(&mut [u8], u64) -> Result<(), Error>,
) -> Result<Bytes, Error> {
    let length = header.payload_len as usize;
    let here = length.min(BLOCK - HEADER);
    let mut payload = vec![0; length];
    payload[..here].copy_from_slice(&block[HEADER..HEADER + here]);
    if here < length {
        read(&mut payload[here..], BLOCK as u64)?;
    }
    Ok(payload.into())
}
