//! An owner of records as the broker is one: it holds messages, releases them, and writes its state into checkpoints.
//!
//! Its records say what they change, so that it can be restored from them.

use std::collections::BTreeMap;

use journal::{Changes, Hold, Lsn, Replay, ReplayError, Store};

use crate::support::content;

/// Holders by record: their count, and the record's length.
pub(crate) type Held = BTreeMap<u64, (u32, u32)>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// Is held so often from the beginning; then filler of a length, made from a salt.
    Message { holders: u32, salt: u64, len: usize },
    /// Has so many holders less.
    Release { lsn: u64, count: u32 },
    /// One holder more of one that has some.
    Hold { lsn: u64, count: u32 },
    /// A part of the state; the first one begins from nothing.
    State { first: bool, held: Vec<(u64, u32, u32)> },
}

impl Record {
    pub(crate) fn encode(&self, lsn: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |kind: u8, numbers: &[u64]| {
            out.push(kind);
            numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        };
        match self {
            Self::Message { holders, salt, len } => {
                put(0, &[(*holders).into(), *salt]);
                out.extend(content(lsn, *salt, *len));
            }
            Self::Release { lsn, count } => put(1, &[*lsn, (*count).into()]),
            Self::Hold { lsn, count } => put(2, &[*lsn, (*count).into()]),
            Self::State { first, held } => {
                let numbers = held.iter().flat_map(|&(lsn, count, len)| [lsn, count.into(), len.into()]);
                put(3, &[u64::from(*first)].into_iter().chain(numbers).collect::<Vec<_>>());
            }
        }
        out
    }

    fn decode(record: &[u8]) -> Self {
        let number = |index: usize| u64::from_le_bytes(record[1 + 8 * index..9 + 8 * index].try_into().unwrap());
        match record[0] {
            0 => Self::Message { holders: number(0) as u32, salt: number(1), len: record.len() - 17 },
            1 => Self::Release { lsn: number(0), count: number(1) as u32 },
            2 => Self::Hold { lsn: number(0), count: number(1) as u32 },
            _ => {
                let parts = (1..(record.len() - 1) / 8).step_by(3);
                let held = parts.map(|at| (number(at), number(at + 1) as u32, number(at + 2) as u32)).collect();
                Self::State { first: number(0) == 1, held }
            }
        }
    }

    /// What the record with this number changes.
    pub(crate) fn apply(&self, lsn: u64, held: &mut Held, changes: &mut Changes) {
        match *self {
            Self::Message { holders: count, len, .. } if count > 0 => {
                let bytes = len as u32 + 17;
                held.insert(lsn, (count, bytes));
                changes.holds.push(Hold { lsn: Lsn(lsn), bytes, count });
            }
            Self::Message { .. } => {}
            Self::Release { lsn, count } => {
                let entry = held.get_mut(&lsn).unwrap();
                entry.0 -= count;
                changes.releases.push(Hold { lsn: Lsn(lsn), bytes: entry.1, count });
                if entry.0 == 0 {
                    held.remove(&lsn);
                }
            }
            Self::Hold { lsn, count } => {
                let entry = held.get_mut(&lsn).unwrap();
                entry.0 += count;
                changes.holds.push(Hold { lsn: Lsn(lsn), bytes: entry.1, count });
            }
            Self::State { first, held: ref part } => {
                if first {
                    held.clear();
                }
                held.extend(part.iter().map(|&(lsn, count, len)| (lsn, (count, len))));
            }
        }
    }
}

/// Restores an owner, and sees to it that what is held can be read meanwhile.
#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) held: Held,
    pub(crate) records: Vec<(u64, Vec<u8>)>,
    /// The last record that released one which could not be read.
    pub(crate) fault: Option<(u64, String)>,
}

impl Replay for Restored {
    fn record(
        &mut self,
        lsn: Lsn,
        _: u64,
        record: &[u8],
        store: &Store,
        changes: &mut Changes,
    ) -> Result<(), ReplayError> {
        let decoded = Record::decode(record);
        self.records.push((lsn.0, record.to_vec()));
        if let Record::Release { lsn: released, .. } = decoded
            && let Err(error) = store.read(Lsn(released), Lsn(released))
        {
            self.fault = Some((lsn.0, format!("record {released} during replay: {error}")));
        }
        decoded.apply(lsn.0, &mut self.held, changes);
        Ok(())
    }
}
