//! A message as it came: in one piece, or in as many as there were transfers.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

/// Pieces that are one string of bytes. Parts of it are slices as long as they lie within a piece.
#[derive(Clone, Copy)]
pub(super) struct Rope<'a> {
    pieces: &'a [Bytes],
    len: usize,
}

impl<'a> Rope<'a> {
    pub(super) fn new(pieces: &'a [Bytes]) -> Self {
        Self { pieces, len: pieces.iter().map(Bytes::len).sum() }
    }

    pub(super) const fn len(self) -> usize {
        self.len
    }

    /// The part `range`, in pieces. The range lies within the rope.
    pub(super) fn slice(self, range: Range<usize>) -> SmallVec<[Bytes; 1]> {
        self.parts(range).map(|(piece, part)| piece.slice(part)).collect()
    }

    /// The part `range` in one piece; copied if it lies in several.
    pub(super) fn joined(self, range: Range<usize>) -> Bytes {
        let len = range.len();
        let mut parts = self.parts(range);
        match parts.next() {
            None => Bytes::new(),
            Some((piece, part)) if part.len() == len => piece.slice(part),
            Some((piece, part)) => {
                let mut joined = BytesMut::with_capacity(len);
                joined.extend_from_slice(&piece[part]);
                parts.for_each(|(piece, part)| joined.extend_from_slice(&piece[part]));
                joined.freeze()
            }
        }
    }

    /// As [`Self::joined`], for a look.
    #[inline]
    pub(super) fn look(self, range: Range<usize>) -> Cow<'a, [u8]> {
        if let [only] = self.pieces {
            return Cow::Borrowed(&only[range]);
        }
        let len = range.len();
        match self.parts(range.clone()).next() {
            None => Cow::Borrowed(&[]),
            Some((piece, part)) if part.len() == len => Cow::Borrowed(&piece[part]),
            Some(_) => Cow::Owned(self.joined(range).to_vec()),
        }
    }

    /// Up to `N` bytes from `at` on; `space` is for those that lie in several pieces.
    pub(super) fn peek<'s, const N: usize>(self, at: usize, space: &'s mut [u8; N]) -> &'s [u8]
    where
        'a: 's,
    {
        let end = self.len.min(at + N);
        if let [only] = self.pieces {
            return &only[at..end];
        }
        let mut used = 0;
        for (piece, part) in self.parts(at..end) {
            if part.len() == end - at {
                return &piece[part];
            }
            space[used..used + part.len()].copy_from_slice(&piece[part.clone()]);
            used += part.len();
        }
        &space[..used]
    }

    /// The part `range` as slices, one for each piece that has some of it.
    pub(super) fn parts(self, range: Range<usize>) -> impl Iterator<Item = (&'a Bytes, Range<usize>)> {
        let mut start = 0;
        self.pieces.iter().filter_map(move |piece| {
            let begins = start;
            start += piece.len();
            let part = range.start.max(begins)..range.end.min(start);
            (part.start < part.end).then(|| (piece, part.start - begins..part.end - begins))
        })
    }
}
