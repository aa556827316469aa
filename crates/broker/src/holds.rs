//! Which records of the journal are still needed: what the broker tells the store in each step.

use model::Lsn;
use model::limits::RECORD_BODY_BYTES;

use crate::entry::Located;

/// So many more, or fewer, need record `lsn`, which is about `bytes` long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    pub lsn: Lsn,
    pub bytes: u32,
    pub count: u32,
}

/// What is needed from now on, and what is not needed any more. The former counts first: what moves from one queue to
/// another is in both lists.
#[derive(Debug, Default)]
pub struct Holds {
    pub added: Vec<Hold>,
    pub released: Vec<Hold>,
}

impl Holds {
    /// A message of `size` bytes has one more place.
    pub(crate) fn add(&mut self, located: Located, size: u32) {
        put(&mut self.added, located, size);
    }

    pub(crate) fn release(&mut self, located: Located, size: u32) {
        put(&mut self.released, located, size);
    }

    /// Moves everything to the end of `other`.
    pub(crate) fn append_to(&mut self, other: &mut Self) {
        other.added.append(&mut self.added);
        other.released.append(&mut self.released);
    }

    /// Of all records that are in it as not needed any more by somebody.
    pub(crate) fn bytes_released(&self) -> u64 {
        self.released.iter().map(|hold| u64::from(hold.bytes)).sum()
    }
}

/// A message's body stands in its record and in the pieces before it.
fn put(list: &mut Vec<Hold>, located: Located, size: u32) {
    let piece = RECORD_BODY_BYTES as u32;
    for back in (1..=located.pieces).rev() {
        put_one(list, located.lsn - u64::from(back), piece);
    }
    put_one(list, located.lsn, size.saturating_sub(located.pieces.saturating_mul(piece)));
}

/// One body for many queues comes many times in turn.
fn put_one(list: &mut Vec<Hold>, lsn: u64, bytes: u32) {
    match list.last_mut() {
        Some(last) if last.lsn.0 == lsn => last.count += 1,
        _ => list.push(Hold { lsn: Lsn(lsn), bytes, count: 1 }),
    }
}
