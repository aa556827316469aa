//! What a protocol adds to the loops of publishers and subscribers.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

use super::amqp10::Amqp10;
use super::amqp091::Amqp091;
use super::batch::Template;
use super::mqtt::Mqtt;
use super::stamp::Stamp;
use super::stomp::Stomp;

/// How long a broker may take to answer a handshake, or to take bytes.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// What a consumer that acknowledges may have outstanding.
pub const PREFETCH: u16 = 200;

/// A protocol, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speech {
    /// QoS 0 or 1 on a topic.
    Mqtt(Mqtt),
    Amqp091(Care),
    Amqp10(Care),
    Stomp(Care),
}

/// What is asked of the broker for each message of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// Kept in memory, confirmed to nobody, settled when sent.
    Transient,
    /// Durable, confirmed to the publisher, acknowledged one by one by a subscriber with [`PREFETCH`].
    Confirmed,
}

/// The name shared by all connections of a run, unique to it.
pub type Name = str;

pub trait Dialect: Sync {
    /// # Errors
    /// If this use of the protocol cannot be measured.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether every subscriber gets every message; otherwise there can be but one.
    fn fans_out(&self) -> bool;

    /// Whether the broker confirms each message to its publisher.
    fn confirms(&self) -> bool;

    /// Whether a publisher must wait for the broker's credit before it sends.
    fn needs_credit(&self) -> bool {
        false
    }

    /// A connection whose subscription is in effect.
    fn subscribe(&self, address: SocketAddr, name: &Name, index: usize) -> Result<Receiving>;

    /// A connection ready to send messages with a payload of `size` bytes.
    fn publish(&self, address: SocketAddr, name: &Name, index: usize, size: usize) -> Result<Sending>;

    /// Ends what outlives the connections of `subscribers` subscribers.
    fn forget(&self, _address: SocketAddr, _name: &Name, _subscribers: usize) -> Result<()> {
        Ok(())
    }
}

pub struct Receiving {
    pub stream: TcpStream,
    pub inbox: Box<dyn Inbox>,
}

pub struct Sending {
    pub stream: TcpStream,
    pub replies: Box<dyn Replies>,
    pub template: Template,
}

/// Understands what a subscriber receives.
pub trait Inbox: Send {
    /// Takes the first whole frame of `input` and appends to `reply` what it calls for; `None` while it is incomplete.
    fn take(&mut self, input: &[u8], reply: &mut Vec<u8>) -> Result<Option<Taken>>;

    /// After the last frame of a read.
    fn rest(&mut self, _reply: &mut Vec<u8>) {}
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Bytes.
    pub len: usize,
    /// Of the message that this frame completes.
    pub stamp: Option<Stamp>,
}

/// Understands what a publisher receives.
pub trait Replies: Send {
    /// Takes the first whole frame of `input`: its length; `None` while it is incomplete.
    fn take(&mut self, input: &[u8], progress: &mut Progress) -> Result<Option<usize>>;
}

/// What the replies of one read say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages confirmed.
    pub confirmed: u64,
    /// Messages that the broker is ready to take in all, where it says so.
    pub allowed: Option<u64>,
}

impl Speech {
    pub fn dialect(&self) -> Box<dyn Dialect> {
        match self {
            Self::Mqtt(mqtt) => Box::new(mqtt.clone()),
            Self::Amqp091(care) => Box::new(Amqp091 { care: *care }),
            Self::Amqp10(care) => Box::new(Amqp10 { care: *care }),
            Self::Stomp(care) => Box::new(Stomp { care: *care }),
        }
    }
}

/// A connection without delays of its own, that waits for answers and for room no longer than [`PATIENCE`].
pub fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).with_context(|| format!("connecting {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}
