//! Just enough MQTT to relay: handshakes are granted, a PUBLISH is acknowledged at once and copied as it is.

use std::io;

use super::{Asked, invalid};
use crate::workload::mqtt::frame::{self, PUBLISH, puback};

const CONNECT: u8 = 1;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;
const PINGREQ: u8 = 12;
const DISCONNECT: u8 = 14;

/// Takes all complete frames of `input`; returns their length.
pub(super) fn understand(input: &[u8], asked: &mut Asked) -> io::Result<usize> {
    let mut at = 0;
    // Neighbouring PUBLISH frames are copied together.
    let mut run = 0..0;
    while let Some((frame, len)) = frame::next(&input[at..]).map_err(invalid)? {
        if frame.kind == PUBLISH {
            if let Some(id) = packet_id(frame.flags, frame.body) {
                asked.reply.extend_from_slice(&puback(id));
            }
            if run.end != at {
                asked.relayed.extend_from_slice(&input[run]);
                run = at..at;
            }
            run.end = at + len;
        } else {
            answer(frame.kind, frame.body, asked);
        }
        at += len;
    }
    asked.relayed.extend_from_slice(&input[run]);
    Ok(at)
}

fn packet_id(flags: u8, body: &[u8]) -> Option<u16> {
    if flags & 0x06 == 0 {
        return None;
    }
    let topic = usize::from(u16::from_be_bytes(*body.first_chunk()?));
    body.get(2 + topic..)?.first_chunk().map(|id| u16::from_be_bytes(*id))
}

fn answer(kind: u8, body: &[u8], asked: &mut Asked) {
    match (kind, body) {
        (CONNECT, _) => asked.reply.extend_from_slice(&[0x20, 2, 0, 0]),
        (SUBSCRIBE, [high, low, .., qos]) => {
            asked.subscribes = true;
            asked.reply.extend_from_slice(&[0x90, 3, *high, *low, *qos]);
        }
        (UNSUBSCRIBE, [high, low, ..]) => asked.reply.extend_from_slice(&[0xb0, 2, *high, *low]),
        (PINGREQ, _) => asked.reply.extend_from_slice(&[0xd0, 0]),
        (DISCONNECT, _) => asked.ends = true,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::batch::Batch;

    #[test]
    fn publishes_are_copied_as_they_are_and_acknowledged() {
        let mut batch = Batch::new(&frame::publish("t", 1, 32), 3);
        let publishes = batch.patch(3, 0, 0, 0).to_vec();
        let ping = [0xc0, 0];
        let input = [&publishes[..batch.message_len()], &ping, &publishes[batch.message_len()..], &[0x30, 9]].concat();
        let mut asked = Asked::default();
        assert_eq!(understand(&input, &mut asked).unwrap(), input.len() - 2);
        assert_eq!(asked.relayed, publishes);
        assert_eq!(asked.reply, [&puback(1)[..], &[0xd0, 0], &puback(2), &puback(3)].concat());
        assert!(!asked.ends && !asked.subscribes);
    }

    #[test]
    fn handshakes() {
        let input = [frame::connect("c", true), frame::subscribe("x", 1), frame::DISCONNECT.to_vec()].concat();
        let mut asked = Asked::default();
        understand(&input, &mut asked).unwrap();
        assert_eq!(asked.reply, [0x20, 2, 0, 0, 0x90, 3, 0, 1, 1]);
        assert!(asked.subscribes && asked.ends);
    }
}
