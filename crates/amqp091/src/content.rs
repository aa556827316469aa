use bytes::{Bytes, BytesMut};
use model::Body;

use crate::codec::method::basic;
use crate::codec::{ContentHeader, Properties};
use crate::error::Fault;
use crate::publish::usual_properties;
use crate::shared::Shared;

/// Shorter pieces of a body are joined: each piece costs more than its bytes.
const PIECE_BYTES: usize = 4 * 1024;

/// A message between its `basic.publish` and its last byte.
#[derive(Debug)]
pub(crate) struct Incoming {
    publish: basic::Publish,
    header: Option<Header>,
    body: Body,
    /// Short pieces, not yet in `body`.
    joined: BytesMut,
    received: u64,
}

#[derive(Debug)]
struct Header {
    body_size: u64,
    properties: Bytes,
}

/// A message that is there.
pub(crate) struct Content {
    pub(crate) publish: basic::Publish,
    pub(crate) properties: Bytes,
    pub(crate) body: Body,
}

impl Incoming {
    pub(crate) fn new(publish: basic::Publish) -> Self {
        Self { publish, header: None, body: Body::default(), joined: BytesMut::new(), received: 0 }
    }

    /// Bytes of the body that are here.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The fault of a frame that comes in between.
    pub(crate) fn expected(&self, got: &str) -> Fault {
        let expected = if self.header.is_some() { "content body" } else { "content header" };
        Fault::Unexpected { expected, got: got.to_owned() }
    }

    /// Takes the content header. True if nothing more comes.
    pub(crate) fn header(&mut self, header: &ContentHeader, shared: &Shared) -> Result<bool, Fault> {
        if self.header.is_some() {
            return Err(self.expected("content header"));
        }
        let most = shared.options.max_message;
        if header.body_size > most {
            return Err(Fault::TooLarge(header.body_size, most));
        }
        let (body_size, raw) = (header.body_size, header.raw());
        // The body may come in another read buffer: this one is not to be kept for a few bytes.
        let properties = usual_properties(raw).unwrap_or_else(|| Bytes::copy_from_slice(raw));
        self.header = Some(Header { body_size, properties });
        Ok(body_size == 0)
    }

    /// Takes a part of the body. True if nothing more comes.
    pub(crate) fn part(&mut self, part: Bytes, shared: &mut Shared) -> Result<bool, Fault> {
        let Some(header) = &self.header else { return Err(self.expected("content body")) };
        let size = header.body_size;
        let length = part.len() as u64;
        if self.received + length > size {
            return Err(Fault::BodyTooLong(size));
        }
        self.received += length;
        shared.assembling += length;
        let most = shared.options.max_message.saturating_mul(ASSEMBLING_MESSAGES);
        if shared.assembling > most {
            return Err(Fault::TooMuchContent(most));
        }
        if part.len() < PIECE_BYTES && (self.received < size || !self.joined.is_empty()) {
            self.joined.extend_from_slice(&part);
        } else {
            self.close_joined();
            self.body.push(part);
        }
        Ok(self.received == size)
    }

    fn close_joined(&mut self) {
        if !self.joined.is_empty() {
            self.body.push(self.joined.split().freeze());
        }
    }

    pub(crate) fn finish(mut self, shared: &mut Shared) -> Content {
        shared.assembling -= self.received;
        self.close_joined();
        let properties = self.header.map(|header| header.properties).unwrap_or_default();
        Content { publish: self.publish, properties, body: self.body }
    }
}

impl Content {
    pub(crate) fn read(&self) -> Properties<'_> {
        Properties::of_checked(&self.properties)
    }
}

/// Messages of the greatest size that may be incomplete at once on one connection.
const ASSEMBLING_MESSAGES: u64 = 4;
