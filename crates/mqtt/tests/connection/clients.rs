//! Clients that keep their promises, whatever happens to their connections: what MQTT 4.3 and 4.4 ask of them.

use std::collections::BTreeMap;

use mqtt::codec::{Connect, Packet, PacketId, Qos};

use crate::packets::{Q1, Q2, again, connack, kept, publish, subscribe};
use crate::world::{Client, World};

/// One end of a session: a connection, or none.
pub(crate) struct Line {
    connect: Connect,
    client: Option<Client>,
    /// What it sends does not arrive any more.
    pub(crate) is_deaf: bool,
    /// It has had a CONNACK, and so a session.
    has_session: bool,
    /// It has a CONNACK in this connection.
    is_in: bool,
}

impl Line {
    fn new(id: &str) -> Self {
        Self { connect: kept(id), client: None, is_deaf: false, has_session: false, is_in: false }
    }

    pub(crate) fn client(&self) -> Option<Client> {
        self.client
    }

    /// A new connection; the old one is left as it is.
    pub(crate) fn connect(&mut self, world: &mut World) {
        let client = world.open();
        world.say(client, Packet::Connect(Box::new(self.connect.clone())));
        (self.client, self.is_deaf, self.is_in) = (Some(client), false, false);
    }

    pub(crate) fn lose(&mut self) {
        self.client = None;
        self.is_in = false;
    }

    fn say(&self, world: &mut World, packet: Packet) {
        if let Some(client) = self.client.filter(|client| !self.is_deaf && world.is_open(*client)) {
            world.say(client, packet);
        }
    }

    /// The next packet, and whether it is the CONNACK.
    fn read(&mut self, world: &mut World) -> Option<(Packet, bool)> {
        let packet = world.peer(self.client?).inbox.pop_front()?;
        let first = !std::mem::replace(&mut self.is_in, true);
        if first {
            assert!(packet == connack(true) || !self.has_session, "the session is lost: {packet:?}");
            assert!(packet == connack(true) || packet == connack(false), "{packet:?}");
            self.has_session = true;
        }
        Some((packet, first))
    }
}

/// Publishes the numbers from 0 on.
pub(crate) struct Publisher {
    pub(crate) line: Line,
    topic: &'static str,
    qos: Qos,
    /// The next number, and so how many were published.
    pub(crate) next: u32,
    /// By number: packet id, and whether PUBREC has come.
    open: BTreeMap<u32, (PacketId, bool)>,
}

impl Publisher {
    pub(crate) fn new(topic: &'static str, qos: Qos) -> Self {
        Self { line: Line::new("publisher"), topic, qos, next: 0, open: BTreeMap::new() }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    pub(crate) fn publish(&mut self, world: &mut World) {
        // Few ids, so that they are used again soon.
        let free = (1..=6).filter_map(PacketId::new).find(|id| self.open.values().all(|(used, _)| used != id));
        let Some(id) = free.filter(|_| self.line.is_in) else { return };
        self.open.insert(self.next, (id, false));
        self.line.say(world, publish(self.topic, self.qos, id.get(), self.next.to_string()));
        self.next += 1;
    }

    /// Reads one packet and answers it. False if there is none.
    pub(crate) fn read(&mut self, world: &mut World) -> bool {
        let Some((packet, first)) = self.line.read(world) else { return false };
        if first {
            for (number, (id, received)) in &self.open {
                let packet = match received {
                    true => Packet::PubRel(*id),
                    false => again(self.topic, self.qos, id.get(), number.to_string()),
                };
                self.line.say(world, packet);
            }
            return true;
        }
        match packet {
            Packet::PubAck(id) if self.qos == Q1 => {
                self.open.retain(|_, (used, _)| *used != id);
            }
            Packet::PubRec(id) if self.qos == Q2 => {
                if let Some((_, received)) = self.open.values_mut().find(|(used, _)| *used == id) {
                    *received = true;
                }
                self.line.say(world, Packet::PubRel(id));
            }
            Packet::PubComp(id) if self.qos == Q2 => {
                let done = self.open.iter().find(|(_, (used, _))| *used == id).map(|(number, it)| (*number, it.1));
                if let Some((number, received)) = done {
                    assert!(received, "PUBCOMP without PUBREL");
                    self.open.remove(&number);
                }
            }
            other => panic!("the publisher reads {other:?}"),
        }
        true
    }
}

/// When a receiver of QoS 2 hands a message on (4.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// At PUBREL.
    A,
    /// At PUBLISH, remembering the packet id until PUBREL.
    B,
}

pub(crate) struct Subscriber {
    pub(crate) line: Line,
    filter: &'static str,
    qos: Qos,
    method: Method,
    subscribed: bool,
    /// QoS 2 messages before PUBREL.
    held: BTreeMap<PacketId, u32>,
    /// What was handed on.
    pub(crate) got: Vec<u32>,
}

impl Subscriber {
    pub(crate) fn new(filter: &'static str, qos: Qos, method: Method) -> Self {
        let line = Line::new("subscriber");
        Self { line, filter, qos, method, subscribed: false, held: BTreeMap::new(), got: Vec::new() }
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscribed
    }

    /// Reads one packet and answers it. False if there is none.
    pub(crate) fn read(&mut self, world: &mut World) -> bool {
        let Some((packet, first)) = self.line.read(world) else { return false };
        if first {
            if !self.subscribed {
                self.line.say(world, subscribe(1, &[(self.filter, self.qos)]));
            }
            return true;
        }
        match packet {
            Packet::SubAck(_) => self.subscribed = true,
            Packet::Publish(publish) => {
                let number = String::from_utf8_lossy(&publish.payload).parse().unwrap();
                let Some(id) = publish.id else {
                    self.got.push(number);
                    return true;
                };
                if publish.qos == Q1 {
                    self.got.push(number);
                    self.line.say(world, Packet::PubAck(id));
                    return true;
                }
                let before = self.held.insert(id, number);
                assert!(before.is_none() || publish.dup, "an id that is in use, without DUP");
                if self.method == Method::B && before != Some(number) {
                    self.got.push(number);
                }
                self.line.say(world, Packet::PubRec(id));
            }
            Packet::PubRel(id) => {
                if let Some(number) = self.held.remove(&id)
                    && self.method == Method::A
                {
                    self.got.push(number);
                }
                self.line.say(world, Packet::PubComp(id));
            }
            other => panic!("the subscriber reads {other:?}"),
        }
        true
    }
}
