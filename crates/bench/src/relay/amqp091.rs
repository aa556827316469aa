//! Just enough AMQP 0-9-1 to relay: whatever is asked is granted, and a published message is confirmed at once and
//! copied behind the method that delivers it.

use std::io;

use super::{Asked, invalid};
use crate::workload::amqp091::CONSUMER;
use crate::workload::amqp091::frame::{self, CHANNEL, Id, METHOD, PROTOCOL};

/// What this connection has published on its channel.
#[derive(Default)]
pub(super) struct Channel {
    greeted: bool,
    confirms: bool,
    published: u64,
    /// A delivery, whose tag is the last field but three.
    deliver: Vec<u8>,
}

impl Channel {
    pub(super) fn understand(&mut self, input: &[u8], asked: &mut Asked) -> io::Result<usize> {
        let mut at = 0;
        if !self.greeted {
            at = PROTOCOL.len();
            self.greet(asked);
        }
        let before = self.published;
        // Headers and bodies behind each other are copied together.
        let mut run = at..at;
        while let Some((frame, len)) = frame::next(&input[at..]).map_err(invalid)? {
            if frame.kind == METHOD {
                asked.relayed.extend_from_slice(&input[run]);
                let (method, arguments) = frame.method().map_err(invalid)?;
                self.answer(method, arguments, asked)?;
                run = at + len..at + len;
            }
            at += len;
            run.end = at;
        }
        asked.relayed.extend_from_slice(&input[run]);
        if self.confirms && self.published > before {
            frame::write_ack(self.published, true, &mut asked.reply);
        }
        Ok(at)
    }

    fn greet(&mut self, asked: &mut Asked) {
        self.greeted = true;
        self.deliver = deliver();
        let start = [&[0, 9, 0, 0, 0, 0], &frame::long_string(b"PLAIN")[..], &frame::long_string(b"en_US")].concat();
        asked.reply.extend_from_slice(&frame::method(frame::CONNECTION_START, 0, &start));
    }

    fn answer(&mut self, method: Id, arguments: &[u8], asked: &mut Asked) -> io::Result<()> {
        let mut reply = |method, channel, arguments: &[u8]| {
            asked.reply.extend_from_slice(&frame::method(method, channel, arguments));
        };
        match method {
            frame::BASIC_PUBLISH => {
                self.published += 1;
                let tag = self.deliver.len() - TAIL - 8;
                self.deliver[tag..tag + 8].copy_from_slice(&self.published.to_be_bytes());
                asked.relayed.extend_from_slice(&self.deliver);
            }
            frame::CONNECTION_START_OK => reply(frame::CONNECTION_TUNE, 0, &[0, 1, 0, 2, 0, 0, 0, 0]),
            frame::CONNECTION_OPEN => reply(frame::CONNECTION_OPEN_OK, 0, &[0]),
            frame::CHANNEL_OPEN => reply(frame::CHANNEL_OPEN_OK, CHANNEL, &[0; 4]),
            frame::QUEUE_DECLARE => {
                let (queue, _) = arguments.get(2..).map(frame::short).transpose().map_err(invalid)?.unwrap_or_default();
                reply(frame::QUEUE_DECLARE_OK, CHANNEL, &[&[queue.len() as u8], queue, &[0; 8]].concat());
            }
            frame::BASIC_QOS => reply(frame::BASIC_QOS_OK, CHANNEL, &[]),
            frame::CONFIRM_SELECT => {
                self.confirms = true;
                reply(frame::CONFIRM_SELECT_OK, CHANNEL, &[]);
            }
            frame::BASIC_CONSUME => {
                reply(frame::BASIC_CONSUME_OK, CHANNEL, &frame::string(CONSUMER));
                asked.subscribes = true;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Bytes behind the tag: not redelivered, the default exchange, an empty key, the end of the frame.
const TAIL: usize = 4;

fn deliver() -> Vec<u8> {
    let arguments = [&frame::string(CONSUMER)[..], &[0; 8], &[0, 0, 0]].concat();
    frame::method(frame::BASIC_DELIVER, CHANNEL, &arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_messages_are_delivered_with_tags_and_confirmed_together() {
        let mut channel = Channel { greeted: true, confirms: true, published: 5, deliver: deliver() };
        let message = frame::publish("q", true, 16, 4096).bytes;
        let method = frame::next(&message).unwrap().unwrap().1;
        let input = [&message[..], &message, &message[..9]].concat();
        let mut asked = Asked::default();
        assert_eq!(channel.understand(&input, &mut asked).unwrap(), 2 * message.len());
        let mut expected = Vec::new();
        for tag in [6_u64, 7] {
            let arguments = [&frame::string(CONSUMER)[..], &tag.to_be_bytes(), &[0, 0, 0]].concat();
            expected.extend_from_slice(&frame::method(frame::BASIC_DELIVER, CHANNEL, &arguments));
            expected.extend_from_slice(&message[method..]);
        }
        assert_eq!(asked.relayed, expected);
        let mut ack = Vec::new();
        frame::write_ack(7, true, &mut ack);
        assert_eq!(asked.reply, ack);
    }
}
