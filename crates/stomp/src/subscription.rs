use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use model::{ConsumerIndex, Credit, Delivery, MessageNumber, Name, Namespace};

use crate::destination::QueueKind;
use crate::subscribe::Bound;

/// What a SUBSCRIBE made.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// Tells it from others in the same slot.
    pub(crate) number: u64,
    /// The `id` header, or in STOMP 1.0 without one the destination.
    pub(crate) key: String,
    /// How each MESSAGE begins: its first line and its `subscription` header.
    pub(crate) prefix: Bytes,
    /// As the client wrote it.
    pub(crate) destination: String,
    pub(crate) namespace: Namespace,
    pub(crate) source: Source,
    /// How its queue was named, if it was.
    pub(crate) kind: Option<QueueKind>,
    /// What its own queue is bound to.
    pub(crate) bound: Option<Bound>,
    pub(crate) ack: AckMode,
    pub(crate) selector: Option<String>,
    pub(crate) exclusive: bool,
    pub(crate) priority: i32,
    /// Messages that may be on their way or unacknowledged.
    pub(crate) window: u32,
    pub(crate) state: State,
    /// Of SUBSCRIBE, until that is done.
    pub(crate) receipt: Option<Bytes>,
    /// Of UNSUBSCRIBE.
    pub(crate) farewell: Option<Bytes>,
    /// In order of delivery.
    pub(crate) unacknowledged: VecDeque<Unacknowledged>,
    pub(crate) owed: Owed,
}

/// What a subscription consumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A queue that others use too.
    Queue(Name),
    /// The same, without taking anything: up to what was there at first.
    Browser(Name),
    /// A queue of this subscription alone, deleted with it.
    Topic(Name),
    /// A queue that stays when the subscription's connection ends.
    Durable(Name),
}

impl Source {
    pub(crate) fn queue(&self) -> &Name {
        match self {
            Self::Queue(name) | Self::Browser(name) | Self::Topic(name) | Self::Durable(name) => name,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckMode {
    Auto,
    /// An acknowledgement is for all messages up to that one.
    Client,
    ClientIndividual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The core is asked for the queue, which others may have made; there is no consumer yet.
    Declaring,
    /// The core is asked for a consumer.
    Asked,
    Live,
    /// The consumer is cancelled; deliveries may still be on their way.
    Ended,
}

/// A delivery that waits for ACK or NACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unacknowledged {
    /// Counts deliveries of the connection; the end of the `ack` header.
    pub(crate) tag: u64,
    pub(crate) number: MessageNumber,
    pub(crate) delivery: Delivery,
}

/// Credit that a consumer gets back when what it cost is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owed {
    pub(crate) messages: u32,
    pub(crate) bytes: u64,
    /// It stands in the list of those that get it back next.
    pub(crate) is_due: bool,
}

/// The subscriptions of a connection, by slot, which is the index of their consumer.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    slots: Vec<Option<Subscription>>,
    by_key: BTreeMap<String, usize>,
    made: u64,
}

impl Subscriptions {
    /// A place for a new one, and its number.
    pub(crate) fn free_slot(&mut self) -> (usize, u64) {
        self.made += 1;
        (self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len()), self.made)
    }

    /// How many there have been.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    pub(crate) fn insert(&mut self, slot: usize, subscription: Subscription) {
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.by_key.insert(subscription.key.clone(), slot);
        self.slots[slot] = Some(subscription);
    }

    /// The slot of one that has not ended.
    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn get(&self, slot: usize) -> Option<&Subscription> {
        self.slots.get(slot)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut Subscription> {
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, &Subscription)> {
        self.slots.iter().enumerate().filter_map(|(slot, it)| Some((slot, it.as_ref()?)))
    }

    /// Its id is free again; its slot is not.
    pub(crate) fn end(&mut self, slot: usize) -> Option<&mut Subscription> {
        let subscription = self.slots.get_mut(slot)?.as_mut()?;
        self.by_key.remove(&subscription.key);
        subscription.state = State::Ended;
        Some(subscription)
    }

    pub(crate) fn remove(&mut self, slot: usize) -> Option<Subscription> {
        let removed = self.slots.get_mut(slot)?.take();
        while let Some(None) = self.slots.last() {
            self.slots.pop();
        }
        removed
    }
}

impl Subscription {
    pub(crate) fn credit(&self) -> Credit {
        Credit { messages: self.window, bytes: CREDIT_BYTES }
    }

    pub(crate) fn is_presettled(&self) -> bool {
        self.ack == AckMode::Auto
    }
}

/// Bytes of deliveries on their way to one subscription.
pub(crate) const CREDIT_BYTES: u64 = 1 << 20;

pub(crate) fn consumer(slot: usize) -> ConsumerIndex {
    ConsumerIndex(slot as u32)
}
