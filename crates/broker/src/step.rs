use bytes::BufMut;
use model::{ConnectionId, Effect, Lsn};

use crate::entry::Located;
use crate::holds::Holds;
use crate::record::Record;
use crate::record::split_body;
use crate::records::Records;
use crate::rights::Audit;

/// What one call of [`crate::Broker::step`] has to tell the world. The shell reuses it: it takes the contents and calls
/// again.
#[derive(Debug, Default)]
pub struct Step {
    /// Records for the journal, each `[length u32 LE][bytes]`, numbered from `first` on.
    pub records: Records,
    pub first: Lsn,
    pub count: u32,
    pub effects: Vec<Outgoing>,
    /// Bodies to read; each is answered by `Command::Loaded`.
    pub loads: Vec<Load>,
    /// Backups to make, each by its number and into which folder; they are answered by `Command::BackingUp`.
    pub backups: Vec<(u64, String)>,
    /// Which records are needed, and which are not any more. Without records of this step it may be told with those of
    /// the next.
    pub holds: Holds,
    /// What was changed by whom, and what was refused, if the options ask for it.
    pub audits: Vec<Audit>,
    /// The last of `records` ends a checkpoint, which begins with this one.
    pub checkpoint: Option<Lsn>,
    /// Memory is so short that bodies are left on disk, so what is written now will be read again.
    pub reread: bool,
}

/// An effect, who it is for, and the record that must be durable before it leaves (0: none). For one connection these
/// never decrease from answer to answer, so answers keep their order.
#[derive(Debug)]
pub struct Outgoing {
    pub connection: ConnectionId,
    pub after: Lsn,
    pub effect: Effect,
}

/// "Read records `first..=last`."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub load: u64,
    pub first: Lsn,
    pub last: Lsn,
}

impl Step {
    /// Writes `record`, a long body in pieces before it, and says where it stands. `next` is the journal's next number.
    pub(crate) fn write(&mut self, record: &Record, next: &mut u64) -> Located {
        if self.count == 0 {
            self.first = Lsn(*next);
        }
        let mut pieces = 0;
        if let Record::Published(published) | Record::Staged { published, .. } = record {
            for piece in split_body(&published.message.body).0 {
                self.write_one(&Record::Piece(piece), next);
                pieces += 1;
            }
        }
        Located { lsn: self.write_one(record, next), pieces }
    }

    fn write_one(&mut self, record: &Record, next: &mut u64) -> u64 {
        let start = self.records.len();
        let prefix = self.records.buffer.len();
        self.records.buffer.put_u32_le(0);
        record.encode(&mut self.records);
        let length = (self.records.len() - start - 4) as u32;
        self.records.buffer[prefix..prefix + 4].copy_from_slice(&length.to_le_bytes());
        self.count += 1;
        *next += 1;
        *next - 1
    }
}
