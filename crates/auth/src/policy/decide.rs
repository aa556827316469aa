//! The one place that decides.

use std::sync::Arc;

use model::{Action, Exchange, Name, Protected, What};

use super::entry::{Kind, Names, Rights, Rule};
use super::filter::About;
use super::grants::{Grant, Grants, On};
use super::member::is_anonymous;
use super::pattern::{self, Words};
use super::rules::{Basis, Policy};
use super::scope::Conditions;
use super::verdict::{Because, Verdict};
use crate::{Identity, Scopes, Source};

/// What RabbitMQ calls the default exchange in permissions.
const DEFAULT_EXCHANGE: &str = "amq.default";

/// Whether `identity`, logged in under `conditions`, may do `action` with what is protected.
pub fn decide(
    policy: &Policy,
    identity: &Identity,
    action: Action,
    protected: &Protected<'_>,
    conditions: &Conditions,
) -> Verdict {
    Prepared::new(policy, identity, conditions).decide(action, protected)
}

/// Rules that are looked at faster than an answer is kept and found.
const FEW: usize = 4;

/// A login for which everything is prepared that does not depend on the question.
#[derive(Debug)]
pub(super) struct Prepared {
    administrator: bool,
    monitor: bool,
    anonymous: bool,
    /// What a token says is all that its bearer may do where no file says more.
    token: bool,
    scopes: Arc<Scopes>,
    /// `None`: no permissions file.
    grants: Option<Grants>,
}

/// What is asked about, as rules see it.
enum Asked<'a> {
    Queue { name: &'a Name, words: Words<'a>, published: bool },
    Topic { key: &'a Name, words: Words<'a>, subscribed: bool },
    Exchange { exchange: &'a Exchange, key: Option<&'a Name> },
    Temporary,
    Nothing,
}

impl Prepared {
    pub(super) fn new(policy: &Policy, identity: &Identity, conditions: &Conditions) -> Self {
        let grants = match &policy.0 {
            Basis::Open => None,
            Basis::Rules(rules) => Some(Grants::new(rules, identity, conditions)),
        };
        let Identity { administrator, monitor, .. } = *identity;
        Self {
            administrator,
            monitor,
            anonymous: is_anonymous(identity),
            token: identity.source == Source::OAuth,
            scopes: Arc::clone(&identity.scopes),
            grants,
        }
    }

    /// Whether every answer is yes.
    pub(super) const fn is_unlimited(&self) -> bool {
        self.administrator
    }

    /// Whether a decision costs no more than a look at an answer that was kept.
    pub(super) fn is_simple(&self) -> bool {
        let rules = |grants: &Grants| grants.given.len() + grants.taken.len() + grants.narrowing.len();
        let grants = self.grants.as_ref().map_or(0, rules);
        self.administrator || grants + self.scopes.len() <= FEW
    }

    pub(super) fn decide(&self, action: Action, protected: &Protected<'_>) -> Verdict {
        let verdict = self.by_rules(action, protected);
        // What a rule takes, or leaves to administrators, no scope gives.
        let open = matches!(verdict.because, Because::Nothing | Because::Narrowed(_)) && !self.is_ruled(protected);
        if open && self.scopes.allows(action, protected) { Verdict::allowed(Because::Scope) } else { verdict }
    }

    /// Whether only a [[temporary]] gives it.
    fn is_ruled(&self, protected: &Protected<'_>) -> bool {
        let grants = self.grants.as_ref().filter(|_| protected.what == What::Temporary);
        grants.is_some_and(|grants| grants.rules_temporaries(protected.namespace))
    }

    fn by_rules(&self, action: Action, protected: &Protected<'_>) -> Verdict {
        let Protected { namespace, what } = protected;
        match (action, &self.grants) {
            _ if self.administrator => Verdict::allowed(Because::Administrator),
            (Action::Administer, _) => Verdict::refused(Because::AdministratorsOnly),
            // Whoever may see everything may enter where it is.
            (Action::Monitor | Action::See | Action::Enter, _) if self.monitor => Verdict::allowed(Because::Monitor),
            (Action::Monitor, _) => Verdict::refused(Because::MonitorsOnly),
            (Action::See, _) if *what == What::Broker => Verdict::refused(Because::MonitorsOnly),
            (_, _) if *what == What::Broker => Verdict::refused(Because::AdministratorsOnly),
            (_, None) if self.anonymous => Verdict::refused(Because::Anonymous),
            (_, None) if self.token => Verdict::refused(Because::Nothing),
            (_, None) => Verdict::allowed(Because::Open),
            (Action::Enter, Some(grants)) => grants.enter(namespace),
            (Action::See, Some(grants)) => grants.see(namespace, what),
            (Action::Configure, Some(grants)) => grants.right(Rights::CONFIGURE, namespace, &Asked::of(what, false)),
            (Action::Write, Some(grants)) => grants.right(Rights::WRITE, namespace, &Asked::of(what, false)),
            (Action::Read, Some(grants)) => grants.right(Rights::READ, namespace, &Asked::of(what, false)),
            (Action::Subscribe, Some(grants)) => grants.right(Rights::READ, namespace, &Asked::of(what, true)),
        }
    }
}

impl<'a> Asked<'a> {
    fn of(what: &What<'a>, subscribed: bool) -> Self {
        match *what {
            What::Queue(name) => Self::Queue { name, words: pattern::key(name.as_bytes()), published: false },
            What::Address(Exchange::Default, name) => {
                Self::Queue { name, words: pattern::key(name.as_bytes()), published: true }
            }
            What::Address(Exchange::Topic, key) => {
                let bytes = key.as_bytes();
                let words = if subscribed { pattern::subscription(bytes) } else { pattern::key(bytes) };
                Self::Topic { key, words, subscribed }
            }
            What::Address(exchange, key) => Self::Exchange { exchange, key: Some(key) },
            What::Exchange(exchange) => Self::Exchange { exchange, key: None },
            What::Temporary => Self::Temporary,
            What::Broker | What::Namespace => Self::Nothing,
        }
    }
}

impl Grants {
    fn enter(&self, namespace: &Name) -> Verdict {
        let first = self.given_in(namespace).next();
        first.map_or(Verdict::refused(Because::Nothing), |grant| Verdict::allowed(Because::Given(grant.entry)))
    }

    /// Any right on it will do. The default exchange and the one of topics are everybody's who has anything to do there.
    fn see(&self, namespace: &Name, what: &What<'_>) -> Verdict {
        if matches!(what, What::Namespace | What::Exchange(Exchange::Default)) {
            return self.enter(namespace);
        }
        if let What::Exchange(Exchange::Topic) = what
            && let Some(grant) = self.given_in(namespace).find(|grant| grant.is_of_topics(self.entry(grant.entry)))
        {
            return Verdict::allowed(Because::Given(grant.entry));
        }
        let asked = Asked::of(what, false);
        let mut verdict = Verdict::refused(Because::Nothing);
        for right in Rights::ALL {
            let found = self.right(right, namespace, &asked);
            if found.allowed {
                return found;
            }
            if found.because != Because::Nothing {
                verdict = found;
            }
        }
        verdict
    }

    /// Allowed if any entry gives it and none takes it.
    fn right(&self, right: Rights, namespace: &Name, asked: &Asked<'_>) -> Verdict {
        if let Asked::Temporary = asked {
            return self.temporary(right, namespace);
        }
        if let Some(entry) = self.taken(namespace, asked) {
            return Verdict::refused(Because::Taken(entry));
        }
        let mut verdict = Verdict::refused(Because::Nothing);
        for grant in self.given_in(namespace).filter(|grant| grant.rights.any(right)) {
            if !self.gives(grant, right, asked) {
                continue;
            }
            if !self.is_narrowed(grant, right, namespace, asked) {
                return Verdict::allowed(Because::Given(grant.entry));
            }
            verdict = Verdict::refused(Because::Narrowed(grant.entry));
        }
        verdict
    }

    /// With a [[temporary]] in this namespace only such give it; else whoever may read or write something has it.
    fn temporary(&self, right: Rights, namespace: &Name) -> Verdict {
        let ruled = self.rules_temporaries(namespace);
        let found = self.given_in(namespace).find(|grant| match (&grant.on, ruled) {
            (On::Temporary, _) => grant.rights.any(right),
            (_, true) => false,
            (_, false) => grant.rights.any(Rights::READ.and(Rights::WRITE)),
        });
        match found {
            Some(grant) if ruled => Verdict::allowed(Because::Given(grant.entry)),
            Some(grant) => Verdict::allowed(Because::Temporary(grant.entry)),
            None => Verdict::refused(Because::Nothing),
        }
    }

    fn rules_temporaries(&self, namespace: &Name) -> bool {
        self.rules.temporaries.iter().any(|at| self.entry(*at).scope.covers(namespace))
    }

    /// The entry that takes every right. From a subscription only what leaves nothing of it takes the whole: the rest is
    /// taken message by message.
    fn taken(&self, namespace: &Name, asked: &Asked<'_>) -> Option<usize> {
        let matching = self.taken.iter().filter(|denial| match asked {
            Asked::Queue { words, .. } => denial.about == About::Queue && denial.pattern.overlaps(words),
            Asked::Topic { words, subscribed: true, .. } => {
                denial.about == About::Topic && denial.pattern.covers(words)
            }
            Asked::Topic { words, .. } => denial.about == About::Topic && denial.pattern.overlaps(words),
            _ => false,
        });
        matching.map(|denial| denial.entry).find(|at| self.entry(*at).scope.covers(namespace))
    }

    fn gives(&self, grant: &Grant, right: Rights, asked: &Asked<'_>) -> bool {
        match (&grant.on, &self.entry(grant.entry).rule) {
            (On::Destination, Rule::Destination { kind, pattern, .. }) => match (kind, asked) {
                (Kind::Queue, Asked::Queue { words, .. }) | (Kind::Topic, Asked::Topic { words, .. }) => {
                    pattern.overlaps(words)
                }
                (Kind::Exchange, asked) => {
                    asked.exchange(right).is_some_and(|name| pattern.overlaps(&pattern::key(name.as_bytes())))
                }
                _ => false,
            },
            (On::Filter(about, pattern), _) => match (about, asked) {
                (About::Queue, Asked::Queue { words, .. }) | (About::Topic, Asked::Topic { words, .. }) => {
                    pattern.overlaps(words)
                }
                _ => false,
            },
            (On::Names, Rule::Permission { names, .. }) => asked.is_named(right, names),
            _ => false,
        }
    }

    /// Where somebody has topic permissions at an exchange, one of them must give the key, too.
    fn is_narrowed(&self, grant: &Grant, right: Rights, namespace: &Name, asked: &Asked<'_>) -> bool {
        let (exchange, key) = match (&grant.on, asked) {
            (On::Names, Asked::Topic { key, .. }) => (Exchange::Topic.to_text(), *key),
            (On::Names, Asked::Exchange { exchange, key: Some(key) }) => (exchange.to_text(), *key),
            _ => return false,
        };
        if right == Rights::CONFIGURE {
            return false;
        }
        let mut narrowing = self
            .narrowing
            .iter()
            .filter(|one| one.exchange == exchange && self.entry(one.entry).scope.covers(namespace))
            .peekable();
        let gives = |keys: &Names| keys.of(right).matches(key.as_bytes());
        narrowing.peek().is_some() && !narrowing.any(|one| one.keys.as_ref().is_some_and(gives))
    }
}

impl Asked<'_> {
    /// The exchange whose rights give this one: who may publish to the default exchange may publish to any queue.
    fn exchange(&self, right: Rights) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::Queue { published: true, .. } if right == Rights::WRITE => Some(DEFAULT_EXCHANGE.into()),
            Self::Topic { .. } => Some(Exchange::Topic.to_text()),
            Self::Exchange { exchange: Exchange::Default, .. } => Some(DEFAULT_EXCHANGE.into()),
            Self::Exchange { exchange, .. } => Some(exchange.to_text()),
            Self::Queue { .. } | Self::Temporary | Self::Nothing => None,
        }
    }

    fn is_named(&self, right: Rights, names: &Names) -> bool {
        let expression = names.of(right);
        let own = matches!(self, Self::Queue { name, .. } if expression.matches(name.as_bytes()));
        own || self.exchange(right).is_some_and(|name| expression.matches(name.as_bytes()))
    }
}
