//! MQTT 3.1.1 frames: written beforehand, and read without copying.

use thiserror::Error;

use crate::workload::batch::{Number, Template};

pub const CONNACK: u8 = 2;
pub const PUBLISH: u8 = 3;
pub const PUBACK: u8 = 4;
pub const SUBACK: u8 = 9;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    #[error("remaining length is longer than four bytes")]
    RemainingLength,
    #[error("a PUBLISH is shorter than its own fields")]
    Publish,
}

/// One packet: `kind` is the upper half of its first byte, `flags` the lower, `body` what follows the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub kind: u8,
    pub flags: u8,
    pub body: &'a [u8],
}

/// A PUBLISH as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Present for QoS 1 and 2.
    pub packet_id: Option<u16>,
    pub payload: &'a [u8],
}

/// A PUBLISH for `topic` with a payload of `size` bytes.
pub fn publish(topic: &str, qos: u8, size: usize) -> Template {
    let mut body = string(topic);
    let topic_len = body.len();
    if qos > 0 {
        body.extend_from_slice(&[0, 1]);
    }
    let payload = body.len();
    body.resize(payload + size, b'x');
    let bytes = packet(PUBLISH << 4 | qos << 1, &body);
    let head = bytes.len() - body.len();
    let numbers = if qos > 0 { vec![Number::PacketId(head + topic_len)] } else { Vec::new() };
    Template { bytes, numbers, payload_at: head + payload }
}

/// The first packet of `input` and its length in bytes; `None` while it is incomplete.
pub fn next(input: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Malformed> {
    let Some(&first) = input.first() else { return Ok(None) };
    let mut len = 0_usize;
    for index in 0..4 {
        let Some(&byte) = input.get(1 + index) else { return Ok(None) };
        len |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let head = 2 + index;
            let Some(body) = input.get(head..head + len) else { return Ok(None) };
            return Ok(Some((Frame { kind: first >> 4, flags: first & 0x0f, body }, head + len)));
        }
    }
    Err(Malformed::RemainingLength)
}

impl<'a> Frame<'a> {
    /// Reads the body as that of a PUBLISH (MQTT 3.1.1, 3.3).
    pub fn publish(self) -> Result<Publish<'a>, Malformed> {
        let (len, rest) = self.body.split_first_chunk::<2>().ok_or(Malformed::Publish)?;
        let rest = rest.get(usize::from(u16::from_be_bytes(*len))..).ok_or(Malformed::Publish)?;
        if self.flags & 0x06 == 0 {
            return Ok(Publish { packet_id: None, payload: rest });
        }
        let (id, payload) = rest.split_first_chunk::<2>().ok_or(Malformed::Publish)?;
        Ok(Publish { packet_id: Some(u16::from_be_bytes(*id)), payload })
    }
}

/// CONNECT as guest, with keep-alive 600 s.
pub fn connect(client_id: &str, clean_session: bool) -> Vec<u8> {
    connect_as(client_id, clean_session, "guest", "guest")
}

/// The same as somebody else.
pub fn connect_as(client_id: &str, clean_session: bool, user: &str, password: &str) -> Vec<u8> {
    let mut body = string("MQTT");
    body.push(4);
    body.push(0xc0 | if clean_session { 0x02 } else { 0 });
    body.extend_from_slice(&600_u16.to_be_bytes());
    for text in [client_id, user, password] {
        body.extend_from_slice(&string(text));
    }
    packet(0x10, &body)
}

pub fn subscribe(topic: &str, qos: u8) -> Vec<u8> {
    let mut body = vec![0, 1];
    body.extend_from_slice(&string(topic));
    body.push(qos);
    packet(0x82, &body)
}

pub const fn puback(packet_id: u16) -> [u8; 4] {
    let [high, low] = packet_id.to_be_bytes();
    [PUBACK << 4, 2, high, low]
}

pub const DISCONNECT: [u8; 2] = [0xe0, 0];

fn string(text: &str) -> Vec<u8> {
    let len = u16::try_from(text.len()).expect("names made here are short");
    [&len.to_be_bytes(), text.as_bytes()].concat()
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut len = body.len();
    while len >= 0x80 {
        bytes.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::batch::Batch;
    use crate::workload::stamp::Stamp;

    #[test]
    fn patched_frames_read_back() {
        for (qos, size) in [(0, 16), (1, 100), (1, 20_000)] {
            let mut batch = Batch::new(&publish("a/b", qos, size), 4);
            let bytes = batch.patch(3, 9, 65_533, 1234).to_vec();
            assert_eq!(bytes.len(), 3 * batch.message_len());
            let mut rest = &bytes[..];
            for (number, id) in [(65_533, 65_534), (65_534, 65_535), (65_535, 1)] {
                let (frame, len) = next(rest).unwrap().unwrap();
                let publish = frame.publish().unwrap();
                assert_eq!((frame.kind, publish.payload.len()), (PUBLISH, size));
                assert_eq!(publish.packet_id, (qos > 0).then_some(id));
                assert_eq!(Stamp::read(publish.payload), Some(Stamp { nanos: 1234, sender: 9, number }));
                rest = &rest[len..];
            }
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn every_cut_of_a_frame_is_incomplete() {
        let bytes = &publish("t", 1, 200).bytes[..];
        for cut in 0..bytes.len() {
            assert_eq!(next(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        assert!(next(bytes).unwrap().is_some());
    }

    #[test]
    fn hostile_frames_are_refused() {
        assert_eq!(next(&[0x30, 0xff, 0xff, 0xff, 0xff, 0x01]), Err(Malformed::RemainingLength));
        for body in [&[0_u8][..], &[0, 5, b'a'], &[0, 1, b'a', 7]] {
            let frame = Frame { kind: PUBLISH, flags: 2, body };
            assert_eq!(frame.publish(), Err(Malformed::Publish));
        }
    }

    #[test]
    fn control_packets_as_in_the_standard() {
        let connect =
            [&[0x10, 19, 0, 4][..], b"MQTT", &[4, 0xc2, 2, 0x58, 0, 1, b'c', 0, 1, b'u', 0, 1, b'p']].concat();
        assert_eq!(connect_as("c", true, "u", "p"), connect);
        assert_eq!(subscribe("t", 1), [0x82, 6, 0, 1, 0, 1, b't', 1]);
        assert_eq!(puback(0x0102), [0x40, 2, 1, 2]);
    }
}
