//! MQTT packets as bytes, naively: encoders that also allow what the protocol forbids, a decoder for a client.

use std::io::{self, Read};

/// MQTT 3.1, 3.1.1 and 5.0 as CONNECT spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    V31 = 3,
    V311 = 4,
    V5 = 5,
}

/// First bytes (type and flags) of the packets that a client sends or expects.
pub mod first {
    pub const CONNECT: u8 = 0x10;
    pub const CONNACK: u8 = 0x20;
    pub const PUBLISH: u8 = 0x30;
    pub const PUBACK: u8 = 0x40;
    pub const PUBREC: u8 = 0x50;
    pub const PUBREL: u8 = 0x62;
    pub const PUBCOMP: u8 = 0x70;
    pub const SUBSCRIBE: u8 = 0x82;
    pub const SUBACK: u8 = 0x90;
    pub const UNSUBSCRIBE: u8 = 0xA2;
    pub const UNSUBACK: u8 = 0xB0;
    pub const PINGREQ: u8 = 0xC0;
    pub const PINGRESP: u8 = 0xD0;
    pub const DISCONNECT: u8 = 0xE0;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    pub dup: bool,
    pub qos: u8,
    pub retain: bool,
    pub topic: String,
    /// 0 for QoS 0.
    pub id: u16,
    pub payload: Vec<u8>,
}

/// What a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    Connack { session_present: bool, code: u8 },
    Publish(Publish),
    Puback(u16),
    Pubrec(u16),
    Pubrel(u16),
    Pubcomp(u16),
    Suback { id: u16, codes: Vec<u8> },
    Unsuback(u16),
    Pingresp,
    Disconnect { reason: u8 },
}

#[derive(Clone, Debug)]
pub struct Will {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
}

#[derive(Clone, Debug)]
pub struct Connect {
    pub level: Level,
    pub client_id: String,
    pub clean: bool,
    /// Seconds; 0 is off.
    pub keep_alive: u16,
    pub will: Option<Will>,
    /// MQTT 5: the encoded properties without their length.
    pub properties: Vec<u8>,
    /// User name and password.
    pub login: Option<(String, String)>,
}

impl Connect {
    pub fn new(client_id: &str) -> Self {
        Self {
            level: Level::V311,
            client_id: client_id.to_owned(),
            clean: true,
            keep_alive: 60,
            will: None,
            properties: Vec::new(),
            login: None,
        }
    }

    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// A session that outlives the connection (in MQTT 5 for an hour).
    pub fn persistent(mut self) -> Self {
        self.clean = false;
        if self.level == Level::V5 {
            self.properties.extend([0x11, 0, 0, 0x0E, 0x10]);
        }
        self
    }

    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    pub fn will(mut self, will: Will) -> Self {
        self.will = Some(will);
        self
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        string(&mut body, if self.level == Level::V31 { b"MQIsdp" } else { b"MQTT" });
        let mut flags = if self.clean { 0x02 } else { 0 };
        if let Some(will) = &self.will {
            flags |= 0x04 | will.qos << 3 | u8::from(will.retain) << 5;
        }
        if self.login.is_some() {
            flags |= 0xC0;
        }
        body.extend([self.level as u8, flags]);
        body.extend(self.keep_alive.to_be_bytes());
        if self.level == Level::V5 {
            remaining(&mut body, self.properties.len());
            body.extend(&self.properties);
        }
        string(&mut body, self.client_id.as_bytes());
        if let Some(will) = &self.will {
            if self.level == Level::V5 {
                body.push(0);
            }
            string(&mut body, will.topic.as_bytes());
            string(&mut body, &will.payload);
        }
        if let Some((user, password)) = &self.login {
            string(&mut body, user.as_bytes());
            string(&mut body, password.as_bytes());
        }
        packet(first::CONNECT, &body)
    }
}

impl Publish {
    pub fn new(topic: &str, qos: u8, id: u16, payload: impl Into<Vec<u8>>) -> Self {
        Self { dup: false, qos, retain: false, topic: topic.to_owned(), id, payload: payload.into() }
    }

    pub fn retained(mut self) -> Self {
        self.retain = true;
        self
    }

    pub fn encode(&self, level: Level) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.topic.len() + self.payload.len() + 8);
        string(&mut body, self.topic.as_bytes());
        if self.qos > 0 {
            body.extend(self.id.to_be_bytes());
        }
        if level == Level::V5 {
            body.push(0);
        }
        body.extend(&self.payload);
        packet(first::PUBLISH | u8::from(self.dup) << 3 | self.qos << 1 | u8::from(self.retain), &body)
    }
}

/// PUBACK, PUBREC, PUBREL, PUBCOMP: `first` and a packet id.
pub fn acknowledge(first: u8, id: u16) -> Vec<u8> {
    packet(first, &id.to_be_bytes())
}

pub fn subscribe(level: Level, id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if level == Level::V5 {
        body.push(0);
    }
    for (filter, options) in filters {
        string(&mut body, filter.as_bytes());
        body.push(*options);
    }
    packet(first::SUBSCRIBE, &body)
}

pub fn unsubscribe(level: Level, id: u16, filter: &str) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if level == Level::V5 {
        body.push(0);
    }
    string(&mut body, filter.as_bytes());
    packet(first::UNSUBSCRIBE, &body)
}

/// Any packet: the first byte, the remaining length of `body`, `body`.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    remaining(&mut bytes, body.len());
    bytes.extend(body);
    bytes
}

/// A length-prefixed string, whatever its bytes.
pub fn string(into: &mut Vec<u8>, text: &[u8]) {
    into.extend(u16::try_from(text.len()).expect("short enough for the test").to_be_bytes());
    into.extend(text);
}

fn remaining(into: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = (length % 128) as u8;
        length /= 128;
        into.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
}

impl Packet {
    /// Reads one whole packet; `UnexpectedEof` when the server closed.
    pub fn read(from: &mut impl Read, level: Level) -> io::Result<Self> {
        let first = byte(from)?;
        let mut length = 0;
        for shift in (0..28).step_by(7) {
            let digit = byte(from)?;
            length |= usize::from(digit & 0x7F) << shift;
            if digit & 0x80 == 0 {
                let mut body = vec![0; length];
                from.read_exact(&mut body)?;
                return Self::decode(first, &body, level).ok_or_else(|| malformed(first, &body));
            }
        }
        Err(malformed(first, &[]))
    }

    fn decode(first: u8, body: &[u8], level: Level) -> Option<Self> {
        let id = || Some(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
        Some(match first {
            first::CONNACK => Self::Connack { session_present: body.first()? & 1 == 1, code: *body.get(1)? },
            0x30..=0x3F => Self::Publish(Self::decode_publish(first, body, level)?),
            first::PUBACK => Self::Puback(id()?),
            first::PUBREC => Self::Pubrec(id()?),
            first::PUBREL => Self::Pubrel(id()?),
            first::PUBCOMP => Self::Pubcomp(id()?),
            first::SUBACK => Self::Suback { id: id()?, codes: skip_properties(body.get(2..)?, level)?.to_vec() },
            first::UNSUBACK => Self::Unsuback(id()?),
            first::PINGRESP if body.is_empty() => Self::Pingresp,
            first::DISCONNECT => Self::Disconnect { reason: body.first().copied().unwrap_or(0) },
            _ => return None,
        })
    }

    fn decode_publish(first: u8, body: &[u8], level: Level) -> Option<Publish> {
        let length = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
        let topic = String::from_utf8(body.get(2..2 + length)?.to_vec()).ok()?;
        let mut rest = &body[2 + length..];
        let qos = first >> 1 & 3;
        let mut id = 0;
        if qos > 0 {
            id = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
            rest = &rest[2..];
        }
        let payload = skip_properties(rest, level)?.to_vec();
        Some(Publish { dup: first & 8 != 0, qos, retain: first & 1 != 0, topic, id, payload })
    }
}

/// Property sections of the tests' packets stay below 128 bytes, or 16 KiB with a second length byte.
fn skip_properties(bytes: &[u8], level: Level) -> Option<&[u8]> {
    if level < Level::V5 {
        return Some(bytes);
    }
    let low = usize::from(*bytes.first()?);
    if low < 128 {
        return bytes.get(1 + low..);
    }
    let high = usize::from(*bytes.get(1)?);
    bytes.get(2 + (low & 0x7F) + high * 128..)
}

fn byte(from: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn malformed(first: u8, body: &[u8]) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("first byte {first:#04x}, body {body:02x?}"))
}
