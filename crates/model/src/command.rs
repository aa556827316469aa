use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Alteration, Authenticate, Binding, ConnectionId, ConsumerIndex, Credit, CreditMode, Delivery, Exchange,
    ExchangeSettings, Guard, Lease, Lsn, Message, Mode, Name, Namespace, Outcome, Peer, QueueId, QueueRef,
    QueueSettings, Space, Time, Token, TransactionIndex,
};

/// What may be asked of the broker. Whatever carries a `Token` is answered once, by `Effect::Reply` or, for a publish,
/// `Effect::Confirm`.
#[derive(Clone, Debug)]
pub enum Command {
    /// The first command of a connection, given by the shell; not answered. `client` is what it calls itself.
    Open {
        peer: Arc<Peer>,
        client: Name,
    },
    /// Who the client is. Answered by the shell; the broker never sees it.
    Authenticate(Box<Authenticate>),
    /// Who the connection is, and what it may do from now on: until the first one nothing, if the broker asks for it.
    /// Without a guard everything. What a guard does not allow that is going on already ends. From the shell only, not
    /// answered.
    Permit {
        user: Name,
        guard: Option<Arc<dyn Guard>>,
    },
    /// Rights have changed: what guards do not allow any more ends. From the shell only, not answered.
    Reconsider,
    /// Replied if the connection's user may use this namespace.
    Access {
        token: Token,
        namespace: Namespace,
    },
    /// Finds the namespace of this name ("account/region"), making it if it is new.
    Enter {
        token: Token,
        name: Name,
    },
    /// Makes this connection the only owner of a client id.
    Claim(Claim),
    Declare(Box<Declare>),
    DeclareExchange {
        token: Token,
        namespace: Namespace,
        name: Name,
        settings: ExchangeSettings,
        /// It must exist; the settings are not looked at.
        passive: bool,
    },
    /// Binds one exchange to another: what the binding takes is published to `destination` as well, under the same key.
    BindExchange {
        token: Token,
        namespace: Namespace,
        destination: Exchange,
        binding: Box<Binding>,
    },
    UnbindExchange {
        token: Token,
        namespace: Namespace,
        destination: Exchange,
        binding: Box<Binding>,
    },
    /// Makes a topic known by name: a key of `amq.topic` needs none, but then it is listed before anybody uses it.
    DeclareTopic {
        token: Token,
        namespace: Namespace,
        name: Name,
    },
    DeleteExchange {
        token: Token,
        namespace: Namespace,
        exchange: Exchange,
        if_unused: bool,
    },
    /// Changes settings of a queue.
    Alter {
        token: Token,
        queue: QueueRef,
        alteration: Box<Alteration>,
    },
    /// `replay`: also enqueue the retained messages that match (MQTT 3.8.4).
    Bind {
        token: Token,
        queue: QueueRef,
        binding: Box<Binding>,
        replay: bool,
    },
    Unbind {
        token: Token,
        queue: QueueRef,
        binding: Box<Binding>,
    },
    Publish(Publish),
    /// Forgets a hold (MQTT PUBREL). Replied also if there was none.
    Unhold {
        token: Token,
        hold: Hold,
    },
    Consume(Box<Consume>),
    /// Not answered. What the consumer has leased by its connection stays leased.
    Cancel {
        consumer: ConsumerIndex,
    },
    /// Adds credit. `drain`: hand out what there is, then answer `Effect::Drained`, and the rest of the credit is gone.
    Credit {
        consumer: ConsumerIndex,
        add: Credit,
        drain: bool,
    },
    Fetch(Box<Fetch>),
    Settle(Settle),
    /// The first of two steps (MQTT PUBREC): the message may go, the delivery stays under a token until it is accepted.
    Decide {
        token: Token,
        delivery: Delivery,
        mark: u32,
    },
    /// What `Load` asked for: the journal's records, each in memory of its own, or `None` if they could not be read. From
    /// the shell only.
    Loaded {
        load: u64,
        records: Option<Vec<Bytes>>,
    },
    /// How much room the store has. From the shell only.
    Measured(Space),
    /// Copy the running store into a folder that is new or empty. Answered by [`Effect::Progress`](crate::Effect) and a
    /// reply.
    Backup {
        token: Token,
        folder: String,
    },
    /// How a backup goes. From the shell only.
    BackingUp {
        job: u64,
        progress: Backup,
    },
    Inspect {
        token: Token,
        what: Inspect,
    },
    Begin {
        transaction: TransactionIndex,
    },
    /// First phase: afterwards only the branch's `xid` names it, and it survives connection and broker (XA).
    Prepare {
        token: Token,
        transaction: TransactionIndex,
        xid: Xid,
    },
    Commit {
        token: Token,
        transaction: TransactionRef,
    },
    Rollback {
        token: Token,
        transaction: TransactionRef,
    },
    /// Drops what is ready (`leased` too if asked). Replies `Count`.
    Purge {
        token: Token,
        queue: QueueRef,
        leased: bool,
    },
    Delete {
        token: Token,
        queue: QueueRef,
        if_unused: bool,
        if_empty: bool,
    },
    /// Moves up to `max` ready messages to the end of another queue. Replies `Count`.
    Move {
        token: Token,
        from: QueueRef,
        to: QueueRef,
        max: u64,
    },
    /// What this connection's conversions could not carry since it last said so. Not answered.
    Tally(Tally),
    /// The last command, given by the shell: leases of the connection end, its exclusive queues are deleted. Not
    /// answered.
    Close,
}

impl Command {
    /// What its answer will carry, if it is answered.
    pub fn token(&self) -> Option<Token> {
        match self {
            Self::Access { token, .. }
            | Self::Enter { token, .. }
            | Self::DeclareExchange { token, .. }
            | Self::BindExchange { token, .. }
            | Self::UnbindExchange { token, .. }
            | Self::DeclareTopic { token, .. }
            | Self::DeleteExchange { token, .. }
            | Self::Alter { token, .. }
            | Self::Bind { token, .. }
            | Self::Unbind { token, .. }
            | Self::Unhold { token, .. }
            | Self::Decide { token, .. }
            | Self::Backup { token, .. }
            | Self::Inspect { token, .. }
            | Self::Prepare { token, .. }
            | Self::Commit { token, .. }
            | Self::Rollback { token, .. }
            | Self::Purge { token, .. }
            | Self::Delete { token, .. }
            | Self::Move { token, .. } => Some(*token),
            Self::Authenticate(it) => Some(it.token),
            Self::Claim(it) => Some(it.token),
            Self::Declare(it) => Some(it.token),
            Self::Consume(it) => Some(it.token),
            Self::Fetch(it) => Some(it.token),
            Self::Publish(it) => it.token,
            Self::Settle(it) => it.token,
            Self::Open { .. }
            | Self::Permit { .. }
            | Self::Reconsider
            | Self::Cancel { .. }
            | Self::Credit { .. }
            | Self::Loaded { .. }
            | Self::Measured(_)
            | Self::BackingUp { .. }
            | Self::Begin { .. }
            | Self::Tally(_)
            | Self::Close => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Claim {
    pub token: Token,
    pub namespace: Namespace,
    pub client: Name,
    pub conflict: Conflict,
}

/// What happens to the earlier owner of a client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// It is closed (MQTT-3.1.4-2).
    Evict,
    /// The new one is refused (JMS InvalidClientIDException).
    Refuse,
}

#[derive(Clone, Debug)]
pub struct Declare {
    pub token: Token,
    pub namespace: Namespace,
    pub name: Name,
    pub settings: QueueSettings,
    pub mode: DeclareMode,
    pub own: Own,
}

/// Whether a protocol needs an `internal` queue for what its client asked for (a session, a subscription). Then no right to
/// the queue is asked for, but one to each address that is bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    No,
    /// It is this client's alone. One that lasts belongs to the user who made it; no other user gets at it by its name.
    Mine,
    /// Clients of any user may share it.
    Shared,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclareMode {
    /// An existing queue is taken as it is.
    IfAbsent,
    /// An existing queue must have these settings.
    Same,
    /// It must exist; the settings are not looked at.
    Passive,
    /// The name is a beginning, to which the broker adds what no other queue has.
    Generated,
}

#[derive(Clone, Debug)]
pub struct Publish {
    /// `None`: the publisher wants no answer.
    pub token: Option<Token>,
    /// Answer a refusal only; a publish that reached its queues is not confirmed.
    pub quiet: bool,
    pub message: Arc<Message>,
    /// Into this queue alone, wherever its address would lead: what comes back from elsewhere.
    pub queue: Option<QueueRef>,
    /// Make the queue of a default-exchange address that does not exist, if the configuration allows.
    pub create: bool,
    /// Tell, by `Effect::Returned` before the confirmation, if no queue took it.
    pub mandatory: bool,
    /// Take the message only if this hold is not there yet, and set it with the message (MQTT QoS 2).
    pub hold: Option<Hold>,
    pub transaction: Option<TransactionIndex>,
    /// Further keys of the same exchange: each queue gets the message once (RabbitMQ's CC and BCC).
    pub also: Vec<Name>,
}

impl Publish {
    pub fn new(message: Arc<Message>) -> Self {
        Self {
            token: None,
            quiet: false,
            message,
            queue: None,
            create: true,
            mandatory: false,
            hold: None,
            transaction: None,
            also: Vec::new(),
        }
    }
}

/// "This number was received and not yet released", kept with a session's queue and as durable as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    pub queue: QueueId,
    pub number: u32,
}

#[derive(Clone, Debug)]
pub struct Consume {
    pub token: Token,
    pub consumer: ConsumerIndex,
    pub queue: QueueRef,
    pub mode: Mode,
    pub credit: Credit,
    pub credit_mode: CreditMode,
    /// A JMS selector.
    pub selector: Option<String>,
    /// No other consumer may be there, now or later.
    pub exclusive: bool,
    /// Consumers of a lower priority get messages only while no higher one has credit.
    pub priority: i32,
}

/// Takes up to `max` messages at once: `Deliver`s, then `Drained`.
#[derive(Clone, Debug)]
pub struct Fetch {
    pub token: Token,
    pub consumer: ConsumerIndex,
    pub queue: QueueRef,
    pub max: u32,
    pub settlement: crate::Settlement,
    pub lease: Lease,
    /// Wait until then for a first message. `None`: answer with what is there.
    pub until: Option<Time>,
}

/// What became of messages of other protocols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages delivered without some of their properties.
    pub lossy: u64,
    /// Those properties.
    pub lost: u64,
    /// Messages that could not be delivered in this protocol at all.
    pub undeliverable: u64,
}

impl Tally {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A message was delivered without `lost` of its properties.
    pub fn delivered(&mut self, lost: u32) {
        self.lossy += u64::from(lost > 0);
        self.lost += u64::from(lost);
    }
}

impl core::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.lossy += other.lossy;
        self.lost += other.lost;
        self.undeliverable += other.undeliverable;
    }
}

/// Outcome for deliveries `first..=last` of a queue: those that this connection leases, or, with an `attempt`, one
/// whose receipt the caller holds.
#[derive(Clone, Copy, Debug)]
pub struct Settle {
    /// `None`: nobody waits for the answer.
    pub token: Option<Token>,
    pub queue: QueueId,
    pub first: u64,
    pub last: u64,
    pub attempt: Option<u32>,
    pub outcome: Outcome,
    pub transaction: Option<TransactionIndex>,
}

impl Settle {
    /// One delivery that this connection leases, unanswered.
    pub fn one(delivery: Delivery, outcome: Outcome) -> Self {
        Self {
            token: None,
            queue: delivery.queue,
            first: delivery.seq,
            last: delivery.seq,
            attempt: None,
            outcome,
            transaction: None,
        }
    }
}

/// What a question is about.
#[derive(Clone, Debug)]
pub enum Inspect {
    Status,
    Queue(QueueRef),
    /// Queues of one namespace (or all) whose name begins so, in order of name.
    Queues {
        namespace: Option<Namespace>,
        prefix: Name,
        internal: bool,
    },
    Bindings(QueueRef),
    Topics {
        namespace: Option<Namespace>,
    },
    Connections,
    /// Prepared XA branches.
    Prepared,
    /// Which queues hold the store's space: at most so many.
    Holdings {
        most: usize,
    },
}

/// How far a backup has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backup {
    /// So many bytes of so many.
    At(u64, u64),
    /// It holds everything up to this record, in so many bytes.
    Done(Lsn, u64),
    Failed(String),
}

/// Global name of a transaction branch (X/Open XA: format id, global id, branch), opaque here.
pub type Xid = Bytes;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionRef {
    Own(TransactionIndex),
    Prepared(Xid),
}

/// A command and who gave it.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub connection: ConnectionId,
    pub command: Command,
}

/// The batch of an IO thread. The shell sets `connection` before it lets a connection push.
#[derive(Debug, Default)]
pub struct Commands {
    pub connection: ConnectionId,
    pub batch: Vec<Envelope>,
}

impl Commands {
    pub fn push(&mut self, command: Command) {
        self.batch.push(Envelope { connection: self.connection, command });
    }
}
