//! AMQP 0-9-1 over a bare socket: frames as bytes, and a blocking client with one channel that never answers on its own.

use std::io::{self, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::poll::DEADLINE;

pub const PROTOCOL: [u8; 8] = *b"AMQP\0\0\x09\x01";
/// The only channel that carries anything but the connection's own methods.
pub const CHANNEL: u16 = 1;

/// Class and method.
pub type Id = (u16, u16);

/// The methods that a client sends or expects.
pub mod method {
    use super::Id;

    pub const CONNECTION_START: Id = (10, 10);
    pub const CONNECTION_START_OK: Id = (10, 11);
    pub const CONNECTION_TUNE: Id = (10, 30);
    pub const CONNECTION_TUNE_OK: Id = (10, 31);
    pub const CONNECTION_OPEN: Id = (10, 40);
    pub const CONNECTION_OPEN_OK: Id = (10, 41);
    pub const CONNECTION_CLOSE: Id = (10, 50);
    pub const CONNECTION_BLOCKED: Id = (10, 60);
    pub const CONNECTION_UNBLOCKED: Id = (10, 61);
    pub const CHANNEL_OPEN: Id = (20, 10);
    pub const CHANNEL_OPEN_OK: Id = (20, 11);
    pub const CHANNEL_CLOSE: Id = (20, 40);
    pub const QUEUE_DECLARE: Id = (50, 10);
    pub const QUEUE_DECLARE_OK: Id = (50, 11);
    pub const QUEUE_BIND: Id = (50, 20);
    pub const QUEUE_BIND_OK: Id = (50, 21);
    pub const BASIC_QOS: Id = (60, 10);
    pub const BASIC_QOS_OK: Id = (60, 11);
    pub const BASIC_CONSUME: Id = (60, 20);
    pub const BASIC_CONSUME_OK: Id = (60, 21);
    pub const BASIC_PUBLISH: Id = (60, 40);
    pub const BASIC_DELIVER: Id = (60, 60);
    pub const BASIC_ACK: Id = (60, 80);
    pub const CONFIRM_SELECT: Id = (85, 10);
    pub const CONFIRM_SELECT_OK: Id = (85, 11);
    pub const TX_SELECT: Id = (90, 10);
    pub const TX_SELECT_OK: Id = (90, 11);
    pub const TX_COMMIT: Id = (90, 20);
    pub const TX_COMMIT_OK: Id = (90, 21);
    pub const TX_ROLLBACK: Id = (90, 30);
    pub const TX_ROLLBACK_OK: Id = (90, 31);
}

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const END: u8 = 0xCE;
const BASIC: u16 = 60;
/// What both sides agree on: the smallest there is (4.9), so that longer bodies come in parts.
const FRAME_MAX: usize = 4096;
/// Type, channel, size and end.
const OVERHEAD: usize = 8;

/// What a server says on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// basic.deliver with its content.
    Delivery { tag: u64, redelivered: bool, body: Vec<u8> },
    /// A publisher's confirm.
    Ack { tag: u64, multiple: bool },
    /// Any other method and its arguments.
    Method(Id, Vec<u8>),
}

/// One connection whose channel is open.
pub struct Amqp091 {
    socket: TcpStream,
    input: BufReader<TcpStream>,
}

impl Amqp091 {
    /// Connects as guest, without heartbeats.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect_as(address, &[])
    }

    /// As [`Self::connect`], and wants to be told when publishers have to wait.
    pub fn connect_publisher(address: SocketAddr) -> io::Result<Self> {
        let wants = [&string("connection.blocked")[..], b"t\x01"].concat();
        Self::connect_as(address, &[&string("capabilities")[..], b"F", &long_string(&wants)].concat())
    }

    fn connect_as(address: SocketAddr, properties: &[u8]) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        socket.set_write_timeout(Some(DEADLINE))?;
        let mut client = Self { input: BufReader::new(socket.try_clone()?), socket };
        client.send(&PROTOCOL)?;
        client.wait_for(method::CONNECTION_START)?;
        let start = [long_string(properties), string("PLAIN"), long_string(b"\0guest\0guest"), string("en_US")];
        client.send(&connection_method(method::CONNECTION_START_OK, &start.concat()))?;
        client.wait_for(method::CONNECTION_TUNE)?;
        let tune = [&CHANNEL.to_be_bytes()[..], &(FRAME_MAX as u32).to_be_bytes(), &[0, 0]].concat();
        client.send(&connection_method(method::CONNECTION_TUNE_OK, &tune))?;
        client.send(&connection_method(method::CONNECTION_OPEN, &[&string("/")[..], &[0, 0]].concat()))?;
        client.wait_for(method::CONNECTION_OPEN_OK)?;
        client.call(method::CHANNEL_OPEN, &[0], method::CHANNEL_OPEN_OK)?;
        Ok(client)
    }

    /// How long [`Self::read`] waits.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(patience))
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// Calls a method of the channel and waits for its answer, before anything else may come; its arguments.
    pub fn call(&mut self, id: Id, arguments: &[u8], answer: Id) -> io::Result<Vec<u8>> {
        self.send(&method(id, arguments))?;
        self.wait_for(answer)
    }

    /// Declares a durable queue and binds it.
    pub fn declare_bound(&mut self, queue: &str, exchange: &str, key: &str) -> io::Result<()> {
        const DURABLE: u8 = 2;
        let declare = [&[0, 0][..], &string(queue), &[DURABLE], &[0; 4]].concat();
        self.call(method::QUEUE_DECLARE, &declare, method::QUEUE_DECLARE_OK)?;
        let bind = [&[0, 0][..], &string(queue), &string(exchange), &string(key), &[0], &[0; 4]].concat();
        self.call(method::QUEUE_BIND, &bind, method::QUEUE_BIND_OK).map(drop)
    }

    /// basic.qos and basic.consume, acknowledged by hand.
    pub fn consume(&mut self, queue: &str, prefetch: u16) -> io::Result<()> {
        let qos = [&[0; 4][..], &prefetch.to_be_bytes(), &[0]].concat();
        self.call(method::BASIC_QOS, &qos, method::BASIC_QOS_OK)?;
        let consume = [&[0, 0][..], &string(queue), &string("c"), &[0], &[0; 4]].concat();
        self.call(method::BASIC_CONSUME, &consume, method::BASIC_CONSUME_OK).map(drop)
    }

    /// What comes next, with its content; the close of a connection or channel is an error with its text.
    pub fn read(&mut self) -> io::Result<Heard> {
        let (id, arguments) = loop {
            let (kind, payload) = self.frame()?;
            match (kind, payload.split_at_checked(4)) {
                (HEARTBEAT, _) => {}
                (METHOD, Some((&[a, b, c, d], arguments))) => {
                    break ((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])), arguments.to_vec());
                }
                _ => return Err(malformed(&format!("a frame of type {kind} with {payload:02x?}"))),
            }
        };
        match id {
            method::CONNECTION_CLOSE | method::CHANNEL_CLOSE => {
                let text = arguments.get(3..).map(|rest| &rest[..rest.len().saturating_sub(4)]).unwrap_or_default();
                Err(io::Error::other(format!("{id:?}: {}", String::from_utf8_lossy(text))))
            }
            method::BASIC_DELIVER => {
                let after_tag = arguments.first().and_then(|length| arguments.get(1 + usize::from(*length)..));
                match after_tag {
                    Some(&[a, b, c, d, e, f, g, h, redelivered, ..]) => {
                        let tag = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                        Ok(Heard::Delivery { tag, redelivered: redelivered & 1 == 1, body: self.content()? })
                    }
                    _ => Err(malformed(&format!("basic.deliver {arguments:02x?}"))),
                }
            }
            method::BASIC_ACK => match arguments[..] {
                [a, b, c, d, e, f, g, h, bits] => {
                    Ok(Heard::Ack { tag: u64::from_be_bytes([a, b, c, d, e, f, g, h]), multiple: bits & 1 == 1 })
                }
                _ => Err(malformed(&format!("basic.ack {arguments:02x?}"))),
            },
            _ => Ok(Heard::Method(id, arguments)),
        }
    }

    /// Whether more has been read from the socket than was taken as frames.
    pub fn has_more(&self) -> bool {
        !self.input.buffer().is_empty()
    }

    fn wait_for(&mut self, wanted: Id) -> io::Result<Vec<u8>> {
        match self.read()? {
            Heard::Method(id, arguments) if id == wanted => Ok(arguments),
            other => Err(malformed(&format!("{other:?} came, not {wanted:?}"))),
        }
    }

    /// Content header and body.
    fn content(&mut self) -> io::Result<Vec<u8>> {
        let (kind, payload) = self.frame()?;
        let size = payload.get(4..12).and_then(|size| size.try_into().ok()).map(u64::from_be_bytes);
        let size = size.filter(|_| kind == HEADER).ok_or_else(|| malformed("no content header"))?;
        let mut body = Vec::new();
        while (body.len() as u64) < size {
            match self.frame()? {
                (BODY, part) => body.extend(part),
                (kind, _) => return Err(malformed(&format!("a frame of type {kind} in a content"))),
            }
        }
        Ok(body)
    }

    /// Type and payload.
    fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; OVERHEAD - 1];
        self.input.read_exact(&mut head)?;
        let [kind, _, _, size @ ..] = head;
        let size = u32::from_be_bytes(size) as usize;
        if size > FRAME_MAX {
            return Err(malformed(&format!("a frame of {size} bytes")));
        }
        let mut payload = vec![0; size + 1];
        self.input.read_exact(&mut payload)?;
        match payload.pop() {
            Some(END) => Ok((kind, payload)),
            other => Err(malformed(&format!("a frame ends with {other:02x?}"))),
        }
    }
}

/// A method of the channel.
pub fn method(id: Id, arguments: &[u8]) -> Vec<u8> {
    frame(METHOD, CHANNEL, &[&head(id)[..], arguments].concat())
}

/// A persistent message.
pub fn publish(exchange: &str, key: &str, body: &[u8]) -> Vec<u8> {
    let arguments = [&[0, 0][..], &string(exchange), &string(key), &[0]].concat();
    // Of the properties only the delivery mode.
    let flags = [0x10, 0, 2];
    let header = [&BASIC.to_be_bytes()[..], &[0, 0], &(body.len() as u64).to_be_bytes(), &flags].concat();
    let mut bytes = [method(method::BASIC_PUBLISH, &arguments), frame(HEADER, CHANNEL, &header)].concat();
    body.chunks(FRAME_MAX - OVERHEAD).for_each(|part| bytes.extend(frame(BODY, CHANNEL, part)));
    bytes
}

pub fn ack(tag: u64, multiple: bool) -> Vec<u8> {
    method(method::BASIC_ACK, &[&tag.to_be_bytes()[..], &[u8::from(multiple)]].concat())
}

/// Any frame.
pub fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &channel.to_be_bytes(), &long_string(payload), &[END]].concat()
}

pub fn string(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short enough for the test");
    [&[length], text.as_bytes()].concat()
}

pub fn long_string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

fn connection_method(id: Id, arguments: &[u8]) -> Vec<u8> {
    frame(METHOD, 0, &[&head(id)[..], arguments].concat())
}

fn head((class, method): Id) -> [u8; 4] {
    let ([a, b], [c, d]) = (class.to_be_bytes(), method.to_be_bytes());
    [a, b, c, d]
}

fn malformed(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}
