//! What lies behind the last sound frame: nothing, a torn write, or proof that something durable is damaged.

use super::{Scan, TornTail};
use crate::disk::{failed, remove_if_there};
use crate::error::Error;
use crate::frame::{Header, Parsed, span};
use crate::limits::{BLOCK, CHUNK, MAX_FRAME, ZEROS};
use crate::names::{self, LOG};
use crate::segment::Segment;

/// A torn write has nothing behind it.
pub(super) const DURABLE: &str = "the frame is damaged, and a later one shows that it was durable";

/// Frames of this log behind the first unsound one.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Behind {
    Nothing,
    /// They were written without waiting for the disk, so they say nothing about what is before them.
    Loose,
    /// What is before them was durable.
    Durable,
}

impl Scan<'_> {
    /// Looks at the rest of this segment and at the segments `numbers` behind it.
    pub(super) fn behind(&self, numbers: &[u64]) -> Result<Behind, Error> {
        let mut behind = self.rest(&self.segment, self.at)?;
        for &number in numbers {
            if behind == Behind::Durable {
                break;
            }
            let (segment, header) = Segment::open(self.begin.disk, number, self.begin.vault)?;
            behind = match header.unsynced && self.rest(&segment, BLOCK as u64)? != Behind::Durable {
                true => Behind::Loose,
                false => Behind::Durable,
            };
        }
        Ok(behind)
    }

    fn rest(&self, segment: &Segment, from: u64) -> Result<Behind, Error> {
        let mut behind = Behind::Nothing;
        let mut chunk = vec![0; CHUNK];
        let mut at = from;
        while at < segment.len {
            let length = (segment.len - at).min(CHUNK as u64) as usize;
            let name = segment.name();
            let read =
                segment.file.read_at(&mut chunk[..length], at).map_err(failed(self.begin.disk, "read", &name))?;
            for block in chunk[..read].chunks_exact(BLOCK) {
                match Header::parse(block, self.begin.vault.store_id) {
                    Parsed::Newer(found) => return Err(self.newer(found)),
                    Parsed::Frame(header, _) if header.block_no > self.expect.block_no => match header.unsynced {
                        true => behind = Behind::Loose,
                        false => return Ok(Behind::Durable),
                    },
                    _ => {}
                }
            }
            at += length as u64;
        }
        Ok(behind)
    }

    /// Decides what lies behind the last sound frame of the log, in its last segment.
    pub(super) fn end(&mut self) -> Result<Option<TornTail>, Error> {
        let to = match self.behind(&[])? {
            Behind::Durable => {
                return Err(self.corrupt(DURABLE));
            }
            Behind::Loose => self.segment.len,
            Behind::Nothing => self.used()?,
        };
        if to <= self.at {
            return Ok(None);
        }
        self.zero(self.at, to)?;
        Ok(Some(TornTail { segment: self.segment.number, offset: self.at, bytes: to - self.at }))
    }

    /// Where the bytes end that a torn write may have left. No more than one frame is written and not waited for.
    fn used(&self) -> Result<u64, Error> {
        let window = (self.at + span(MAX_FRAME)).min(self.segment.len);
        let mut used = self.at;
        let mut chunk = vec![0; CHUNK];
        let mut at = self.at;
        while at < window {
            let length = (window - at).min(CHUNK as u64) as usize;
            self.read(&mut chunk[..length], at)?;
            for block in chunk[..length].chunks_exact(BLOCK) {
                at += BLOCK as u64;
                if block != ZEROS {
                    used = at;
                }
                if self.segment.recycled && at == self.at + BLOCK as u64 && used == self.at {
                    // The end mark is there, so what follows is of an earlier use.
                    return Ok(self.at);
                }
            }
        }
        Ok(used)
    }

    /// Removes everything from here on, which was written without waiting for the disk.
    pub(super) fn cut_loose(&mut self, numbers: &[u64]) -> Result<TornTail, Error> {
        self.reaches_checkpoint()?;
        let bytes = self.segment.len - self.at;
        self.remove_segments(numbers)?;
        self.zero(self.at, self.segment.len)?;
        Ok(TornTail { segment: self.segment.number, offset: self.at, bytes })
    }

    /// Removes the segments `numbers`, the last ones of the log, and what says where frames lie from this one on. From the end, so that after a power cut the log is as
    /// damaged as before, and not more.
    pub(super) fn remove_segments(&self, numbers: &[u64]) -> Result<(), Error> {
        let disk = self.begin.disk;
        remove_if_there(disk, &names::sidecar(self.segment.number))?;
        for &number in numbers.iter().rev() {
            let name = names::segment(number);
            remove_if_there(disk, &names::sidecar(number))?;
            disk.remove(&name).map_err(failed(disk, "remove", &name))?;
            disk.sync_dir(LOG).map_err(failed(disk, "sync", LOG))?;
        }
        Ok(())
    }
}
