use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry::{Entry, Rule};
use super::error::Errors;
use super::member::Member;
use super::parse::{self, HostNames};

/// Who may do what with what: the permissions file, checked, or what holds without one. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policy(pub(super) Basis);

#[derive(Clone, Debug)]
pub(super) enum Basis {
    Open,
    Rules(Arc<Rules>),
}

/// The entries of a file, found by whom they are about.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) entries: Vec<Entry>,
    by_member: BTreeMap<Member, Vec<usize>>,
    /// Those that say who may have temporary queues.
    pub(super) temporaries: Vec<usize>,
}

impl Policy {
    /// Where there is no permissions file: every user who has logged in may use all queues, topics and exchanges of every
    /// namespace, and nothing of the broker as a whole.
    pub const fn open() -> Self {
        Self(Basis::Open)
    }

    /// Reads a permissions file. `hosts`: the virtual hosts of the configuration, and the names of their namespaces as
    /// [`Protected`](model::Protected) has them. An empty file allows nothing.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, hosts: &HostNames) -> Result<Self, Errors> {
        parse::parse(text, hosts).map(|entries| Self(Basis::Rules(Arc::new(Rules::new(entries)))))
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        match &self.0 {
            Basis::Open => 0,
            Basis::Rules(rules) => rules.entries.len(),
        }
    }
}

impl Rules {
    fn new(entries: Vec<Entry>) -> Self {
        let mut by_member: BTreeMap<Member, Vec<usize>> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            for member in entry.rule.members() {
                let list = by_member.entry(member.clone()).or_default();
                if list.last() != Some(&at) {
                    list.push(at);
                }
            }
        }
        let temporary = |entry: &Entry| matches!(entry.rule, Rule::Temporary(_));
        let temporaries = (0..entries.len()).filter(|at| temporary(&entries[*at])).collect();
        Self { entries, by_member, temporaries }
    }

    /// The entries that are about somebody who is all of `selves`, in order of the file.
    pub(super) fn about(&self, selves: &[Member]) -> Vec<usize> {
        let mut found: Vec<_> =
            selves.iter().filter_map(|member| self.by_member.get(member)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}
