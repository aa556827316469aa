//! Whom a rule is about.

use core::fmt;

use crate::{Identity, Source};

/// What a list of members must be, to follow "must be".
pub(super) const ALLOWED: &str =
    "a list of groups, \"user:NAME\", \"*\" (every user) or \"anonymous\", such as [\"drivers\", \"user:alice\"]";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Member {
    Group(String),
    User(String),
    /// Every user who has logged in.
    Authenticated,
    /// Who showed nothing and was let in.
    Anonymous,
}

impl Member {
    /// As lists of members say it; `None` if it names nobody.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match (text, text.strip_prefix("user:")) {
            ("" | "user:", _) => None,
            ("*", _) => Some(Self::Authenticated),
            ("anonymous", _) => Some(Self::Anonymous),
            (_, Some(user)) => Some(Self::User(user.to_owned())),
            (group, None) => Some(Self::Group(group.to_owned())),
        }
    }

    /// All that `identity` is. Who is anonymous has the rights of the user that settings make of such, too, but not those
    /// of everybody who has logged in.
    pub(super) fn all_of(identity: &Identity) -> Vec<Self> {
        let kind = if is_anonymous(identity) { Self::Anonymous } else { Self::Authenticated };
        let own = [kind, Self::User(identity.name.clone())];
        own.into_iter().chain(identity.groups.iter().cloned().map(Self::Group)).collect()
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group {name:?}"),
            Self::User(name) => write!(f, "user {name:?}"),
            Self::Authenticated => f.write_str("every user"),
            Self::Anonymous => f.write_str("the anonymous"),
        }
    }
}

/// By its source: a user may be called "anonymous".
pub(super) fn is_anonymous(identity: &Identity) -> bool {
    identity.source == Source::Anonymous
}
