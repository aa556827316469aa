use core::fmt;

use crate::{Exchange, Name};

/// What one connection's user may do. The broker asks it before it carries out a command; it must answer fast and
/// without waiting.
pub trait Guard: Send + Sync + fmt::Debug {
    /// The user's name, for listings, refusals and the audit log.
    fn user(&self) -> &str;

    /// Whether anybody has found out that it is this user: else nothing can belong to them.
    fn is_proven(&self) -> bool {
        true
    }

    /// False when the user may not be connected any more.
    fn stands(&self) -> bool;

    /// True for who may do everything: the broker asks it nothing more, until rights change.
    fn is_unlimited(&self) -> bool {
        false
    }

    fn allows(&self, action: Action, protected: &Protected<'_>) -> bool;
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Use a namespace at all.
    Enter,
    /// Learn that something exists, and its settings and counts: whoever may do anything with it may.
    See,
    /// Create, change and delete.
    Configure,
    /// Publish to an address; bind a queue or exchange to something, so that it gets messages.
    Write,
    /// Consume, fetch, browse, purge; get a message that was published to this address.
    Read,
    /// Bind something to the addresses of a pattern: allowed if any of them may be read.
    Subscribe,
    /// See everything of the broker: totals, connections, what holds the store's space.
    Monitor,
    /// Everything that concerns the broker as a whole.
    Administer,
}

impl Action {
    pub const ALL: [Self; 8] = [
        Self::Enter,
        Self::See,
        Self::Configure,
        Self::Write,
        Self::Read,
        Self::Subscribe,
        Self::Monitor,
        Self::Administer,
    ];

    /// The right that it needs, as refusals name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::See => "see",
            Self::Configure => "configure",
            Self::Write => "write",
            Self::Read | Self::Subscribe => "read",
            Self::Monitor => "monitor",
            Self::Administer => "administer",
        }
    }
}

/// What it is to be done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protected<'a> {
    /// `account/region`; `/` is the broker's own.
    pub namespace: &'a Name,
    pub what: What<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    Broker,
    /// The namespace as a whole.
    Namespace,
    Queue(&'a Name),
    /// Some queue that lives no longer than its connection, whatever its name.
    Temporary,
    Exchange(&'a Exchange),
    /// A key of an exchange: where a message goes, or, for `Action::Subscribe`, a pattern of such.
    Address(&'a Exchange, &'a Name),
}

impl What<'_> {
    /// The kind, as refusals name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Namespace => "namespace",
            Self::Queue(_) | Self::Address(Exchange::Default, _) => "queue",
            Self::Temporary => "temporary queue",
            Self::Exchange(_) => "exchange",
            Self::Address(Exchange::Topic, _) => "topic",
            Self::Address(..) => "exchange",
        }
    }

    /// The name without its kind; empty for what has none.
    pub fn name(&self) -> String {
        match self {
            Self::Broker | Self::Namespace | Self::Temporary => String::new(),
            Self::Queue(name) | Self::Address(Exchange::Default | Exchange::Topic, name) => name.to_text().into_owned(),
            Self::Exchange(exchange) | Self::Address(exchange, _) => exchange.to_text().into_owned(),
        }
    }
}

/// Who may not do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub user: String,
    pub action: Action,
    /// As [`What::kind`] says it.
    pub kind: &'static str,
    pub name: String,
}

impl Denial {
    pub fn new(user: &str, action: Action, what: &What<'_>) -> Self {
        Self { user: user.to_owned(), action, kind: what.kind(), name: what.name() }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, action, kind, name } = self;
        write!(f, "user {user:?} may not {} ", action.name())?;
        match name.as_str() {
            "" => write!(f, "the {kind}"),
            name => write!(f, "{kind} {name:?}"),
        }
    }
}
