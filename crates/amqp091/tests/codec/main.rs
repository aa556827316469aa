//! The codec from outside: every frame's bytes, every way to break them, and what must hold for any bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what builds its frames")]

mod bits;
mod bodies;
mod corpus;
#[path = "../common/fields.rs"]
mod fields;
mod frames;
mod generate;
mod malformed;
mod properties;
mod tables;
mod vectors;

use amqp091::codec::{FieldTable, FieldValue, Frame, Limits, Malformed, Role, ShortString, TableBuilder, decode};
use bytes::BytesMut;

const LIMITS: Limits = Limits { frame_max: 1 << 17 };

/// Decodes one frame; all of `bytes` belong to it.
fn decode_one(bytes: &[u8], role: Role) -> Result<Frame, Malformed> {
    let mut input = BytesMut::from(bytes);
    let frame = decode(&mut input, &LIMITS, role)?.expect("a whole frame");
    assert!(input.is_empty(), "{} bytes left", input.len());
    Ok(frame)
}

fn short(text: &'static str) -> ShortString {
    ShortString::from_static(text)
}

fn table(fields: &[(&str, FieldValue<'_>)]) -> FieldTable {
    let mut builder = TableBuilder::new();
    for (name, value) in fields {
        builder.push(name.as_bytes(), *value);
    }
    builder.finish().unwrap()
}

/// A frame around `payload`.
fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend(channel.to_be_bytes());
    frame.extend((payload.len() as u32).to_be_bytes());
    frame.extend(payload);
    frame.push(0xCE);
    frame
}
