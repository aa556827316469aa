//! What the rules say of one login: found once for each version of the policy, asked for each command.

use core::str;
use std::sync::Arc;

use model::Name;

use super::entry::{Access, Entry, Kind, Names, Rights, Rule};
use super::expression::Variables;
use super::filter::About;
use super::member::{Member, is_anonymous};
use super::pattern::Pattern;
use super::rules::Rules;
use super::scope::Conditions;
use crate::Identity;

#[derive(Debug)]
pub(super) struct Grants {
    pub(super) rules: Arc<Rules>,
    /// What may give something.
    pub(super) given: Vec<Grant>,
    /// What takes something.
    pub(super) taken: Vec<Denial>,
    /// What narrows permissions at an exchange.
    pub(super) narrowing: Vec<Narrowing>,
}

#[derive(Debug)]
pub(super) struct Grant {
    /// Its place in the file.
    pub(super) entry: usize,
    pub(super) rights: Rights,
    pub(super) on: On,
}

#[derive(Debug)]
pub(super) enum On {
    /// What the entry's own pattern matches.
    Destination,
    /// A topic or queue; the pattern is this client's.
    Filter(About, Pattern),
    Names,
    Temporary,
}

#[derive(Debug)]
pub(super) struct Denial {
    pub(super) entry: usize,
    pub(super) about: About,
    pub(super) pattern: Pattern,
}

#[derive(Debug)]
pub(super) struct Narrowing {
    pub(super) entry: usize,
    pub(super) exchange: String,
    /// `None`: it is there, but not for a login like this one.
    pub(super) keys: Option<Names>,
}

impl Grants {
    pub(super) fn new(rules: &Arc<Rules>, identity: &Identity, conditions: &Conditions) -> Self {
        let mut grants = Self { rules: rules.clone(), given: Vec::new(), taken: Vec::new(), narrowing: Vec::new() };
        let selves = Member::all_of(identity);
        let user = (!is_anonymous(identity)).then_some(identity.name.as_str());
        for at in rules.about(&selves) {
            let entry = &rules.entries[at];
            let holds = entry.scope.holds(conditions);
            match &entry.rule {
                Rule::TopicPermission { exchange, keys, .. } => {
                    let keys = holds.then(|| resolved(entry, keys, user, conditions));
                    grants.narrowing.push(Narrowing { entry: at, exchange: exchange.clone(), keys });
                }
                _ if !holds => {}
                Rule::Destination { members, .. } => grants.give(at, members.rights(&selves), On::Destination),
                Rule::Temporary(members) => grants.give(at, members.rights(&selves), On::Temporary),
                Rule::Permission { names, .. } => grants.give(at, names.rights(), On::Names),
                Rule::Topic { filter, access, .. } => {
                    let client = conditions.client.as_bytes();
                    match access {
                        // `$SYS` and its like are named, or not meant (MQTT-4.7.2-1).
                        Access::May(rights) => {
                            if let Some(pattern) = filter.pattern(user, client, true) {
                                grants.give(at, *rights, On::Filter(filter.about, pattern));
                            }
                        }
                        Access::Denied => {
                            if let Some(pattern) = filter.pattern(user, client, false) {
                                grants.taken.push(Denial { entry: at, about: filter.about, pattern });
                            }
                        }
                    }
                }
            }
        }
        grants
    }

    pub(super) fn entry(&self, at: usize) -> &Entry {
        &self.rules.entries[at]
    }

    /// Those that count in a namespace.
    pub(super) fn given_in(&self, namespace: &Name) -> impl Iterator<Item = &Grant> {
        self.given.iter().filter(move |grant| self.entry(grant.entry).scope.covers(namespace))
    }

    fn give(&mut self, entry: usize, rights: Rights, on: On) {
        if rights != Rights::NONE {
            self.given.push(Grant { entry, rights, on });
        }
    }
}

fn resolved(entry: &Entry, keys: &Names, user: Option<&str>, conditions: &Conditions) -> Names {
    let client = str::from_utf8(conditions.client.as_bytes()).ok();
    let variables = Variables { user, virtual_host: &entry.scope.virtual_host, client };
    Names {
        configure: keys.configure.clone(),
        write: keys.write.resolved(variables),
        read: keys.read.resolved(variables),
    }
}

impl Grant {
    /// Whether it is about topics.
    pub(super) fn is_of_topics(&self, entry: &Entry) -> bool {
        match (&self.on, &entry.rule) {
            (On::Destination, Rule::Destination { kind, .. }) => *kind == Kind::Topic,
            (On::Filter(about, _), _) => *about == About::Topic,
            _ => false,
        }
    }
}
