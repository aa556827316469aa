//! What decided, in words for people.

use core::fmt::Write as _;

use model::{Action, Denial, Protected, What};

use super::decide::decide;
use super::entry::Entry;
use super::member::{Member, is_anonymous};
use super::rules::{Basis, Policy};
use super::scope::Conditions;
use super::verdict::{Because, Verdict};
use crate::Identity;

/// Entries that are listed where nothing was given.
const MOST_ENTRIES: usize = 20;

/// The decision and the entry that made it, in a few lines.
pub fn explain(
    policy: &Policy,
    identity: &Identity,
    action: Action,
    protected: &Protected<'_>,
    conditions: &Conditions,
) -> (Verdict, String) {
    let verdict = decide(policy, identity, action, protected, conditions);
    let Denial { kind, name, .. } = Denial::new(&identity.name, action, &protected.what);
    let may = if verdict.allowed { "may" } else { "may not" };
    let who =
        if is_anonymous(identity) { "somebody anonymous".to_owned() } else { format!("user {:?}", identity.name) };
    let mut text = format!("{who} {may} {} ", verb(action));
    let _ = if name.is_empty() { write!(text, "the {kind}") } else { write!(text, "{kind} {name:?}") };
    if protected.what == What::Broker {
        text.push('\n');
    } else {
        let _ = writeln!(text, " in {:?}", protected.namespace.to_text());
    }
    let entries = match &policy.0 {
        Basis::Open => &[][..],
        Basis::Rules(rules) => &rules.entries,
    };
    because(&mut text, verdict.because, entries);
    if verdict.because == Because::Nothing {
        conditional(&mut text, policy, entries, (identity, action, protected, conditions));
        about(&mut text, policy, identity);
    }
    (verdict, text)
}

/// `subscribe` is a right of its own here, as it is asked for by that word.
const fn verb(action: Action) -> &'static str {
    match action {
        Action::Subscribe => "subscribe to",
        other => other.name(),
    }
}

fn because(text: &mut String, because: Because, entries: &[Entry]) {
    let mut say = |words: &str| text.push_str(&format!("  {words}\n"));
    let mut entry = |words: &str, at: usize| {
        if let Some(entry) = entries.get(at) {
            say(&format!("{words} line {}: {}{}", entry.line, entry.title, within(entry)));
        }
    };
    match because {
        Because::Given(at) => entry("given by", at),
        Because::Taken(at) => entry("taken by", at),
        Because::Narrowed(at) => {
            entry("would be given by", at);
            say("but no [[topic_permission]] of this exchange gives the key");
        }
        Because::Temporary(at) => {
            entry("something may be read or written, by", at);
            say("and no [[temporary]] says who may have temporary queues");
        }
        Because::Administrator => say("an administrator may do everything"),
        Because::Monitor => say("who watches the broker may see everything"),
        Because::Open => say("there is no permissions file: who has logged in may use everything"),
        Because::Scope => say("a scope of the token gives it"),
        Because::Nothing => say("no entry gives it"),
        Because::AdministratorsOnly => say("only an administrator may"),
        Because::MonitorsOnly => say("only an administrator, or who watches the broker, may"),
        Because::Anonymous => say("there is no permissions file: only who has logged in may"),
    }
}

/// An entry that would give it, were it not for its conditions.
fn conditional(
    text: &mut String,
    policy: &Policy,
    entries: &[Entry],
    (identity, action, protected, conditions): (&Identity, Action, &Protected<'_>, &Conditions),
) {
    for entry in entries.iter().filter(|entry| !entry.scope.holds(conditions)) {
        let met = entry.scope.met(conditions);
        let found = decide(policy, identity, action, protected, &met);
        if let (true, Because::Given(at) | Because::Temporary(at)) = (found.allowed, found.because)
            && entries.get(at).is_some_and(|given| given.line == entry.line)
        {
            let _ = writeln!(text, "  line {} would{}: {}", entry.line, entry.scope, entry.title);
            return;
        }
    }
}

fn about(text: &mut String, policy: &Policy, identity: &Identity) {
    let Basis::Rules(rules) = &policy.0 else { return };
    let found = rules.about(&Member::all_of(identity));
    if found.is_empty() {
        let _ = writeln!(text, "  no entry is about this user");
        return;
    }
    let _ = writeln!(text, "  entries about this user:");
    for entry in found.iter().take(MOST_ENTRIES).map(|at| &rules.entries[*at]) {
        let _ = writeln!(text, "    line {}: {}{}", entry.line, entry.title, within(entry));
    }
    if found.len() > MOST_ENTRIES {
        let _ = writeln!(text, "    and {} more", found.len() - MOST_ENTRIES);
    }
}

fn within(entry: &Entry) -> String {
    match entry.scope.virtual_host.as_str() {
        super::parse::OWN => String::new(),
        host => format!(", virtual_host = {host:?}"),
    }
}
