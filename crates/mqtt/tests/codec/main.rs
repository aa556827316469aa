//! The codec from outside: every packet's bytes, every way to break them, and what must hold for any bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what builds its packets")]

mod corpus;
mod frames;
mod generate;
mod malformed;
mod properties;

use bytes::BytesMut;
use mqtt::codec::{Limits, Malformed, Packet, Role, Version, decode};

const LIMITS: Limits = Limits { max_packet: 1 << 20 };

/// Decodes one packet; all of `bytes` belong to it.
fn decode_one(bytes: &[u8], role: Role, version: Version) -> Result<Packet, Malformed> {
    let mut input = BytesMut::from(bytes);
    let packet = decode(&mut input, &LIMITS, role, version)?.expect("a whole packet");
    assert!(input.is_empty(), "{} bytes left", input.len());
    Ok(packet)
}
