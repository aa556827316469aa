//! The journal: one segmented, append-only log of opaque records, durable before it says so.
//!
//! A *record* is bytes with a number, its [`Lsn`]. Records arrive in [`Batch`]es, and all batches that wait become one
//! *frame*: the unit of atomicity, checksum and fdatasync. Frames lie in *segments*, files of fixed size.
//!
//! ```text
//! DIR/LOCK                  advisory lock: one process per store
//! DIR/IDENTITY              store id and secret, made once
//! DIR/KEYS, DIR/KEYS.copy   of an encrypted store: the key of its keys, sealed with the master key
//! DIR/CHECKPOINT            where recovery begins, and which records are held there
//! DIR/CHECKPOINT.copy       the same once more: the store is nothing without it
//! DIR/log/0000000007.seg    segments; from the checkpoint on without gaps
//! DIR/log/0000000007.idx    where the frames of a full segment lie; made again if it is missing
//! DIR/log/cold-0000000002-0000000005.cold  what is still held of older segments
//! DIR/log/0000000002.spare  a zeroed or recycled file that will become a segment by rename
//! DIR/log/0000000003.new    a file being made; removed at open
//! ```
//!
//! The bytes of a frame are drawn in `frame.rs`, those of a segment in `segment.rs`, those of the others in
//! `checkpoint.rs`, `frames.rs` and `cold/`. What is encrypted, with which keys, stands in `crypt/`.
//!
//! The owner says which records are *held*. The journal does not know what a record means: a record that nobody holds is
//! dead once a checkpoint is durable behind it. Recovery begins at the last checkpoint, a range of records from which the
//! owner can restore its state; what is older is only there to be read, and is rewritten without its dead records when
//! that pays. A record is always found by its number, wherever it is.
//!
//! # Invariants
//!
//! - **At most one frame is ever written and not yet synced**, or it says so (see [`Durability`]). Therefore a bad frame with an intact later one is damage
//!   to durable data ([`Error::Corrupt`]), and a bad frame with nothing after it is a torn write, cut at open.
//! - **A file is called `.seg` only after its header is durable, and no frame is written before that name is.**
//! - **The first error ends the writer.** After a failed fsync nobody knows what the disk holds, so nothing is retried.
//! - **A release takes effect on disk only through a durable `CHECKPOINT`, and a durable copy of it.** Whatever is lost
//!   behind it, the records that it says are held are there; whichever of the two files is lost, the other one will do.
//! - **Only the keeper removes files of the log**, and it puts a file's successor into the index before.
//! - **The journal starts no threads and asks for no time.** [`Committer::run`], [`Keeper::run`] and [`Reader::run`] are
//!   called on threads of the caller; times come with the batches.

mod batch;
mod cache;
mod checkpoint;
mod cold;
mod committer;
mod crypt;
mod cursor;
pub mod disk;
mod error;
mod events;
mod files;
mod frame;
mod frame_buffer;
mod frames;
mod gap;
mod holders;
mod hot;
mod identity;
mod index;
mod keeper;
mod limits;
mod manifest;
mod names;
mod offline;
mod open;
mod payload;
mod queue;
mod reader;
mod recovery;
mod replay;
mod segment;
mod shared;
mod source;
mod space;
mod store;
mod writer;

pub use batch::{Batch, Hold, Lsn, put_record};
pub use committer::{Committer, Submitter};
pub use crypt::{Algorithm, Encryption, KEY, KeyFault, KeyId, MasterKey, Writes, rekey};
pub use disk::{Disk, File, Lock};
pub use error::{Error, ReplayError};
pub use events::{Answers, Events};
pub use identity::Identity;
pub use keeper::{Backup, Keeper, KeeperHandle};
pub use limits::{Durability, Format, MAX_FRAME, MAX_RECORD, Options};
pub use manifest::Progress;
pub use offline::{Compacted, Fault, FileStats, Kind, Report, Stats, check, compact, dump, restore, stats};
pub use open::{Opened, finalize, open};
pub use payload::Payload;
pub use reader::{Load, Reader};
pub use recovery::{Damage, Repair, TornTail};
pub use replay::{Changes, Replay};
pub use shared::Counters;
pub use space::Space;
pub use store::Store;
pub use writer::{OnFull, Writer};
