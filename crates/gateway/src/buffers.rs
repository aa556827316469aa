//! Memory for records on their way to the journal, used again when they are written.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Records of one hand-over from which on they have a buffer of their own, and room is made ahead for the next ones.
const LARGE: usize = 64 * 1024;
/// How much room at most.
const LARGEST_RESERVE: usize = 4 * 1024 * 1024;
/// Buffers that are kept: one to be filled, one that waits and one that is being written. What is longer is not kept.
const KEPT: usize = 3;
const LARGEST_KEPT: usize = 2 * 1024 * 1024;

/// The last buffers handed to the journal, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    written: VecDeque<Bytes>,
}

impl Buffers {
    /// Takes what was written to `records`, and gives it room for about as much again: it need not grow, and be copied, from
    /// nothing. The memory is one that the processor still knows, if there is any.
    pub(crate) fn take(&mut self, records: &mut BytesMut) -> Bytes {
        if records.len() < LARGE {
            return records.split().freeze();
        }
        let (length, capacity) = (records.len(), records.capacity());
        let room = length.min(LARGEST_RESERVE);
        let free = self.written.front().is_some_and(Bytes::is_unique);
        let spare = if free { self.written.pop_front().and_then(|bytes| bytes.try_into_mut().ok()) } else { None };
        let mut next = spare.filter(|it| it.capacity() >= room).unwrap_or_else(|| BytesMut::with_capacity(room));
        next.clear();
        let payload = std::mem::replace(records, next).freeze();
        if capacity <= LARGEST_KEPT && self.written.len() < KEPT {
            self.written.push_back(payload.clone());
        }
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(records: &mut BytesMut, length: usize) {
        records.resize(length, 7);
    }

    #[test]
    fn what_is_written_is_used_again() {
        let (mut buffers, mut records) = (Buffers::default(), BytesMut::new());
        filled(&mut records, 2 * LARGE);
        let place = records.as_ptr();
        let first = buffers.take(&mut records);
        assert_eq!((first.len(), records.len()), (2 * LARGE, 0));
        filled(&mut records, LARGE);
        assert_ne!(records.as_ptr(), place, "the first is being written");
        drop(first);
        let second = buffers.take(&mut records);
        assert_eq!(second.len(), LARGE);
        assert!(records.is_empty() && records.capacity() >= 2 * LARGE);
        assert_eq!(records.as_ptr(), place);
    }

    #[test]
    fn little_is_kept() {
        let (mut buffers, mut records) = (Buffers::default(), BytesMut::new());
        for _ in 0..10 {
            filled(&mut records, 2 * LARGEST_RESERVE);
            drop(buffers.take(&mut records));
            assert!(records.capacity() <= LARGEST_RESERVE);
            filled(&mut records, LARGE);
            let _waits = buffers.take(&mut records);
        }
        let kept: usize = buffers.written.iter().map(Bytes::len).sum();
        assert!(buffers.written.len() <= KEPT && kept <= KEPT * LARGEST_KEPT, "{kept}");
    }
}
