//! What the clients of a run share, and the bodies of their messages.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use conformance::{Broker, Face};

use crate::gate::{Gate, Life};
use crate::oracle::{Delivery, Id, Oracle, Violation};
use crate::people;

/// How long a consumer waits: its queue may be empty while others still have much to do.
pub(crate) const PATIENCE: Duration = Duration::from_mins(10);

/// Messages that a subscription may have waiting. What is more than its part of the memory would be dropped: no loss to find.
const SUBSCRIBED: u32 = 2_000;

pub(crate) struct World {
    addresses: [(Face, SocketAddr); 4],
    pub(crate) seed: u64,
    pub(crate) gate: Gate,
    oracle: Mutex<Oracle>,
    finishing: AtomicBool,
    producing: AtomicUsize,
    subscribed: AtomicUsize,
}

impl World {
    pub(crate) fn new(broker: &Broker, seed: u64, oracle: Oracle) -> Self {
        Self {
            addresses: [Face::Mqtt, Face::Stomp, Face::Amqp, Face::Aws].map(|face| (face, broker.address(face))),
            seed,
            gate: Gate::default(),
            oracle: Mutex::new(oracle),
            finishing: AtomicBool::new(false),
            producing: AtomicUsize::new(0),
            subscribed: AtomicUsize::new(0),
        }
    }

    pub(crate) fn address(&self, face: Face) -> SocketAddr {
        self.addresses.iter().find(|(other, _)| *other == face).expect("clients speak these").1
    }

    pub(crate) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().expect("no client panics inside")
    }

    /// The broker has started: the clients may come.
    pub(crate) fn begin_life(&self) {
        self.oracle().begin_life();
        self.gate.open();
    }

    /// A message came by a protocol that says whether it was delivered before.
    pub(crate) fn delivered(&self, id: Id, redelivered: bool) {
        let mut oracle = self.oracle();
        let asked = oracle.now();
        oracle.delivered(id, Delivery { redelivered: Some(redelivered), asked });
    }

    /// A subscription to a topic stands: what is published from now on must come.
    pub(crate) fn subscribed(&self) {
        self.subscribed.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn subscriptions(&self) -> usize {
        self.subscribed.load(Ordering::Acquire)
    }

    /// Whether the subscription is behind that `next` would go to, and is worth waiting for.
    pub(crate) fn is_crowded(&self, next: Id) -> bool {
        let may_wait = people::is_paced(next.stream) && !self.is_finishing() && !self.gate.is_closed();
        may_wait && self.oracle().behind(next) > SUBSCRIBED
    }

    /// Starts a client in its own thread.
    pub(crate) fn spawn(self: &Arc<Self>, client: impl FnOnce(&Self) + Send + 'static) {
        self.gate.join();
        let world = Arc::clone(self);
        thread::spawn(move || client(&world));
    }

    /// As [`World::spawn`], and [`World::is_producing`] until it is done.
    pub(crate) fn spawn_producer(self: &Arc<Self>, client: impl FnOnce(&Self) + Send + 'static) {
        self.producing.fetch_add(1, Ordering::AcqRel);
        self.spawn(move |world| {
            client(world);
            world.producing.fetch_sub(1, Ordering::AcqRel);
        });
    }

    pub(crate) fn is_producing(&self) -> bool {
        self.producing.load(Ordering::Acquire) > 0
    }

    /// Producers send no more.
    pub(crate) fn finish(&self) {
        self.finishing.store(true, Ordering::Release);
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.finishing.load(Ordering::Acquire)
    }

    /// One client: `connection` runs in every life of the broker until it is done or the run is over.
    pub(crate) fn live(&self, client: &'static str, mut connection: impl FnMut(Life) -> io::Result<()>) {
        let mut life = 0;
        while let Some(next) = self.gate.next_life(life) {
            life = next;
            match connection(life) {
                Ok(()) => break,
                Err(_) if self.gate.is_closed() => {}
                Err(error) => self.oracle().violations.push(Violation::Disconnected(client, error.to_string())),
            }
        }
        self.gate.leave();
    }

    /// Text that names the message, with a tail whose length and letters follow from it.
    pub(crate) fn body(&self, id: Id) -> String {
        let noise = mix(self.seed ^ u64::from(id.producer) << 40 ^ u64::from(id.number));
        let length = if noise.is_multiple_of(50) { 20_000 } else { (noise % 900) as usize };
        let letter = char::from(b'a' + (noise >> 32) as u8 % 26);
        let tail = std::iter::repeat_n(letter, length).collect::<String>();
        format!("{} {} {tail}", id.producer, id.number)
    }

    /// The message that `body` names; `None`, and a violation, if it is not what was sent under this name.
    pub(crate) fn id(&self, stream: &'static str, body: &[u8]) -> Option<Id> {
        let text = String::from_utf8_lossy(body);
        let mut words = text.split(' ').map(str::parse::<u32>);
        let id = match (words.next(), words.next()) {
            (Some(Ok(producer)), Some(Ok(number))) => {
                u8::try_from(producer).ok().map(|producer| Id { stream, producer, number })
            }
            _ => None,
        };
        let id = id.filter(|id| self.body(*id) == text);
        if id.is_none() {
            let text = format!("{stream}: {}", text.chars().take(60).collect::<String>());
            self.oracle().violations.push(Violation::Garbled(text));
        }
        id
    }
}

/// What a peer of the test must not say.
pub(crate) fn unexpected(what: &impl Debug) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what:?} comes unasked"))
}

/// SplitMix64's finaliser: a well mixed number from a counted one.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ value >> 31
}
