//! Every limit of the journal, named.

use crate::crypt::Encryption;

/// Longest record in bytes; the caller splits larger bodies.
pub const MAX_RECORD: usize = 4 << 20;
/// Longest payload of a frame in bytes.
pub const MAX_FRAME: usize = 8 << 20;

/// Frames begin at multiples of this many bytes, so that no durable sector is written again for another frame.
pub(crate) const BLOCK: usize = 4096;
/// Bytes zeroed or scanned in one call to the disk.
pub(crate) const CHUNK: usize = 1 << 20;
/// Read frames kept by a [`Store`](crate::Store), whatever their size.
pub(crate) const CACHED_FRAMES: usize = 32;
/// Payload up to which a frame is always read whole.
pub(crate) const SMALL_FRAME: usize = 64 << 10;
/// Segment files kept open for reading.
pub(crate) const OPEN_SEGMENTS: usize = 16;
/// Segments whose frames a [`Store`](crate::Store) knows without reading anything.
pub(crate) const INDEXED_SEGMENTS: usize = 16;
/// Payload at which a frame of a cold file is full; a longer record has a frame of its own.
pub(crate) const COLD_FRAME: usize = 1 << 20;
/// Longest segment in bytes: so that records and blocks of one are counted in 32 bits.
pub(crate) const MAX_SEGMENT: u64 = 4 << 30;
/// Files that are rewritten into one at most.
pub(crate) const MAX_RUN: usize = 256;

/// A block of zeros: end mark of a new segment, preallocation.
pub(crate) static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// Sizes that may differ from store to store and from open to open.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of a preallocated segment, at most 4 GiB.
    pub segment_bytes: u64,
    /// Bytes of the first segment of a new store, and of a segment that the writer must make itself because the
    /// preallocator is not ready. Small, so that neither start nor load stalls.
    pub first_segment_bytes: u64,
    /// Longest payload of a frame, at most [`MAX_FRAME`]. A single longer record gets a frame of its own.
    pub max_frame_bytes: usize,
    /// Files kept in wait for their use as a segment. With two, one is recycled while the other is used, and under load none is
    /// zeroed.
    pub spares: usize,
    /// Bytes of read frames that a [`Store`](crate::Store) keeps.
    pub cache_bytes: usize,
    /// The store may not take more; it then is as on a full disk.
    pub max_bytes: Option<u64>,
    /// The owner is told that room is short while so much of it is left, but for a quarter of all at most: for what is on
    /// its way then, and for what makes room.
    pub reserve_bytes: u64,
    pub durability: Durability,
    /// Cuts the log where it is damaged behind its last checkpoint, and steps over what is damaged before it, instead of
    /// refusing it. Damage to the checkpoint itself is refused all the same.
    pub repair: bool,
    pub format: Format,
    pub encryption: Encryption,
}

/// When a record counts as durable.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When the disk has it.
    #[default]
    Fsync,
    /// When the operating system has it: the process may die, the system may not.
    Os,
    /// At once.
    None,
}

/// What to do with a store of an older format. New stores are of the newest.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// It stays readable for older programs. In the first format there are no checkpoints, and nothing is ever deleted.
    #[default]
    Keep,
    Newest,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            first_segment_bytes: 1 << 20,
            max_frame_bytes: MAX_FRAME,
            spares: 2,
            cache_bytes: 16 << 20,
            max_bytes: None,
            reserve_bytes: 0,
            durability: Durability::Fsync,
            repair: false,
            format: Format::Keep,
            encryption: Encryption::default(),
        }
    }
}

/// `bytes` rounded up to whole blocks.
pub(crate) fn round_up(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK as u64)
}

/// `bytes` rounded down to whole blocks.
pub(crate) fn round_down(bytes: u64) -> u64 {
    bytes - bytes % BLOCK as u64
}
