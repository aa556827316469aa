use model::{Action, Name};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::plain::{EXPRESSIONS, Login, Members, Plain, WITH_VARIABLES, Written, plain};
use super::{OTHER, ask_in, policy};
use crate::policy::Conditions;
use crate::{Identity, Source};

const USERS: [&str; 6] = ["alice", "bob", "anonymous", "*", "$anonymous", "group:drivers"];
const MEMBERS: [&str; 6] = ["drivers", "meters", "user:alice", "user:bob", "*", "anonymous"];
const DESTINATIONS: [&str; 8] = ["a", "a.b", "a.>", "*.b", ">", "q", "*.*.>", "alice.*"];
const FILTERS: [&str; 8] = ["a/b", "a/#", "+/b", "#", "%u/#", "%c", "$s/+", "a/%u/+"];
const EXCHANGES: [&str; 4] = ["amq.topic", "e", "amq.direct", "amq.default"];
const WHAT: [&str; 27] = [
    "queue a",
    "queue a.b",
    "queue q",
    "queue alice.x",
    "send a.b",
    "send q",
    "topic a",
    "topic a.b",
    "topic a.alice.b",
    "topic alice.b",
    "topic $s.a",
    "topic q",
    "topic a.*",
    "topic #",
    "topic *.b",
    "topic $s.#",
    "topic a.#.b",
    "exchange ",
    "exchange amq.topic",
    "exchange e",
    "key e a.b",
    "key e alice.b",
    "key amq.direct q",
    "temporary",
    "namespace",
    "broker",
    "topic alice.*",
];

fn members() -> impl Strategy<Value = Members> {
    subsequence(&MEMBERS[..], 0..=2)
}

fn entry() -> impl Strategy<Value = Plain> {
    let expression = || 0..EXPRESSIONS.len();
    let with_variables = || 0..EXPRESSIONS.len() + WITH_VARIABLES.len();
    let kind = select(&["queue", "topic", "exchange"][..]);
    let three = || (members(), members(), members());
    prop_oneof![
        4 => (kind, select(&DESTINATIONS[..]), three()).prop_map(|(kind, pattern, (admin, write, read))| {
            Plain::Destination { kind, pattern, admin, write, read }
        }),
        1 => three().prop_map(|(admin, write, read)| Plain::Temporary { admin, write, read }),
        4 => (select(&USERS[..]), expression(), expression(), expression()).prop_map(|(who, configure, write, read)| {
            Plain::Permission { who, configure, write, read }
        }),
        3 => (select(&USERS[..]), select(&EXCHANGES[..]), with_variables(), with_variables()).prop_map(
            |(who, exchange, write, read)| Plain::TopicPermission { who, exchange, write, read }
        ),
        4 => (prop_oneof![Just(""), select(&USERS[..])], select(&FILTERS[..]),
            select(&["read", "write", "readwrite", "deny"][..]))
            .prop_map(|(who, filter, access)| Plain::Topic { who, filter, access }),
    ]
}

fn written() -> impl Strategy<Value = Written> {
    let host = prop_oneof![4 => Just(""), 1 => Just("*"), 1 => Just("eu")];
    (entry(), host, prop::bool::weighted(0.2), prop::bool::weighted(0.2)).prop_map(|(plain, host, inside, secure)| {
        // Where every virtual host counts, `{vhost}` has no value.
        let host = match plain {
            Plain::TopicPermission { .. } if host == "*" => "",
            _ => host,
        };
        Written { plain, host, inside, secure }
    })
}

fn login() -> impl Strategy<Value = Login> {
    let who = prop_oneof![
        4 => Just(("alice", &["drivers"][..], false)),
        2 => Just(("bob", &[][..], false)),
        1 => Just(("anonymous", &["meters"][..], false)),
        2 => Just(("anonymous", &[][..], true)),
        1 => Just(("bob", &["drivers"][..], true)),
    ];
    (who, select(&["", "a", "q", "b.z"][..]), any::<bool>(), any::<bool>(), 0..12_u8).prop_map(
        |((name, groups, anonymous), client, inside, secure, role)| Login {
            name,
            groups,
            anonymous,
            client,
            inside,
            secure,
            administrator: role == 0 && !anonymous,
            monitor: role == 1 && !anonymous,
        },
    )
}

fn real(login: &Login) -> (Identity, Conditions) {
    let identity = Identity {
        administrator: login.administrator,
        monitor: login.monitor,
        source: if login.anonymous { Source::Anonymous } else { Source::Ldap },
        ..super::user(login.name, login.groups)
    };
    let address = if login.inside { "::ffff:10.1.2.3" } else { "192.0.2.1" };
    let client = Name::from(login.client);
    (identity, Conditions { client, address: Some(address.parse().unwrap()), secure: login.secure })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn both_ways_to_decide_agree(all in prop::collection::vec(written(), 0..7), login in login()) {
        let text: String = all.iter().map(Written::toml).collect();
        let policy = policy(&text);
        let (identity, conditions) = real(&login);
        for namespace in ["/", OTHER, "111122223333/us-east-1"] {
            for action in Action::ALL {
                for what in WHAT {
                    let verdict = ask_in(namespace, &policy, &identity, &conditions, action, what);
                    let expected = plain(&all, &login, namespace, action, what);
                    prop_assert_eq!(verdict.allowed, expected, "{:?} {} in {}: {:?}\n{}", action, what, namespace, verdict, text);
                }
            }
        }
    }
}
