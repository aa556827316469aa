//! Files that will become segments: zeroed ahead, or recycled.

use std::io::ErrorKind;

use crate::crypt::Vault;
use crate::disk::{Disk, failed};
use crate::error::Error;
use crate::keeper::desk::{Desk, Spare};
use crate::limits::Options;
use crate::names::{self, LOG};
use crate::segment::{may_be_plain, write_zeros};
use crate::shared::Shared;

impl Desk {
    /// A desk with the spares that were found, by their serial numbers; those of another size than segments have now, and
    /// those that are not sealed in a store that is, are removed.
    pub(crate) fn open(disk: &dyn Disk, found: &[u64], options: &Options, vault: &Vault) -> Result<Self, Error> {
        let desk = Self::new(options, vault.writes().is_some());
        for &serial in found {
            let name = names::spare(serial);
            let file = disk.open(&name).map_err(failed(disk, "open", &name))?;
            let len = file.size().map_err(failed(disk, "read", &name))?;
            let fit = len == desk.segment_bytes && !desk.must_go(disk, &name)?;
            let mut state = desk.state();
            if fit && state.spares.len() < desk.spares {
                state.spares.push(Spare { name, len, recycled: true });
            } else {
                disk.remove(&name).map_err(failed(disk, "remove", &name))?;
            }
        }
        desk.state().serial = found.iter().max().map_or(1, |serial| serial.saturating_add(1));
        Ok(desk)
    }

    /// Makes a spare of `bytes`: zeroed with real writes and synced, so that a later fdatasync writes only what is new.
    /// Its name becomes durable with its use; a spare lost before is no loss.
    pub(crate) fn make(&self, disk: &dyn Disk, shared: &Shared, bytes: u64) -> Result<Spare, Error> {
        self.claim(disk, shared, bytes).map_err(failed(disk, "preallocate", LOG))?;
        let made = self.make_at_any_cost(disk, bytes);
        self.state().claimed -= bytes;
        made
    }

    /// As [`Desk::make`], also of what segments leave for others.
    pub(crate) fn make_at_any_cost(&self, disk: &dyn Disk, bytes: u64) -> Result<Spare, Error> {
        let serial = self.next_serial();
        let unfinished = format!("{LOG}/{serial:010}.new");
        let name = names::spare(serial);
        let zeroed = disk.create(&unfinished).and_then(|file| {
            write_zeros(&*file, 0, bytes)?;
            file.sync_data()?;
            disk.rename(&unfinished, &name)
        });
        if let Err(error) = zeroed {
            // Gives the space back; if that fails too, the next open does it.
            let _ = disk.remove(&unfinished);
            return Err(failed(disk, "preallocate", &unfinished)(error));
        }
        Ok(Spare { name, len: bytes, recycled: false })
    }

    /// Takes a segment back that is not part of the log any more: as a spare if one is wanted and the size is right,
    /// else it is removed. The name must be gone for good before the file is used again.
    pub(crate) fn recycle(&self, disk: &dyn Disk, segment: &str, len: u64) -> Result<(), Error> {
        let state = self.state();
        let full = state.spares.len() >= self.spares;
        drop(state);
        if full || len != self.segment_bytes || self.must_go(disk, segment)? {
            return disk.remove(segment).map_err(failed(disk, "remove", segment));
        }
        let name = names::spare(self.next_serial());
        disk.rename(segment, &name).map_err(failed(disk, "rename", segment))?;
        disk.sync_dir(LOG).map_err(failed(disk, "sync", LOG))?;
        let mut state = self.state();
        state.spares.push(Spare { name, len, recycled: true });
        (state.wanted, state.short) = (false, false);
        Ok(())
    }

    /// Whether a file may not be used again, because there may be something in it that is not sealed.
    fn must_go(&self, disk: &dyn Disk, name: &str) -> Result<bool, Error> {
        if self.seals { may_be_plain(disk, name) } else { Ok(false) }
    }

    pub(crate) fn spare_bytes(&self) -> u64 {
        self.state().spares.iter().map(|spare| spare.len).sum()
    }

    /// Claims room for a file to be made, against the other thread that may make one at the same time.
    fn claim(&self, disk: &dyn Disk, shared: &Shared, bytes: u64) -> std::io::Result<()> {
        let free = disk.free()?;
        let log = shared.index().bytes();
        let mut state = self.state();
        let spares: u64 = state.spares.iter().map(|spare| spare.len).sum();
        let taken = log + spares + state.claimed + bytes;
        // Two files and, while one is replaced, a third, which may be longer.
        let reserved = self.reserved.max(3 * state.checkpoint_bytes);
        if self.max_bytes.is_some_and(|most| taken > most) || free < bytes.saturating_add(reserved) {
            return Err(ErrorKind::StorageFull.into());
        }
        state.claimed += bytes;
        Ok(())
    }

    /// Looks whether there is more room than is to be left; whether that has changed.
    pub(crate) fn look(&self, disk: &dyn Disk, shared: &Shared) -> Result<bool, Error> {
        if self.reserve == 0 {
            return Ok(false);
        }
        let free = disk.free().map_err(failed(disk, "look at the space of", LOG))?;
        let taken = shared.index().bytes() + self.spare_bytes();
        let left = self.max_bytes.map_or(free, |most| most.saturating_sub(taken).min(free));
        let low = left < self.reserve.min((taken + left) / 4);
        Ok(std::mem::replace(&mut self.state().low, low) != low)
    }

    fn next_serial(&self) -> u64 {
        let mut state = self.state();
        state.serial += 1;
        state.serial - 1
    }
}
