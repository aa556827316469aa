use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

/// Receipts that were asked for and not yet sent. Each has a number, from 1 on; 0 is none.
#[derive(Debug)]
pub(crate) struct Receipts {
    first: u64,
    waiting: VecDeque<Option<Bytes>>,
}

impl Default for Receipts {
    fn default() -> Self {
        Self { first: 1, waiting: VecDeque::new() }
    }
}

impl Receipts {
    /// `receipt` is the header's value as it came.
    pub(crate) fn expect(&mut self, receipt: Option<Bytes>) -> u64 {
        if receipt.is_none() {
            return 0;
        }
        self.waiting.push_back(receipt);
        self.first + self.waiting.len() as u64 - 1
    }

    /// Each number once; the broker answers in order, nearly always.
    pub(crate) fn take(&mut self, number: u64) -> Option<Bytes> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let receipt = self.waiting.get_mut(at)?.take();
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.first += 1;
        }
        receipt
    }

    /// Sends it, if it was asked for.
    pub(crate) fn answer(&mut self, number: u64, out: &mut BytesMut) {
        if let Some(receipt) = self.take(number) {
            write(&receipt, out);
        }
    }
}

/// RECEIPT, with the value as the client wrote it, so that it needs no escapes.
pub(crate) fn write(receipt: &[u8], out: &mut BytesMut) {
    out.reserve(receipt.len() + 24);
    out.put_slice(b"RECEIPT\nreceipt-id:");
    out.put_slice(receipt);
    out.put_slice(b"\n\n\0");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_are_taken_once_and_in_any_order() {
        let mut receipts = Receipts::default();
        let numbers = ["a", "b", "c"].map(|text| receipts.expect(Some(Bytes::from_static(text.as_bytes()))));
        assert_eq!(receipts.expect(None), 0);
        assert_eq!(receipts.take(0), None);
        assert_eq!(receipts.take(numbers[1]).as_deref(), Some(&b"b"[..]));
        assert_eq!(receipts.take(numbers[1]), None);
        assert_eq!(receipts.take(numbers[0]).as_deref(), Some(&b"a"[..]));
        assert_eq!(receipts.waiting.len(), 1);
        assert_eq!(receipts.take(numbers[2]).as_deref(), Some(&b"c"[..]));
        assert!(receipts.waiting.is_empty());
        assert_eq!(receipts.take(99), None);
    }
}
