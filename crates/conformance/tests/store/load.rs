//! Many durable messages whose bodies name them, published with confirms and taken again in order.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use conformance::amqp091_wire::{self as wire, Amqp091, Heard, method};
use conformance::poll::{DEADLINE, until};
use conformance::{Broker, Face};

pub(crate) const KIB: u64 = 1024;
pub(crate) const MIB: u64 = 1024 * KIB;

/// Publishes that are written at once, and those that may be unconfirmed.
const BURST: u64 = 200;
const WINDOW: usize = 2_000;
/// Deliveries that a consumer may have unacknowledged, and those that it acknowledges at once.
const PREFETCH: u16 = 1_000;
const ACKNOWLEDGED: u64 = 100;

/// After this time without room there will be none.
const SETTLED: Duration = Duration::from_millis(2_500);

/// The messages of one queue.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) queue: &'static str,
    /// Of a body.
    pub(crate) length: usize,
}

impl Load {
    pub(crate) const fn new(queue: &'static str, length: usize) -> Self {
        Self { queue, length }
    }

    pub(crate) fn body(self, number: u64) -> Vec<u8> {
        let mut body = format!("{} {number} ", self.queue).into_bytes();
        // So that no two neighbours have the same tail.
        let letter = b'a' + (number % 23) as u8;
        body.resize(self.length.max(body.len()), letter);
        body
    }

    /// Publishes messages with these numbers; all of them are confirmed when this returns. `seen` is called now and then.
    pub(crate) fn publish(self, broker: &Broker, numbers: Range<u64>, mut seen: impl FnMut()) {
        let mut publisher = Publisher::connect(broker.address(Face::Amqp), self, numbers.start);
        while publisher.next < numbers.end || !publisher.unconfirmed.is_empty() {
            if publisher.next < numbers.end && publisher.unconfirmed.len() < WINDOW {
                publisher.send(BURST.min(numbers.end - publisher.next));
                seen();
            } else {
                publisher.hear();
            }
        }
    }

    /// Takes messages with these numbers in order, none twice, and acknowledges them.
    pub(crate) fn drain(self, address: SocketAddr, numbers: Range<u64>) {
        let mut consumer = Consumer::connect(address, self);
        for number in numbers {
            consumer.take(number);
        }
        consumer.finish();
    }

    /// Waits until nothing is left in the queue.
    pub(crate) fn is_gone(self, broker: &Broker) {
        until("an empty queue", || {
            let queue = broker.admin_row(&["queue", self.queue]);
            let left = ["ready", "leased", "delayed"].map(|name| queue[name].as_u64().expect("a number"));
            (left == [0; 3]).then_some(())
        });
    }
}

/// Publishes with confirms, and is told when it has to wait.
pub(crate) struct Publisher {
    amqp: Amqp091,
    load: Load,
    first: u64,
    pub(crate) next: u64,
    /// Numbers of messages.
    pub(crate) unconfirmed: BTreeSet<u64>,
    /// Why it has to wait.
    pub(crate) blocked: Option<String>,
}

impl Publisher {
    pub(crate) fn connect(address: SocketAddr, load: Load, first: u64) -> Self {
        let mut amqp = Amqp091::connect_publisher(address).expect("the broker listens");
        amqp.call(method::CONFIRM_SELECT, &[0], method::CONFIRM_SELECT_OK).expect("it confirms");
        Self { amqp, load, first, next: first, unconfirmed: BTreeSet::new(), blocked: None }
    }

    pub(crate) fn send(&mut self, count: u64) {
        let mut bytes = Vec::new();
        for number in self.next..self.next + count {
            bytes.extend(wire::publish("", self.load.queue, &self.load.body(number)));
            self.unconfirmed.insert(number);
        }
        self.next += count;
        self.amqp.send(&bytes).expect("the broker reads");
    }

    /// Waits for one word of the broker.
    pub(crate) fn hear(&mut self) {
        let heard = self.amqp.read().unwrap_or_else(|error| panic!("{} unconfirmed: {error}", self.unconfirmed.len()));
        self.note(heard);
    }

    fn note(&mut self, heard: Heard) {
        match heard {
            // Tags count from 1.
            Heard::Ack { tag, multiple: true } => self.unconfirmed = self.unconfirmed.split_off(&(self.first + tag)),
            Heard::Ack { tag, multiple: false } => {
                assert!(self.unconfirmed.remove(&(self.first + tag - 1)), "{tag} was confirmed before");
            }
            Heard::Method(method::CONNECTION_BLOCKED, reason) => {
                self.blocked = Some(String::from_utf8(reason[1..].to_vec()).expect("a text"));
            }
            Heard::Method(method::CONNECTION_UNBLOCKED, _) => self.blocked = None,
            other => panic!("{other:?} comes unasked"),
        }
    }

    /// Whether it has to wait and that does not end soon: what was settled before may be given back in time.
    pub(crate) fn is_stopped(&mut self) -> bool {
        let begun = Instant::now();
        while self.blocked.is_some() && begun.elapsed() < SETTLED {
            self.amqp.set_patience(SETTLED).expect("a TCP socket");
            match self.amqp.read() {
                Ok(heard) => self.note(heard),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
        self.amqp.set_patience(DEADLINE).expect("a TCP socket");
        self.blocked.is_some()
    }

    /// Waits until all that was sent is confirmed.
    pub(crate) fn confirmed(&mut self) {
        while !self.unconfirmed.is_empty() {
            self.hear();
        }
    }
}

/// Takes messages in order.
pub(crate) struct Consumer {
    amqp: Amqp091,
    load: Load,
    tag: u64,
    acknowledged: u64,
}

impl Consumer {
    pub(crate) fn connect(address: SocketAddr, load: Load) -> Self {
        let mut amqp = Amqp091::connect(address).expect("the broker listens");
        amqp.consume(load.queue, PREFETCH).expect("there is a queue");
        Self { amqp, load, tag: 0, acknowledged: 0 }
    }

    /// The next message, which must be this one.
    pub(crate) fn take(&mut self, number: u64) {
        let heard = self.amqp.read().unwrap_or_else(|error| panic!("{} {number}: {error}", self.load.queue));
        let Heard::Delivery { tag, body, .. } = heard else { panic!("{heard:?} comes unasked") };
        if body != self.load.body(number) {
            let start = String::from_utf8_lossy(&body[..body.len().min(40)]);
            panic!("{} {number} was expected, not {start:?}… of {} bytes", self.load.queue, body.len());
        }
        self.tag = tag;
        if tag >= self.acknowledged + ACKNOWLEDGED {
            self.acknowledge();
        }
    }

    pub(crate) fn acknowledge(&mut self) {
        if self.tag > self.acknowledged {
            self.amqp.send(&wire::ack(self.tag, true)).expect("the broker reads");
            self.acknowledged = self.tag;
        }
    }

    /// Acknowledges the last ones and waits until the broker has read that.
    pub(crate) fn finish(mut self) {
        self.acknowledge();
        let qos = [&[0; 4][..], &PREFETCH.to_be_bytes(), &[0]].concat();
        self.amqp.call(method::BASIC_QOS, &qos, method::BASIC_QOS_OK).expect("nothing more comes");
    }
}
