//! What a permissions file says, one entry at a time.

use super::expression::Expression;
use super::filter::Filter;
use super::member::Member;
use super::pattern::Pattern;
use super::scope::Scope;

/// One table of the file.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where it begins, from 1.
    pub(super) line: usize,
    /// As people recognise it: `[[destination]] queue = "orders.>"`.
    pub(super) title: String,
    pub(super) scope: Scope,
    pub(super) rule: Rule,
}

#[derive(Debug)]
pub(super) enum Rule {
    /// ActiveMQ's authorizationEntry.
    Destination { kind: Kind, pattern: Pattern, members: Members },
    /// ActiveMQ's tempDestinationAuthorizationEntry.
    Temporary(Members),
    /// RabbitMQ's permission of a user in a virtual host.
    Permission { who: Member, names: Names },
    /// RabbitMQ's topic permission: narrows what `Permission` gives at this exchange.
    TopicPermission { who: Member, exchange: String, keys: Names },
    /// A line of mosquitto's access control list.
    Topic { who: Vec<Member>, filter: Filter, access: Access },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Queue,
    Topic,
    Exchange,
}

/// Who has which right.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) admin: Vec<Member>,
    pub(super) write: Vec<Member>,
    pub(super) read: Vec<Member>,
}

/// On which names there is which right.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) configure: Expression,
    pub(super) write: Expression,
    pub(super) read: Expression,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    May(Rights),
    Denied,
}

/// The three rights that rules give, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rights(u8);

impl Rights {
    pub(super) const NONE: Self = Self(0);
    pub(super) const CONFIGURE: Self = Self(1);
    pub(super) const WRITE: Self = Self(2);
    pub(super) const READ: Self = Self(4);
    /// Each alone.
    pub(super) const ALL: [Self; 3] = [Self::CONFIGURE, Self::WRITE, Self::READ];

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether they have one in common.
    pub(super) const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Members {
    /// What somebody who is all of `selves` has.
    pub(super) fn rights(&self, selves: &[Member]) -> Rights {
        let has = |list: &[Member]| list.iter().any(|member| selves.contains(member));
        [(&self.admin, Rights::CONFIGURE), (&self.write, Rights::WRITE), (&self.read, Rights::READ)]
            .into_iter()
            .filter(|(list, _)| has(list))
            .fold(Rights::NONE, |sum, (_, right)| sum.and(right))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Member> {
        self.admin.iter().chain(&self.write).chain(&self.read)
    }
}

impl Names {
    pub(super) const fn of(&self, right: Rights) -> &Expression {
        match right {
            Rights::CONFIGURE => &self.configure,
            Rights::WRITE => &self.write,
            _ => &self.read,
        }
    }

    pub(super) fn rights(&self) -> Rights {
        let some = |right: &Rights| !self.of(*right).is_nothing();
        Rights::ALL.into_iter().filter(some).fold(Rights::NONE, Rights::and)
    }
}

impl Rule {
    /// Everybody it is about.
    pub(super) fn members(&self) -> Vec<&Member> {
        match self {
            Self::Destination { members, .. } | Self::Temporary(members) => members.all().collect(),
            Self::Permission { who, .. } | Self::TopicPermission { who, .. } => vec![who],
            Self::Topic { who, .. } => who.iter().collect(),
        }
    }
}
