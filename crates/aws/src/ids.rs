use std::hash::Hasher as _;

use model::{MessageNumber, Time};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use crate::hash::push_hex;

/// Makes ids that look random, are the same whenever they are made again, and cannot be guessed without the secret.
#[derive(Clone)]
pub(crate) struct Ids {
    key: [u8; 16],
}

impl Ids {
    /// `key` is half of the service's secret.
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// A message's id: a UUID as text, the same when it is sent and at every receive.
    pub(crate) fn push_message_id(&self, out: &mut Vec<u8>, number: MessageNumber) {
        push_uuid(out, &marked(self.hash(b'm', number.0, 0)));
    }

    /// A request's id. `count` differs between the requests of a process, `now` between processes.
    pub(crate) fn request_id(&self, count: u64, now: Time) -> String {
        let mut out = Vec::with_capacity(36);
        push_uuid(&mut out, &marked(self.hash(b'r', count, now.0)));
        String::from_utf8(out).expect("hexadecimal digits and hyphens")
    }

    /// SipHash-2-4-128; `domain` keeps kinds of ids apart.
    fn hash(&self, domain: u8, first: u64, second: u64) -> [u8; 16] {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        let mut bytes = [domain; 17];
        bytes[1..9].copy_from_slice(&first.to_le_bytes());
        bytes[9..].copy_from_slice(&second.to_le_bytes());
        hasher.write(&bytes);
        hasher.finish128().as_bytes()
    }
}

/// Marks an id as version 4, variant 1 (RFC 9562, 5.4).
fn marked(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// 8-4-4-4-12 hexadecimal digits.
pub(crate) fn push_uuid(out: &mut Vec<u8>, bytes: &[u8; 16]) {
    for (i, part) in [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]].into_iter().enumerate() {
        if i > 0 {
            out.push(b'-');
        }
        push_hex(out, part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_uuids_stable_and_distinct() {
        let ids = Ids::new([7; 16]);
        let id = |ids: &Ids, number| {
            let mut out = Vec::new();
            ids.push_message_id(&mut out, MessageNumber(number));
            String::from_utf8(out).unwrap()
        };
        let first = id(&ids, 1);
        assert_eq!(first, id(&ids, 1));
        assert_ne!(first, id(&ids, 2));
        assert_ne!(first, id(&Ids::new([8; 16]), 1), "depends on the secret");
        assert_ne!(first, ids.request_id(1, Time(0)), "kinds of ids are apart");
        assert_eq!(first.len(), 36);
        assert_eq!(first.match_indices('-').map(|(i, _)| i).collect::<Vec<_>>(), [8, 13, 18, 23]);
        assert_eq!(first.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&first.as_bytes()[19]));
    }
}
