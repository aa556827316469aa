//! The content of a batch: records in pieces, which stay where they are until a frame is put together.

use bytes::Bytes;

/// Records, each `[length: u32 little endian][bytes]`, in pieces. Where a piece ends says nothing about the records.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    pieces: Vec<Bytes>,
    len: usize,
}

/// What is left of a payload behind some place.
#[derive(Copy, Clone)]
pub(crate) struct Rest<'a> {
    /// The first one from `at` on.
    pieces: &'a [Bytes],
    at: usize,
    len: usize,
}

impl Payload {
    /// Bytes of all records with their lengths.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn rest(&self) -> Rest<'_> {
        Rest { pieces: &self.pieces, at: 0, len: self.len }
    }
}

impl From<Vec<Bytes>> for Payload {
    fn from(pieces: Vec<Bytes>) -> Self {
        let len = pieces.iter().map(Bytes::len).sum();
        Self { pieces, len }
    }
}

impl From<Bytes> for Payload {
    fn from(piece: Bytes) -> Self {
        vec![piece].into()
    }
}

impl<'a> Rest<'a> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Steps over one record; returns its length. `None` if this ends inside it.
    pub(crate) fn skip_record(&mut self) -> Option<usize> {
        let mut length = [0; 4];
        let mut filled = 0;
        if self.len < length.len() {
            return None;
        }
        self.take(length.len(), |slice| {
            length[filled..filled + slice.len()].copy_from_slice(slice);
            filled += slice.len();
        });
        let length = u32::from_le_bytes(length) as usize;
        if length > self.len {
            return None;
        }
        self.take(length, |_| {});
        Some(length)
    }

    /// The longest prefix of whole records that fits into `room` bytes: its length and its count.
    pub(crate) fn fitting(mut self, room: usize) -> (usize, u32) {
        let (mut length, mut count) = (0, 0);
        while let Some(record) = self.skip_record() {
            if length + 4 + record > room {
                break;
            }
            length += 4 + record;
            count += 1;
        }
        (length, count)
    }

    /// Length of the first record with its length field; all, if this ends inside it.
    pub(crate) fn first_len(mut self) -> usize {
        let len = self.len;
        self.skip_record().map_or(len, |record| 4 + record)
    }

    /// Takes the first `count` bytes, of which there must be as many, slice by slice.
    pub(crate) fn take(&mut self, mut count: usize, mut slice: impl FnMut(&'a [u8])) {
        self.len -= count;
        while let Some((first, behind)) = self.pieces.split_first() {
            let here = &first[self.at..];
            if count < here.len() {
                if count > 0 {
                    slice(&here[..count]);
                }
                self.at += count;
                return;
            }
            if !here.is_empty() {
                slice(here);
            }
            count -= here.len();
            (self.pieces, self.at) = (behind, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<u8> {
        let lengths = [2, 0, 3, 1];
        lengths.iter().flat_map(|&len: &u32| [&len.to_le_bytes()[..], &vec![7; len as usize]].concat()).collect()
    }

    /// However the bytes are cut.
    #[test]
    fn a_prefix_holds_whole_records() {
        let bytes = Bytes::from(records());
        for (first, second) in
            (0..=bytes.len()).flat_map(|first| (first..=bytes.len()).map(move |second| (first, second)))
        {
            let payload = Payload::from(vec![bytes.slice(..first), bytes.slice(first..second), bytes.slice(second..)]);
            let fitting = |room| payload.rest().fitting(room);
            assert_eq!(payload.len(), 22);
            assert_eq!([fitting(5), fitting(6), fitting(9), fitting(10)], [(0, 0), (6, 1), (6, 1), (10, 2)]);
            assert_eq!([fitting(21), fitting(22)], [(17, 3), (22, 4)]);
            let (mut rest, mut taken) = (payload.rest(), Vec::new());
            for count in [1, 0, 6, 15] {
                rest.take(count, |slice| taken.extend_from_slice(slice));
            }
            assert_eq!((rest.len(), taken), (0, records()));
        }
    }

    #[test]
    fn an_end_inside_a_record_is_seen() {
        let bytes = Bytes::from(records());
        for (len, whole) in [(0, 0), (3, 0), (5, 0), (6, 1), (7, 1), (10, 2), (21, 3)] {
            let payload = Payload::from(bytes.slice(..len));
            let mut rest = payload.rest();
            assert_eq!(std::iter::from_fn(|| rest.skip_record()).count(), whole, "{len} bytes");
        }
    }
}
