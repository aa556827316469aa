//! The codec alone: tables of frames, of ways to break them, and properties.

mod corpus;
mod frames;
mod malformed;
mod properties;

use stomp::codec::fuzz::decode_all;
use stomp::codec::{Frame, Limits, Malformed, Version};

const LIMITS: Limits = Limits { headers: 4, line: 40, block: 100, body: 20 };

fn decode(data: &[u8], version: Version) -> (Vec<Frame>, Option<Malformed>) {
    decode_all(data, version, &Limits::default())
}

/// The only frame of `data`.
fn frame(data: &[u8], version: Version) -> Frame {
    let (mut frames, end) = decode(data, version);
    assert_eq!((frames.len(), end), (1, None), "{}", data.escape_ascii());
    frames.remove(0)
}

fn headers(frame: &Frame) -> Vec<(String, String)> {
    frame.headers().into_iter().map(|header| (header.name().into_owned(), header.value().into_owned())).collect()
}
