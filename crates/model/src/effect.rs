use std::sync::Arc;

use bytes::Bytes;

use crate::binding::Tags;
use crate::{
    Alarm, BindingInfo, CloseReason, ConnectionInfo, ConsumerIndex, Delivery, History, Holding, Lsn, Message,
    MessageNumber, Name, Namespace, QueueId, QueueInfo, Refusal, Status, Time, Token, TopicInfo, Xid,
};

/// What the broker wants a connection to know.
#[derive(Clone, Debug)]
pub enum Effect {
    Deliver(Deliver),
    /// A publish with a token has reached its queues. `routed`: at least one took it.
    Confirm {
        token: Token,
        message: MessageNumber,
        routed: bool,
    },
    /// A mandatory message that no queue took.
    Returned {
        token: Option<Token>,
        message: Arc<Message>,
    },
    Reply {
        token: Token,
        reply: Result<Reply, Refusal>,
    },
    /// A drain or fetch has handed out all it will; the consumer's credit is 0 (and a fetch is gone).
    Drained {
        consumer: ConsumerIndex,
    },
    /// The broker ended a consumer: its queue was deleted, or a right was taken away.
    Cancelled {
        consumer: ConsumerIndex,
        refusal: Refusal,
    },
    /// The login goes on: the client must answer this (RFC 4422, 3).
    Challenge {
        token: Token,
        challenge: Bytes,
    },
    /// The broker is short of memory or disk (`Some(reason)`), or no longer. Publishes are parked meanwhile.
    Throttle {
        reason: Option<Alarm>,
    },
    /// How far a long work has come; its reply follows at the end. Both in bytes.
    Progress {
        token: Token,
        done: u64,
        total: u64,
    },
    /// The connection must end.
    Close {
        reason: CloseReason,
    },
}

/// A message handed out.
#[derive(Clone, Debug)]
pub struct Deliver {
    pub consumer: ConsumerIndex,
    pub delivery: Delivery,
    pub message: Arc<Message>,
    pub number: MessageNumber,
    /// When it reached this queue.
    pub arrived: Time,
    /// When it was first handed out (now, for the first attempt).
    pub first_acquired: Time,
    /// Attempts that counted as failures.
    pub failed: u32,
    /// May have been seen before, here or before a crash.
    pub redelivered: bool,
    /// Needs no outcome: it is settled already.
    pub settled: bool,
    /// A retained message that is sent because of a new subscription.
    pub retained: bool,
    /// How it came here, if it was dead-lettered.
    pub history: Option<Arc<History>>,
    /// Of all bindings that matched.
    pub tags: Tags,
}

/// Answers to commands.
#[derive(Clone, Debug)]
pub enum Reply {
    Done,
    /// The login is over. `account`: whose AWS account it is, if the access key belongs to a certain one.
    /// `last_message`: what SASL has the server say at the end (SCRAM).
    Authenticated {
        user: Name,
        account: Option<String>,
        last_message: Option<Bytes>,
    },
    Namespace(Namespace),
    /// `existed`: the queue was there before.
    Declared {
        queue: QueueId,
        existed: bool,
        info: Box<QueueInfo>,
    },
    /// The consumer is there. `decided`: deliveries of this queue that were decided and not settled, with their marks,
    /// for a session that resumes (MQTT-4.4.0-1).
    Consuming {
        queue: QueueId,
        decided: Vec<(Delivery, u32)>,
    },
    /// A fetch has begun, from a queue with so many messages ready.
    Fetching {
        queue: QueueId,
        ready: u64,
    },
    Count(u64),
    Queue(Box<QueueInfo>),
    Queues(Vec<QueueInfo>),
    Bindings(Vec<BindingInfo>),
    Topics(Vec<TopicInfo>),
    Connections(Vec<ConnectionInfo>),
    Prepared(Vec<Xid>),
    Status(Box<Status>),
    /// What holds the store's space, the most first.
    Holdings(Vec<Holding>),
    /// A copy of the store is complete: it has everything up to this record.
    BackedUp {
        lsn: Lsn,
        bytes: u64,
    },
}
