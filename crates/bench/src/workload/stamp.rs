//! The first 16 bytes of every payload: the sending time in nanoseconds, then sender and number, little-endian.

pub const STAMP_LEN: usize = 16;

const NUMBER_BITS: u32 = 48;

/// What a payload says about its sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub nanos: u64,
    pub sender: u16,
    pub number: u64,
}

impl Stamp {
    /// `None` if the payload is too short to be one of ours.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (nanos, rest) = payload.split_first_chunk::<8>()?;
        let tag = u64::from_le_bytes(*rest.first_chunk::<8>()?);
        let number = tag & ((1 << NUMBER_BITS) - 1);
        Some(Self { nanos: u64::from_le_bytes(*nanos), sender: (tag >> NUMBER_BITS) as u16, number })
    }

    pub fn write(&self, payload: &mut [u8; STAMP_LEN]) {
        let tag = u64::from(self.sender) << NUMBER_BITS | self.number;
        payload[..8].copy_from_slice(&self.nanos.to_le_bytes());
        payload[8..].copy_from_slice(&tag.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_read_back() {
        let stamp = Stamp { nanos: u64::MAX - 5, sender: 999, number: (1 << NUMBER_BITS) - 1 };
        let mut payload = [0; STAMP_LEN];
        stamp.write(&mut payload);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(&payload[..STAMP_LEN - 1]), None);
    }
}
