use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Pieces at least this long are not copied into the buffer but sent from where they are.
const SHARED_BYTES: usize = 8 * 1024;

/// What is to be written to one peer: bytes encoded into a buffer, with long bodies between them by reference.
#[derive(Debug, Default)]
pub struct Output {
    /// Complete pieces, in order; all precede `buffer`.
    pieces: VecDeque<Bytes>,
    pieces_bytes: usize,
    buffer: BytesMut,
}

impl Output {
    /// Where to encode into: what is appended is sent after everything before it.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Appends a body, without copying it if it is long.
    pub fn append(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARED_BYTES {
            self.buffer.extend_from_slice(bytes);
        } else {
            self.close_buffer();
            self.pieces_bytes += bytes.len();
            self.pieces.push_back(bytes.clone());
        }
    }

    pub fn len(&self) -> usize {
        self.pieces_bytes + self.buffer.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Has neither bytes nor room: costs no memory.
    pub fn is_bare(&self) -> bool {
        self.is_empty() && self.buffer.capacity() == 0
    }

    /// Lends room from a pool.
    pub fn lend(&mut self, buffer: BytesMut) {
        debug_assert!(self.is_bare(), "lends a buffer over another");
        self.buffer = buffer;
    }

    /// Gives the room back, once everything is written.
    pub fn take_back(&mut self) -> BytesMut {
        debug_assert!(self.is_empty(), "takes back unwritten bytes");
        std::mem::take(&mut self.buffer)
    }

    /// Fills `slices` with what comes next and returns how many there are, for one `writev`.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let tail = (!self.buffer.is_empty()).then_some(self.buffer.as_ref());
        let all = self.pieces.iter().map(AsRef::as_ref).chain(tail);
        slices.iter_mut().zip(all).map(|(slot, piece): (_, &[u8])| *slot = IoSlice::new(piece)).count()
    }

    /// Forgets the first `count` bytes: they were written.
    pub fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.pieces.front_mut() {
            let taken = count.min(first.len());
            first.advance(taken);
            self.pieces_bytes -= taken;
            count -= taken;
            if !first.is_empty() {
                return;
            }
            self.pieces.pop_front();
        }
        if count == self.buffer.len() {
            self.buffer.clear();
        } else {
            self.buffer.advance(count);
        }
    }

    fn close_buffer(&mut self) {
        if !self.buffer.is_empty() {
            self.pieces_bytes += self.buffer.len();
            self.pieces.push_back(self.buffer.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_whatever_the_pieces() {
        let long = Bytes::from(vec![7; SHARED_BYTES]);
        let mut output = Output::default();
        output.buffer().extend_from_slice(b"head");
        output.append(&long);
        output.append(&Bytes::from_static(b"tail"));
        let mut expected = b"head".to_vec();
        expected.extend_from_slice(&long);
        expected.extend_from_slice(b"tail");
        assert_eq!(output.len(), expected.len());
        let mut written = Vec::new();
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); 2];
            let count = output.slices(&mut slices);
            let all: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            let part = all.len().min(5000);
            written.extend_from_slice(&all[..part]);
            output.advance(part);
        }
        assert_eq!(written, expected);
    }
}
