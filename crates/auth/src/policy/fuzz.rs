//! The entries of the fuzz targets, and of the test that replays their corpus.

use model::{Action, Exchange, Name, Protected, What};

use super::import::{self, Origin};
use super::pattern;
use super::{Conditions, HostNames, Policy, decide, explain};
use super::{filter::Filter, wildcard};
use crate::{Identity, Source};

/// Any bytes as a permissions file, and as that of another broker. What is read is asked, and answers twice the same.
pub fn file(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    match Policy::parse(text, &HostNames::from([("eu".to_owned(), Name::from_static("111122223333/eu-west-1"))])) {
        Ok(policy) => ask(&policy),
        Err(errors) => {
            let lines = text.lines().count() + 1;
            for error in &errors.0 {
                assert!((1..=lines).contains(&error.line), "{error} of {lines} lines");
                assert!(!error.to_string().contains('\n'), "{error:?}");
            }
        }
    }
    for origin in [Origin::ActiveMq, Origin::RabbitMq, Origin::Mosquitto] {
        let Ok(imported) = import::import(text, origin) else { continue };
        let hosts = imported.hosts.iter().map(|host| (host.clone(), Name::from(host.as_str()))).collect();
        let policy =
            Policy::parse(&imported.toml, &hosts).unwrap_or_else(|errors| panic!("{errors}\n{}", imported.toml));
        assert_eq!(policy.entries(), imported.entries);
        ask(&policy);
    }
}

/// A rule's pattern, a new line, and a key or subscription, in all three writings.
pub fn patterns(data: &[u8]) {
    let Some(at) = data.iter().position(|byte| *byte == b'\n') else { return };
    let (rule, asked) = (&data[..at], &data[at + 1..]);
    let Ok(rule) = core::str::from_utf8(rule) else { return };
    let filter = Filter::parse(rule);
    let of_filter =
        filter.iter().flat_map(|filter| [true, false].map(|hides| filter.pattern(Some("#"), b"a/+", hides)));
    for pattern in of_filter.chain([wildcard::parse(rule)]).flatten() {
        let (key, subscription) = (pattern::key(asked), pattern::subscription(asked));
        // What has the key has the subscription of that text, too; what has all of a subscription has some of it.
        assert!(!pattern.overlaps(&key) || pattern.overlaps(&subscription), "{pattern:?}");
        let some = wildcard::parse(rule)
            .is_none_or(|pattern| !pattern.covers(&subscription) || pattern.overlaps(&subscription));
        assert!(some, "{pattern:?}");
    }
}

fn ask(policy: &Policy) {
    let namespace = Name::from_static("/");
    let name = Name::from_static("a.b");
    let what = [
        What::Queue(&name),
        What::Temporary,
        What::Namespace,
        What::Exchange(&Exchange::Topic),
        What::Address(&Exchange::Default, &name),
        What::Address(&Exchange::Topic, &name),
        What::Address(&Exchange::Direct, &name),
    ];
    let conditions = Conditions { client: Name::from_static("+"), address: None, secure: true };
    for identity in [somebody(Source::File), somebody(Source::Anonymous)] {
        for action in Action::ALL {
            for what in what {
                let protected = Protected { namespace: &namespace, what };
                let verdict = decide(policy, &identity, action, &protected, &conditions);
                let (again, text) = explain(policy, &identity, action, &protected, &conditions);
                assert_eq!(verdict, again, "{text}");
                assert!(!matches!(action, Action::Monitor | Action::Administer) || !verdict.allowed, "{text}");
            }
        }
    }
}

fn somebody(source: Source) -> Identity {
    Identity::new("#", ["drivers".to_owned()].into(), source)
}
