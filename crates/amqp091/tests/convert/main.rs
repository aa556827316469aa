//! Messages of AMQP 0-9-1 to the hub and back, and other protocols' messages as AMQP 0-9-1 says them.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what builds its messages")]

#[path = "../common/fields.rs"]
#[allow(dead_code, reason = "shared with the tests of the codec")]
mod fields;
mod from_hub;
mod identity;
mod to_hub;

use std::sync::Arc;

use amqp091::Amqp091Encoding;
use amqp091::codec::Properties;
use bytes::BytesMut;
use model::{Body, Converted, Encoding, EncodingId, Encodings, Header, Hub, Message, Time};

/// A message as a connection stores it.
fn message(properties: &Properties<'_>, header: Header, body: &'static [u8]) -> Message {
    let mut raw = BytesMut::new();
    properties.write(&mut raw).unwrap();
    let message = Message {
        address: model::Address::default(),
        header,
        encoding: EncodingId::AMQP_091,
        properties: raw.freeze(),
        body: Body::from(bytes::Bytes::from_static(body)),
    };
    assert!(Amqp091Encoding.is_sound(&message));
    message
}

#[test]
fn properties_that_nobody_checked_are_not_sound() {
    let mut message = message(&Properties::default(), Header::default(), b"x");
    for bytes in [&b""[..], b"\xff\xff", b"\x20\x00\x00\x00\x00\x09x", b"\x20\x00\x00\x00\x00\x03\x01aZ"] {
        message.properties = bytes::Bytes::copy_from_slice(bytes);
        assert!(!Amqp091Encoding.is_sound(&message), "{bytes:?}");
    }
}

fn to_hub(message: &Message) -> Hub {
    let mut encodings = Encodings::default();
    encodings.register(Arc::new(Amqp091Encoding));
    encodings.to_hub(message)
}

fn from_hub(hub: &Hub) -> Converted {
    Amqp091Encoding.encode(hub, Time(1_000)).unwrap()
}
