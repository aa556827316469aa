//! The codec from outside: every type's and performative's bytes, every way to break them, and what must hold for any
//! bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what builds its frames")]

mod corpus;
mod frames;
mod generate;
mod hex;
mod hostile;
mod messages;
mod oracle;
mod performatives;
mod properties;
mod types;

use amqp10::codec::{Frame, Limits, Malformed, Performative, Value, decode, decode_value, encode, encode_value};
use bytes::{Bytes, BytesMut};

const LIMITS: Limits = Limits { max_frame: 1 << 20 };

/// Decodes one frame; all of `bytes` belong to it.
fn decode_one(bytes: &[u8]) -> Result<Frame, Malformed> {
    let mut input = BytesMut::from(bytes);
    let frame = decode(&mut input, &LIMITS)?.expect("a whole frame");
    assert!(input.is_empty(), "{} bytes left", input.len());
    Ok(frame)
}

/// The performative with the bytes `body`, in a frame on channel 0.
fn decode_body(body: &[u8]) -> Result<Performative, Malformed> {
    Ok(decode_one(&framed(0, body))?.performative.expect("a performative"))
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32 + 8).to_be_bytes().to_vec();
    frame.extend_from_slice(&[2, kind, 0, 0]);
    frame.extend_from_slice(body);
    frame
}

/// The bytes of a performative without its frame.
fn encoded_body(performative: &Performative) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(&mut out, 0, performative, &[]);
    assert_eq!(out[..8], framed(0, &out[8..])[..8]);
    out[8..].to_vec()
}

fn value_of(bytes: &[u8]) -> Result<Value, Malformed> {
    decode_value(&Bytes::copy_from_slice(bytes))
}

fn bytes_of(value: &Value) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode_value(value, &mut out);
    out.to_vec()
}
