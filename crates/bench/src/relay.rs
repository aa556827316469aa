//! The null relay: one thread, level-triggered epoll, frame boundaries and a copy.
//!
//! No routing, no storage, no tracking of deliveries: what it costs is the limit of this machine for a broker
//! that reads and writes sockets. Every message goes to every connection of its protocol that has subscribed to
//! anything; a connection that begins with an HTTP request finds the barest queue that a send and a receive need.

mod amqp091;
mod amqp10;
mod http;
mod mqtt;
mod stomp;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::fs::Timespec;

const READ: usize = 256 << 10;
/// A frame, or a request, longer than this ends its connection.
const INPUT_LIMIT: usize = 2 << 20;
/// A connection that takes its output no faster than this is ended.
const OUTPUT_LIMIT: usize = 256 << 20;
const LISTENER: u64 = 0;
/// How often [`Relay::run`] looks whether it should stop.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

pub struct Relay {
    listener: TcpListener,
    epoll: OwnedFd,
    peers: BTreeMap<u64, Peer>,
    /// Keys of the peers that have subscribed, and what they speak.
    subscribers: Vec<(u64, Option<Protocol>)>,
    queue: VecDeque<Vec<u8>>,
    next_key: u64,
    buffer: Vec<u8>,
    /// Kept for its memory.
    asked: Asked,
}

struct Peer {
    stream: TcpStream,
    /// Known from its first bytes.
    speech: Option<Speech>,
    /// An incomplete frame.
    input: Vec<u8>,
    /// What the socket did not take, from `sent` on.
    output: Vec<u8>,
    sent: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Amqp091,
    Amqp10,
    Http,
    Mqtt,
    Stomp,
}

/// What a connection has come to.
enum Speech {
    Amqp091(amqp091::Channel),
    Amqp10,
    Http,
    Mqtt,
    Stomp,
}

/// What the frames of one read ask for.
#[derive(Default)]
struct Asked {
    /// To the sender.
    reply: Vec<u8>,
    /// To every subscriber.
    relayed: Vec<u8>,
    subscribes: bool,
    ends: bool,
}

impl Relay {
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        Ok(Self {
            listener,
            epoll,
            peers: BTreeMap::new(),
            subscribers: Vec::new(),
            queue: VecDeque::new(),
            next_key: LISTENER + 1,
            buffer: vec![0; INPUT_LIMIT + READ],
            asked: Asked::default(),
        })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is set.
    pub fn run(mut self, stop: &AtomicBool) -> io::Result<()> {
        let mut events = Vec::with_capacity(1024);
        while !stop.load(Ordering::Relaxed) {
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&GLANCE)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                let (key, flags) = (event.data.u64(), event.flags);
                if key == LISTENER {
                    self.accept()?;
                } else if self.serve(key, flags).is_err() {
                    self.peers.remove(&key);
                    self.subscribers.retain(|(other, _)| *other != key);
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            epoll::add(&self.epoll, &stream, EventData::new_u64(self.next_key), EventFlags::IN)?;
            self.peers.insert(self.next_key, Peer::new(stream));
            self.next_key += 1;
        }
    }

    /// One read and what follows from it. An error ends this peer.
    fn serve(&mut self, key: u64, flags: EventFlags) -> io::Result<()> {
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        if flags.contains(EventFlags::OUT) {
            peer.flush(&self.epoll, key)?;
        }
        if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            return Ok(());
        }
        // Behind what is left of the last read.
        let kept = peer.input.len();
        self.buffer[..kept].copy_from_slice(&peer.input);
        let read = match peer.stream.read(&mut self.buffer[kept..kept + READ]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let input = &self.buffer[..kept + read];
        let mut asked = std::mem::take(&mut self.asked).cleared();
        let used = match peer.speech.take().or_else(|| Speech::recognise(input)) {
            Some(speech) => peer.speech.insert(speech).understand(input, &mut self.queue, &mut asked)?,
            None => 0,
        };
        peer.input.clear();
        peer.input.extend_from_slice(&input[used..]);
        if peer.input.len() > INPUT_LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let protocol = peer.speech.as_ref().map(Speech::protocol);
        peer.send(&self.epoll, key, &asked.reply)?;
        if asked.subscribes && !self.subscribers.contains(&(key, protocol)) {
            self.subscribers.push((key, protocol));
        }
        if !asked.relayed.is_empty() {
            self.relay(protocol, &asked.relayed);
        }
        let ends = asked.ends;
        self.asked = asked;
        if ends { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    fn relay(&mut self, protocol: Option<Protocol>, frames: &[u8]) {
        let (peers, epoll) = (&mut self.peers, &self.epoll);
        self.subscribers.retain(|(key, spoken)| {
            if *spoken != protocol {
                return true;
            }
            let reached = peers.get_mut(key).is_some_and(|peer| peer.send(epoll, *key, frames).is_ok());
            if !reached {
                peers.remove(key);
            }
            reached
        });
    }
}

impl Peer {
    const fn new(stream: TcpStream) -> Self {
        Self { stream, speech: None, input: Vec::new(), output: Vec::new(), sent: 0 }
    }

    fn send(&mut self, epoll: &OwnedFd, key: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if !self.output.is_empty() {
            self.output.extend_from_slice(bytes);
            return if self.output.len() > OUTPUT_LIMIT { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) };
        }
        let sent = write_some(&mut self.stream, bytes)?;
        if sent < bytes.len() {
            self.output.extend_from_slice(&bytes[sent..]);
            epoll::modify(epoll, &self.stream, EventData::new_u64(key), EventFlags::IN | EventFlags::OUT)?;
        }
        Ok(())
    }

    fn flush(&mut self, epoll: &OwnedFd, key: u64) -> io::Result<()> {
        self.sent += write_some(&mut self.stream, &self.output[self.sent..])?;
        if self.sent == self.output.len() {
            self.output.clear();
            self.sent = 0;
            epoll::modify(epoll, &self.stream, EventData::new_u64(key), EventFlags::IN)?;
        } else if self.sent > self.output.len() / 2 {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }
}

impl Asked {
    fn cleared(mut self) -> Self {
        self.reply.clear();
        self.relayed.clear();
        Self { subscribes: false, ends: false, ..self }
    }
}

impl Speech {
    /// `None` while the first bytes could still be either AMQP.
    fn recognise(first: &[u8]) -> Option<Self> {
        match first {
            [b'A', ..] if first.len() < 8 => None,
            [b'A', _, _, _, 0, 0, 9, ..] => Some(Self::Amqp091(amqp091::Channel::default())),
            [b'A', ..] => Some(Self::Amqp10),
            [b'C' | b'S', ..] => Some(Self::Stomp),
            [0x10, ..] => Some(Self::Mqtt),
            _ => Some(Self::Http),
        }
    }

    const fn protocol(&self) -> Protocol {
        match self {
            Self::Amqp091(_) => Protocol::Amqp091,
            Self::Amqp10 => Protocol::Amqp10,
            Self::Http => Protocol::Http,
            Self::Mqtt => Protocol::Mqtt,
            Self::Stomp => Protocol::Stomp,
        }
    }

    /// Takes all complete frames of `input`; returns their length.
    fn understand(&mut self, input: &[u8], queue: &mut VecDeque<Vec<u8>>, asked: &mut Asked) -> io::Result<usize> {
        match self {
            Self::Amqp091(channel) => channel.understand(input, asked),
            Self::Amqp10 => amqp10::understand(input, asked),
            Self::Http => http::understand(input, queue, asked),
            Self::Mqtt => mqtt::understand(input, asked),
            Self::Stomp => stomp::understand(input, asked),
        }
    }
}

fn invalid<E>(_: E) -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}
