//! Where the next frame is put together: the one copy of a body on its way to the disk.

use std::io;

use memmap2::{Advice, MmapMut};

use crate::frame::{self, HEADER};
use crate::limits::{BLOCK, MAX_FRAME};

/// Bytes that are seen and copied in one go, so that they are fetched from memory only once.
const BITE: usize = 16 << 10;

/// Memory for the longest frame and the block behind it. It begins at a page, as a disk needs it that is written past the
/// system's cache, and costs nothing before it is used.
pub(crate) struct FrameBuffer {
    memory: MmapMut,
}

impl FrameBuffer {
    pub(crate) fn new() -> io::Result<Self> {
        let memory = MmapMut::map_anon(frame::span(MAX_FRAME) as usize + BLOCK)?;
        // A disk takes few large pages faster than many small ones. A system that has none does without.
        let _ = memory.advise(Advice::HugePage);
        Ok(Self { memory })
    }

    /// Where the payload of the next frame goes; it holds what was there before.
    pub(crate) fn payload(&mut self, len: usize) -> &mut [u8] {
        &mut self.memory[HEADER..HEADER + len]
    }

    /// The frame of this header and the `len` bytes of payload, in whole blocks, and `more` bytes of zeros.
    pub(crate) fn finish(&mut self, header: &[u8; HEADER], len: usize, more: usize) -> &[u8] {
        let end = frame::span(len) as usize + more;
        self.memory[..HEADER].copy_from_slice(header);
        self.memory[HEADER + len..end].fill(0);
        &self.memory[..end]
    }
}

/// Fills `out` with the slices, which are as long, one after the other; `see` gets everything while it is at hand.
pub(crate) fn gather(slices: &[&[u8]], out: &mut [u8], mut see: impl FnMut(&[u8])) {
    let mut rest = out;
    for bite in slices.iter().flat_map(|slice| slice.chunks(BITE)) {
        let (now, later) = rest.split_at_mut(bite.len());
        see(bite);
        now.copy_from_slice(bite);
        rest = later;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gathered_is_seen_and_stands_there() {
        let long = vec![7; 2 * BITE + 1];
        let slices: [&[u8]; 4] = [b"ab", b"", &long, b"c"];
        let (mut out, mut seen) = (vec![0; 3 + long.len()], Vec::new());
        gather(&slices, &mut out, |bite| seen.extend_from_slice(bite));
        assert_eq!((&out, &seen), (&slices.concat(), &slices.concat()));
    }

    #[test]
    fn a_frame_holds_nothing_of_the_one_before() {
        let mut buffer = FrameBuffer::new().unwrap();
        buffer.payload(3 * BLOCK).fill(1);
        buffer.finish(&[2; HEADER], 3 * BLOCK, BLOCK);
        buffer.payload(5).copy_from_slice(b"short");
        let frame = buffer.finish(&[3; HEADER], 5, BLOCK);
        assert_eq!(frame.len(), 2 * BLOCK);
        assert_eq!(frame[..HEADER], [3; HEADER]);
        assert_eq!(frame[HEADER..HEADER + 5], *b"short");
        assert!(frame[HEADER + 5..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn the_longest_frame_has_room() {
        let mut buffer = FrameBuffer::new().unwrap();
        assert_eq!(buffer.payload(MAX_FRAME).len(), MAX_FRAME);
        let frame = buffer.finish(&[0; HEADER], MAX_FRAME, BLOCK);
        assert!(frame.len() >= HEADER + MAX_FRAME + BLOCK && frame.as_ptr().align_offset(BLOCK) == 0);
    }
}
