use std::collections::{BTreeMap, VecDeque};

use bytes::BytesMut;

use super::chance::Chance;
use crate::codec::method::{basic, channel, connection, tx};
use crate::codec::{self, Frame, Limits, Method, Role};

const LIMITS: Limits = Limits { frame_max: 131_072 };

/// The client's end: it checks what the server says, and answers some of it.
#[derive(Debug, Default)]
pub(super) struct Client {
    said: BytesMut,
    /// Methods of class `connection` so far, up to `open-ok`.
    greetings: usize,
    channels: BTreeMap<u16, Channel>,
    answers: VecDeque<Frame>,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Channel {
    /// Of the last delivery.
    tag: u64,
    /// Of the last confirm.
    confirmed: u64,
    /// A content header has to come next, or so many bytes of a body.
    content: Option<Content>,
}

#[derive(Debug)]
enum Content {
    Header,
    Body(u64),
}

impl Client {
    /// The server says more.
    pub(super) fn hears(&mut self, bytes: &[u8]) {
        self.said.extend_from_slice(bytes);
        if self.greetings == 0 && self.said.starts_with(b"AMQP") {
            return;
        }
        while let Some(frame) = codec::decode(&mut self.said, &LIMITS, Role::Client).expect("servers say such a thing")
        {
            self.read(frame);
        }
    }

    /// The handshake is done, and nobody has closed the connection.
    pub(super) fn is_open(&self) -> bool {
        self.greetings == 3 && !self.is_closed
    }

    pub(super) fn open_channels(&self) -> impl Iterator<Item = u16> {
        self.channels.keys().copied()
    }

    /// All was written.
    pub(super) fn is_done(&self) {
        assert!(self.said.is_empty() || self.greetings == 0, "half a frame");
    }

    fn read(&mut self, frame: Frame) {
        let confirms_close = matches!(frame, Frame::Method(0, Method::ConnectionCloseOk(_)));
        assert!(!self.is_closed || confirms_close, "speaks after connection.close: {frame:?}");
        match frame {
            Frame::Heartbeat => {}
            Frame::Method(0, method) => self.connection_method(method),
            Frame::Method(number, method) => self.channel_method(number, method),
            Frame::Header(number, header) => {
                let content = &mut self.channels.get_mut(&number).expect("an open channel").content;
                assert!(matches!(content, Some(Content::Header)), "a header out of place");
                *content = (header.body_size > 0).then_some(Content::Body(header.body_size));
            }
            Frame::Body(number, part) => {
                let content = &mut self.channels.get_mut(&number).expect("an open channel").content;
                let Some(Content::Body(left)) = content else { panic!("a body out of place") };
                *left = left.checked_sub(part.len() as u64).expect("no more than was promised");
                if *left == 0 {
                    *content = None;
                }
            }
        }
    }

    fn connection_method(&mut self, method: Method) {
        let place = self.greetings;
        match method {
            Method::ConnectionStart(_) => assert_eq!(place, 0),
            Method::ConnectionTune(_) => assert_eq!(place, 1),
            Method::ConnectionOpenOk(_) => assert_eq!(place, 2),
            Method::ConnectionSecure(_) => {
                assert_eq!(place, 1);
                let response = bytes::Bytes::from_static(b"c=biws");
                return self.answers.push_back(Frame::Method(0, connection::SecureOk { response }.into()));
            }
            Method::ConnectionClose(_) => {
                self.is_closed = true;
                return self.answers.push_back(Frame::Method(0, connection::CloseOk {}.into()));
            }
            Method::ConnectionCloseOk(_) => {
                self.is_closed = true;
                return;
            }
            Method::ConnectionBlocked(_) | Method::ConnectionUnblocked(_) | Method::ConnectionUpdateSecretOk(_) => {
                return assert_eq!(place, 3);
            }
            other => panic!("on channel 0: {other:?}"),
        }
        self.greetings += 1;
    }

    fn channel_method(&mut self, number: u16, method: Method) {
        assert_eq!(self.greetings, 3, "before open-ok: {method:?}");
        match method {
            Method::ChannelOpenOk(_) => {
                let before = self.channels.insert(number, Channel::default());
                assert!(before.is_none(), "channel {number} is open already");
                return;
            }
            Method::ChannelClose(_) => {
                assert!(self.channels.remove(&number).is_some(), "channel {number} is not open");
                self.answers.push_back(Frame::Method(number, channel::CloseOk {}.into()));
                return;
            }
            // It may have closed the channel itself just before.
            Method::ChannelCloseOk(_) => {
                self.channels.remove(&number);
                return;
            }
            _ => {}
        }
        let Some(channel) = self.channels.get_mut(&number) else { panic!("channel {number} is closed: {method:?}") };
        assert!(channel.content.is_none(), "in the middle of content: {method:?}");
        match method {
            Method::BasicDeliver(basic::Deliver { delivery_tag, .. })
            | Method::BasicGetOk(basic::GetOk { delivery_tag, .. }) => {
                channel.tag += 1;
                assert_eq!(delivery_tag, channel.tag, "delivery tags count");
                channel.content = Some(Content::Header);
                self.answers.push_back(Frame::Method(number, basic::Ack { delivery_tag, multiple: false }.into()));
            }
            Method::BasicReturn(_) => channel.content = Some(Content::Header),
            Method::BasicAck(basic::Ack { delivery_tag, .. }) | Method::BasicNack(basic::Nack { delivery_tag, .. }) => {
                assert!(delivery_tag > channel.confirmed, "confirms {delivery_tag} again");
                channel.confirmed = delivery_tag;
            }
            _ => {}
        }
    }

    /// Says what is due to some of what it has read, or something else.
    pub(super) fn answers(&mut self, chance: &mut Chance, out: &mut BytesMut) {
        for _ in 0..chance.below(4) {
            let Some(frame) = self.answers.pop_front() else { return };
            let frame = match (frame, chance.below(24)) {
                (_, 0) => continue,
                (Frame::Method(number, Method::BasicAck(ack)), choice @ 1..=7) => {
                    let basic::Ack { delivery_tag, .. } = ack;
                    let multiple = choice % 2 == 0;
                    let method: Method = match choice {
                        1 | 2 => basic::Ack { delivery_tag, multiple: true }.into(),
                        3 | 4 => basic::Nack { delivery_tag, multiple, requeue: true }.into(),
                        5 => basic::Nack { delivery_tag, multiple, requeue: false }.into(),
                        6 => tx::Commit {}.into(),
                        _ => tx::Rollback {}.into(),
                    };
                    Frame::Method(number, method)
                }
                (frame, 8) => {
                    self.answers.push_back(frame);
                    continue;
                }
                (frame, 9) => {
                    self.answers.push_front(frame.clone());
                    frame
                }
                (frame, _) => frame,
            };
            codec::encode(&frame, out).expect("what was read can be written");
            if let Frame::Method(number, Method::ChannelCloseOk(_)) = frame {
                // Else it could say nothing more on it.
                let again = Frame::Method(number, channel::Open {}.into());
                codec::encode(&again, out).expect("it has no arguments");
            }
        }
    }
}
