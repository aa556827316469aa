//! Writing transfers around payloads that are never copied.

use bytes::BytesMut;

use super::descriptor;
use super::frame::{HEADER, close, open_amqp};
use super::list_writer::ListWriter;
use super::state::DeliveryState;
use super::write::{put_bool, put_uint};

/// The transfers of one delivery on its way out, as far as a sender varies them.
#[derive(Clone, Copy, Debug)]
pub struct TransferHead<'a> {
    pub handle: u32,
    pub delivery_id: u32,
    /// At most 32 bytes (2.8.7).
    pub delivery_tag: &'a [u8],
    pub message_format: u32,
    pub settled: bool,
    pub state: Option<&'a DeliveryState>,
}

impl TransferHead<'_> {
    /// How many bytes [`Self::encode_first`] writes at most, if the delivery has no state.
    pub const MAX_LEN: usize = HEADER + 3 + 3 + 5 + 5 + 2 + 32 + 5 + 1 + 1;

    /// How many bytes [`Self::encode_next`] writes at most.
    pub const MAX_NEXT_LEN: usize = HEADER + 3 + 3 + 5 + 5;

    /// Appends the first frame of a delivery up to its payload, of which `payload` bytes are to be sent behind it in
    /// the same frame. `more`: others follow.
    ///
    /// # Panics
    /// If the tag is longer than 32 bytes.
    #[inline]
    pub fn encode_first(&self, out: &mut BytesMut, channel: u16, more: bool, payload: usize) {
        assert!(self.delivery_tag.len() <= 32, "a delivery tag has at most 32 bytes");
        let start = open_amqp(out, channel);
        let mut list = ListWriter::new(out, descriptor::TRANSFER);
        list.put(|out| put_uint(out, self.handle));
        list.put(|out| put_uint(out, self.delivery_id));
        list.binary(Some(self.delivery_tag));
        list.put(|out| put_uint(out, self.message_format));
        list.put(|out| put_bool(out, self.settled));
        list.flag(more);
        list.null();
        list.option(self.state, |out, state| state.write(out));
        list.finish();
        close(out, start, payload);
    }

    /// As [`Self::encode_first`], for a frame that continues the delivery.
    #[inline]
    pub fn encode_next(&self, out: &mut BytesMut, channel: u16, more: bool, payload: usize) {
        let start = open_amqp(out, channel);
        let mut list = ListWriter::new(out, descriptor::TRANSFER);
        list.put(|out| put_uint(out, self.handle));
        // delivery-id, delivery-tag, message-format and settled are as they were in the first one.
        (0..4).for_each(|_| list.null());
        list.flag(more);
        list.finish();
        close(out, start, payload);
    }
}
