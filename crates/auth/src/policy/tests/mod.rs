mod conditions;
mod explanations;
mod files;
mod hostile;
mod imports;
mod oracle;
mod patterns;
mod plain;
mod styles;
mod subject;
mod tokens;

use std::collections::BTreeSet;

use model::{Action, Exchange, Name, Protected, What};

use super::{Conditions, HostNames, Policy, Verdict, decide};
use crate::{Identity, Source};

pub(super) const OTHER: &str = "111122223333/eu-west-1";

pub(super) fn hosts() -> HostNames {
    HostNames::from([("eu".to_owned(), Name::from_static(OTHER))])
}

pub(super) fn policy(text: &str) -> Policy {
    Policy::parse(text, &hosts()).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

pub(super) fn user(name: &str, groups: &[&str]) -> Identity {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect::<BTreeSet<_>>();
    Identity::new(name, groups, Source::File)
}

pub(super) fn anonymous() -> Identity {
    Identity { source: Source::Anonymous, ..user("anonymous", &[]) }
}

pub(super) fn client(name: &str) -> Conditions {
    Conditions { client: Name::from(name), ..Conditions::default() }
}

/// Asks about something in the broker's own namespace: `queue a`, `topic a.b`, `exchange e`, `key e a.b`, `temporary`,
/// `namespace`, `broker`.
pub(super) fn ask(
    policy: &Policy,
    identity: &Identity,
    conditions: &Conditions,
    action: Action,
    what: &str,
) -> Verdict {
    ask_in("/", policy, identity, conditions, action, what)
}

pub(super) fn ask_in(
    namespace: &str,
    policy: &Policy,
    identity: &Identity,
    conditions: &Conditions,
    action: Action,
    what: &str,
) -> Verdict {
    let namespace = Name::from(namespace);
    let (kind, rest) = what.split_once(' ').unwrap_or((what, ""));
    let (exchange, key) = match kind {
        "key" => rest.split_once(' ').map(|(e, key)| (Exchange::named(e), key)).unwrap(),
        _ => (Exchange::named(rest), rest),
    };
    let name = Name::from(key);
    let what = match kind {
        "queue" => What::Queue(&name),
        "send" => What::Address(&Exchange::Default, &name),
        "topic" => What::Address(&Exchange::Topic, &name),
        "key" => What::Address(&exchange, &name),
        "exchange" => What::Exchange(&exchange),
        "temporary" => What::Temporary,
        "namespace" => What::Namespace,
        "broker" => What::Broker,
        other => panic!("what is {other}?"),
    };
    decide(policy, identity, action, &Protected { namespace: &namespace, what }, conditions)
}

pub(super) fn allowed(policy: &Policy, identity: &Identity, action: Action, what: &str) -> bool {
    ask(policy, identity, &Conditions::default(), action, what).allowed
}
