//! What a connection may do, and what is told of it to the audit log.

use std::sync::Arc;

use model::{Action, Address, Denial, Exchange, Guard, Name, Namespace, Peer, Protected, What};

/// What one connection may do.
#[derive(Debug)]
pub(crate) enum Rights {
    /// Nobody has said who it is.
    Nothing,
    Everything {
        /// Empty: nobody in particular.
        user: Name,
        /// Asked again when rights change.
        guard: Option<Arc<dyn Guard>>,
    },
    Guarded(Guarded),
}

/// Somebody whose guard is asked, and what it said last: most publish to one address after the other, and get messages
/// of one topic after the other.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) guard: Arc<dyn Guard>,
    pub(crate) writes: Option<Address>,
    pub(crate) reads: Option<(Namespace, Name, bool)>,
}

impl Rights {
    pub(crate) fn everything() -> Self {
        Self::Everything { user: Name::default(), guard: None }
    }

    pub(crate) fn of(user: Name, guard: Option<Arc<dyn Guard>>) -> Self {
        match guard {
            Some(guard) if !guard.is_unlimited() => Self::Guarded(Guarded { guard, writes: None, reads: None }),
            guard => Self::Everything { user, guard },
        }
    }

    pub(crate) fn guarded(&self) -> Option<&Guarded> {
        match self {
            Self::Guarded(guarded) => Some(guarded),
            Self::Nothing | Self::Everything { .. } => None,
        }
    }

    /// Who it is, if somebody has found that out.
    pub(crate) fn proven_user(&self) -> Option<Name> {
        let guard = match self {
            Self::Everything { guard: Some(guard), .. } | Self::Guarded(Guarded { guard, .. }) => guard,
            Self::Nothing | Self::Everything { guard: None, .. } => return None,
        };
        guard.is_proven().then(|| guard.user().into())
    }

    /// Whether what belongs to this user is another one's. Who may do everything may do everything with it.
    pub(crate) fn is_kept_from(&self, owner: &str) -> bool {
        self.guarded().is_some_and(|guarded| guarded.guard.user() != owner)
    }

    /// The same user's as they are now; `None` if he may not be connected any more.
    pub(crate) fn anew(&self) -> Option<Self> {
        let guard = match self {
            Self::Nothing => return Some(Self::Nothing),
            Self::Everything { guard: None, .. } => return Some(Self::of(self.user(), None)),
            Self::Everything { guard: Some(guard), .. } | Self::Guarded(Guarded { guard, .. }) => guard,
        };
        guard.stands().then(|| Self::of(self.user(), Some(guard.clone())))
    }

    pub(crate) fn has_guard(&self) -> bool {
        matches!(self, Self::Guarded(_) | Self::Everything { guard: Some(_), .. })
    }

    /// Who it is; empty for nobody in particular.
    pub(crate) fn user(&self) -> Name {
        match self {
            Self::Nothing => Name::default(),
            Self::Everything { user, .. } => user.clone(),
            Self::Guarded(guarded) => guarded.guard.user().into(),
        }
    }

    pub(crate) fn may(&self, action: Action, namespace: &Name, what: What<'_>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything { .. } => true,
            Self::Guarded(Guarded { guard, .. }) => guard.allows(action, &Protected { namespace, what }),
        }
    }

    pub(crate) fn denial(&self, action: Action, what: &What<'_>) -> Denial {
        Denial::new(&self.user().to_text(), action, what)
    }

    /// Whether this message of a topic may be shown to it.
    pub(crate) fn shows(&mut self, address: &Address, namespace: &Name) -> bool {
        let Self::Guarded(Guarded { guard, reads, .. }) = self else { return true };
        if address.exchange != Exchange::Topic {
            return true;
        }
        if let Some((in_namespace, key, answer)) = reads
            && *in_namespace == address.namespace
            && *key == address.key
        {
            return *answer;
        }
        let what = What::Address(&address.exchange, &address.key);
        let answer = guard.allows(Action::Read, &Protected { namespace, what });
        *reads = Some((address.namespace, address.key.detached(), answer));
        answer
    }
}

/// A line for the audit log: a change that somebody was allowed to make, or anything that was refused.
#[derive(Clone, Debug)]
pub struct Audit {
    pub peer: Arc<Peer>,
    /// Empty: nobody in particular.
    pub user: Name,
    /// As the connection calls itself.
    pub client: Name,
    /// What was asked for, in a word.
    pub operation: &'static str,
    pub namespace: Name,
    pub kind: &'static str,
    pub name: String,
    pub allowed: bool,
}
