use model::{ConsumerIndex, Credit, Name};

use crate::codec::ShortString;
use crate::token::ChannelId;

/// Consumers and gets of one connection at a time, those included that are about to end.
pub(crate) const CONSUMERS: usize = model::limits::CONSUMERS_PER_CONNECTION as usize;
/// Deliveries that one consumer without a prefetch limit may leave unacknowledged.
pub(crate) const UNLIMITED: u32 = 1_000_000;
/// Deliveries on their way to one consumer that acknowledges nothing.
pub(crate) const NO_ACK_WINDOW: u32 = 16_384;
/// Bytes on their way to one consumer.
pub(crate) const CREDIT_BYTES: u64 = 1 << 20;

/// All consumers, by the index that the broker knows.
#[derive(Debug, Default)]
pub(crate) struct Consumers {
    slots: Vec<Option<Consumer>>,
    free: Vec<u32>,
    /// Those that are owed enough to be given it.
    pub(crate) creditors: Vec<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) channel: ChannelId,
    pub(crate) kind: Kind,
    pub(crate) queue: Name,
    pub(crate) state: State,
    /// What is written and not yet given back as credit.
    owed: Credit,
    /// It is among the creditors.
    is_creditor: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Subscription {
        tag: ShortString,
        no_wait: bool,
    },
    Get {
        /// Messages in the queue before this one.
        ready: u64,
        delivered: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Live,
    /// Its client has cancelled it; what is on its way still reaches it.
    Cancelled,
    /// Its channel is gone: what is on its way goes back.
    Abandoned,
}

impl Consumer {
    pub(crate) fn new(channel: ChannelId, kind: Kind, queue: Name) -> Self {
        Self { channel, kind, queue, state: State::Live, owed: Credit::default(), is_creditor: false }
    }

    fn is_due(&self) -> bool {
        self.owed.messages >= NO_ACK_WINDOW / 4 || self.owed.bytes >= CREDIT_BYTES / 4
    }
}

impl Consumers {
    /// A place for one more; `None` when there are too many.
    pub(crate) fn insert(&mut self, consumer: Consumer) -> Option<u32> {
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = Some(consumer);
            return Some(index);
        }
        if self.slots.len() >= CONSUMERS {
            return None;
        }
        self.slots.push(Some(consumer));
        Some((self.slots.len() - 1) as u32)
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<Consumer> {
        let consumer = self.slots.get_mut(index as usize)?.take()?;
        self.free.push(index);
        Some(consumer)
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Consumer> {
        self.slots.get(index as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Consumer> {
        self.slots.get_mut(index as usize)?.as_mut()
    }

    /// Whether a consumer of this queue is there to stay.
    pub(crate) fn are_on(&self, queue: &Name) -> bool {
        let stays = |it: &Consumer| {
            it.queue == *queue && matches!(it.kind, Kind::Subscription { .. }) && it.state == State::Live
        };
        self.slots.iter().flatten().any(stays)
    }

    /// A channel is gone: nothing reaches its consumers any more.
    pub(crate) fn abandon(&mut self, channel: ChannelId) {
        for consumer in self.slots.iter_mut().flatten().filter(|it| it.channel == channel) {
            consumer.state = State::Abandoned;
        }
    }

    /// Notes what a delivery cost its consumer.
    pub(crate) fn owe(&mut self, index: ConsumerIndex, bytes: u64, settled: bool) {
        let Some(consumer) = self.get_mut(index.0) else { return };
        if matches!(consumer.kind, Kind::Get { .. }) {
            return;
        }
        consumer.owed.messages += u32::from(settled);
        consumer.owed.bytes += bytes;
        if !consumer.is_creditor && consumer.is_due() {
            consumer.is_creditor = true;
            self.creditors.push(index.0);
        }
    }

    /// What a creditor gets; nothing if it is about to end.
    pub(crate) fn pay(&mut self, index: u32) -> Option<Credit> {
        let consumer = self.get_mut(index).filter(|it| it.is_creditor)?;
        consumer.is_creditor = false;
        (consumer.state == State::Live).then(|| std::mem::take(&mut consumer.owed))
    }
}
