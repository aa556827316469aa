use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use model::{Command, Converted, Encoding, EncodingId, Encodings, Hub, Message, Scalar, Time, Unconvertible};

use super::commands::publish_with;

const ID: EncodingId = EncodingId(40);

/// Properties as `name=value` lines, numbers as numbers; counts how often one is looked up.
#[derive(Default)]
pub(crate) struct Lines {
    looked_up: AtomicUsize,
}

impl Lines {
    pub(crate) fn registered() -> (Arc<Self>, Encodings) {
        let (lines, mut encodings) = (Arc::new(Self::default()), Encodings::default());
        encodings.register(lines.clone());
        (lines, encodings)
    }

    /// Look-ups since the last call.
    pub(crate) fn looked_up(&self) -> usize {
        self.looked_up.swap(0, Ordering::Relaxed)
    }
}

/// Publishes a durable message with properties.
pub(crate) fn publish_having(key: &str, body: impl Into<Vec<u8>>, properties: &str) -> Command {
    publish_with(key, body, |message, _| having(message, properties))
}

pub(crate) fn having(message: &mut Message, properties: &str) {
    message.encoding = ID;
    message.properties = Bytes::copy_from_slice(properties.as_bytes());
}

impl Encoding for Lines {
    fn id(&self) -> EncodingId {
        ID
    }

    fn decode(&self, _message: &Message) -> Hub {
        Hub::default()
    }

    fn encode(&self, _hub: &Hub, _now: Time) -> Result<Converted, Unconvertible> {
        Err(Unconvertible("not wanted in these tests"))
    }

    fn property<'a>(&self, message: &'a Message, name: &str) -> Scalar<'a> {
        self.looked_up.fetch_add(1, Ordering::Relaxed);
        let text = std::str::from_utf8(&message.properties).expect("tests write text");
        let value = text.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| *key == name);
        match value {
            None => Scalar::Null,
            Some((_, value)) => value.parse().map_or(Scalar::Text(value), Scalar::Int),
        }
    }
}
