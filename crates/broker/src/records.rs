use bytes::{Bytes, BytesMut};

/// Bodies at least this long are not copied into the buffer but stay where they are.
const SHARED_BYTES: usize = 8 * 1024;

/// Encoded records: bytes in a buffer, with long bodies between them by reference.
#[derive(Debug, Default)]
pub struct Records {
    /// All of them, without the long bodies.
    pub buffer: BytesMut,
    /// Long bodies, and where in the buffer each has its place, ascending.
    bodies: Vec<(usize, Bytes)>,
    bodies_bytes: usize,
}

impl Records {
    pub fn len(&self) -> usize {
        self.buffer.len() + self.bodies_bytes
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a body, without copying it if it is long.
    pub(crate) fn append(&mut self, body: &Bytes) {
        if body.len() < SHARED_BYTES {
            self.buffer.extend_from_slice(body);
        } else {
            self.bodies_bytes += body.len();
            self.bodies.push((self.buffer.len(), body.clone()));
        }
    }

    /// Takes all, as pieces in their order. `take` makes bytes of the buffer, and leaves it empty.
    pub fn take(&mut self, take: impl FnOnce(&mut BytesMut) -> Bytes) -> Vec<Bytes> {
        let mut rest = take(&mut self.buffer);
        self.bodies_bytes = 0;
        let (mut pieces, mut begin) = (Vec::with_capacity(2 * self.bodies.len() + 1), 0);
        for (place, body) in self.bodies.drain(..) {
            if place > begin {
                pieces.push(rest.split_to(place - begin));
            }
            pieces.push(body);
            begin = place;
        }
        if !rest.is_empty() {
            pieces.push(rest);
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_stay_where_they_are_and_keep_their_places() {
        let long = Bytes::from(vec![7; SHARED_BYTES]);
        let mut records = Records::default();
        let mut expected = Vec::new();
        for (head, body) in [(&b""[..], &long), (b"a", &long), (b"", &long), (b"bc", &long.slice(1..)), (b"d", &long)] {
            records.buffer.extend_from_slice(head);
            records.append(body);
            expected.extend_from_slice(head);
            expected.extend_from_slice(body);
        }
        records.buffer.extend_from_slice(b"tail");
        expected.extend_from_slice(b"tail");
        assert_eq!(records.len(), expected.len());
        let pieces = records.take(|buffer| buffer.split().freeze());
        assert_eq!(pieces.concat(), expected);
        assert_eq!(pieces.iter().filter(|piece| piece.as_ptr() == long.as_ptr()).count(), 4);
        assert!(records.is_empty() && records.take(|buffer| buffer.split().freeze()).is_empty());
    }
}
