//! Every limit of the journal, named.

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
/// Segment files kept open for reading.
pub(crate) const OPEN_SEGMENTS: usize = 16;
/// Loads served before the committer looks for new batches.
pub(crate) const LOADS_PER_ROUND: usize = 16;

/// A block of zeros: padding of frames, end mark, preallocation.
pub(crate) static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// Sizes that may differ from store to store and from open to open.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of a preallocated segment.
    pub segment_bytes: u64,
    /// Bytes of the first segment of a new store, and of a segment that the writer must make itself because the
    /// preallocator is not ready. Small, so that neither start nor load stalls.
    pub first_segment_bytes: u64,
    /// Longest payload of a frame, at most [`MAX_FRAME`]. A single longer record gets a frame of its own.
    pub max_frame_bytes: usize,
    /// Trimmed segments kept for reuse.
    pub spares: usize,
    /// Bytes of read frames that a [`Store`](crate::Store) keeps.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            first_segment_bytes: 1 << 20,
            max_frame_bytes: MAX_FRAME,
            spares: 2,
            cache_bytes: 16 << 20,
        }
    }
}

/// `bytes` rounded up to whole blocks.
pub(crate) fn round_up(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK as u64)
}
