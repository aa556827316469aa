use std::collections::{BTreeSet, VecDeque};

use bytes::BytesMut;

use super::chance::Chance;
use crate::codec::{Command, Decoder, Frame, FrameWriter, Limits, Version};

/// The client's end: it checks what the server says, and acknowledges some of it.
#[derive(Debug)]
pub(super) struct Client {
    said: BytesMut,
    decoder: Decoder,
    version: Version,
    is_connected: bool,
    has_failed: bool,
    answers: VecDeque<(Vec<(&'static str, String)>, bool)>,
    acks: BTreeSet<String>,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            said: BytesMut::new(),
            decoder: Decoder::new(Limits::default(), Version::V10),
            version: Version::V10,
            is_connected: false,
            has_failed: false,
            answers: VecDeque::new(),
            acks: BTreeSet::new(),
        }
    }
}

impl Client {
    /// The server says more.
    pub(super) fn hears_part(&mut self, bytes: &[u8]) {
        self.said.extend_from_slice(bytes);
    }

    /// It has said whole frames.
    pub(super) fn hears_end(&mut self) {
        while let Some(frame) = self.decoder.decode(&mut self.said).expect("servers say such a thing") {
            self.read(&frame);
        }
        assert!(self.said.is_empty(), "half a frame");
    }

    fn read(&mut self, frame: &Frame) {
        assert!(!self.has_failed, "ERROR is the last frame: {frame:?}");
        let header = |name: &str| frame.headers().get(name).map(|value| value.into_owned());
        let needed = |name: &str| header(name).unwrap_or_else(|| panic!("no {name} in {frame:?}"));
        match frame.command {
            Command::Connected => {
                assert!(!self.is_connected, "CONNECTED comes once");
                self.is_connected = true;
                self.version = Version::negotiate(Some(&needed("version"))).expect("a version");
                self.decoder.set_version(self.version);
            }
            Command::Error => {
                self.has_failed = true;
                assert!(!needed("message").is_empty() && !frame.body.is_empty(), "it says why");
            }
            Command::Receipt => drop(needed("receipt-id")),
            Command::Message => {
                assert!(self.is_connected, "CONNECTED is first");
                needed("destination");
                let mut names = vec![("message-id", needed("message-id"))];
                if let Some(ack) = header("ack") {
                    assert!(self.acks.insert(ack.clone()), "{ack} was given before");
                    names = vec![("id", ack)];
                } else if let Some(subscription) = header("subscription") {
                    names.push(("subscription", subscription));
                }
                self.answers.push_back((names, false));
            }
            other => panic!("not a frame of servers: {other}"),
        }
    }

    /// Acknowledges some of what it has read, now and then in a wrong way.
    pub(super) fn answers(&mut self, chance: &mut Chance, out: &mut BytesMut) {
        for _ in 0..chance.below(4) {
            let Some((names, was_said)) = self.answers.pop_front() else { break };
            if chance.one_in(8) {
                continue;
            }
            if chance.one_in(6) {
                self.answers.push_back((names, was_said));
                continue;
            }
            let command = if chance.one_in(6) { Command::Nack } else { Command::Ack };
            let mut writer = FrameWriter::new(command, self.version, out);
            for (name, value) in &names {
                writer.header(name, value.as_bytes());
            }
            match chance.below(8) {
                0 => _ = writer.header("receipt", b"r"),
                1 => _ = writer.header("transaction", b"t"),
                2 => _ = writer.header("requeue", b"true"),
                _ => {}
            }
            writer.body(b"");
            if chance.one_in(60) && !was_said {
                self.answers.push_back((names, true));
            }
        }
    }
}
