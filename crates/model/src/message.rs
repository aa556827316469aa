use bytes::Bytes;
use smallvec::SmallVec;

use crate::{Address, EncodingId, Time};

/// What a producer sent: its own encoding of properties, and the body, byte for byte. Immutable; shared by `Arc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where the publisher sent it.
    pub address: Address,
    pub header: Header,
    pub encoding: EncodingId,
    /// The publisher's properties in its own protocol's bytes; only its [`crate::Encoding`] reads them.
    pub properties: Bytes,
    pub body: Body,
}

/// The properties that the core itself acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Must survive a restart, in queues that do.
    pub durable: bool,
    /// 0–9, higher first, in queues that order by it.
    pub priority: u8,
    /// Not delivered at or after this time.
    pub expires: Option<Time>,
    /// Not delivered before this time.
    pub not_before: Option<Time>,
    /// On a topic: keep as the last message of this key (MQTT 3.3.1.3).
    pub retain: bool,
    /// Bits of the publisher's protocol that every delivery needs quickly (MQTT: the QoS).
    pub private: u8,
}

impl Default for Header {
    fn default() -> Self {
        Self { durable: false, priority: 4, expires: None, not_before: None, retain: false, private: 0 }
    }
}

/// A body as a rope, so that one that came in pieces is never joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body(SmallVec<[Bytes; 1]>);

impl Body {
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    pub fn pieces(&self) -> &[Bytes] {
        &self.0
    }

    pub fn push(&mut self, piece: Bytes) {
        self.0.push(piece);
    }

    /// The body in one piece; copies only if there are several.
    pub fn joined(&self) -> Bytes {
        match self.0.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            many => many.concat().into(),
        }
    }

    /// A copy that pins no read buffer.
    #[must_use]
    pub fn detached(&self) -> Self {
        Bytes::from(self.0.concat()).into()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(SmallVec::from_buf([bytes]))
    }
}

impl FromIterator<Bytes> for Body {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        Self(pieces.into_iter().collect())
    }
}
