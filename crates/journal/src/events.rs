//! What the journal tells its owner.

use bytes::Bytes;

use crate::batch::Lsn;
use crate::error::Error;
use crate::space::Space;

/// Told by the committer and by the keeper, each on the thread that runs it.
pub trait Events {
    /// All records up to `lsn` are durable. By the committer.
    fn durable(&mut self, lsn: Lsn) {
        let _ = lsn;
    }
    /// Writing failed. Nothing more will be durable; the loop ends.
    fn failed(&mut self, error: Error);
    /// How much room there is, after each segment and checkpoint and when room is short.
    fn space(&mut self, space: Space) {
        let _ = space;
    }
    /// An old file is damaged, which was found when it was about to be rewritten. It stays as it is. By the keeper.
    fn damaged(&mut self, error: Error) {
        let _ = error;
    }
}

/// Takes what a [`Reader`](crate::Reader) has read, in the order of the loads.
pub trait Answers {
    fn loaded(&mut self, token: u64, records: Result<Vec<Bytes>, Error>);
}
