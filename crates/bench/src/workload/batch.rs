//! One message written beforehand, repeated, and patched in place before each write.

use super::stamp::{STAMP_LEN, Stamp};

/// Where a message carries its own number, besides the stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// Two bytes, big-endian: 1 to 65535, again and again.
    PacketId(usize),
    /// Four bytes, big-endian.
    Word(usize),
    /// [`DIGITS`] decimal digits.
    Decimal(usize),
}

pub const DIGITS: usize = 12;

/// A whole message on the wire, with the places that differ from one to the next.
#[derive(Clone, Debug)]
pub struct Template {
    pub bytes: Vec<u8>,
    pub numbers: Vec<Number>,
    /// Where the payload, and so the stamp, begins.
    pub payload_at: usize,
}

/// Equal messages one behind the other, sent in one write after patching.
pub struct Batch {
    template: Template,
    bytes: Vec<u8>,
}

impl Batch {
    pub fn new(template: &Template, count: usize) -> Self {
        assert!(template.bytes.len() >= template.payload_at + STAMP_LEN, "a payload holds its stamp");
        Self { bytes: template.bytes.repeat(count), template: template.clone() }
    }

    /// The first `count` messages, numbered from `first`.
    pub fn patch(&mut self, count: usize, sender: u16, first: u64, nanos: u64) -> &[u8] {
        let Template { bytes, numbers, payload_at } = &self.template;
        let used = &mut self.bytes[..count * bytes.len()];
        for (message, number) in used.chunks_exact_mut(bytes.len()).zip(first..) {
            for place in numbers {
                place.write(message, number);
            }
            let stamp = message[*payload_at..].first_chunk_mut().expect("checked when made");
            Stamp { nanos, sender, number }.write(stamp);
        }
        used
    }

    pub const fn message_len(&self) -> usize {
        self.template.bytes.len()
    }
}

impl Number {
    fn write(self, message: &mut [u8], number: u64) {
        match self {
            Self::PacketId(at) => {
                let id = (number % 65_535) as u16 + 1;
                message[at..at + 2].copy_from_slice(&id.to_be_bytes());
            }
            Self::Word(at) => message[at..at + 4].copy_from_slice(&(number as u32).to_be_bytes()),
            Self::Decimal(at) => {
                let mut rest = number;
                for digit in message[at..at + DIGITS].iter_mut().rev() {
                    *digit = b'0' + (rest % 10) as u8;
                    rest /= 10;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_number_is_patched() {
        let mut bytes = vec![b'-'; 2 + 4 + DIGITS];
        bytes.resize(bytes.len() + STAMP_LEN + 1, b'x');
        let numbers = vec![Number::PacketId(0), Number::Word(2), Number::Decimal(6)];
        let template = Template { bytes, numbers, payload_at: 6 + DIGITS };
        let mut batch = Batch::new(&template, 3);
        let len = batch.message_len();
        let patched = batch.patch(2, 9, 65_534, 1234);
        assert_eq!(patched.len(), 2 * len);
        assert_eq!(patched[..6 + DIGITS], *b"\xff\xff\x00\x00\xff\xfe000000065534");
        assert_eq!(patched[len..len + 6 + DIGITS], *b"\x00\x01\x00\x00\xff\xff000000065535");
        let stamp = Stamp::read(&patched[len + 6 + DIGITS..]);
        assert_eq!(stamp, Some(Stamp { nanos: 1234, sender: 9, number: 65_535 }));
        assert_eq!(patched.last(), Some(&b'x'));
    }
}
