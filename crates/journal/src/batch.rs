//! Records on their way in: numbers and batches.

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::limits::MAX_RECORD;
use crate::payload::Payload;

/// The number of a record. The first record of a store is 1; 0 means none.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl Lsn {
    pub const NONE: Self = Self(0);

    /// The number `count` records later.
    pub fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

/// `count` holders of the record `lsn`, which is about `bytes` long.
///
/// A record stays readable while it has a holder. The first holder comes in the batch of the record itself; a record that
/// lost its last one never gets one again.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub lsn: Lsn,
    pub bytes: u32,
    pub count: u32,
}

/// Records with consecutive numbers, handed over together, and what they change about which records are held.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Number of the first record.
    pub first: Lsn,
    /// How many records `payload` holds.
    pub count: u32,
    /// Milliseconds since 1970.
    pub time: u64,
    /// `count` records, each `[length: u32 little endian][bytes]`.
    pub payload: Payload,
    /// More holders, of records of this batch or of older ones that have a holder.
    pub holds: Vec<Hold>,
    /// Holders that are gone, with `bytes` as at their hold; they count after `holds`.
    pub releases: Vec<Hold>,
    /// The last record of this batch ends a checkpoint that begins with this record.
    pub checkpoint: Option<Lsn>,
    /// Its records will probably be read again, so the system's cache is to have them.
    pub reread: bool,
}

/// Appends one record to the payload of a batch.
///
/// # Panics
/// If `record` is longer than [`MAX_RECORD`].
pub fn put_record(payload: &mut BytesMut, record: &[u8]) {
    assert!(record.len() <= MAX_RECORD, "a record of {} bytes", record.len());
    payload.put_u32_le(record.len() as u32);
    payload.put_slice(record);
}

impl Batch {
    /// That the batch continues at `expected` and that its payload is what `count` says.
    pub(crate) fn check(&self, expected: Lsn) -> Result<(), Error> {
        let fault = |reason| Err(Error::Batch { first: self.first, reason });
        if self.first != expected {
            return fault("its first number is not the next one of the store");
        }
        let (mut rest, mut count) = (self.payload.rest(), 0);
        while rest.len() > 0 {
            match rest.skip_record() {
                Some(length) if length <= MAX_RECORD => count += 1,
                Some(_) => return fault("a record is longer than the limit"),
                None => return fault("the payload ends inside a record"),
            }
        }
        if count != u64::from(self.count) {
            return fault("the payload holds another number of records");
        }
        let known = |lsn: Lsn| Lsn::NONE < lsn && lsn <= self.last();
        if !self.holds.iter().chain(&self.releases).all(|hold| known(hold.lsn)) {
            return fault("it holds or releases a record that is not written yet");
        }
        if self.checkpoint.is_some_and(|first| !known(first)) {
            return fault("its checkpoint begins behind its end");
        }
        Ok(())
    }

    /// Number of the last record; that before `first` if there is none.
    pub(crate) fn last(&self) -> Lsn {
        Lsn(self.first.0.saturating_add(self.count.into()).saturating_sub(1))
    }
}

/// The records of a frame's payload; `None` as the last item if it ends inside a record.
pub(crate) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(crate) fn of(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let split = self.rest.split_first_chunk::<4>().and_then(|(length, rest)| {
            let length = u32::from_le_bytes(*length) as usize;
            rest.split_at_checked(length)
        });
        let Some((record, rest)) = split else {
            self.rest = &[];
            return Some(None);
        };
        self.rest = rest;
        Some(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn payload(records: &[&[u8]]) -> Bytes {
        let mut payload = BytesMut::new();
        records.iter().for_each(|record| put_record(&mut payload, record));
        payload.freeze()
    }

    #[test]
    fn a_batch_must_be_what_it_says() {
        let good = Batch { first: Lsn(7), count: 2, payload: payload(&[b"ab", b""]).into(), ..Batch::default() };
        assert!(good.check(Lsn(7)).is_ok());
        assert!(matches!(good.check(Lsn(8)), Err(Error::Batch { first: Lsn(7), .. })));
        assert!(Batch { count: 3, ..good.clone() }.check(Lsn(7)).is_err());
        assert!(Batch { payload: payload(&[b"ab", b""]).slice(..5).into(), ..good.clone() }.check(Lsn(7)).is_err());
        let held = |lsn| Batch { holds: vec![Hold { lsn: Lsn(lsn), bytes: 1, count: 1 }], ..good.clone() };
        assert!(held(8).check(Lsn(7)).is_ok());
        assert!(held(9).check(Lsn(7)).is_err());
        assert!(held(0).check(Lsn(7)).is_err());
        assert!(Batch { checkpoint: Some(Lsn(8)), ..good.clone() }.check(Lsn(7)).is_ok());
        assert!(Batch { checkpoint: Some(Lsn(9)), ..good.clone() }.check(Lsn(7)).is_err());
        let long = Batch { count: 1, payload: payload(&[&vec![0; MAX_RECORD]]).into(), ..good };
        assert!(long.check(Lsn(7)).is_ok());
        let mut longer = BytesMut::from(&(MAX_RECORD as u32 + 1).to_le_bytes()[..]);
        longer.resize(4 + MAX_RECORD + 1, 0);
        assert!(Batch { payload: longer.freeze().into(), ..long }.check(Lsn(7)).is_err());
    }
}
