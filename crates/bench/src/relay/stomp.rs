//! Just enough STOMP to relay: a SEND gets its receipt at once and goes on as a MESSAGE with the same headers.

use std::io;

use super::{Asked, invalid};
use crate::workload::stomp::frame::{self, Frame};

const MESSAGE: &[u8] = b"MESSAGE\nsubscription:0\nmessage-id:0\nack:0\n";

pub(super) fn understand(input: &[u8], asked: &mut Asked) -> io::Result<usize> {
    let mut at = 0;
    while let Some((frame, len)) = frame::next(&input[at..]).map_err(invalid)? {
        match frame.command {
            b"SEND" => {
                asked.relayed.extend_from_slice(MESSAGE);
                asked.relayed.extend_from_slice(frame.headers);
                asked.relayed.push(b'\n');
                asked.relayed.extend_from_slice(frame.body);
                asked.relayed.push(0);
            }
            b"CONNECT" | b"STOMP" => asked.reply.extend_from_slice(b"CONNECTED\nversion:1.2\n\n\0"),
            b"SUBSCRIBE" => asked.subscribes = true,
            b"DISCONNECT" => asked.ends = true,
            _ => {}
        }
        receipt(&frame, &mut asked.reply);
        at += len;
    }
    Ok(at)
}

fn receipt(frame: &Frame<'_>, reply: &mut Vec<u8>) {
    if let Some(id) = frame.header("receipt") {
        reply.extend_from_slice(b"RECEIPT\nreceipt-id:");
        reply.extend_from_slice(id);
        reply.extend_from_slice(b"\n\n\0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_become_messages_and_have_receipts() {
        let send = frame::send("/queue/q", true, 16).bytes;
        let mut asked = Asked::default();
        let input = [&send[..], b"\n", &frame::frame("SUBSCRIBE", &[("id", "0")]), &send[..7]].concat();
        assert_eq!(understand(&input, &mut asked).unwrap(), input.len() - 7);
        assert!(asked.subscribes && !asked.ends);
        assert_eq!(asked.reply, b"RECEIPT\nreceipt-id:000000000000\n\n\0");
        let (message, len) = frame::next(&asked.relayed).unwrap().unwrap();
        assert_eq!((message.command, message.body, len), (&b"MESSAGE"[..], &[b'x'; 16][..], asked.relayed.len()));
        assert_eq!(message.header("ack"), Some(&b"0"[..]));
    }
}
