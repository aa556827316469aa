//! How many holders each of a block of neighbouring records has, in as little memory as that takes.

use std::sync::Arc;

/// Records of a block.
pub(crate) const LSNS: usize = 4096;
const WORDS: usize = LSNS / 64;

/// Counts, as wide as the largest was. Clones share them until one changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    Bits(Arc<[u64; WORDS]>),
    Bytes(Arc<[u8; LSNS]>),
    Wide(Arc<[u32; LSNS]>),
}

impl Block {
    pub(crate) fn empty() -> Self {
        Self::Bits(Arc::new([0; WORDS]))
    }

    /// A block of the given counts, as narrow as they allow.
    pub(crate) fn of(counts: &[u32; LSNS]) -> Self {
        match counts.iter().max() {
            Some(0..=1) | None => {
                let word = |word: usize| (0..64).fold(0, |bits, bit| bits | u64::from(counts[word * 64 + bit]) << bit);
                Self::Bits(Arc::new(std::array::from_fn(word)))
            }
            Some(2..=0xff) => Self::Bytes(Arc::new(counts.map(|count| count as u8))),
            Some(_) => Self::Wide(Arc::new(*counts)),
        }
    }

    pub(crate) fn get(&self, at: usize) -> u32 {
        match self {
            Self::Bits(bits) => (bits[at / 64] >> (at % 64) & 1) as u32,
            Self::Bytes(bytes) => bytes[at].into(),
            Self::Wide(counts) => counts[at],
        }
    }

    pub(crate) fn set(&mut self, at: usize, count: u32) {
        self.widen(count);
        match self {
            Self::Bits(bits) => {
                let word = &mut Arc::make_mut(bits)[at / 64];
                *word = *word & !(1 << (at % 64)) | u64::from(count) << (at % 64);
            }
            Self::Bytes(bytes) => Arc::make_mut(bytes)[at] = count as u8,
            Self::Wide(counts) => Arc::make_mut(counts)[at] = count,
        }
    }

    pub(crate) fn counts(&self) -> [u32; LSNS] {
        std::array::from_fn(|at| self.get(at))
    }

    /// Whether one of the records `from..to` has a holder.
    pub(crate) fn any(&self, from: usize, to: usize) -> bool {
        (from..to).any(|at| self.get(at) > 0)
    }

    /// Takes back width that is not needed any more. Not done at each change, which could go to and fro.
    pub(crate) fn narrow(&mut self) {
        if !matches!(self, Self::Bits(_)) {
            let narrow = Self::of(&self.counts());
            if std::mem::discriminant(&narrow) != std::mem::discriminant(self) {
                *self = narrow;
            }
        }
    }

    fn widen(&mut self, count: u32) {
        let fits = match self {
            Self::Bits(_) => count <= 1,
            Self::Bytes(_) => count <= u32::from(u8::MAX),
            Self::Wide(_) => true,
        };
        if !fits && count <= u32::from(u8::MAX) {
            *self = Self::Bytes(Arc::new(self.counts().map(|count| count as u8)));
        } else if !fits {
            *self = Self::Wide(Arc::new(self.counts()));
        }
    }
}
