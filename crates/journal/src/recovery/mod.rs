//! Reading the log from a checkpoint on: what is sound is replayed, a torn tail is cut, damage is refused, or on request
//! stepped over (before the checkpoint) or cut (behind it).

mod behind;
mod repair;

use std::io;

use self::behind::Behind;
pub use self::repair::{Damage, Repair};
use crate::batch::{Lsn, Records};
use crate::checkpoint;
use crate::crypt::Vault;
use crate::disk::{Disk, failed};
use crate::error::{Error, IN_CHECKPOINT};
use crate::frame::{FIRST_VERSION, HEADER, Header, Parsed, SEALED};
use crate::holders::Table;
use crate::limits::{BLOCK, CHUNK, MAX_FRAME};
use crate::replay::{Changes, Replay};
use crate::segment::{FIRST_SEGMENT, Segment, SegmentHeader, write_zeros};
use crate::shared::Shared;
use crate::store::Store;

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

/// Where to begin, and what is known there.
pub(crate) struct Begin<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) vault: &'a Vault,
    pub(crate) shared: &'a Shared,
    pub(crate) store: &'a Store,
    pub(crate) table: Table,
    /// Records before this one are not replayed.
    pub(crate) first: Lsn,
    /// The table knows what records up to this one changed. The log is at least that long.
    pub(crate) settled: Lsn,
    pub(crate) repair: bool,
}

pub(crate) struct Recovered {
    pub(crate) tail: Tail,
    pub(crate) table: Table,
    pub(crate) cut: Option<TornTail>,
    pub(crate) repaired: Vec<Damage>,
}

/// Reads the segments `numbers`, ascending and at least one, and makes sure that all of what was read is durable.
pub(crate) fn recover<'a>(begin: Begin<'a>, numbers: &[u64], replay: &'a mut dyn Replay) -> Result<Recovered, Error> {
    let (segment, header) = Segment::open(begin.disk, numbers[0], begin.vault)?;
    if begin.settled == Lsn::NONE && header.version > FIRST_VERSION && segment.number != FIRST_SEGMENT {
        // Nothing was ever removed without one.
        return Err(Error::corrupt(checkpoint::NAME, 0, "the file is missing"));
    }
    let expect = Expect {
        block_no: header.first_block,
        prev_crc: header.prev_crc,
        lsn: Lsn(header.first_lsn),
        epoch: header.epoch,
        time: 0,
    };
    let mut scan =
        Scan { begin, segment, at: BLOCK as u64, expect, replay, changes: Changes::default(), last: None, loose: None };
    if scan.begin.settled > Lsn::NONE && scan.begin.first < scan.expect.lsn {
        return Err(scan.corrupt("it begins behind the checkpoint"));
    }
    scan.count_segment();
    let mut repaired = scan.approach()?;
    let cut = match scan.segments(&numbers[1..]) {
        Err(Error::Corrupt { file, offset, .. }) if !scan.has_checkpoint() => {
            return Err(Error::corrupt(file, offset, IN_CHECKPOINT));
        }
        Err(Error::Corrupt { reason, .. }) if scan.begin.repair => {
            repaired.push(scan.cut_damage(numbers, reason)?);
            None
        }
        other => other?,
    };
    scan.harden()?;
    let tail = Tail { segment: scan.segment, at: scan.at, expect: scan.expect };
    Ok(Recovered { tail, table: scan.begin.table, cut, repaired })
}

struct Scan<'a> {
    begin: Begin<'a>,
    segment: Segment,
    at: u64,
    expect: Expect,
    replay: &'a mut dyn Replay,
    /// Of one record, kept for its memory.
    changes: Changes,
    /// Where the last sound frame of this segment begins.
    last: Option<u64>,
    /// Where the first one begins that was not waited for.
    loose: Option<u64>,
}

impl Scan<'_> {
    /// Reads this segment and those behind it up to the end of the log, and cuts a torn tail.
    fn segments(&mut self, numbers: &[u64]) -> Result<Option<TornTail>, Error> {
        self.frames()?;
        for (index, &number) in numbers.iter().enumerate() {
            let (segment, header) = Segment::open(self.begin.disk, number, self.begin.vault)?;
            if !self.continues(&header) {
                return match self.behind(&numbers[index..])? {
                    Behind::Durable => {
                        Err(self.corrupt("the frame is damaged, and the next segment shows that it was durable"))
                    }
                    Behind::Nothing | Behind::Loose => self.cut_loose(&numbers[index..]).map(Some),
                };
            }
            if header.epoch < self.expect.epoch {
                return Err(Error::corrupt(segment.name(), 0, "its epoch had ended"));
            }
            self.enter(segment, &header)?;
            self.frames()?;
        }
        self.reaches_checkpoint()?;
        self.end()
    }

    /// Replays the frames of this segment; `at` then is where the first unsound one would be.
    fn frames(&mut self) -> Result<(), Error> {
        while self.at + BLOCK as u64 <= self.segment.len {
            let mut block = [0; BLOCK];
            self.read(&mut block, self.at)?;
            let (header, crc) = match Header::parse(&block, self.begin.vault.store_id) {
                Parsed::Nothing => return Ok(()),
                Parsed::Newer(found) => return Err(self.newer(found)),
                Parsed::Frame(header, crc) => (header, crc),
            };
            if header.block_no != self.expect.block_no {
                // An older frame of a recycled file is the end; a later one is found by those who look behind it.
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
            let payload = header.unseal(payload, self.segment.key.as_deref()).map_err(|reason| self.corrupt(reason))?;
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
        // First, so that each record can be read when those behind it are replayed.
        self.begin.shared.index_mut().push(self.at, header.span(), header.rec_count);
        let mut lsn = self.expect.lsn;
        for record in Records::of(payload).flatten() {
            self.replay(lsn, header.time, record)?;
            lsn = lsn.plus(1);
        }
        self.last = Some(self.at);
        if header.unsynced {
            self.loose.get_or_insert(self.at);
        }
        self.at += header.span();
        self.expect =
            Expect { block_no: header.block_no + 1, prev_crc: crc, lsn, epoch: header.epoch, time: header.time };
        Ok(())
    }

    fn replay(&mut self, lsn: Lsn, time: u64, record: &[u8]) -> Result<(), Error> {
        if lsn < self.begin.first {
            return Ok(());
        }
        let Changes { holds, releases } = &mut self.changes;
        holds.clear();
        releases.clear();
        let replayed = self.replay.record(lsn, time, record, self.begin.store, &mut self.changes);
        replayed.map_err(|source| Error::Replay { lsn, source })?;
        if lsn > self.begin.settled {
            self.changes.holds.iter().for_each(|hold| self.begin.table.hold(hold));
            self.changes.releases.iter().for_each(|hold| self.begin.table.release(hold));
        }
        Ok(())
    }

    /// Whether a segment with this header continues where this one was read to.
    fn continues(&self, header: &SegmentHeader) -> bool {
        let Expect { block_no, lsn, prev_crc, .. } = self.expect;
        header.first_block == block_no && header.first_lsn == lsn.0 && header.prev_crc == prev_crc
    }

    fn enter(&mut self, segment: Segment, header: &SegmentHeader) -> Result<(), Error> {
        if self.loose.is_some() {
            self.harden()?;
        }
        self.expect.epoch = header.epoch;
        (self.segment, self.at, self.last, self.loose) = (segment, BLOCK as u64, None, None);
        self.count_segment();
        Ok(())
    }

    fn count_segment(&mut self) {
        self.begin.shared.begin_segment(self.segment.number, self.expect.lsn, self.segment.len);
        self.begin.table.begin_segment(self.expect.lsn);
    }

    /// Whether all of the checkpoint was read.
    fn has_checkpoint(&self) -> bool {
        self.expect.lsn > self.begin.settled
    }

    /// The owner's state is in the checkpoint: without all of it the rest means nothing.
    fn reaches_checkpoint(&self) -> Result<(), Error> {
        if self.has_checkpoint() { Ok(()) } else { Err(self.corrupt(IN_CHECKPOINT)) }
    }

    /// Makes durable what was read. The last frame may be in the system's cache only, even after a sync that failed in
    /// an earlier process: such data counts as written although it never reached the disk. So it is written again, and
    /// with it all frames that were not waited for.
    fn harden(&self) -> Result<(), Error> {
        let mut at = self.loose.or(self.last).unwrap_or(self.at);
        while at < self.at {
            let mut bytes = vec![0; (self.at - at).min(CHUNK as u64) as usize];
            self.read(&mut bytes, at)?;
            self.io("write", |segment| segment.file.write_at(&[io::IoSlice::new(&bytes)], at))?;
            at += bytes.len() as u64;
        }
        self.io("sync", |segment| segment.file.sync_data())
    }

    fn zero(&self, from: u64, to: u64) -> Result<(), Error> {
        self.io("zero", |segment| write_zeros(&*segment.file, from, to))
    }

    fn payload(&self, header: &Header, block: &[u8; BLOCK]) -> Result<Vec<u8>, Error> {
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
        act(&self.segment).map_err(|error| failed(self.begin.disk, operation, &self.segment.name())(error))
    }

    fn corrupt(&self, reason: &'static str) -> Error {
        Error::corrupt(self.segment.name(), self.at, reason)
    }

    fn newer(&self, found: u8) -> Error {
        Error::Newer { path: self.begin.disk.path(&self.segment.name()), found, known: SEALED }
    }
}

/// The payload of a frame whose first block is known; `read` fills a buffer from an offset within the frame.
pub(crate) fn read_payload(
    header: &Header,
    block: &[u8; BLOCK],
    read: impl FnOnce(&mut [u8], u64) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let length = header.payload_len as usize;
    let here = length.min(BLOCK - HEADER);
    let mut payload = vec![0; length];
    payload[..here].copy_from_slice(&block[HEADER..HEADER + here]);
    if here < length {
        read(&mut payload[here..], BLOCK as u64)?;
    }
    Ok(payload)
}
