//! Facts, as the journal keeps them. Never commands: replaying needs no rule that may have changed since.
//!
//! ```text
//! record  = kind u8, fields as varints and length-prefixed bytes (see `wire`)
//! message = Piece*, then Published or Staged, which carry the last piece and say how many went before
//! ```
//! A kind's number and the meaning of its fields never change; new fields get a new kind.

mod decode;
mod describe;
mod encode;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use model::{
    Binding, DeathReason, Exchange, ExchangeSettings, Header, Message, MessageNumber, Name, Namespace, QueueSettings,
    Tags, Time, Xid,
};
use smallvec::SmallVec;

use crate::entry::Located;
use crate::summary::Summary;
use crate::transaction::TransactionNumber;
pub(crate) use decode::exchange;
pub use describe::describe;
pub(crate) use encode::{put_exchange, split_body};
pub(crate) use settings::{put_reason, reason};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    Published(Published),
    /// A message of an open transaction, not visible yet; `routes` have no sequence numbers.
    Staged {
        transaction: TransactionNumber,
        published: Published,
    },
    /// Part of a long body whose message follows.
    Piece(Bytes),
    Settled {
        queue: u32,
        ranges: Ranges,
    },
    Declared(Box<Declared>),
    Altered {
        queue: u32,
        settings: Box<QueueSettings>,
    },
    Deleted {
        queue: u32,
    },
    Bound {
        queue: u32,
        binding: Box<Binding>,
    },
    Unbound {
        queue: u32,
        binding: Box<Binding>,
    },
    ExchangeDeclared {
        namespace: Namespace,
        name: Name,
        settings: Box<ExchangeSettings>,
    },
    ExchangeDeleted {
        namespace: Namespace,
        exchange: Exchange,
    },
    /// One exchange was bound to another.
    Tied(Box<Tie>),
    Untied(Box<Tie>),
    Entered {
        namespace: Namespace,
        name: Name,
    },
    /// Everything below this sequence number may have been delivered.
    Marked {
        queue: u32,
        below: u64,
    },
    /// An attempt ended without an outcome that settles.
    Returned {
        queue: u32,
        seq: u64,
        attempts: u32,
        failed: u32,
        not_before: Option<Time>,
    },
    Decided {
        queue: u32,
        seq: u64,
        mark: u32,
    },
    Unheld {
        queue: u32,
        number: u32,
    },
    /// From one queue to another in one step: dead-lettered, or moved by an administrator.
    Moved {
        from: u32,
        seq: u64,
        to: u32,
        to_seq: u64,
    },
    /// Dead-lettered, to all of its places at once.
    Died(Box<Died>),
    /// A message that the journal has already, put into another queue (a retained one, for a new subscription).
    Copied(Box<Copied>),
    /// Everything below, but for these, is gone.
    Purged {
        queue: u32,
        below: u64,
        except: Vec<u64>,
    },
    Prepared {
        transaction: TransactionNumber,
        xid: Xid,
        settles: Vec<(u32, u64)>,
    },
    /// `firsts`: per queue, the sequence number of its first message of the transaction.
    Committed {
        transaction: TransactionNumber,
        firsts: Vec<(u32, u64)>,
        settles: Vec<(u32, u64)>,
    },
    RolledBack {
        transaction: TransactionNumber,
    },
    /// Message numbers up to here may have been given out.
    Numbered {
        below: u64,
    },
    /// Numbers of queues up to here may have been given out: those in memory have no record of their own.
    QueuesNumbered {
        below: u32,
    },
    /// From `first` to here everything is said again that a restart must know: what is before need be read no more, but
    /// for bodies and pages. It stands at the end, so that half a checkpoint is none.
    Checkpoint {
        first: u64,
    },
    /// As `Published` holds it.
    Held {
        queue: u32,
        number: u32,
    },
    /// Where a queue goes on, and since when it is what it is.
    Advanced {
        queue: u32,
        next: u64,
        created: Time,
        altered: Time,
    },
    TopicDeclared {
        namespace: Namespace,
        name: Name,
    },
    /// The durable entries of a block of a queue, as they are here.
    Page(Box<WrittenPage>),
    /// A checkpoint begins. Transactions below this number were there: theirs is not given out again.
    Begun {
        transactions: u64,
    },
    /// In a checkpoint: blocks whose pages were written before.
    Resting {
        queue: u32,
        pages: Vec<RestingPage>,
    },
    /// In a checkpoint: pages of which nothing is left, and how long their records are; what their entries held was not
    /// released yet.
    Doomed {
        pages: Vec<(u64, u32)>,
    },
    /// In a checkpoint: bodies that are needed as long as this process lives, and not after a restart.
    Loose {
        bodies: Vec<Loose>,
    },
    /// In a checkpoint: a message of an open transaction that was staged before.
    StagedAgain(Box<StagedAgain>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WrittenPage {
    pub(crate) queue: u32,
    pub(crate) block: u64,
    pub(crate) summary: Summary,
    /// As a [`crate::page::Writer`] writes them.
    pub(crate) entries: Bytes,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RestingPage {
    pub(crate) block: u64,
    pub(crate) lsn: u64,
    pub(crate) len: u32,
    pub(crate) summary: Summary,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Loose {
    pub(crate) located: Located,
    pub(crate) size: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StagedAgain {
    pub(crate) transaction: TransactionNumber,
    pub(crate) number: MessageNumber,
    pub(crate) located: Located,
    pub(crate) size: u32,
    pub(crate) header: Header,
    pub(crate) routes: SmallVec<[Route; 1]>,
}

/// Inclusive ranges of sequence numbers.
pub(crate) type Ranges = SmallVec<[(u64, u64); 2]>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Published {
    pub(crate) number: MessageNumber,
    pub(crate) message: Arc<Message>,
    pub(crate) hold: Option<(u32, u32)>,
    pub(crate) routes: SmallVec<[Route; 1]>,
}

/// A message's place in one queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Route {
    pub(crate) queue: u32,
    pub(crate) seq: u64,
    pub(crate) not_before: Option<Time>,
    /// In the journal; the others are in memory only, and not written.
    pub(crate) durable: bool,
    pub(crate) assured: bool,
    pub(crate) retained: bool,
    pub(crate) tags: Tags,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Copied {
    pub(crate) number: MessageNumber,
    pub(crate) located: Located,
    /// Bytes of properties and body.
    pub(crate) size: u32,
    pub(crate) priority: u8,
    pub(crate) expires: Option<Time>,
    pub(crate) route: Route,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Died {
    pub(crate) from: u32,
    pub(crate) seq: u64,
    pub(crate) reason: DeathReason,
    pub(crate) detail: Name,
    /// What it had been sent to when it came to this queue.
    pub(crate) came: (Exchange, Name),
    /// What it is sent to now.
    pub(crate) exchange: Exchange,
    pub(crate) key: Name,
    /// Queues that took it, and its sequence numbers there.
    pub(crate) places: Vec<(u32, u64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tie {
    pub(crate) namespace: Namespace,
    pub(crate) destination: Exchange,
    pub(crate) binding: Binding,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) queue: u32,
    pub(crate) namespace: Namespace,
    pub(crate) name: Name,
    pub(crate) alias: Option<String>,
    pub(crate) settings: QueueSettings,
}

/// What a body's record says of where the rest is.
pub(crate) struct Parsed {
    pub(crate) record: Record,
    /// Body pieces in the records just before.
    pub(crate) pieces: u32,
}
