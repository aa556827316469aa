//! AMQP 1.0 over a bare socket: frames as bytes, and a blocking client with one session that never answers on its own.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use self::message::TRANSACTIONAL;
pub use self::message::{State, accept, data, declare, discharge, text};
use self::value::{FALSE, NULL, TRUE, Value, binary, composite, field, string, symbol, ubyte, uint};
use crate::poll::DEADLINE;

mod message;
mod value;

const PROTOCOL: [u8; 8] = *b"AMQP\0\x01\0\0";
const SASL: [u8; 8] = *b"AMQP\x03\x01\0\0";
const AMQP_FRAME: u8 = 0;
const SASL_FRAME: u8 = 1;
const HEAD: usize = 8;
/// What this side takes, small enough that longer bodies come in several frames.
const FRAME_MAX: u32 = 4096;
/// Bytes of a message that this side puts into one frame.
const PART: usize = 8_000;
/// Transfers that may be on their way to this side.
const WINDOW: u32 = 10_000;

/// A terminus that keeps everything (3.5.5).
const UNSETTLED_STATE: u32 = 2;

const OPEN: u64 = 0x10;
const BEGIN: u64 = 0x11;
const ATTACH: u64 = 0x12;
const FLOW: u64 = 0x13;
const TRANSFER: u64 = 0x14;
const DISPOSITION: u64 = 0x15;
const SASL_MECHANISMS: u64 = 0x40;
const SASL_INIT: u8 = 0x41;
const SASL_OUTCOME: u64 = 0x44;

/// Which end of the link says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Sender,
    Receiver,
}

/// What a link goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    Address(&'a str),
    /// A topic to subscribe to, for longer than a connection.
    Durable(&'a str),
    /// Of transactions (4.4).
    Coordinator,
}

/// When a receiver settles (2.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settles {
    First,
    /// After the sender has.
    Second,
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Message {
        handle: u32,
        id: u32,
        redelivered: bool,
        body: Vec<u8>,
    },
    Disposition {
        role: Role,
        first: u32,
        last: u32,
        settled: bool,
        state: State,
    },
    /// A flow: there may be more room.
    Room,
}

/// One connection whose session has begun.
pub struct Amqp10 {
    socket: TcpStream,
    input: BufReader<TcpStream>,
    /// Transfers to this side so far, as session and flow count them.
    next_incoming: u32,
    /// Transfers from this side so far.
    next_outgoing: u32,
    /// How far the broker lets `next_outgoing` go.
    window_end: u32,
    /// By handle, which both sides number alike.
    links: Vec<Link>,
    next_delivery: u32,
    /// A message whose last frame has not come: its handle, id and payload.
    partial: Option<(u32, u32, Vec<u8>)>,
    patience: Duration,
}

/// What flow control knows of a link.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    /// Deliveries so far, from the one side to the other.
    count: u32,
    /// How far the receiver lets `count` go.
    end: u32,
}

struct Performative {
    code: u64,
    fields: Vec<Value>,
    payload: Vec<u8>,
}

impl Amqp10 {
    /// Connects as guest, without heartbeats.
    pub fn connect(address: SocketAddr, container: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        socket.set_write_timeout(Some(DEADLINE))?;
        let input = BufReader::new(socket.try_clone()?);
        let (next_incoming, next_outgoing, window_end, next_delivery) = (0, 0, 0, 0);
        let (links, partial, patience) = (Vec::new(), None, DEADLINE);
        let mut client =
            Self { socket, input, next_incoming, next_outgoing, window_end, links, next_delivery, partial, patience };
        client.greet(SASL)?;
        client.wait_for(SASL_MECHANISMS)?;
        client.send(&frame(SASL_FRAME, &composite(SASL_INIT, &[&symbol("PLAIN"), &binary(b"\0guest\0guest")])))?;
        let outcome = client.wait_for(SASL_OUTCOME)?;
        if field(&outcome, 0).uint() != Some(0) {
            return Err(malformed(&format!("SASL outcome {outcome:?}")));
        }
        client.greet(PROTOCOL)?;
        // Both at once (2.4.1).
        client.say(OPEN, &[&string(container), &string("localhost"), &uint(FRAME_MAX)])?;
        client.say(BEGIN, &[NULL, &uint(0), &uint(WINDOW), &uint(WINDOW)])?;
        client.wait_for(OPEN)?;
        let begin = client.wait_for(BEGIN)?;
        client.next_incoming = number(&begin, 1)?;
        client.window_end = number(&begin, 2)?;
        Ok(client)
    }

    /// Attaches a link whose handle is the count of those before; deliveries are sent unsettled.
    pub fn attach(&mut self, role: Role, node: Node<'_>, settles: Settles) -> io::Result<u32> {
        let handle = self.links.len() as u32;
        let ours = composite(0x28, &[]);
        let theirs = match (role, node) {
            (Role::Sender, Node::Coordinator) => composite(0x30, &[]),
            (Role::Sender, Node::Address(address)) => composite(0x29, &[&string(address)]),
            (Role::Receiver, Node::Durable(address)) => {
                composite(0x28, &[&string(address), &uint(UNSETTLED_STATE), &symbol("never")])
            }
            (Role::Receiver, Node::Address(address)) => composite(0x28, &[&string(address)]),
            (Role::Receiver, Node::Coordinator) | (Role::Sender, Node::Durable(_)) => {
                return Err(malformed("no link goes there"));
            }
        };
        let (source, target) = if role == Role::Sender { (ours, theirs) } else { (theirs, composite(0x29, &[])) };
        let mode = ubyte(u8::from(settles == Settles::Second));
        let (name, number) = (string(&format!("link-{handle}")), uint(handle));
        let fields: [&[u8]; 10] =
            [&name, &number, role.bit(), &ubyte(0), &mode, &source, &target, NULL, NULL, &uint(0)];
        self.say(ATTACH, &fields)?;
        let attach = self.wait_for(ATTACH)?;
        let is_refused = *field(&attach, if role == Role::Sender { 6 } else { 5 }) == Value::Null;
        if is_refused || number_or_zero(&attach, 1) != handle {
            return Err(malformed(&format!("link {handle} is answered with {attach:?}")));
        }
        let count = if role == Role::Receiver { number_or_zero(&attach, 9) } else { 0 };
        self.links.push(Link { count, end: count });
        Ok(handle)
    }

    /// Lets `credit` deliveries come on a link.
    pub fn grant(&mut self, handle: u32, credit: u32) -> io::Result<()> {
        let link = &mut self.links[handle as usize];
        link.end = link.count.wrapping_add(credit);
        let (next, count) = (uint(self.next_incoming), uint(link.count));
        let fields: [&[u8]; 7] =
            [&next, &uint(WINDOW), &uint(self.next_outgoing), &uint(WINDOW), &uint(handle), &count, &uint(credit)];
        self.say(FLOW, &fields)
    }

    /// The credit that is left of what was granted.
    pub fn credit(&self, handle: u32) -> u32 {
        let link = &self.links[handle as usize];
        link.end.wrapping_sub(link.count)
    }

    /// How many messages of up to four frames may go, as far as link and session are known to let them.
    pub fn room(&self, handle: u32) -> u32 {
        // What a flow says may lie behind what was sent meanwhile.
        let credit = self.credit(handle).cast_signed().max(0);
        let window = self.window_end.wrapping_sub(self.next_outgoing).cast_signed().max(0);
        credit.min(window / 4).cast_unsigned()
    }

    /// Appends an unsettled delivery of `message` to `out`, and counts it as sent; its id. `transaction` is its id.
    pub fn transfer(&mut self, handle: u32, message: &[u8], transaction: Option<&[u8]>, out: &mut Vec<u8>) -> u32 {
        let id = self.next_delivery;
        self.next_delivery = id.wrapping_add(1);
        self.links[handle as usize].count += 1;
        let state = transaction.map_or_else(|| NULL.to_vec(), |id| composite(TRANSACTIONAL, &[&binary(id)]));
        let mut parts = message.chunks(PART).peekable();
        while let Some(part) = parts.next() {
            let more = if parts.peek().is_some() { TRUE } else { FALSE };
            let tag = binary(&id.to_be_bytes());
            let fields: [&[u8]; 8] = [&uint(handle), &uint(id), &tag, &uint(0), FALSE, more, NULL, &state];
            out.extend(frame(AMQP_FRAME, &[&composite(TRANSFER as u8, &fields)[..], part].concat()));
            self.next_outgoing = self.next_outgoing.wrapping_add(1);
        }
        id
    }

    /// How long [`Self::read`] waits.
    pub fn set_patience(&mut self, patience: Duration) -> io::Result<()> {
        self.patience = patience;
        self.socket.set_read_timeout(Some(patience.min(DEADLINE)))
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// What comes next, messages whole; the end of a link, a session or the connection is an error with its text.
    pub fn read(&mut self) -> io::Result<Heard> {
        loop {
            let Performative { code, fields, payload } = self.performative()?;
            match code {
                TRANSFER => {
                    if let Some(message) = self.collect(&fields, &payload)? {
                        return Ok(message);
                    }
                }
                FLOW => {
                    self.note_flow(&fields)?;
                    return Ok(Heard::Room);
                }
                DISPOSITION => {
                    let role = if field(&fields, 0).is_true() { Role::Receiver } else { Role::Sender };
                    let first = number(&fields, 1)?;
                    let last = field(&fields, 2).uint().map_or(first, |last| last as u32);
                    let settled = field(&fields, 3).is_true();
                    return Ok(Heard::Disposition {
                        role,
                        first,
                        last,
                        settled,
                        state: message::state(field(&fields, 4)),
                    });
                }
                _ => return Err(io::Error::other(format!("performative {code:#x}: {fields:?}"))),
            }
        }
    }

    /// Whether more has been read from the socket than was taken as frames.
    pub fn has_more(&self) -> bool {
        !self.input.buffer().is_empty()
    }

    fn collect(&mut self, fields: &[Value], payload: &[u8]) -> io::Result<Option<Heard>> {
        self.next_incoming = self.next_incoming.wrapping_add(1);
        let handle = number(fields, 0)?;
        let (handle, id, mut message) = match self.partial.take() {
            Some(before) if before.0 == handle => before,
            Some(before) => return Err(malformed(&format!("link {handle} interrupts link {}", before.0))),
            None => (handle, number(fields, 1)?, Vec::new()),
        };
        message.extend(payload);
        if field(fields, 5).is_true() {
            self.partial = Some((handle, id, message));
            return Ok(None);
        }
        let link = self.links.get_mut(handle as usize).ok_or_else(|| malformed("a handle that was never attached"))?;
        link.count = link.count.wrapping_add(1);
        let (redelivered, body) = message::read(&message)?;
        Ok(Some(Heard::Message { handle, id, redelivered, body }))
    }

    fn note_flow(&mut self, fields: &[Value]) -> io::Result<()> {
        self.window_end = number_or_zero(fields, 0).wrapping_add(number(fields, 1)?);
        if let Some(handle) = field(fields, 4).uint() {
            let link = self.links.get_mut(handle as usize);
            let link = link.ok_or_else(|| malformed("a flow of a handle that was never attached"))?;
            link.end = number_or_zero(fields, 5).wrapping_add(number_or_zero(fields, 6));
        }
        Ok(())
    }

    fn say(&mut self, code: u64, fields: &[&[u8]]) -> io::Result<()> {
        self.send(&frame(AMQP_FRAME, &composite(code as u8, fields)))
    }

    fn greet(&mut self, header: [u8; HEAD]) -> io::Result<()> {
        self.send(&header)?;
        let mut answer = [0; HEAD];
        self.input.read_exact(&mut answer)?;
        if answer == header { Ok(()) } else { Err(malformed(&format!("{answer:02x?} answers {header:02x?}"))) }
    }

    /// The fields of the next performative, which must be this one. Flows before it are noted.
    fn wait_for(&mut self, wanted: u64) -> io::Result<Vec<Value>> {
        loop {
            let Performative { code, fields, .. } = self.performative()?;
            match code {
                code if code == wanted => return Ok(fields),
                FLOW => self.note_flow(&fields)?,
                other => return Err(malformed(&format!("{other:#x} {fields:?} came, not {wanted:#x}"))),
            }
        }
    }

    /// Waits for a frame, and lets the broker know now and then that somebody does.
    fn wait(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && begun.elapsed() < self.patience => {
                    self.send(&frame(AMQP_FRAME, &[]))?;
                }
                other => return other.map(drop),
            }
        }
    }

    fn performative(&mut self) -> io::Result<Performative> {
        loop {
            self.wait()?;
            let mut head = [0; HEAD];
            self.input.read_exact(&mut head)?;
            let [a, b, c, d, offset, ..] = head;
            let (size, start) = (u32::from_be_bytes([a, b, c, d]), u32::from(offset) * 4);
            if size > FRAME_MAX || start != HEAD as u32 || size < start {
                return Err(malformed(&format!("a frame with the head {head:02x?}")));
            }
            let mut frame = vec![0; (size - start) as usize];
            self.input.read_exact(&mut frame)?;
            // An empty one is a heartbeat.
            if let [_, ..] = frame[..] {
                let mut rest = &frame[..];
                return match Value::take(&mut rest)? {
                    Value::Described(code, list) => {
                        Ok(Performative { code, fields: list.fields().to_vec(), payload: rest.to_vec() })
                    }
                    other => Err(malformed(&format!("{other:?} is no performative"))),
                };
            }
        }
    }
}

impl Role {
    const fn bit(self) -> &'static [u8] {
        match self {
            Self::Sender => FALSE,
            Self::Receiver => TRUE,
        }
    }
}

/// Any frame, on channel 0.
pub fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = ((HEAD + body.len()) as u32).to_be_bytes();
    [&size[..], &[2, kind, 0, 0], body].concat()
}

fn number(fields: &[Value], place: usize) -> io::Result<u32> {
    let number = field(fields, place).uint();
    number.map(|number| number as u32).ok_or_else(|| malformed(&format!("no number at {place} of {fields:?}")))
}

fn number_or_zero(fields: &[Value], place: usize) -> u32 {
    field(fields, place).uint().unwrap_or(0) as u32
}

fn malformed(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}
