//! The journal: one segmented, append-only log of opaque records, durable before it says so.
//!
//! A *record* is bytes with a number, its [`Lsn`]. Records arrive in [`Batch`]es, and all batches that wait become one
//! *frame*: the unit of atomicity, checksum and fdatasync. Frames lie in *segments*, files of fixed size.
//!
//! ```text
//! DIR/LOCK                  advisory lock: one process per store
//! DIR/IDENTITY              store id and secret, made once
//! DIR/log/0000000007.seg    segments, oldest first, without gaps
//! DIR/log/0000000002.spare  a zeroed or recycled file that will become a segment by rename
//! DIR/log/0000000003.new    a file being zeroed; removed at open
//! ```
//!
//! The bytes of a frame are drawn in `frame.rs`, those of a segment in `segment.rs`.
//!
//! # Invariants
//!
//! - **At most one frame is ever written and not yet synced.** Therefore a bad frame with an intact later one is damage
//!   to durable data ([`Error::Corrupt`]), and a bad frame with nothing after it is a torn write, cut at open.
//! - **A file is called `.seg` only after its header is durable, and no frame is written before that name is.**
//! - **The first error ends the writer.** After a failed fsync nobody knows what the disk holds, so nothing is retried.
//! - **The journal starts no threads and asks for no time.** [`Committer::run`] and [`Preallocator::run`] are called on
//!   threads of the caller; times come with the batches.

mod batch;
mod committer;
pub mod disk;
mod error;
mod frame;
mod identity;
mod index;
mod limits;
mod open;
mod preallocator;
mod recovery;
mod segment;
mod store;
mod writer;

pub use batch::{Batch, Lsn, put_record};
pub use committer::{Committer, Events, Load, Submitter};
pub use disk::{Disk, File, Lock};
pub use error::{Error, ReplayError};
pub use identity::Identity;
pub use index::Counters;
pub use limits::{MAX_FRAME, MAX_RECORD, Options};
pub use open::{Opened, open};
pub use preallocator::Preallocator;
pub use recovery::{Replay, TornTail};
pub use store::Store;
pub use writer::Writer;
