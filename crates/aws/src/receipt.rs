use std::hash::Hasher as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::{Delivery, QueueId, Time};
use siphasher::sip::SipHasher24;

/// Makes and reads receipt handles: the name of one hand-out, with a code that only the owner of the secret can make.
///
/// ```text
/// 0      1       3    7      15         19            25     33 bytes, then base64
/// version shard   n    seq    attempt    received      code
/// 1       u16     u32  u64    u32        48 bits, ms   SipHash-2-4 of all before
/// ```
/// Integers are little-endian. A handle names its hand-out for ever, so it is valid after a restart.
#[derive(Clone)]
pub(crate) struct Receipts {
    key: [u8; 16],
}

/// What a receipt handle says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) delivery: Delivery,
    /// When it was handed out: the 12 hours of a visibility time-out begin here.
    pub(crate) received: Time,
}

const VERSION: u8 = 1;
const SIGNED: usize = 25;
const BYTES: usize = SIGNED + 8;
const CHARACTERS: usize = BYTES / 3 * 4;

impl Receipts {
    /// `key` is half of the service's secret.
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// Appends the handle's 44 characters.
    pub(crate) fn push(&self, out: &mut Vec<u8>, receipt: &Receipt) {
        let Receipt { delivery: Delivery { queue, seq, attempt }, received } = *receipt;
        let mut bytes = [0; BYTES];
        bytes[0] = VERSION;
        bytes[1..3].copy_from_slice(&queue.shard.to_le_bytes());
        bytes[3..7].copy_from_slice(&queue.n.to_le_bytes());
        bytes[7..15].copy_from_slice(&seq.to_le_bytes());
        bytes[15..19].copy_from_slice(&attempt.to_le_bytes());
        bytes[19..25].copy_from_slice(&received.0.to_le_bytes()[..6]);
        let code = self.code(&bytes[..SIGNED]);
        bytes[SIGNED..].copy_from_slice(&code);
        let mut text = [0; CHARACTERS];
        STANDARD_NO_PAD.encode_slice(bytes, &mut text).expect("four characters for each three bytes");
        out.extend_from_slice(&text);
    }

    /// `None` if it is not one of ours.
    pub(crate) fn read(&self, handle: &str) -> Option<Receipt> {
        if handle.len() != CHARACTERS {
            return None;
        }
        let mut bytes = [0; BYTES];
        let read = STANDARD_NO_PAD.decode_slice(handle, &mut bytes).ok()?;
        let code = self.code(&bytes[..SIGNED]);
        // Every byte is compared, so that the time taken tells nothing.
        let differs = bytes[SIGNED..].iter().zip(code).fold(0, |sum, (a, b)| sum | (a ^ b));
        if read != BYTES || bytes[0] != VERSION || differs != 0 {
            return None;
        }
        let integer = |range: std::ops::Range<usize>| {
            let mut word = [0; 8];
            word[..range.len()].copy_from_slice(&bytes[range]);
            u64::from_le_bytes(word)
        };
        let queue = QueueId { shard: integer(1..3) as u16, n: integer(3..7) as u32 };
        let delivery = Delivery { queue, seq: integer(7..15), attempt: integer(15..19) as u32 };
        Some(Receipt { delivery, received: Time(integer(19..25)) })
    }

    fn code(&self, signed: &[u8]) -> [u8; 8] {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(signed);
        hasher.finish().to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(receipt: &Receipt) -> String {
        let mut out = Vec::new();
        Receipts::new([9; 16]).push(&mut out, receipt);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn handles_are_read_back_and_no_other_text_is(
            shard: u16, n: u32, seq: u64, attempt: u32, received in 0_u64..1 << 48, at in 0..CHARACTERS, to: char,
        ) {
            let delivery = Delivery { queue: QueueId { shard, n }, seq, attempt };
            let receipt = Receipt { delivery, received: Time(received) };
            let receipts = Receipts::new([9; 16]);
            let handle = text(&receipt);
            prop_assert_eq!(receipts.read(&handle), Some(receipt));
            prop_assert_eq!(Receipts::new([8; 16]).read(&handle), None);
            let mut tampered = handle.clone();
            tampered.replace_range(at..=at, &to.to_string());
            prop_assert_eq!(receipts.read(&tampered).is_some(), tampered == handle);
            prop_assert_eq!(receipts.read(&handle[..at]), None);
        }

        #[test]
        fn any_text_is_refused_quietly(handle: String) {
            prop_assert_eq!(Receipts::new([9; 16]).read(&handle), None);
        }
    }
}
