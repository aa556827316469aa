//! Messages of AMQP 1.0 as the hub sees them, and the hub's as AMQP 1.0.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what builds its messages")]

#[allow(dead_code, reason = "shared with the tests of the codec")]
#[path = "../codec/generate.rs"]
mod generate;
mod hub;
mod identity;
mod selectors;

use amqp10::Amqp10Encoding;
use amqp10::codec::{Sections, scan};
use bytes::{Bytes, BytesMut};
use model::{Address, Body, Encoding, EncodingId, Encodings, Header, Hub, Message, Name, Namespace, Time};
use std::sync::Arc;

const NOW: Time = Time(1_700_000_000_000);

/// The message that a connection makes of these sections.
fn message(sections: BytesMut) -> Message {
    let Sections { properties, body, body_kind, .. } = scan(&[sections.freeze()]).unwrap();
    let header = Header { private: body_kind as u8, ..Header::default() };
    let message = of_parts(properties, body.into_iter().collect(), header);
    assert!(Amqp10Encoding.is_sound(&message));
    message
}

#[test]
fn sections_that_nobody_scanned_are_not_sound() {
    let value = Bytes::from_static(b"\x00\x53\x77\xa1\x01x");
    let kind = scan(std::slice::from_ref(&value)).unwrap().body_kind as u8;
    let header = |private| Header { private, ..Header::default() };
    assert!(Amqp10Encoding.is_sound(&of_parts(Bytes::new(), value.clone().into(), header(kind))));
    assert!(!Amqp10Encoding.is_sound(&of_parts(Bytes::new(), value.clone().into(), header(kind + 1))), "another kind");
    assert!(!Amqp10Encoding.is_sound(&of_parts(value.clone(), Body::default(), header(kind))), "a body is no property");
    assert!(!Amqp10Encoding.is_sound(&of_parts(Bytes::new(), value.slice(..4).into(), header(kind))), "half of one");
}

fn of_parts(properties: Bytes, body: Body, header: Header) -> Message {
    let address = Address::queue(Namespace(0), Name::from("q"));
    Message { address, header, encoding: EncodingId::AMQP_10, properties, body }
}

fn hub_of(message: &Message) -> Hub {
    let mut encodings = Encodings::default();
    encodings.register(Arc::new(Amqp10Encoding));
    encodings.to_hub(message)
}
